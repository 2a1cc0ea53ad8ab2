// Package golden replays training runs that reference implementations recorded in float64,
// and measures how far package nn deviates from them. Command record wrote the trace of
// Keras's loss and optimiser in testdata, and record/topk.py those of TopK, which PyTorch
// differentiates.
package golden

import (
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"sae/nn"
	"sae/nn/fit"
	"sae/nn/fit/enginetest"
)

// Tolerance is the largest difference that passes.
const Tolerance = 1e-5

// Trace is a recorded training run.
type Trace struct {
	Name         string
	Layers       []int
	LatentIndex  int
	Batch, Steps int
	L1           float64
	K            int
	Loss         string // "mse", or "bce" or ""
	Unit         bool
	Aux          float64
	DeadSteps    int
	Center       bool
	Opt          struct {
		LR, Beta1, Beta2, Eps float64
		Warmup                int
	}
	Initial      []struct{ Kernel, Bias []float32 }
	BatchesUint8 [][]int
	Expected     map[string]struct {
		Losses, L1Penalty        []float64
		Bce, Mse                 []float64 // one of them is empty
		FirstGrads, FinalWeights [][]float64
		Reconstruction, Latent   []float64
	}
}

//go:embed testdata/*.json
var testdata embed.FS

// Read returns the traces in testdata and those of a folder, which need not exist.
func Read(folder string) ([]Trace, error) {
	var traces []Trace
	add := func(name string, text []byte, err error) error {
		if err != nil {
			return err
		}
		var trace Trace
		if err := json.Unmarshal(text, &trace); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		traces = append(traces, trace)
		return nil
	}
	entries, err := testdata.ReadDir("testdata")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		text, err := testdata.ReadFile("testdata/" + entry.Name())
		if err := add(entry.Name(), text, err); err != nil {
			return nil, err
		}
	}
	names, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err := add(name, text, err); err != nil {
			return nil, err
		}
	}
	return traces, nil
}

// Differences are the largest absolute differences from a trace.
type Differences struct {
	Losses         float64 // of every step: total, BCE or MSE, and L1
	Gradients      float64 // of the first step
	Weights        float64 // after the last step
	Reconstruction float64 // after the last step, and the latent activations
}

// Largest returns the largest of the differences.
func (d Differences) Largest() float64 {
	return max(d.Losses, d.Gradients, d.Weights, d.Reconstruction)
}

func (d Differences) String() string {
	return fmt.Sprintf("%.1e (losses %.1e, first gradients %.1e, final weights %.1e, reconstruction %.1e)",
		d.Largest(), d.Losses, d.Gradients, d.Weights, d.Reconstruction)
}

// Replay trains an engine as the trace did and returns the differences.
func (t Trace) Replay(newEngine enginetest.New) (Differences, error) {
	var d Differences
	want, ok := t.Expected["f64.keras"]
	if !ok {
		want, ok = t.Expected["f64.torch"]
	}
	last := len(t.Layers) - 1
	if !ok || len(want.Losses) != t.Steps || len(want.Bce)+len(want.Mse) != t.Steps {
		return d, fmt.Errorf("golden: %s has no %d losses of f64.keras or f64.torch", t.Name, t.Steps)
	}
	loss := nn.BCE
	if t.Loss == nn.MSE.String() {
		loss = nn.MSE
	}
	auto, err := nn.New(nn.Architecture{
		InputDims:     t.Layers[0],
		EncoderHidden: t.Layers[1:t.LatentIndex],
		LatentDims:    t.Layers[t.LatentIndex],
		DecoderHidden: t.Layers[t.LatentIndex+1 : last],
		Lambda:        t.L1,
		K:             t.K,
		Loss:          loss,
		Unit:          t.Unit,
		Aux:           t.Aux,
		DeadSteps:     t.DeadSteps,
		Center:        t.Center,
	}, "glorot", 0)
	if err != nil {
		return d, err
	}
	for i, layer := range auto.Layers() {
		copy(layer.Kernel, t.Initial[i].Kernel)
		copy(layer.Bias, t.Initial[i].Bias)
	}
	adam := nn.Adam{LearningRate: t.Opt.LR, Beta1: t.Opt.Beta1, Beta2: t.Opt.Beta2, Epsilon: t.Opt.Eps, WarmupSteps: t.Opt.Warmup}
	var images []byte
	for i := range t.BatchesUint8 {
		images = append(images, t.images(i)...)
	}
	trainer, err := newEngine(auto, adam, t.Batch, fit.NewData(t.Name, t.Layers[0], images, images).Source())
	if err != nil {
		return d, err
	}
	batch := make([]int, t.Batch)
	for step := range t.Steps {
		for i := range batch {
			batch[i] = step%len(t.BatchesUint8)*t.Batch + i
		}
		losses, err := trainer.Train([][]int{batch})
		if err != nil {
			return d, err
		}
		loss := losses[0]
		see(&d.Losses, loss.Total(), want.Losses[step])
		see(&d.Losses, loss.BCE+loss.MSE, slices.Concat(want.Bce, want.Mse)[step])
		see(&d.Losses, loss.L1, want.L1Penalty[step])
		if step == 0 {
			if err := firstGradients(&d.Gradients, trainer, adam, want.FirstGrads); err != nil {
				return d, err
			}
		}
	}
	if err := trainer.Collect(); err != nil {
		return d, err
	}
	for i, layer := range auto.Layers() {
		seeAll(&d.Weights, layer.Kernel, want.FinalWeights[2*i])
		seeAll(&d.Weights, layer.Bias, want.FinalWeights[2*i+1])
	}
	input := make([]float32, t.Batch*t.Layers[0])
	for i, value := range t.images(0) {
		input[i] = float32(value) / 255
	}
	codes := auto.Encode(nil, input)
	seeAll(&d.Reconstruction, codes, want.Latent)
	seeAll(&d.Reconstruction, auto.Decode(nil, codes), want.Reconstruction)
	return d, nil
}

// firstGradients compares the gradients of the first step, which follow from Adam's
// first moments m = (1−β₁)·g.
func firstGradients(largest *float64, trainer fit.Engine, adam nn.Adam, want [][]float64) error {
	state, err := trainer.State()
	if err != nil {
		return err
	}
	moments := state.Moments1
	for _, want := range want {
		gradients := make([]float32, len(want))
		for i, m := range moments[:len(want)] {
			gradients[i] = m / float32(1-adam.Beta1)
		}
		seeAll(largest, gradients, want)
		moments = moments[len(want):]
	}
	return nil
}

func (t Trace) images(step int) []byte {
	values := t.BatchesUint8[step%len(t.BatchesUint8)]
	images := make([]byte, len(values))
	for i, value := range values {
		images[i] = byte(value)
	}
	return images
}

// see keeps the largest difference; NaN counts as infinite.
func see(largest *float64, got, want float64) {
	if difference := math.Abs(got - want); !(difference <= *largest) {
		*largest = difference
		if math.IsNaN(difference) {
			*largest = math.Inf(1)
		}
	}
}

func seeAll(largest *float64, got []float32, want []float64) {
	if len(got) != len(want) {
		*largest = math.Inf(1)
		return
	}
	for i, x := range got {
		see(largest, float64(x), want[i])
	}
}
