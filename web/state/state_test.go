package state

import (
	"strings"
	"testing"

	"sae/nn/analysis"
	"sae/wasm/protocol"
)

// fakeWorker answers the page's commands the way the worker does, as far as
// the page can tell.
type fakeWorker struct {
	t        *testing.T
	page     *Page
	sent     []protocol.Message
	loadFail string                // error of the next load
	replies  map[protocol.Type]any // their bodies
	silent   bool
	classes  string // of the data sets
	unkept   string // why those of files are not kept
}

func newPage(t *testing.T, sites ...string) (*Page, *fakeWorker) {
	worker := &fakeWorker{t: t, classes: "a b c d e f g h i j"}
	page := New(worker.receive, sites)
	worker.page = page
	return page, worker
}

// open brings the page to the end of its first load.
func open(t *testing.T) (*Page, *fakeWorker) {
	t.Helper()
	page, worker := newPage(t)
	worker.ready("")
	if page.Status != protocol.StatusIdle {
		t.Fatalf("status %q after loading, want idle", page.Status)
	}
	return page, worker
}

func (w *fakeWorker) ready(kept string) {
	w.page.Receive(protocol.New(protocol.TypeReady, protocol.Ready{Kernel: "go", Kept: kept}))
}

const trainImages, validationImages = 300, 40

func (w *fakeWorker) receive(m protocol.Message) {
	w.sent = append(w.sent, m)
	if m.Type == protocol.TypeSeen || w.silent {
		return
	}
	reply := protocol.Message{Type: protocol.TypeReply}
	if m.Type == protocol.TypeLoad {
		load, err := protocol.Decode[protocol.Load](m)
		if err != nil {
			w.t.Fatal(err)
		}
		labels := make([]byte, validationImages)
		for i := range labels {
			labels[i] = byte(i % len(strings.Fields(w.classes)))
		}
		reply = protocol.New(protocol.TypeReply, protocol.Dataset{
			Name: load.Source, Source: load.Source, Train: trainImages, Validation: validationImages, MeanBCE: 0.69,
			Classes: strings.Fields(w.classes), Kept: load.Source == protocol.SourceFile && load.Keep && w.unkept == "", Unkept: w.unkept, Labels: labels,
		})
		if load.Source == protocol.SourceFile || load.Source == protocol.SourceKept {
			reply.File = "a data set"
		}
		if w.loadFail != "" {
			reply = protocol.Message{Type: protocol.TypeReply, Error: w.loadFail}
			w.loadFail = ""
		}
	}
	if m.Type == protocol.TypeExport {
		reply.File = "blob"
	}
	if m.Type == protocol.TypeReconstruct {
		reply.Body, reply.Buffers = m.Body, m.Buffers
	}
	if body, ok := w.replies[m.Type]; ok {
		reply = protocol.New(protocol.TypeReply, body)
	}
	reply.ID = m.ID
	w.page.Receive(reply)
}

// types lists the commands since the last call, without acknowledgements.
func (w *fakeWorker) types() string {
	var types []string
	for _, m := range w.sent {
		types = append(types, string(m.Type))
	}
	w.sent = nil
	return strings.Join(types, " ")
}

func (w *fakeWorker) frame(frame protocol.Frame) {
	frame.Run = w.page.run
	w.page.Receive(protocol.New(protocol.TypeFrame, frame))
}

// samples are images of their numbers' classes on show.
func samples(codes []float32, images ...int) *protocol.Samples {
	pixels := make([]byte, 3072*len(images))
	return &protocol.Samples{Images: images, Labels: images, Originals: pixels, Reconstructions: pixels, Codes: codes}
}

// unitsOf are statistics of as many units as there are numbers.
func unitsOf(numbers ...float32) *analysis.Units {
	return &analysis.Units{
		Mean: numbers, Activity: numbers, Center: numbers, ByClass: numbers,
		Histogram: analysis.Histogram{Shares: numbers}, Atoms: make([]byte, len(numbers)),
	}
}

// must fails the test when an action does.
func must(t *testing.T) func(error) {
	return func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
}
