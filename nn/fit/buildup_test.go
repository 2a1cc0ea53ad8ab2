package fit_test

import (
	"math"
	"slices"
	"testing"

	"sae/data"
	"sae/nn/experiment"
	"sae/nn/fit"
)

// Built up from all active units, the reconstruction is that of the autoencoder; from none, it
// is the decoder's bias. In between, with directions of unit norm, each unit adds its
// activation times its direction, the largest activation first.
func TestBuildUp(t *testing.T) {
	set := data.Synthetic(80, 10, 1)
	image := set.Validation.Image(3)
	for name, changes := range map[string]map[string]string{
		"TopK":     {"experiment": "5", "latent": "40", "k": "13", "batch": "64"},
		"patches":  {"experiment": "6", "latent": "24", "k": "5", "batch": "64"},
		"mirrored": {"experiment": "3", "hidden": "12", "latent": "7", "batch": "64"},
	} {
		settings, err := experiment.Default().With(changes)
		if err != nil {
			t.Fatal(err)
		}
		run, err := fit.New(settings, fit.NewData(set.Name, data.ImageSize, set.Train.Images, set.Validation.Images), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := run.BuildUp(image)
		if err != nil {
			t.Fatal(err)
		}
		code, want, err := run.Reconstruct(image)
		if err != nil {
			t.Fatal(err)
		}
		near := func(what string, got, want []float32) {
			t.Helper()
			for i, x := range want {
				if math.Abs(float64(got[i]-x)) > 1e-5 {
					t.Fatalf("%s: %s is %g at %d, want %g", name, what, got[i], i, x)
				}
			}
		}
		n := len(b.Counts)
		near("from all units, the reconstruction", b.Outputs[(n-1)*data.ImageSize:], want)
		switch name {
		case "patches":
			if !slices.Equal(b.Counts, []int{0, 1, 2, 3, 4, 5}) || b.Units != nil {
				t.Errorf("patches: %d units, %d", b.Counts, b.Units)
			}
		case "TopK":
			if !slices.Equal(b.Counts, []int{0, 1, 2, 3, 4, 6, 8, 12, 13}) || len(b.Units) != 13 {
				t.Fatalf("TopK: %d units, of %d", b.Counts, b.Units)
			}
			decoder := run.Auto.Decoder.Layers[0]
			sum := slices.Clone(decoder.Bias)
			near("the first", b.Outputs, sum)
			for i, unit := range b.Units {
				if i > 0 && code[unit] > code[b.Units[i-1]] {
					t.Errorf("unit %d, of %g, comes after one of %g", unit, code[unit], code[b.Units[i-1]])
				}
				for j, w := range decoder.Kernel[unit*decoder.Out:][:decoder.Out] {
					sum[j] += code[unit] * w
				}
				if at := slices.Index(b.Counts, i+1); at > 0 {
					near("a part", b.Outputs[at*data.ImageSize:], sum)
				}
			}
		}
	}
}
