package data

import (
	"bytes"
	"hash/crc32"
	"math"
	"strconv"
	"testing"
)

// TestSyntheticIsTheSameEverywhere runs natively and in WebAssembly.
func TestSyntheticIsTheSameEverywhere(t *testing.T) {
	d := Synthetic(200, 100, 1)
	if err := d.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		images []byte
		want   uint32
	}{
		"training":   {d.Train.Images, 0x7ba3c023},
		"validation": {d.Validation.Images, 0x76ad1a13},
	} {
		if got := crc32.Checksum(test.images, castagnoli); got != test.want {
			t.Errorf("%s images: checksum %08x, want %08x", name, got, test.want)
		}
	}
}

func TestSyntheticSeeds(t *testing.T) {
	a, b := Synthetic(20, 10, 1), Synthetic(20, 10, 2)
	if bytes.Equal(a.Train.Images, b.Train.Images) {
		t.Error("two seeds give the same images")
	}
	if bytes.Equal(a.Train.Images[:10*ImageSize], a.Validation.Images) {
		t.Error("training and validation images are the same")
	}
	for _, s := range []Split{a.Train, a.Validation} {
		for class, n := range count(s.Labels) {
			if n != s.Len()/10 {
				t.Errorf("%d of %d images of class %d, want a tenth", n, s.Len(), class)
			}
		}
	}
}

// TestSyntheticIsLikeNature compares a few statistics, roughly, with those of CIFAR-10:
// green has a mean of 0.48 and a standard deviation of 0.24, neighboring pixels have a
// correlation of 0.93, red and blue of 0.78.
func TestSyntheticIsLikeNature(t *testing.T) {
	d := Synthetic(500, 1, 1)
	var pixel, neighbor, red, blue []float64
	for i := range d.Train.Len() {
		image := d.Train.Image(i)
		for k := 0; k < len(image); k += Channels {
			red, blue = append(red, float64(image[k])/255), append(blue, float64(image[k+2])/255)
			if k%(Width*Channels) != 0 {
				pixel, neighbor = append(pixel, float64(image[k+1])/255), append(neighbor, float64(image[k+1-Channels])/255)
			}
		}
	}
	mean, deviation := moments(pixel)
	for _, test := range []struct {
		name           string
		got, low, high float64
	}{
		{"mean", mean, 0.37, 0.57},
		{"standard deviation", deviation, 0.2, 0.3},
		{"correlation of neighbors", correlation(pixel, neighbor), 0.9, 0.98},
		{"correlation of red and blue", correlation(red, blue), 0.7, 0.9},
	} {
		if !(test.low <= test.got && test.got <= test.high) {
			t.Errorf("%s %.3f, want %.2f to %.2f", test.name, test.got, test.low, test.high)
		}
	}
}

func moments(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(deviation)
}

func correlation(a, b []float64) float64 {
	meanA, deviationA := moments(a)
	meanB, deviationB := moments(b)
	var sum float64
	for i := range a {
		sum += (a[i] - meanA) * (b[i] - meanB)
	}
	return sum / float64(len(a)) / deviationA / deviationB
}

// TestShapes: no two classes have the same outline, and each shape covers some but not all
// pixels.
func TestShapes(t *testing.T) {
	outlines := map[string]string{}
	for class, name := range syntheticClasses {
		s := shape{class: class, x: 16, y: 16, size: 12, cos: 1}
		var outline []byte
		for i := range planeSize {
			outline = strconv.AppendBool(outline, s.distance(float64(i%Width), float64(i/Width)) < 0)
		}
		if other, ok := outlines[string(outline)]; ok {
			t.Errorf("%s and %s look the same", name, other)
		}
		outlines[string(outline)] = name
		if inside := bytes.Count(outline, []byte("true")); inside < 60 || inside > 700 {
			t.Errorf("%s covers %d of %d pixels", name, inside, planeSize)
		}
	}
}

// A data set that is drawn in pieces is that which is drawn at once.
func TestSketch(t *testing.T) {
	want, got := Synthetic(45, 20, 3), Sketch(45, 20, 3)
	if !bytes.Equal(got.Validation.Images, want.Validation.Images) || bytes.Equal(got.Train.Images, want.Train.Images) {
		t.Error("a sketch has other validation images, or training images already")
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	for i, all := range []bool{false, false, true, true} {
		if there, err := got.More(20); there != all || err != nil {
			t.Errorf("after drawing %d times, all images are there: %v, %v", i+1, there, err)
		}
	}
	if !bytes.Equal(got.Train.Images, want.Train.Images) {
		t.Error("images that are drawn in pieces are others")
	}
}
