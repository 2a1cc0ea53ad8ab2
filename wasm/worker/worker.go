// Package worker is the program in the role of the training worker: it receives commands,
// trains, and sends frames.
//
// One goroutine does everything. Every turnInterval, even within a step, it lets the event
// loop run and then attends to the commands that have arrived: most run at once, those that
// need the model run after the step, and those that replace the run abort it.
//
// A worker can start others and train with them as a team: see package nn. The page does
// not notice.
package worker

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sae/data"
	"sae/nn"
	"sae/nn/baseline"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

const (
	// The interval between frames lies between these two, so that showing them takes
	// at most displayShare of the time.
	frameInterval    = 200 * time.Millisecond
	maxFrameInterval = 2 * time.Second
	displayShare     = 0.025

	moreTime   = 5 * time.Millisecond // for more of the training images, at a time
	moreAtOnce = 20                   // images that are made between two looks at the clock
)

// turnInterval bounds how long a command waits: a pause should take less than
// 100 ms. Only a test changes it.
var turnInterval = 20 * time.Millisecond

// errInterrupted aborts a step and its run, for a command that replaces them.
var errInterrupted = errors.New("worker: interrupted")

// maxTeam is the size of the largest team.
const maxTeam = nn.Slices

// Worker trains on command.
type Worker struct {
	Platform

	mu    sync.Mutex // guards inbox
	inbox []protocol.Message
	wake  chan struct{}

	dataset   *data.Dataset
	loaded    protocol.Load // command that loads it
	data      fit.Data      // its images
	cancelled bool          // whether the user has cancelled the reading of another
	coming    coming        // its training images that are yet to come
	watched   []int         // validation images in frames
	run       *run          // nil until there are a data set and settings
	stepping  int           // id of the current step command; 0 for none
	working   bool          // whether the run is within a piece of work
	waiting   []int         // ids of commands to answer after that
	exporting bool          // whether a model is being exported or saved

	slot      string // to save runs under; "" for none
	nextSave  time.Time
	saveTimer *time.Timer

	tick  *time.Ticker
	sizes map[string]int // fastest team size of each network
	cards cards

	lastSign time.Time     // when the machine was last known to be awake
	slept    time.Duration // time that the machine slept during steps

	lastTurn  time.Time
	lastFrame time.Time
	interval  time.Duration // between frames
	unseen    bool          // whether the page has not acknowledged the last frame
	urgent    bool          // whether to send the next frame at once
	pace      float64       // batches per second; 0 for no limit
	lastStep  time.Time     // end of the last batch
	dirty     bool          // whether there is something new to show
}

// New returns a worker. Run runs it, and Deliver delivers messages to it.
func New(platform Platform) *Worker {
	w := &Worker{
		Platform: platform,
		wake:     make(chan struct{}, 1),
		tick:     time.NewTicker(tickInterval),
		sizes:    map[string]int{},
		cards:    cards{faster: map[string]bool{}},
		interval: frameInterval,
	}
	w.saveTimer = time.AfterFunc(time.Hour, w.Wake) // set by wakeToSave
	return w
}

// Deliver adds a message of the page to the inbox. It does not block.
func (w *Worker) Deliver(m protocol.Message) {
	w.mu.Lock()
	w.inbox = append(w.inbox, m)
	w.mu.Unlock()
	w.Wake()
}

// Wake makes the worker check what has arrived. It does not block.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// peek returns the oldest message without taking it.
func (w *Worker) peek() (protocol.Message, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.inbox) == 0 {
		return protocol.Message{}, false
	}
	return w.inbox[0], true
}

// arrived reports whether a message of a type is in the inbox.
func (w *Worker) arrived(kind protocol.Type) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.inbox, func(m protocol.Message) bool { return m.Type == kind })
}

func (w *Worker) take() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inbox[0] = protocol.Message{} // its buffers may be large
	w.inbox = w.inbox[1:]
}

// takePings takes all pings from the inbox.
func (w *Worker) takePings() (pings []protocol.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inbox = slices.DeleteFunc(w.inbox, func(m protocol.Message) bool {
		ping := m.Type == protocol.TypePing
		if ping {
			pings = append(pings, m)
		}
		return ping
	})
	return pings
}

// Run runs the worker. It never returns.
func (w *Worker) Run() {
	for {
		if m, ok := w.peek(); ok {
			w.take()
			w.handle(m)
			continue
		}
		if w.run != nil && w.run.work(w) {
			w.yield() // commands should not wait for the frame
			w.show(false)
			w.more()
			w.save()
			continue
		}
		if w.show(true) {
			continue
		}
		if w.more() {
			w.yield()
			continue
		}
		if !w.save() {
			w.wakeToSave()
			<-w.wake
		}
	}
}

// yield is called regularly during a step. It returns errInterrupted if a command replaces
// the run.
func (w *Worker) yield() error {
	w.awake()
	if time.Since(w.lastTurn) < turnInterval {
		return nil
	}
	w.turn()
	return w.attend()
}

