package worker

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sae/nn/fit"
	"sae/wasm/protocol"
)

// saving is a page that records what is saved.
type saving struct {
	*page
	saved chan protocol.Saved
}

func (s *saving) Post(m protocol.Message) {
	if m.Type == protocol.TypeSaved {
		saved, err := protocol.Decode[protocol.Saved](m)
		if err != nil {
			s.t.Error(err)
		}
		s.saved <- saved
	}
	s.page.Post(m)
}

// newSavingPage returns a page whose worker saves to a slot of the storage.
func newSavingPage(t *testing.T, storage *storage, slot string) *saving {
	s := &saving{saved: make(chan protocol.Saved, 1000)}
	newPlatformPage(t, func(platform *Platform) {
		s.page = platform.Page.(*page)
		platform.Page, platform.Storage = s, storage
	})
	s.must(protocol.TypeKeep, protocol.Keep{Slot: slot})
	return s
}

// next waits until the run is saved or saving fails.
func (s *saving) next() protocol.Saved {
	s.t.Helper()
	select {
	case saved := <-s.saved:
		return saved
	case <-time.After(time.Minute):
		s.t.Fatal("nothing is saved")
		return protocol.Saved{}
	}
}

func left(t *testing.T, reply protocol.Message) []protocol.Save {
	t.Helper()
	left, err := protocol.Decode[protocol.Left](reply)
	if err != nil {
		t.Fatal(err)
	}
	return left.Saves
}

// A worker that resumes the save of another, taken within an epoch, ends with the same
// history, bit for bit, and the same curve.
func TestResume(t *testing.T) {
	settings := map[string]string{"epochs": "4"}
	want := history(t, settings)
	s := newStorage()
	p := newSavingPage(t, s, "first")
	p.start(settings)
	for range 6 { // of four batches per epoch
		p.must(protocol.TypeStep, nil)
		p.worker.Deliver(protocol.New(protocol.TypeSave, nil))
	}
	for saved := p.next(); saved.Epoch != 1 || saved.Batch != 2; saved = p.next() {
		if saved.Error != "" || saved.Run != 1 {
			t.Fatalf("saved %+v", saved)
		}
	}
	_, _, points := p.until(func(f protocol.Frame) bool { return f.Epoch == 1 && f.Batch == 2 })

	p = newSavingPage(t, s, "second")
	saves := left(t, p.must(protocol.TypeKeep, protocol.Keep{Slot: "second"}))
	if len(saves) != 1 || saves[0].Slot != "first" || saves[0].Epoch != 1 || saves[0].Batch != 2 || saves[0].Kernel != "go" || saves[0].Load.Source != protocol.SourceSynthetic {
		t.Fatalf("left %+v", saves)
	}
	p.start(nil)
	reply := p.must(protocol.TypeResume, protocol.Resume{Run: 2, Slot: "first"})
	imported, err := protocol.Decode[protocol.Imported](reply)
	if err != nil || !imported.Same || imported.Frame.Status != protocol.StatusPaused || imported.Settings.Epochs != 4 || imported.Kernel != "go" {
		t.Errorf("resumed %+v, %v", imported, err)
	}
	if saved := p.next(); saved.Run != 2 || saved.Epoch != 1 || saved.Batch != 2 {
		t.Errorf("saved %+v: want what was resumed in the new slot", saved)
	}
	p.must(protocol.TypePlay, nil)
	_, got, again := p.until(func(f protocol.Frame) bool { return f.Run == 2 && f.Status == protocol.StatusDone })
	if !reflect.DeepEqual(got, want) {
		t.Errorf("history %+v, want %+v", got, want)
	}
	if len(again) <= len(points) || !reflect.DeepEqual(again[:len(points)], points) {
		t.Errorf("curve %v, want it to begin with %v", again, points)
	}
}

