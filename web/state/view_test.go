package state

import (
	"slices"
	"testing"
)

func TestSamplesByPosition(t *testing.T) {
	s := Samples{Images: []int{7, 9}, Originals: []byte{1, 2, 3, 4}, Reconstructions: []byte{5, 6, 7, 8}, Codes: []float32{0, 1, 2, 3, 4, 5}}
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

func TestDeadUnits(t *testing.T) {
	u := Units{Activity: []float32{0, 0.002, 1}}
	if got := u.Dead(); !slices.Equal(got, []bool{true, false, false}) {
		t.Errorf("dead %v, want the first alone", got)
	}
}

func TestTypingIsKeptUntilItIsTaken(t *testing.T) {
	page, _ := open(t)
	page.Type("epochs", "3x")
	if page.Draft["epochs"] != "3x" || page.Settings.Epochs != 20 {
		t.Fatalf("draft %q, epochs %d, want 3x and still 20", page.Draft["epochs"], page.Settings.Epochs)
	}
	page.Type("epochs", "20") // back to what it was
	if draft, ok := page.Draft["epochs"]; ok {
		t.Errorf("draft %q, want none", draft)
	}
	page.Type("epochs", "30")
	page.Edit("epochs", "30")
	if draft, ok := page.Draft["epochs"]; ok || page.Settings.Epochs != 30 {
		t.Errorf("draft %q, epochs %d, want none and 30", draft, page.Settings.Epochs)
	}
}
