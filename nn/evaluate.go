package nn

import (
	"fmt"
	"math"

	"sae/nn/internal/collective"
)

// Evaluation is the quality of an autoencoder on a set of images.
type Evaluation struct {
	Loss                 // mean over all images
	BCE        float64   // binary cross-entropy, with either loss: that of linear outputs is CrossEntropy's
	MSE        float64   // mean squared error of the values in [0, 1], with either loss
	MeanActive float64   // latent units with an activation other than 0, mean per image: the code's L0
	Dead       int       // latent units that are active on no image
	Codes      []float32 // latent activations, [images, LatentDims]
}

// PSNR returns the peak signal-to-noise ratio of MSE in dB: see the function PSNR.
func (e *Evaluation) PSNR() float64 { return PSNR(e.MSE) }

// PSNR returns the peak signal-to-noise ratio in dB, 10·log10(1/mse), for a mean
// squared error of values in [0, 1]. It is at most 120, so that it is finite for a
// perfect reconstruction.
func PSNR(mse float64) float64 { return -10 * math.Log10(max(mse, 1e-12)) }

// epsilon is that of Keras's backend.
const epsilon = 1e-7

// CrossEntropy returns the binary cross-entropy of a value x in [0, 1] and its
// prediction, in nats:
//
//	−x·ln y − (1−x)·ln(1−y),
//
// with y the prediction clipped to [1e-7, 1−1e-7], as in Keras, so that it is finite.
func CrossEntropy(x, prediction float64) float64 {
	y := prediction
	switch { // min and max are calls in WebAssembly
	case y < epsilon:
		y = epsilon
	case y > 1-epsilon:
		y = 1 - epsilon
	case math.IsNaN(y):
		return y
	}
	return -(x*logarithm(y) + (1-x)*logarithm(1-y))
}

// logarithm returns ln y of a positive, normal number, within 1e-12 of it. math.Log, which
// holds for all numbers, takes several times as long in WebAssembly, and was most of an
// evaluation.
//
// With y = m·2^e and m near 1, ln y = e·ln 2 + ln m, and ln m = 2·artanh s = 2·(s + s³/3 +
// s⁵/5 + …) with s = (m−1)/(m+1), as in FreeBSD's e_log.c.
func logarithm(y float64) float64 {
	const mantissa, bias = 52, 1023
	bits := math.Float64bits(y)
	e := float64(int(bits>>mantissa) - bias)
	m := math.Float64frombits(bits&(1<<mantissa-1) | bias<<mantissa)
	if m > math.Sqrt2 {
		m /= 2
		e++
	}
	s := (m - 1) / (m + 1)
	z := s * s
	return e*math.Ln2 + 2*s*(1+z*(1./3+z*(1./5+z*(1./7+z*(1./9+z*(1./11+z/13))))))
}

// evaluationBatch bounds the memory of an evaluation.
const evaluationBatch = 128

