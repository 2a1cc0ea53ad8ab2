package state

import (
	"strings"
	"testing"

	"sae/wasm/protocol"
)

func TestWorkerDies(t *testing.T) {
	page, worker := open(t)
	worker.silent = true
	var got error
	page.Play(func(err error) { got = err })
	if !page.Recovery.WorkerDied("out of memory") {
		t.Error("the first worker that dies is not replaced")
	}
	if got == nil || !strings.Contains(got.Error(), "out of memory") {
		t.Errorf("play that was under way ended with %v", got)
	}
	if page.Status != StatusLoading || page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, "out of memory") {
		t.Errorf("status %q, notice %v", page.Status, page.Messages.Notice)
	}
	worker.silent = false
	worker.types()
	worker.ready("")
	if got := worker.types(); got != "load watch configure play" || page.Status != protocol.StatusTraining {
		t.Errorf("commands %q, status %q after the new worker is ready", got, page.Status)
	}
	replaced := 0
	for page.Recovery.WorkerDied("again") {
		if replaced++; replaced > 10 {
			t.Fatal("workers that die at once are replaced for ever")
		}
	}
	if page.Status != protocol.StatusError || replaced != 2 {
		t.Errorf("status %q after %d more workers, want error after 2", page.Status, replaced)
	}
	worker.types()
	page.Reset(func(err error) { got = err })
	if got == nil || !strings.Contains(got.Error(), "reload the page") || worker.types() != "" {
		t.Errorf("a reset without a worker ended with %v", got)
	}
}

func TestDivergence(t *testing.T) {
	page, worker := open(t)
	page.Play(must(t))
	var events []string
	page.Changed = func(event string) { events = append(events, event) }
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusError, Failure: "the loss is no longer a finite number", Diverged: true})
	if page.Status != protocol.StatusIdle || page.Failure != "" || !strings.Contains(strings.Join(events, " "), "error") {
		t.Errorf("status %q, failure %q, events %v; want a new run", page.Status, page.Failure, events)
	}
	if page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, "a finite number. The run is back at its start: lower the learning rate") {
		t.Errorf("notice %v", page.Messages.Notice)
	}
}

// A step that makes the run diverge fails with what happened, after the run is back.
func TestStepThatDiverges(t *testing.T) {
	page, worker := open(t)
	worker.silent = true
	var failure error
	page.Step(func(err error) {
		if failure = err; page.Status != protocol.StatusIdle {
			t.Errorf("status %q when the step has failed", page.Status)
		}
	})
	frame := protocol.Frame{Run: page.run, Status: protocol.StatusError, Failure: "the loss has exploded", Diverged: true}
	worker.reply(protocol.TypeStep, frame, "the loss has exploded")
	if failure == nil || failure.Error() != "the loss has exploded" || page.Messages.Notice == nil || page.Messages.Notice.Title != "Training diverged" {
		t.Errorf("the step fails with %v, notice %v", failure, page.Messages.Notice)
	}
	run := page.run
	page.Receive(protocol.New(protocol.TypeFrame, frame))
	if page.run != run {
		t.Error("the same end is taken twice")
	}
}

// A run that is lost goes on from its save, with the settings it has by then.
func TestLostRunGoesOn(t *testing.T) {
	for name, lose := range map[string]func(*Page, *fakeWorker){
		"worker": func(p *Page, w *fakeWorker) {
			if !p.Recovery.WorkerDied("struck by lightning") {
				t.Error("the worker is not replaced")
			}
			w.ready("")
		},
		"team": func(p *Page, w *fakeWorker) {
			w.frame(protocol.Frame{Workers: 1, Status: protocol.StatusError, Failure: "struck by lightning"})
		},
	} {
		page, worker := openSaving(t)
		page.Play(must(t))
		for deaths := range 2 {
			worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusTraining, Epoch: 6, Batch: 2, Batches: 9})
			if deaths == 0 {
				worker.saved(6, 2)
			}
			worker.resumes(page, protocol.StatusPaused)
			worker.types()
			lose(page, worker)
			want := []string{"The run goes on from epoch 7, batch 2.", "The run is back at epoch 7, batch 2."}[deaths]
			if page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, "struck by lightning. "+want) {
				t.Errorf("%s: notice %v, want %q", name, page.Messages.Notice, want)
			}
			got := strings.TrimSuffix(strings.TrimPrefix(worker.types(), "keep load "), " seen")
			if deaths == 0 && (got != "resume watch play" || page.Status != protocol.StatusTraining) {
				t.Errorf("%s: commands %q, status %q: want the run to go on", name, got, page.Status)
			}
			if deaths == 1 && (got != "resume watch" || page.Status != protocol.StatusPaused) {
				t.Errorf("%s: commands %q, status %q: want the run to wait where it was lost twice", name, got, page.Status)
			}
		}
		worker.saved(7, 0)
		if page.Recovery.deaths != 0 {
			t.Errorf("%s: %d deaths of a run that came further", name, page.Recovery.deaths)
		}
	}
}

