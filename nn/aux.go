package nn

import (
	"gonum.org/v1/gonum/blas"

	"sae/nn/internal/collective"
	"sae/nn/kernel"
)

// auxiliary is the state of AuxK (Gao et al. 2024, A.2): the latent units that have not
// been active for DeadSteps reconstruct the error that the others leave. A dead unit is
// inactive, so AuxK alone gives it a gradient. Each member of a team has all of it, but
// for the kernel's columns.
type auxiliary struct {
	idle []int // steps since each latent unit was active; nil without AuxK
	dead []int // units

	codes        []float32 // activations of the dead units, z, [images, dead]
	codeGradient []float32 // of the loss with respect to them
	scaled       []float32 // z times a number

	kernel         []float32 // rows of the decoder's kernel, before the update, [dead, own outputs]
	kernelGradient []float32
	gradient       []float32 // of the loss with respect to z·W, [images, own outputs]
}

// collectIdle finds the units that are dead unless this batch activates them, before TopK
// sets their activations to 0.
func (s *network) collectIdle(n int) {
	a := &s.aux
	a.dead = a.dead[:0]
	for unit, idle := range a.idle {
		if idle >= s.DeadSteps {
			a.dead = append(a.dead, unit)
		}
	}
	a.codes = grow(a.codes, n*len(a.dead))
	for i := range n {
		all := s.latent().all[i*s.LatentDims:]
		for d, unit := range a.dead {
			a.codes[i*len(a.dead)+d] = all[unit]
		}
	}
}

// findDead counts the steps since each unit was active, and keeps the activations of the
// dead ones: per image the largest, as many as half its values.
func (s *network) findDead(n int) {
	a := &s.aux
	if a.idle == nil {
		return
	}
	for unit := range a.idle {
		a.idle[unit]++
	}
	for i := range n {
		for unit, activation := range s.latent().all[i*s.LatentDims:][:s.LatentDims] {
			if activation != 0 {
				a.idle[unit] = 0
			}
		}
	}
	candidates, dead := a.dead, a.dead[:0]
	for c, unit := range candidates {
		if a.idle[unit] > 0 {
			for i := range n {
				a.codes[i*len(candidates)+len(dead)] = a.codes[i*len(candidates)+c]
			}
			dead = append(dead, unit)
		}
	}
	for i := range n {
		copy(a.codes[i*len(dead):], a.codes[i*len(candidates):][:len(dead)])
	}
	a.dead, a.codes = dead, a.codes[:n*len(dead)]
	if len(dead) > 0 {
		kernel.TopK(a.codes, len(dead), max(1, s.InputDims/2), s.scratch)
	}
}

// auxForward stores the gradient of α·mean((e − z·W)²) with respect to z·W, with e the
// error x − y, given scale, 2 / (images·values). The last layer's gradient is −scale·e.
func (s *network) auxForward(n int, scale float32) error {
	a, l, alpha := &s.aux, s.last(), float32(s.Aux)
	dead := len(a.dead)
	if dead == 0 || l.Out == 0 {
		return nil
	}
	a.kernel, a.kernelGradient = grow(a.kernel, dead*l.Out), grow(a.kernelGradient, dead*l.Out)
	for d, unit := range a.dead {
		copy(a.kernel[d*l.Out:][:l.Out], l.Kernel[unit*l.Out:])
	}
	a.scaled = grow(a.scaled, n*dead)
	for i, z := range a.codes {
		a.scaled[i] = alpha * scale * z
	}
	a.gradient = grow(a.gradient, n*l.Out)
	gradient := general(a.gradient, n, l.Out)
	if err := gemm(blas.NoTrans, blas.NoTrans, general(a.scaled, n, dead), general(a.kernel, dead, l.Out), gradient, s.pace); err != nil {
		return err
	}
	axpy(alpha, l.gradient[:n*l.Out], a.gradient)
	return gemm(blas.Trans, blas.NoTrans, general(a.codes, n, dead), gradient, general(a.kernelGradient, dead, l.Out), s.pace)
}

// auxBackward stores the gradient with respect to the activations of the dead units.
func (s *network) auxBackward(n int) error {
	a, l := &s.aux, s.decoder()
	dead := len(a.dead)
	if dead == 0 {
		return nil
	}
	term := func(dst []float32, units, _ collective.Range) error {
		first, last := units.First-l.own.First, units.Last-l.own.First
		return gemm(blas.NoTrans, blas.Trans, columns(general(a.gradient, n, l.Out), first, last), columns(general(a.kernel, dead, l.Out), first, last),
			general(dst, n, dead), s.pace)
	}
	a.codeGradient = grow(a.codeGradient, n*dead)
	whole := collective.Split{Units: dead, Whole: true}
	if err := s.team.ReduceTree(a.codeGradient, n, l.split, whole, term, func() error { return nil }); err != nil {
		return err
	}
	kernel.ReLUGradient(a.codeGradient, a.codes)
	return nil
}

// addAuxGradient adds AuxK's part to the gradient of the latent layer's sums, which is 0
// for dead units.
func (s *network) addAuxGradient(n int) {
	a, l := &s.aux, s.latent()
	for d, unit := range a.dead {
		if own := unit - l.own.First; own >= 0 && own < l.Out {
			for i := range n {
				l.gradient[i*l.Out+own] = a.codeGradient[i*len(a.dead)+d]
			}
		}
	}
}

// addAuxKernelGradient adds AuxK's part to the gradient of the rows [first, last) of the
// decoder's kernel, which is 0 for dead units.
func (s *network) addAuxKernelGradient(gradient []float32, first, last int) {
	a, l := &s.aux, s.decoder()
	for d, unit := range a.dead {
		if unit >= first && unit < last {
			copy(gradient[(unit-first)*l.Out:][:l.Out], a.kernelGradient[d*l.Out:])
		}
	}
}
