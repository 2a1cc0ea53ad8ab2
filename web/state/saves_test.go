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
