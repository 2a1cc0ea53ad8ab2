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

// Run is a run that has gone through all its epochs, and is kept.
type Run struct {
	fit.Result
	Key   string `json:"key"`  // under which it is kept: rises with the time
	Data  string `json:"data"` // tells apart what the runs were trained on
	Shown bool   `json:"-"`    // in the loss chart
	Model any    `json:"-"`    // its checkpoint, a Blob; nil until the worker has made it
}

// Keeper keeps runs beyond the visit. Its functions return at once; done is
// called later, in the way that the page's methods are.
type Keeper struct {
	Put    func(run Run, done func(error))
	Delete func(key string)
	All    func(done func([]Run))
}

// KeepRuns has runs kept beyond the visit.
func (p *Page) KeepRuns(keeper Keeper) { p.keeper = &keeper }

// dataKey tells apart the data sets that runs are trained on. The floor depends on
// every validation image.
func (p *Page) dataKey() string {
	return fmt.Sprintf("%s/%d/%d/%.12f", p.Dataset.Name, p.Dataset.Train, p.Dataset.Validation, p.Dataset.Floor)
}

// recall brings back the runs that were kept of the data set in use.
func (p *Page) recall() {
	if p.keeper == nil {
		return
	}
	data := p.dataKey()
	p.keeper.All(func(kept []Run) {
		if p.dataKey() != data {
			return
		}
		var runs []Run
		for _, run := range kept {
			known := slices.ContainsFunc(p.Runs, func(r Run) bool { return r.Key == run.Key })
			if run.Data == data && !known && run.Settings.Validate() == nil {
				p.lastRunID++
				run.ID = p.lastRunID
				runs = append(runs, run)
			}
		}
		p.setRuns(append(runs, p.Runs...))
	})
}

// keep keeps a run beyond the visit, where that is possible.
func (p *Page) keep(run Run) {
	if p.keeper == nil || run.Model == nil {
		return
	}
	p.keeper.Put(run, func(err error) {
		if p.Unkept = ""; err != nil {
			p.Unkept = err.Error()
			return
		}
		if p.Status == protocol.StatusDone && sameButWorkers(run.Settings, p.Settings) {
			p.discard(p.slot) // it is not unfinished any more
		}
	})
}

// forget forgets a run that was kept.
func (p *Page) forget(run Run) {
	if p.keeper != nil {
		p.keeper.Delete(run.Key)
	}
}

// Toast is a short message with a way back.
type Toast struct {
	Text string
	Undo func() // nil for none
}

// maxRuns is how many runs are kept; the oldest make way.
const maxRuns = 50

// finished keeps the run that has just ended, in the place of an earlier one
// with the same settings.
func (p *Page) finished() {
	latest, ok := p.Latest()
	if !ok {
		return
	}
	p.lastRunID++
	run := Run{Key: NewKey(), Data: p.dataKey(), Result: fit.Result{
		ID: p.lastRunID, Name: fmt.Sprintf("Run %d", p.lastRunID), Settings: p.Settings, Evaluation: latest,
		History: slices.Clone(p.History), Seconds: p.TrainSeconds,
	}}
	for _, earlier := range p.Runs {
		if sameButWorkers(earlier.Settings, p.Settings) {
			run.ID, run.Key, run.Name, run.Shown = earlier.ID, earlier.Key, earlier.Name, earlier.Shown
		}
	}
	runs := slices.DeleteFunc(slices.Clone(p.Runs), func(r Run) bool { return r.ID == run.ID })
	runs = append(runs, run)
	for _, oldest := range runs[:max(0, len(runs)-maxRuns)] {
		p.forget(oldest)
	}
	p.setRuns(runs[max(0, len(runs)-maxRuns):])
	p.checkpoint(func(file any) {
		if i := p.runIndex(run.ID); i >= 0 {
			p.Runs[i].Model = file
			p.keep(p.Runs[i])
		}
	})
}

// NewKey returns a key that sorts after all earlier ones, and is another one than
// those of other pages.
func NewKey() string { return fmt.Sprintf("%013d-%08x", time.Now().UnixMilli(), rand.Uint32()) }

// checkpoint has the worker make a checkpoint of the run as it is.
func (p *Page) checkpoint(done func(file any)) {
	p.Export("checkpoint", func(file any, err error) {
		if err == nil {
			done(file)
		}
	})
}

func sameButWorkers(a, b experiment.Settings) bool {
	a.Workers = b.Workers
	return a == b
}

func (p *Page) setRuns(runs []Run) {
	p.Runs = runs
	p.RunsVersion = p.nextVersion()
}

func (p *Page) runIndex(id int) int {
	return slices.IndexFunc(p.Runs, func(r Run) bool { return r.ID == id })
}

// changeRun changes a run that is kept.
func (p *Page) changeRun(id int, change func(*Run)) {
	if i := p.runIndex(id); i >= 0 {
		runs := slices.Clone(p.Runs)
		change(&runs[i])
		p.setRuns(runs)
	}
}

