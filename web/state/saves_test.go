package state

import (
	"strings"
	"testing"
	"time"

	"sae/nn/fit"
	"sae/wasm/protocol"
)

// openSaving brings a page that saves its runs to the end of its first load, with
// what other pages have left.
func openSaving(t *testing.T, left ...protocol.Save) (*Page, *fakeWorker) {
	t.Helper()
	page, worker := newPage(t)
	page.Saves.Under("own")
	worker.replies = map[protocol.Type]any{protocol.TypeKeep: protocol.Left{Saves: left}}
	worker.ready("")
	if got := worker.types(); got != "keep load watch configure" {
		t.Fatalf("commands %q", got)
	}
	return page, worker
}

// saved tells the page that its run was saved.
func (w *fakeWorker) saved(epoch, batch int) {
	w.page.Receive(protocol.New(protocol.TypeSaved, protocol.Saved{Run: w.page.run, Epoch: epoch, Batch: batch}))
}

// resumes has the worker take the runs that the page goes back to.
func (w *fakeWorker) resumes(p *Page, status protocol.Status) {
	w.replies[protocol.TypeResume] = protocol.Imported{Settings: p.Settings, Frame: protocol.Frame{Status: status}, Same: true, Kernel: "go"}
}

func (w *fakeWorker) last(t *testing.T, kind protocol.Type) protocol.Message {
	t.Helper()
	for i := len(w.sent) - 1; i >= 0; i-- {
		if w.sent[i].Type == kind {
			return w.sent[i]
		}
	}
	t.Fatalf("no command %s", kind)
	return protocol.Message{}
}

func leftRun(t *testing.T) protocol.Save {
	settings, err := New(nil, nil).Settings.With(map[string]string{"latent": "32"})
	if err != nil {
		t.Fatal(err)
	}
	return protocol.Save{
		Slot: "other", Time: time.Now().UnixMilli(), Load: protocol.Load{Source: protocol.SourceSynthetic}, Settings: settings,
		Data: fit.Fingerprint{Name: "synthetic", Train: trainImages, Validation: validationImages}, Kernel: "go", Epoch: 6, Batch: 2,
	}
}

// An offered run replaces the one under way on demand only; what it is saved under
// is forgotten once it is saved under this page's slot.
func TestOfferedRun(t *testing.T) {
	left := leftRun(t)
	page, worker := openSaving(t, left)
	if len(page.Saves.Offers) != 1 || page.Settings.Latent != 64 {
		t.Fatalf("offers %+v, settings %+v: want the run to wait", page.Saves.Offers, page.Settings)
	}
	worker.replies[protocol.TypeResume] = protocol.Imported{Settings: left.Settings, Frame: protocol.Frame{Status: protocol.StatusPaused}, Same: true, Kernel: "simd"}
	page.Saves.Resume()
	if got := worker.types(); got != "resume watch play" {
		t.Errorf("commands %q", got)
	}
	if len(page.Saves.Offers) != 0 || page.Settings.Latent != 32 || page.Status != protocol.StatusTraining {
		t.Errorf("offers %+v, latent %d, status %q", page.Saves.Offers, page.Settings.Latent, page.Status)
	}
	if page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, "trained with simd and goes on with go") {
		t.Errorf("notice %v: want the other kernel named", page.Messages.Notice)
	}
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusPaused, Epoch: 6, Batches: 9, Epochs: []protocol.Epoch{{Epoch: 1}}})
	if _, ok := page.Link.FingerprintAt(1); ok {
		t.Error("a run of two kernels has a fingerprint")
	}
	worker.saved(6, 2)
	keep, err := protocol.Decode[protocol.Keep](worker.last(t, protocol.TypeDiscard))
	if err != nil || keep.Slot != "other" {
		t.Errorf("discarded %+v, %v", keep, err)
	}

	page, worker = openSaving(t, left, protocol.Save{Slot: "older"})
	page.Saves.DiscardOffer()
	if got := worker.types(); got != "discard" || len(page.Saves.Offers) != 1 || page.Saves.Offers[0].Slot != "older" {
		t.Errorf("commands %q, offers %+v after one was discarded", got, page.Saves.Offers)
	}
	page.Saves.HideOffers()
	if got := worker.types(); got != "" || len(page.Saves.Offers) != 0 {
		t.Errorf("commands %q, offers %+v: want the run to stay saved", got, page.Saves.Offers)
	}
}

