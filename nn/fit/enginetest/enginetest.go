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
type New func(auto *nn.Autoencoder, adam nn.Adam, batch int, source fit.Source) (fit.Engine, error)

// CPU returns the engine of a new nn.Trainer.
func CPU(auto *nn.Autoencoder, adam nn.Adam, batch int, source fit.Source) (fit.Engine, error) {
	trainer, err := nn.NewTrainer(auto, adam, batch)
	if err != nil {
		return nil, err
	}
	return fit.NewCPU(trainer, source), nil
}

// cases are networks and batches that differ in what an engine may do wrong.
var cases = []struct {
	name    string
	network nn.Architecture
	batch   int
	images  int
	input   func(dst []float32, images []byte)
}{
	{"of the exercise", nn.Architecture{InputDims: 192, EncoderHidden: []int{96, 40}, LatentDims: 24, Lambda: 1e-3}, 32, 80, nil},
	{"mirrored", nn.Architecture{InputDims: 64, EncoderHidden: []int{80, 32}, LatentDims: 16, DecoderHidden: []int{32, 80}, Lambda: 1e-3}, 48, 96, nil},
	{"linear", nn.Architecture{InputDims: 64, EncoderHidden: []int{32}, LatentDims: 16, DecoderHidden: []int{32}, Latent: nn.Linear, Lambda: 1e-2}, 16, 40, nil},
	{"without hidden layers", nn.Architecture{InputDims: 48, LatentDims: 16}, 70, 70, nil},
	{"of odd widths", nn.Architecture{InputDims: 27, EncoderHidden: []int{67, 13}, LatentDims: 5, DecoderHidden: []int{1, 9}, Latent: nn.Linear, Lambda: 1e-3}, 7, 17, nil},
	{"of width 1", nn.Architecture{InputDims: 3, EncoderHidden: []int{1}, LatentDims: 1, DecoderHidden: []int{1}}, 1, 3, nil},
	{"wide", nn.Architecture{InputDims: 12, EncoderHidden: []int{4101}, LatentDims: 3}, 5, 10, nil},
	{"of the squared error", nn.Architecture{InputDims: 48, EncoderHidden: []int{32}, LatentDims: 16, DecoderHidden: []int{32}, Loss: nn.MSE, Lambda: 1e-3}, 16, 40, nil},
	{"of TopK with hidden layers", nn.Architecture{InputDims: 48, EncoderHidden: []int{40}, LatentDims: 30, DecoderHidden: []int{40}, K: 7, Unit: true}, 24, 60, nil},
	{"of AuxK with hidden layers", nn.Architecture{InputDims: 50, EncoderHidden: []int{34}, LatentDims: 90, K: 9, Loss: nn.MSE, Aux: 0.5, DeadSteps: 1}, 70, 150, nil},
	{"linear of unit norm", nn.Architecture{InputDims: 33, EncoderHidden: []int{21}, LatentDims: 10, DecoderHidden: []int{21}, Latent: nn.Linear, Loss: nn.MSE, Unit: true, Lambda: 1e-3}, 16, 40, nil},
	{"centred behind a hidden layer", nn.Architecture{InputDims: 33, EncoderHidden: []int{21}, LatentDims: 10, Loss: nn.MSE, Center: true}, 16, 40, nil},
	{"of all that keeps codes sparse", nn.Architecture{InputDims: 27, LatentDims: 37, K: 5, Loss: nn.MSE, Unit: true, Aux: 0.5, DeadSteps: 2, Center: true, Lambda: 1e-3}, 17, 17, halved},
	{"of 1,024 units", nn.Architecture{InputDims: 12, LatentDims: 1024, K: 33, Loss: nn.MSE, Unit: true, Aux: 0.5, DeadSteps: 1, Center: true}, 40, 40, nil},
}

// few are the networks that an imitated graphics card trains, which takes long to prepare.
var few = []string{"of odd widths", "wide", "of all that keeps codes sparse"}

// halved is an Input: values from −1/2 to 1/2.
func halved(dst []float32, images []byte) {
	for i, value := range images {
		dst[i] = float32(value)/255 - 0.5
	}
}

