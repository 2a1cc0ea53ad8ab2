package worker

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"sae/data"
	"sae/wasm/protocol"
)

// What the worker says of a unit agrees with the codes that the encoder gives.
func TestFeatures(t *testing.T) {
	p := newPage(t)
	p.start(map[string]string{"experiment": "4", "hidden": "16", "activation": "relu", "latent": "6"})
	p.must(protocol.TypeStep, nil)
	for range 3 {
		p.must(protocol.TypeStep, nil) // to the end of the epoch
	}
	set := data.Synthetic(200, 50, 1)
	const latent = 6
	var codes [][]float32
	for i := range 50 {
		codes = append(codes, protocol.Floats(p.must(protocol.TypeEncode, nil, set.Validation.Image(i)).Buffers[0]))
	}
	for unit := range latent {
		reply := p.must(protocol.TypeUnit, protocol.Unit{Unit: unit})
		detail, err := protocol.Decode[protocol.UnitDetail](reply)
		if err != nil {
			t.Fatal(err)
		}
		activations := protocol.Floats(reply.Buffers[0])
		for i, activation := range activations {
			if math.Abs(float64(activation-codes[i][unit])) > 1e-5 {
				t.Fatalf("unit %d has %g on image %d, the encoder says %g", unit, activation, i, codes[i][unit])
			}
		}
		if len(detail.Images) == 0 || activations[detail.Images[0]] != slices.Max(activations) {
			t.Errorf("unit %d: the first of %v is not the most active", unit, detail.Images)
		}
		if !bytes.Equal(reply.Buffers[1][:data.ImageSize], set.Validation.Image(detail.Images[0])) {
			t.Errorf("unit %d: the first picture is not image %d", unit, detail.Images[0])
		}
	}
	points := protocol.Floats(p.must(protocol.TypeMap, nil).Buffers[0])
	if len(points) != 100 {
		t.Fatalf("%d numbers in the map, want 2 for each of 50 images", len(points))
	}
	var first, second float64
	for i := range 50 {
		first += float64(points[2*i]) / 50
		second += float64(points[2*i+1]) / 50
	}
	var along, across float64
	for i := range 50 {
		along += math.Pow(float64(points[2*i])-first, 2)
		across += math.Pow(float64(points[2*i+1])-second, 2)
	}
	if along < across || across == 0 {
		t.Errorf("variances %g and %g of the map, want the first the larger", along, across)
	}
	images := p.must(protocol.TypeImages, protocol.Images{Images: []int{3, 1}}).Buffers[0]
	if !bytes.Equal(images, slices.Concat(set.Validation.Image(3), set.Validation.Image(1))) {
		t.Error("other images than 3 and 1")
	}
}

// The frame's statistics are those of the codes, and an atom is the change that
// a unit makes.
func TestUnitStatistics(t *testing.T) {
	p := newPage(t)
	p.start(map[string]string{"experiment": "4", "hidden": "", "latent": "4", "init": "pca", "activation": "linear"})
	p.until(func(f protocol.Frame) bool { return f.Units })
	var m protocol.Message
	for m = range p.raw {
		if frame, _ := protocol.Decode[protocol.Frame](m); frame.Units {
			break
		}
	}
	center, classMeans, atoms := protocol.Floats(m.Buffers[6]), protocol.Floats(m.Buffers[7]), m.Buffers[8]
	set := data.Synthetic(200, 50, 1)
	want, ofFirst := make([]float64, 4), make([]float64, 4)
	var n float64
	for i := range 50 {
		code := protocol.Floats(p.must(protocol.TypeEncode, nil, set.Validation.Image(i)).Buffers[0])
		for unit, activation := range code {
			want[unit] += float64(activation) / 50
			if set.Validation.Labels[i] == 0 {
				ofFirst[unit] += math.Abs(float64(activation))
			}
		}
		if set.Validation.Labels[i] == 0 {
			n++
		}
	}
	for unit := range 4 {
		if math.Abs(float64(center[unit])-want[unit]) > 1e-4 {
			t.Errorf("unit %d: mean %g, want %g", unit, center[unit], want[unit])
		}
		if got := float64(classMeans[unit*10]); math.Abs(got-ofFirst[unit]/n) > 1e-4 {
			t.Errorf("unit %d: mean on the first class %g, want %g", unit, got, ofFirst[unit]/n)
		}
		atom := atoms[unit*data.ImageSize:][:data.ImageSize]
		if largest := max(int(slices.Max(atom))-128, 128-int(slices.Min(atom))); largest < 126 || largest > 128 {
			t.Errorf("unit %d: the largest change is %d, want 127", unit, largest)
		}
	}
}

// A picture of noise is more unusual than any validation image, a validation
// image is not.
func TestUnusual(t *testing.T) {
	p := newPage(t)
	p.start(map[string]string{"experiment": "4", "hidden": "", "latent": "8"})
	noise := make([]byte, data.ImageSize)
	for i := range noise {
		noise[i] = byte(i * i * 2654435761 >> 13)
	}
	ask := func(image []byte) protocol.Unusual {
		unusual, err := protocol.Decode[protocol.Unusual](p.must(protocol.TypeUnusual, nil, image))
		if err != nil {
			t.Fatal(err)
		}
		return unusual
	}
	if u := ask(noise); u.Share != 1 || u.BCE <= 0 {
		t.Errorf("noise: %+v", u)
	}
	if u := ask(data.Synthetic(200, 50, 1).Validation.Image(3)); u.Share >= 1 || u.BCE <= 0 {
		t.Errorf("a validation image: %+v", u)
	}
}
