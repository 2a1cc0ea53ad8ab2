package nn

import (
	"fmt"
	"math"

	"sae/nn/kernel"
)

// Evaluation is the quality of an autoencoder on a set of images, and what
// its latent units do there.
type Evaluation struct {
	Loss                   // as training computes it, over all images
	MSE          float64   // mean squared error of the values in [0, 1]
	MeanActive   float64   // latent units with a positive activation, mean per image
	Dead         int       // latent units that are active on no image
	UnitMean     []float32 // mean activation of each unit, [LatentDims]
	UnitActivity []float32 // share of the images on which each unit is active, [LatentDims]
	Codes        []float32 // latent activations, [images, LatentDims]
}

// PSNR returns the peak signal-to-noise ratio in dB, 10·log10(1/MSE).
func (e *Evaluation) PSNR() float64 { return -10 * math.Log10(e.MSE) }

// evaluationBatch bounds the memory that an evaluation takes.
const evaluationBatch = 128

// Evaluator evaluates an autoencoder on sets of images. It keeps its memory
// from one evaluation to the next.
type Evaluator struct {
	// Yield, when set, is called often during an evaluation. An error ends it
	// and is returned.
	Yield func() error

	auto    *Autoencoder
	input   []float32
	outputs activations
	result  Evaluation
}

// NewEvaluator returns an evaluator of the autoencoder.
func NewEvaluator(auto *Autoencoder) *Evaluator {
	return &Evaluator{
		auto:    auto,
		input:   make([]float32, evaluationBatch*auto.InputDims),
		outputs: newActivations(auto, evaluationBatch),
		result: Evaluation{
			UnitMean:     make([]float32, auto.LatentDims),
			UnitActivity: make([]float32, auto.LatentDims),
		},
	}
}

// Evaluate reconstructs images, [n, InputDims] bytes with n at least 1, and
// compares. The result is good until the next call.
func (e *Evaluator) Evaluate(images []byte) (*Evaluation, error) {
	dims, latents := e.auto.InputDims, e.auto.LatentDims
	n := len(images) / dims
	if n < 1 || len(images) != n*dims {
		return nil, fmt.Errorf("nn: evaluation of %d bytes: want at least one image of %d", len(images), dims)
	}
	yield := orNone(e.Yield)
	output := e.auto.layers[len(e.auto.layers)-1]
	codes := grow(e.result.Codes, n*latents)
	var bce, squares float64
	for first := 0; first < n; first += evaluationBatch {
		count := min(evaluationBatch, n-first)
		input := e.input[:count*dims]
		kernel.FromBytes(input, images[first*dims:][:count*dims])
		if err := e.outputs.forward(e.auto, input, count, yield); err != nil {
			return nil, err
		}
		copy(codes[first*latents:], e.outputs[len(e.auto.Encoder.Layers)-1][:count*latents])
		errors := e.outputs[len(e.outputs)-1][:count*dims]
		// At scale 1 the gradient is the reconstruction's error.
		sum, err := sigmoidBCE(errors, output.Bias, input, 1, yield)
		if err != nil {
			return nil, err
		}
		bce += sum
		for _, x := range errors {
			squares += float64(x) * float64(x)
		}
	}
	values := float64(n * dims)
	e.result.BCE = bce / values
	e.result.MSE = squares / values
	e.result.Codes = codes
	e.result.countUnits(n)
	var sum float64
	for _, mean := range e.result.UnitMean {
		sum += float64(mean)
	}
	e.result.L1 = e.auto.Lambda * sum
	return &e.result, nil
}

// countUnits derives the statistics of the units from the codes of n images.
func (e *Evaluation) countUnits(n int) {
	e.MeanActive, e.Dead = 0, 0
	for unit := range e.UnitMean {
		var sum float64
		var active int
		for i := unit; i < len(e.Codes); i += len(e.UnitMean) {
			if a := e.Codes[i]; a > 0 {
				sum += float64(a)
				active++
			}
		}
		e.UnitMean[unit] = float32(sum / float64(n))
		e.UnitActivity[unit] = float32(active) / float32(n)
		e.MeanActive += float64(active) / float64(n)
		if active == 0 {
			e.Dead++
		}
	}
}
