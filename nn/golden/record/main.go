// Command record writes the trace in nn/golden/testdata: a training run by Keras's
// formulas, as plain loops in float64. It shares no code with package nn.
//
//	go run ./nn/golden/record >nn/golden/testdata/mirrored.json
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
)

// The run. Its widths are odd, so they are no multiples of a SIMD vector.
var (
	layers = []int{9, 7, 3, 7, 9}
	latent = 2 // the layer with the penalty
)

const (
	batch, batches, steps = 5, 2, 24
	lambda                = 0.01
	lr, beta1, beta2, eps = 0.001, 0.9, 0.999, 1e-7
)

// layer is a dense layer: y = activation(x·kernel + bias).
type layer struct {
	Kernel []float64 `json:"kernel"` // row-major, [in, out]
	Bias   []float64 `json:"bias"`
}

type expected struct {
	Losses         []float64   `json:"losses"` // before the update of each step
	BCE            []float64   `json:"bce"`
	L1Penalty      []float64   `json:"l1Penalty"`
	FirstGrads     [][]float64 `json:"firstGrads"` // kernel, bias, kernel, bias, …
	FinalWeights   [][]float64 `json:"finalWeights"`
	Reconstruction []float64   `json:"reconstruction"` // of the first batch, after the last step
	Latent         []float64   `json:"latent"`
}

type trace struct {
	Name         string              `json:"name"`
	Layers       []int               `json:"layers"`
	LatentIndex  int                 `json:"latentIndex"`
	Batch        int                 `json:"batch"`
	Steps        int                 `json:"steps"`
	L1           float64             `json:"l1"`
	Opt          map[string]float64  `json:"opt"`
	Initial      []layer             `json:"initial"`
	BatchesUint8 [][]int             `json:"batchesUint8"`
	Expected     map[string]expected `json:"expected"`
}

func main() {
	encoder := json.NewEncoder(os.Stdout)
	if err := encoder.Encode(record()); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func record() trace {
	random := rand.New(rand.NewPCG(1, 0))
	t := trace{
		Name: "mirrored-9-7-3-l1_0.01", Layers: layers, LatentIndex: latent, Batch: batch, Steps: steps, L1: lambda,
		Opt: map[string]float64{"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps},
	}
	var model []layer
	for i, in := range layers[:len(layers)-1] {
		out := layers[i+1]
		limit := math.Sqrt(6 / float64(in+out)) // Glorot and Bengio 2010
		kernel := make([]float64, in*out)
		for j := range kernel {
			kernel[j] = math.Round(1024*limit*(2*random.Float64()-1)) / 1024 // exact in float32
		}
		bias := make([]float64, out)
		for j := range bias {
			bias[j] = math.Round(64*random.Float64()) / 1024
		}
		t.Initial = append(t.Initial, layer{kernel, bias})
		model = append(model, layer{append([]float64{}, kernel...), append([]float64{}, bias...)})
	}
	for range batches {
		pixels := make([]int, batch*layers[0])
		for i := range pixels {
			pixels[i] = random.IntN(256)
		}
		t.BatchesUint8 = append(t.BatchesUint8, pixels)
	}

	var e expected
	var moments1, moments2 []layer
	for _, l := range model {
		moments1 = append(moments1, layer{make([]float64, len(l.Kernel)), make([]float64, len(l.Bias))})
		moments2 = append(moments2, layer{make([]float64, len(l.Kernel)), make([]float64, len(l.Bias))})
	}
	for step := 1; step <= steps; step++ {
		x := input(t.BatchesUint8[(step-1)%batches])
		bce, penalty, gradients := backward(model, x)
		e.Losses = append(e.Losses, bce+penalty)
		e.BCE = append(e.BCE, bce)
		e.L1Penalty = append(e.L1Penalty, penalty)
		if step == 1 {
			e.FirstGrads = flat(gradients)
		}
		rate := lr * math.Sqrt(1-math.Pow(beta2, float64(step))) / (1 - math.Pow(beta1, float64(step)))
		adam := func(w, g, m, v []float64) {
			for i := range w {
				m[i] = beta1*m[i] + (1-beta1)*g[i]
				v[i] = beta2*v[i] + (1-beta2)*g[i]*g[i]
				w[i] -= rate * m[i] / (math.Sqrt(v[i]) + eps)
			}
		}
		for i := range model {
			adam(model[i].Kernel, gradients[i].Kernel, moments1[i].Kernel, moments2[i].Kernel)
			adam(model[i].Bias, gradients[i].Bias, moments1[i].Bias, moments2[i].Bias)
		}
	}
	e.FinalWeights = flat(model)
	outputs := forward(model, input(t.BatchesUint8[0]))
	e.Latent = outputs[latent]
	e.Reconstruction = outputs[len(outputs)-1]
	for i, z := range e.Reconstruction {
		e.Reconstruction[i] = 1 / (1 + math.Exp(-z))
	}
	t.Expected = map[string]expected{"f64.keras": e}
	return t
}

// input converts pixels to [0, 1], rounded to float32 as in package nn.
func input(pixels []int) []float64 {
	x := make([]float64, len(pixels))
	for i, pixel := range pixels {
		x[i] = float64(float32(float64(pixel) / 255))
	}
	return x
}

// forward returns the input and the output of each layer, [batch, width]: activations
// of ReLU and, at the end, the logits.
func forward(model []layer, x []float64) [][]float64 {
	outputs := [][]float64{x}
	for l, dense := range model {
		in, out := layers[l], layers[l+1]
		y := make([]float64, batch*out)
		for b := range batch {
			for j := range out {
				sum := dense.Bias[j]
				for i := range in {
					sum += x[b*in+i] * dense.Kernel[i*out+j]
				}
				if l < len(model)-1 {
					sum = max(0, sum)
				}
				y[b*out+j] = sum
			}
		}
		outputs = append(outputs, y)
		x = y
	}
	return outputs
}

// backward returns the binary cross-entropy (mean over batch and outputs), the penalty
// λ·Σ|latent|/batch, and the gradients of their sum.
func backward(model []layer, x []float64) (bce, penalty float64, gradients []layer) {
	outputs := forward(model, x)
	logits := outputs[len(outputs)-1]
	delta := make([]float64, len(logits))
	for i, z := range logits {
		bce += max(z, 0) - z*x[i] + math.Log1p(math.Exp(-math.Abs(z)))
		delta[i] = (1/(1+math.Exp(-z)) - x[i]) / float64(len(logits))
	}
	bce /= float64(len(logits))
	for _, a := range outputs[latent] {
		penalty += lambda * math.Abs(a) / batch
	}
	gradients = make([]layer, len(model))
	for l := len(model) - 1; l >= 0; l-- {
		in, out := layers[l], layers[l+1]
		g := layer{make([]float64, in*out), make([]float64, out)}
		below := make([]float64, batch*in)
		for b := range batch {
			for j := range out {
				d := delta[b*out+j]
				g.Bias[j] += d
				for i := range in {
					g.Kernel[i*out+j] += outputs[l][b*in+i] * d
					below[b*in+i] += model[l].Kernel[i*out+j] * d
				}
			}
		}
		gradients[l] = g
		for i, a := range outputs[l] { // derivatives of the penalty and ReLU
			if l == latent && a > 0 {
				below[i] += lambda / batch
			}
			if a <= 0 {
				below[i] = 0
			}
		}
		delta = below
	}
	return bce, penalty, gradients
}

func flat(model []layer) [][]float64 {
	var all [][]float64
	for _, l := range model {
		all = append(all, l.Kernel, l.Bias)
	}
	return all
}
