package state

import (
	"sae/wasm/protocol"
)

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
func (p *Page) SetPace(perSecond float64) {
	p.Pace = perSecond
	p.sendPace()
	p.changed("state")
}

func (p *Page) sendPace() {
	p.command(protocol.New(protocol.TypePace, protocol.Pace{PerSecond: p.Pace}), nil)
}

// explain takes what the worker tells of a batch: the last two buffers are the
// activations and the updates.
func (p *Page) explain(explained protocol.Explained, buffers [][]byte) {
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
	p.Explained = &Explained{explained, activations, updates, p.nextVersion()}
}
