package state

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sae/wasm/protocol"
)

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

// A data set whose training images come while it is in use is all there in the end, or the
// synthetic one takes its place.
func TestArrived(t *testing.T) {
	page, worker := open(t)
	page.Dataset.Sites = []string{"cifar10.sae"}
	page.Dataset.UseSite(must(t))
	arrive := func(arrived protocol.Arrived) {
		page.Receive(protocol.New(protocol.TypeArrived, arrived))
	}
	page.Dataset.Partial, page.Dataset.MeanBCE = true, 0
	var events []string
	page.Changed = func(event string) { events = append(events, event) }
	arrive(protocol.Arrived{Images: 70})
	if d := page.Dataset; !d.Partial || d.Arrived != 70 || events != nil {
		t.Errorf("%+v, events %v", d.Dataset, events)
	}
	arrive(protocol.Arrived{Images: 200, All: true, MeanBCE: 0.69, MeanMSE: 0.06, Checksum: 7})
	if d := page.Dataset; d.Partial || d.MeanBCE != 0.69 || d.MeanMSE != 0.06 || d.Checksum != 7 || !slices.Equal(events, []string{"state"}) {
		t.Errorf("%+v, events %v", d.Dataset, events)
	}
	page.Changed = nil
	arrive(protocol.Arrived{Error: "of the data set before"})
	page.Dataset.Partial = true
	page.Play(must(t))
	worker.types()
	arrive(protocol.Arrived{Error: "cifar10.sae: the file is truncated"})
	if got := worker.types(); !strings.HasPrefix(got, "load watch configure play") || page.Dataset.Name != protocol.SourceSynthetic || page.Dataset.Partial {
		t.Errorf("commands %q, %+v", got, page.Dataset.Dataset)
	}
	if notice := page.Messages.Notice; notice == nil || notice.Text != "cifar10.sae: the file is truncated. The synthetic one takes its place. Reload the page to try again." {
		t.Errorf("notice %+v", notice)
	}
}

// Files are gathered, converted once and kept; from then on, the worker's file is used.
func TestOwnPictures(t *testing.T) {
	page, worker := open(t)
	if !page.Dataset.Gather() || page.Dataset.Loading == nil || page.Panel != PanelData {
		t.Fatal("nothing is gathered")
	}
	if page.Dataset.Gather() || page.Messages.Notice == nil || !page.Dataset.Gathered("7 files", 0, 0) || !strings.Contains(page.Dataset.Loading.Stage, "7 files") {
		t.Errorf("a second folder meanwhile: notice %v, %v", page.Messages.Notice, page.Dataset.Loading)
	}
	worker.types()
	page.Dataset.UseFiles([]string{"a/1.png", "b/2.png"}, "array", nil, must(t))
	load, _ := protocol.Decode[protocol.Load](worker.sent[0])
	if !slices.Equal(load.Paths, []string{"a/1.png", "b/2.png"}) || worker.sent[0].File != "array" || !load.Keep || load.Name != "Your pictures" {
		t.Errorf("load %+v of %v", load, worker.sent[0].File)
	}
	if !page.Dataset.Own() || page.Dataset.KeptName != "file" || page.Messages.Toast == nil || page.Messages.Toast.Undo != nil {
		t.Errorf("data set %+v, toast %v", page.Dataset.Dataset, page.Messages.Toast)
	}
	if load := page.Dataset.origin; load.Paths != nil || load.file != "a data set" {
		t.Errorf("origin %+v, want the data set that the worker has made", load)
	}
	var failed error
	page.Dataset.Gather()
	page.Dataset.UseFiles(nil, nil, errors.New("no such folder"), func(err error) { failed = err })
	if failed == nil || page.Dataset.Loading != nil || !strings.Contains(page.Messages.Notice.Text, "no such folder. Your run on file is unchanged.") {
		t.Errorf("error %v, notice %v", failed, page.Messages.Notice)
	}
	// The worker is lost while files are gathered.
	page.Dataset.Gather()
	page.Recovery.WorkerDied("lost")
	if page.Dataset.Gathered("1 file", 0, 0) {
		t.Error("the search goes on")
	}
	page.Dataset.UseFiles([]string{"1.png"}, "array", nil, func(err error) { failed = err })
	if failed != errCancelled || page.Dataset.origin.Name != "Your pictures" {
		t.Errorf("error %v, origin %+v", failed, page.Dataset.origin)
	}
}

