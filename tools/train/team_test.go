package main

import (
	"errors"
	"math"
	"slices"
	"testing"

	"sae/data"
	"sae/nn"
	"sae/nn/experiment"
	"sae/nn/fit"
)

// trained returns the parameters and losses of a short run on some cores.
func trained(t *testing.T, cores int) (params []float32, losses []float64) {
	t.Helper()
	set := data.Synthetic(48, 8, 1)
	settings, err := experiment.Default().With(map[string]string{"hidden": "320,320", "mirrored": "true", "latent": "8", "batch": "16", "epochs": "1"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := fit.New(settings, fit.NewData(set.Name, data.ImageSize, set.Train.Images, set.Validation.Images), nil)
	if err != nil {
		t.Fatal(err)
	}
	together, err := spread(r, cores)
	if err != nil {
		t.Fatal(err)
	}
	for !r.Done() {
		if r.Due() {
			if _, _, err := r.Evaluate(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		loss, err := r.Step(1)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, loss[0].Loss.BCE, loss[0].Loss.L1)
	}
	if err := together(); err != nil {
		t.Fatal(err)
	}
	latest, _ := r.Latest()
	return r.Auto.Params(), append(losses, latest.ValLoss, latest.ValMSE)
}

// Any number of cores trains the same weights and reports the same losses, bit for bit.
func TestCores(t *testing.T) {
	params, losses := trained(t, 1)
	if slices.ContainsFunc(losses, math.IsNaN) {
		t.Fatalf("losses %v", losses)
	}
	for _, cores := range []int{2, 3, 64} {
		p, l := trained(t, cores)
		if !slices.Equal(p, params) || !slices.Equal(l, losses) {
			t.Errorf("%d cores: losses %v and other parameters: %v, want %v", cores, l, !slices.Equal(p, params), losses)
		}
	}
}

// If a member of the team ends, the run ends with an error instead of waiting for it.
func TestTeamEnds(t *testing.T) {
	set := data.Synthetic(8, 8, 1)
	settings, err := experiment.Default().With(map[string]string{"hidden": "8", "latent": "4", "batch": "4"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := fit.New(settings, fit.NewData(set.Name, data.ImageSize, set.Train.Images, set.Validation.Images), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Adam = nn.Adam{} // which the members refuse
	if _, err := spread(r, 4); err != nil && !errors.Is(err, errApart) {
		t.Error(err)
	} else if err == nil {
		_, _, err = r.Evaluate()
		if !errors.Is(err, errApart) {
			t.Errorf("%v, want that the team is no more", err)
		}
	}
}
