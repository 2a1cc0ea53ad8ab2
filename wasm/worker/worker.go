// Package worker is the training worker's role of the program: it takes
// commands, trains, and shows what comes of it.
//
// One goroutine does everything. It gives the event loop a turn every
// turnInterval, in the middle of a step if need be, and then attends to what
// has arrived: most commands are carried out at once, those that need the
// model after the step, and those that replace the run interrupt it.
//
// A worker can start others and train with them as a team: see package nn. To
// the page, that makes no difference.
package worker

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"sae/data"
	"sae/nn"
	"sae/nn/baseline"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

const (
	// turnInterval bounds how long a command waits: pausing is to take less
	// than 100 ms.
	turnInterval = 20 * time.Millisecond
	// Frames follow each other at these intervals: as fast as leaves no more
	// than displayShare of the time to what they take to show.
	frameInterval    = 200 * time.Millisecond
	maxFrameInterval = 2 * time.Second
	displayShare     = 0.05
)

// errInterrupted ends a step early, and its run, for a command that replaces
// them.
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
	loaded    protocol.Load // the command that loads it
	data      fit.Data      // its images
	watched   []int         // validation images on show
	run       *run          // nil until there are a data set and settings
	stepping  int           // id of the step command under way; 0 for none
	working   bool          // whether the run is in the middle of a piece of work
	waiting   []int         // ids of the commands that are answered once it is over
	exporting bool          // whether commands wait for a model to be exported or saved: what replaces it may follow

	slot      string // that runs are saved under; "" for none
	nextSave  time.Time
	saveTimer *time.Timer

	tick  *time.Ticker
	sizes map[string]int // of the teams that were found fastest, by networks

	lastSign time.Time     // of the machine being awake
	slept    time.Duration // of the machine, in the middle of steps

	lastTurn  time.Time
	lastFrame time.Time
	interval  time.Duration // between frames
	unseen    bool          // whether the page has yet to see the last frame
	urgent    bool          // whether the page waits for the next one
	pace      float64       // batches per second to train on; 0 for no limit
	lastStep  time.Time     // when the last batch was trained on
	dirty     bool          // whether there is something new to show
}

// New returns a worker; Deliver hands it messages, Run makes it work.
func New(platform Platform) *Worker {
	w := &Worker{
		Platform: platform,
		wake:     make(chan struct{}, 1),
		tick:     time.NewTicker(tickInterval),
		sizes:    map[string]int{},
		interval: frameInterval,
	}
	w.saveTimer = time.AfterFunc(time.Hour, w.Wake) // set by wakeToSave
	return w
}

// Deliver hands the worker a message of the page. It does not block.
func (w *Worker) Deliver(m protocol.Message) {
	w.mu.Lock()
	w.inbox = append(w.inbox, m)
	w.mu.Unlock()
	w.Wake()
}

// Wake makes the worker look for what has arrived. It does not block.
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

func (w *Worker) take() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inbox[0] = protocol.Message{} // its buffers may be large
	w.inbox = w.inbox[1:]
}

// Run works for ever.
func (w *Worker) Run() {
	for {
		if m, ok := w.peek(); ok {
			w.take()
			w.handle(m)
			continue
		}
		if w.run != nil && w.run.work(w) {
			w.yield() // before a frame is made: a command should not wait for it
			w.show(false)
			w.save()
			continue
		}
		if !w.show(true) && !w.save() {
			w.wakeToSave()
			<-w.wake
		}
	}
}

// yield is called often during a step. It returns errInterrupted when a
// command waits that ends the run.
func (w *Worker) yield() error {
	w.awake()
	if time.Since(w.lastTurn) < turnInterval {
		return nil
	}
	w.turn()
	return w.attend()
}

// asleep is how long it takes at least, from one yield of a step to the next, where
// the machine or the tab slept in between.
const asleep = 5 * time.Second

// awake notes how long the machine slept since it was called last.
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

// news is the reply to a command that drives the run: where that is by then.
func (w *Worker) news() protocol.Message {
	if w.run == nil {
		return protocol.Message{}
	}
	return protocol.New("", w.run.news(w))
}

// answer replies to the commands that drive the run, once it rests: what they are told
// of it then stays true.
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

