package worker

import (
	"fmt"
	"testing"

	"sae/wasm/protocol"
)

// A step explains its batch, and a pace explains and shows every batch. Neither changes
// the result.
func TestPace(t *testing.T) {
	want := history(t, nil)
	p := newPage(t)
	p.start(nil)
	p.must(protocol.TypeStep, nil)
	frame, epochs, _ := p.until(func(f protocol.Frame) bool { return f.Explained != nil })
	e := frame.Explained
	if e.Epoch != 1 || e.Batch != 1 || e.Step.Images != 64 || len(e.Step.Layers) != 3 || !(e.Step.After.BCE < e.Step.Before.BCE) {
		t.Errorf("the first batch is explained as %+v", e)
	}
	for i, units := range []int{16, 8, 3072} {
		if layer := e.Step.Layers[i]; len(layer.Activations) != units || len(layer.Updates) != units {
			t.Errorf("%d activations and %d updates of %s, want one number for each of %d units", len(layer.Activations), len(layer.Updates), layer.Name, units)
		}
	}
	p.must(protocol.TypePace, protocol.Pace{PerSecond: maxPace})
	p.must(protocol.TypePlay, nil)
	for batch := 2; batch <= 8; batch++ {
		frame, more, _ := p.until(func(f protocol.Frame) bool { return f.Explained != nil })
		epochs = append(epochs, more...)
		if e := frame.Explained; (e.Epoch-1)*4+e.Batch != batch {
			t.Errorf("batch %d of epoch %d is explained, want batch %d of all", e.Batch, e.Epoch, batch)
		}
		if batch == 8 && frame.Status != protocol.StatusDone {
			_, more, _ := p.until(isDone)
			epochs = append(epochs, more...)
		}
	}
	if fmt.Sprint(epochs) != fmt.Sprint(want) {
		t.Errorf("a slow run:\n%v\nwant\n%v", epochs, want)
	}
	if reply := p.do(protocol.TypePace, protocol.Pace{PerSecond: -1}); reply.Error == "" {
		t.Error("a negative pace is accepted")
	}
}