// RenameRun gives a run another name; an empty one changes nothing.
func (p *Page) RenameRun(id int, name string) {
	if name = strings.TrimSpace(name); name != "" {
		p.changeRun(id, func(r *Run) { r.Name = name })
		if i := p.runIndex(id); i >= 0 {
			p.keep(p.Runs[i])
		}
	}
}

// ShowRun shows or hides a run in the loss chart.
func (p *Page) ShowRun(id int, on bool) { p.changeRun(id, func(r *Run) { r.Shown = on }) }

// DeleteRun forgets a run; the toast brings it back.
func (p *Page) DeleteRun(id int) {
	i := p.runIndex(id)
	if i < 0 {
		return
	}
	before, run := p.Runs, p.Runs[i]
	p.setRuns(slices.Delete(slices.Clone(p.Runs), i, i+1))
	p.forget(run)
	p.Toast = &Toast{Text: "Deleted " + run.Name + ".", Undo: func() {
		p.setRuns(before)
		p.keep(run)
	}}
}

// RestoreRun makes a run that is kept the one under way.
func (p *Page) RestoreRun(id int) {
	if i := p.runIndex(id); i >= 0 && p.Runs[i].Model != nil {
		p.Import(p.Runs[i].Model, ignore)
	}
}

// Undo takes back what the toast tells of.
func (p *Page) Undo() {
	toast := p.Toast
	p.Toast = nil
	if toast != nil && toast.Undo != nil {
		toast.Undo()
	}
}

// Say shows a short message.
func (p *Page) Say(text string) { p.Toast = &Toast{Text: text} }

// Copied tells how it went to copy something, such as "The link", to the clipboard.
func (p *Page) Copied(what string, err error) {
	if err != nil {
		p.Say(what + " could not be copied: " + err.Error() + ".")
		return
	}
	p.Say(what + " is in the clipboard.")
}

// DismissToast closes the toast.
func (p *Page) DismissToast() { p.Toast = nil }

// sweepLambdas are the values of λ that a sweep tries.
func sweepLambdas() []float64 {
	field, _ := experiment.Lookup("lambda")
	return field.Notches
}

// Sweep trains a run for each of some values of λ, from the largest to the
// smallest, and last the one that is set, so that its model stays. It ends
// early when the user changes a setting, the data or the run.
func (p *Page) Sweep() {
	lambdas := slices.Clone(sweepLambdas())
	slices.Reverse(lambdas)
	lambdas = slices.DeleteFunc(lambdas, func(lambda float64) bool { return lambda == p.Settings.Lambda })
	var runs []map[string]string
	for _, lambda := range append(lambdas, p.Settings.Lambda) {
		runs = append(runs, map[string]string{"lambda": experiment.FormatLambda(lambda)})
	}
	p.enqueue(runs)
}

// QueueExperiments trains experiments 1, 2 and 3 one after the other.
func (p *Page) QueueExperiments() {
	p.enqueue([]map[string]string{{"experiment": "1"}, {"experiment": "2"}, {"experiment": "3"}})
}

func (p *Page) enqueue(runs []map[string]string) {
	if p.Status == StatusLoading {
		return
	}
	p.queue = &protocol.Queue{Runs: runs, Total: len(runs)}
	p.next()
}

// StopQueue ends the series; the run under way stays.
func (p *Page) StopQueue() {
	p.queue = nil
	p.adjust(ignore)
	p.changed("state")
}

// Queued tells which run of how many a series is at, from 1; total is 0 where
// there is none.
func (p *Page) Queued() (run, total int) {
	if p.queue == nil {
		return 0, 0
	}
	return p.queue.Total - len(p.queue.Runs), p.queue.Total
}

// next starts the next run of the series.
func (p *Page) next() {
	q := p.queue
	if q == nil || len(q.Runs) == 0 {
		p.queue = nil
		return
	}
	settings, err := p.Settings.With(q.Runs[0])
	q.Runs = q.Runs[1:]
	if err != nil { // another version of this page has saved it
		p.queue = nil
		p.Notify("The series of runs ended", err.Error()+".")
		return
	}
	p.Settings = settings
	p.Status = protocol.StatusIdle
	p.newRun(ignore)
	p.Play(ignore)
}

// TradeOff returns the runs in groups that differ in λ at most, each by rising
// λ: reconstruction against sparsity. The group of the settings comes first.
func (p *Page) TradeOff() [][]fit.Result {
	alike := func(s experiment.Settings) experiment.Settings {
		s.Experiment, s.Lambda, s.Workers = 0, 0, ""
		return s
	}
	keys := []experiment.Settings{alike(p.Settings)}
	groups := map[experiment.Settings][]fit.Result{}
	for _, run := range p.Runs {
		key := alike(run.Settings)
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
		groups[key] = append(groups[key], run.Result)
	}
	var all [][]fit.Result
	for _, key := range keys {
		runs := groups[key]
		slices.SortFunc(runs, func(a, b fit.Result) int { return cmp.Compare(a.Settings.Lambda, b.Settings.Lambda) })
		all = append(all, runs)
	}
	return all
}
