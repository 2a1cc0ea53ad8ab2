package nn

import (
	"math"

	"gonum.org/v1/gonum/blas/blas32"

	"sae/nn/internal/collective"
	"sae/nn/kernel"
)

// updateUnit is update for the decoder's first layer with Unit: the part of the gradient
// that is parallel to a direction is removed before Adam, and the directions have unit
// norm after it. below is the latent layer, whose gradient is with respect to its
// activations.
func (s *network) updateUnit(l, below *layer, n int, rate float32) error {
	if err := s.parallel(below, n); err != nil {
		return err
	}
	if err := s.update(l, below.all, n, rate); err != nil {
		return err
	}
	return s.normalize(l)
}

// parallel stores in rows the product of each direction with its gradient. With w a
// direction, a the activations of its unit, and g the gradient of the layer's sums, that is
//
//	(aᵀ·g)·w = aᵀ·(g·w)
//
// and g·w is the gradient with respect to a, which is known.
func (s *network) parallel(below *layer, n int) error {
	own := s.rows[below.own.First:below.own.Last]
	clear(own)
	for i := range n {
		gradient := below.gradient[i*below.Out:][:below.Out]
		for j, a := range below.output[i*below.Out:][:below.Out] {
			if a != 0 {
				own[j] += a * gradient[j]
			}
		}
	}
	if err := s.team.AllGather(s.rows, own, 1, below.split); err != nil {
		return err
	}
	for i := range n {
		for d, unit := range s.aux.dead {
			at := i*len(s.aux.dead) + d
			s.rows[unit] += s.aux.codes[at] * s.aux.codeGradient[at]
		}
	}
	return nil
}

// removeParallel removes the part of the gradient of the rows [first, last) of the
// decoder's first kernel that is parallel to them.
func (s *network) removeParallel(gradient []float32, first, last int) {
	l := s.decoder()
	for row := first; row < last; row++ {
		axpy(-s.rows[row], l.Kernel[row*l.Out:][:l.Out], gradient[(row-first)*l.Out:][:l.Out])
	}
}

// normalize gives the rows of a kernel unit norm. Rows of zeros stay.
func (s *network) normalize(l *layer) error {
	squares := func(dst []float32, units, _ collective.Range) error {
		first := units.First - l.own.First
		kernel.RowSquares(dst, l.Kernel[first:], units.Len(), l.Out)
		return s.pace.turn()
	}
	one := collective.Split{Units: 1, Whole: true}
	if err := s.team.ReduceTree(s.rows, l.In, l.split, one, squares, func() error { return nil }); err != nil {
		return err
	}
	for row, sum := range s.rows {
		if sum != 0 {
			w := l.Kernel[row*l.Out:][:l.Out]
			axpy(float32(1/math.Sqrt(float64(sum))-1), w, w)
		}
	}
	return nil
}

// unitNorm gives the decoder's directions unit norm and scales the latent units
// inversely, so that the reconstructions stay, unless a norm is 1 within rounding.
func (a *Autoencoder) unitNorm() {
	encoder := len(a.Architecture.EncoderHidden)
	latent, decoder := a.layers[encoder], a.layers[encoder+1]
	for unit := range latent.Out {
		row := decoder.Kernel[unit*decoder.Out:][:decoder.Out]
		var sum float64
		for _, w := range row {
			sum += float64(w) * float64(w)
		}
		norm := math.Sqrt(sum)
		if norm == 0 || math.Abs(norm-1) < 1e-5 {
			continue
		}
		for j := range row {
			row[j] = float32(float64(row[j]) / norm)
		}
		for i := range latent.In {
			latent.Kernel[i*latent.Out+unit] *= float32(norm)
		}
		latent.Bias[unit] *= float32(norm)
	}
}

// axpy adds alpha·x to y, which may be x.
func axpy(alpha float32, x, y []float32) {
	if len(x) > 0 {
		blas32.Axpy(alpha, blas32.Vector{N: len(x), Inc: 1, Data: x}, blas32.Vector{N: len(y), Inc: 1, Data: y})
	}
}
