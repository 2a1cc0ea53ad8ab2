package fit

import (
	"math"
	"math/rand/v2"

	"sae/nn"
	"sae/nn/experiment"
	"sae/nn/patch"
	"sae/nn/pca"
)

// maxWhitening is the most patches that a whitening is fitted to: more hardly change it.
const maxWhitening = 20_000

// whiteningStream is the stream of random numbers that chooses them.
const whiteningStream = 1 << 62

// whitening returns the whitening of the patches of the first n training images, nil for
// none. It is fitted to patches that the seed chooses, and cached.
func (d Data) whitening(s experiment.Settings, n int, yield func() error) (*patch.Whitening, error) {
	if !s.Whiten {
		return nil, nil
	}
	key := experiment.Settings{Patch: s.Patch, Seed: s.Seed, Subset: s.Subset}
	if w, ok := d.found.whitening[key]; ok {
		return w, nil
	}
	grid := s.Grid()
	var patches []byte
	total := n * grid.PerImage()
	random := rand.New(rand.NewPCG(uint64(s.Seed), whiteningStream))
	for _, i := range random.Perm(total)[:min(total, maxWhitening)] {
		patches = grid.Append(patches, d.Train, i)
	}
	w, err := patch.Fit(patches, grid.Dims(), yield)
	if err != nil {
		return nil, err
	}
	if len(d.found.whitening) == 8 { // bounds the memory
		clear(d.found.whitening)
	}
	d.found.whitening[key] = w
	return w, nil
}

// mean returns the mean of what the autoencoder reads of the first n training images.
func (d Data) mean(s experiment.Settings, n int) []float32 {
	images := d.Train[:n*d.Dims]
	switch {
	case s.Whiten:
		return make([]float32, s.Grid().Dims())
	case s.Patch != 0:
		return pca.Mean(patch.Cut(s.Grid(), images), s.Grid().Dims())
	}
	return pca.Mean(images, d.Dims)
}

// cut prepares the run for patches.
func (r *Run) cut() {
	if r.Settings.Patch == 0 {
		return
	}
	r.validation = patch.Cut(r.Settings.Grid(), r.Data.Validation)
	if w := r.whitening; w != nil {
		r.Trainer.Input = func(dst []float32, patches []byte) { w.Whiten(dst, patches) }
	}
}

// evaluate compares the validation images with their reconstructions. If images are cut into
// patches, the codes are those of the images.
func (r *Run) evaluate() (*nn.Evaluation, error) {
	if r.whitening != nil {
		return r.evaluateWhitened()
	}
	e, err := r.engine.Evaluate()
	if err != nil || r.Settings.Patch == 0 {
		return e, err
	}
	result := *e
	result.Codes = r.strongest(e.Codes)
	return &result, nil
}

// evaluateWhitened is evaluate for whitened patches. The loss is that of whitened patches, and
// BCE and MSE are of the pixels that they are restored to; both come from one pass.
func (r *Run) evaluateWhitened() (*nn.Evaluation, error) {
	const together = 1024 // patches: bounds the memory
	w, n := r.whitening, len(r.validation)
	if r.patchCodes == nil {
		r.patchCodes = make([]float32, n/w.Dims*r.Settings.Latent)
	}
	if err := r.refresh(); err != nil {
		return nil, err
	}
	codes := r.patchCodes
	whitened := make([]float32, together*w.Dims)
	var loss, bce, squares float64
	for first := 0; first < n; first += together * w.Dims {
		patches := r.validation[first:min(first+together*w.Dims, n)]
		some, outputs, err := r.Trainer.Reconstruct(patches)
		if err != nil {
			return nil, err
		}
		copy(codes[first/w.Dims*r.Settings.Latent:], some)
		w.Whiten(whitened[:len(patches)], patches)
		for i, y := range outputs {
			loss += float64((y - whitened[i]) * (y - whitened[i]))
		}
		for i, pixel := range w.Restore(outputs, patch.Means(patches, w.Dims)) {
			x, y := float64(patches[i])/255, min(max(float64(pixel), 0), 1)
			bce += nn.CrossEntropy(x, y)
			squares += (x - y) * (x - y)
		}
	}
	values := float64(n)
	result := nn.NewEvaluation(r.Auto.Architecture, bce/values, loss/values, codes)
	result.MSE, result.Codes = squares/values, r.strongest(codes)
	return &result, nil
}

