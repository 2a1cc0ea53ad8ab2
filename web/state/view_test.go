package state

import (
	"slices"
	"testing"

	"sae/wasm/protocol"
)

func TestSamplesByPosition(t *testing.T) {
	s := Samples{Samples: protocol.Samples{Images: []int{7, 9}, Originals: []byte{1, 2, 3, 4}, Reconstructions: []byte{5, 6, 7, 8}, Codes: []float32{0, 1, 2, 3, 4, 5}}}
	if got := s.Original(1); !slices.Equal(got, []byte{3, 4}) {
		t.Errorf("original %v, want [3 4]", got)
	}
	if got := s.Reconstruction(0); !slices.Equal(got, []byte{5, 6}) {
		t.Errorf("reconstruction %v, want [5 6]", got)
	}
	if got := s.Code(1); !slices.Equal(got, []float32{3, 4, 5}) {
		t.Errorf("code %v, want [3 4 5]", got)
	}
	if s.Original(2) != nil || s.Code(-1) != nil || (Samples{}).Original(0) != nil {
		t.Error("want nothing where there is no picture")
	}
}
