package state

import "sae/nn/experiment"

// Original returns the pixels of the picture at the given position, [3072]
// bytes, HWC.
func (s Samples) Original(position int) []byte { return part(s.Originals, position, len(s.Images)) }

// Reconstruction returns what the model makes of the picture at the given
// position, [3072] bytes, HWC.
func (s Samples) Reconstruction(position int) []byte {
	return part(s.Reconstructions, position, len(s.Images))
}

// Code returns the activations of the latent units for the picture at the
// given position, [Latent].
func (s Samples) Code(position int) []float32 { return part(s.Codes, position, len(s.Images)) }

// part returns one of count equal parts, nil where there is none.
func part[T any](all []T, position, count int) []T {
	if position < 0 || position >= count {
		return nil
	}
	size := len(all) / count
	return all[position*size : (position+1)*size]
}

// Dead tells for each latent unit whether it is active on none of the
// validation images.
func (u Units) Dead() []bool {
	dead := make([]bool, len(u.Activity))
	for unit, share := range u.Activity {
		dead[unit] = share == 0
	}
	return dead
}

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
