package state

import (
	"slices"
	"testing"

	"sae/wasm/protocol"
)

// The timeline keeps moments of the run, shows them, and returns to now.
func TestTimeline(t *testing.T) {
	page, worker := open(t)
	send := func(epoch int, images []int) {
		value := float32(epoch)
		worker.frame(protocol.Frame{Workers: 1, Epoch: epoch, Batches: 4, Samples: samples([]float32{value}, images...), Units: unitsOf(value)})
	}
	for epoch := range 5 {
		send(epoch, []int{3})
	}
	if len(page.Timeline.Moments) != 5 || page.Timeline.Moments[2].Epoch != 2 || page.Timeline.Past != -1 {
		t.Fatalf("%d moments, the third at epoch %g, past %d", len(page.Timeline.Moments), page.Timeline.Moments[2].Epoch, page.Timeline.Past)
	}
	page.Timeline.Scrub(1)
	if page.Timeline.Past != 1 || page.Timeline.Samples.Codes[0] != 1 || page.Timeline.Units.Mean[0] != 1 {
		t.Errorf("past %d, code %v, units %v", page.Timeline.Past, page.Timeline.Samples.Codes, page.Timeline.Units.Mean)
	}
	version := page.Timeline.Samples.Version
	send(5, []int{3}) // training goes on
	if page.Timeline.Past != 1 || page.Timeline.Samples.Codes[0] != 1 || page.Timeline.Samples.Version != version || len(page.Timeline.Moments) != 6 {
		t.Errorf("past %d, code %v after a frame", page.Timeline.Past, page.Timeline.Samples.Codes)
	}
	page.Timeline.Scrub(5)
	if page.Timeline.Past != -1 || page.Timeline.Samples.Codes[0] != 5 || page.Timeline.Samples.Version == version {
		t.Errorf("past %d, code %v now", page.Timeline.Past, page.Timeline.Samples.Codes)
	}
	page.Timeline.Scrub(0)
	worker.frame(protocol.Frame{Workers: 1, Epoch: 5, Batches: 4, Samples: samples([]float32{5}, 4)}) // other pictures
	if page.Timeline.Past != -1 || page.Timeline.Samples.Images[0] != 4 || page.Timeline.Units.Mean[0] != 5 {
		t.Errorf("past %d, pictures %v, units %v after others were chosen", page.Timeline.Past, page.Timeline.Samples.Images, page.Timeline.Units.Mean)
	}
	for epoch := 6; epoch < 50; epoch++ {
		send(epoch, []int{4})
	}
	page.Timeline.Scrub(33)
	for epoch := 50; epoch < 1000; epoch++ {
		send(epoch, []int{4})
	}
	if n := len(page.Timeline.Moments); n != maxMoments || page.Timeline.Moments[0].Epoch != 0 || page.Timeline.Moments[n-1].Epoch != 999 {
		t.Errorf("%d moments from %g to %g", n, page.Timeline.Moments[0].Epoch, page.Timeline.Moments[n-1].Epoch)
	}
	for i := range len(page.Timeline.Moments) - 1 {
		if gap, even := page.Timeline.Moments[i+1].Epoch-page.Timeline.Moments[i].Epoch, 999.0/maxMoments; gap > 3*even {
			t.Errorf("the moments at %g and %g are %g apart, want about %g", page.Timeline.Moments[i].Epoch, page.Timeline.Moments[i+1].Epoch, gap, even)
		}
	}
	if page.Timeline.Past < 0 || page.Timeline.Moments[page.Timeline.Past].Epoch != 33 || page.Timeline.Samples.Codes[0] != 33 {
		t.Errorf("past %d, code %v, want those of epoch 33, which are shown", page.Timeline.Past, page.Timeline.Samples.Codes)
	}
	page.Reset(must(t))
	if len(page.Timeline.Moments) != 0 {
		t.Error("the timeline survives a reset")
	}
}

// Everything about a moment is of that moment: its figures too. What goes with the
// model that there is stays that of now.
func TestOneMoment(t *testing.T) {
	page, worker := open(t)
	initial := protocol.Evaluation{ValLoss: 9}
	for epoch := range 4 {
		frame := protocol.Frame{
			Workers: 1, Epoch: epoch, Batches: 4, Points: []protocol.Point{{Epoch: float64(epoch) + 0.5, Loss: 10 + float64(epoch)}},
			Samples: samples([]float32{float32(epoch)}, 3), Units: unitsOf(float32(epoch)),
		}
		if epoch > 0 {
			frame.Epochs = []protocol.Epoch{{Epoch: epoch, Evaluation: protocol.Evaluation{ValLoss: float64(epoch)}}}
		} else {
			frame.Initial = &initial
		}
		worker.frame(frame)
	}
	check := func(when string, valLoss, loss float64) {
		t.Helper()
		evaluation, ok := page.Timeline.Evaluation()
		if !ok || evaluation.ValLoss != valLoss {
			t.Errorf("%s: validation loss %g, known %t, want %g", when, evaluation.ValLoss, ok, valLoss)
		}
		if got, ok := page.Timeline.TrainingLoss(); got != loss || ok != (loss > 0) {
			t.Errorf("%s: training loss %g, known %t, want %g", when, got, ok, loss)
		}
	}
	check("now", 3, 13)
	page.Timeline.Scrub(2)
	check("after two epochs", 2, 11)
	page.Timeline.Scrub(0)
	check("before training", 9, 0)
	if live := page.Timeline.Live(); live.Samples.Codes[0] != 3 || live.Units.Mean[0] != 3 {
		t.Errorf("code %v, units %v live while the past is shown, want 3", live.Samples.Codes, live.Units.Mean)
	}
	page.Settings.Latent = 1
	page.Explorer.MeanCode()
	if code := page.Explorer.Code; !slices.Equal(code, []float32{3}) {
		t.Errorf("mean code %v, want 3, that of the model that decodes it", code)
	}
	page.Press("n")
	check("now again", 3, 13)
	page.Timeline.Scrub(1)
	page.StepOnce()
	if page.Timeline.Past != -1 {
		t.Error("a step is not to be seen while the past is shown")
	}
}

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
