package state

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// The worker saves the run under way every few seconds while it changes, under this
// page's slot. The page goes back to that save when something fails, and offers
// what earlier pages have left under theirs.

// SaveRuns has the run under way saved under a slot that no other page uses.
func (p *Page) SaveRuns(slot string) { p.slot = slot }

// SaveNow has the run saved at once: the page may be about to go. It reports whether
// something would be lost otherwise.
func (p *Page) SaveNow() (unsaved bool) {
	if p.slot == "" {
		return false
	}
	p.Worker.post(protocol.New(protocol.TypeSave, nil))
	return p.Unsaved == "" && p.Status != protocol.StatusDone && p.Epoch+p.Batch > 0 &&
		p.saved != protocol.Saved{Run: p.run, Epoch: p.Epoch, Batch: p.Batch}
}

// startSaving tells a new worker where to save. The first one tells what was left.
func (p *Page) startSaving() {
	if p.slot == "" {
		return
	}
	first := p.loaded.Type == ""
	p.Worker.command(protocol.New(protocol.TypeKeep, protocol.Keep{Slot: p.slot}), func(reply protocol.Message) {
		left, err := answer[protocol.Left](reply)
		if first && err == nil {
			p.Offers = left.Saves
			p.comeBack()
		}
	})
}

// wasSaved takes what the worker tells of saving.
func (p *Page) wasSaved(m protocol.Message) {
	saved, err := protocol.Decode[protocol.Saved](m)
	if err != nil {
		return
	}
	if saved.Run == p.run {
		p.Unsaved = saved.Error
	}
	if saved.Error != "" {
		return
	}
	p.saved = saved
	if saved.Run != p.run {
		return
	}
	p.deaths, p.diverged = 0, false
	if p.back != nil && (saved.Epoch != p.back.Epoch || saved.Batch != p.back.Batch) {
		p.back = nil
	}
	if p.taken != "" {
		p.discard(p.taken)
		p.taken = ""
	}
}

// discard forgets what is saved under a slot.
func (p *Page) discard(slot string) {
	if slot == "" {
		return
	}
	if slot == p.slot {
		p.saved = protocol.Saved{}
	}
	p.Worker.command(protocol.New(protocol.TypeDiscard, protocol.Keep{Slot: slot}), nil)
}

// goBack makes a saved run the one under way, with another learning rate where lr
// is not 0, and queue the one that it belongs to.
func (p *Page) goBack(slot string, lr float64, queue *protocol.Queue, done func(protocol.Imported, error)) {
	run := p.nextRun()
	m := protocol.New(protocol.TypeResume, protocol.Resume{Run: run, Slot: slot, LR: lr, Queue: queue})
	p.Worker.command(m, func(reply protocol.Message) {
		imported, err := answer[protocol.Imported](reply)
		if err == nil {
			p.adopt(imported, run)
			if slot == p.slot {
				p.saved.Run = run
			}
		}
		done(imported, err)
	})
}

// Resume makes the offered run the one under way, on its data set, and trains on; the
// toast brings back the run before. Where that cannot be, a notice says so, and the
// offer stays.
func (p *Page) Resume() { p.resume(p.trainOn) }

// resume is Resume; resumed is called once the run is there.
func (p *Page) resume(resumed func()) {
	if len(p.Offers) == 0 || p.Loading != nil {
		return
	}
	p.Messages.over(aboutOffer)
	save := p.Offers[0]
	failed := func(err error) {
		p.Messages.tell(aboutOffer, "That run could not be resumed", err.Error()+".")
	}
	resume := func(done Done) {
		p.goBack(save.Slot, 0, save.Queue, func(imported protocol.Imported, err error) {
			if err == nil {
				p.Offers, p.taken, p.Series.queue = nil, save.Slot, save.Queue
				p.tellOrigin(imported)
				resumed()
			}
			done(err)
		})
	}
	if p.fingerprint() == save.Data {
		offer := p.wayBack()
		resume(func(err error) {
			if err != nil {
				failed(err)
				return
			}
			offer("Another run was resumed.")
		})
		return
	}
	m, ok := p.dataOf(save)
	if !ok {
		p.Messages.tell(aboutOffer, "The data of that run are not here", fmt.Sprintf(
			"It was trained on %s with %d images. Drop their file on the page, then resume; the run stays saved.", save.Data.Name, save.Data.Train))
		return
	}
	offer := p.wayBack()
	p.loadThen(m, func(done Done) {
		resume(func(err error) {
			if err != nil {
				p.newRun(done)
				failed(err)
				return
			}
			offer("Another run was resumed.")
			done(nil)
		})
	}, ignore)
}