// A run that is lost when it has just finished comes back with its model or, where
// that is lost too, goes on from its save.
func TestLostFinishedRun(t *testing.T) {
	for name, want := range map[string]struct{ notice, commands string }{
		"with its model":    {"The finished run is back.", "keep load import watch"},
		"without its model": {"The run goes on from epoch 7, batch 2.", "keep load resume watch play"},
	} {
		page, worker := openSaving(t)
		page.Play(must(t))
		worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusTraining, Epoch: 6, Batch: 2, Batches: 9})
		worker.saved(6, 2)
		worker.resumes(page, protocol.StatusPaused)
		worker.replies[protocol.TypeImport] = protocol.Imported{Settings: page.Settings, Frame: protocol.Frame{Status: protocol.StatusDone}, Same: true, Kernel: "go"}
		worker.silent = true
		worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Epochs: []protocol.Epoch{{Epoch: 20}}})
		if name == "with its model" {
			worker.answer(protocol.Message{File: "blob"})
		}
		page.Recovery.WorkerDied("struck by lightning")
		if page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, want.notice) {
			t.Errorf("%s: notice %v, want %q", name, page.Messages.Notice, want.notice)
		}
		worker.silent = false
		worker.types()
		worker.ready("")
		if got := worker.types(); got != want.commands {
			t.Errorf("%s: commands %q, want %q", name, got, want.commands)
		}
	}
}

// A network that there is no memory for gives way to the run before.
func TestTooLargeANetwork(t *testing.T) {
	page, worker := openSaving(t)
	page.Step(must(t))
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusPaused, Batch: 1, Batches: 9})
	worker.saved(0, 1)
	worker.resumes(page, protocol.StatusPaused)
	page.Set(map[string]string{"hidden": "4096,4096"}, func(bool, error) {})
	page.Recovery.WorkerDied("out of memory")
	worker.types()
	worker.ready("")
	if got := worker.types(); got != "keep load resume watch" || page.Settings.Hidden != "512,128" || page.Status != protocol.StatusPaused {
		t.Errorf("commands %q, hidden %q, status %q", got, page.Settings.Hidden, page.Status)
	}
	if n := page.Messages.Notice; n == nil || n.Title != "There is not enough memory for that network" || !strings.Contains(n.Text, "Settings are again those of the run before.") {
		t.Errorf("notice %v", n)
	}
}

// A run that diverged is back at its save, where another learning rate goes on.
func TestDivergedRunGoesOn(t *testing.T) {
	page, worker := openSaving(t)
	page.Play(must(t))
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusTraining, Epoch: 6, Batch: 2, Batches: 9})
	worker.saved(6, 2)
	worker.resumes(page, protocol.StatusPaused)
	worker.types()
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusError, Failure: "the loss is no longer a finite number", Diverged: true})
	if got := worker.types(); got != "resume watch seen" || page.Status != protocol.StatusPaused {
		t.Errorf("commands %q, status %q", got, page.Status)
	}
	if n := page.Messages.Notice; n == nil || !strings.Contains(n.Text, "back at epoch 7, batch 2: lower the learning rate") {
		t.Errorf("notice %v", n)
	}
	page.Set(map[string]string{"lr": "1e-4"}, func(reset bool, err error) {
		if reset || err != nil {
			t.Errorf("another learning rate: reset %v, %v", reset, err)
		}
	})
	resume, err := protocol.Decode[protocol.Resume](worker.last(t, protocol.TypeResume))
	if err != nil || resume.LR != 1e-4 || resume.Slot != "own" {
		t.Errorf("resumed %+v, %v", resume, err)
	}
	page.Set(map[string]string{"lr": "1e-5"}, func(reset bool, err error) {
		if !reset || err != nil {
			t.Errorf("another learning rate of a run that goes on: reset %v, %v; want a new run", reset, err)
		}
	})
}
