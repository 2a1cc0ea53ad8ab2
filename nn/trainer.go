package nn

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"

	"sae/nn/kernel"
)

// Loss is what training minimises, in nats.
type Loss struct {
	BCE float64 // binary cross-entropy, mean over images and outputs
	L1  float64 // the penalty λ·Σ|latent activation| / images
}

// Total returns BCE + L1, which Keras reports as loss or val_loss.
func (l Loss) Total() float64 { return l.BCE + l.L1 }

// Adam holds the hyperparameters of Adam in Keras's form (Kingma and Ba 2015,
// the "epsilon hat" of their section 2):
//
//	m ← β₁·m + (1−β₁)·g
//	v ← β₂·v + (1−β₂)·g²
//	w ← w − α·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + ε)
//
// Others, TensorFlow.js among them, divide by √(v/(1−β₂ᵗ)) + ε instead, which
// is not the same optimiser: ε then counts for more in the first steps.
type Adam struct {
	LearningRate float64 // α
	Beta1, Beta2 float64
	Epsilon      float64 // ε
}

// DefaultAdam is Keras's default.
var DefaultAdam = Adam{LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7}

// Validate reports the first hyperparameter that makes no optimiser.
func (a Adam) Validate() error {
	if !(a.LearningRate > 0) || math.IsInf(a.LearningRate, 1) {
		return fmt.Errorf("nn: learning rate %g: want a finite number above 0", a.LearningRate)
	}
	for _, beta := range []float64{a.Beta1, a.Beta2} {
		if !(beta >= 0 && beta < 1) {
			return fmt.Errorf("nn: beta %g: want at least 0 and less than 1", beta)
		}
	}
	if !(a.Epsilon > 0) || math.IsInf(a.Epsilon, 1) {
		return fmt.Errorf("nn: epsilon %g: want a finite number above 0", a.Epsilon)
	}
	return nil
}

// rate returns the step size of step t, from 1, with the bias correction.
func (a Adam) rate(t int) float64 {
	return a.LearningRate * math.Sqrt(1-math.Pow(a.Beta2, float64(t))) / (1 - math.Pow(a.Beta1, float64(t)))
}

// Trainer trains an autoencoder. It owns the gradients, Adam's moments and
// the activations of a batch; a step allocates nothing.
type Trainer struct {
	// Yield, when set, is called often during a step. An error ends the step,
	// which then changes nothing and returns that error.
	Yield func() error

	auto *Autoencoder
	adam Adam
	step int // steps done

	gradients []float32 // [parameters], like the two moments
	moments1  []float32
	moments2  []float32
	layers    []trainingLayer
	outputs   activations
	batch     int       // images at most
	input     []float32 // [batch, InputDims]
}

// trainingLayer is what training needs of a layer beside its parameters.
type trainingLayer struct {
	*Dense
	kernelGradient []float32 // views on Trainer.gradients
	biasGradient   []float32
	sumGradient    []float32 // of the loss by x·kernel + bias, [batch, Out]
}

// NewTrainer returns a trainer of the autoencoder for batches of at most
// batch images.
func NewTrainer(auto *Autoencoder, adam Adam, batch int) (*Trainer, error) {
	if err := adam.Validate(); err != nil {
		return nil, err
	}
	if batch < 1 {
		return nil, fmt.Errorf("nn: batch %d: want at least 1", batch)
	}
	n := len(auto.parameters)
	t := &Trainer{
		auto:      auto,
		adam:      adam,
		gradients: make([]float32, n),
		moments1:  make([]float32, n),
		moments2:  make([]float32, n),
		outputs:   newActivations(auto, batch),
		batch:     batch,
		input:     make([]float32, batch*auto.InputDims),
	}
	free := t.gradients
	for i, layer := range auto.layers {
		kernels := len(layer.Kernel)
		training := trainingLayer{
			Dense:          layer,
			kernelGradient: free[:kernels],
			biasGradient:   free[kernels : kernels+layer.Out],
		}
		free = free[kernels+layer.Out:]
		if i == len(auto.layers)-1 {
			training.sumGradient = t.outputs[i] // takes the place of the logits
		} else {
			training.sumGradient = make([]float32, batch*layer.Out)
		}
		t.layers = append(t.layers, training)
	}
	return t, nil
}

