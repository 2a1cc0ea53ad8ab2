package state

import (
	"encoding/json"
	"strings"
	"testing"

	"sae/nn/analysis"
	"sae/nn/fit"
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
			Name: load.Source, Source: load.Source, Train: trainImages, Validation: validationImages,
			Classes: strings.Fields(w.classes), Kept: load.Source == protocol.SourceFile, Labels: labels,
		})
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

func TestFirstVisit(t *testing.T) {
	page, worker := newPage(t)
	if page.Status != StatusLoading {
		t.Errorf("status %q before the worker is ready, want loading", page.Status)
	}
	page.Play(func(err error) {
		if err == nil || !strings.Contains(err.Error(), "await sae.ready") {
			t.Errorf("play before the data is there: %v", err)
		}
	})
	worker.ready("")
	if got, want := worker.types(), "load watch configure"; got != want {
		t.Errorf("commands %q, want %q", got, want)
	}
	if page.Dataset.Name != protocol.SourceSynthetic {
		t.Errorf("data set %q, want the embedded one", page.Dataset.Name)
	}
	page.Play(must(t))
	if page.Status != protocol.StatusTraining || worker.types() != "play" {
		t.Errorf("status %q after play, want training", page.Status)
	}
	page.Pause(must(t))
	if page.Status != protocol.StatusPaused {
		t.Errorf("status %q after pause, want paused", page.Status)
	}
	page.Step(must(t))
	if got := worker.types(); got != "pause step" {
		t.Errorf("commands %q, want pause and step", got)
	}
}

func TestPreferredDataset(t *testing.T) {
	page, worker := newPage(t, "cifar10.sae")
	worker.ready("")
	if page.Dataset.Source != protocol.SourceSite {
		t.Errorf("source %q, want the site's data set", page.Dataset.Source)
	}
	page, worker = newPage(t, "cifar10.sae")
	worker.ready("CIFAR-10")
	if page.Dataset.Source != protocol.SourceKept {
		t.Errorf("source %q, want the kept data set", page.Dataset.Source)
	}
	// A site's data set that has gone bad gives way to the embedded one.
	page, worker = newPage(t, "cifar10.sae")
	worker.loadFail = "cifar10.sae: checksum mismatch"
	worker.ready("")
	if page.Dataset.Source != protocol.SourceSynthetic || page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, "checksum mismatch") {
		t.Errorf("source %q, notice %v; want the embedded set and the reason", page.Dataset.Source, page.Messages.Notice)
	}
}

func TestBadFileLeavesTheRun(t *testing.T) {
	page, worker := open(t)
	page.Play(must(t))
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusTraining, Epoch: 1, Epochs: []protocol.Epoch{{Epoch: 1}}})
	worker.loadFail = "photo.png: want cifar-10-binary.tar.gz"
	var got error
	page.Dataset.UseFile("photo.png", nil, func(err error) { got = err })
	if got == nil || page.Messages.Notice == nil || !strings.Contains(page.Messages.Notice.Text, "Your run on synthetic is unchanged.") {
		t.Errorf("error %v, notice %v", got, page.Messages.Notice)
	}
	if page.Status != protocol.StatusTraining || len(page.History) != 1 || page.Dataset.Source != protocol.SourceSynthetic {
		t.Errorf("status %q, %d epochs, source %q: want everything as before", page.Status, len(page.History), page.Dataset.Source)
	}
	page.Dataset.UseFile("data_batch_1.bin", nil, must(t))
	if page.Dataset.Source != protocol.SourceFile || len(page.History) != 0 || page.Status != protocol.StatusTraining {
		t.Errorf("source %q, %d epochs, status %q: want a new run on the file that goes on training", page.Dataset.Source, len(page.History), page.Status)
	}
	if page.Dataset.KeptName != protocol.SourceFile {
		t.Errorf("kept %q, want the file's data set", page.Dataset.KeptName)
	}
}

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

func TestFrames(t *testing.T) {
	page, worker := open(t)
	worker.types()
	worker.frame(protocol.Frame{Workers: 1,
		Status: protocol.StatusIdle, Epoch: 1, Batch: 1, Batches: 4,
		Points: []protocol.Point{{Epoch: .5, Loss: .7}}, Epochs: []protocol.Epoch{{Epoch: 1, Loss: .69}},
		Samples: samples([]float32{1, 2, 3, 4}, 3, 4), Units: unitsOf(1, 2, 3, 4),
	})
	if page.Timeline.Samples.Latent != 2 || page.Timeline.Samples.Codes[3] != 4 || len(page.Timeline.Units.Mean) != 4 {
		t.Errorf("samples %+v, units %+v", page.Timeline.Samples.Codes, page.Timeline.Units)
	}
	if page.Pictures.ClassName(1) != "e" || len(page.History) != 1 || len(page.Curve) != 1 {
		t.Errorf("class %q, %d epochs, %d points", page.Pictures.ClassName(1), len(page.History), len(page.Curve))
	}
	if got, want := page.Progress(), 1.25/20; got != want {
		t.Errorf("progress %g, want %g", got, want)
	}
	if got := worker.types(); got != "images seen" {
		t.Errorf("commands %q, want the frame acknowledged, and the first picture for the explorer", got)
	}
	// A frame of an earlier run changes nothing but is acknowledged.
	page.Receive(protocol.New(protocol.TypeFrame, protocol.Frame{Workers: 1, Run: page.run - 1, Epoch: 9}))
	if page.Epoch != 1 || worker.types() != "seen" {
		t.Errorf("epoch %d after a stale frame, want 1", page.Epoch)
	}
}

