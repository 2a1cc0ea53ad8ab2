package state

import (
	"sae/nn"
	"sae/wasm/protocol"
)

// SlowMotion is training slowed down, so that each batch can be explained.
type SlowMotion struct {
	page *Page

	Pace      float64    // batches per second; 0 for full speed
	Explained *Explained // the last batch that was trained on slowly or by a step; nil for none
}

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

// SetPace chooses how many batches a second are trained on, each of which is
// explained; 0 for as many as there is time for.
func (s *SlowMotion) SetPace(perSecond float64) {
	s.Pace = perSecond
	s.send()
	s.page.changed("state")
}

func (s *SlowMotion) send() {
	s.page.command(protocol.New(protocol.TypePace, protocol.Pace{PerSecond: s.Pace}), nil)
}
