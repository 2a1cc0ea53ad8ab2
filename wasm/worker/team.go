package worker

import (
	"errors"
	"fmt"
	"time"

	"sae/nn"
	"sae/wasm/protocol"
)

// The first member gives up on another after patience ticks, and on a new worker, which
// is not ready yet, after patienceAtStart. Ticks, unlike time, do not count while the
// machine sleeps.
const (
	tickInterval    = time.Second
	patience        = 30
	patienceAtStart = 15
)

// lostError says why a worker of the team is lost.
type lostError string

func (e lostError) Error() string { return string(e) }

// await waits until arrived returns true, and meanwhile attends to commands. It returns
// errInterrupted if one replaces the run, and a lostError if a member has ended or
// patience ticks have passed; a patience of 0 is unlimited.
func (w *Worker) await(patience int, arrived func() bool) error {
	for ticks := 0; !arrived(); {
		if err := w.attend(); err != nil {
			return err
		}
		if reason := w.Lost(); reason != "" {
			return lostError(reason)
		}
		w.awake()
		w.lastTurn = time.Now() // waiting runs the event loop
		select {
		case <-w.wake:
		case <-w.tick.C:
			if ticks++; ticks == patience {
				return lostError(fmt.Sprintf("it did not answer for %v", time.Duration(patience)*tickInterval))
			}
		}
	}
	return nil
}

// place returns this worker's place in a team.
func (w *Worker) place(rank, size int) nn.Team {
	patience := patience
	if rank > 0 {
		patience = 0 // the first may be paused for any time
	}
	return nn.Team{Rank: rank, Size: size, Send: w.Send, Receive: func(from int, data []byte) error {
		err := w.await(patience, func() bool { return w.Receive(from, data) })
		if lost := lostError(""); errors.As(err, &lost) {
			return fmt.Errorf("a worker of the team was lost, and its part of the model with it: %w", err)
		}
		return err
	}}
}

// errRecruit reports that workers could not be started.
var errRecruit = errors.New("worker: no team")

// spread moves a trainer to a team of the given size. If workers cannot be started, the
// trainer is alone and spread returns errRecruit.
func (w *Worker) spread(trainer *nn.Trainer, join protocol.Join) error {
	if err := trainer.Spread(w.place(0, 1)); err != nil {
		return err
	}
	err := w.Recruit(join.Size - 1)
	if err == nil {
		working := w.working
		w.working = false // between batches
		w.answer()
		err = w.await(patienceAtStart, w.Recruited)
		w.working = working
	}
	if errors.Is(err, errInterrupted) {
		return err
	}
	if err != nil {
		w.Recruit(0)
		return fmt.Errorf("%w: %w", errRecruit, err)
	}
	w.Assemble(join)
	return trainer.Spread(w.place(0, join.Size))
}

// join runs the worker as a member of a team until the next command. It replies only an
// error.
func (w *Worker) join(join protocol.Join, m protocol.Message) (protocol.Message, error) {
	if err := checkBatch(m.Type, join.Batch); err != nil {
		return protocol.Message{}, err
	}
	w.Connect(m.Ports)
	err := nn.Serve(join.Architecture, join.Adam, join.Batch, w.place(join.Rank, join.Size), w.yield, w.Stride)
	if err == nil || errors.Is(err, errInterrupted) {
		err = unanswered
	}
	return protocol.Message{}, err
}
