package state

import (
	"fmt"

	"sae/wasm/protocol"
)

// Saves are the saves of unfinished runs. The worker saves the run under way every few
// seconds, under this page's slot; the page goes back to that save after a failure. It
// offers the runs that earlier pages left under other slots.
type Saves struct {
	Offers  []protocol.Save // unfinished runs of earlier visits, the newest first
	Unsaved string          // why the run under way is not saved; "" if it is

	page  *Page
	slot  string          // of this page; "" for none
	saved protocol.Saved  // the last save under it
	taken string          // slot of a run that was resumed and is not yet saved here; "" for none
	left  *comeback       // of the visit before; nil for nothing
	back  *protocol.Saved // where the run came back by itself, until it gets further; nil if it did not
}

// Under has the run saved under a slot that no other page uses.
func (s *Saves) Under(slot string) { s.slot = slot }

// SaveNow has the run saved at once, because the page may be about to close. It reports
// whether batches would be lost otherwise.
func (s *Saves) SaveNow() (unsaved bool) {
	if s.slot == "" {
		return false
	}
	p := s.page
	p.Worker.post(protocol.New(protocol.TypeSave, nil))
	return s.Unsaved == "" && p.Status != protocol.StatusDone && p.Trained() &&
		s.saved != protocol.Saved{Run: p.run, Epoch: p.Epoch, Batch: p.Batch}
}

// start tells a new worker the slot. The first worker replies with the runs to offer.
func (s *Saves) start() {
	if s.slot == "" {
		return
	}
	first := s.page.Dataset.origin.Source == ""
	s.page.Worker.command(protocol.New(protocol.TypeKeep, protocol.Keep{Slot: s.slot}), func(reply protocol.Message) {
		left, err := answer[protocol.Left](reply)
		if first && err == nil {
			s.Offers = left.Saves
			s.comeBack()
		}
	})
}

// receive takes the worker's message about a save.
func (s *Saves) receive(m protocol.Message) {
	saved, err := protocol.Decode[protocol.Saved](m)
	if err != nil {
		return
	}
	current := saved.Run == s.page.run
	if current {
		s.Unsaved = saved.Error
	}
	if saved.Error != "" {
		return
	}
	s.saved = saved
	if !current {
		return
	}
	s.page.Recovery.deaths, s.page.Recovery.diverged = 0, false
	if s.back != nil && (saved.Epoch != s.back.Epoch || saved.Batch != s.back.Batch) {
		s.back = nil
	}
	if s.taken != "" {
		s.discard(s.taken)
		s.taken = ""
	}
}

// discard deletes the save under a slot.
func (s *Saves) discard(slot string) {
	if slot == "" {
		return
	}
	if slot == s.slot {
		s.saved = protocol.Saved{}
	}
	s.page.Worker.command(protocol.New(protocol.TypeDiscard, protocol.Keep{Slot: slot}), nil)
}

// last says where the last save was: "epoch 7, batch 12".
func (s *Saves) last() string {
	return fmt.Sprintf("epoch %d, batch %d", s.saved.Epoch+1, s.saved.Batch)
}

// goBack makes the last save the run under way. lr replaces its learning rate, unless it is
// 0.
func (s *Saves) goBack(lr float64, done func(protocol.Imported, error)) {
	s.open(s.slot, lr, s.page.queue, done)
}

// open makes a saved run the one under way, as part of a series.
func (s *Saves) open(slot string, lr float64, queue *protocol.Queue, done func(protocol.Imported, error)) {
	p := s.page
	run := p.nextRun()
	m := protocol.New(protocol.TypeResume, protocol.Resume{Run: run, Slot: slot, LR: lr, Queue: queue})
	p.Worker.command(m, func(reply protocol.Message) {
		imported, err := answer[protocol.Imported](reply)
		if err == nil {
			p.adopt(imported, run)
			if slot == s.slot {
				s.saved.Run = run
			}
		}
		done(imported, err)
	})
}

// Resume makes the offered run the one under way, on its data set, and trains on. The toast
// brings the run before back. If that fails, a notice says so and the offer stays.
func (s *Saves) Resume() { s.resume(s.page.trainOn) }

// resume is Resume with a function to call when the run is there.
func (s *Saves) resume(resumed func()) {
	p := s.page
	if len(s.Offers) == 0 || p.Dataset.Loading != nil {
		return
	}
	p.Messages.over(aboutOffer)
	save := s.Offers[0]
	same := p.Dataset.fingerprint() == save.Data
	if !same && !p.Dataset.has(save) {
		p.Messages.tell(aboutOffer, "The data of that run are not here", fmt.Sprintf(
			"It was trained on %s with %d images. Drop their file on the page, then resume; the run stays saved.", save.Data.Name, save.Data.Train))
		return
	}
	offer := p.wayBack()
	resume := func(done Done) {
		s.open(save.Slot, 0, save.Queue, func(imported protocol.Imported, err error) {
			if err != nil {
				if !same {
					p.newRun(done)
				}
				p.Messages.tell(aboutOffer, "That run could not be resumed", err.Error()+". It stays saved: try again, or discard it.")
				return
			}
			s.Offers, s.taken, p.queue = nil, save.Slot, save.Queue
			p.tellOrigin(imported)
			resumed()
			offer("Another run was resumed.")
			done(nil)
		})
	}
	if same {
		resume(Ignore)
		return
	}
	p.Dataset.load(origin{Load: save.Load}, resume, Ignore)
}

// DiscardOffer deletes the offered run.
func (s *Saves) DiscardOffer() {
	s.page.Messages.over(aboutOffer)
	if len(s.Offers) > 0 {
		s.discard(s.Offers[0].Slot)
		s.Offers = s.Offers[1:]
	}
}

// HideOffers leaves the offered runs to a later visit.
func (s *Saves) HideOffers() {
	s.page.Messages.over(aboutOffer)
	s.Offers = nil
}
