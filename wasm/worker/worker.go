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
	"io"
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

// Platform is what the worker needs from the browser.
type Platform struct {
	// Post sends a message to the page.
	Post func(protocol.Message)
	// Turn lets waiting events be delivered.
	Turn func()
	// Open returns the data set that a load command asks for, and whether
	// the browser keeps it for the next visit.
	Open func(load protocol.Load, file any, progress func(protocol.Loading)) (dataset *data.Dataset, kept bool, err error)
	// NewFile returns a file with what write writes, to be posted.
	NewFile func(write func(io.Writer) error) (file any, err error)
	// OpenFile returns the content of a file that was posted, and its size in bytes.
	OpenFile func(file any) (content io.ReadCloser, size int64, err error)
	// Save stores what write writes under the slot that about names, in the place
	// of what was there, which stays where that fails.
	Save func(about protocol.Save, write func(io.Writer) error) error
	// Saved returns what is saved under a slot, the newest first.
	Saved func(slot string) ([]SavedRun, error)
	// Left returns the runs that pages which are gone have left, the newest first,
	// and forgets those that there are too many. own is the slot of this page. It
	// may take a second and is called from a goroutine of its own.
	Left func(own string) []protocol.Save
	// Discard forgets what is saved under a slot.
	Discard func(slot string) error
	// Kernel names the kernels in use, and Stride is that of a nn.Trainer for them.
	Kernel string
	Stride int
	// Cores is how many workers the machine can run at once.
	Cores int

	// Recruit starts workers, or ends those that there are too many, so that
	// there are n beside this one, and all of them alive. It does not wait for
	// them: Recruited tells whether all are ready, Wake that to ask again.
	Recruit   func(n int) error
	Recruited func() bool
	// Lost returns why a worker that was recruited has ended, "" where all live.
	Lost func() string
	// Assemble connects the workers that are ready with each other and with this
	// one, the first of the team, and has them join it.
	Assemble func(join protocol.Join)
	// Connect makes the ports that came with TypeJoin those to the other members.
	Connect func(ports any)
	// Send hands data to another member.
	Send func(to int, data []byte)
	// Receive fills data with what another member sent next and reports
	// whether that is there. If not, it arranges for Wake when it is.
	Receive func(from int, data []byte) bool
}

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

// whileExporting are the commands that do not wait for a model to be exported.
var whileExporting = []protocol.Type{protocol.TypePing, protocol.TypeSeen, protocol.TypePause, protocol.TypePace}

// attend carries out the waiting commands up to the first that interrupts or
// has to wait for the end of the step.
func (w *Worker) attend() error {
	run := w.run
	for {
		m, ok := w.peek()
		if !ok {
			return nil
		}
		if w.exporting && !slices.Contains(whileExporting, m.Type) {
			return nil
		}
		switch m.Type {
		case protocol.TypeConfigure, protocol.TypeBench, protocol.TypeJoin:
			return errInterrupted
		case protocol.TypeReconstruct, protocol.TypeEncode, protocol.TypeDecode, protocol.TypeExport, protocol.TypeImport,
			protocol.TypeResume, protocol.TypePCA, protocol.TypeUnit, protocol.TypeMap, protocol.TypeUnusual:
			return nil
		}
		w.take()
		w.handle(m)
		if w.run != run {
			return errInterrupted
		}
	}
}

