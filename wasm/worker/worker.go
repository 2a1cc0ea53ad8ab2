// Package worker is the training worker's role of the program: it takes
// commands, trains, and shows what comes of it.
//
// One goroutine does everything. It gives the event loop a turn every
// turnInterval, in the middle of a step if need be, and then attends to what
// has arrived: most commands are carried out at once; those that replace the
// run or the data set interrupt the step, which leaves the model as it was.
package worker

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"sae/data"
	"sae/nn/baseline"
	"sae/wasm/protocol"
)

const (
	// turnInterval bounds how long a command waits: pausing is to take less
	// than 100 ms.
	turnInterval = 20 * time.Millisecond
	// frameInterval keeps what the page draws to a small share of the time.
	frameInterval = 200 * time.Millisecond
)

// errInterrupted ends a step early for a command that cannot wait for it.
var errInterrupted = errors.New("worker: interrupted")

// Platform is what the worker needs from the browser.
type Platform struct {
	// Post sends a message to the page.
	Post func(protocol.Message)
	// Turn lets waiting events be delivered.
	Turn func()
	// Open returns the data set that a load command asks for, and whether
	// the browser keeps it for the next visit.
	Open func(load protocol.Load, file any, progress func(protocol.Loading)) (dataset *data.Dataset, kept bool, err error)
	// Kernel names the kernels in use.
	Kernel string
}

// Worker trains on command.
type Worker struct {
	Platform

	mu    sync.Mutex // guards inbox
	inbox []protocol.Message
	wake  chan struct{}

	dataset  *data.Dataset
	watched  []int // validation images on show
	run      *run  // nil until there are a data set and settings
	stepping int   // id of the step command under way; 0 for none

	lastTurn  time.Time
	lastFrame time.Time
	unseen    bool // whether the page has yet to see the last frame
	dirty     bool // whether there is something new to show
}

// New returns a worker; Deliver hands it messages, Run makes it work.
func New(platform Platform) *Worker {
	return &Worker{Platform: platform, wake: make(chan struct{}, 1)}
}

// Deliver hands the worker a message of the page. It does not block.
func (w *Worker) Deliver(m protocol.Message) {
	w.mu.Lock()
	w.inbox = append(w.inbox, m)
	w.mu.Unlock()
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
			continue
		}
		w.show(true)
		<-w.wake
	}
}

// yield is called often during a step. It returns errInterrupted when a
// command waits that ends the step, and waits while the run is paused.
func (w *Worker) yield() error {
	if time.Since(w.lastTurn) < turnInterval {
		return nil
	}
	w.turn()
	for {
		if err := w.attend(); err != nil {
			return err
		}
		if !w.paused() {
			return nil
		}
		w.show(true)
		<-w.wake
	}
}

func (w *Worker) turn() {
	w.Turn()
	w.lastTurn = time.Now()
}

// paused reports whether a step under way has to wait.
func (w *Worker) paused() bool {
	return w.run != nil && w.run.status == protocol.StatusPaused && w.stepping == 0
}

// attend carries out the waiting commands up to the first that interrupts.
func (w *Worker) attend() error {
	for {
		m, ok := w.peek()
		if !ok {
			return nil
		}
		switch m.Type {
		case protocol.TypeLoad, protocol.TypeConfigure, protocol.TypeBench:
			return errInterrupted
		}
		w.take()
		w.handle(m)
	}
}

// handle carries out a command and replies.
func (w *Worker) handle(m protocol.Message) {
	var reply protocol.Message
	var err error
	switch m.Type {
	case protocol.TypeSeen:
		w.unseen = false
		return
	case protocol.TypePing:
	case protocol.TypeLoad:
		reply, err = w.load(m)
	case protocol.TypeConfigure:
		err = w.configure(m)
	case protocol.TypeWatch:
		err = w.watch(m)
	case protocol.TypeReconstruct:
		reply, err = w.reconstruct(m)
	case protocol.TypeBench:
		reply, err = w.bench(m)
	case protocol.TypeEpochs, protocol.TypePlay, protocol.TypePause, protocol.TypeStep:
		if w.run == nil {
			err = fmt.Errorf("%s: there is no run; configure one first", m.Type)
			break
		}
		err = w.drive(m)
		if m.Type == protocol.TypeStep && err == nil {
			return // replied to when the batch is done
		}
	default:
		err = fmt.Errorf("unknown command %q", m.Type)
	}
	w.reply(m.ID, reply, err)
}

