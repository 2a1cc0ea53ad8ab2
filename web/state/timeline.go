package state

import (
	"bytes"
	"math"
	"slices"

	"sae/nn/analysis"
	"sae/wasm/protocol"
)

// Samples are the pictures that the page shows, with their codes and reconstructions.
type Samples struct {
	protocol.Samples
	Latent  int
	Run     int // whose model it is
	Version int // changes with the samples
}

// Units are statistics of the latent units over the validation split.
type Units struct {
	analysis.Units
	Version int
}

// Original returns the picture at a position, [3072] bytes, HWC.
func (s Samples) Original(position int) []byte { return part(s.Originals, position, len(s.Images)) }

// Reconstruction returns the reconstruction of the picture at a position, [3072] bytes, HWC.
func (s Samples) Reconstruction(position int) []byte {
	return part(s.Reconstructions, position, len(s.Images))
}

// Contrast returns how much of the contrast that would fit best the reconstructions x̂ of the
// pictures x have,
//
//	γ = Σ(x̂ − x̄)² / Σ(x̂ − x̄)(x − x̄),
//
// with x̄ the mean of a picture's values: the relative reconstruction bias of S. Rajamanoharan
// et al., Improving dictionary learning with gated sparse autoencoders (2024), without the
// brightness. It is 1 if no factor would bring the reconstructions closer to the pictures, and
// less if they are pale; 0 if it is not known.
func (s Samples) Contrast() float64 {
	var own, both float64
	for i := range s.Images {
		original, reconstruction := s.Original(i), s.Reconstruction(i)
		mean := 0.0
		for _, x := range original {
			mean += float64(x) / float64(len(original))
		}
		for j, x := range original {
			y := float64(reconstruction[j]) - mean
			own += y * y
			both += y * (float64(x) - mean)
		}
	}
	if both <= 0 {
		return 0
	}
	return own / both
}

// Code returns the code of the picture at a position, [Latent].
func (s Samples) Code(position int) []float32 { return part(s.Codes, position, len(s.Images)) }

// part returns one of count equal parts, nil if there is none at the position.
func part[T any](all []T, position, count int) []T {
	if position < 0 || position >= count {
		return nil
	}
	size := len(all) / count
	return all[position*size : (position+1)*size]
}

// Moment is what the page shows of the model at a time of the run.
type Moment struct {
	Epoch   float64
	Samples Samples
	Units   Units
}

// Timeline keeps moments of the run under way, and shows one of them.
type Timeline struct {
	Moment           // shown
	Moments []Moment // from the beginning of the run to now
	Past    int      // index of the moment that is shown; -1 for now
	live    Moment   // now

	training *Training
}

// Limits of the timeline. Beyond them, it forgets moments.
const (
	maxMoments     = 64
	maxMomentBytes = 32 << 20
)

// setSamples takes the samples of a frame.
func (t *Timeline) setSamples(samples protocol.Samples) {
	if earlier := t.live.Samples.Originals; bytes.Equal(earlier, samples.Originals) {
		samples.Originals = earlier // shared by all moments
	}
	t.live.Samples = Samples{samples, len(samples.Codes) / len(samples.Images), t.training.run, nextVersion()}
	switch {
	case t.Past < 0:
		t.Samples = t.live.Samples
	case !slices.Equal(t.Samples.Images, samples.Images): // other pictures have no past
		t.Now()
	}
}

// setUnits takes the statistics of a frame.
func (t *Timeline) setUnits(units analysis.Units) {
	t.live.Units = Units{units, nextVersion()}
	if t.Past < 0 {
		t.Units = t.live.Units
	}
}

// remember adds the current moment to the timeline. It is called after an evaluation.
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

// forget removes the moment whose neighbours are closest, so that the others stay evenly
// spaced. The first, the last and the one that is shown stay.
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

// show shows a moment.
func (t *Timeline) show(moment Moment) {
	t.Moment = moment
	t.Samples.Version = nextVersion()
	t.Units.Version = t.Samples.Version
}

// Scrub shows a moment by its index. The last one, or -1, is now. Training goes on.
func (t *Timeline) Scrub(moment int) {
	if moment < 0 || moment >= len(t.Moments)-1 {
		t.Past = -1
		t.show(t.live)
		return
	}
	t.Past = moment
	t.show(t.Moments[moment])
}

// Now shows the current moment.
func (t *Timeline) Now() {
	if t.Past >= 0 {
		t.Scrub(-1)
	}
}

// Live returns the current moment, that of the worker's model, whichever moment is shown.
func (t *Timeline) Live() Moment { return t.live }

// Evaluation returns the evaluation of the moment that is shown; ok is false if there is
// none.
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

// TrainingLoss returns the training loss of the moment that is shown; ok is false before the
// first batch.
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
