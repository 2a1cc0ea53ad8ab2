package simd

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"sae/nn"
)

// trace is what this test needs of a recorded training run.
type trace struct {
	Name         string
	Layers       []int
	LatentIndex  int
	Batch, Steps int
	L1           float64
	Opt          struct{ LR, Beta1, Beta2, Eps float64 }
	Initial      []struct{ Kernel, Bias []float32 }
	BatchesUint8 [][]int
	Expected     map[string]struct {
		Losses         []float64
		FinalWeights   [][]float64
		Reconstruction []float64
	}
}

// The reference traces are met to 1e-5 with each kernel, as they are in plain
// Go by package nn's own test.
func TestGoldenTraces(t *testing.T) {
	names, err := filepath.Glob("../../../shared/golden/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("../../../shared/golden"); errors.Is(err, fs.ErrNotExist) || len(names) == 0 {
		t.Skip("no reference traces in ../shared/golden beside the repository")
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var trace trace
		if err := json.Unmarshal(text, &trace); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Run(trace.Name, func(t *testing.T) {
			forAll(t, func(t *testing.T, k kernels) {
				use(t, k)
				trace.replay(t)
			})
		})
	}
}

func (r trace) replay(t *testing.T) {
	last := len(r.Layers) - 1
	auto, err := nn.Architecture{
		InputDims:     r.Layers[0],
		EncoderHidden: r.Layers[1:r.LatentIndex],
		LatentDims:    r.Layers[r.LatentIndex],
		DecoderHidden: r.Layers[r.LatentIndex+1 : last],
		Lambda:        r.L1,
	}.Build("glorot", 0)
	if err != nil {
		t.Fatal(err)
	}
	free := auto.Params()
	for _, layer := range r.Initial {
		free = free[copy(free, layer.Kernel):]
		free = free[copy(free, layer.Bias):]
	}
	trainer, err := nn.NewTrainer(auto, nn.Adam{LearningRate: r.Opt.LR, Beta1: r.Opt.Beta1, Beta2: r.Opt.Beta2, Epsilon: r.Opt.Eps}, r.Batch)
	if err != nil {
		t.Fatal(err)
	}
	images := func(step int) []byte {
		var result []byte
		for _, value := range r.BatchesUint8[step%len(r.BatchesUint8)] {
			result = append(result, byte(value))
		}
		return result
	}
	var largest float64
	see := func(got, want float64) {
		if d := math.Abs(got - want); !(d <= largest) {
			largest = d
		}
	}
	want := r.Expected["f64.keras"]
	for step := range r.Steps {
		loss, err := trainer.Step(images(step))
		if err != nil {
			t.Fatal(err)
		}
		see(loss.Total(), want.Losses[step])
	}
	parameters := auto.Params()
	for _, weights := range want.FinalWeights {
		for i, w := range weights {
			see(float64(parameters[i]), w)
		}
		parameters = parameters[len(weights):]
	}
	var input []float32
	for _, value := range images(0) {
		input = append(input, float32(value)/255)
	}
	for i, x := range auto.Decoder.Predict(nil, auto.Encoder.Predict(nil, input)) {
		see(float64(x), want.Reconstruction[i])
	}
	t.Logf("largest difference %.1e", largest)
	if !(largest <= 1e-5) {
		t.Error("want at most 1e-5")
	}
}
