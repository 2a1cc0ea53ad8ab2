package state

import "sae/nn/experiment"

// Trained reports whether the model has learnt from at least one batch.
func (p *Page) Trained() bool { return p.Epoch > 0 || p.Batch > 0 }

// Type keeps what the user is typing into a field of the form until Edit
// takes it.
func (p *Page) Type(name, text string) {
	if field, ok := experiment.Lookup(name); ok && field.Format(p.Settings) == text {
		delete(p.Draft, name)
		return
	}
	p.Draft[name] = text
}
