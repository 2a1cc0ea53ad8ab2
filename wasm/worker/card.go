package worker

import (
	"errors"
	"time"

	"sae/nn/fit"
)

// cards is what the worker knows about the graphics card.
type cards struct {
	card   Card
	broken error           // why it cannot be used; nil if it was not tried or works
	faster map[string]bool // whether it is faster than the processor, by network
}

// open returns the graphics card, which it opens once.
func (c *cards) open(graphics Graphics) (Card, error) {
	if c.card == nil && c.broken == nil {
		c.card, c.broken = graphics.Card()
	}
	return c.card, c.broken
}

// inUse is the graphics card that trains a run.
type inUse struct {
	name, kernel string
	engine       fit.Engine
	free         func()
}

// place moves the training to the device that the settings ask for, or, if that is auto, to
// the faster one, and on the processor to a team.
func (r *run) place(w *Worker) error {
	device := r.settings.Device
	switch {
	case device == "cpu" || r.noCard != "":
		if err := r.toProcessor(); err != nil {
			return err
		}
	case r.card == nil && (device == "gpu" || !r.compared):
		if err := r.toCard(w); err != nil {
			return err
		}
	}
	if device != "gpu" {
		r.noCard = ""
	}
	kernel := w.Kernel
	if r.card != nil {
		kernel = r.card.kernel
	}
	if r.kernel != kernel {
		if r.kernel = kernel; r.Epoch+r.Batch > 0 {
			r.kernel = fit.Mixed
		}
	}
	r.placed = true
	if r.card != nil {
		return nil
	}
	return r.spread(w)
}

// toCard moves the training to the graphics card, if there is one, it can train the network,
// and, with device auto, it is faster.
func (r *run) toCard(w *Worker) error {
	auto := r.settings.Device != "gpu"
	r.compared = true
	faster, known := w.cards.faster[r.network()]
	if auto && known && !faster {
		return nil
	}
	card, err := w.cards.open(w)
	if err != nil {
		r.noCard = err.Error()
		return nil
	}
	name, kernel, software := card.About()
	if auto && software {
		return nil
	}
	if err := r.alone(w); err != nil {
		return err
	}
	engine, free, err := card.Engine(r.Auto, r.Adam, r.settings.Batch, r.Source(), w.yield)
	if errors.Is(err, errInterrupted) {
		return err
	}
	if err != nil {
		r.noCard = err.Error()
		return nil
	}
	used := &inUse{name, kernel, engine, free}
	if auto && !known {
		faster, err := r.compare(w, engine)
		if errors.Is(err, errInterrupted) {
			free()
			return err
		}
		if err != nil || !faster {
			if err == nil {
				w.cards.faster[r.network()] = false
			}
			free()
			return nil
		}
		w.cards.faster[r.network()] = true
	}
	if err := r.Use(engine); err != nil {
		free()
		w.cards.broken, r.noCard = err, err.Error()
		return nil
	}
	r.card = used
	return nil
}

// alone ends the run's team.
func (r *run) alone(w *Worker) error {
	if r.team == 1 {
		return nil
	}
	if err := r.Trainer.Spread(w.place(0, 1)); err != nil {
		return err
	}
	r.team = 1
	return w.Recruit(0)
}

// compareFor is how long a graphics card trains to show its speed.
const compareFor = 150 * time.Millisecond

// compare reports whether an engine is faster than the run's team could be, or, if its size is
// not known yet, the largest. The engine and one worker train on the run's batches for a
// moment; then the run is again as it was.
func (r *run) compare(w *Worker, engine fit.Engine) (faster bool, err error) {
	before, err := r.Trainer.State()
	if err != nil {
		return false, err
	}
	if err := engine.Restore(before); err != nil {
		return false, err
	}
	// While the processor trains, the card keeps the state of the run; then the processor
	// does.
	processor, err := r.speed(r.CPU(), 0)
	if err != nil {
		return false, err
	}
	if before, err = engine.State(); err != nil {
		return false, err
	}
	if err := r.Trainer.Restore(before); err != nil {
		return false, err
	}
	card, err := r.speed(engine, compareFor)
	workers := largestTeam(w.Cores)
	if r.tuner.found {
		workers = r.tuner.size
	}
	return card > processor*float64(workers), err
}

// speed returns the images per second of an engine's last call of Train, after at least one
// other and the given time.
func (r *run) speed(engine fit.Engine, least time.Duration) (rate float64, err error) {
	batches := r.Plan()
	for start, calls := time.Now(), 0; calls < 2 || time.Since(start) < least; calls++ {
		before := time.Now()
		losses, err := engine.Train(batches)
		if err != nil {
			return 0, err
		}
		images := 0
		for i := range losses {
			images += len(batches[i])
		}
		rate = float64(images) / max(1e-6, time.Since(before).Seconds())
	}
	return rate, nil
}

// toProcessor moves the training back from the graphics card.
func (r *run) toProcessor() error {
	if r.card == nil {
		return nil
	}
	if err := r.Use(r.CPU()); err != nil {
		return err
	}
	r.leaveCard()
	return nil
}

// leaveCard frees the run's memory on the graphics card.
func (r *run) leaveCard() {
	if r.card != nil {
		r.card.free()
		r.card = nil
	}
}
