package state

import (
	"errors"
	"strings"

	"sae/nn/experiment"
	"sae/wasm/protocol"
)

// Recovery goes on with a run after a failure. Training may fail maxDeaths times in a row
// without progress before the page gives up.
type Recovery struct {
	page     *Page
	deaths   int        // of workers and teams since the run made progress
	start    func(Done) // starts or continues a run when a new worker has read the data set
	diverged bool       // whether the run diverged and is back at its save
	proven   proven
}

const maxDeaths = 3

// proven is the last run that the worker was able to set up.
type proven struct {
	run      int // its number
	settings experiment.Settings
}

// WorkerDied tells that the worker is gone. It reports whether the caller should start
// another one.
func (r *Recovery) WorkerDied(reason string) (replace bool) {
	p := r.page
	p.Worker.died(reason)
	p.Dataset.Loading, p.Dataset.gathering, p.Loss.asked = nil, false, pcaSize{}
	if r.deaths++; r.deaths > maxDeaths {
		p.Worker.Gone = true
		p.queue = nil
		p.fail("The training worker does not start", errors.New(reason+"; reload the page"))
		p.Messages.Notice.about = aboutPage
		return false
	}
	title, cause := "The training worker stopped and was replaced", reason+". "
	rescue := r.rescue(p.trains())
	full := strings.Contains(reason, "memory")
	if p.run != r.proven.run && p.Settings != r.proven.settings && (full || r.deaths > 1) { // they may be to blame
		p.Settings = r.proven.settings
		rescue = r.rescue(false)
		rescue.text = "Settings are again those of the run before."
		if full {
			title, cause = "There is not enough memory for that network", ""
			rescue.text += " Fewer hidden or latent units, or a smaller batch, need less."
		}
	}
	p.Status = StatusLoading
	if p.Dataset.origin.Source != "" {
		p.Dataset.Loading = &protocol.Loading{Stage: "Opening"}
		r.start = rescue.start
	}
	p.Messages.tell(aboutRun, title, cause+rescue.text)
	return true
}

// rescue is how a lost run goes on.
type rescue struct {
	text  string // tells the user
	start func(Done)
}

// rescue returns how the lost run goes on: from its model if it was finished, or else from
// its save, or else from its first epoch. It trains on if training is set or if a finished
// run goes back to its save, but not after two failures without progress.
func (r *Recovery) rescue(training bool) rescue {
	p := r.page
	finished := p.Status == protocol.StatusDone
	var model any
	for _, run := range p.Runs.Kept {
		if finished && sameRun(run.Settings, p.Settings) {
			model = run.Model
		}
	}
	saved := p.Saves.saved
	back := saved.Run != 0 && saved.Run == r.proven.run
	play := (training || finished && back && model == nil) && r.deaths <= 1
	if !play {
		p.queue, p.unseen = nil, false
	}
	text := "The run starts again from its first epoch."
	switch {
	case model != nil:
		text = "The finished run is back."
	case back && play:
		text = "The run goes on from " + p.Saves.last() + "."
	case back:
		text = "The run is back at " + p.Saves.last() + "."
	}
	return rescue{text, func(done Done) {
		end := func(err error) {
			if play && err == nil {
				p.trainOn()
			}
			done(err)
		}
		restart := func(_ protocol.Imported, err error) {
			if err != nil {
				p.Messages.tell(aboutRun, "The run starts again from its first epoch", err.Error()+".")
				p.newRun(end)
				return
			}
			end(nil)
		}
		switch {
		case model != nil:
			p.open(model, restart)
		case back:
			p.Saves.goBack(0, restart)
		default:
			p.newRun(end)
		}
	}}
}

// stopped handles the end of a run that the worker reports. A run that diverged goes back to
// its save and waits for another learning rate; any other goes on.
func (r *Recovery) stopped(failure string, diverged bool) {
	p := r.page
	if diverged {
		r.runDiverged(failure)
		return
	}
	if r.deaths++; r.deaths > maxDeaths {
		p.queue = nil
		p.fail("Training stopped", errors.New(failure+"; reset to start again"))
		return
	}
	rescue := r.rescue(p.trains())
	p.Status, p.Failure = protocol.StatusError, failure
	p.Messages.tell(aboutRun, "Training stopped", failure+". "+rescue.text)
	rescue.start(Ignore)
}

func (r *Recovery) runDiverged(failure string) {
	p := r.page
	p.queue = nil
	p.Status, p.Failure = protocol.StatusError, failure
	back := p.Saves.saved.Run == p.run
	text := "The run is back at its start: lower the learning rate under More settings."
	if p.Embed.Locked("lr") {
		text = "The run is back at its start. Its learning rate is locked here."
	}
	if back {
		text = "The run is back at " + p.Saves.last() + ": lower the learning rate under More settings, and it goes on from there."
	}
	p.Messages.tell(aboutRun, "Training diverged", failure+". "+text)
	if !back {
		p.newRun(Ignore)
		return
	}
	p.Saves.goBack(0, func(_ protocol.Imported, err error) {
		if r.diverged = err == nil; err != nil {
			p.Messages.tell(aboutRun, "Training diverged", failure+". The run starts again: "+err.Error()+".")
			p.newRun(Ignore)
		}
	})
}

// goOn continues a run that diverged from its save, with another learning rate.
func (r *Recovery) goOn(settings experiment.Settings, done func(reset bool, err error)) {
	p := r.page
	p.Settings = settings
	p.Saves.goBack(settings.LR, func(_ protocol.Imported, err error) {
		if err != nil { // then from its first epoch
			p.newRun(func(err error) { done(true, err) })
			return
		}
		done(false, nil)
	})
	p.changed("state")
}
