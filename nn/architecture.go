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

// Layers returns the widths of all layers from input to output.
func (a Architecture) Layers() []int {
	return slices.Concat([]int{a.InputDims}, a.EncoderHidden, []int{a.LatentDims}, a.DecoderHidden, []int{a.InputDims})
}

// Parameters returns how many numbers the kernels and biases hold.
func (a Architecture) Parameters() int {
	layers := a.Layers()
	n := 0
	for i := range len(layers) - 1 {
		n += (layers[i] + 1) * layers[i+1]
	}
	return n
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
	layers := a.Layers()
	n := 0.0 // in floating point, where no width overflows
	for i := range len(layers) - 1 {
		n += (float64(layers[i]) + 1) * float64(layers[i+1])
	}
	if n > maxParameters {
		return fmt.Errorf("nn: layers %v have %.0f parameters: want at most %d", layers, n, maxParameters)
	}
	return nil
}

// With returns the autoencoder with the given parameters, in the order of
// [Autoencoder.Params]. Their number has to be right and all have to be finite.
func (a Architecture) With(parameters []float32) (*Autoencoder, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	if want := a.Parameters(); len(parameters) != want {
		return nil, fmt.Errorf("nn: %d parameters: want %d for layers %v", len(parameters), want, a.Layers())
	}
	for i, x := range parameters {
		if x-x != 0 { // NaN or infinite
			return nil, fmt.Errorf("nn: parameter %d is %g: want a finite number", i, x)
		}
	}
	auto := a.build()
	copy(auto.parameters, parameters)
	return auto, nil
}

// initializers draw a kernel from a uniform distribution of the given limit.
var initializers = []struct {
	name  string
	limit func(in, out int) float64
}{
	{"glorot", func(in, out int) float64 { return math.Sqrt(6 / float64(in+out)) }},
	{"he", func(in, _ int) float64 { return math.Sqrt(6 / float64(in)) }},
}

// InitializerNames returns the names that Build knows: "glorot" for Glorot's
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

// Build returns an autoencoder with kernels drawn by the named initialiser.
// The same seed gives the same kernels on every platform.
func (a Architecture) Build(initializer string, seed uint64) (*Autoencoder, error) {
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

// Streams keep the random numbers of one seed apart by their use.
const (
	kernelStream = iota
	shuffleStream
)
