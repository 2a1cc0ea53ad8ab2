package nn

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// trace is a recorded training run of a reference implementation.
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
		Losses, Bce, L1Penalty   []float64
		FirstGrads, FinalWeights [][]float64
		Reconstruction, Latent   []float64
	}
}

// traces reads the recorded runs, which lie beside the repository.
func traces(t *testing.T) []trace {
	t.Helper()
	folder, err := filepath.Abs("../../shared/golden")
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) || len(names) == 0 {
		t.Skip("no reference traces in ../shared/golden beside the repository")
	}
	result := make([]trace, len(names))
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &result[i]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return result
}

// build returns the trace's autoencoder before its first step.
func (r trace) build(t *testing.T) *Autoencoder {
	t.Helper()
	last := len(r.Layers) - 1
	architecture := Architecture{
		InputDims:     r.Layers[0],
		EncoderHidden: r.Layers[1:r.LatentIndex],
		LatentDims:    r.Layers[r.LatentIndex],
		DecoderHidden: r.Layers[r.LatentIndex+1 : last],
		Lambda:        r.L1,
	}
	auto, err := architecture.Build("glorot", 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, layer := range auto.layers {
		copy(layer.Kernel, r.Initial[i].Kernel)
		copy(layer.Bias, r.Initial[i].Bias)
	}
	return auto
}

func (r trace) images(step int) []byte {
	values := r.BatchesUint8[step%len(r.BatchesUint8)]
	images := make([]byte, len(values))
	for i, value := range values {
		images[i] = byte(value)
	}
	return images
}

// largest keeps the largest difference that it has seen.
type largest float64

func (l *largest) see(got, want float64) {
	if difference := math.Abs(got - want); !(difference <= float64(*l)) {
		*l = largest(difference)
	}
}

func (l *largest) seeAll(got []float32, want []float64) {
	if len(got) != len(want) {
		*l = largest(math.Inf(1))
		return
	}
	for i, x := range got {
		l.see(float64(x), want[i])
	}
}

// The reference traces, of Keras's loss and optimiser in float64, are met to
// 1e-5 in every loss, first gradient, final weight and reconstruction.
func TestGoldenTraces(t *testing.T) {
	for _, trace := range traces(t) {
		t.Run(trace.Name, func(t *testing.T) {
			want, ok := trace.Expected["f64.keras"]
			if !ok || len(want.Losses) != trace.Steps {
				t.Fatalf("the trace has no %d losses of f64.keras", trace.Steps)
			}
			auto := trace.build(t)
			trainer, err := NewTrainer(auto, Adam{trace.Opt.LR, trace.Opt.Beta1, trace.Opt.Beta2, trace.Opt.Eps}, trace.Batch)
			if err != nil {
				t.Fatal(err)
			}
			var losses, gradients, weights, reconstruction largest
			for step := range trace.Steps {
				loss, err := trainer.Step(trace.images(step))
				if err != nil {
					t.Fatal(err)
				}
				losses.see(loss.Total(), want.Losses[step])
				losses.see(loss.BCE, want.Bce[step])
				losses.see(loss.L1, want.L1Penalty[step])
				if step == 0 {
					free := firstGradients(trainer)
					for _, want := range want.FirstGrads {
						gradients.seeAll(free[:len(want)], want)
						free = free[len(want):]
					}
				}
			}
			for i, layer := range auto.layers {
				weights.seeAll(layer.Kernel, want.FinalWeights[2*i])
				weights.seeAll(layer.Bias, want.FinalWeights[2*i+1])
			}
			input := make([]float32, trace.Batch*trace.Layers[0])
			for i, value := range trace.images(0) {
				input[i] = float32(value) / 255
			}
			codes := auto.Encoder.Predict(nil, input)
			reconstruction.seeAll(codes, want.Latent)
			reconstruction.seeAll(auto.Decoder.Predict(nil, codes), want.Reconstruction)
			t.Logf("largest differences: losses %.1e, first gradients %.1e, final weights %.1e, latent and reconstruction %.1e",
				losses, gradients, weights, reconstruction)
			if max(losses, gradients, weights, reconstruction) > 1e-5 {
				t.Error("want at most 1e-5")
			}
		})
	}
}
