package state

import (
	"encoding/json"
	"slices"

	"sae/wasm/protocol"
)

// comeback is what the page leaves to its next visit in the same tab, in case its program
// ends: a reload then brings the run back by itself. If the program ends again before the
// run gets further, the next visit only offers it.
type comeback struct {
	Slot  string `json:"slot"`  // that the run is saved under
	Train bool   `json:"train"` // whether to train on
}

// IfItEnds returns what the page leaves to its next visit in case its program ends, "" for
// nothing, and what to tell the user then.
func (s *Saves) IfItEnds() (left, says string) {
	p := s.page
	switch {
	case p.Embed != nil:
		return "", "In a frame nothing is saved: a reload starts from the beginning."
	case !p.Trained() || p.Status == protocol.StatusDone:
		return "", "A reload starts the demo again; finished runs are kept."
	case s.Unsaved != "":
		return "", "The run could not be saved (" + s.Unsaved + "): a reload starts from the beginning."
	case s.back != nil:
		return "", "That happened right after the run had come back by itself: after a reload it is offered, and waits for you."
	}
	c := comeback{Slot: s.slot, Train: p.Status == protocol.StatusTraining}
	if s.taken != "" {
		c.Slot = s.taken
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // JSON can hold every comeback
	}
	return string(text), "A reload brings the run back by itself, as it was saved last."
}

// ComeBack resumes the run that an earlier visit left, once it is offered. left is the text
// of IfItEnds; any other text is ignored.
func (s *Saves) ComeBack(left string) {
	var c comeback
	if json.Unmarshal([]byte(left), &c) == nil && c.Slot != "" {
		s.left = &c
	}
}

// comeBack resumes the run that an earlier visit left when both the data set and the offer
// are there. If the user has started to train by then, the run stays offered.
func (s *Saves) comeBack() {
	p := s.page
	if s.left == nil || p.Dataset.Loading != nil || p.Dataset.Train == 0 {
		return
	}
	left := *s.left
	i := slices.IndexFunc(s.Offers, func(save protocol.Save) bool { return save.Slot == left.Slot })
	if i < 0 {
		return
	}
	s.left = nil
	if p.Trained() || p.Status == protocol.StatusTraining {
		return
	}
	save := s.Offers[i]
	s.Offers = slices.Insert(slices.Delete(s.Offers, i, i+1), 0, save)
	s.resume(func() {
		s.back = &protocol.Saved{Epoch: save.Epoch, Batch: save.Batch}
		p.Messages.Say("The run is back.")
		if left.Train {
			p.trainOn()
		}
	})
}
