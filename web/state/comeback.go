package state

import (
	"encoding/json"
	"slices"

	"sae/wasm/protocol"
)

// When the page's program ends, a reload brings the run back by itself, once: when the
// program ends again before the run has come any further, the next visit only offers it.

// comeback is what the page leaves to its next visit in the same tab.
type comeback struct {
	Slot  string `json:"slot"`  // that the run is saved under
	Train bool   `json:"train"` // whether it is to be trained on
}

// IfItEnds returns what the page leaves to its next visit in case that its program
// ends, "" for nothing, and says what then becomes of the run.
func (p *Page) IfItEnds() (left, says string) {
	switch {
	case p.Embed != nil:
		return "", "In a frame nothing is saved: a reload starts from the beginning."
	case !p.Trained() || p.Status == protocol.StatusDone:
		return "", "A reload starts the demo again; finished runs are kept."
	case p.Unsaved != "":
		return "", "The run could not be saved (" + p.Unsaved + "): a reload starts from the beginning."
	case p.back != nil:
		return "", "That happened right after the run had come back by itself: after a reload it is offered, and waits for you."
	}
	c := comeback{Slot: p.slot, Train: p.Status == protocol.StatusTraining}
	if p.taken != "" {
		c.Slot = p.taken
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // a comeback holds nothing that JSON cannot
	}
	return string(text), "A reload brings the run back by itself, as it was saved last."
}

// ComeBack has the run that an earlier visit left be resumed once it is offered. What
// is left is text of IfItEnds; any other is ignored.
func (p *Page) ComeBack(left string) {
	var c comeback
	if json.Unmarshal([]byte(left), &c) == nil && c.Slot != "" {
		p.left = &c
	}
}

// comeBack resumes the run that an earlier visit left, as soon as there are data and the
// run is offered, whichever comes last. Where something is trained by then, it stays
// offered.
func (p *Page) comeBack() {
	if p.left == nil || p.Loading != nil || p.Dataset.Train == 0 {
		return
	}
	left := *p.left
	i := slices.IndexFunc(p.Offers, func(save protocol.Save) bool { return save.Slot == left.Slot })
	if i < 0 {
		return
	}
	p.left = nil
	if p.Trained() || p.Status == protocol.StatusTraining {
		return
	}
	save := p.Offers[i]
	p.Offers = slices.Insert(slices.Delete(p.Offers, i, i+1), 0, save)
	p.resume(func() {
		p.back = &protocol.Saved{Epoch: save.Epoch, Batch: save.Batch}
		p.Messages.Say("The run is back.")
		if left.Train {
			p.trainOn()
		}
	})
}
