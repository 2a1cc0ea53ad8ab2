package worker

import "time"

// tuner finds the fastest team size for a network. It tries one worker, then two, and so
// on while that is faster. It tries them during the run, whose result does not depend on
// the size.
type tuner struct {
	size  int // of the team to train with now
	limit int // largest size
	found bool

	steps   int           // with this size
	started time.Duration // time of the steps after the warm-up
	fastest time.Duration // fastest of these steps
	before  time.Duration // fastest step with half the size; 0 for none
}

const (
	trialWarmup = 3 // steps that do not count, because the browser still compiles
	trialSteps  = 6
	trialTime   = 200 * time.Millisecond
	// A larger team must be faster by a tenth, because it takes memory and energy.
	worthwhile = 1.1
)

// largestTeam returns the size of the largest team for a number of cores, a power of 2.
func largestTeam(cores int) int {
	size := 1
	for 2*size <= min(cores, maxTeam) {
		size *= 2
	}
	return size
}

// newTuner returns a tuner for a machine with the given number of cores.
func newTuner(cores int) *tuner {
	limit := largestTeam(cores)
	return &tuner{size: 1, limit: limit, found: limit == 1}
}

// add adds the time of a step with the current size, and reports whether the fastest size
// was found by it.
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

// stay ends the search with the given size.
func (t *tuner) stay(size int) { t.size, t.found = size, true }
