package state

import (
	"errors"
	"strings"
	"testing"

	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// A deleted run comes back among the runs that there are by then.
func TestUndoDelete(t *testing.T) {
	page, _ := open(t)
	page.Runs.set([]Run{{Key: "a"}, {Key: "b"}})
	page.Runs.Kept[0].ID, page.Runs.Kept[1].ID = 1, 2
	page.Runs.Delete(1)
	page.Runs.set(append(page.Runs.Kept, Run{Key: "c"}))
	page.Messages.Undo()
	var keys []string
	for _, run := range page.Runs.Kept {
		keys = append(keys, run.Key)
	}
	if got := strings.Join(keys, " "); got != "a b c" {
		t.Errorf("runs %q", got)
	}
	page.Runs.Delete(1)
	page.Dataset.UseFile("other.sae", nil, must(t))
	if page.Messages.Toast.Undo != nil {
		t.Errorf("toast %v of a run on other data", page.Messages.Toast)
	}
}

// Runs are kept with their models: renamed, shown, deleted and brought back.
func TestRuns(t *testing.T) {
	page, worker := open(t)
	worker.types()
	page.Series.Experiments()
	for number := 1; number <= 3; number++ {
		if page.Settings.Experiment != number {
			t.Fatalf("experiment %d, want %d", page.Settings.Experiment, number)
		}
		worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, TrainSeconds: 9, Epochs: []protocol.Epoch{{Epoch: 20}}})
	}
	if len(page.Runs.Kept) != 3 || page.Runs.Kept[1].Name != "Run 2" || page.Runs.Kept[2].Seconds != 9 || len(page.Runs.Kept[0].History) != 1 {
		t.Fatalf("runs %+v", page.Runs.Kept)
	}
	page.Play(func(error) {})
	page.Runs.Rename(2, " Sparse ")
	page.Runs.Rename(2, "  ")
	page.Runs.Show(1, true)
	page.Runs.Restore(3) // without a model yet
	if page.Runs.Kept[1].Name != "Sparse" || !page.Runs.Kept[0].Shown || page.Settings.Experiment != 3 {
		t.Errorf("runs %+v", page.Runs.Kept)
	}
	page.Runs.Delete(2)
	if len(page.Runs.Kept) != 2 || page.Messages.Toast == nil || page.Messages.Toast.Text != "Deleted Sparse." {
		t.Errorf("%d runs, toast %v", len(page.Runs.Kept), page.Messages.Toast)
	}
	page.Messages.Undo()
	if len(page.Runs.Kept) != 3 || page.Messages.Toast != nil {
		t.Errorf("%d runs after undo", len(page.Runs.Kept))
	}
	page.Runs.Kept[2].Model = "blob"
	worker.silent = true
	worker.types()
	page.Runs.Restore(3)
	if got := worker.types(); got != "export import" {
		t.Errorf("commands %q, want import", got)
	}
	// The same settings again take the place of the earlier run.
	page.Status = protocol.StatusTraining
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Epochs: []protocol.Epoch{{Epoch: 20}}})
	if len(page.Runs.Kept) != 3 {
		t.Errorf("%d runs, want 3", len(page.Runs.Kept))
	}
}

// Runs are kept beyond the visit, by data set, until they are deleted.
func TestRunsAreKept(t *testing.T) {
	page, worker := open(t)
	kept := map[string]Run{}
	var full error
	page.Runs.KeepWith(Keeper{
		Put: func(run Run, done Done) {
			if full == nil {
				kept[run.Key] = run
			}
			done(full)
		},
		Delete: func(key string) { delete(kept, key) },
		All: func(done func([]Run)) {
			done([]Run{
				{Key: "1", Data: page.Dataset.key(), Result: fit.Result{Name: "Earlier", Settings: experiment.Default()}},
				{Key: "2", Data: "other data", Result: fit.Result{Name: "Other", Settings: experiment.Default()}},
				{Key: "3", Data: page.Dataset.key(), Result: fit.Result{Name: "Bad"}},
			})
		},
	})
	page.Runs.recall()
	if len(page.Runs.Kept) != 1 || page.Runs.Kept[0].Name != "Earlier" || page.Runs.Kept[0].ID == 0 {
		t.Fatalf("runs %+v, want the one of these data", page.Runs.Kept)
	}
	page.Runs.recall() // of a worker that was replaced
	if len(page.Runs.Kept) != 1 {
		t.Errorf("%d runs, want 1", len(page.Runs.Kept))
	}
	page.Set(map[string]string{"experiment": "1"}, func(bool, error) {})
	page.Play(func(error) {})
	worker.silent = true
	worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Epochs: []protocol.Epoch{{Epoch: 20}}})
	worker.answer(protocol.Message{File: "blob"})
	if len(kept) != 1 || len(page.Runs.Kept) != 2 {
		t.Fatalf("%d runs kept of %d, want the finished one", len(kept), len(page.Runs.Kept))
	}
	id := page.Runs.Kept[1].ID
	page.Runs.Rename(id, "Base")
	if run := kept[page.Runs.Kept[1].Key]; run.Name != "Base" || run.Model != "blob" || run.Data != page.Dataset.key() {
		t.Errorf("kept %+v", run)
	}
	page.Runs.Delete(id)
	if len(kept) != 0 {
		t.Error("a deleted run is kept")
	}
	full = errors.New("the disk is full")
	page.Messages.Undo()
	if len(kept) != 0 || page.Runs.Unkept != "the disk is full" || len(page.Runs.Kept) != 2 {
		t.Errorf("%d kept, %q, %d runs", len(kept), page.Runs.Unkept, len(page.Runs.Kept))
	}
}
