package worker

import (
	"errors"
	"fmt"
	"time"

	"sae/nn"
	"sae/wasm/protocol"
)

// A member for which the first waits so many ticks is lost. Counting ticks
// rather than time spares one that slept because the machine did.
const (
	tickInterval = time.Second
	patience     = 30
)

// place returns this worker's place in a team.
func (w *Worker) place(rank, size int) nn.Team {
	return nn.Team{Rank: rank, Size: size, Send: w.Send, Receive: func(from int, data []byte) error {
		for ticks := 0; !w.Receive(from, data); {
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
				// The others wait for the first as long as its user likes.
				if ticks++; ticks == patience && rank == 0 {
					return lostError(fmt.Sprintf("it did not answer for %v", patience*tickInterval))
				}
			}
		}
		return nil
	}}
}

func lostError(reason string) error {
	return fmt.Errorf("a worker of the team was lost, and its part of the model with it: %s", reason)
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
	if err := w.Recruit(join); err != nil {
		return fmt.Errorf("%w: %w", errRecruit, err)
	}
	return trainer.Spread(w.place(0, join.Size))
}

// join takes part in training as a member of a team, until the next command.
func (w *Worker) join(m protocol.Message) error {
	join, err := protocol.Decode[protocol.Join](m)
	if err != nil {
		return err
	}
	w.Connect(m.Ports)
	err = nn.Serve(join.Architecture, join.Adam, join.Batch, w.place(join.Rank, join.Size), w.yield)
	if errors.Is(err, errInterrupted) {
		return nil
	}
	return err
}
