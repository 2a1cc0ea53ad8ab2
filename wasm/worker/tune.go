package worker

import (
	"time"
)

// tuner finds the size of the team that trains a network fastest: it tries one
// worker, then two, and so on as long as that pays. The size changes nothing
// of what is learnt, so it can try on the run itself.
type tuner struct {
	size  int // of the team to train with now
	limit int // of the size
	found bool

	steps   int           // with this size
	started time.Duration // spent on them
	fastest time.Duration // of these steps
	before  time.Duration // the fastest with half the size; 0 for none
}

const (
	// The first steps on new workers run on code that the browser has yet to
	// compile well.
	trialWarmup = 3
	trialSteps  = 6
	trialTime   = 200 * time.Millisecond
	// A larger team has to be faster by a tenth: it takes memory and energy.
	worthwhile = 1.1
)

// newTuner returns a tuner for a machine that can run so many workers at once.
func newTuner(cores int) *tuner {
	limit := 1
	for 2*limit <= min(cores, maxTeam) {
		limit *= 2
	}
	return &tuner{size: 1, limit: limit, found: limit == 1}
}

// add tells how long a step took with the size that the tuner asked for, and reports
// whether that has just found the fastest.
func (t *tuner) add(elapsed time.Duration) (found bool) {
	if t.found {
		return false
	}
	t.steps++
	if t.steps <= trialWarmup {
		return false
	}
	t.started += elapsed
	if t.fastest == 0 || elapsed < t.fastest {
		t.fastest = elapsed
	}
	if t.steps < trialWarmup+trialSteps || t.started < trialTime {
		return false
	}
	switch {
	case t.before > 0 && float64(t.fastest)*worthwhile > float64(t.before):
		t.size /= 2
		t.found = true
	case 2*t.size > t.limit:
		t.found = true
	default:
		*t = tuner{size: 2 * t.size, limit: t.limit, before: t.fastest}
	}
	return t.found
}

// stay makes the given size the one that was found.
func (t *tuner) stay(size int) { t.size, t.found = size, true }