// batches calls do with each batch of the images, and returns their number, which is
// at least 1.
func (t *Trainer) batches(what string, images []byte, do func(batch []byte, first, n int) error) (int, error) {
	dims := t.network.InputDims
	total := len(images) / dims
	if total < 1 || len(images) != total*dims {
		return 0, fmt.Errorf("nn: %s of %d bytes: want at least one image of %d", what, len(images), dims)
	}
	for first := 0; first < total; first += evaluationBatch {
		n := min(evaluationBatch, total-first)
		if err := do(images[first*dims:][:n*dims], first, n); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// Evaluate compares images, [n, InputDims] bytes with n at least 1, with their
// reconstructions. The result is valid until the next call.
func (t *Trainer) Evaluate(images []byte) (*Evaluation, error) {
	dims, latents := t.network.InputDims, t.network.LatentDims
	result := &t.evaluation
	result.Codes = grow(result.Codes, len(images)/dims*latents)
	var bce, squares float64
	n, err := t.batches("evaluation", images, func(batch []byte, first, n int) error {
		b, s, err := t.begin(opEvaluate, batch).evaluate(n)
		bce += b.Total()
		squares += s.Total()
		copy(result.Codes[first*latents:], t.codes(n))
		return err
	})
	if err != nil {
		return nil, err
	}
	values := float64(n * dims)
	*result = NewEvaluation(t.network.Architecture, bce/values, squares/values, result.Codes)
	return result, nil
}

// NewEvaluation returns the evaluation of an autoencoder on images with the given codes,
// [images, LatentDims], whose reconstructions have the given binary cross-entropy and
// squared error, means over images and outputs.
func NewEvaluation(a Architecture, bce, mse float64, codes []float32) Evaluation {
	e := Evaluation{BCE: bce, MSE: mse, Codes: codes}
	e.Loss = a.LossOf(bce, mse, a.Lambda*e.countUnits(len(codes)/a.LatentDims, a.LatentDims))
	return e
}

// Reconstruct runs images, [n, InputDims] bytes with n at least 1, through the
// autoencoder. It returns their latent activations, [n, LatentDims], and
// reconstructions, [n, InputDims]. Both are valid until the next call.
func (t *Trainer) Reconstruct(images []byte) (codes, reconstructions []float32, err error) {
	dims, latents := t.network.InputDims, t.network.LatentDims
	r := &t.reconstructed
	r.codes, r.outputs = grow(r.codes, len(images)/dims*latents), grow(r.outputs, len(images)/dims*dims)
	_, err = t.batches("reconstruction", images, func(batch []byte, first, n int) error {
		err := t.begin(opReconstruct, batch).reconstruct(r.outputs[first*dims:][:n*dims], n)
		copy(r.codes[first*latents:], t.codes(n))
		return err
	})
	return r.codes, r.outputs, err
}

// evaluate compares the n loaded images with their reconstructions. In the first
// member, it returns the sums of the cross-entropies and squared errors over all units.
func (s *network) evaluate(n int) (bce, squares collective.Sums, err error) {
	if err = s.forward(n); err != nil {
		return bce, squares, err
	}
	// At scale 1 the gradient is the reconstruction's error.
	sums, err := s.loss(n, 1)
	if err != nil {
		return bce, squares, err
	}
	l := s.last()
	for slice, units := range s.slices(l) {
		for i := range n {
			first, last := i*l.Out+units.First, i*l.Out+units.Last
			for j, e := range l.gradient[first:last] {
				if s.Loss == MSE {
					x := s.target[first+j]
					bce[slice] += CrossEntropy(float64(x), float64(x+e))
				} else {
					squares[slice] += float64(e) * float64(e)
				}
			}
		}
	}
	if s.Loss == MSE {
		squares = sums
	} else {
		bce = sums
	}
	s.team.SendSums(&bce)
	s.team.SendSums(&squares)
	if err = s.team.ReceiveSums(&bce); err != nil {
		return bce, squares, err
	}
	return bce, squares, s.team.ReceiveSums(&squares)
}

// reconstruct runs the n loaded images through the autoencoder. In the first member, it
// stores the reconstructions, [n, InputDims], in dst.
func (s *network) reconstruct(dst []float32, n int) error {
	if err := s.forward(n); err != nil {
		return err
	}
	l := s.last()
	output := l.output[:n*l.Out]
	l.activate(output)
	return s.team.Gather(dst, output, n, l.split)
}

// countUnits counts active and dead units in the codes of n images. It returns the sum
// of the units' mean absolute activations.
func (e *Evaluation) countUnits(n, latents int) (activity float64) {
	e.MeanActive, e.Dead = 0, 0
	for unit := range latents {
		var sum float64
		var active int
		for i := unit; i < len(e.Codes); i += latents {
			if a := e.Codes[i]; a != 0 {
				sum += math.Abs(float64(a))
				active++
			}
		}
		activity += float64(float32(sum / float64(n)))
		e.MeanActive += float64(active) / float64(n)
		if active == 0 {
			e.Dead++
		}
	}
	return activity
}
