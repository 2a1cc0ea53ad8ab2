package nn

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"sae/nn/kernel"
)

// Activation is the function that a dense layer applies to its sums.
type Activation int

const (
	ReLU    Activation = iota // max(0, z)
	Sigmoid                   // 1 / (1 + exp(−z))
	Linear                    // z
)

// String returns Keras's name of the activation.
func (a Activation) String() string {
	names := []string{"relu", "sigmoid", "linear"}
	if a < 0 || int(a) >= len(names) {
		return fmt.Sprintf("activation(%d)", int(a))
	}
	return names[a]
}

// Dense is a fully connected layer: activation(x·kernel + bias).
type Dense struct {
	Name       string // "encoder_1", …, "latent", "decoder_1", …, "output"
	In, Out    int
	Kernel     []float32 // [In, Out], row-major, as in Keras
	Bias       []float32 // [Out]
	Activation Activation
}

func (d *Dense) kernel() blas32.General { return general(d.Kernel, d.In, d.Out) }

// general views a contiguous slice as a matrix.
func general(values []float32, rows, cols int) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: max(1, cols), Data: values[:rows*cols]}
}

// Model is a stack of dense layers.
type Model struct {
	Layers []*Dense

	// Outputs of the layers, kept between calls.
	outputs [][]float32
}

// In returns the width of the model's input.
func (m *Model) In() int { return m.Layers[0].In }

// Out returns the width of the model's output.
func (m *Model) Out() int { return m.Layers[len(m.Layers)-1].Out }

// Predict runs a batch x, [n, In], through the model and stores the last
// layer's activations, [n, Out], in dst, which it returns; a nil dst is
// allocated. n is len(x)/In. Slices of other lengths panic. Apart from dst,
// it allocates only when n is larger than ever before.
func (m *Model) Predict(dst, x []float32) []float32 {
	n := len(x) / m.In()
	if dst == nil {
		dst = make([]float32, n*m.Out())
	}
	if len(x) != n*m.In() || len(dst) != n*m.Out() {
		panic(fmt.Sprintf("nn: Predict of %d numbers into %d: want whole rows of %d and of %d", len(x), len(dst), m.In(), m.Out()))
	}
	if m.outputs == nil {
		m.outputs = make([][]float32, len(m.Layers)-1)
	}
	for i, layer := range m.Layers {
		output := dst
		if i < len(m.outputs) {
			m.outputs[i] = grow(m.outputs[i], n*layer.Out)
			output = m.outputs[i]
		}
		forward(layer, output, x, noYield)
		x = output
	}
	return dst
}

// grow returns a slice of length n, the given one where it is large enough.
func grow(values []float32, n int) []float32 {
	if cap(values) < n {
		return make([]float32, n)
	}
	return values[:n]
}

// forward stores activation(x·kernel + bias) in output.
func forward(layer *Dense, output, x []float32, yield func() error) error {
	n := len(x) / layer.In
	if err := gemm(blas.NoTrans, blas.NoTrans, general(x, n, layer.In), layer.kernel(), general(output, n, layer.Out), yield); err != nil {
		return err
	}
	switch layer.Activation {
	case ReLU:
		kernel.BiasReLU(output, layer.Bias)
	case Sigmoid:
		kernel.BiasSigmoid(output, layer.Bias)
	case Linear:
		addBias(output, layer.Bias)
	}
	return nil
}

// addBias adds a bias to each row of x, [rows, len(bias)].
func addBias(x, bias []float32) {
	for len(x) > 0 {
		add(x[:len(bias)], bias)
		x = x[len(bias):]
	}
}

// Autoencoder is an encoder and a decoder that share one flat slice of
// parameters. Each is a model in its own right.
type Autoencoder struct {
	Architecture
	Encoder, Decoder *Model

	layers     []*Dense // those of the encoder, then those of the decoder
	parameters []float32
}

// New returns the autoencoder of the exercise,
// autoencoder(input_dims, hidden_layers, latent_dims, lambtha): hidden layers
// to the latent layer, and the same hidden layers in reverse to the output.
// The hidden layers and the latent layer rectify, the output is a sigmoid, and
// lambda weighs the L1 penalty on the latent activations. Kernels are drawn by
// Glorot's initialiser with the given seed. [Architecture] describes others.
func New(inputDims int, hiddenLayers []int, latentDims int, lambda float64, seed uint64) (*Autoencoder, error) {
	return Architecture{
		InputDims:     inputDims,
		EncoderHidden: hiddenLayers,
		LatentDims:    latentDims,
		DecoderHidden: reversed(hiddenLayers),
		Lambda:        lambda,
	}.Build("glorot", seed)
}

func reversed(widths []int) []int {
	result := slices.Clone(widths)
	slices.Reverse(result)
	return result
}

// build lays the layers over one flat slice of zeros.
func (a Architecture) build() *Autoencoder {
	auto := &Autoencoder{Architecture: a, parameters: make([]float32, a.Parameters())}
	widths := a.Layers()
	free := auto.parameters
	cut := func(n int) []float32 {
		part := free[:n:n]
		free = free[n:]
		return part
	}
	for i, in := range widths[:len(widths)-1] {
		out := widths[i+1]
		auto.layers = append(auto.layers, &Dense{
			Name: a.layerName(i), In: in, Out: out, Kernel: cut(in * out), Bias: cut(out), Activation: a.activation(i),
		})
	}
	encoder := len(a.EncoderHidden) + 1
	auto.Encoder = &Model{Layers: auto.layers[:encoder]}
	auto.Decoder = &Model{Layers: auto.layers[encoder:]}
	return auto
}

// layerName returns the name of a dense layer by its index from 0.
func (a Architecture) layerName(i int) string {
	switch latent := len(a.EncoderHidden); {
	case i < latent:
		return fmt.Sprintf("encoder_%d", i+1)
	case i == latent:
		return "latent"
	case i <= latent+len(a.DecoderHidden):
		return fmt.Sprintf("decoder_%d", i-latent)
	}
	return "output"
}

// activation returns the activation of a dense layer by its index from 0.
func (a Architecture) activation(i int) Activation {
	switch latent := len(a.EncoderHidden); i {
	case latent:
		return a.Latent
	case latent + len(a.DecoderHidden) + 1:
		return Sigmoid
	}
	return ReLU
}

// DenseLayers returns the layers from the first of the encoder to the output.
func (a *Autoencoder) DenseLayers() []*Dense { return a.layers }

// Encode returns the latent activations, [n, LatentDims], of images x,
// [n, InputDims] in [0, 1]. It stores them in dst, which may be nil, as
// [Model.Predict] does.
func (a *Autoencoder) Encode(dst, x []float32) []float32 { return a.Encoder.Predict(dst, x) }

// Decode returns the images, [n, InputDims] in [0, 1], that the decoder makes
// of latent activations, [n, LatentDims], as [Model.Predict] does.
func (a *Autoencoder) Decode(dst, codes []float32) []float32 { return a.Decoder.Predict(dst, codes) }

// Reconstruct returns what is left of images x, [n, InputDims] in [0, 1],
// after encoder and decoder, as [Model.Predict] does.
func (a *Autoencoder) Reconstruct(dst, x []float32) []float32 {
	return a.Decode(dst, a.Encode(nil, x))
}

// Params returns all parameters: kernel and bias of each layer from input to
// output, in the order of Keras's get_weights. Changing them changes the
// model.
func (a *Autoencoder) Params() []float32 { return a.parameters }
