package state

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sae/wasm/protocol"
)

// reply answers the last command of a kind.
func (w *fakeWorker) reply(kind protocol.Type, body any, failure string) {
	w.t.Helper()
	reply := protocol.New(protocol.TypeReply, body)
	reply.ID, reply.Error = w.last(w.t, kind).ID, failure
	w.page.Receive(reply)
}

// What the reply to a command tells of the run is known before the command is over.
func TestRepliesTellTheRun(t *testing.T) {
	page, worker := open(t)
	worker.silent = true
	told := ""
	page.Step(func(err error) {
		told = fmt.Sprint(err, page.Status, page.Epoch, page.Batch, page.Batches, len(page.History), len(page.Curve))
	})
	worker.reply(protocol.TypeStep, protocol.Frame{
		Run: page.run, Status: protocol.StatusPaused, Epoch: 1, Batch: 0, Batches: 4,
		Epochs: []protocol.Epoch{{Epoch: 1}}, Points: []protocol.Point{{Epoch: 1}},
	}, "")
	if want := fmt.Sprint(nil, protocol.StatusPaused, 1, 0, 4, 1, 1); told != want {
		t.Errorf("a step tells %q, want %q", told, want)
	}

	page.Import("file", func(err error) {
		told = fmt.Sprint(err, page.Status, page.Epoch, page.Batch, len(page.History), page.Initial != nil)
	})
	worker.reply(protocol.TypeImport, protocol.Imported{Settings: page.Settings, Kernel: "go", Same: true, Frame: protocol.Frame{
		Run: page.lastRun, Status: protocol.StatusPaused, Epoch: 2, Batch: 3, Batches: 4,
		Epochs: []protocol.Epoch{{Epoch: 1}, {Epoch: 2}}, Initial: &protocol.Evaluation{},
	}}, "")
	if want := fmt.Sprint(nil, protocol.StatusPaused, 2, 3, 2, true); told != want {
		t.Errorf("an import tells %q, want %q", told, want)
	}

	// Fewer epochs than there are end the run.
	page.Set(map[string]string{"epochs": "1"}, func(bool, error) { told = string(page.Status) })
	worker.reply(protocol.TypeAdjust, protocol.Frame{Run: page.run, Status: protocol.StatusDone, Epoch: 2, Batch: 3, Batches: 4}, "")
	if told != string(protocol.StatusDone) {
		t.Errorf("fewer epochs tell %q, want done", told)
	}

	// A new run tells its batches.
	page.Set(map[string]string{"batch": "64"}, func(bool, error) {})
	if page.Batches != 5 {
		t.Errorf("%d batches of 64 of %d images", page.Batches, trainImages)
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

// Each epoch that ends is an event while it is the last of the history; those of a
// model that is opened have ended before.
func TestEachEpochIsAnEvent(t *testing.T) {
	page, worker := open(t)
	var events []string
	page.Changed = func(event string) {
		if event == "epoch" {
			event = fmt.Sprint(page.History[len(page.History)-1].Epoch)
		}
		events = append(events, event)
	}
	page.Play(must(t))
	worker.frame(protocol.Frame{Status: protocol.StatusDone, Epoch: 20, Batches: 4, Epochs: []protocol.Epoch{{Epoch: 18}, {Epoch: 19}, {Epoch: 20}}})
	if got := strings.Join(events, " "); got != "state metrics 18 19 20 state" {
		t.Errorf("events %q", got)
	}
	events = nil
	worker.replies = map[protocol.Type]any{protocol.TypeImport: protocol.Imported{Settings: page.Settings, Frame: protocol.Frame{
		Status: protocol.StatusPaused, Epoch: 2, Epochs: []protocol.Epoch{{Epoch: 1}, {Epoch: 2}},
	}}}
	page.Import("file", must(t))
	worker.frame(protocol.Frame{Status: protocol.StatusPaused, Epoch: 2, Batches: 4})
	if got := strings.Join(events, " "); got != "state metrics" || len(page.History) != 2 {
		t.Errorf("events %q, %d epochs", got, len(page.History))
	}
}

// trained is a page whose run trains, and a worker that opens any model.
func trained(t *testing.T) (*Page, *fakeWorker) {
	t.Helper()
	page, worker := open(t)
	page.Play(must(t))
	worker.frame(protocol.Frame{Status: protocol.StatusTraining, Epoch: 1, Batch: 2, Batches: 4, Epochs: []protocol.Epoch{{Epoch: 1}}})
	worker.replies = map[protocol.Type]any{protocol.TypeImport: protocol.Imported{
		Settings: page.Settings, Kernel: "go", Same: true, Frame: protocol.Frame{Status: protocol.StatusPaused, Epoch: 1},
	}}
	worker.types()
	return page, worker
}

// What takes the place of a run that has learnt something can be taken back: the run is
// there again, on its data, and trains on where it trained.
func TestTheRunBeforeComesBack(t *testing.T) {
	for name, test := range map[string]struct {
		replace  func(*Page)
		toast    string
		commands string // of the undo
	}{
		"reset": {func(p *Page) { p.Reset(ignore) }, "What was learnt is gone.", "import watch play"},
		"model": {func(p *Page) { p.Import("file", ignore) }, "Another model was opened.", "export import watch play"},
		"kept run": {func(p *Page) {
			p.Runs.Kept = []Run{{Model: "model"}}
			p.Runs.Restore(0)
		}, "Another model was opened.", "export import watch play"},
		"data": {func(p *Page) { p.Dataset.UseFile("other.sae", nil, ignore) }, "Another data set was opened.", "load import watch play"},
	} {
		page, worker := trained(t)
		test.replace(page)
		if page.Messages.Toast == nil || page.Messages.Toast.Text != test.toast || page.Messages.Toast.Undo == nil {
			t.Errorf("%s: toast %v", name, page.Messages.Toast)
			continue
		}
		worker.types()
		page.Messages.Undo()
		if got := worker.types(); got != test.commands || page.Status != protocol.StatusTraining || page.Dataset.Name != protocol.SourceSynthetic {
			t.Errorf("%s: commands %q, status %q, data %q after undo", name, got, page.Status, page.Dataset.Name)
		}
	}

	// A bad file takes no place.
	page, worker := trained(t)
	worker.silent = true
	page.Import("file", func(error) {})
	worker.answer(protocol.Message{Error: "not a model"})
	worker.loadFail = "not a data set"
	worker.silent = false
	page.Dataset.UseFile("other.sae", nil, ignore)
	if page.Messages.Toast != nil {
		t.Errorf("toast %v where nothing was replaced", page.Messages.Toast)
	}
	// Data that are no longer kept cannot come back.
	page, worker = newPage(t)
	worker.ready("earlier.sae")
	worker.frame(protocol.Frame{Status: protocol.StatusPaused, Epoch: 1, Batches: 4})
	page.Dataset.UseFile("other.sae", nil, must(t))
	if page.Messages.Toast != nil {
		t.Errorf("toast %v of data that are gone", page.Messages.Toast)
	}
	// A run that waited for its step does not train.
	page, worker = trained(t)
	page.Pause(must(t))
	page.Reset(must(t))
	page.Messages.Undo()
	if page.Status != protocol.StatusPaused {
		t.Errorf("status %q of a run that was paused", page.Status)
	}
}

// A deleted run comes back among the runs that there are by then.
func TestUndoDelete(t *testing.T) {
	page, _ := open(t)
	page.Runs.set([]Run{{Key: "a"}, {Key: "b"}})
	page.Runs.Kept[0].ID, page.Runs.Kept[1].ID = 1, 2
	page.Runs.Delete(1)
	page.Runs.set(append(page.Runs.Kept, Run{Key: "c"}))
	page.Messages.Undo()
	var keys []string
	for _, run := range page.Runs.Kept {
		keys = append(keys, run.Key)
	}
	if got := strings.Join(keys, " "); got != "a b c" {
		t.Errorf("runs %q", got)
	}
	page.Runs.Delete(1)
	page.Dataset.UseFile("other.sae", nil, must(t))
	if page.Messages.Toast != nil {
		t.Errorf("toast %v of a run on other data", page.Messages.Toast)
	}
}

// A notice goes when what it is about is over, and not before.
func TestNoticesEnd(t *testing.T) {
	newSettings := func(p *Page) { p.Set(map[string]string{"lr": "1e-4"}, func(bool, error) {}) }
	moreEpochs := func(p *Page) { p.Set(map[string]string{"epochs": "30"}, func(bool, error) {}) }
	reset := func(p *Page) { p.Reset(ignore) }
	model := func(p *Page) { p.Import("file", ignore) }
	file := func(p *Page) { p.Dataset.UseFile("other.sae", nil, ignore) }
	picture := func(p *Page) { p.Explorer.ShowPicture(make([]byte, 3072)) }
	play := func(p *Page) { p.Play(ignore) }
	series := func(p *Page) { p.Series.Experiments() }
	type acts = map[string]func(*Page)
	for name, test := range map[string]struct {
		notice string
		show   func(*Page, *fakeWorker)
		ends   acts
		stays  acts
	}{
		"a link": {"Not all of the link could be used", func(p *Page, w *fakeWorker) { p.Link.Follow("?lamda=1") },
			acts{"settings": newSettings, "epochs": moreEpochs, "model": model, "series": series}, acts{"play": play, "reset": reset, "file": file}},
		"bad data": {"That data set could not be used", func(p *Page, w *fakeWorker) {
			w.loadFail = "no"
			p.Dataset.UseFile("bad", nil, ignore)
		}, acts{"file": file, "model": model, "picture": picture}, acts{"play": play, "settings": newSettings}},
		"a bad model": {"That model could not be used", func(p *Page, w *fakeWorker) {
			w.silent = true
			p.Import("bad", ignore)
			w.answer(protocol.Message{Error: "no"})
			w.silent = false
		}, acts{"file": file, "model": model}, acts{"play": play, "settings": newSettings}},
		"an export": {"The model could not be exported", func(p *Page, w *fakeWorker) { p.Model.Exported("x.npz", errors.New("no")) },
			acts{"file": file, "export": func(p *Page) { p.Model.Exported("x.npz", nil) }}, acts{"play": play, "settings": newSettings}},
		"a small data set": {"Settings were adapted to the data set", func(p *Page, w *fakeWorker) {
			p.Settings.Batch = 4096
			p.adapt()
		}, acts{"settings": newSettings, "file": file}, acts{"play": play}},
		"divergence": {"Training diverged", func(p *Page, w *fakeWorker) {
			p.Play(ignore)
			w.frame(protocol.Frame{Status: protocol.StatusError, Failure: "no", Diverged: true})
		}, acts{"settings": newSettings, "reset": reset, "model": model, "file": file, "series": series}, acts{"play": play, "epochs": moreEpochs}},
		"a lost team": {"Training stopped", func(p *Page, w *fakeWorker) {
			p.Play(ignore)
			w.frame(protocol.Frame{Status: protocol.StatusError, Failure: "no"})
		}, acts{"settings": newSettings, "reset": reset, "model": model, "file": file, "series": series}, acts{"play": play, "epochs": moreEpochs}},
		"a lost worker": {"The training worker stopped and was replaced", func(p *Page, w *fakeWorker) {
			p.Recovery.WorkerDied("no")
			w.ready("")
		}, acts{"settings": newSettings, "reset": reset, "model": model, "file": file, "series": series}, acts{"play": play, "epochs": moreEpochs}},
		"no worker": {"The training worker does not start", func(p *Page, w *fakeWorker) {
			for range maxDeaths + 1 {
				p.Recovery.WorkerDied("no")
			}
		}, nil, acts{"play": play, "epochs": moreEpochs, "discard": func(p *Page) { p.Saves.DiscardOffer() }}},
		"an offer": {"The data of that run are not here", func(p *Page, w *fakeWorker) {
			p.Saves.Offers = []protocol.Save{{}}
			p.Saves.Resume()
		}, acts{"discard": func(p *Page) { p.Saves.DiscardOffer() }, "hide": func(p *Page) { p.Saves.HideOffers() }, "resume": func(p *Page) {
			p.Saves.Offers[0].Data = p.Dataset.fingerprint() // which are there by now
			p.Saves.Resume()
		}}, acts{"play": play, "settings": newSettings}},
		"other data": {"The model learnt from other data", func(p *Page, w *fakeWorker) {
			imported := protocol.Imported{Settings: p.Settings, Frame: protocol.Frame{Status: protocol.StatusPaused}}
			imported.Data.Name = "CIFAR-10"
			before := w.replies
			w.replies = map[protocol.Type]any{protocol.TypeImport: imported}
			p.Import("file", ignore)
			w.replies = before
		}, acts{"settings": newSettings, "reset": reset, "model": model, "file": file}, acts{"play": play, "epochs": moreEpochs}},
	} {
		try := func(act string, do func(*Page), ends bool) {
			page, worker := open(t)
			imported := protocol.Imported{Settings: page.Settings, Kernel: "go", Same: true, Frame: protocol.Frame{Status: protocol.StatusPaused}}
			worker.replies = map[protocol.Type]any{protocol.TypeImport: imported, protocol.TypeResume: imported}
			test.show(page, worker)
			if page.Messages.Notice == nil || !strings.HasPrefix(page.Messages.Notice.Title, test.notice) {
				t.Fatalf("%s: notice %v", name, page.Messages.Notice)
			}
			notice := page.Messages.Notice
			if do(page); (page.Messages.Notice != notice) != ends {
				t.Errorf("%s, then %s: notice %v", name, act, page.Messages.Notice)
			}
		}
		for act, do := range test.ends {
			try(act, do, true)
		}
		for act, do := range test.stays {
			try(act, do, false)
		}
	}
}

// What was copied, exported or not saved is of the run and the settings of then.
func TestMessagesOfARunEndWithIt(t *testing.T) {
	for name, act := range map[string]func(*Page){
		"settings": func(p *Page) { p.Set(map[string]string{"lr": "1e-4"}, func(bool, error) {}) },
		"reset":    func(p *Page) { p.Reset(ignore) },
		"model":    func(p *Page) { p.Import("file", ignore) },
	} {
		page, _ := trained(t)
		page.Messages.Copied("The link", nil)
		page.Model.Exported("x.npz", nil)
		page.Receive(protocol.New(protocol.TypeSaved, protocol.Saved{Run: page.run, Error: "too large"}))
		before := page.run
		if page.Messages.Toast == nil || page.Model.Told == "" || page.Saves.Unsaved == "" {
			t.Fatalf("toast %v, told %q, unsaved %q", page.Messages.Toast, page.Model.Told, page.Saves.Unsaved)
		}
		toast := page.Messages.Toast
		act(page)
		page.Receive(protocol.New(protocol.TypeSaved, protocol.Saved{Run: before, Error: "too large"})) // late
		if page.Messages.Toast == toast || page.Model.Told != "" || page.Saves.Unsaved != "" {
			t.Errorf("%s: toast %v, told %q, unsaved %q", name, page.Messages.Toast, page.Model.Told, page.Saves.Unsaved)
		}

	}
}

// In a frame out of view a run that is brought back waits, until it is seen or paused.
func TestUnseenRunWaits(t *testing.T) {
	left := leftRun(t)
	page, worker := openSaving(t, left)
	worker.replies[protocol.TypeResume] = protocol.Imported{Settings: left.Settings, Frame: protocol.Frame{Status: protocol.StatusPaused}, Same: true, Kernel: "go"}
	page.See(false)
	page.Saves.Resume()
	if page.Status != protocol.StatusPaused {
		t.Errorf("status %q of a run that is not seen", page.Status)
	}
	page.See(true)
	if page.Status != protocol.StatusTraining {
		t.Errorf("status %q of a run that is seen", page.Status)
	}
	// Its worker is lost meanwhile.
	page.See(false)
	page.Recovery.WorkerDied("struck by lightning")
	page.See(true)
	worker.ready("")
	if page.Status != protocol.StatusTraining {
		t.Errorf("status %q after the worker was replaced", page.Status)
	}
	page.See(false)
	page.Pause(must(t))
	page.See(true)
	if page.Status != protocol.StatusPaused {
		t.Errorf("status %q of a run that was paused out of view", page.Status)
	}
	// A finished run stays finished.
	page, worker = openSaving(t, left)
	worker.replies[protocol.TypeResume] = protocol.Imported{Settings: left.Settings, Frame: protocol.Frame{Status: protocol.StatusDone}, Same: true, Kernel: "go"}
	page.Saves.Resume()
	if page.Status != protocol.StatusDone {
		t.Errorf("status %q of a finished run", page.Status)
	}
}
