package state

import (
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
	Activations, Updates []float32 // of the units of all layers, one layer after the other
	Version              int
}

// Layer returns the units' activations and updates of a layer, [units].
func (e Explained) Layer(layer int) (activations, updates []float32) {
	first := 0
	for _, l := range e.Layers[:layer] {
		first += l.Units
	}
	last := first + e.Layers[layer].Units
	return e.Activations[first:last], e.Updates[first:last]
}

// Most returns the layers for which a quantity is largest and smallest.
func (e Explained) Most(quantity func(protocol.LayerStep) float64) (largest, smallest protocol.LayerStep) {
	largest, smallest = e.Layers[0], e.Layers[0]
	for _, layer := range e.Layers {
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

// explain takes what the worker tells of a batch: the last two buffers are the
// activations and the updates.
func (s *SlowMotion) explain(explained protocol.Explained, buffers [][]byte) {
	units := 0
	for _, layer := range explained.Layers {
		units += layer.Units
	}
	if len(buffers) < 2 {
		return
	}
	activations, updates := protocol.Floats(buffers[0]), protocol.Floats(buffers[1])
	if len(activations) != units || len(updates) != units {
		return
	}
	s.Explained = &Explained{explained, activations, updates, s.page.nextVersion()}
}
