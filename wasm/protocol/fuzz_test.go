//go:build !js

// The corpus is in files, which a browser cannot read.

package protocol

import (
	"bytes"
	"slices"
	"testing"

	"sae/nn/analysis"
	"sae/nn/baseline"
	"sae/tools/bounds"
)

// decodeBound is how many bytes decoding a body of n bytes may allocate: an empty entry
// of a list takes 3 bytes as JSON and some hundred in memory, and slices grow by
// doubling.
func decodeBound(n int) int { return 1<<20 + 1000*n }

// FuzzDecode checks that a body of any type is rejected, or stays the same when it is
// encoded and decoded again.
func FuzzDecode(f *testing.F) {
	for _, body := range []any{
		Load{Source: SourceSite, Name: "CIFAR-10", URL: "data/cifar10.sae"},
		Configure{Run: 3},
		Watch{Images: []int{0, 7}},
		Frame{Run: 1, Status: StatusTraining, Epochs: []Epoch{{Epoch: 1, Loss: 0.5}}, Points: []Point{{}}, Explained: &Explained{}},
		Bench{Layers: []int{3072, 16, 3072}, LatentIndex: 1},
	} {
		f.Add([]byte(New(TypePing, body).Body))
	}
	f.Add([]byte(`{"Images":[1e99],"layers":[{}],"adam":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		bounds.Hold(t, len(decoders)*decodeBound(len(body)), func() {
			for _, decode := range decoders {
				decode(t, body)
			}
		})
	})
}

// decoders decode the bodies of all messages.
var decoders = []func(*testing.T, []byte){
	decode[Load], decode[Dataset], decode[Arrived], decode[Configure], decode[Adjust],
	decode[Join], decode[Pace], decode[Watch], decode[Export], decode[Import], decode[Imported],
	decode[Keep], decode[Left], decode[Resume], decode[Saved], decode[Images], decode[Unit],
	decode[Note], decode[UnitDetail], decode[Pictures], decode[BuildUp], decode[Codes],
	decode[Map], decode[analysis.Rarity], decode[PCA], decode[baseline.Quality],
	decode[[]baseline.Components], decode[Seen], decode[Ready], decode[Loading], decode[Frame],
	decode[Died], decode[Bench], decode[BenchResult],
}

func decode[T any](t *testing.T, body []byte) {
	var value T
	for buffers := range 3 { // some bodies need none, one or two
		v, err := Decode[T](Message{Type: TypePing, Body: body, Buffers: make([][]byte, buffers)})
		if value = v; err == nil {
			break
		}
		if buffers == 2 {
			return
		}
	}
	sent := New(TypePing, value)
	again, err := Decode[T](sent)
	if err != nil {
		t.Fatalf("%s is read as %+v, which is not read again: %v", body, value, err)
	}
	if text := New(TypePing, again).Body; !bytes.Equal(text, sent.Body) {
		t.Errorf("%s becomes %s and then %s", body, sent.Body, text)
	}
}

// Numbers keep their bits.
func FuzzFloats(f *testing.F) {
	f.Add([]byte{0, 0, 0x80, 0x7f, 0, 0, 0xc0, 0x7f, 1})
	f.Fuzz(func(t *testing.T, buffer []byte) {
		if got := Bytes(Floats(buffer)); !bytes.Equal(got, buffer[:len(buffer)/4*4]) {
			t.Errorf("%v becomes %v", buffer, slices.Clone(got))
		}
	})
}
