// Package enginetest tests what every fit.Engine has to do. What is right is what package
// nn computes on the processor.
package enginetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sae/nn"
	"sae/nn/fit"
)

// Tolerance is the largest difference from the processor's numbers that passes.
const Tolerance = 1e-5

// A New returns an engine that continues from the autoencoder's parameters, with a new
// Adam, for batches of at most batch images.
type New func(auto *nn.Autoencoder, adam nn.Adam, batch int, data fit.Data) (fit.Engine, error)

// CPU returns the engine of a new nn.Trainer.
func CPU(auto *nn.Autoencoder, adam nn.Adam, batch int, data fit.Data) (fit.Engine, error) {
	trainer, err := nn.NewTrainer(auto, adam, batch)
	if err != nil {
		return nil, err
	}
	return fit.NewCPU(trainer, data), nil
}

// cases are networks and batches that differ in what an engine may do wrong.
var cases = []struct {
	name    string
	network nn.Architecture
	batch   int
	images  int
}{
	{"of the exercise", nn.Architecture{InputDims: 192, EncoderHidden: []int{96, 40}, LatentDims: 24, Lambda: 1e-3}, 32, 80},
	{"mirrored", nn.Architecture{InputDims: 64, EncoderHidden: []int{80, 32}, LatentDims: 16, DecoderHidden: []int{32, 80}, Lambda: 1e-3}, 48, 96},
	{"linear", nn.Architecture{InputDims: 64, EncoderHidden: []int{32}, LatentDims: 16, DecoderHidden: []int{32}, Latent: nn.Linear, Lambda: 1e-2}, 16, 40},
	{"without hidden layers", nn.Architecture{InputDims: 48, LatentDims: 16}, 70, 70},
	{"of odd widths", nn.Architecture{InputDims: 27, EncoderHidden: []int{67, 13}, LatentDims: 5, DecoderHidden: []int{9}, Lambda: 1e-3}, 7, 17},
	{"of width 1", nn.Architecture{InputDims: 3, EncoderHidden: []int{1}, LatentDims: 1, DecoderHidden: []int{1}}, 1, 3},
	{"wide", nn.Architecture{InputDims: 12, EncoderHidden: []int{4100}, LatentDims: 3}, 5, 10},
}

// data returns images of dims bytes, the last third of which are for validation.
func data(images, dims int) fit.Data {
	random := rand.New(rand.NewPCG(7, 8))
	draw := func(n int) []byte {
		bytes := make([]byte, n*dims)
		for i := range bytes {
			bytes[i] = byte(random.IntN(256))
		}
		return bytes
	}
	return fit.NewData("test", dims, draw(images), draw(images/2+1))
}

// setup is an engine with its autoencoder.
type setup struct {
	fit.Engine
	auto *nn.Autoencoder
}

func start(t *testing.T, new New, network nn.Architecture, adam nn.Adam, batch int, data fit.Data) setup {
	t.Helper()
	auto, err := nn.New(network, "he", 3)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := new(auto, adam, batch, data)
	if err != nil {
		t.Fatal(err)
	}
	return setup{engine, auto}
}

// train trains on all batches and returns their losses.
func (s setup) train(t *testing.T, batches [][]int) (losses []nn.Loss) {
	t.Helper()
	for len(losses) < len(batches) {
		some, err := s.Train(batches[len(losses):])
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			t.Fatal("Train returned no losses: want at least one")
		}
		losses = append(losses, some...)
	}
	return losses
}

// state returns a copy of the parameters and the state.
func (s setup) state(t *testing.T) (params []float32, state nn.State) {
	t.Helper()
	state, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	state.Moments1, state.Moments2 = slices.Clone(state.Moments1), slices.Clone(state.Moments2)
	return slices.Clone(s.auto.Params()), state
}

