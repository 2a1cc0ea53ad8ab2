package state

// Trained reports whether the model has learnt from at least one batch.
func (p *Page) Trained() bool { return p.Epoch > 0 || p.Batch > 0 }
