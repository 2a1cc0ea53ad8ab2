package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// maxParameters bounds the size of an Architecture: 1 GiB of float32.
const maxParameters = 1 << 28

// Architecture describes an autoencoder: the widths of its layers, the activation
// of the latent layer, the loss, and what keeps its codes sparse. Hidden layers use ReLU,
// the output a sigmoid or, with MSE, no activation.
type Architecture struct {
	InputDims     int        // values per image and per reconstruction
	EncoderHidden []int      // hidden layers between input and latent
	LatentDims    int        // units of the latent layer
	DecoderHidden []int      // hidden layers between latent and output
	Latent        Activation // of the latent layer: ReLU or Linear
	Lambda        float64    // λ, the weight of the L1 activity regularisation
	K             int        // TopK: the latent activations kept per image, the largest ones; 0 for all
	Loss          LossFunction
	Unit          bool    // whether training keeps the decoder's directions at unit norm
	Aux           float64 // α, the weight of AuxK; 0 for none
	DeadSteps     int     // with Aux: a unit that is inactive for more steps is dead
	Center        bool    // whether Adam trains the first layer on images without their mean
}

// LossFunction is how reconstructions are compared with images.
type LossFunction int

const (
	BCE LossFunction = iota // binary cross-entropy, of a sigmoid output
	MSE                     // mean squared error, of a linear output
)

// String returns "bce" or "mse".
func (l LossFunction) String() string {
	names := []string{"bce", "mse"}
	if l < 0 || int(l) >= len(names) {
		return fmt.Sprintf("loss(%d)", int(l))
	}
	return names[l]
}

// Widths returns the widths of all layers from input to output.
func (a Architecture) Widths() []int {
	return slices.Concat([]int{a.InputDims}, a.EncoderHidden, []int{a.LatentDims}, a.DecoderHidden, []int{a.InputDims})
}

// Parameters returns the number of parameters: kernels and biases.
func (a Architecture) Parameters() int {
	n := 0
	for _, layer := range a.dense() {
		n += (layer.In + 1) * layer.Out
	}
	return n
}

// dense returns the dense layers, from the encoder's first to the output, without
// parameters.
func (a Architecture) dense() []Dense {
	widths, latent := a.Widths(), len(a.EncoderHidden)
	layers := make([]Dense, len(widths)-1)
	for i := range layers {
		layer := Dense{Name: fmt.Sprintf("encoder_%d", i+1), In: widths[i], Out: widths[i+1], Activation: ReLU}
		switch {
		case i == len(layers)-1:
			layer.Name, layer.Activation = "output", Sigmoid
			if a.Loss == MSE {
				layer.Activation = Linear
			}
		case i == latent:
			layer.Name, layer.Activation, layer.K = "latent", a.Latent, a.K
		case i > latent:
			layer.Name = fmt.Sprintf("decoder_%d", i-latent)
		}
		layers[i] = layer
	}
	return layers
}