// source returns images of dims bytes, the last third of which are for validation.
func source(images, dims int) fit.Source {
	random := rand.New(rand.NewPCG(7, 8))
	draw := func(n int) []byte {
		bytes := make([]byte, n*dims)
		for i := range bytes {
			bytes[i] = byte(random.IntN(256))
		}
		return bytes
	}
	return fit.NewData("test", dims, draw(images), draw(images/2+1)).Source()
}

// setup is an engine with its autoencoder.
type setup struct {
	fit.Engine
	auto *nn.Autoencoder
}

func start(t *testing.T, new New, network nn.Architecture, adam nn.Adam, batch int, source fit.Source) setup {
	t.Helper()
	auto, err := nn.New(network, "he", 3)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := new(auto, adam, batch, source)
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
	state.Moments1, state.Moments2, state.Idle = slices.Clone(state.Moments1), slices.Clone(state.Moments2), slices.Clone(state.Idle)
	return slices.Clone(s.auto.Params()), state
}

// Run tests the engines that new returns; with imitated, by a few networks only.
func Run(t *testing.T, new New, imitated bool) {
	for _, c := range cases {
		if imitated && !slices.Contains(few, c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			data := source(c.images, c.network.InputDims)
			data.Input = c.input
			adam := nn.DefaultAdam
			adam.Decay, adam.DecaySteps = 0.9, 3
			var batches [][]int
			for epoch := range uint64(2) {
				batches = slices.AppendSeq(batches, nn.Batches(c.images, c.batch, 1, epoch))
			}
			batches = append(batches, []int{c.images - 1})
			engine, cpu := start(t, new, c.network, adam, c.batch, data), start(t, CPU, c.network, adam, c.batch, data)

			if c.network.K > 0 {
				ties(t, start(t, new, c.network, adam, c.batch, data), start(t, CPU, c.network, adam, c.batch, data))
			}
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
			if !slices.Equal(state.Idle, wantState.Idle) {
				t.Errorf("steps since units were active: %v, want %v", state.Idle, wantState.Idle)
			}
			if c.network.Aux > 0 && slices.Max(wantState.Idle) <= c.network.DeadSteps {
				t.Error("no unit is dead: want some")
			}

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
			if !slices.Equal(a, b) || !slices.Equal(stateA.Moments1, stateB.Moments1) || !slices.Equal(stateA.Moments2, stateB.Moments2) || !slices.Equal(stateA.Idle, stateB.Idle) {
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
	for _, c := range cases {
		if slices.Contains(few, c.name) {
			t.Run(c.name+", diverging", func(t *testing.T) { diverge(t, new, c.network, c.batch, source(c.images, c.network.InputDims)) })
		}
	}
}

// ties compares the codes of two engines whose latent units come in pairs of equal
// activations, of which TopK keeps the first if it cannot keep both.
func ties(t *testing.T, engine, cpu setup) {
	t.Helper()
	var codes [][]float32
	for _, s := range []setup{engine, cpu} {
		_, state := s.state(t)
		layer := s.auto.Layers()[len(s.auto.Architecture.EncoderHidden)]
		for i := 1; i < len(layer.Kernel); i++ {
			if i%layer.Out%2 == 1 {
				layer.Kernel[i] = layer.Kernel[i-1]
			}
		}
		if err := s.Restore(state); err != nil {
			t.Fatal(err)
		}
		result, err := s.Evaluate()
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, slices.Clone(result.Codes))
	}
	nearAll(t, "codes of equal units", codes[0], codes[1])
}

// diverge trains at a rate at which the loss explodes.
func diverge(t *testing.T, new New, network nn.Architecture, batch int, source fit.Source) {
	adam := nn.DefaultAdam
	adam.LearningRate = 1e5
	engine := start(t, new, network, adam, batch, source)
	batches := slices.Collect(nn.Batches(source.Train, batch, 1, 0))
	for range 20 {
		for _, loss := range engine.train(t, batches) {
			if !(loss.BCE <= fit.MaxBCE && loss.MSE <= fit.MaxMSE) { // or NaN
				return
			}
		}
	}
	t.Error("the loss stays below fit.MaxBCE and fit.MaxMSE at a learning rate of 1e5")
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
