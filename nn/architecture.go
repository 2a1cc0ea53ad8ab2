package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// maxParameters bounds what an Architecture may ask for: 1 GiB of float32.
const maxParameters = 1 << 28

// Architecture describes an autoencoder: the widths of its layers, the
// activation of the latent one and its sparsity penalty. Hidden layers rectify,
// the output is a sigmoid.
type Architecture struct {
	InputDims     int        // numbers per image, and of its reconstruction
	EncoderHidden []int      // hidden layers between input and latent
	LatentDims    int        // units of the latent layer
	DecoderHidden []int      // hidden layers between latent and output
	Latent        Activation // of the latent layer: ReLU or Linear
	Lambda        float64    // λ, the weight of the L1 activity regularisation
}

// Widths returns the widths of all layers from input to output.
func (a Architecture) Widths() []int {
	return slices.Concat([]int{a.InputDims}, a.EncoderHidden, []int{a.LatentDims}, a.DecoderHidden, []int{a.InputDims})
}

// Parameters returns how many numbers the kernels and biases hold.
func (a Architecture) Parameters() int {
	n := 0
	for _, layer := range a.dense() {
		n += (layer.In + 1) * layer.Out
	}
	return n
}

// dense returns the dense layers from the first of the encoder to the output,
// without parameters.
func (a Architecture) dense() []Dense {
	widths, latent := a.Widths(), len(a.EncoderHidden)
	layers := make([]Dense, len(widths)-1)
	for i := range layers {
		layer := Dense{Name: fmt.Sprintf("encoder_%d", i+1), In: widths[i], Out: widths[i+1], Activation: ReLU}
		switch {
		case i == len(layers)-1:
			layer.Name, layer.Activation = "output", Sigmoid
		case i == latent:
			layer.Name, layer.Activation = "latent", a.Latent
		case i > latent:
			layer.Name = fmt.Sprintf("decoder_%d", i-latent)
		}
		layers[i] = layer
	}
	return layers
}

// Validate reports the first field that no autoencoder can have: a width
// below 1, a λ that is negative or not finite, a latent activation other than
// ReLU and Linear, or more than 2^28 parameters.
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
	n := 0.0 // in floating point, where no width overflows
	for _, layer := range a.dense() {
		n += (float64(layer.In) + 1) * float64(layer.Out)
	}
	if n > maxParameters {
		return fmt.Errorf("nn: layers of widths %v have %.0f parameters: want at most %d", a.Widths(), n, maxParameters)
	}
	return nil
}

// initializers draw a kernel from a uniform distribution of the given limit.
var initializers = []struct {
	name  string
	limit func(in, out int) float64
}{
	{"glorot", func(in, out int) float64 { return math.Sqrt(6 / float64(in+out)) }},
	{"he", func(in, _ int) float64 { return math.Sqrt(6 / float64(in)) }},
}

// InitializerNames returns the names that New knows: "glorot" for Glorot's
// uniform initialisation, Keras's default for dense layers, with kernels in
// ±√(6/(in+out)) (Glorot and Bengio 2010), and "he" for He's, made for ReLU,
// with kernels in ±√(6/in) (He et al. 2015). Biases start at zero with both.
func InitializerNames() []string {
	names := make([]string, len(initializers))
	for i, initializer := range initializers {
		names[i] = initializer.name
	}
	return names
}

// New returns an autoencoder with kernels drawn by the named initialiser. The same
// seed gives the same kernels on every platform.
//
// The exercise's autoencoder(input_dims, hidden_layers, latent_dims, lambtha) is the
// architecture with these four and, as DecoderHidden, nothing or the hidden layers in
// reverse; Keras's initialiser is "glorot".
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

// With returns the autoencoder with the given parameters, in the order of
// [Autoencoder.Params]. Their number has to be right and all have to be finite.
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

// Streams keep the random numbers of one seed apart by their use.
const (
	kernelStream = iota
	shuffleStream
)