// Notes on units are saved at once with the run, also where nothing else has changed,
// and go with it into a file and out of it.
func TestNotes(t *testing.T) {
	s := newStorage()
	p := newSavingPage(t, s, "slot")
	p.start(nil)
	p.must(protocol.TypeStep, nil)
	p.next()
	note := func(unit int, text string) {
		t.Helper()
		p.must(protocol.TypeNote, protocol.Note{Unit: unit, Text: text})
		p.next()
	}
	notes := func(reply protocol.Message) map[int]string {
		t.Helper()
		if reply.Error != "" {
			t.Fatal(reply.Error)
		}
		return body[protocol.Imported](t, reply).Notes
	}
	note(2, "edges")
	note(0, "sky")
	note(2, "corners")
	if got := notes(p.must(protocol.TypeResume, protocol.Resume{Run: 2, Slot: "slot"})); !maps.Equal(got, map[int]string{0: "sky", 2: "corners"}) {
		t.Errorf("resumed with the notes %v", got)
	}
	note(0, "")
	want := map[int]string{2: "corners"}
	if got := notes(p.importFile(p.export("checkpoint"), 3, nil)); !maps.Equal(got, want) {
		t.Errorf("imported with the notes %v, want %v", got, want)
	}
	for note, want := range map[protocol.Note]string{
		{Unit: 99, Text: "x"}:                           "unit 99: want one of the",
		{Unit: -1, Text: "x"}:                           "unit -1: want one of the",
		{Unit: 0, Text: strings.Repeat("x", maxNote+1)}: "want at most",
	} {
		if reply := p.do(protocol.TypeNote, note); !strings.Contains(reply.Error, want) {
			t.Errorf("note %d of %d bytes: %q, want %q", note.Unit, len(note.Text), reply.Error, want)
		}
	}
}

// A run is saved with its current queue.
func TestQueueIsSaved(t *testing.T) {
	s := newStorage()
	p := newSavingPage(t, s, "slot")
	p.start(nil)
	p.must(protocol.TypeStep, nil)
	saves := func(want *protocol.Queue) {
		t.Helper()
		p.worker.Deliver(protocol.New(protocol.TypeSave, nil))
		for { // the first save may be an earlier one
			p.next()
			s.mu.Lock()
			got := s.runs["slot"][0].Queue
			s.mu.Unlock()
			if reflect.DeepEqual(got, want) {
				return
			}
		}
	}
	queue := &protocol.Queue{Runs: []map[string]string{{"lambda": "1e-5"}}, Total: 2}
	p.must(protocol.TypeAdjust, protocol.Adjust{Epochs: 20, Workers: "auto", Device: "auto", Queue: queue})
	saves(queue)
	p.must(protocol.TypeAdjust, protocol.Adjust{Epochs: 20, Workers: "auto", Device: "auto"})
	saves(nil)
	p.must(protocol.TypeResume, protocol.Resume{Run: 2, Slot: "slot", Queue: queue})
	p.must(protocol.TypeStep, nil)
	saves(queue)
}

// Completed and untrained runs are not saved.
func TestOnlyUnfinishedRunsAreSaved(t *testing.T) {
	s := newStorage()
	p := newSavingPage(t, s, "slot")
	p.start(map[string]string{"epochs": "1"})
	p.until(func(f protocol.Frame) bool { return f.Initial != nil })
	p.must(protocol.TypePlay, nil)
	p.until(isDone)
	p.worker.Deliver(protocol.New(protocol.TypeSave, nil))
	p.must(protocol.TypePing, nil)
	p.must(protocol.TypeAdjust, protocol.Adjust{Epochs: 2, Workers: "auto", Device: "auto"})
	for saved := p.next(); saved.Epoch != 1; saved = p.next() {
		if saved.Epoch+saved.Batch == 0 {
			t.Error("an untrained run is saved")
		}
	}
	if n := len(p.saved); n != 0 {
		t.Errorf("%d more saves of a run that rests", n)
	}
}

// If saving fails, training continues and the page is told the reason.
func TestNothingCanBeSaved(t *testing.T) {
	s := newStorage()
	s.full = errors.New("the disk is full")
	p := newSavingPage(t, s, "slot")
	p.start(nil)
	p.must(protocol.TypeStep, nil)
	p.must(protocol.TypePlay, nil)
	p.until(isDone)
	if saved := p.next(); saved.Error != "the disk is full" {
		t.Errorf("saved %+v", saved)
	}
}

