package nn

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"sae/nn/kernel"
)

// Activation is the function that a dense layer applies to its sums z = x·W + b.
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

// Dense is a fully connected layer: activation(x·kernel + bias), of which a TopK layer
// keeps the largest.
type Dense struct {
	Name       string    // "encoder_1", …, "latent", "decoder_1", …, "output"
	In, Out    int       // widths of the input and the output
	Kernel     []float32 // [In, Out], row-major, as in Keras
	Bias       []float32 // [Out]
	Activation Activation
	K          int // activations kept per row, the largest ones; 0 for all
}

// lay makes the layer's kernel and bias views of params, [In+1, Out].
func (d *Dense) lay(params []float32) {
	d.Kernel, d.Bias = params[:d.In*d.Out], params[d.In*d.Out:]
}

// forward stores the layer's activations for x, [n, In], in dst, [n, Out].
func (d *Dense) forward(dst, x []float32, p pace) error {
	if err := d.multiply(dst, x, p); err != nil {
		return err
	}
	d.activate(dst)
	return nil
}

// multiply stores x·kernel in dst.
func (d *Dense) multiply(dst, x []float32, p pace) error {
	n := len(x) / d.In
	return gemm(blas.NoTrans, blas.NoTrans, general(x, n, d.In), general(d.Kernel, d.In, d.Out), general(dst, n, d.Out), p)
}

// activate adds the bias to products z and applies the activation.
func (d *Dense) activate(z []float32) {
	switch d.Activation {
	case ReLU:
		kernel.BiasReLU(z, d.Bias)
		if d.K > 0 {
			kernel.TopK(z, d.Out, d.K, make([]uint32, d.Out))
		}
	case Sigmoid:
		kernel.BiasSigmoid(z, d.Bias)
	case Linear:
		bias := blas32.Vector{N: d.Out, Inc: 1, Data: d.Bias}
		for ; len(z) > 0; z = z[d.Out:] {
			blas32.Axpy(1, bias, blas32.Vector{N: d.Out, Inc: 1, Data: z[:d.Out]})
		}
	}
}

// Model is a stack of dense layers. It must not be used concurrently.
type Model struct {
	Layers []*Dense

	outputs [][]float32 // buffers of Predict, of all layers but the last
}

// In returns the width of the model's input.
func (m *Model) In() int { return m.Layers[0].In }

// Out returns the width of the model's output.
func (m *Model) Out() int { return m.Layers[len(m.Layers)-1].Out }

// Predict runs a batch x, [n, In], through the model and stores the last
// layer's activations in dst, [n, Out], which it returns. A nil dst is allocated.
// Predict panics if the lengths do not fit. Its buffers are reused while n does not
// grow.
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
		layer.forward(output, x, atOnce) // has no error, because it does not yield
		x = output
	}
	return dst
}

// Autoencoder is an encoder and a decoder, whose parameters lie in one flat slice.
type Autoencoder struct {
	Architecture     Architecture
	Encoder, Decoder *Model

	layers []*Dense // of the encoder, then of the decoder
	params []float32
}

// build returns an autoencoder whose parameters are zero.
func (a Architecture) build() *Autoencoder {
	auto := &Autoencoder{Architecture: a, params: make([]float32, a.Parameters())}
	start := 0
	for _, layer := range a.dense() {
		end := start + (layer.In+1)*layer.Out
		layer.lay(auto.params[start:end])
		auto.layers = append(auto.layers, &layer)
		start = end
	}
	encoder := len(a.EncoderHidden) + 1
	auto.Encoder = &Model{Layers: auto.layers[:encoder]}
	auto.Decoder = &Model{Layers: auto.layers[encoder:]}
	return auto
}

// Layers returns the layers, from the encoder's first to the output.
func (a *Autoencoder) Layers() []*Dense { return a.layers }

// Params returns all parameters: the kernel and the bias of each layer, from input to
// output, in the order of Keras's get_weights. Changing them changes the model.
func (a *Autoencoder) Params() []float32 { return a.params }

// Encode returns the latent activations, [n, LatentDims], of images x,
// [n, InputDims] in [0, 1]. dst is as in [Model.Predict].
func (a *Autoencoder) Encode(dst, x []float32) []float32 { return a.Encoder.Predict(dst, x) }

// Decode returns the images, [n, InputDims], decoded from latent
// activations, [n, LatentDims]. dst is as in [Model.Predict].
func (a *Autoencoder) Decode(dst, codes []float32) []float32 { return a.Decoder.Predict(dst, codes) }

// Reconstruct returns the reconstructions, [n, InputDims], of images x of
// the same shape. dst is as in [Model.Predict].
func (a *Autoencoder) Reconstruct(dst, x []float32) []float32 {
	return a.Decode(dst, a.Encode(nil, x))
}
