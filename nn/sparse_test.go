package nn

import (
	"math"
	"slices"
	"testing"
)

// aux is an architecture in which many units soon die.
var aux = Architecture{InputDims: 12, LatentDims: 40, K: 2, Loss: MSE, Unit: true, Aux: 0.5, DeadSteps: 1}

// dying returns a trainer in which units are dead, and the next batch.
func dying(t *testing.T, a Architecture) (*Trainer, []byte) {
	t.Helper()
	trainer := newTrainer(t, build(t, a), 4)
	for step := range uint64(3) {
		if _, err := trainer.Step(randomImages(4, a.InputDims, step)); err != nil {
			t.Fatal(err)
		}
	}
	return trainer, randomImages(4, a.InputDims, 9)
}

// auxReference returns AuxK's part of the loss by its definition, in float64, given the
// errors that the other units leave.
func auxReference(a Architecture, parameters []float64, images []byte, dead []int, errors []float64) (loss float64) {
	dims, latents := a.InputDims, a.LatentDims
	encoder, biases, decoder := parameters[:dims*latents], parameters[dims*latents:], parameters[(dims+1)*latents:]
	n := len(images) / dims
	for i := range n {
		z := make([]float64, len(dead))
		for d, unit := range dead {
			z[d] = biases[unit]
			for j := range dims {
				z[d] += float64(float32(images[i*dims+j])/255) * encoder[j*latents+unit]
			}
		}
		least := 0.0
		if k := dims / 2; k < len(z) {
			least = slices.Sorted(slices.Values(z))[len(z)-k]
		}
		for j := range dims {
			e := errors[i*dims+j]
			for d, unit := range dead {
				if z[d] >= max(least, 0) {
					e -= z[d] * decoder[unit*dims+j]
				}
			}
			loss += e * e
		}
	}
	return a.Aux * loss / float64(n*dims)
}

// The gradients of AuxK agree with central differences, and with Unit, no gradient of a
// direction is parallel to it.
func TestAuxGradients(t *testing.T) {
	for _, unit := range []bool{false, true} {
		a := aux
		a.Unit = unit
		trainer, images := dying(t, a)
		parameters := make([]float64, len(trainer.auto.params))
		for i, p := range trainer.auto.params {
			parameters[i] = float64(p)
		}
		x := floats(images)
		errors := make([]float64, len(x))
		for j, y := range trainer.auto.Reconstruct(nil, x) {
			errors[j] = float64(x[j]) - float64(y)
		}
		before := slices.Clone(trainer.network.arrays[1])
		loss, err := trainer.Step(images)
		if err != nil {
			t.Fatal(err)
		}
		dead := slices.Clone(trainer.network.aux.dead)
		if len(dead) < 10 || len(dead) == a.LatentDims {
			t.Fatalf("%d dead units", len(dead))
		}
		if want := reference(a, parameters, images); math.Abs(loss.Total()-want) > 1e-6 {
			t.Errorf("loss %g, want %g, which is without AuxK", loss.Total(), want)
		}
		at := func() float64 {
			return reference(a, parameters, images) + auxReference(a, parameters, images, dead, errors)
		}
		want := make([]float64, len(parameters))
		for i, p := range parameters {
			const h = 1e-6
			parameters[i] = p + h
			above := at()
			parameters[i] = p - h
			below := at()
			parameters[i] = p
			want[i] = (above - below) / (2 * h)
		}
		decoder := (a.InputDims + 1) * a.LatentDims
		for unit := range a.LatentDims {
			if !a.Unit {
				break
			}
			w, g := parameters[decoder+unit*a.InputDims:][:a.InputDims], want[decoder+unit*a.InputDims:]
			var dot float64
			for j := range w {
				dot += w[j] * g[j]
			}
			for j := range w {
				g[j] -= dot * w[j]
			}
		}
		auxPart := 0.0
		for i, m := range trainer.network.arrays[1] {
			got := (float64(m) - trainer.adam.Beta1*float64(before[i])) / (1 - trainer.adam.Beta1)
			if math.Abs(got-want[i]) > 1e-5 {
				t.Errorf("unit %t: gradient %d is %g, by differences %g", unit, i, got, want[i])
			}
			if i >= decoder && i < decoder+a.LatentDims*a.InputDims && slices.Contains(dead, (i-decoder)/a.InputDims) {
				auxPart = max(auxPart, math.Abs(got))
			}
		}
		if auxPart < 1e-4 {
			t.Errorf("unit %t: gradients of dead units up to %g", unit, auxPart)
		}
	}
}