// Step trains on one batch: images is [n, InputDims] bytes with n from 1 to
// the trainer's batch, a byte standing for byte/255. It returns the loss of
// the batch before the update.
func (t *Trainer) Step(images []byte) (Loss, error) {
	loss, err := t.gradient(images)
	if err != nil {
		return Loss{}, err
	}
	t.step++
	a := t.adam
	kernel.Adam(t.auto.parameters, t.gradients, t.moments1, t.moments2,
		float32(a.rate(t.step)), float32(a.Beta1), float32(a.Beta2), float32(a.Epsilon))
	return loss, nil
}

// gradient fills t.gradients with the gradient of the loss on the images.
func (t *Trainer) gradient(images []byte) (loss Loss, err error) {
	yield := orNone(t.Yield)
	dims := t.auto.InputDims
	n := len(images) / dims
	if n < 1 || n > t.batch || len(images) != n*dims {
		return Loss{}, fmt.Errorf("nn: batch of %d bytes: want 1 to %d images of %d", len(images), t.batch, dims)
	}
	input := t.input[:len(images)]
	kernel.FromBytes(input, images)

	// Forward to the logits.
	if err := t.outputs.forward(t.auto, input, n, yield); err != nil {
		return Loss{}, err
	}

	// The loss, and its gradient by the logits.
	last := len(t.layers) - 1
	output := t.layers[last]
	count := float64(n * dims)
	sum, err := sigmoidBCE(output.sumGradient[:n*dims], output.Bias, input, float32(1/count), yield)
	if err != nil {
		return Loss{}, err
	}
	loss.BCE = sum / count

	// Backward from the logits.
	latent := len(t.auto.Encoder.Layers) - 1
	for i := last; i >= 0; i-- {
		layer := t.layers[i]
		gradient := general(layer.sumGradient, n, layer.Out)
		x := input
		if i > 0 {
			x = t.outputs[i-1]
		}
		kernelGradient := general(layer.kernelGradient, layer.In, layer.Out)
		if err := gemm(blas.Trans, blas.NoTrans, general(x, n, layer.In), gradient, kernelGradient, yield); err != nil {
			return Loss{}, err
		}
		kernel.ColumnSums(layer.biasGradient, gradient.Data)
		if i == 0 {
			break
		}
		below := general(t.layers[i-1].sumGradient, n, layer.In)
		if err := gemm(blas.NoTrans, blas.Trans, gradient, layer.kernel(), below, yield); err != nil {
			return Loss{}, err
		}
		activation := t.outputs[i-1][:n*layer.In]
		if i-1 == latent {
			scale := t.auto.Lambda / float64(n)
			loss.L1 = scale * kernel.L1Gradient(below.Data, activation, float32(scale))
		}
		kernel.ReLUGradient(below.Data, activation)
	}
	return loss, yield() // a last time: the update cannot be interrupted
}

// activations are the outputs of all layers for a batch of images, each
// [batch, Out].
type activations [][]float32

func newActivations(auto *Autoencoder, batch int) activations {
	outputs := make(activations, len(auto.layers))
	for i, layer := range auto.layers {
		outputs[i] = make([]float32, batch*layer.Out)
	}
	return outputs
}

// forward runs n images, [n, InputDims], through all layers. The last one's
// output is left at x·kernel, the logits less their bias, for
// [kernel.SigmoidBCE].
func (outputs activations) forward(auto *Autoencoder, x []float32, n int, yield func() error) error {
	last := len(auto.layers) - 1
	for i, layer := range auto.layers {
		output := outputs[i][:n*layer.Out]
		if i == last {
			return gemm(blas.NoTrans, blas.NoTrans, general(x, n, layer.In), layer.kernel(), general(output, n, layer.Out), yield)
		}
		if err := forward(layer, output, x, yield); err != nil {
			return err
		}
		x = output
	}
	return nil
}