func TestDoneAndGoingOn(t *testing.T) {
	page, worker := open(t)
	page.Play(must(t))
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20})
	if page.Status != protocol.StatusDone {
		t.Fatalf("status %q, want done", page.Status)
	}
	page.Play(func(err error) {
		if err == nil || !strings.Contains(err.Error(), "set a larger epochs") {
			t.Errorf("play when done: %v", err)
		}
	})
	worker.types()
	page.Toggle()
	if got := worker.types(); got != "adjust play" || page.Settings.Epochs != 40 || page.Status != protocol.StatusTraining {
		t.Errorf("commands %q, epochs %d, status %q; want 20 epochs more", got, page.Settings.Epochs, page.Status)
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

// The statistics of units by class do not outlast a data set with other classes.
func TestOtherClasses(t *testing.T) {
	page, worker := open(t)
	show := func() {
		worker.frame(protocol.Frame{Workers: 1, Batches: 4, Samples: samples([]float32{1, 2, 3, 4}, 3), Units: unitsOf(1, 2, 3, 4)})
	}
	show()
	page.Features.Class = 7
	page.Dataset.UseFile("like it.sae", nil, must(t))
	if len(page.Timeline.Units.Mean) != 4 || page.Features.Class != 7 {
		t.Errorf("units %+v, class %d: want what was shown until there is something else", page.Timeline.Units, page.Features.Class)
	}
	worker.classes = "dark bright"
	page.Dataset.UseFile("two.sae", nil, must(t))
	if len(page.Timeline.Units.Mean) != 0 || page.Features.Class != 0 || len(page.Timeline.Samples.Images) != 1 {
		t.Errorf("units %+v, class %d, of other classes", page.Timeline.Units, page.Features.Class)
	}
	if show(); len(page.Timeline.Units.Mean) != 4 {
		t.Error("the units of the new run are not shown")
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

func TestPictures(t *testing.T) {
	page, worker := open(t)
	watched := func() []int {
		t.Helper()
		for i := len(worker.sent) - 1; i >= 0; i-- {
			if worker.sent[i].Type == protocol.TypeWatch {
				watch, err := protocol.Decode[protocol.Watch](worker.sent[i])
				if err != nil {
					t.Fatal(err)
				}
				return watch.Images
			}
		}
		t.Fatal("nothing is watched")
		return nil
	}
	first := watched()
	if len(first) != PictureCount {
		t.Fatalf("%d pictures, want %d", len(first), PictureCount)
	}
	for i, image := range first {
		if image != i {
			t.Errorf("picture %d is image %d, want the first of class %d", i, image, i)
		}
	}
	page.Pictures.Others()
	seen := map[int]bool{}
	for _, image := range watched() {
		if image < 0 || image >= validationImages || seen[image] {
			t.Errorf("other pictures %v: want different validation images", watched())
		}
		seen[image] = true
	}
	page.Pictures.First()
	if got := watched(); got[0] != first[0] || page.Pictures.Shuffled {
		t.Errorf("pictures %v, want %v again", got, first)
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

func TestCurveIsThinned(t *testing.T) {
	page, worker := open(t)
	const points = 5 * 2000
	for i := range points {
		worker.frame(protocol.Frame{Workers: 1, Points: []protocol.Point{{Epoch: float64(i), Loss: 1, BCE: 1}}})
	}
	if n := len(page.Curve); n > 2000 || n < 2000/2 {
		t.Errorf("%d points kept, want at most %d", n, 2000)
	}
	if last := page.Curve[len(page.Curve)-1]; last.Epoch != points-1 || last.Loss != 1 {
		t.Errorf("last point %v", last)
	}
}

func TestLogImpliesExcess(t *testing.T) {
	page, _ := open(t)
	page.Loss.ShowLog(true)
	if page.Loss.Quantity != fit.QuantityExcess || !page.Loss.Log {
		t.Errorf("quantity %q, log %t", page.Loss.Quantity, page.Loss.Log)
	}
	page.Loss.Show(fit.QuantityPSNR)
	if page.Loss.Log {
		t.Error("PSNR is shown on a logarithmic scale")
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

func TestSnapshot(t *testing.T) {
	page, worker := open(t)
	worker.frame(protocol.Frame{Workers: 1, Epoch: 1, Epochs: []protocol.Epoch{{Epoch: 1, Loss: .6, Evaluation: protocol.Evaluation{ValLoss: .61, Dead: 2}}}})
	text, err := json.Marshal(page.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"status":"idle"`, `"epoch":1`, `"kernel":"go"`, `"workers":1`, `"settings":{"experiment":2,"hidden":`,
		`"history":[{"epoch":1,"loss":0.6,"bce":0,"l1":0,"valLoss":0.61,"valBce":0,"valMse":0,"psnr":0,"active":0,"dead":2}]`,
		`"dataset":{"name":"synthetic","train":300,"validation":40,"classes":["a"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
}

// What trains pauses while it cannot be seen and goes on after; what was
// paused by hand stays so.
func TestSee(t *testing.T) {
	page, worker := open(t)
	page.See(true)
	page.Play(must(t))
	worker.types()
	for _, test := range []struct {
		do       func()
		commands string
		status   Status
	}{
		{func() { page.See(true) }, "", protocol.StatusTraining},
		{func() { page.See(false) }, "pause", protocol.StatusPaused},
		{func() { page.See(false) }, "", protocol.StatusPaused},
		{func() { page.See(true) }, "play", protocol.StatusTraining},
		{func() { page.Pause(must(t)) }, "pause", protocol.StatusPaused},
		{func() { page.See(false) }, "", protocol.StatusPaused},
		{func() { page.See(true) }, "", protocol.StatusPaused},
	} {
		test.do()
		if got := worker.types(); got != test.commands || page.Status != test.status {
			t.Fatalf("commands %q, status %q; want %q, %q", got, page.Status, test.commands, test.status)
		}
	}
}
