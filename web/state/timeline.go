package state

import (
	"bytes"
	"math"
	"slices"

	"sae/nn/analysis"
	"sae/wasm/protocol"
)

// Samples are the pictures on show with what the model makes of them.
type Samples struct {
	protocol.Samples
	Latent  int
	Run     int // whose model made the reconstructions
	Version int // grows with every change, for components that draw
}

// Units are statistics of the latent units over the validation split.
type Units struct {
	analysis.Units
	Version int
}

// Original returns the pixels of the picture at the given position, [3072]
// bytes, HWC.
func (s Samples) Original(position int) []byte { return part(s.Originals, position, len(s.Images)) }

// Reconstruction returns what the model makes of the picture at the given
// position, [3072] bytes, HWC.
func (s Samples) Reconstruction(position int) []byte {
	return part(s.Reconstructions, position, len(s.Images))
}

// Code returns the activations of the latent units for the picture at the
// given position, [Latent].
func (s Samples) Code(position int) []float32 { return part(s.Codes, position, len(s.Images)) }

// part returns one of count equal parts, nil where there is none.
func part[T any](all []T, position, count int) []T {
	if position < 0 || position >= count {
		return nil
	}
	size := len(all) / count
	return all[position*size : (position+1)*size]
}

// Moment is what the model made of the pictures, and its units, at a time of the
// run.
type Moment struct {
	Epoch   float64
	Samples Samples
	Units   Units
}

// Timeline has the moments of the run under way, and which of them is shown.
type Timeline struct {
	Moment           // that is shown
	Moments []Moment // of the run, from its beginning to now
	Past    int      // which of them is shown; -1 for now
	live    Moment   // what is now

	training *Training
}

// Moments make room for new ones once there are more, or once they take more memory.
const (
	maxMoments     = 64
	maxMomentBytes = 32 << 20
)

// setSamples takes the pictures that a frame shows.
func (t *Timeline) setSamples(samples protocol.Samples) {
	if earlier := t.live.Samples.Originals; bytes.Equal(earlier, samples.Originals) {
		samples.Originals = earlier // which all moments share
	}
	t.live.Samples = Samples{samples, len(samples.Codes) / len(samples.Images), t.training.run, nextVersion()}
	switch {
	case t.Past < 0:
		t.Samples = t.live.Samples
	case !slices.Equal(t.Samples.Images, samples.Images): // other pictures have no past
		t.Now()
	}
}

// setUnits takes the statistics of the units that a frame shows.
func (t *Timeline) setUnits(units analysis.Units) {
	t.live.Units = Units{units, nextVersion()}
	if t.Past < 0 {
		t.Units = t.live.Units
	}
}

// remember adds the moment that a frame shows after an evaluation to the timeline.
func (t *Timeline) remember() {
	if len(t.live.Samples.Images) == 0 || len(t.live.Units.Mean) == 0 {
		return
	}
	moment := t.live
	if t.training.Batches > 0 {
		moment.Epoch = float64(t.training.Epoch) + float64(t.training.Batch)/float64(t.training.Batches)
	}
	t.Moments = append(t.Moments, moment)
	size := len(moment.Samples.Reconstructions) + len(moment.Units.Atoms)
	for n := len(t.Moments); n > maxMoments || n*size > maxMomentBytes && n > 4; n = len(t.Moments) {
		t.forget()
	}
}

// forget makes room in the timeline. Of the moments between the first and the
// last, the one goes whose neighbours are closest, so that the others lie about
// evenly; but not the one that is shown.
func (t *Timeline) forget() {
	gone, closest := 0, math.Inf(1)
	for i := 1; i < len(t.Moments)-1; i++ {
		if gap := t.Moments[i+1].Epoch - t.Moments[i-1].Epoch; i != t.Past && gap < closest {
			gone, closest = i, gap
		}
	}
	t.Moments = slices.Delete(t.Moments, gone, gone+1)
	if gone < t.Past {
		t.Past--
	}
}

// show puts a moment before the components.
func (t *Timeline) show(moment Moment) {
	t.Moment = moment
	t.Samples.Version = nextVersion()
	t.Units.Version = t.Samples.Version
}

// Scrub shows an earlier moment of the run, by its number in Moments; the last
// is now. Training goes on meanwhile.
func (t *Timeline) Scrub(moment int) {
	if moment < 0 || moment >= len(t.Moments)-1 {
		t.Past = -1
		t.show(t.live)
		return
	}
	t.Past = moment
	t.show(t.Moments[moment])
}

// Now ends the look at an earlier moment.
func (t *Timeline) Now() {
	if t.Past >= 0 {
		t.Scrub(-1)
	}
}

// Live returns what is now, whichever moment is shown: what goes with the model that
// the worker has.
func (t *Timeline) Live() Moment { return t.live }

// Evaluation returns the evaluation of the moment that is shown; ok is false while
// there is none.
func (t *Timeline) Evaluation() (evaluation protocol.Evaluation, ok bool) {
	if t.Past < 0 {
		return t.training.Latest()
	}
	n := len(t.training.History)
	for n > 0 && float64(t.training.History[n-1].Epoch) > t.Epoch {
		n--
	}
	switch {
	case n > 0:
		return t.training.History[n-1].Evaluation, true
	case t.training.Initial != nil:
		return *t.training.Initial, true
	}
	return protocol.Evaluation{}, false
}

// TrainingLoss returns the training loss of the moment that is shown; ok is false where
// there is none, before the first batch.
func (t *Timeline) TrainingLoss() (loss float64, ok bool) {
	for _, point := range slices.Backward(t.training.Curve) {
		if t.Past < 0 || point.Epoch <= t.Epoch {
			return point.Loss, true
		}
	}
	return 0, false
}

// clear empties the timeline.
func (t *Timeline) clear() { t.Moments, t.Past = nil, -1 }
