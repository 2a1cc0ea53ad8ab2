package state

import (
	"cmp"
	"fmt"
	"slices"

	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// Finished is a run that has gone through all its epochs.
type Finished struct {
	Settings experiment.Settings
	fit.Evaluation
}

// sweep is a series of runs that differ in λ alone.
type sweep struct {
	lambdas []float64 // of the runs to come
	total   int
}

// sweepLambdas are the values of λ that a sweep tries.
func sweepLambdas() []float64 {
	field, _ := experiment.Lookup("lambda")
	return field.Notches
}

// Sweep trains a run for each of some values of λ, from the largest to the
// smallest, and last the one that is set, so that its model stays. It ends
// early when the user changes a setting, the data or the run.
func (p *Page) Sweep() {
	if p.Dataset.Train == 0 {
		return
	}
	lambdas := slices.Clone(sweepLambdas())
	slices.Reverse(lambdas)
	lambdas = slices.DeleteFunc(lambdas, func(lambda float64) bool { return lambda == p.Settings.Lambda })
	lambdas = append(lambdas, p.Settings.Lambda)
	p.sweep = &sweep{lambdas, len(lambdas)}
	p.sweepOn()
}

// StopSweep ends the sweep; the run under way stays.
func (p *Page) StopSweep() {
	p.sweep = nil
	p.changed("state")
}

// Sweeping tells which run of how many the sweep is at, from 1; total is 0
// where there is none.
func (p *Page) Sweeping() (run, total int) {
	if p.sweep == nil {
		return 0, 0
	}
	return p.sweep.total - len(p.sweep.lambdas), p.sweep.total
}

// sweepOn starts the next run of the sweep.
func (p *Page) sweepOn() {
	s := p.sweep
	if s == nil || len(s.lambdas) == 0 {
		p.sweep = nil
		return
	}
	lambda := s.lambdas[0]
	s.lambdas = s.lambdas[1:]
	changes := map[string]string{"lambda": experiment.FormatLambda(lambda)}
	settings, err := p.Settings.With(changes)
	if err != nil {
		p.fail("The sweep ended", err) // no notch of the table gets here
		return
	}
	p.Settings = settings
	p.Status = protocol.StatusIdle
	p.newRun(ignore)
	p.Play(ignore)
}

// finished notes the run that has just ended, in the place of an earlier one
// with the same settings.
func (p *Page) finished() {
	latest, ok := p.Latest()
	if !ok {
		return
	}
	same := func(f Finished) bool { return sameButWorkers(f.Settings, p.Settings) }
	p.Runs = append(slices.DeleteFunc(p.Runs, same), Finished{p.Settings, latest})
	p.versions++
	p.RunsVersion = p.versions
}

func sameButWorkers(a, b experiment.Settings) bool {
	a.Workers = b.Workers
	return a == b
}

// TradeOff returns the finished runs that differ from the settings in λ at
// most, by rising λ: reconstruction against sparsity.
func (p *Page) TradeOff() []Finished {
	alike := func(s experiment.Settings) experiment.Settings {
		s.Experiment, s.Lambda, s.Workers = 0, 0, ""
		return s
	}
	var runs []Finished
	for _, run := range p.Runs {
		if alike(run.Settings) == alike(p.Settings) {
			runs = append(runs, run)
		}
	}
	slices.SortFunc(runs, func(a, b Finished) int { return cmp.Compare(a.Settings.Lambda, b.Settings.Lambda) })
	return runs
}

// SweepText tells what a sweep does or is doing.
func (p *Page) SweepText() string {
	if run, total := p.Sweeping(); total > 0 {
		return fmt.Sprintf("Run %d of %d, λ = %s", run, total, experiment.FormatLambda(p.Settings.Lambda))
	}
	return fmt.Sprintf("%d runs of %d epochs", len(sweepLambdas()), p.Settings.Epochs)
}