// asleep is the shortest time between two yields of a step that counts as sleep of the
// machine or the tab.
const asleep = 5 * time.Second

// awake adds the time that the machine slept since the last call to slept.
func (w *Worker) awake() {
	now := time.Now()
	if gap := now.Sub(w.lastSign); gap > asleep {
		w.slept += gap
	}
	w.lastSign = now
}

func (w *Worker) turn() {
	w.Turn()
	w.lastTurn = time.Now()
}

// news returns the reply to a command that controls the run: its state.
func (w *Worker) news() protocol.Message {
	if w.run == nil {
		return protocol.Message{}
	}
	return protocol.New("", w.run.news(w))
}

// answer replies to the commands that control the run, between batches, so that the
// reply's state is still true when it arrives.
func (w *Worker) answer() {
	if w.working {
		return
	}
	for _, id := range w.waiting {
		w.reply(id, w.news(), nil)
	}
	w.waiting = nil
}

func (w *Worker) ping(nothing, protocol.Message) (protocol.Message, error) {
	return protocol.Message{}, nil
}

// seen allows the next frame, after an interval that depends on the display time.
func (w *Worker) seen(seen protocol.Seen, _ protocol.Message) (protocol.Message, error) {
	w.unseen = false
	display := time.Duration(seen.DisplayMS / displayShare * float64(time.Millisecond))
	w.interval = min(max(frameInterval, display), maxFrameInterval)
	return protocol.Message{}, unanswered
}

func (w *Worker) adjust(adjust protocol.Adjust, _ protocol.Message) error {
	r := w.run
	settings := r.settings
	settings.Epochs, settings.Workers, settings.Device = adjust.Epochs, adjust.Workers, adjust.Device
	if err := settings.Validate(); err != nil {
		return err
	}
	r.setEpochs(adjust.Epochs)
	if settings.Device != r.settings.Device {
		r.compared, r.noCard = false, ""
	}
	r.settings = r.settings.OnThisMachine(settings)
	if r.Run != nil {
		r.Settings = r.settings
	}
	r.queue = adjust.Queue
	r.tuner = w.newTuner(r)
	return nil
}

func (w *Worker) pause(nothing, protocol.Message) error {
	if w.run.status == protocol.StatusTraining {
		w.run.status = protocol.StatusPaused
	}
	return nil
}

func (w *Worker) play(_ nothing, m protocol.Message) error {
	r := w.run
	if err := r.ended(m.Type); err != nil {
		return err
	}
	if r.Run == nil || r.Epoch+r.Batch == 0 {
		w.nextSave = time.Now().Add(saveInterval) // the first losses should not wait for a save
	}
	r.status = protocol.StatusTraining
	return nil
}

func (w *Worker) step(_ nothing, m protocol.Message) error {
	if err := w.run.ended(m.Type); err != nil {
		return err
	}
	if w.stepping != 0 {
		return errors.New("step: another step is not done yet: want one at a time")
	}
	w.run.status = protocol.StatusPaused
	w.stepping = m.ID
	return nil
}

// load replaces the data set and ends the run. If loading fails, both stay.
func (w *Worker) load(load protocol.Load, m protocol.Message) (protocol.Message, error) {
	var last time.Time
	w.cancelled = false
	dataset, err := w.Open(load, m.File, func(loading protocol.Loading) error {
		if time.Since(last) >= frameInterval/2 {
			last = time.Now()
			w.Post(protocol.New(protocol.TypeLoading, loading))
			w.turn()
			w.attend() // a pause works meanwhile; commands that replace the run wait
		}
		if w.cancelled || w.arrived(protocol.TypeCancel) { // behind a command that waits
			return errCancelled
		}
		return nil
	})
	if err != nil {
		return protocol.Message{}, err
	}
	if n := dataset.Train.Len(); n < load.Least {
		return protocol.Message{}, fmt.Errorf("%s: has %d training images: want at least %d, for settings that are locked", load.Name, n, load.Least)
	}
	w.endRun(errors.New("step: the data set was replaced"))
	source := load.Source
	if dataset.Kept {
		load.Source = protocol.SourceKept // for saves
	}
	load.Paths, load.Add = nil, false
	w.dataset, w.loaded, w.watched = dataset.Dataset, load, nil
	w.data = fit.NewData(dataset.Name, data.ImageSize, dataset.Train.Images, dataset.Validation.Images)
	reply := protocol.Dataset{
		Name:       dataset.Name,
		Provenance: dataset.Provenance,
		Source:     source,
		Train:      dataset.Train.Len(),
		Validation: dataset.Validation.Len(),
		Classes:    dataset.Classes,
		Floor:      baseline.Floor(dataset.Validation.Images),
		Kept:       dataset.Kept,
		Unkept:     dataset.Unkept,
		Labels:     dataset.Validation.Labels,
		Skipped:    dataset.Skipped,
	}
	w.coming.close()
	w.coming = coming{Opened: dataset, mean: baseline.NewMean(dataset.Validation.Images, data.ImageSize)}
	if all, _ := dataset.More(0); all {
		w.coming.there = dataset.Train.Len()
		w.coming.sum(w.data, w.coming.there)
		arrived := w.coming.arrived(w.data)
		reply.MeanBCE, reply.MeanMSE, reply.Checksum = arrived.MeanBCE, arrived.MeanMSE, arrived.Checksum
		w.coming = coming{}
	} else {
		reply.Partial = true
	}
	answer := protocol.New("", reply)
	answer.File = dataset.File
	return answer, nil
}

