package fit

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"sae/data"
	"sae/nn/experiment"
	"sae/nn/patch"
)

// pictures are real images, because whitening needs more patches than they have values.
func pictures() Data {
	d := data.Synthetic(30, 5, 1)
	return NewData(d.Name, data.ImageSize, d.Train.Images, d.Validation.Images)
}

func onPatches(t *testing.T, changes map[string]string) experiment.Settings {
	t.Helper()
	s, err := experiment.Preset(6)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"latent": "24", "k": "4", "batch": "100", "epochs": "2"}
	for name, value := range changes {
		all[name] = value
	}
	if s, err = s.With(all); err != nil {
		t.Fatal(err)
	}
	return s
}

// An epoch is a pass over all patches of the images in use, and a run that is resumed
// continues bit for bit, also with patches that are not whitened.
func TestPatchRun(t *testing.T) {
	d := pictures()
	for _, changes := range []map[string]string{{}, {"patch": "16", "loss": "bce", "sparsity": "l1", "k": "0", "lambda": "1e-4"}, {"subset": "20"}} {
		s := onPatches(t, changes)
		r := newTestRun(t, s, d)
		rows := s.TrainingImages(30) * 32 * 32 / s.Patch / s.Patch
		if r.Rows() != rows || r.Batches() != (rows+99)/100 {
			t.Errorf("%v: %d rows in %d batches, want %d rows", changes, r.Rows(), r.Batches(), rows)
		}
		before := r.Auto.Architecture
		if dims := s.Patch * s.Patch * 3; before.InputDims != dims {
			t.Errorf("%v: %d inputs, want %d", changes, before.InputDims, dims)
		}
		advance(t, r, 3)
		c, err := ReadCheckpoint(bytes.NewReader(written(t, r)))
		if err != nil {
			t.Fatal(err)
		}
		resumed, err := Resume(c, pictures(), nil)
		if err != nil {
			t.Fatal(err)
		}
		advance(t, r, -1)
		advance(t, resumed, -1)
		if !same(t, r, resumed) {
			t.Errorf("%v: a resumed run differs", changes)
		}
		if first, last := r.Initial.ValLoss, r.History[1].ValLoss; last >= first {
			t.Errorf("%v: validation loss %g, at first %g", changes, last, first)
		}
	}
}

// An evaluation whitens and reconstructs each patch of the validation images once, and its loss
// is that of the whitened patches.
func TestEvaluateWhitened(t *testing.T) {
	d := pictures()
	r := newTestRun(t, onPatches(t, nil), d)
	advance(t, r, 4)
	want, err := r.Trainer.Evaluate(r.validation)
	if err != nil {
		t.Fatal(err)
	}
	loss, active, dead := want.Loss.Total(), want.MeanActive, want.Dead
	whiten, patches := r.Trainer.Input, 0
	r.Trainer.Input = func(dst []float32, some []byte) {
		patches += len(some) / r.whitening.Dims
		whiten(dst, some)
	}
	got, _, err := r.Evaluate()
	if err != nil {
		t.Fatal(err)
	}
	if want := len(r.validation) / r.whitening.Dims; patches != want {
		t.Errorf("the evaluation reads %d patches, want %d", patches, want)
	}
	if math.Abs(got.Loss.Total()-loss) > 1e-6*loss || got.MeanActive != active || got.Dead != dead {
		t.Errorf("loss %g, %g active, %d dead; want %g, %g, %d", got.Loss.Total(), got.MeanActive, got.Dead, loss, active, dead)
	}
}

