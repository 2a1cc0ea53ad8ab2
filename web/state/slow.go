package state

import (
	"time"

	"sae/nn"
	"sae/wasm/protocol"
)

// SlowMotion trains slowly and explains what each batch does, phase by phase.
type SlowMotion struct {
	Pace      float64    // batches per second; 0 for full speed
	Explained *Explained // the last batch of slow training or of a step; nil for none
	Phase     Phase      // shown of the explained batch
	Playing   bool       // whether the next phases follow by themselves

	worker   *Worker
	training *Training
	timeline *Timeline
	changed  func(event string)
}

// Phase is a part of the training step of a batch.
type Phase int

const (
	PhaseForward  Phase = iota // the batch passes through the layers
	PhaseLoss                  // its reconstructions are compared with it
	PhaseBackward              // the gradient passes back through the layers
	PhaseUpdate                // Adam changes the weights
	phases
)

// Explained is what training on a batch did.
type Explained struct {
	protocol.Explained
	Version int
}

// Most returns the layers for which a quantity is largest and smallest.
func (e Explained) Most(quantity func(nn.LayerStep) float64) (largest, smallest nn.LayerStep) {
	largest, smallest = e.Step.Layers[0], e.Step.Layers[0]
	for _, layer := range e.Step.Layers {
		if quantity(layer) > quantity(largest) {
			largest = layer
		}
		if quantity(layer) < quantity(smallest) {
			smallest = layer
		}
	}
	return largest, smallest
}

// How long a phase of a single step is shown, and the shortest time that a reader can
// follow.
const (
	phaseTime    = 1200 * time.Millisecond
	minPhaseTime = 200 * time.Millisecond
)

// PhaseTime returns how long each phase is shown: all must fit before the next batch, with
// time to spare. It returns 0 if that is too short; then the phase does not change.
func (s *SlowMotion) PhaseTime() time.Duration {
	if s.Pace == 0 {
		return phaseTime
	}
	each := time.Duration(float64(time.Second) / s.Pace / float64(phases+1))
	if each < minPhaseTime {
		return 0
	}
	return each
}

// explain shows a batch and plays its phases.
func (s *SlowMotion) explain(explained protocol.Explained) {
	s.Explained = &Explained{explained, nextVersion()}
	if s.Playing = s.PhaseTime() > 0; s.Playing {
		s.Phase = PhaseForward
	}
}

// Next shows the phase after the given one, if that one of that batch is still shown.
func (s *SlowMotion) Next(version int, after Phase) {
	if e := s.Explained; e == nil || e.Version != version || !s.Playing || s.Phase != after {
		return
	}
	s.Phase++
	s.Playing = s.Phase < phases-1
}

// Show shows a phase, until the next batch plays its phases.
func (s *SlowMotion) Show(phase Phase) { s.Phase, s.Playing = phase, false }

// Turn shows the next phase.
func (s *SlowMotion) Turn() { s.Show((s.Phase + 1) % phases) }

// Current returns the explained batch if it is what the page shows: the last batch, with no
// earlier moment of the timeline. Otherwise it returns nil.
func (s *SlowMotion) Current() *Explained {
	t, e := s.training, s.Explained
	if e == nil || e.Step == nil || s.timeline.Past >= 0 || (e.Epoch-1)*t.Batches+e.Batch != t.Epoch*t.Batches+t.Batch {
		return nil
	}
	return e
}

// SetPace sets the number of batches per second. Each is explained. 0 is full speed.
func (s *SlowMotion) SetPace(perSecond float64) {
	s.Pace = perSecond
	s.send()
	s.changed("state")
}

func (s *SlowMotion) send() {
	s.worker.command(protocol.New(protocol.TypePace, protocol.Pace{PerSecond: s.Pace}), nil)
}