// Validate returns an error for the first invalid field: a width below 1, a λ or an α that
// is negative or not finite, a latent activation other than ReLU and Linear, a K that is
// negative, exceeds the latent layer, or has a Linear one, an Aux without K, without MSE,
// with hidden layers in the decoder or without DeadSteps, a Center without MSE or with
// hidden layers in the decoder, or widths that make more than 2^28 parameters.
func (a Architecture) Validate() error {
	if a.InputDims < 1 {
		return fmt.Errorf("nn: input dims %d: want at least 1", a.InputDims)
	}
	if a.LatentDims < 1 {
		return fmt.Errorf("nn: latent dims %d: want at least 1", a.LatentDims)
	}
	for _, hidden := range []struct {
		where  string
		widths []int
	}{{"encoder", a.EncoderHidden}, {"decoder", a.DecoderHidden}} {
		for i, width := range hidden.widths {
			if width < 1 {
				return fmt.Errorf("nn: %s hidden layer %d has width %d: want at least 1", hidden.where, i+1, width)
			}
		}
	}
	if !(a.Lambda >= 0) || math.IsInf(a.Lambda, 1) { // also refuses NaN
		return fmt.Errorf("nn: lambda %g: want a finite number of at least 0", a.Lambda)
	}
	if a.Latent != ReLU && a.Latent != Linear {
		return fmt.Errorf("nn: latent activation %v: want %v or %v", a.Latent, ReLU, Linear)
	}
	if a.Loss != BCE && a.Loss != MSE {
		return fmt.Errorf("nn: loss %v: want %v or %v", a.Loss, BCE, MSE)
	}
	if a.K < 0 || a.K > a.LatentDims {
		return fmt.Errorf("nn: k %d: want 1 to the %d latent dims, or 0 for none", a.K, a.LatentDims)
	}
	if a.K > 0 && a.Latent != ReLU {
		return fmt.Errorf("nn: k %d with latent activation %v: want %v", a.K, a.Latent, ReLU)
	}
	if !(a.Aux >= 0) || math.IsInf(a.Aux, 1) {
		return fmt.Errorf("nn: aux %g: want a finite number of at least 0", a.Aux)
	}
	if a.Aux > 0 && (a.K == 0 || a.Loss != MSE || len(a.DecoderHidden) > 0 || a.DeadSteps < 1) {
		return fmt.Errorf("nn: aux %g with k %d, loss %v, decoder hidden layers %v and %d dead steps: want k, loss %v, no decoder hidden layers and dead steps of at least 1", a.Aux, a.K, a.Loss, a.DecoderHidden, a.DeadSteps, MSE)
	}
	if a.Center && (a.Loss != MSE || len(a.DecoderHidden) > 0) {
		return fmt.Errorf("nn: center with loss %v and decoder hidden layers %v: want loss %v and no decoder hidden layers", a.Loss, a.DecoderHidden, MSE)
	}
	n := 0.0 // a float, because an int could overflow
	for _, layer := range a.dense() {
		n += (float64(layer.In) + 1) * float64(layer.Out)
	}
	if n > maxParameters {
		return fmt.Errorf("nn: layers of widths %v have %.0f parameters: want at most %d", a.Widths(), n, maxParameters)
	}
	return nil
}

// initializers draw kernels uniformly from [−limit, limit].
var initializers = []struct {
	name  string
	limit func(in, out int) float64
}{
	{"glorot", func(in, out int) float64 { return math.Sqrt(6 / float64(in+out)) }},
	{"he", func(in, _ int) float64 { return math.Sqrt(6 / float64(in)) }},
}

// InitializerNames returns the names of the initialisers, which draw kernels uniformly:
//
//   - "glorot" within ±√(6/(in+out)), Keras's default (Glorot and Bengio 2010)
//   - "he" within ±√(6/in), made for ReLU (He et al. 2015)
//
// Biases start at zero.
func InitializerNames() []string {
	names := make([]string, len(initializers))
	for i, initializer := range initializers {
		names[i] = initializer.name
	}
	return names
}

// New returns an autoencoder with kernels drawn by the named initialiser, one of
// [InitializerNames]. The same seed gives the same kernels on every platform. An error
// reports an invalid architecture or an unknown initialiser.
//
// The exercise's autoencoder(input_dims, hidden_layers, latent_dims, lambtha) is an
// Architecture of these four values, whose DecoderHidden is empty or hidden_layers in
// reverse, with "glorot".
func New(a Architecture, initializer string, seed uint64) (*Autoencoder, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	names := InitializerNames()
	i := slices.Index(names, initializer)
	if i < 0 {
		return nil, fmt.Errorf("nn: initializer %q: want one of %q", initializer, names)
	}
	auto := a.build()
	random := rand.New(rand.NewPCG(seed, kernelStream))
	for _, layer := range auto.layers {
		limit := initializers[i].limit(layer.In, layer.Out)
		for k := range layer.Kernel {
			layer.Kernel[k] = float32((2*random.Float64() - 1) * limit)
		}
	}
	return auto, nil
}

// With returns an autoencoder with a copy of the given parameters, in the order of
// [Autoencoder.Params]. An error reports an invalid architecture, a wrong number of
// parameters, or one that is not finite.
func (a Architecture) With(parameters []float32) (*Autoencoder, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	if want := a.Parameters(); len(parameters) != want {
		return nil, fmt.Errorf("nn: %d parameters: want %d for layers of widths %v", len(parameters), want, a.Widths())
	}
	for i, x := range parameters {
		if x-x != 0 { // NaN or infinite
			return nil, fmt.Errorf("nn: parameter %d is %g: want a finite number", i, x)
		}
	}
	auto := a.build()
	copy(auto.params, parameters)
	return auto, nil
}

// Streams of random numbers: each use of a seed has its own.
const (
	kernelStream = iota
	shuffleStream
)
