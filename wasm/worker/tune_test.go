package worker

import (
	"testing"
	"time"
)

// The tuner chooses the smallest team that twice as many workers do not beat by a tenth.
func TestTuner(t *testing.T) {
	for _, test := range []struct {
		cores int
		steps map[int]time.Duration // by team size
		want  int
	}{
		{1, map[int]time.Duration{1: 50}, 1},
		{2, map[int]time.Duration{1: 50, 2: 27}, 2},
		{2, map[int]time.Duration{1: 50, 2: 48}, 1},
		{3, map[int]time.Duration{1: 50, 2: 27}, 2},
		{8, map[int]time.Duration{1: 50, 2: 27, 4: 18, 8: 17}, 4},
		{64, map[int]time.Duration{1: 80, 2: 42, 4: 23, 8: 13}, 8},
	} {
		tuner := newTuner(test.cores)
		for range 1000 {
			elapsed, ok := test.steps[tuner.size]
			if !ok {
				t.Fatalf("%+v: tries %d workers", test, tuner.size)
			}
			if tuner.steps < trialWarmup {
				elapsed *= 10 // must not count
			}
			tuner.add(elapsed * time.Millisecond)
		}
		if !tuner.found || tuner.size != test.want {
			t.Errorf("%+v: settled %t on %d", test, tuner.found, tuner.size)
		}
	}
	tuner := newTuner(8)
	tuner.stay(2)
	for range 100 {
		tuner.add(time.Second)
	}
	if tuner.size != 2 {
		t.Errorf("size %d after 2 was asked for", tuner.size)
	}
}
