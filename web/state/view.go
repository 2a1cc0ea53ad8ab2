package state

// Trained reports whether the model has learnt from at least one batch.
func (p *Page) Trained() bool { return p.Epoch > 0 || p.Batch > 0 }

// Untrained reports whether the pictures on show are those of an untrained model. After
// a setting has changed, they are still those of the run before for a moment.
func (p *Page) Untrained() bool { return !p.Trained() && p.Timeline.Samples.Run == p.run }