// Reading can be cancelled at any time, and what was there before stays.
func TestCancelReading(t *testing.T) {
	page, worker := open(t)
	var failed error
	page.Dataset.Gather()
	page.Dataset.Cancel()
	if page.Dataset.Gathered("1 file", 0, 0) {
		t.Error("the search goes on")
	}
	page.Dataset.UseFiles(nil, nil, nil, func(err error) { failed = err })
	if failed != errCancelled || page.Dataset.Loading != nil {
		t.Errorf("error %v", failed)
	}
	failed = nil
	worker.silent = true
	page.Dataset.UseFile("pictures.zip", nil, func(err error) { failed = err })
	page.Dataset.UseFile("second.zip", nil, Ignore)
	if notice := page.Messages.Notice; notice == nil || notice.Title != "Another data set is still being read" {
		t.Errorf("notice %v", notice)
	}
	page.Messages.Dismiss()
	load := worker.sent[len(worker.sent)-1]
	page.Dataset.Cancel()
	if last := worker.sent[len(worker.sent)-1]; last.Type != protocol.TypeCancel {
		t.Fatalf("the last command is %q", last.Type)
	}
	page.Receive(protocol.Message{Type: protocol.TypeReply, ID: load.ID, Error: "cancelled"})
	if failed != errCancelled || page.Messages.Notice != nil || page.Messages.Toast.Text != "Cancelled. Your run on synthetic is unchanged." || page.Dataset.Name != protocol.SourceSynthetic {
		t.Errorf("error %v, notice %v, toast %v", failed, page.Messages.Notice, page.Messages.Toast)
	}
}

// What cannot be kept is used for the visit, and the page says so.
func TestUnkeptData(t *testing.T) {
	page, worker := open(t)
	page.Dataset.UseFile("first.sae", nil, must(t))
	worker.unkept = "the disk is full"
	page.Dataset.UseFile("second.sae", nil, must(t))
	if notice := page.Messages.Notice; notice == nil || !strings.Contains(notice.Text, "the disk is full. What was kept before is still there.") || page.Dataset.Kept || page.Dataset.KeptName != "file" {
		t.Errorf("notice %v, %+v", page.Messages.Notice, page.Dataset.Dataset)
	}
}

// A deleted data set comes back from the toast, with the run on it.
func TestForget(t *testing.T) {
	page, worker := open(t)
	page.Dataset.Forget() // not the user's
	page.Dataset.UseFile("mine.sae", nil, must(t))
	page.Dataset.Rename(" ")
	page.Dataset.Rename("Holiday")
	if load, _ := protocol.Decode[protocol.Load](worker.sent[len(worker.sent)-3]); load.Title != "Holiday" || !load.Keep {
		t.Errorf("renamed by %+v", load)
	}
	worker.frame(protocol.Frame{Status: protocol.StatusPaused, Epoch: 1, Batches: 4})
	worker.types()
	if page.Dataset.Rename("Late"); worker.types() != "" || page.Dataset.Renamable() {
		t.Error("renamed under a run")
	}
	page.Reset(must(t))
	page.Messages.Toast = nil
	worker.types()
	page.Dataset.Forget()
	if got := worker.types(); !strings.HasPrefix(got, "forget load watch configure") || page.Dataset.KeptName != "" || page.Dataset.Name != protocol.SourceSynthetic || page.Dataset.Own() {
		t.Errorf("commands %q, %+v", got, page.Dataset)
	}
	if page.Messages.Toast.Text != "Deleted file." {
		t.Errorf("toast %v", page.Messages.Toast)
	}
	page.Messages.Undo()
	if page.Dataset.KeptName != "file" || !page.Dataset.Kept || page.Dataset.origin.file != "a data set" {
		t.Errorf("after undo: %+v", page.Dataset)
	}
}