// A save that cannot be resumed is rejected, and the run stays. A damaged file gives way
// to an older one.
func TestResumeRefusals(t *testing.T) {
	s := newStorage()
	p := newSavingPage(t, s, "slot")
	p.start(nil)
	p.must(protocol.TypeStep, nil)
	p.next()
	s.mu.Lock()
	good := s.runs["slot"][0]
	damaged := good
	content := slices.Clone(good.File.([]byte))
	content[len(content)-100]++
	damaged.File = content
	s.runs["damaged"] = []SavedRun{damaged}
	s.runs["both"] = []SavedRun{damaged, good}
	checkpoint, err := fit.ReadCheckpoint(bytes.NewReader(good.File.([]byte)))
	if err != nil {
		t.Fatal(err)
	}
	checkpoint.Data.Checksum++
	var file bytes.Buffer
	if err := checkpoint.Write(&file); err != nil {
		t.Fatal(err)
	}
	s.runs["other"] = []SavedRun{{good.Save, file.Bytes()}}
	s.mu.Unlock()
	for slot, want := range map[string]string{
		"none":    "its save no longer exists",
		"damaged": "checksum of the arrays",
		"other":   "the data set in use is another: want Synthetic with 200 images",
	} {
		if reply := p.do(protocol.TypeResume, protocol.Resume{Run: 9, Slot: slot}); !strings.Contains(reply.Error, want) {
			t.Errorf("%s: %q, want %q", slot, reply.Error, want)
		}
	}
	p.must(protocol.TypeStep, nil)
	p.must(protocol.TypeResume, protocol.Resume{Run: 2, Slot: "both"})
	p.must(protocol.TypeDiscard, protocol.Keep{Slot: "both"})
	if reply := p.do(protocol.TypeResume, protocol.Resume{Run: 3, Slot: "both"}); reply.Error == "" {
		t.Error("a discarded run is resumed")
	}
	if reply := p.do(protocol.TypeKeep, protocol.Keep{}); reply.Error == "" {
		t.Error("a slot without a name is used")
	}
}

// A model whose last batch made it diverge is not saved.
func TestWhatDivergedIsNotSaved(t *testing.T) {
	s := newStorage()
	p := newSavingPage(t, s, "slot")
	p.start(map[string]string{"hidden": "1024", "batch": "100", "lr": "10"})
	p.until(func(f protocol.Frame) bool { return f.Initial != nil })
	p.turns <- func() { p.worker.Deliver(protocol.New(protocol.TypeSave, nil)) } // during the first batch, whose loss is that before the update
	p.must(protocol.TypePlay, nil)
	frame, _, _ := p.until(func(f protocol.Frame) bool { return f.Status == protocol.StatusError })
	if !frame.Diverged || !strings.Contains(frame.Failure, "after epoch 1, batch 1: the learning rate 10 is too high") {
		t.Errorf("failure %q, diverged %v", frame.Failure, frame.Diverged)
	}
	if n := len(p.saved); n > 0 {
		t.Errorf("%d saves of a model that diverged", n)
	}
}

// A run that diverged can be resumed from its save with another learning rate. Its
// checkpoints then say that it cannot be reproduced.
func TestResumeWithAnotherRate(t *testing.T) {
	s := newStorage()
	p := newSavingPage(t, s, "slot")
	p.start(nil)
	p.must(protocol.TypeStep, nil)
	p.next()
	p.worker.run.Auto.Params()[0] = float32(math.Inf(1)) // the worker waits
	p.must(protocol.TypePlay, nil)
	frame, _, _ := p.until(func(f protocol.Frame) bool { return f.Status == protocol.StatusError })
	if !frame.Diverged {
		t.Errorf("frame %+v does not tell that the run diverged", frame)
	}
	reply := p.must(protocol.TypeResume, protocol.Resume{Run: 2, Slot: "slot", LR: 1e-4})
	imported, err := protocol.Decode[protocol.Imported](reply)
	if err != nil || imported.Settings.LR != 1e-4 || imported.Frame.Status != protocol.StatusPaused {
		t.Errorf("resumed %+v, %v", imported, err)
	}
	p.worker.Deliver(protocol.New(protocol.TypeSave, nil))
	p.next()
	p.must(protocol.TypePlay, nil)
	p.until(isDone)
	if about := s.runs["slot"][0].Save; about.Kernel != fit.Mixed || about.Settings.LR != 1e-4 {
		t.Errorf("saved %+v", about)
	}
}

// Time that the machine slept during a step counts neither as training time nor in the
// rate.
func TestSleepIsNotTraining(t *testing.T) {
	w := New(Platform{})
	start := time.Now()
	w.lastSign = start.Add(-8 * time.Hour)
	w.awake()
	if w.slept < 8*time.Hour-time.Minute {
		t.Errorf("slept %v, want 8 h", w.slept)
	}
	slept := w.slept
	w.awake()
	if w.slept != slept {
		t.Error("a moment counts as sleep")
	}
}