// norms returns the norms of the decoder's directions.
func norms(auto *Autoencoder) []float64 {
	decoder := auto.Decoder.Layers[0]
	norms := make([]float64, decoder.In)
	for unit := range norms {
		for _, w := range decoder.Kernel[unit*decoder.Out:][:decoder.Out] {
			norms[unit] += float64(w) * float64(w)
		}
		norms[unit] = math.Sqrt(norms[unit])
	}
	return norms
}

// With Unit, directions have unit norm before the first step and after each, and giving
// them it changes no reconstruction. A direction of zeros stays.
func TestUnitNorm(t *testing.T) {
	for _, a := range []Architecture{
		{InputDims: 30, EncoderHidden: []int{20}, LatentDims: 6, DecoderHidden: []int{20}, Unit: true},
		{InputDims: 30, LatentDims: 6, Latent: Linear, Unit: true},
	} {
		auto := build(t, a)
		clear(auto.Decoder.Layers[0].Kernel[:auto.Decoder.Layers[0].Out])
		images := randomImages(4, a.InputDims, 1)
		before := auto.Reconstruct(nil, floats(images))
		trainer := newTrainer(t, auto, 4)
		for i, y := range auto.Reconstruct(nil, floats(images)) {
			if math.Abs(float64(y-before[i])) > 1e-6 {
				t.Fatalf("output %d is %g, before it was %g", i, y, before[i])
			}
		}
		for step := range 5 {
			for unit, norm := range norms(auto) {
				if want := 1.; math.Abs(norm-want) > 1e-6 && (unit > 0 || step > 0 || norm != 0) {
					t.Errorf("%v: norm %g of unit %d after %d steps", a.Widths(), norm, unit, step)
				}
			}
			if _, err := trainer.Step(images); err != nil {
				t.Fatal(err)
			}
		}
		parameters := slices.Clone(auto.params)
		newTrainer(t, auto, 4)
		if !slices.Equal(parameters, auto.params) {
			t.Error("a new trainer changes directions of unit norm")
		}
	}
}

// A weight that is no number shows in the loss, even if TopK drops most activations.
func TestTopKShowsNaN(t *testing.T) {
	auto := build(t, aux)
	auto.Encoder.Layers[0].Bias[7] = float32(math.NaN())
	loss, err := newTrainer(t, auto, 4).Step(randomImages(4, aux.InputDims, 1))
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(loss.Total()) {
		t.Errorf("loss %g", loss.Total())
	}
}

// At most K units are active per image, in the trainer and in the model.
func TestTopKCodes(t *testing.T) {
	trainer, images := dying(t, aux)
	result, err := trainer.Evaluate(images)
	if err != nil {
		t.Fatal(err)
	}
	if result.MeanActive > 2 || result.MeanActive == 0 || result.MSE != result.Loss.MSE || result.Loss.BCE != 0 {
		t.Errorf("%g units active, MSE %g, loss %+v", result.MeanActive, result.MSE, result.Loss)
	}
	var bce float64
	x := floats(images)
	for j, y := range trainer.auto.Reconstruct(nil, x) {
		bce += CrossEntropy(float64(x[j]), float64(y)) / float64(len(x))
	}
	if math.Abs(result.BCE-bce) > 1e-5 {
		t.Errorf("cross-entropy %g, want %g", result.BCE, bce)
	}
	if codes := trainer.auto.Encode(nil, floats(images)); !slices.Equal(codes, result.Codes) {
		t.Error("the model's codes differ from the trainer's")
	}
}

// A trainer that continues from a state knows which units are dead.
func TestRestoreIdle(t *testing.T) {
	trainer, images := dying(t, aux)
	state, err := trainer.State()
	if err != nil {
		t.Fatal(err)
	}
	auto, err := aux.With(trainer.auto.params)
	if err != nil {
		t.Fatal(err)
	}
	other := newTrainer(t, auto, 4)
	if err := other.Restore(state); err != nil {
		t.Fatal(err)
	}
	for _, trainer := range []*Trainer{trainer, other} {
		if _, err := trainer.Step(images); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(trainer.auto.params, auto.params) {
		t.Error("the restored trainer trains other weights")
	}
	state.Idle = state.Idle[1:]
	if err := other.Restore(state); err == nil {
		t.Error("a state of 39 latent units is restored")
	}
}

func TestWarmup(t *testing.T) {
	adam := Adam{LearningRate: 2, Decay: 0.5, DecaySteps: 2, WarmupSteps: 4}
	for step, want := range []float64{1: 0.5, 2: math.Sqrt(0.5), 3: 0.75, 4: 2 * math.Pow(0.5, 1.5), 5: 0.5} {
		if got := adam.alpha(step); step > 0 && math.Abs(got-want) > 1e-12 {
			t.Errorf("learning rate %g in step %d, want %g", got, step, want)
		}
	}
}