// fingerprint returns that of the data in use.
func (p *Page) fingerprint() fit.Fingerprint {
	d := p.Dataset
	return fit.Fingerprint{Name: d.Name, Train: d.Train, Validation: d.Validation, Checksum: d.Checksum}
}

// dataOf returns the command that loads the data set of a saved run; ok is false
// where this page knows of none.
func (p *Page) dataOf(save protocol.Save) (m protocol.Message, ok bool) {
	switch save.Load.Source {
	case protocol.SourceSynthetic:
		ok = true
	case protocol.SourceKept:
		ok = p.Kept == save.Data.Name
	case protocol.SourceSite:
		ok = slices.Contains(p.Sites, save.Load.Name)
	}
	return loadMessage(save.Load), ok
}

// DiscardOffer forgets the offered run.
func (p *Page) DiscardOffer() {
	p.Messages.over(aboutOffer)
	if len(p.Offers) > 0 {
		p.discard(p.Offers[0].Slot)
		p.Offers = p.Offers[1:]
	}
}

// HideOffers leaves what is offered to a later visit.
func (p *Page) HideOffers() {
	p.Messages.over(aboutOffer)
	p.Offers = nil
}

// otherOrigin returns a notice where a run goes on with other data or kernels than
// it was trained with; nil where it does not.
func (p *Page) otherOrigin(imported protocol.Imported) *Notice {
	if name := imported.Data.Name; name != "" && !imported.Same {
		return &Notice{
			Title: "The model learnt from other data",
			Text:  fmt.Sprintf("It was trained on %s with %d images; here it is validated on %s, and goes on with that.", name, imported.Data.Train, p.Dataset.Name),
			about: aboutRun,
		}
	}
	if kernel := imported.Kernel; kernel != p.Worker.Kernel && slices.Contains(kernels, kernel) {
		return &Notice{
			Title: "The run was trained on other kernels",
			Text:  fmt.Sprintf("It was trained with %s and goes on with %s: from here on, losses differ in their last digits from what they would have been.", kernel, p.Worker.Kernel),
			about: aboutRun,
		}
	}
	return nil
}

// maxDeaths is how often in a row training may fail, without having come any
// further, before the page gives up.
const maxDeaths = 3

// WorkerDied tells that the worker is gone. It reports whether a new one,
// which will say that it is ready, should take its place.
func (p *Page) WorkerDied(reason string) (replace bool) {
	p.Worker.died(reason)
	p.Loading, p.Loss.asked = nil, pcaSize{}
	if p.deaths++; p.deaths > maxDeaths {
		p.Worker.Gone = true
		p.Series.queue = nil
		p.fail("The training worker does not start", errors.New(reason+"; reload the page"))
		p.Messages.Notice.about = aboutPage
		return false
	}
	title, cause := "The training worker stopped and was replaced", reason+". "
	rescue := p.rescue(p.Status == protocol.StatusTraining || p.unseen)
	full := strings.Contains(reason, "memory")
	if p.run != p.proven.run && p.Settings != p.proven.settings && (full || p.deaths > 1) { // which may be to blame
		p.Settings = p.proven.settings
		rescue = p.rescue(false)
		rescue.text = "Settings are again those of the run before."
		if full {
			title, cause = "There is not enough memory for that network", ""
			rescue.text += " Fewer hidden or latent units, or a smaller batch, need less."
		}
	}
	p.Status = StatusLoading
	if p.loaded.Type != "" {
		p.Loading = &protocol.Loading{Stage: "Opening"}
		p.start = rescue.start
	}
	p.Messages.tell(aboutRun, title, cause+rescue.text)
	return true
}