// seen lets the next frame follow, at a distance that leaves time to show it.
func (w *Worker) seen(seen protocol.Seen, _ protocol.Message) (protocol.Message, error) {
	w.unseen = false
	display := time.Duration(seen.DisplayMS / displayShare * float64(time.Millisecond))
	w.interval = min(max(frameInterval, display), maxFrameInterval)
	return protocol.Message{}, unanswered
}

func (w *Worker) adjust(adjust protocol.Adjust, _ protocol.Message) error {
	r := w.run
	settings := r.settings
	settings.Epochs, settings.Workers = adjust.Epochs, adjust.Workers
	if err := settings.Validate(); err != nil {
		return err
	}
	r.setEpochs(adjust.Epochs)
	r.settings.Workers = adjust.Workers
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
		w.nextSave = time.Now().Add(saveInterval) // the first losses are not to wait
	}
	r.status = protocol.StatusTraining
	return nil
}

func (w *Worker) step(_ nothing, m protocol.Message) error {
	if err := w.run.ended(m.Type); err != nil {
		return err
	}
	if w.stepping != 0 {
		return errors.New("step: the step before is not done yet")
	}
	w.run.status = protocol.StatusPaused
	w.stepping = m.ID
	return nil
}

// load changes to another data set. The run ends with the old one; when the
// new one turns out bad, both stay.
func (w *Worker) load(load protocol.Load, m protocol.Message) (protocol.Message, error) {
	var last time.Time
	dataset, kept, err := w.Open(load, m.File, func(loading protocol.Loading) {
		if time.Since(last) < frameInterval/2 {
			return
		}
		last = time.Now()
		w.Post(protocol.New(protocol.TypeLoading, loading))
		w.turn()
		w.attend() // pausing is still possible; what interrupts waits
	})
	if err != nil {
		return protocol.Message{}, err
	}
	if n := dataset.Train.Len(); n < load.Least {
		return protocol.Message{}, fmt.Errorf("%s: has %d training images: want at least %d, for settings that are locked", load.Name, n, load.Least)
	}
	w.endRun(errors.New("step: the data set was replaced"))
	source := load.Source
	if kept {
		load.Source = protocol.SourceKept // from now on
	}
	w.dataset, w.loaded, w.watched = dataset, load, nil
	w.data = fit.NewData(dataset.Name, data.ImageSize, dataset.Train.Images, dataset.Validation.Images)
	mean := baseline.MeanImage(dataset.Train.Images, dataset.Validation.Images, data.ImageSize)
	return protocol.New("", protocol.Dataset{
		Name:       dataset.Name,
		Provenance: dataset.Provenance,
		Source:     source,
		Train:      dataset.Train.Len(),
		Validation: dataset.Validation.Len(),
		Classes:    dataset.Classes,
		MeanBCE:    mean.BCE,
		MeanMSE:    mean.MSE,
		Floor:      baseline.Floor(dataset.Validation.Images),
		Checksum:   w.data.Fingerprint().Checksum,
		Kept:       kept,
		Labels:     dataset.Validation.Labels,
	}), nil
}

// endRun forgets the run; a step under way fails with the error.
func (w *Worker) endRun(err error) {
	w.endStep(err)
	w.run = nil
	w.working = false
	w.answer()
}

// endStep replies to the step command under way, if any.
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
	w.endRun(fmt.Errorf("step: %w", errReplaced)) // before it has a model: two may be too much for the memory there is
	return protocol.Message{}, w.begin(run)
}

// begin makes a run the one to work on.
func (w *Worker) begin(r *run) error {
	r.tuner = w.newTuner(r)
	w.run, w.dirty = r, true
	if r.tuner.found && r.tuner.size == 1 {
		return w.Recruit(0) // a team of an earlier run has nothing to do
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
	w.pace, w.dirty = pace.PerSecond, true // what is left takes another time
	return protocol.Message{}, nil
}

// maxPace is the fastest pace at which each batch is explained and shown, in
// batches per second.
const maxPace = 20

// waits reports whether the pace asks to wait with the next batch, and arranges
// to be woken when the wait is over.
func (w *Worker) waits() bool {
	if w.pace == 0 {
		return false
	}
	left := time.Until(w.lastStep.Add(time.Duration(float64(time.Second) / w.pace)))
	if left > 0 {
		time.AfterFunc(left, w.Wake)
	}
	return left > 0 || w.unseen || w.dirty // every batch is seen
}

// show sends a frame where there is something new, the page has seen the
// last one and, unless it is urgent, that was a while ago. It reports whether
// there was something to do.
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
