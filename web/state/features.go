package state

import (
	"maps"
	"slices"

	"sae/wasm/protocol"
)

// Sort is an order of the latent units. All but SortUnit start with the largest.
type Sort string

const (
	SortUnit        Sort = "unit"        // of the code
	SortActivity    Sort = "activity"    // by the share of images on which they are active
	SortMean        Sort = "mean"        // by mean activation
	SortSelectivity Sort = "selectivity" // as in analysis.Units.Selectivity
)

// Features shows what each latent unit has learnt.
type Features struct {
	Sort     Sort
	HideDead bool
	Class    int // only units that prefer this class, from 1; 0 for all
	Unit     int // that is open; -1 for none
	Detail   Detail
	Notes    map[int]string // of the user on units, kept with the run
	behind   bool           // whether the model has changed since the last refresh

	worker   *Worker
	training *Training
	timeline *Timeline
	runs     *Runs
}

// Detail is what the open unit does on the validation images.
type Detail struct {
	protocol.UnitDetail
	Unit    int
	Version int
}

// Shown returns the units that pass the filters, in order.
func (f *Features) Shown() []int {
	u := f.timeline.Units
	if u.Classes() == 0 || len(u.Mean) != f.training.Settings.Latent {
		return nil
	}
	key := func(unit int) float64 {
		switch f.Sort {
		case SortActivity:
			return float64(u.Activity[unit])
		case SortMean:
			return float64(u.Mean[unit])
		case SortSelectivity:
			return u.Selectivity(unit)
		}
		return 0
	}
	return slices.DeleteFunc(u.By(key), func(unit int) bool {
		class, _ := u.Preferred(unit)
		dead := u.Activity[unit] == 0
		return f.HideDead && dead || f.Class > 0 && (dead || class != f.Class-1)
	})
}

// ShowAll removes the filters.
func (f *Features) ShowAll() { f.HideDead, f.Class = false, 0 }

// Note returns the note on the open unit; "" for none.
func (f *Features) Note() string { return f.Notes[f.Unit] }

// Write changes the note on the open unit, as the user types it.
func (f *Features) Write(note string) {
	if f.Unit < 0 || f.Unit >= f.training.Settings.Latent {
		return
	}
	if f.Notes = maps.Clone(f.Notes); f.Notes == nil {
		f.Notes = map[int]string{}
	}
	if f.Notes[f.Unit] = note; note == "" {
		delete(f.Notes, f.Unit)
	}
	f.worker.command(protocol.New(protocol.TypeNote, protocol.Note{Unit: f.Unit, Text: note}), nil)
}

// Written stores the notes of a finished run with it, once the user has written one. The
// worker saves those of an unfinished run.
func (f *Features) Written() {
	if f.training.Status == protocol.StatusDone {
		f.runs.keepModel()
	}
}

// Open shows the detail of a unit; -1 closes it.
func (f *Features) Open(unit int) {
	f.Unit = unit
	f.refresh()
}

// ShowUnit shows what a unit does, in the view Features.
func (p *Page) ShowUnit(unit int) {
	p.Visit(ViewFeatures)
	p.Features.Open(unit)
}

// refresh asks the worker for the detail of the open unit.
func (f *Features) refresh() {
	f.behind = false
	unit, run := f.Unit, f.training.run
	if unit < 0 || unit >= len(f.timeline.Units.Mean) {
		return
	}
	f.worker.command(protocol.New(protocol.TypeUnit, protocol.Unit{Unit: unit}), func(reply protocol.Message) {
		detail, err := answer[protocol.UnitDetail](reply)
		if err != nil || f.training.run != run || f.Unit != unit {
			return // of a unit that has been closed
		}
		f.Detail = Detail{detail, unit, nextVersion()}
	})
}