// The data set of an offered run comes with it, or is asked for.
func TestOfferedRunOnOtherData(t *testing.T) {
	left := leftRun(t)
	left.Data.Name, left.Load = "kept", protocol.Load{Source: protocol.SourceKept}
	page, worker := openSaving(t, left)
	page.Saves.Resume()
	if got := worker.types(); got != "" || len(page.Saves.Offers) != 1 || page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, "It was trained on kept with 300 images. Drop their file") {
		t.Errorf("commands %q, offers %+v, notice %v", got, page.Saves.Offers, page.Messages.Notice)
	}
	page.Dataset.KeptName = "kept"
	worker.resumes(page, protocol.StatusPaused)
	page.Saves.Resume()
	if got := worker.types(); got != "load resume watch play" || len(page.Saves.Offers) != 0 || page.Dataset.Name != "kept" {
		t.Errorf("commands %q, offers %+v, data %q", got, page.Saves.Offers, page.Dataset.Name)
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

// What is not saved is said, and a finished run that is kept is not offered again.
func TestSaving(t *testing.T) {
	page, worker := openSaving(t)
	page.Runs.KeepWith(Keeper{Put: func(_ Run, done Done) { done(nil) }, Delete: func(string) {}, All: func(func([]Run)) {}})
	worker.page.Receive(protocol.New(protocol.TypeSaved, protocol.Saved{Run: page.run, Error: "the disk is full"}))
	if page.Saves.Unsaved != "the disk is full" {
		t.Errorf("unsaved %q", page.Saves.Unsaved)
	}
	worker.saved(1, 0)
	if page.Saves.Unsaved != "" {
		t.Errorf("unsaved %q of a saved run", page.Saves.Unsaved)
	}
	worker.frame(protocol.Frame{Status: protocol.StatusPaused, Epoch: 1, Batch: 0})
	if page.Saves.SaveNow() {
		t.Error("a saved run has something to lose")
	}
	worker.frame(protocol.Frame{Status: protocol.StatusPaused, Epoch: 1, Batch: 1})
	if !page.Saves.SaveNow() {
		t.Error("a batch after the save there is nothing to lose")
	}
	page.Play(must(t))
	worker.silent = true
	worker.types()
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Epochs: []protocol.Epoch{{Epoch: 20}}})
	worker.answer(protocol.Message{File: "blob"})
	if got := worker.types(); got != "export seen discard" {
		t.Errorf("commands %q: want a run that is kept to be saved no longer", got)
	}
	if page.Saves.SaveNow() {
		t.Error("a run that is kept has something to lose")
	}
	page.Reset(must(t))
	if got := worker.types(); got != "save export discard watch configure" {
		t.Errorf("commands %q: want a reset to forget the run", got)
	}
}

