package state

import (
	"math"
	"slices"
	"strings"
	"testing"

	"sae/nn/experiment"
	"sae/wasm/protocol"
)

func notches(name string) []float64 {
	field, _ := experiment.Lookup(name)
	return field.Notches
}

// With TopK, a sweep goes through the values of k that the latent layer has room for.
func TestSweepOfK(t *testing.T) {
	page, worker := open(t)
	page.Set(map[string]string{"experiment": "5", "latent": "64", "k": "10"}, func(_ bool, err error) { must(t)(err) })
	page.Series.Sweep()
	var ks []int
	for page.Series.At(); len(ks) < 20; {
		if _, total := page.Series.At(); total == 0 {
			break
		}
		ks = append(ks, page.Settings.K)
		worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Epochs: []protocol.Epoch{{Epoch: 20}}})
	}
	if !slices.Equal(ks, []int{64, 32, 16, 8, 4, 10}) {
		t.Errorf("k was %v", ks)
	}
	if points := page.Runs.TradeOff()[0]; len(points) != 6 || points[0].Settings.K != 4 || points[5].Settings.K != 64 {
		t.Errorf("points %+v", points)
	}
}

// A sweep goes through the values of λ, ends with the one that was set, and
// leaves a point for each.
func TestSweep(t *testing.T) {
	page, worker := open(t)
	page.Series.Sweep()
	var lambdas []float64
	for range 20 {
		run, total := page.Series.At()
		if total == 0 {
			break
		}
		if total != len(notches("lambda")) || run != len(lambdas)+1 || page.Status != protocol.StatusTraining {
			t.Fatalf("run %d of %d, status %q", run, total, page.Status)
		}
		lambda := page.Settings.Lambda
		lambdas = append(lambdas, lambda)
		if want := map[bool]int{true: 1, false: 2}[lambda == 0]; page.Settings.Experiment != want {
			t.Errorf("λ = %g is experiment %d, want %d", lambda, page.Settings.Experiment, want)
		}
		worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Epochs: []protocol.Epoch{
			{Epoch: 20, Evaluation: protocol.Evaluation{ValMSE: 0.02 + lambda, Active: 60 - 1e5*lambda}},
		}})
	}
	if len(lambdas) != len(notches("lambda")) || lambdas[0] != 3e-4 || lambdas[len(lambdas)-1] != experiment.Default().Lambda {
		t.Errorf("λ was %v, want all with the one that was set at the end", lambdas)
	}
	if page.Status != protocol.StatusDone || page.Settings != experiment.Default() {
		t.Errorf("status %q, settings %+v after the sweep", page.Status, page.Settings)
	}
	points := page.Runs.TradeOff()[0]
	if len(points) != len(lambdas) || points[0].Settings.Lambda != 0 || math.Abs(points[1].ValMSE-0.02-1e-7) > 1e-12 {
		t.Errorf("points %+v", points)
	}
	page.Set(map[string]string{"latent": "32"}, func(bool, error) {})
	if groups := page.Runs.TradeOff(); len(groups) != 2 || len(groups[0]) != 0 || len(groups[1]) != len(lambdas) {
		t.Error("runs of another network are compared as those of this one")
	}
	for name, end := range map[string]func(){
		"a setting": func() { page.Set(map[string]string{"seed": "3"}, func(bool, error) {}) },
		"reset":     func() { page.Reset(must(t)) },
		"data":      func() { page.Dataset.UseSynthetic(must(t)) },
		"stop":      page.Series.Stop,
		"divergence": func() {
			worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusError, Failure: "the loss is no longer finite", Diverged: true})
		},
	} {
		page.Series.Sweep()
		page.Pause(must(t))
		page.Play(must(t))
		if _, total := page.Series.At(); total == 0 {
			t.Errorf("%s: a pause ends the sweep", name)
		}
		end()
		if _, total := page.Series.At(); total != 0 {
			t.Errorf("%s does not end the sweep", name)
		}
	}
	if len(page.Runs.Kept) != 0 {
		t.Error("runs on other data are kept")
	}
}

// A series of runs is saved with the run under way, and goes on when that is resumed.
func TestSeriesIsResumed(t *testing.T) {
	page, worker := openSaving(t)
	page.Series.Experiments()
	configure, err := protocol.Decode[protocol.Configure](worker.last(t, protocol.TypeConfigure))
	if err != nil || configure.Queue == nil || configure.Queue.Total != 3 || len(configure.Queue.Runs) != 2 {
		t.Fatalf("configured %+v, %v", configure.Queue, err)
	}
	page.Series.Stop()
	if adjust, err := protocol.Decode[protocol.Adjust](worker.last(t, protocol.TypeAdjust)); err != nil || adjust.Queue != nil || adjust.Epochs != 20 {
		t.Errorf("adjusted to %+v, %v: want no more runs", adjust, err)
	}

	left := leftRun(t)
	left.Queue = configure.Queue
	page, worker = openSaving(t, left)
	worker.resumes(page, protocol.StatusPaused)
	page.Saves.Resume()
	resume, err := protocol.Decode[protocol.Resume](worker.last(t, protocol.TypeResume))
	if run, total := page.Series.At(); err != nil || resume.Queue == nil || len(resume.Queue.Runs) != 2 || run != 1 || total != 3 {
		t.Fatalf("resumed %+v, %v, run %d of %d", resume.Queue, err, run, total)
	}
	page.Play(must(t))
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Epochs: []protocol.Epoch{{Epoch: 20}}})
	if run, total := page.Series.At(); run != 2 || total != 3 || page.Settings.Experiment != 2 || page.Status != protocol.StatusTraining {
		t.Errorf("run %d of %d, experiment %d, status %q", run, total, page.Settings.Experiment, page.Status)
	}

	left.Queue = &protocol.Queue{Runs: []map[string]string{{"colour": "red"}}, Total: 2}
	page, worker = openSaving(t, left)
	worker.resumes(page, protocol.StatusPaused)
	page.Saves.Resume()
	page.Play(must(t))
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Epochs: []protocol.Epoch{{Epoch: 20}}})
	if _, total := page.Series.At(); total != 0 || page.Status != protocol.StatusDone || page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, "colour") {
		t.Errorf("%d runs, status %q, notice %v, after a run of settings that there are not", total, page.Status, page.Messages.Notice)
	}
}