// strongest returns the codes of images, [n, latent], given those of their patches: for each
// unit, its activation of largest magnitude.
func (r *Run) strongest(patches []float32) []float32 {
	latent, perImage := r.Settings.Latent, r.Settings.PerImage()
	r.codes = append(r.codes[:0], make([]float32, len(patches)/perImage)...)
	for i, activation := range patches {
		if activation != 0 {
			at := &r.codes[i/latent/perImage*latent+i%latent]
			if math.Abs(float64(activation)) > math.Abs(float64(*at)) {
				*at = activation
			}
		}
	}
	return r.codes
}

// Reconstruct runs images, [n, Data.Dims] bytes, through the autoencoder. It returns their
// latent activations, [n, latent], and reconstructions, [n, Data.Dims]; those of a linear
// output may lie outside [0, 1]. Both are valid until the next call.
//
// If images are cut into patches, their reconstructions are put together from those of the
// patches, which keep their own means if they are whitened. The code of an image has, for
// each unit, its strongest activation on one of the patches.
func (r *Run) Reconstruct(images []byte) (codes, reconstructions []float32, err error) {
	if r.Settings.Patch == 0 {
		return r.reconstruct(images)
	}
	grid := r.Settings.Grid()
	patches := patch.Cut(grid, images)
	codes, outputs, err := r.reconstruct(patches)
	if err != nil {
		return nil, nil, err
	}
	if w := r.whitening; w != nil {
		outputs = w.Restore(outputs, patch.Means(patches, grid.Dims()))
	}
	return r.strongest(codes), patch.Join(grid, outputs), nil
}

// Encode returns the code, [latent], of an image, [Data.Dims] bytes: one that Decode takes.
// If images are cut into patches, it is that of the patch with the largest variance.
func (r *Run) Encode(image []byte) ([]float32, error) {
	if r.Settings.Patch != 0 {
		_, image = r.Settings.Grid().Strongest(image)
	}
	codes, _, err := r.reconstruct(image)
	return codes, err
}

// Part returns what of an image, [Data.Dims] bytes, a latent unit looks at: all of it or, if
// images are cut into patches, the patch on which the unit's activation has the largest
// magnitude, enlarged.
func (r *Run) Part(image []byte, unit int) ([]byte, error) {
	if r.Settings.Patch == 0 {
		return image, nil
	}
	grid, latent := r.Settings.Grid(), r.Settings.Latent
	patches := patch.Cut(grid, image)
	codes, _, err := r.reconstruct(patches)
	if err != nil {
		return nil, err
	}
	best, largest := 0, 0.0
	for i := range grid.PerImage() {
		if size := math.Abs(float64(codes[i*latent+unit])); size > largest {
			best, largest = i, size
		}
	}
	return patch.Enlarge(grid, patches[best*grid.Dims():][:grid.Dims()]), nil
}

// Decode returns the images, [n, Data.Dims], decoded from codes, [n, latent]. If images are
// cut into patches, each is one patch, enlarged, whose mean is that of middle grey if patches
// are whitened. The trainer must have collected the parameters.
func (r *Run) Decode(codes []float32) []float32 {
	outputs := r.Auto.Decode(nil, codes)
	if r.Settings.Patch == 0 {
		return outputs
	}
	if w := r.whitening; w != nil {
		grey := make([]float32, len(outputs)/w.Dims)
		for i := range grey {
			grey[i] = 0.5
		}
		outputs = w.Restore(outputs, grey)
	}
	return patch.Enlarge(r.Settings.Grid(), outputs)
}
