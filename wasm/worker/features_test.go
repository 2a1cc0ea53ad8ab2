package worker

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"sae/data"
	"sae/nn/analysis"
	"sae/wasm/protocol"
)

// The statistics of the units agree with the encoder's codes.
func TestFeatures(t *testing.T) {
	p := newPage(t)
	p.start(map[string]string{"experiment": "4", "hidden": "16", "activation": "relu", "latent": "6"})
	p.must(protocol.TypeStep, nil)
	for range 3 {
		p.must(protocol.TypeStep, nil) // to the end of the epoch
	}
	frame, _, _ := p.until(func(f protocol.Frame) bool { return f.Units != nil && f.Epoch == 1 })
	set := data.Synthetic(200, 50, 1)
	const latent = 6
	var codes []float32
	for i := range 50 {
		codes = append(codes, body[protocol.Codes](t, p.must(protocol.TypeEncode, picture(set.Validation.Image(i)))).Codes...)
	}
	close := func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-4 }
	want := analysis.NewUnits(codes, set.Validation.Labels, len(set.Classes))
	if got := frame.Units; !slices.EqualFunc(got.Mean, want.Mean, close) || !slices.EqualFunc(got.Center, want.Center, close) ||
		!slices.EqualFunc(got.ByClass, want.ByClass, close) || !slices.EqualFunc(got.Activity, want.Activity, close) {
		t.Errorf("statistics %+v, want %+v", got, want)
	}
	want.Atoms = analysis.Atoms(p.worker.run.Decode, want)
	for i, got := range frame.Units.Atoms {
		if difference := int(got) - int(want.Atoms[i]); difference < -1 || difference > 1 {
			t.Fatalf("number %d of the atoms is %d, want %d", i, got, want.Atoms[i])
		}
	}
	for unit := range latent {
		detail := body[protocol.UnitDetail](t, p.must(protocol.TypeUnit, protocol.Unit{Unit: unit}))
		for i, activation := range detail.Activations {
			if !close(activation, codes[i*latent+unit]) {
				t.Fatalf("unit %d has %g on image %d, the encoder says %g", unit, activation, i, codes[i*latent+unit])
			}
		}
		if loss := p.worker.run.History[0].ValBCE; !close(float32(detail.With), float32(loss)) || detail.Without == detail.With || len(detail.Nearest) != 4 {
			t.Errorf("unit %d: the loss is %g, and %g without it; the evaluation says %g; nearest %v", unit, detail.With, detail.Without, loss, detail.Nearest)
		}
		if len(detail.Activations) != 50 || len(detail.Top) == 0 || len(detail.Top) > topImages {
			t.Fatalf("unit %d: %d activations, images %v", unit, len(detail.Activations), detail.Top)
		}
		for i, image := range detail.Top {
			if !bytes.Equal(detail.Pictures[i*data.ImageSize:][:data.ImageSize], set.Validation.Image(image)) {
				t.Errorf("unit %d: picture %d is not image %d", unit, i, image)
			}
		}
	}
	if points := body[protocol.Map](t, p.must(protocol.TypeMap, nil)).Points; len(points) != 100 {
		t.Errorf("%d numbers in the map, want 2 for each of 50 images", len(points))
	}
	images := body[protocol.Pictures](t, p.must(protocol.TypeImages, protocol.Images{Images: []int{3, 1}})).Pixels
	if !bytes.Equal(images, slices.Concat(set.Validation.Image(3), set.Validation.Image(1))) {
		t.Error("other images than 3 and 1")
	}
	if rarity := body[analysis.Rarity](t, p.must(protocol.TypeUnusual, picture(make([]byte, data.ImageSize)))); !(rarity.Excess > 0) || !(rarity.Share > 0) {
		t.Errorf("a black picture: %+v", rarity)
	}
}
