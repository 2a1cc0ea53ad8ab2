package state

import (
	"strings"
	"testing"

	"sae/nn/exchange"
	"sae/wasm/protocol"
)

// answer replies to the last command.
func (w *fakeWorker) answer(reply protocol.Message) {
	w.t.Helper()
	reply.Type, reply.ID = protocol.TypeReply, w.page.Worker.lastID
	w.page.Receive(reply)
}

func TestExport(t *testing.T) {
	page, worker := open(t)
	page.Model.Export("h5", func(_ any, err error) {
		if err == nil || !strings.Contains(err.Error(), `format "h5": want one of`) {
			t.Errorf("unknown format: %v", err)
		}
	})
	worker.silent = true
	var got any
	page.Model.Export("npz", func(file any, err error) {
		must(t)(err)
		got = file
	})
	worker.answer(protocol.Message{File: "blob"})
	if got != "blob" {
		t.Errorf("file %v", got)
	}
	page.Epoch = 20
	format, err := exchange.Lookup("npz")
	if err != nil {
		t.Fatal(err)
	}
	if name := page.Model.FileName(format); name != "sae-2-64-epoch20.npz" {
		t.Errorf("file name %q", name)
	}
	young, _ := newPage(t)
	for name, call := range map[string]func(func(error)){
		"export": func(done func(error)) { young.Model.Export("npz", func(_ any, err error) { done(err) }) },
		"import": func(done func(error)) { young.Import(nil, done) },
		"encode": func(done func(error)) { young.Model.Encode(nil, func(_ []float32, err error) { done(err) }) },
		"decode": func(done func(error)) { young.Model.Decode(nil, func(_ []byte, err error) { done(err) }) },
	} {
		call(func(err error) {
			if err == nil || !strings.Contains(err.Error(), name+": ") || !strings.Contains(err.Error(), "await sae.ready") {
				t.Errorf("%s before there is a model: %v", name, err)
			}
		})
	}
}

func TestReconstruct(t *testing.T) {
	page, _ := open(t)
	page.Model.Reconstruct([]byte{1, 2}, func(image []byte, err error) {
		if err != nil || len(image) != 2 {
			t.Errorf("image %v, error %v", image, err)
		}
	})
	closed, _ := newPage(t)
	closed.Model.Reconstruct(nil, func(_ []byte, err error) {
		if err == nil {
			t.Error("reconstructing before there is a model does not fail")
		}
	})
}
