package state

import (
	"testing"

	"sae/wasm/protocol"
)

func TestPictures(t *testing.T) {
	page, worker := open(t)
	watched := func() []int {
		t.Helper()
		for i := len(worker.sent) - 1; i >= 0; i-- {
			if worker.sent[i].Type == protocol.TypeWatch {
				watch, err := protocol.Decode[protocol.Watch](worker.sent[i])
				if err != nil {
					t.Fatal(err)
				}
				return watch.Images
			}
		}
		t.Fatal("nothing is watched")
		return nil
	}
	first := watched()
	if len(first) != PictureCount {
		t.Fatalf("%d pictures, want %d", len(first), PictureCount)
	}
	for i, image := range first {
		if image != i {
			t.Errorf("picture %d is image %d, want the first of class %d", i, image, i)
		}
	}
	page.Pictures.Others()
	seen := map[int]bool{}
	for _, image := range watched() {
		if image < 0 || image >= validationImages || seen[image] {
			t.Errorf("other pictures %v: want different validation images", watched())
		}
		seen[image] = true
	}
	page.Pictures.First()
	if got := watched(); got[0] != first[0] || page.Pictures.Shuffled {
		t.Errorf("pictures %v, want %v again", got, first)
	}
}
