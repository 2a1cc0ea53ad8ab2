package state

import "slices"

// Moment is what the model made of the pictures, and its units, at a time of the
// run.
type Moment struct {
	Epoch   float64
	Samples Samples
	Units   Units
}

// Moments are thinned once there are more, or once they take more memory.
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
	moments := append(p.Moments, moment)
	size := len(moments) * (len(moment.Samples.Reconstructions) + len(moment.Units.Atoms))
	if len(moments) > maxMoments || size > maxMomentBytes && len(moments) > 4 {
		// Every other one goes, the first and the last stay.
		kept := moments[:0:0]
		for i, moment := range moments {
			if i%2 == 0 || i == len(moments)-1 {
				kept = append(kept, moment)
			}
		}
		moments = kept
		p.Past = -1
		p.show(p.live)
	}
	p.Moments = slices.Clip(moments)
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
