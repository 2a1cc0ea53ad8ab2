package state

import (
	"maps"
	"slices"
	"testing"

	"sae/nn/analysis"
	"sae/wasm/protocol"
)

func TestShownUnits(t *testing.T) {
	page, _ := open(t)
	page.Settings.Latent = 4
	if got := page.Features.Shown(); got != nil {
		t.Errorf("units %v before there are statistics", got)
	}
	page.Timeline.setUnits(analysis.Units{ // of two classes; unit 2 is dead
		Images:   40,
		Mean:     []float32{0.1, 0.4, 0, 0.3},
		Activity: []float32{0.9, 0.2, 0, 0.5},
		ByClass:  []float32{0.1, 0.1, 0, 0.8, 0, 0, 0.4, 0.2},
	})
	tests := map[string]struct {
		sort     Sort
		class    int
		hideDead bool
		want     []int
	}{
		"by number":      {SortUnit, 0, false, []int{0, 1, 2, 3}},
		"by activity":    {SortActivity, 0, false, []int{0, 3, 1, 2}},
		"by mean":        {SortMean, 0, false, []int{1, 3, 0, 2}},
		"by selectivity": {SortSelectivity, 0, false, []int{1, 3, 0, 2}},
		"without dead":   {SortUnit, 0, true, []int{0, 1, 3}},
		"of a class":     {SortUnit, 2, false, []int{1}},
		"of the first":   {SortUnit, 1, false, []int{0, 3}},
	}
	for name, test := range tests {
		page.Features.Sort, page.Features.Class, page.Features.HideDead = test.sort, test.class, test.hideDead
		if got := page.Features.Shown(); !slices.Equal(got, test.want) {
			t.Errorf("%s: units %v, want %v", name, got, test.want)
		}
	}
}

// The detail of a unit that has been closed, or of a run that has been replaced, is not
// shown.
func TestDetailOfTheOpenUnit(t *testing.T) {
	page, worker := open(t)
	page.Timeline.setUnits(*unitsOf(1, 2, 3))
	worker.silent = true
	ask := func(unit int) protocol.Message {
		page.Features.Open(unit)
		return worker.last(t, protocol.TypeUnit)
	}
	answer := func(command protocol.Message, bias float64) {
		reply := protocol.New(protocol.TypeReply, protocol.UnitDetail{Unit: analysis.Unit{Bias: bias}})
		reply.ID = command.ID
		page.Receive(reply)
	}
	first, second := ask(1), ask(2)
	answer(first, 0.5)
	if got := page.Features.Detail; got.Version != 0 {
		t.Errorf("detail %+v of a unit that is not open", got)
	}
	answer(second, 0.25)
	if got := page.Features.Detail; got.Unit != 2 || got.Bias != 0.25 {
		t.Errorf("detail %+v, want that of unit 2", got)
	}
	third := ask(0)
	page.Reset(Ignore)
	ask(0)
	answer(third, 0.125)
	if got := page.Features.Detail; got.Version != 0 {
		t.Errorf("detail %+v of a run that was reset", got)
	}
}

// A note on a unit goes to the worker as it is typed. A finished run that is kept is kept
// anew with it, another run has none, and one that is opened brings its own.
func TestNotes(t *testing.T) {
	page, worker := open(t)
	kept := map[string]int{}
	page.Runs.KeepWith(Keeper{
		Put:    func(run Run, done Done) { kept[run.Key]++; done(nil) },
		Delete: func(string) {}, All: func(func([]Run)) {},
	})
	f := &page.Features
	f.Write("of no unit")
	if f.Notes != nil || f.Note() != "" {
		t.Errorf("notes %v without an open unit", f.Notes)
	}
	f.Unit = 3
	f.Write("edges")
	f.Unit = 5
	f.Write("sky")
	f.Write("")
	if !maps.Equal(f.Notes, map[int]string{3: "edges"}) || f.Note() != "" {
		t.Errorf("notes %v", f.Notes)
	}
	var sent []protocol.Note
	for _, m := range worker.sent {
		if m.Type == protocol.TypeNote {
			note, err := protocol.Decode[protocol.Note](m)
			if err != nil {
				t.Fatal(err)
			}
			sent = append(sent, note)
		}
	}
	if want := []protocol.Note{{Unit: 3, Text: "edges"}, {Unit: 5, Text: "sky"}, {Unit: 5}}; !slices.Equal(sent, want) {
		t.Errorf("sent %v, want %v", sent, want)
	}
	f.Written()
	if len(kept) != 0 {
		t.Error("a run that is not finished is kept")
	}
	page.Status, page.Settings.Epochs = protocol.StatusDone, 1
	page.History = []protocol.Epoch{{Epoch: 1}}
	page.Runs.add()
	f.Written()
	if key := page.Runs.Kept[0].Key; kept[key] != 2 {
		t.Errorf("the finished run is kept %d times, want again with its note", kept[key])
	}
	page.newRun(Ignore)
	if f.Notes != nil {
		t.Errorf("a new run has the notes %v", f.Notes)
	}
	page.adopt(protocol.Imported{Settings: page.Settings, Notes: map[int]string{1: "beaks"}}, page.nextRun())
	if !maps.Equal(f.Notes, map[int]string{1: "beaks"}) {
		t.Errorf("an opened run has the notes %v", f.Notes)
	}
}

// By selectivity, a unit that is active on a single image does not come first.
func TestSelectiveUnits(t *testing.T) {
	page, _ := open(t)
	page.Settings.Latent = 2
	codes, labels := make([]float32, 2*40), make([]byte, 40)
	for i := range labels {
		labels[i] = byte(i % 2)
		codes[2*i+1] = float32(i%2) + 0.1
	}
	codes[0] = 9
	page.Timeline.Units.Units = analysis.NewUnits(codes, labels, 2)
	page.Features.Sort = SortSelectivity
	if got := page.Features.Shown(); !slices.Equal(got, []int{1, 0}) {
		t.Errorf("units %v, want the one first that is active on more than one image", got)
	}
}
