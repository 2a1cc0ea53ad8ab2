package state

import (
	"cmp"
	"math"
	"slices"

	"sae/wasm/protocol"
)

// Sort is an order of the latent units.
type Sort string

const (
	SortUnit        Sort = "unit"        // as they are in the code
	SortActivity    Sort = "activity"    // the one that is active most often first
	SortMean        Sort = "mean"        // the one with the largest mean activation first
	SortSelectivity Sort = "selectivity" // the most selective first
)

// Features is the dashboard of the latent units.
type Features struct {
	page *Page

	Sort     Sort
	HideDead bool
	Class    int // only units that prefer this class, from 1; 0 for all
	Unit     int // whose detail is shown; -1 for none
	Detail   Detail
}

// Detail is what a unit does over the validation images.
type Detail struct {
	Unit        int
	Activations []float32 // on every validation image
	Images      []int     // that activate it most
	Pictures    []byte    // of those, [n, 3072]
	Bias        float64
	Version     int
}

// Preferred returns the class for which the unit's activations are largest in
// the mean, and the unit's selectivity for it,
//
//	(μ − μ') / (μ + μ')
//
// with μ the mean of that class and μ' that of all others (Morcos et al. 2018):
// 0 for none, 1 where no other class activates it.
func (u Units) Preferred(unit int) (class int, selectivity float64) {
	classes := len(u.Classes) / max(1, len(u.Mean))
	means := u.Classes[unit*classes:][:classes]
	class = 0
	var sum float64
	for i, mean := range means {
		sum += float64(mean)
		if mean > means[class] {
			class = i
		}
	}
	best := float64(means[class])
	if sum == 0 || classes < 2 {
		return class, 0
	}
	others := (sum - best) / float64(classes-1)
	return class, (best - others) / (best + others)
}

// Atom returns what a unit adds to a picture, [3072] bytes, 128 for nothing.
func (u Units) Atom(unit int) []byte { return part(u.Atoms, unit, len(u.Mean)) }

// Shown returns the units that the dashboard shows, in its order.
func (f *Features) Shown() []int {
	u := f.page.Timeline.Units
	if len(u.Classes) == 0 || len(u.Mean) != f.page.Settings.Latent {
		return nil
	}
	var units []int
	for unit := range u.Mean {
		class, _ := u.Preferred(unit)
		dead := u.Activity[unit] == 0
		if f.HideDead && dead || f.Class > 0 && (dead || class != f.Class-1) {
			continue
		}
		units = append(units, unit)
	}
	key := func(unit int) float64 {
		switch f.Sort {
		case SortActivity:
			return float64(u.Activity[unit])
		case SortMean:
			return float64(u.Mean[unit])
		case SortSelectivity:
			_, selectivity := u.Preferred(unit)
			return selectivity
		}
		return 0
	}
	slices.SortStableFunc(units, func(a, b int) int { return cmp.Compare(key(b), key(a)) })
	return units
}

// Open shows what a unit does; -1 closes it.
func (f *Features) Open(unit int) {
	f.Unit = unit
	f.refresh()
}

// refresh asks for what the open unit does now.
func (f *Features) refresh() {
	unit, run := f.Unit, f.page.run
	if unit < 0 || unit >= len(f.page.Timeline.Units.Mean) {
		return
	}
	f.page.command(protocol.New(protocol.TypeUnit, protocol.Unit{Unit: unit}), func(reply protocol.Message) {
		detail, err := protocol.Decode[protocol.UnitDetail](reply)
		if err != nil || reply.Error != "" || len(reply.Buffers) != 2 || f.page.run != run || f.Unit != unit {
			return // of a unit that is no longer looked at
		}
		f.Detail = Detail{
			Unit:        unit,
			Activations: protocol.Floats(reply.Buffers[0]),
			Images:      detail.Images,
			Pictures:    reply.Buffers[1],
			Bias:        detail.Bias,
			Version:     f.page.nextVersion(),
		}
	})
}

// Largest returns the activation of the largest size.
func (d Detail) Largest() float32 {
	var largest float32
	for _, activation := range d.Activations {
		if math.Abs(float64(activation)) > math.Abs(float64(largest)) {
			largest = activation
		}
	}
	return largest
}