// After the page's program has ended, the run comes back by itself, on its data, and
// trains on where it did. Where that ends at once too, the run is only offered.
func TestComingBack(t *testing.T) {
	page, worker := openSaving(t)
	if left, says := page.Saves.IfItEnds(); left != "" || !strings.Contains(says, "starts the demo again") {
		t.Errorf("untrained: left %q, says %q", left, says)
	}
	page.Play(must(t))
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusTraining, Epoch: 6, Batch: 2, Batches: 9})
	left, says := page.Saves.IfItEnds()
	if left == "" || !strings.Contains(says, "brings the run back by itself") {
		t.Fatalf("training: left %q, says %q", left, says)
	}
	page.Receive(protocol.New(protocol.TypeSaved, protocol.Saved{Run: page.run, Error: "no room"}))
	if left, says := page.Saves.IfItEnds(); left != "" || !strings.Contains(says, "could not be saved (no room)") {
		t.Errorf("unsaved: left %q, says %q", left, says)
	}

	save, older := leftRun(t), leftRun(t)
	save.Slot, older.Slot = "own", "older"
	visit := func(left string, data string) (*Page, *fakeWorker) {
		page, worker := newPage(t)
		page.Saves.Under("next")
		page.Saves.ComeBack(left)
		save.Data.Name = data
		worker.replies = map[protocol.Type]any{protocol.TypeKeep: protocol.Left{Saves: []protocol.Save{older, save}}}
		worker.resumes(page, protocol.StatusPaused)
		worker.ready("")
		return page, worker
	}
	page, worker = visit(left, "other")
	if got := worker.types(); got != "keep load watch configure load resume watch play" {
		t.Errorf("commands %q, want its data before the run", got)
	}
	page, worker = visit(left, "synthetic")
	if resume, err := protocol.Decode[protocol.Resume](worker.last(t, protocol.TypeResume)); err != nil || resume.Slot != "own" {
		t.Errorf("resumed %+v, %v", resume, err)
	}
	if got := worker.types(); got != "keep load watch configure resume watch play" || page.Status != protocol.StatusTraining || len(page.Saves.Offers) != 0 {
		t.Errorf("commands %q, status %q, offers %v", got, page.Status, page.Saves.Offers)
	}
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusTraining, Epoch: 6, Batch: 2, Batches: 9})
	worker.saved(6, 2)
	again, says := page.Saves.IfItEnds()
	if again != "" || !strings.Contains(says, "it is offered, and waits for you") {
		t.Errorf("right after it came back: left %q, says %q", again, says)
	}
	worker.saved(6, 5)
	if again, _ = page.Saves.IfItEnds(); again == "" || again == left {
		t.Errorf("once it has come further: left %q, want its slot of now", again)
	}
	page.Pause(must(t))
	paused, _ := page.Saves.IfItEnds()
	if page, worker = visit(strings.Replace(paused, "next", "own", 1), "synthetic"); page.Status != protocol.StatusPaused {
		t.Errorf("a paused run comes back %q after %q", page.Status, worker.types())
	}
	// The run may be offered after the data are there: its slot is free once the page
	// that ended is gone. By then the user may be at something else.
	for _, trains := range []bool{false, true} {
		page, worker = newPage(t)
		page.Saves.Under("next")
		page.Saves.ComeBack(left)
		worker.silent = true
		worker.ready("")
		keep, load := worker.last(t, protocol.TypeKeep), worker.last(t, protocol.TypeLoad)
		worker.silent = false
		worker.replies = map[protocol.Type]any{protocol.TypeKeep: protocol.Left{Saves: []protocol.Save{older, save}}}
		worker.resumes(page, protocol.StatusPaused)
		worker.receive(load)
		if trains {
			page.Play(must(t))
		}
		worker.types()
		worker.receive(keep)
		want := "keep resume watch play"
		if trains {
			want = "keep"
		}
		if got := worker.types(); got != want || (len(page.Saves.Offers) == 2) != trains {
			t.Errorf("training %t: commands %q, offers %v; want %q", trains, got, page.Saves.Offers, want)
		}
	}
	for _, other := range []string{"", "{}", "nonsense", `{"slot": "gone"}`} {
		if page, worker = visit(other, "synthetic"); worker.types() != "keep load watch configure" || len(page.Saves.Offers) != 2 {
			t.Errorf("left %q: commands and offers %v, want the runs to be offered", other, page.Saves.Offers)
		}
	}
	page, _ = newPage(t)
	page.FollowEmbed("")
	if left, says := page.Saves.IfItEnds(); left != "" || !strings.Contains(says, "In a frame nothing is saved") {
		t.Errorf("in a frame: left %q, says %q", left, says)
	}
}
