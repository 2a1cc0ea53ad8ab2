package state

import (
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
	page.Reset(ignore)
	ask(0)
	answer(third, 0.125)
	if got := page.Features.Detail; got.Version != 0 {
		t.Errorf("detail %+v of a run that was reset", got)
	}
}
