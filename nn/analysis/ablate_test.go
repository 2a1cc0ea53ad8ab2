package analysis

import (
	"math"
	"slices"
	"testing"

	"sae/data"
	"sae/nn"
	"sae/nn/experiment"
	"sae/nn/fit"
)

// The cosines are those of the rows of the decoder's first kernel.
func TestNearest(t *testing.T) {
	auto, err := nn.New(nn.Architecture{InputDims: 2, LatentDims: 6}, "glorot", 1)
	if err != nil {
		t.Fatal(err)
	}
	copy(auto.Decoder.Layers[0].Kernel, []float32{
		1, 0,
		3, 4,
		0, 2,
		-1, 0,
		0, 0,
		5, 0,
	})
	want := []Neighbor{{5, 1}, {1, 0.6}, {2, 0}, {4, 0}}
	if got := Nearest(auto, 0, 4); !slices.EqualFunc(got, want, func(a, b Neighbor) bool { return a.Unit == b.Unit && math.Abs(a.Cosine-b.Cosine) < 1e-6 }) {
		t.Errorf("nearest %v, want %v", got, want)
	}
	if got := Nearest(auto, 0, 9); len(got) != 5 || got[4].Unit != 3 || math.Abs(got[4].Cosine+1) > 1e-6 {
		t.Errorf("all others: %v, want the opposite one last", got)
	}
	if got := Nearest(auto, 4, 1); len(got) != 1 || got[0].Cosine != 0 {
		t.Errorf("of a direction of zeros: %v", got)
	}
}

// With and without the unit, the loss is that of the decoder for the whole code and for the
// code in which the unit is 0: of images with either loss, and of whitened patches.
func TestAblate(t *testing.T) {
	set := data.Synthetic(100, 70, 1)
	for name, changes := range map[string]map[string]string{
		"cross-entropy": {"experiment": "3", "hidden": "16", "latent": "6", "batch": "64"},
		"squared error": {"experiment": "5", "latent": "12", "k": "3", "batch": "64"},
		"patches":       {"experiment": "6", "latent": "12", "k": "3", "batch": "64"},
	} {
		settings, err := experiment.Default().With(changes)
		if err != nil {
			t.Fatal(err)
		}
		run, err := fit.New(settings, fit.NewData(set.Name, data.ImageSize, set.Train.Images, set.Validation.Images), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range run.Auto.Decoder.Layers { // so that a unit of the untrained model matters
			for i := range layer.Kernel {
				layer.Kernel[i] *= 5
			}
		}
		result, _, err := run.Evaluate()
		if err != nil {
			t.Fatal(err)
		}
		loss := result.Loss.BCE + result.Loss.MSE
		rows := run.Validation()
		dims := run.Auto.Architecture.InputDims
		n := len(rows) / dims
		codes, _, err := run.Trainer.Reconstruct(rows)
		if err != nil {
			t.Fatal(err)
		}
		codes = slices.Clone(codes)
		x := make([]float32, len(rows))
		for i, value := range rows {
			x[i] = float32(value) / 255
		}
		if run.Trainer.Input != nil {
			run.Trainer.Input(x, rows)
		}
		largest := 0.0
		for unit := range settings.Latent {
			got, err := Ablate(run.Trainer, run.Auto, rows, unit)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got.With-loss) > 1e-5*loss {
				t.Errorf("%s: loss %g, the evaluation says %g", name, got.With, loss)
			}
			ablated := slices.Clone(codes)
			for i := range n {
				ablated[i*settings.Latent+unit] = 0
			}
			var want float64
			for i, y := range run.Auto.Decode(nil, ablated) {
				if settings.Loss == "mse" {
					want += math.Pow(float64(y-x[i]), 2)
				} else {
					want += nn.CrossEntropy(float64(x[i]), float64(y))
				}
			}
			if want /= float64(len(x)); math.Abs(got.Without-want) > 1e-5*want {
				t.Errorf("%s: without unit %d %g, want %g", name, unit, got.Without, want)
			}
			largest = max(largest, math.Abs(got.Without-got.With)/loss)
		}
		if largest < 1e-3 {
			t.Errorf("%s: no unit changes the loss by more than %g of it", name, largest)
		}
	}
}
