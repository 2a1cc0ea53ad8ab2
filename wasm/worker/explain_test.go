package worker

import (
	"fmt"
	"testing"

	"sae/wasm/protocol"
)

// Stepping explains each batch; a pace explains and shows all of them, and
// neither changes what is learnt.
func TestPace(t *testing.T) {
	want := history(t, nil)
	p := newPage(t)
	p.start(nil)
	p.must(protocol.TypeStep, nil)
	frame, epochs, _ := p.until(func(f protocol.Frame) bool { return f.Explained != nil })
	e := frame.Explained
	if e.Epoch != 1 || e.Batch != 1 || e.Images != 64 || len(e.Layers) != 3 || !(e.After.BCE < e.Before.BCE) {
		t.Errorf("the first batch is explained as %+v", e)
	}
	for m := range p.raw {
		if got, _ := protocol.Decode[protocol.Frame](m); got.Explained == nil {
			continue
		}
		units := 16 + 8 + 3072
		for _, buffer := range m.Buffers[len(m.Buffers)-2:] {
			if len(buffer) != 4*units {
				t.Errorf("a buffer of %d bytes, want one number for each of %d units", len(buffer), units)
			}
		}
		break
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
		t.Error("a negative pace is taken")
	}
}
