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

func near(got float32, want float64) bool { return math.Abs(float64(got)-want) < 1e-6 }

// Four images, one of them of the second class, and three units: one that prefers the
// first class, one with both signs, and a dead one.
func TestUnits(t *testing.T) {
	codes := []float32{
		2, 0.5, 0,
		4, -0.5, 0,
		0, -2, 0,
		1, 0, 0,
	}
	u := NewUnits(codes, []byte{0, 0, 1, 0}, 2)
	for name, test := range map[string]struct {
		got  []float32
		want []float64
	}{
		"Mean":     {u.Mean, []float64{7. / 4, 3. / 4, 0}},
		"Activity": {u.Activity, []float64{3. / 4, 3. / 4, 0}},
		"Center":   {u.Center, []float64{7. / 4, -2. / 4, 0}},
		"ByClass":  {u.ByClass, []float64{7. / 3, 0, 1. / 3, 2, 0, 0}},
		"Usual":    {[]float32{u.Usual(0), u.Usual(1), u.Usual(2)}, []float64{7. / 3, 1, 1}},
	} {
		if !slices.EqualFunc(test.got, test.want, near) {
			t.Errorf("%s is %v, want %v", name, test.got, test.want)
		}
	}
	if got := u.Dead(); !slices.Equal(got, []bool{false, false, true}) {
		t.Errorf("dead %v, want the third", got)
	}
	for unit, want := range []struct {
		class       int
		selectivity float64
	}{{0, 1}, {1, (2 - 1./3) / (2 + 1./3)}, {0, 0}} {
		if class, selectivity := u.Preferred(unit); class != want.class || !near(float32(selectivity), want.selectivity) {
			t.Errorf("unit %d prefers class %d by %g, want %+v", unit, class, selectivity, want)
		}
	}
	if got := u.Selectivity(0); u.Images != 4 || !near(float32(got), 3./(3+doubt)) {
		t.Errorf("over %d images, unit 0 has a selectivity of %g, want %g", u.Images, got, 3./(3+doubt))
	}
	if got := u.Selectivity(2); got != 0 {
		t.Errorf("a dead unit has a selectivity of %g", got)
	}
	if got := u.By(func(unit int) float64 { return float64(u.Activity[unit]) }); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("by activity %v", got)
	}
	if got := u.By(func(unit int) float64 { return -float64(u.Mean[unit]) }); !slices.Equal(got, []int{2, 1, 0}) {
		t.Errorf("by less mean %v", got)
	}
	if u := NewUnits(make([]float32, 4), []byte{0, 0}, 1); u.Histogram.Zero != 1 || u.Histogram.Max != 0 || slices.Max(u.Histogram.Shares) != 0 {
		t.Errorf("of dead units alone: %+v", u)
	}
}

// The bins count absolute activations, except zeros.
func TestHistogram(t *testing.T) {
	h := NewHistogram([]float32{0, 0.1, -0.1, 0.5, 1, 0, -0.9, 0}, 2)
	if want := []float32{2. / 8, 3. / 8}; !slices.Equal(h.Shares, want) || h.Zero != 3./8 || h.Max != 1 {
		t.Errorf("%+v, want the shares %v, 3/8 zero and at most 1", h, want)
	}
}

// With signs, the first bin starts at the smallest.
func TestSignedHistogram(t *testing.T) {
	h := NewSignedHistogram([]float32{0, -2, 1, 2, -0.5, 0, 0, 0}, 4)
	if want := []float32{1. / 8, 1. / 8, 0, 2. / 8}; !slices.Equal(h.Shares, want) || h.Zero != 0.5 || h.Min != -2 || h.Max != 2 {
		t.Errorf("%+v, want the shares %v from -2 to 2, half zero", h, want)
	}
	if h := NewSignedHistogram([]float32{1, 3}, 3); h.Min != 0 || h.Max != 3 {
		t.Errorf("of positive ones: from %g to %g, want 0 to 3", h.Min, h.Max)
	}
}

// A unit that is active on two images of one class, and on no other, does not come
// before one that is active on half of a class and little else.
func TestFewImagesSayLittle(t *testing.T) {
	const n = 100
	codes, labels := make([]float32, 2*n), make([]byte, n)
	for i := range n {
		labels[i] = byte(i % 2)
		if i == 1 || i == 3 {
			codes[2*i] = 5
		}
		if i%4 == 1 || i < 4 {
			codes[2*i+1] = 1
		}
	}
	u := NewUnits(codes, labels, 2)
	_, rare := u.Preferred(0)
	_, often := u.Preferred(1)
	if !(rare > often) || !(u.Selectivity(1) > u.Selectivity(0)) {
		t.Errorf("selectivities %g and %g are %g and %g, want the second to lead", rare, often, u.Selectivity(0), u.Selectivity(1))
	}
}

