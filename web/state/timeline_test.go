package state

import (
	"testing"

	"sae/wasm/protocol"
)

// The timeline keeps moments of the run, shows them, and returns to now.
func TestTimeline(t *testing.T) {
	page, worker := open(t)
	send := func(epoch int, images []int) {
		value := float32(epoch)
		numbers := protocol.Bytes([]float32{value})
		worker.frame(protocol.Frame{Workers: 1, Epoch: epoch, Batches: 4, Images: images, Labels: make([]int, len(images)), Units: true},
			make([]byte, 3072), []byte{byte(epoch)}, numbers, numbers, numbers, numbers, numbers, numbers, []byte{byte(epoch)})
	}
	for epoch := range 5 {
		send(epoch, []int{3})
	}
	if len(page.Moments) != 5 || page.Moments[2].Epoch != 2 || page.Past != -1 {
		t.Fatalf("%d moments, the third at epoch %g, past %d", len(page.Moments), page.Moments[2].Epoch, page.Past)
	}
	page.Scrub(1)
	if page.Past != 1 || page.Samples.Codes[0] != 1 || page.Units.Mean[0] != 1 {
		t.Errorf("past %d, code %v, units %v", page.Past, page.Samples.Codes, page.Units.Mean)
	}
	version := page.Samples.Version
	send(5, []int{3}) // training goes on
	if page.Past != 1 || page.Samples.Codes[0] != 1 || page.Samples.Version != version || len(page.Moments) != 6 {
		t.Errorf("past %d, code %v after a frame", page.Past, page.Samples.Codes)
	}
	page.Scrub(5)
	if page.Past != -1 || page.Samples.Codes[0] != 5 || page.Samples.Version == version {
		t.Errorf("past %d, code %v now", page.Past, page.Samples.Codes)
	}
	page.Scrub(0)
	send(6, []int{4}) // other pictures
	if page.Past != -1 || page.Samples.Images[0] != 4 {
		t.Errorf("past %d, pictures %v after others were chosen", page.Past, page.Samples.Images)
	}
	for epoch := 7; epoch < 50; epoch++ {
		send(epoch, []int{4})
	}
	page.Scrub(33)
	for epoch := 50; epoch < 1000; epoch++ {
		send(epoch, []int{4})
	}
	if n := len(page.Moments); n != maxMoments || page.Moments[0].Epoch != 0 || page.Moments[n-1].Epoch != 999 {
		t.Errorf("%d moments from %g to %g", n, page.Moments[0].Epoch, page.Moments[n-1].Epoch)
	}
	for i := range len(page.Moments) - 1 {
		if gap, even := page.Moments[i+1].Epoch-page.Moments[i].Epoch, 999.0/maxMoments; gap > 3*even {
			t.Errorf("the moments at %g and %g are %g apart, want about %g", page.Moments[i].Epoch, page.Moments[i+1].Epoch, gap, even)
		}
	}
	if page.Past < 0 || page.Moments[page.Past].Epoch != 33 || page.Samples.Codes[0] != 33 {
		t.Errorf("past %d, code %v, want those of epoch 33, which are shown", page.Past, page.Samples.Codes)
	}
	page.Reset(must(t))
	if len(page.Moments) != 0 {
		t.Error("the timeline survives a reset")
	}
}
