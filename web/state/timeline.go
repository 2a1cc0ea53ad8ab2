package state

import (
	"math"
	"slices"
)

// Moment is what the model made of the pictures, and its units, at a time of the
// run.
type Moment struct {
	Epoch   float64
	Samples Samples
	Units   Units
}

// Moments make room for new ones once there are more, or once they take more memory.
const (
	maxMoments     = 64
	maxMomentBytes = 32 << 20
)

// remember adds the moment that a frame shows to the timeline.
func (p *Page) remember(units bool) {
	if len(p.live.Samples.Images) == 0 || len(p.live.Units.Mean) == 0 || !units {
		return
	}
	moment := p.live
	if p.Batches > 0 {
		moment.Epoch = float64(p.Epoch) + float64(p.Batch)/float64(p.Batches)
	}
	p.Moments = append(p.Moments, moment)
	size := len(moment.Samples.Reconstructions) + len(moment.Units.Atoms)
	for n := len(p.Moments); n > maxMoments || n*size > maxMomentBytes && n > 4; n = len(p.Moments) {
		p.forgetMoment()
	}
}

// forgetMoment makes room in the timeline. Of the moments between the first and the
// last, the one goes whose neighbours are closest, so that the others lie about
// evenly; but not the one that is shown.
func (p *Page) forgetMoment() {
	gone, closest := 0, math.Inf(1)
	for i := 1; i < len(p.Moments)-1; i++ {
		if gap := p.Moments[i+1].Epoch - p.Moments[i-1].Epoch; i != p.Past && gap < closest {
			gone, closest = i, gap
		}
	}
	p.Moments = slices.Delete(p.Moments, gone, gone+1)
	if gone < p.Past {
		p.Past--
	}
}

// show puts a moment before the components.
func (p *Page) show(moment Moment) {
	p.versions++
	p.Samples, p.Units = moment.Samples, moment.Units
	p.Samples.Version, p.Units.Version = p.versions, p.versions
}

// Scrub shows an earlier moment of the run, by its number in Moments; the last
// is now. Training goes on meanwhile.
func (p *Page) Scrub(moment int) {
	if moment < 0 || moment >= len(p.Moments)-1 {
		p.Past = -1
		p.show(p.live)
		return
	}
	p.Past = moment
	p.show(p.Moments[moment])
}

// forgetMoments empties the timeline.
func (p *Page) forgetMoments() { p.Moments, p.Past = nil, -1 }
