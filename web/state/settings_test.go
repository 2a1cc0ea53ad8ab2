package state

import (
	"strings"
	"testing"

	"sae/wasm/protocol"
)

func TestSet(t *testing.T) {
	page, worker := open(t)
	worker.types()
	tests := []struct {
		changes  map[string]string
		reset    bool
		fail     string
		commands string
	}{
		{map[string]string{"latent": "32"}, true, "", "watch configure"},
		{map[string]string{"latent": "32"}, false, "", ""},
		{map[string]string{"epochs": "30"}, false, "", "adjust"},
		{map[string]string{"workers": "2"}, false, "", "adjust"},
		{map[string]string{"batch": "301"}, false, `batch "301": want at most the 300 training images in use`, ""},
		{map[string]string{"lr": "NaN"}, false, `lr "NaN": want`, ""},
	}
	for _, test := range tests {
		before := page.Settings
		page.Set(test.changes, func(reset bool, err error) {
			switch {
			case test.fail != "":
				if err == nil || !strings.Contains(err.Error(), test.fail) || page.Settings != before {
					t.Errorf("%v: error %v, want %q and unchanged settings", test.changes, err, test.fail)
				}
			case err != nil || reset != test.reset:
				t.Errorf("%v: reset %t, error %v; want reset %t", test.changes, reset, err, test.reset)
			}
		})
		if got := worker.types(); got != test.commands {
			t.Errorf("%v: commands %q, want %q", test.changes, got, test.commands)
		}
	}
	// What only follows from a change is fitted to the data set.
	page.Set(map[string]string{"subset": "20"}, func(_ bool, err error) { must(t)(err) })
	if s := page.Settings; s.Subset != 20 || s.Batch != 20 || page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, "the batch size is now 20") {
		t.Errorf("after subset 20: subset %d, batch %d, notice %v", s.Subset, s.Batch, page.Messages.Notice)
	}
	page.Set(map[string]string{"experiment": "4"}, func(_ bool, err error) { must(t)(err) })
	if s := page.Settings; s.Experiment != 4 || s.Batch != 20 {
		t.Errorf("experiment 4 on 20 images: experiment %d, batch %d", s.Experiment, s.Batch)
	}
	page.Set(map[string]string{"subset": "10", "batch": "20"}, func(_ bool, err error) {
		if err == nil || page.Settings.Subset != 20 {
			t.Error("a batch of 20 from 10 images is not refused")
		}
	})
	page.Series.Experiments() // leaves experiment 4, whose batch is smaller than the others'
	if s := page.Settings; s.Experiment != 1 || s.Batch != 20 || page.Status != protocol.StatusTraining {
		t.Errorf("a series on 20 images: experiment %d, batch %d, status %q", s.Experiment, s.Batch, page.Status)
	}
	page.Series.Stop()
	page.Pause(must(t))
	worker.types()
	// A knob that is turned while training restarts the training.
	page.Play(must(t))
	page.Set(map[string]string{"lambda": "1e-4"}, func(bool, error) {})
	if got, want := worker.types(), "play watch configure play"; got != want || page.Status != protocol.StatusTraining {
		t.Errorf("commands %q, status %q; want %q", got, page.Status, want)
	}
}

func TestSetEpochsRevivesTheRun(t *testing.T) {
	page, worker := open(t)
	page.Play(must(t))
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20})
	page.Set(map[string]string{"epochs": "25"}, func(reset bool, err error) {
		if reset || err != nil {
			t.Errorf("reset %t, error %v", reset, err)
		}
	})
	page.Play(must(t))
	if page.Status != protocol.StatusTraining {
		t.Errorf("status %q, want training", page.Status)
	}
}

// What is asked of a new worker before it has its data set again comes with the run.
func TestSetBeforeDataAreBack(t *testing.T) {
	page, worker := open(t)
	page.Recovery.WorkerDied("struck by lightning")
	worker.types()
	page.Set(map[string]string{"latent": "8"}, func(reset bool, err error) {
		if !reset || err != nil {
			t.Errorf("set: a reset %v, %v", reset, err)
		}
	})
	page.Dataset.UseFile("data_batch_1.bin", nil, func(err error) {
		if err == nil {
			t.Error("another data set is read while the last one is read again")
		}
	})
	page.Reset(func(err error) {
		if err == nil {
			t.Error("there is a run to reset before its data are back")
		}
	})
	page.Pause(must(t))
	if got := worker.types(); got != "" {
		t.Errorf("commands %q to a worker that is not ready", got)
	}
	worker.ready("")
	if got := worker.types(); got != "load watch configure" || page.Settings.Latent != 8 || page.Status != protocol.StatusIdle {
		t.Errorf("commands %q, latent %d, status %q", got, page.Settings.Latent, page.Status)
	}
}

// A command to a run that ends with its data set before the worker takes the command
// is carried out by the run on the next.
func TestCommandsBetweenRuns(t *testing.T) {
	page, worker := open(t)
	page.Play(must(t))
	worker.silent = true
	page.Dataset.UseFile("data_batch_1.bin", nil, must(t))
	load := worker.sent[len(worker.sent)-1]
	page.Set(map[string]string{"epochs": "7"}, func(_ bool, err error) { must(t)(err) })
	page.Pause(must(t))
	page.Play(must(t))
	var stepped error
	page.Step(func(err error) { stepped = err })
	late := worker.sent[len(worker.sent)-4:]
	worker.silent = false
	worker.sent = nil
	worker.receive(load)
	for _, m := range late {
		page.Receive(protocol.Message{Type: protocol.TypeReply, ID: m.ID, Error: string(m.Type) + ": there is no run yet"})
	}
	if stepped == nil {
		t.Error("the step of a run that is no more is done")
	}
	if got := worker.types(); got != "load watch configure" || page.Settings.Epochs != 7 || page.Status != protocol.StatusIdle {
		t.Errorf("commands %q, epochs %d, status %q", got, page.Settings.Epochs, page.Status)
	}
}

func TestAdaptsToSmallDatasets(t *testing.T) {
	page, _ := open(t)
	page.Settings.Batch, page.Settings.Subset = 4096, 5000
	page.Dataset.UseSynthetic(must(t))
	if page.Settings.Batch != trainImages || page.Settings.Subset != 0 || page.Messages.Notice == nil {
		t.Errorf("batch %d, subset %d, notice %v", page.Settings.Batch, page.Settings.Subset, page.Messages.Notice)
	}
}
