package worker

import (
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// explained is what the page is told of a batch.
type explained struct {
	protocol.Explained
	activations, updates []float32
}

// maxExplained is the number of parameters of the largest network that is
// explained: that takes memory for two more copies of them.
const maxExplained = 1 << 24

// explain trains on the next batch and notes what that did.
func (r *run) explain() (fit.Trained, error) {
	e := &explained{Explained: protocol.Explained{Epoch: r.Epoch + 1, Batch: r.Batch + 1}}
	if len(r.Auto.Params()) > maxExplained {
		e.TooLarge = true
		r.explained = e
		return r.Step()
	}
	trained, step, err := r.Explain()
	if err != nil {
		return trained, err
	}
	e.Images, e.Before, e.After, e.Active, e.Rate = step.Images, step.Before, step.After, step.Active, step.Rate
	for _, layer := range step.Layers {
		e.Layers = append(e.Layers, protocol.LayerStep{
			Name: layer.Name, Activation: layer.Activation.String(), Units: len(layer.Updates), Share: layer.Share,
			Weights: layer.Weights, Gradient: layer.Gradient, Update: layer.Update,
		})
		e.activations = append(e.activations, layer.Activations...)
		e.updates = append(e.updates, layer.Updates...)
	}
	r.explained = e
	return trained, nil
}
