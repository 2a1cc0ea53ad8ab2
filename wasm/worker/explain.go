package worker

import (
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// maxExplained is the most parameters of a network that is explained, which takes memory
// for two copies of them.
const maxExplained = 1 << 24

// explain trains on the next batch and stores its explanation.
func (r *run) explain() ([]fit.Trained, error) {
	r.explained = &protocol.Explained{Epoch: r.Epoch + 1, Batch: r.Batch + 1}
	if len(r.Auto.Params()) > maxExplained {
		return r.Step(1)
	}
	trained, step, err := r.Explain()
	if err != nil {
		return nil, err
	}
	r.explained.Step = &step
	return []fit.Trained{trained}, nil
}
