package state

import (
	"strings"
	"testing"

	"sae/wasm/protocol"
)

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