// Reconstructions are whole pictures, the evaluation's MSE is theirs, and a picture's code is
// the strongest activation of each unit on its patches.
func TestPatchPictures(t *testing.T) {
	d := pictures()
	for _, changes := range []map[string]string{{}, {"whiten": "false"}} {
		s := onPatches(t, changes)
		r := newTestRun(t, s, d)
		advance(t, r, 4)
		result, _, err := r.Evaluate()
		if err != nil {
			t.Fatal(err)
		}
		wantCodes := slices.Clone(result.Codes)
		codes, outputs, err := r.Reconstruct(d.Validation)
		if err != nil {
			t.Fatal(err)
		}
		codes, outputs = slices.Clone(codes), slices.Clone(outputs)
		if len(codes) != 5*24 || !slices.Equal(codes, wantCodes) {
			t.Errorf("%v: codes of pictures differ from those of the evaluation", changes)
		}
		var mse float64
		for i, value := range d.Validation {
			y := float64(outputs[i])
			if s.Whiten {
				y = min(max(y, 0), 1)
			}
			mse += math.Pow(float64(value)/255-y, 2) / float64(len(d.Validation))
		}
		if math.Abs(result.MSE-mse) > 1e-6 || s.Whiten && mse > 0.03 {
			t.Errorf("%v: MSE %g, want %g", changes, result.MSE, mse)
		}
		if s.Whiten == (result.MSE == result.Loss.MSE) {
			t.Errorf("%v: MSE %g of pictures, %g of what the autoencoder reads", changes, result.MSE, result.Loss.MSE)
		}
		// The decoded code of a picture is its strongest patch, on grey if it is whitened.
		grid := s.Grid()
		image := d.Validation[:d.Dims]
		code, err := r.Encode(image)
		if err != nil {
			t.Fatal(err)
		}
		decoded := r.Decode(slices.Clone(code))
		index, pixels := grid.Strongest(image)
		shift := float32(0)
		if s.Whiten {
			shift = 0.5 - patch.Means(pixels, grid.Dims())[0]
		}
		want := patch.Enlarge(grid, patch.Cut(grid, outputs[:d.Dims])[index*grid.Dims():][:grid.Dims()])
		for i := range decoded {
			if math.Abs(float64(decoded[i]-shift-want[i])) > 1e-4 {
				t.Fatalf("%v: decoded value %d is %g, want %g", changes, i, decoded[i]-shift, want[i])
			}
		}
		// A unit looks at the patch on which its activation is the picture's.
		unit := slices.Index(codes[:24], slices.Max(codes[:24]))
		part, err := r.Part(image, unit)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for i := range grid.PerImage() {
			pixels := grid.Append(nil, image, i)
			one, _, err := r.Trainer.Reconstruct(pixels)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(patch.Enlarge(grid, pixels), part) {
				found = math.Abs(float64(one[unit]-codes[unit])) < 1e-5
			}
		}
		if !found {
			t.Errorf("%v: unit %d looks at another patch than the one that activates it most", changes, unit)
		}
	}
}

// A checkpoint brings its whitening: on other images, its model reconstructs as before.
func TestWhitenedElsewhere(t *testing.T) {
	d := pictures()
	r := newTestRun(t, onPatches(t, nil), d)
	advance(t, r, 2)
	file := written(t, r)
	c, err := ReadCheckpoint(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	set := data.Synthetic(30, 5, 2)
	other := NewData("other", d.Dims, set.Train.Images, set.Validation.Images)
	elsewhere, err := Resume(c, other, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, want, err := r.Reconstruct(d.Validation)
	if err != nil {
		t.Fatal(err)
	}
	want = slices.Clone(want)
	_, got, err := elsewhere.Reconstruct(d.Validation)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("a whitened model reconstructs otherwise beside other images: %v", err)
	}
	c.Whitening = nil
	_, resumed := Resume(c, d, nil)
	var unwritten bytes.Buffer
	for _, err := range []error{resumed, c.Write(&unwritten)} {
		if err == nil || !strings.Contains(err.Error(), "whiten true with a whitening false: want both or neither") || unwritten.Len() > 0 {
			t.Errorf("no whitening: error %v, %d bytes written", err, unwritten.Len())
		}
	}
	for cut, want := range map[int]string{4: "in the checksum of its arrays", 100: "in its inverse of the whitening matrix, after 0", 4 + 4*192*192: "in its inverse", 4*192*192*2 + 200: "in its means of patches"} {
		if _, err := ReadCheckpoint(bytes.NewReader(file[:len(file)-cut])); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without the last %d bytes: error %v, want %q", cut, err, want)
		}
	}
}

func TestPatchErrors(t *testing.T) {
	d := pictures()
	for want, data := range map[string]Data{
		"whitening 48 patches of 192 values: want at least as many": NewData("few", d.Dims, d.Train[:3*d.Dims], d.Validation),
		"patches that all are of one colour":                        NewData("grey", d.Dims, make([]byte, 20*d.Dims), d.Validation),
		"patches of images of 30 bytes: want 3072":                  someData(100, 5),
	} {
		if _, err := New(onPatches(t, map[string]string{"batch": "10"}), data, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