// handle carries out a command and replies.
func (w *Worker) handle(m protocol.Message) {
	var reply protocol.Message
	var err error
	switch m.Type {
	case protocol.TypeSeen:
		w.unseen = false
		if seen, err := protocol.Decode[protocol.Seen](m); err == nil {
			display := time.Duration(seen.DisplayMS / displayShare * float64(time.Millisecond))
			w.interval = min(max(frameInterval, display), maxFrameInterval)
		}
		return
	case protocol.TypePing:
	case protocol.TypeLoad:
		reply, err = w.load(m)
	case protocol.TypeConfigure:
		err = w.configure(m)
	case protocol.TypePace:
		err = w.setPace(m)
	case protocol.TypeWatch:
		err = w.watch(m)
	case protocol.TypeReconstruct, protocol.TypeEncode, protocol.TypeDecode:
		reply, err = w.pass(m)
	case protocol.TypeExport:
		reply, err = w.export(m)
	case protocol.TypeImport:
		reply, err = w.importModel(m)
	case protocol.TypeKeep:
		if err = w.keep(m); err == nil {
			return // replied to when what is left is known
		}
	case protocol.TypeSave:
		w.nextSave = time.Time{}
		return
	case protocol.TypeResume:
		reply, err = w.resume(m)
	case protocol.TypeDiscard:
		err = w.discard(m)
	case protocol.TypePCA:
		reply, err = w.pca(m)
	case protocol.TypeImages:
		reply, err = w.images(m)
	case protocol.TypeUnit:
		reply, err = w.unit(m)
	case protocol.TypeUnusual:
		reply, err = w.unusual(m)
	case protocol.TypeMap:
		reply, err = w.codeMap()
	case protocol.TypeBench:
		w.endRun(errors.New("step: a benchmark replaced the run"))
		reply, err = w.bench(m)
	case protocol.TypeJoin:
		if err = w.join(m); err == nil {
			return
		}
	case protocol.TypeAdjust, protocol.TypePlay, protocol.TypePause, protocol.TypeStep:
		if w.run == nil {
			err = fmt.Errorf("%s: there is no run yet", m.Type)
			break
		}
		if err = w.drive(m); err == nil {
			if m.Type != protocol.TypeStep { // which is answered when its batch is done
				w.waiting = append(w.waiting, m.ID)
				w.answer()
			}
			return
		}
		reply = w.news()
	default:
		err = fmt.Errorf("unknown command %q", m.Type)
	}
	w.reply(m.ID, reply, err)
}

// reply answers the command with the given id.
func (w *Worker) reply(id int, reply protocol.Message, err error) {
	reply.Type, reply.ID = protocol.TypeReply, id
	if err != nil {
		reply = protocol.Message{Type: protocol.TypeReply, ID: id, Error: err.Error(), Body: reply.Body}
	}
	w.Post(reply)
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

// drive carries out the commands that a run takes.
func (w *Worker) drive(m protocol.Message) error {
	r := w.run
	w.dirty = true
	switch m.Type {
	case protocol.TypeAdjust:
		adjust, err := protocol.Decode[protocol.Adjust](m)
		if err != nil {
			return err
		}
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
	case protocol.TypePause:
		if r.status == protocol.StatusTraining {
			r.status = protocol.StatusPaused
		}
		return nil
	}
	switch r.status { // play or step
	case protocol.StatusDone:
		return r.over(m.Type)
	case protocol.StatusError:
		return fmt.Errorf("%s: %s", m.Type, r.failure)
	}
	if m.Type == protocol.TypePlay {
		if r.Run == nil || r.Epoch+r.Batch == 0 {
			w.nextSave = time.Now().Add(saveInterval) // the first losses are not to wait
		}
		r.status = protocol.StatusTraining
		return nil
	}
	if w.stepping != 0 {
		return errors.New("step: the step before is not done yet")
	}
	r.status = protocol.StatusPaused
	w.stepping = m.ID
	return nil
}

// load changes to another data set. The run ends with the old one; when the
// new one turns out bad, both stay.
func (w *Worker) load(m protocol.Message) (protocol.Message, error) {
	load, err := protocol.Decode[protocol.Load](m)
	if err != nil {
		return protocol.Message{}, err
	}
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
	}, dataset.Validation.Labels), nil
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
func (w *Worker) configure(m protocol.Message) error {
	configure, err := protocol.Decode[protocol.Configure](m)
	if err != nil {
		return err
	}
	if w.dataset == nil {
		return errors.New("configure: there is no data set; load one first")
	}
	run, err := newRun(configure, w.data, w.dataset.Validation.Labels, len(w.dataset.Classes))
	if err != nil {
		return err
	}
	w.endRun(fmt.Errorf("step: %w", errReplaced)) // before it has a model: two may be too much for the memory there is
	return w.begin(run)
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

func (w *Worker) watch(m protocol.Message) error {
	watch, err := protocol.Decode[protocol.Watch](m)
	if err != nil {
		return err
	}
	if w.dataset == nil {
		return errors.New("watch: there is no data set; load one first")
	}
	if err := w.check("watch", watch.Images); err != nil {
		return err
	}
	w.watched, w.dirty, w.urgent = watch.Images, true, true
	return nil
}

func (w *Worker) setPace(m protocol.Message) error {
	pace, err := protocol.Decode[protocol.Pace](m)
	if err != nil {
		return err
	}
	if !(pace.PerSecond >= 0 && pace.PerSecond <= maxPace) {
		return fmt.Errorf("pace: %g batches per second: want 0 for no limit, or up to %d", pace.PerSecond, maxPace)
	}
	w.pace, w.dirty = pace.PerSecond, true // what is left takes another time
	return nil
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
