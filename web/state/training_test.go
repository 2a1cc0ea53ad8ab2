package state

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sae/wasm/protocol"
)

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
	if got := worker.types(); got != "seen" {
		t.Errorf("commands %q, want the frame acknowledged", got)
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

// The pictures of the run before are not called those of an untrained model.
func TestUntrainedPictures(t *testing.T) {
	page := visitor()
	page.Status = protocol.StatusIdle
	page.Timeline.setSamples(protocol.Samples{Images: []int{0}, Labels: []int{0}, Codes: make([]float32, 4)})
	if !page.Untrained() {
		t.Error("the first pictures are not those of an untrained model")
	}
	page.Set(map[string]string{"lambda": "1e-4"}, func(bool, error) {})
	if page.Untrained() || page.Trained() {
		t.Errorf("after a change of λ: untrained pictures %v, a trained model %v, want neither", page.Untrained(), page.Trained())
	}
}

// Train can be pressed before there are data: the run then trains as soon as there is
// one. A second press, a pause and a failure take that back.
func TestTrainBeforeTheDataAreThere(t *testing.T) {
	for name, test := range map[string]struct {
		ask  func(*Page)
		want Status
	}{
		"pressed":       {func(p *Page) { p.Toggle() }, protocol.StatusTraining},
		"pressed twice": {func(p *Page) { p.Toggle(); p.Toggle() }, protocol.StatusIdle},
		"paused":        {func(p *Page) { p.Toggle(); p.Pause(Ignore) }, protocol.StatusIdle},
		"failed":        {func(p *Page) { p.Toggle(); p.fail("Title", errors.New("reason")) }, protocol.StatusIdle},
		"unseen":        {func(p *Page) { p.Toggle(); p.See(false) }, protocol.StatusIdle},
		"not pressed":   {func(*Page) {}, protocol.StatusIdle},
	} {
		page, worker := newPage(t)
		test.ask(page)
		if page.Status == StatusLoading && page.Starting() != (test.want == protocol.StatusTraining || name == "unseen") {
			t.Errorf("%s: starting %v", name, page.Starting())
		}
		worker.ready("")
		if page.Status != test.want || page.Starting() {
			t.Errorf("%s: status %q once there are data, want %q", name, page.Status, test.want)
		}
		if name == "unseen" {
			if page.See(true); page.Status != protocol.StatusTraining {
				t.Errorf("%s: status %q once it is seen, want training", name, page.Status)
			}
		}
	}
}