// errCancelled ends the reading of a data set that the user has cancelled.
var errCancelled = errors.New("cancelled")

// cancel ends the load command that is executed, if any.
func (w *Worker) cancel(nothing, protocol.Message) (protocol.Message, error) {
	w.cancelled = true
	return protocol.Message{}, nil
}

// forget deletes the data set in use from the browser. If it is stored there, the reply has
// a copy, with which it can be brought back.
func (w *Worker) forget(nothing, protocol.Message) (protocol.Message, error) {
	var reply protocol.Message
	if w.dataset == nil {
		return reply, errors.New("forget: there is no data set")
	}
	if w.loaded.Source == protocol.SourceKept {
		if err := w.complete(); err != nil {
			return reply, fmt.Errorf("forget: %w", err)
		}
		file, err := w.NewFile(w.dataset.Write)
		if err != nil {
			return reply, err
		}
		reply.File = file
		w.loaded.Source = protocol.SourceFile
	}
	return reply, w.Forget(w.dataset)
}

// endRun removes the run. A step command that waits fails with the error.
func (w *Worker) endRun(err error) {
	w.endStep(err)
	if w.run != nil {
		w.run.leaveCard()
	}
	w.run = nil
	w.working = false
	w.answer()
}

// endStep replies to the current step command, if any.
func (w *Worker) endStep(err error) {
	if w.stepping == 0 {
		return
	}
	id := w.stepping
	w.stepping = 0
	w.reply(id, w.news(), err)
}

// configure starts a new run.
func (w *Worker) configure(configure protocol.Configure, _ protocol.Message) (protocol.Message, error) {
	if w.dataset == nil {
		return protocol.Message{}, errors.New("configure: there is no data set; load one first")
	}
	run, err := newRun(configure, w.data, w.dataset.Validation.Labels, len(w.dataset.Classes))
	if err != nil {
		return protocol.Message{}, err
	}
	w.endRun(fmt.Errorf("step: %w", errReplaced)) // now, because two models may not fit into memory
	return protocol.Message{}, w.begin(run)
}

// begin makes a run the current one.
func (w *Worker) begin(r *run) error {
	r.tuner = w.newTuner(r)
	w.run, w.dirty = r, true
	if r.tuner.found && r.tuner.size == 1 {
		return w.Recruit(0) // ends the team of an earlier run
	}
	return nil
}

func (w *Worker) watch(watch protocol.Watch, m protocol.Message) (protocol.Message, error) {
	if err := w.check(m.Type, watch.Images); err != nil {
		return protocol.Message{}, err
	}
	w.watched, w.dirty, w.urgent = watch.Images, true, true
	return protocol.Message{}, nil
}

func (w *Worker) setPace(pace protocol.Pace, _ protocol.Message) (protocol.Message, error) {
	if !(pace.PerSecond >= 0 && pace.PerSecond <= maxPace) {
		return protocol.Message{}, fmt.Errorf("pace: %g batches per second: want 0 for no limit, or up to %d", pace.PerSecond, maxPace)
	}
	w.pace, w.dirty = pace.PerSecond, true // the time left has changed
	return protocol.Message{}, nil
}

// maxPace is the largest Pace.PerSecond.
const maxPace = 20

// waits reports whether the pace delays the next batch. The worker wakes when the delay is
// over.
func (w *Worker) waits() bool {
	if w.pace == 0 {
		return false
	}
	left := time.Until(w.lastStep.Add(time.Duration(float64(time.Second) / w.pace)))
	if left > 0 {
		time.AfterFunc(left, w.Wake)
	}
	return left > 0 || w.unseen || w.dirty // the page must see every batch
}

// show sends a frame if there is something new, the page has acknowledged the last one
// and, unless it is urgent, the interval is over. It reports whether it did.
func (w *Worker) show(urgent bool) bool {
	urgent = urgent || w.urgent
	if !w.dirty || w.unseen || w.run == nil || !urgent && time.Since(w.lastFrame) < w.interval {
		return false
	}
	frame, err := w.run.frame(w)
	if err != nil {
		w.run.fail(w, err)
		return true
	}
	w.Post(frame)
	w.dirty, w.unseen, w.urgent, w.lastFrame = false, true, false, time.Now()
	return true
}