// Run tests the engines that new returns; with few, by one network only.
func Run(t *testing.T, new New, few bool) {
	for _, c := range cases {
		if few && c.name != "of odd widths" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			data := data(c.images, c.network.InputDims)
			adam := nn.DefaultAdam
			adam.Decay, adam.DecaySteps = 0.9, 3
			var batches [][]int
			for epoch := range uint64(2) {
				batches = slices.AppendSeq(batches, nn.Batches(c.images, c.batch, 1, epoch))
			}
			engine, cpu := start(t, new, c.network, adam, c.batch, data), start(t, CPU, c.network, adam, c.batch, data)

			got, want := engine.train(t, batches), cpu.train(t, batches)
			for i := range want {
				near(t, fmt.Sprintf("BCE of step %d", i+1), got[i].BCE, want[i].BCE)
				near(t, fmt.Sprintf("MSE of step %d", i+1), got[i].MSE, want[i].MSE)
				near(t, fmt.Sprintf("L1 of step %d", i+1), got[i].L1, want[i].L1)
			}
			params, state := engine.state(t)
			wantParams, wantState := cpu.state(t)
			if state.Steps != len(batches) {
				t.Errorf("%d steps, want %d", state.Steps, len(batches))
			}
			nearAll(t, "parameters", params, wantParams)
			nearAll(t, "first moments", state.Moments1, wantState.Moments1)
			nearAll(t, "second moments", state.Moments2, wantState.Moments2)

			result, err := engine.Evaluate()
			if err != nil {
				t.Fatal(err)
			}
			wantResult, err := cpu.Evaluate()
			if err != nil {
				t.Fatal(err)
			}
			near(t, "BCE of the evaluation", result.BCE, wantResult.BCE)
			near(t, "L1 of the evaluation", result.L1, wantResult.L1)
			near(t, "MSE", result.MSE, wantResult.MSE)
			if len(result.Codes) != len(wantResult.Codes) {
				t.Fatalf("%d numbers in the codes, want %d", len(result.Codes), len(wantResult.Codes))
			}
			nearAll(t, "codes", result.Codes, wantResult.Codes)
			loss, err := engine.Loss(batches[0])
			if err != nil {
				t.Fatal(err)
			}
			wantLoss, err := cpu.Loss(batches[0])
			if err != nil {
				t.Fatal(err)
			}
			near(t, "loss of a batch", loss.Total(), wantLoss.Total())
			if _, after := engine.state(t); after.Steps != state.Steps {
				t.Errorf("%d steps after an evaluation, want %d", after.Steps, state.Steps)
			}

			// Another engine goes on from the state as this one does, bit for bit, and
			// takes over the processor's.
			next := start(t, new, c.network, adam, c.batch, data)
			copy(next.auto.Params(), params)
			if err := next.Restore(state); err != nil {
				t.Fatal(err)
			}
			if again, _ := next.state(t); !slices.Equal(again, params) {
				t.Error("parameters change when they are restored and collected")
			}
			engine.train(t, batches)
			next.train(t, batches)
			a, stateA := engine.state(t)
			b, stateB := next.state(t)
			if !slices.Equal(a, b) || !slices.Equal(stateA.Moments1, stateB.Moments1) || !slices.Equal(stateA.Moments2, stateB.Moments2) {
				t.Error("an engine that was restored trains other parameters, want the same bit for bit")
			}
			copy(next.auto.Params(), wantParams)
			if err := next.Restore(wantState); err != nil {
				t.Fatal(err)
			}
			got, want = next.train(t, batches), cpu.train(t, batches)
			near(t, "loss after the processor's state", got[len(got)-1].Total(), want[len(want)-1].Total())
			wantState.Moments1 = nil
			if err := next.Restore(wantState); err == nil {
				t.Error("a state without moments is accepted")
			}
		})
	}
	if few {
		return
	}
	t.Run("diverging", func(t *testing.T) {
		c := cases[1]
		adam := nn.DefaultAdam
		adam.LearningRate = 1e5
		engine := start(t, new, c.network, adam, c.batch, data(c.images, c.network.InputDims))
		batches := slices.Collect(nn.Batches(c.images, c.batch, 1, 0))
		for range 20 {
			for _, loss := range engine.train(t, batches) {
				if !(loss.Total() <= fit.MaxBCE) { // or NaN
					return
				}
			}
		}
		t.Error("the loss stays below fit.MaxBCE at a learning rate of 1e5")
	})
}

// near reports numbers that differ by more than Tolerance.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= Tolerance*max(1, math.Abs(want))) {
		t.Errorf("%s: %g, want %g", what, got, want)
	}
}

func nearAll(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if !(math.Abs(float64(got[i])-float64(want[i])) <= Tolerance) {
			t.Errorf("number %d of the %s: %g, want %g", i, what, got[i], want[i])
			return
		}
	}
}
