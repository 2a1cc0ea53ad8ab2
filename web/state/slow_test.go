package state

import (
	"testing"
	"time"

	"sae/nn"
	"sae/wasm/protocol"
)

// The phases of a batch that is explained follow each other, up to the last; another
// batch begins with its first.
func TestPhases(t *testing.T) {
	page, worker := open(t)
	slow := &page.Slow
	batch := func(n int) {
		worker.frame(protocol.Frame{
			Batch: n, Batches: 4, Samples: samples([]float32{1}, 3),
			Explained: &protocol.Explained{Epoch: 1, Batch: n, Step: &nn.Explanation{Layers: []nn.LayerStep{{Name: "latent"}}}},
		})
	}
	want := func(when string, phase Phase, playing bool) {
		t.Helper()
		if slow.Phase != phase || slow.Playing != playing {
			t.Errorf("%s: phase %d, playing %t, want %d and %t", when, slow.Phase, slow.Playing, phase, playing)
		}
	}
	batch(1)
	want("a step", PhaseForward, true)
	version := slow.Explained.Version
	for _, phase := range []Phase{PhaseForward, PhaseLoss} {
		slow.Next(version, phase)
	}
	slow.Next(version, PhaseLoss) // late
	want("two phases later", PhaseBackward, true)
	slow.Next(version, PhaseBackward)
	want("the end", PhaseUpdate, false)
	slow.Next(version, PhaseUpdate)
	want("past the end", PhaseUpdate, false)
	batch(2)
	want("the next step", PhaseForward, true)
	slow.Next(version, PhaseForward) // of the batch before
	want("a phase of the batch before", PhaseForward, true)
	slow.Show(PhaseBackward)
	want("the reader's choice", PhaseBackward, false)
	page.Press("p")
	want("one further", PhaseUpdate, false)
	page.Press("p")
	want("one further", PhaseForward, false)
	slow.Show(PhaseLoss)
	slow.SetPace(4)
	batch(3)
	want("too fast to play", PhaseLoss, false)
	slow.SetPace(1)
	batch(4)
	want("slow enough", PhaseForward, true)
	if time.Duration(phases)*slow.PhaseTime() > time.Second {
		t.Errorf("%d phases of %v each do not fit between two batches", phases, slow.PhaseTime())
	}
}

// What is explained is shown while it is what was trained on last, and no longer.
func TestCurrentStep(t *testing.T) {
	page, worker := open(t)
	send := func(epoch, batch int, explained *protocol.Explained) {
		worker.frame(protocol.Frame{Epoch: epoch, Batch: batch, Batches: 4, Samples: samples([]float32{1}, 3), Units: unitsOf(1), Explained: explained})
	}
	want := func(when string, current bool) {
		t.Helper()
		if got := page.Slow.Current() != nil; got != current {
			t.Errorf("%s: a step is shown: %t, want %t", when, got, current)
		}
	}
	step := &nn.Explanation{Layers: []nn.LayerStep{{Name: "latent"}}}
	want("at first", false)
	send(0, 1, &protocol.Explained{Epoch: 1, Batch: 1, Step: step})
	want("after a step", true)
	send(0, 3, nil)
	want("after more batches", false)
	send(1, 0, &protocol.Explained{Epoch: 1, Batch: 4, Step: step})
	want("after the last batch of an epoch", true)
	page.Timeline.Scrub(0)
	want("while the past is shown", false)
	page.Timeline.Now()
	want("now again", true)
	send(1, 1, &protocol.Explained{Epoch: 2, Batch: 1})
	want("of a network that is too large", false)
}