// reply answers the command with the given id.
func (w *Worker) reply(id int, reply protocol.Message, err error) {
	reply.Type, reply.ID = protocol.TypeReply, id
	if err != nil {
		reply = protocol.Message{Type: protocol.TypeReply, ID: id, Error: err.Error()}
	}
	w.Post(reply)
}

// drive carries out the commands that a run takes.
func (w *Worker) drive(m protocol.Message) error {
	r := w.run
	w.dirty = true
	switch m.Type {
	case protocol.TypeEpochs:
		epochs, err := protocol.Decode[protocol.Epochs](m)
		if err != nil {
			return err
		}
		r.setEpochs(epochs.Epochs)
		return nil
	case protocol.TypePause:
		if r.status == protocol.StatusTraining {
			r.status = protocol.StatusPaused
		}
		return nil
	}
	switch r.status { // play or step
	case protocol.StatusDone:
		return fmt.Errorf("%s: the run is done after %d epochs", m.Type, r.settings.Epochs)
	case protocol.StatusError:
		return fmt.Errorf("%s: %s", m.Type, r.failure)
	}
	if m.Type == protocol.TypePlay {
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
	w.endStep(errors.New("step: the data set was replaced"))
	w.dataset, w.run, w.watched = dataset, nil, nil
	mean := baseline.MeanImage(dataset.Train.Images, dataset.Validation.Images, data.ImageSize)
	return protocol.New("", protocol.Dataset{
		Name:       dataset.Name,
		Provenance: dataset.Provenance,
		Source:     load.Source,
		Train:      dataset.Train.Len(),
		Validation: dataset.Validation.Len(),
		Classes:    dataset.Classes,
		MeanBCE:    mean.BCE,
		MeanMSE:    mean.MSE,
		Floor:      baseline.Floor(dataset.Validation.Images),
		Kept:       kept,
	}, dataset.Validation.Labels), nil
}

// endStep replies to the step command under way, if any.
func (w *Worker) endStep(err error) {
	if w.stepping == 0 {
		return
	}
	id := w.stepping
	w.stepping = 0
	w.reply(id, protocol.Message{}, err)
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
	w.endStep(errors.New("step: the run was replaced"))
	w.run = nil // two models at once may be too much for the memory there is
	run, err := newRun(configure, w.dataset, w.yield)
	if err != nil {
		return err
	}
	w.run, w.dirty = run, true
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
	for _, image := range watch.Images {
		if n := w.dataset.Validation.Len(); image < 0 || image >= n {
			return fmt.Errorf("watch: image %d: want one of the %d validation images", image, n)
		}
	}
	w.watched, w.dirty = watch.Images, true
	return nil
}

func (w *Worker) reconstruct(m protocol.Message) (protocol.Message, error) {
	if w.run == nil {
		return protocol.Message{}, errors.New("reconstruct: there is no run; configure one first")
	}
	if len(m.Buffers) != 1 || len(m.Buffers[0]) != data.ImageSize {
		return protocol.Message{}, fmt.Errorf("reconstruct: want one buffer of %d bytes", data.ImageSize)
	}
	_, reconstruction := w.run.pass(m.Buffers[0])
	return protocol.Message{Buffers: [][]byte{reconstruction}}, nil
}

// show sends a frame where there is something new, the page has seen the
// last one and, unless it is urgent, that was a while ago.
func (w *Worker) show(urgent bool) {
	if !w.dirty || w.unseen || w.run == nil || !urgent && time.Since(w.lastFrame) < frameInterval {
		return
	}
	w.Post(w.run.frame(w.watched))
	w.dirty, w.unseen, w.lastFrame = false, true, time.Now()
}