// rescue is what becomes of a run that was lost.
type rescue struct {
	text  string // says so
	start func(done Done)
}

// rescue returns how to go on where the worker has lost the run: from its model, if
// it was finished, from its save or from its first epoch. Where that is asked for, or
// a finished run is back at its save, it trains on, unless that has just failed.
func (p *Page) rescue(training bool) rescue {
	finished := p.Status == protocol.StatusDone
	var model any
	for _, run := range p.Runs.Kept {
		if finished && sameButWorkers(run.Settings, p.Settings) {
			model = run.Model
		}
	}
	back := p.saved.Run != 0 && p.saved.Run == p.proven.run
	play := (training || finished && back && model == nil) && p.deaths <= 1
	if !play {
		p.Series.queue, p.unseen = nil, false
	}
	r := rescue{text: "The run starts again from its first epoch."}
	switch {
	case model != nil:
		r.text = "The finished run is back."
	case back && play:
		r.text = "The run goes on from " + p.lastSave() + "."
	case back:
		r.text = "The run is back at " + p.lastSave() + "."
	}
	r.start = func(done Done) {
		end := func(err error) {
			if play && err == nil {
				p.trainOn()
			}
			done(err)
		}
		restart := func(err error) {
			if err != nil {
				p.Messages.tell(aboutRun, "The run starts again from its first epoch", err.Error()+".")
				p.newRun(end)
				return
			}
			end(nil)
		}
		switch {
		case model != nil:
			p.open(model, func(_ protocol.Imported, err error) { restart(err) })
		case back:
			p.goBack(p.slot, 0, p.Series.queue, func(_ protocol.Imported, err error) { restart(err) })
		default:
			p.newRun(end)
		}
	}
	return r
}

// goOn has a run that diverged go on from its save with another learning rate.
func (p *Page) goOn(settings experiment.Settings, done func(reset bool, err error)) {
	p.Settings = settings
	p.goBack(p.slot, settings.LR, p.Series.queue, func(_ protocol.Imported, err error) {
		if err != nil { // then from its first epoch
			p.newRun(func(err error) { done(true, err) })
			return
		}
		done(false, nil)
	})
	p.changed("state")
}

// lastSave tells where the run was when it was saved: "epoch 7, batch 12".
func (p *Page) lastSave() string {
	return fmt.Sprintf("epoch %d, batch %d", p.saved.Epoch+1, p.saved.Batch)
}

// stopped takes the end of a run that the worker reports. One that diverged goes
// back to where it was saved and waits for another learning rate; any other goes on
// from there.
func (p *Page) stopped(failure string, diverged bool) {
	if diverged {
		p.Series.queue = nil
		p.Status, p.Failure = protocol.StatusError, failure
		back := p.saved.Run == p.run
		text := "The run is back at its start: lower the learning rate under More settings."
		if p.Embed.Locked("lr") {
			text = "The run is back at its start. Its learning rate is locked here."
		}
		if back {
			text = "The run is back at " + p.lastSave() + ": lower the learning rate under More settings, and it goes on from there."
		}
		p.Messages.tell(aboutRun, "Training diverged", failure+". "+text)
		if !back {
			p.newRun(ignore)
			return
		}
		p.goBack(p.slot, 0, p.Series.queue, func(_ protocol.Imported, err error) {
			if p.diverged = err == nil; err != nil {
				p.Messages.tell(aboutRun, "Training diverged", failure+". The run starts again: "+err.Error()+".")
				p.newRun(ignore)
			}
		})
		return
	}
	if p.deaths++; p.deaths > maxDeaths {
		p.Series.queue = nil
		p.fail("Training stopped", errors.New(failure+"; reset to start again"))
		return
	}
	rescue := p.rescue(p.Status == protocol.StatusTraining || p.unseen)
	p.Status, p.Failure = protocol.StatusError, failure
	p.Messages.tell(aboutRun, "Training stopped", failure+". "+rescue.text)
	rescue.start(ignore)
}
