package state

import (
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

// What follows from the training images comes once they are drawn.
func TestDrawn(t *testing.T) {
	page, _ := open(t)
	page.Dataset.Drawing, page.Dataset.MeanBCE = true, 0
	var events []string
	page.Changed = func(event string) { events = append(events, event) }
	page.Receive(protocol.New(protocol.TypeDrawn, protocol.Drawn{MeanBCE: 0.69, MeanMSE: 0.06, Checksum: 7}))
	if d := page.Dataset; d.Drawing || d.MeanBCE != 0.69 || d.MeanMSE != 0.06 || d.Checksum != 7 || !slices.Equal(events, []string{"state"}) {
		t.Errorf("%+v, events %v", d.Dataset, events)
	}
}
