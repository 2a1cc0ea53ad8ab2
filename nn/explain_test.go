package nn

import (
	"math"
	"slices"
	"testing"
)

// An explained step changes the model like any other, and the explanation agrees with
// what it did.
func TestExplain(t *testing.T) {
	architecture := Architecture{InputDims: 48, EncoderHidden: []int{20}, LatentDims: 8, DecoderHidden: []int{20}, Lambda: 1e-3}
	build := func(adam Adam) (*Autoencoder, *Trainer) {
		auto, err := New(architecture, "glorot", 1)
		if err != nil {
			t.Fatal(err)
		}
		trainer, err := NewTrainer(auto, adam, 16)
		if err != nil {
			t.Fatal(err)
		}
		return auto, trainer
	}
	images := make([]byte, 16*48)
	for i := range images {
		images[i] = byte(i * i)
	}
	auto, trainer := build(DefaultAdam)
	plain, plainTrainer := build(DefaultAdam)
	for range 3 {
		if _, err := plainTrainer.Step(images); err != nil {
			t.Fatal(err)
		}
		if _, err := trainer.Step(images); err != nil {
			t.Fatal(err)
		}
	}
	before := slices.Clone(auto.Params())
	told, err := trainer.Explain(images)
	if err != nil {
		t.Fatal(err)
	}
	loss, err := plainTrainer.Step(images)
	if err != nil {
		t.Fatal(err)
	}
	after, err := plainTrainer.Step(images)
	if err != nil {
		t.Fatal(err)
	}
	if told.Before != loss || told.After != after || told.Images != 16 {
		t.Errorf("explained %d images, loss %v to %v; want 16, %v to %v", told.Images, told.Before, told.After, loss, after)
	}
	if _, err := trainer.Step(images); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(auto.Params(), plain.Params()) {
		t.Error("an explained step differs from a plain one")
	}

	// With β₁ = 0, Adam's first moment is the gradient at the same parameters.
	adam := DefaultAdam
	adam.Beta1 = 0
	other, otherTrainer := build(adam)
	copy(other.Params(), before)
	codes := other.Encode(nil, floats(images))
	if _, err := otherTrainer.Step(images); err != nil {
		t.Fatal(err)
	}
	state, err := otherTrainer.State()
	if err != nil {
		t.Fatal(err)
	}
	norm := func(values []float32) float64 {
		var squares float64
		for _, value := range values {
			squares += float64(value) * float64(value)
		}
		return math.Sqrt(squares)
	}
	start := 0
	for i, layer := range auto.Layers() {
		end := start + (layer.In+1)*layer.Out
		l := told.Layers[i]
		if want := norm(state.Moments1[start:end]); math.Abs(l.Gradient-want) > 1e-4*want {
			t.Errorf("%s: gradient %g, want %g", l.Name, l.Gradient, want)
		}
		if want := norm(before[start:end]); math.Abs(l.Weights-want) > 1e-6*want {
			t.Errorf("%s: weights %g, want %g", l.Name, l.Weights, want)
		}
		if want := norm(l.Updates); l.Name != layer.Name || math.Abs(l.Update-want) > 1e-6*want || want == 0 || len(l.Updates) != layer.Out {
			t.Errorf("%s: update %g of units %g", l.Name, l.Update, want)
		}
		start = end
	}
	var active int
	for _, a := range codes {
		if a != 0 {
			active++
		}
	}
	if want := float64(active) / 16; math.Abs(told.Active-want) > 1e-9 {
		t.Errorf("%g latent units active, want %g", told.Active, want)
	}
	if _, err := trainer.Explain(images[:5]); err == nil {
		t.Error("half an image is explained")
	}
}

func floats(images []byte) []float32 {
	x := make([]float32, len(images))
	for i, b := range images {
		x[i] = float32(b) / 255
	}
	return x
}
