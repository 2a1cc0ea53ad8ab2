package state

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// Run is a finished run that is kept.
type Run struct {
	fit.Result
	Key   string `json:"key"`  // of its record; later runs have larger keys
	Data  string `json:"data"` // key of its data set
	Shown bool   `json:"-"`    // whether it is in the loss chart
	Model any    `json:"-"`    // its checkpoint, a Blob; nil until the worker has made it
}

// Keeper stores runs for later visits. Its functions return at once, and done is called
// later, like the methods of a Page.
type Keeper struct {
	Put    func(run Run, done Done)
	Delete func(key string)
	All    func(done func([]Run))
}

// Runs are the kept runs on the data set in use.
type Runs struct {
	Kept    []Run
	Version int    // changes with Kept
	Unkept  string // why the last run is kept for this visit only; "" if it is kept longer

	keeper *Keeper // nil for none
	lastID int

	dataset  *Dataset
	training *Training
	model    *Model
	messages *Messages
	saves    *Saves
}

// KeepWith stores runs for later visits.
func (r *Runs) KeepWith(keeper Keeper) { r.keeper = &keeper }

// recall reads the stored runs on the data set in use.
func (r *Runs) recall() {
	if r.keeper == nil {
		return
	}
	data := r.dataset.key()
	r.keeper.All(func(kept []Run) {
		if r.dataset.key() != data {
			return
		}
		var runs []Run
		for _, run := range kept {
			known := slices.ContainsFunc(r.Kept, func(k Run) bool { return k.Key == run.Key })
			if run.Data == data && !known && run.Settings.Validate() == nil {
				r.lastID++
				run.ID = r.lastID
				runs = append(runs, run)
			}
		}
		r.set(append(runs, r.Kept...))
	})
}

// keep stores a run for later visits.
func (r *Runs) keep(run Run) {
	if r.keeper == nil || run.Model == nil {
		return
	}
	r.keeper.Put(run, func(err error) {
		if r.Unkept = ""; err != nil {
			r.Unkept = err.Error()
			return
		}
		if r.training.Status == protocol.StatusDone && sameRun(run.Settings, r.training.Settings) {
			r.saves.discard(r.saves.slot) // it need not be offered to a later visit
		}
	})
}

// forget deletes a stored run.
func (r *Runs) forget(run Run) {
	if r.keeper != nil {
		r.keeper.Delete(run.Key)
	}
}

// maxRuns is the largest number of kept runs. More replace the oldest.
const maxRuns = 50

// add keeps the run that has just finished. It replaces an earlier one with the same
// settings.
func (r *Runs) add() {
	latest, ok := r.training.Latest()
	if !ok {
		return
	}
	r.lastID++
	run := Run{Key: NewKey(), Data: r.dataset.key(), Result: fit.Result{
		ID: r.lastID, Name: fmt.Sprintf("Run %d", r.lastID), Settings: r.training.Settings, Evaluation: latest,
		History: slices.Clone(r.training.History), Seconds: r.training.TrainSeconds,
	}}
	for _, earlier := range r.Kept {
		if sameRun(earlier.Settings, r.training.Settings) {
			run.ID, run.Key, run.Name, run.Shown = earlier.ID, earlier.Key, earlier.Name, earlier.Shown
		}
	}
	runs := slices.DeleteFunc(slices.Clone(r.Kept), func(k Run) bool { return k.ID == run.ID })
	runs = append(runs, run)
	for _, oldest := range runs[:max(0, len(runs)-maxRuns)] {
		r.forget(oldest)
	}
	r.set(runs[max(0, len(runs)-maxRuns):])
	r.keepModel()
}

// keepModel stores the model of the finished run under way with it.
func (r *Runs) keepModel() {
	i := slices.IndexFunc(r.Kept, func(k Run) bool { return sameRun(k.Settings, r.training.Settings) })
	if i < 0 {
		return
	}
	id := r.Kept[i].ID
	r.model.checkpoint(func(file any) {
		if i := r.index(id); i >= 0 {
			r.Kept[i].Model = file
			r.keep(r.Kept[i])
		}
	})
}

