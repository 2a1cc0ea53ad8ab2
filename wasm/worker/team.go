package worker

import (
	"errors"
	"fmt"
	"time"

	"sae/nn"
	"sae/wasm/protocol"
)

// A member for which the first waits so many ticks is lost; one that is started has
// fewer to be ready. Counting ticks rather than time spares one that slept because
// the machine did.
const (
	tickInterval    = time.Second
	patience        = 30
	patienceAtStart = 15
)

// lostError says that a worker of the team is no more.
type lostError string

func (e lostError) Error() string { return string(e) }

// await waits until something has arrived, and attends to commands meanwhile. It
// returns an error where one interrupts, and a lostError where that will never come:
// a member has ended, or patience ticks have passed, if that is not 0.
func (w *Worker) await(patience int, arrived func() bool) error {
	for ticks := 0; !arrived(); {
		if err := w.attend(); err != nil {
			return err
		}
		if reason := w.Lost(); reason != "" {
			return lostError(reason)
		}
		w.awake()
		w.lastTurn = time.Now() // waiting is a turn too
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
		patience = 0 // the others wait for the first as long as its user likes
	}
	return nn.Team{Rank: rank, Size: size, Send: w.Send, Receive: func(from int, data []byte) error {
		err := w.await(patience, func() bool { return w.Receive(from, data) })
		if lost := lostError(""); errors.As(err, &lost) {
			return fmt.Errorf("a worker of the team was lost, and its part of the model with it: %w", err)
		}
		return err
	}}
}

// errRecruit says that the browser starts no more workers.
var errRecruit = errors.New("worker: no team")

// spread moves a trainer onto a team of the given size, or back to this worker
// alone. Where there are no workers to be had, it returns errRecruit, with the
// trainer alone.
func (w *Worker) spread(trainer *nn.Trainer, join protocol.Join) error {
	if err := trainer.Spread(w.place(0, 1)); err != nil {
		return err
	}
	err := w.Recruit(join.Size - 1)
	if err == nil {
		working := w.working
		w.working = false // the run rests
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

// join takes part in training as a member of a team, until the next command. Only
// what goes wrong is answered.
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