// model returns a linear model that starts from 8 principal components, and its data.
func model(t *testing.T) (*fit.Run, *data.Dataset) {
	set := data.Synthetic(200, 50, 1)
	settings, err := experiment.Default().With(map[string]string{"experiment": "4", "hidden": "", "latent": "8"})
	if err != nil {
		t.Fatal(err)
	}
	run, err := fit.New(settings, fit.NewData(set.Name, data.ImageSize, set.Train.Images, set.Validation.Images), nil)
	if err != nil {
		t.Fatal(err)
	}
	return run, set
}

// An atom is the change of the decoded mean code that the unit's usual activation makes.
func TestAtoms(t *testing.T) {
	run, set := model(t)
	evaluation, err := run.Trainer.Evaluate(set.Validation.Images)
	if err != nil {
		t.Fatal(err)
	}
	u := NewUnits(evaluation.Codes, set.Validation.Labels, len(set.Classes))
	u.Atoms = Atoms(func(codes []float32) []float32 { return run.Auto.Decode(nil, codes) }, u)
	base := slices.Clone(run.Auto.Decode(nil, u.Center))
	for unit := range 8 {
		code := slices.Clone(u.Center)
		code[unit] += u.Usual(unit)
		change := run.Auto.Decode(nil, code)
		var largest float64
		for i := range change {
			change[i] -= base[i]
			largest = max(largest, math.Abs(float64(change[i])))
		}
		for i, got := range u.Atom(unit) {
			if want := 128 + 127*float64(change[i])/largest; math.Abs(float64(got)-want) > 0.6 {
				t.Fatalf("unit %d adds %d at %d, want %g", unit, got, i, want)
			}
		}
	}
}

// A Unit has the unit's column of the codes, and its images by absolute activation.
func TestUnit(t *testing.T) {
	auto, err := nn.New(nn.Architecture{InputDims: 4, LatentDims: 2}, "glorot", 1)
	if err != nil {
		t.Fatal(err)
	}
	latent := auto.Encoder.Layers[0]
	latent.Bias[1] = 0.25
	u := NewUnit(auto, []float32{9, 1, 9, -3, 9, 0, 9, 2}, 1, 2)
	if !slices.Equal(u.Activations, []float32{1, -3, 0, 2}) || !slices.Equal(u.Top, []int{1, 3}) || u.Bias != 0.25 || u.Largest() != -3 {
		t.Errorf("%+v, the largest %g", u, u.Largest())
	}
	if u := NewUnit(auto, []float32{0, 9}, 0, 2); len(u.Top) != 0 || u.Largest() != 0 {
		t.Errorf("a dead unit: %+v", u)
	}
}

// The map of codes that lie on a plane preserves their distances, with the longer
// direction first.
func TestMap(t *testing.T) {
	codes := []float32{
		0, 0, 1,
		0, 8, 1,
		3, 0, 1,
		3, 8, 1,
	}
	points, err := Map(codes, 3, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		for j := range i {
			got := math.Hypot(float64(points[2*i]-points[2*j]), float64(points[2*i+1]-points[2*j+1]))
			want := math.Hypot(float64(codes[3*i]-codes[3*j]), float64(codes[3*i+1]-codes[3*j+1]))
			if math.Abs(got-want) > 1e-4 {
				t.Errorf("%d and %d are %g apart, want %g", i, j, got, want)
			}
		}
	}
	if along, across := math.Abs(float64(points[2]-points[0])), math.Abs(float64(points[4]-points[0])); along < 7.9 || across > 0.1 {
		t.Errorf("along the longer direction, the points move by %g, along the shorter by %g", along, across)
	}
	if points, err = Map([]float32{1, 2, 3}, 1, func() error { return nil }); err != nil || len(points) != 6 || points[1] != 0 {
		t.Errorf("codes of one unit: %v, %v", points, err)
	}
}

// Noise is more unusual than any validation image; a validation image is not.
func TestCompare(t *testing.T) {
	run, set := model(t)
	noise := make([]byte, data.ImageSize)
	for i := range noise {
		noise[i] = byte(i * i * 2654435761 >> 13)
	}
	const n = 10
	others := set.Validation.Images[:n*data.ImageSize]
	compare := func(image []byte) Rarity {
		rarity, err := Compare(run.Trainer, image, others)
		if err != nil {
			t.Fatal(err)
		}
		return rarity
	}
	if r := compare(noise); r.Share != 1 || r.Excess <= 0 {
		t.Errorf("noise: %+v", r)
	}
	taken := make([]bool, n)
	for i := range n {
		r := compare(set.Validation.Image(i))
		if r.Excess <= 0 || r.Share >= 1 {
			t.Fatalf("validation image %d: %+v", i, r)
		}
		taken[int(math.Round(n*r.Share))] = true
	}
	if slices.Contains(taken, false) {
		t.Errorf("shares that %d images have: %v, want each of 0 to %d/%d once", n, taken, n-1, n)
	}
}