// NewKey returns a key that sorts after all earlier keys and differs from those of other
// pages.
func NewKey() string { return fmt.Sprintf("%013d-%08x", time.Now().UnixMilli(), rand.Uint32()) }

// sameRun reports whether settings describe the same run, on any machine.
func sameRun(a, b experiment.Settings) bool { return a.OnThisMachine(b) == b }

func (r *Runs) set(runs []Run) {
	r.Kept = runs
	r.Version = nextVersion()
}

func (r *Runs) index(id int) int {
	return slices.IndexFunc(r.Kept, func(k Run) bool { return k.ID == id })
}

// change changes a kept run.
func (r *Runs) change(id int, change func(*Run)) {
	if i := r.index(id); i >= 0 {
		runs := slices.Clone(r.Kept)
		change(&runs[i])
		r.set(runs)
	}
}

// Rename renames a run, unless the name is empty.
func (r *Runs) Rename(id int, name string) {
	if name = strings.TrimSpace(name); name != "" {
		r.change(id, func(r *Run) { r.Name = name })
		if i := r.index(id); i >= 0 {
			r.keep(r.Kept[i])
		}
	}
}

// Show shows or hides a run in the loss chart.
func (r *Runs) Show(id int, on bool) { r.change(id, func(r *Run) { r.Shown = on }) }

// Overlaid returns the runs in the loss chart beside the one under way.
func (r *Runs) Overlaid() []fit.Result {
	var others []fit.Result
	for _, run := range r.Kept {
		own := r.training.Status == protocol.StatusDone && sameRun(run.Settings, r.training.Settings)
		if run.Shown && !own {
			others = append(others, run.Result)
		}
	}
	return others
}

// Delete deletes a run. The toast brings it back.
func (r *Runs) Delete(id int) {
	i := r.index(id)
	if i < 0 {
		return
	}
	run := r.Kept[i]
	r.set(slices.Delete(slices.Clone(r.Kept), i, i+1))
	r.forget(run)
	r.messages.Toast = &Toast{Text: "Deleted " + run.Name + ".", Undo: func() {
		r.set(slices.Insert(slices.Clone(r.Kept), min(i, len(r.Kept)), run))
		r.keep(run)
	}}
}

// Restore makes a kept run the one under way.
func (r *Runs) Restore(id int) {
	if i := r.index(id); i >= 0 && r.Kept[i].Model != nil {
		r.training.Import(r.Kept[i].Model, Ignore)
	}
}

// TradeOff returns groups of runs that differ only in λ or k, each by its increase. The first is
// the group of the current settings. Runs on patches of another size, or on whole images if
// those of the settings are patches, are left out: their codes say less or more of a picture.
func (r *Runs) TradeOff() [][]fit.Result {
	alike := func(s experiment.Settings) experiment.Settings {
		s.Experiment, s.Lambda, s.K = 0, 0, 0
		return s.OnThisMachine(experiment.Settings{})
	}
	keys := []experiment.Settings{alike(r.training.Settings)}
	var order []int
	for i, run := range r.Kept {
		if run.Settings.Patch != r.training.Settings.Patch {
			continue
		}
		order = append(order, i)
		if key := alike(run.Settings); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		one, other := r.Kept[a].Settings, r.Kept[b].Settings
		return cmp.Or(cmp.Compare(one.Lambda, other.Lambda), cmp.Compare(one.K, other.K))
	})
	groups := map[experiment.Settings][]fit.Result{}
	for _, i := range order {
		key := alike(r.Kept[i].Settings)
		groups[key] = append(groups[key], r.Kept[i].Result)
	}
	var all [][]fit.Result
	for _, key := range keys {
		all = append(all, groups[key])
	}
	return all
}
