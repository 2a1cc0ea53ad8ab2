package state

import (
	"strings"
	"testing"

	"sae/nn/fit"
	"sae/wasm/protocol"
)

// What takes the place of a run that has learnt something can be taken back: the run is
// there again, on its data, and trains on where it trained.
func TestTheRunBeforeComesBack(t *testing.T) {
	for name, test := range map[string]struct {
		replace  func(*Page)
		toast    string
		commands string // of the undo
	}{
		"reset": {func(p *Page) { p.Reset(Ignore) }, "What was learnt is gone.", "import watch play"},
		"model": {func(p *Page) { p.Import("file", Ignore) }, "Another model was opened.", "export import watch play"},
		"kept run": {func(p *Page) {
			p.Runs.Kept = []Run{{Model: "model"}}
			p.Runs.Restore(0)
		}, "Another model was opened.", "export import watch play"},
		"data": {func(p *Page) { p.Dataset.UseFile("other.sae", nil, Ignore) }, "file was opened: 300 training and 40 validation pictures, 10 classes.", "load import watch play"},
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
	page.Dataset.UseFile("other.sae", nil, Ignore)
	if page.Messages.Toast != nil {
		t.Errorf("toast %v where nothing was replaced", page.Messages.Toast)
	}
	// Data that are no longer kept cannot come back.
	page, worker = newPage(t)
	worker.ready("earlier.sae")
	worker.frame(protocol.Frame{Status: protocol.StatusPaused, Epoch: 1, Batches: 4})
	page.Dataset.UseFile("other.sae", nil, must(t))
	if page.Messages.Toast.Undo != nil {
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

func TestImport(t *testing.T) {
	page, worker := open(t)
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusIdle, Epoch: 2, Epochs: []protocol.Epoch{{Epoch: 1}, {Epoch: 2}}})
	worker.silent = true
	var failure error
	page.Import("file", func(err error) { failure = err })
	worker.answer(protocol.Message{Error: "checkpoint: version 9: want 1"})
	if failure == nil || page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, "version 9: want 1. Your run is unchanged") || len(page.History) != 2 {
		t.Errorf("a bad file: error %v, notice %v, %d epochs", failure, page.Messages.Notice, len(page.History))
	}
	page.Import("file", must(t))
	settings, err := page.Settings.With(map[string]string{"latent": "32", "epochs": "7"})
	if err != nil {
		t.Fatal(err)
	}
	worker.frame(protocol.Frame{Workers: 1, Epoch: 3, Epochs: []protocol.Epoch{{Epoch: 3}}}) // of the run that still is
	if len(page.History) != 3 {
		t.Errorf("%d epochs before the reply, want 3", len(page.History))
	}
	imported := protocol.New("", protocol.Imported{
		Settings: settings, Frame: protocol.Frame{Status: protocol.StatusPaused},
		Data: fit.Fingerprint{Name: "CIFAR-10", Train: 5000}, Kernel: "simd",
	})
	imported.Type = protocol.TypeReply
	worker.answer(imported)
	if page.Settings != settings || page.Status != protocol.StatusPaused || len(page.History) != 0 {
		t.Errorf("settings %+v, status %q, %d epochs", page.Settings, page.Status, len(page.History))
	}
	if page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, "trained on CIFAR-10 with 5000 images") {
		t.Errorf("notice %v, want one about the other data", page.Messages.Notice)
	}
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusPaused, Epoch: 1, Epochs: []protocol.Epoch{{Epoch: 1}}})
	if page.Epoch != 1 || len(page.History) != 1 {
		t.Errorf("epoch %d, %d epochs of history after the new run's frame", page.Epoch, len(page.History))
	}
}

// A reset can be taken back.
func TestUndoReset(t *testing.T) {
	page, worker := open(t)
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusIdle, Epoch: 2, Epochs: []protocol.Epoch{{Epoch: 1}, {Epoch: 2}}})
	worker.types()
	page.Reset(must(t))
	if got := worker.types(); got != "export watch configure" || page.Messages.Toast == nil {
		t.Errorf("commands %q, toast %v", got, page.Messages.Toast)
	}
	worker.silent = true
	page.Messages.Undo()
	if got := worker.types(); got != "import" {
		t.Errorf("commands %q after undo, want import", got)
	}
	page.Reset(must(t)) // nothing was learnt
	if page.Messages.Toast != nil {
		t.Errorf("toast %v", page.Messages.Toast)
	}
}
