package state

import (
	"errors"
	"math"
	"strings"
	"testing"

	"sae/nn/baseline"
	"sae/nn/exchange"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// answer replies to the last command.
func (w *fakeWorker) answer(reply protocol.Message) {
	w.t.Helper()
	reply.Type, reply.ID = protocol.TypeReply, w.page.Worker.lastID
	w.page.Receive(reply)
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

func TestPrincipalComponents(t *testing.T) {
	page, worker := open(t)
	worker.types()
	worker.silent = true
	if b := page.Loss.Baselines(); len(b) != 1 || b[0].Name != "mean image" {
		t.Errorf("baselines %v at first, want the mean image", b)
	}
	page.Loss.SwitchMean(false)
	page.Loss.SwitchPCA(true)
	if got := worker.types(); got != "pca" {
		t.Fatalf("commands %q, want pca", got)
	}
	page.Loss.SwitchPCA(false)
	page.Loss.SwitchPCA(true)
	if got := worker.types(); got != "" {
		t.Errorf("asked again: %q", got)
	}
	page.Worker.pending[page.Worker.lastID](protocol.New(protocol.TypeReply, baseline.Quality{BCE: 0.57, MSE: 0.0086}))
	if b := page.Loss.Baselines(); len(b) != 1 || b[0].Name != "PCA-64" || b[0].Quality.MSE != 0.0086 {
		t.Errorf("baselines %v", b)
	}
	page.Set(map[string]string{"latent": "32"}, func(bool, error) {})
	if got := worker.types(); got != "watch configure pca" {
		t.Errorf("commands %q, want the components for 32 units", got)
	}
	if b := page.Loss.Baselines(); len(b) != 0 {
		t.Errorf("baselines %v before the reply", b)
	}
	// A new run interrupts the worker; then it is asked again.
	id := page.Worker.lastID
	page.Set(map[string]string{"latent": "64"}, func(bool, error) {})
	page.Set(map[string]string{"latent": "16"}, func(bool, error) {})
	worker.types()
	page.Worker.pending[id](protocol.Message{Error: "interrupted"})
	if got := worker.types(); got != "pca" {
		t.Errorf("commands %q after an interruption", got)
	}
	page.Worker.pending[page.Worker.lastID](protocol.Message{Error: "pca: does not converge"})
	if got := worker.types(); got != "" {
		t.Errorf("asked again after a failure: %q", got)
	}
	page.Set(map[string]string{"latent": "512"}, func(bool, error) {})
	if got := worker.types(); strings.Contains(got, "pca") || page.Loss.PCAPossible() {
		t.Errorf("commands %q for 512 units", got)
	}
}

// A sweep goes through the values of λ, ends with the one that was set, and
// leaves a point for each.
func TestSweep(t *testing.T) {
	page, worker := open(t)
	page.Series.Sweep()
	var lambdas []float64
	for range 20 {
		run, total := page.Series.At()
		if total == 0 {
			break
		}
		if total != len(sweepLambdas()) || run != len(lambdas)+1 || page.Status != protocol.StatusTraining {
			t.Fatalf("run %d of %d, status %q", run, total, page.Status)
		}
		lambda := page.Settings.Lambda
		lambdas = append(lambdas, lambda)
		if want := map[bool]int{true: 1, false: 2}[lambda == 0]; page.Settings.Experiment != want {
			t.Errorf("λ = %g is experiment %d, want %d", lambda, page.Settings.Experiment, want)
		}
		worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusDone, Epoch: 20, Epochs: []protocol.Epoch{
			{Epoch: 20, Evaluation: protocol.Evaluation{ValMSE: 0.02 + lambda, Active: 60 - 1e5*lambda}},
		}})
	}
	if len(lambdas) != len(sweepLambdas()) || lambdas[0] != 3e-4 || lambdas[len(lambdas)-1] != experiment.Default().Lambda {
		t.Errorf("λ was %v, want all with the one that was set at the end", lambdas)
	}
	if page.Status != protocol.StatusDone || page.Settings != experiment.Default() {
		t.Errorf("status %q, settings %+v after the sweep", page.Status, page.Settings)
	}
	points := page.Runs.TradeOff()[0]
	if len(points) != len(lambdas) || points[0].Settings.Lambda != 0 || math.Abs(points[1].ValMSE-0.02-1e-7) > 1e-12 {
		t.Errorf("points %+v", points)
	}
	page.Set(map[string]string{"latent": "32"}, func(bool, error) {})
	if groups := page.Runs.TradeOff(); len(groups) != 2 || len(groups[0]) != 0 || len(groups[1]) != len(lambdas) {
		t.Error("runs of another network are compared as those of this one")
	}
	for name, end := range map[string]func(){
		"a setting": func() { page.Set(map[string]string{"seed": "3"}, func(bool, error) {}) },
		"reset":     func() { page.Reset(must(t)) },
		"data":      func() { page.Dataset.UseSynthetic(must(t)) },
		"stop":      page.Series.Stop,
		"divergence": func() {
			worker.frame(protocol.Frame{Workers: 1, Status: protocol.StatusError, Failure: "the loss is no longer finite", Diverged: true})
		},
	} {
		page.Series.Sweep()
		page.Pause(must(t))
		page.Play(must(t))
		if _, total := page.Series.At(); total == 0 {
			t.Errorf("%s: a pause ends the sweep", name)
		}
		end()
		if _, total := page.Series.At(); total != 0 {
			t.Errorf("%s does not end the sweep", name)
		}
	}
	if len(page.Runs.Kept) != 0 {
		t.Error("runs on other data are kept")
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
