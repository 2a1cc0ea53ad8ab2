package nn

import (
	"gonum.org/v1/gonum/blas"

	"sae/nn/internal/collective"
	"sae/nn/kernel"
)

// step trains on the n loaded images. In the first member, it returns the sums of their
// cross-entropies or squared errors over all units.
func (s *network) step(n int) (sums collective.Sums, err error) {
	if err = s.findCenter(); err != nil {
		return sums, err
	}
	encoder := len(s.EncoderHidden) + 1
	if err = s.activate(s.layers[:encoder], s.input, n); err != nil {
		return sums, err
	}
	s.collectIdle(n)
	s.keepLargest(n)
	s.findDead(n)
	if err = s.decode(n); err != nil {
		return sums, err
	}
	scale := 1 / float32(n*s.InputDims)
	if s.Loss == MSE {
		scale *= 2
	}
	if sums, err = s.loss(n, scale); err != nil {
		return sums, err
	}
	s.team.SendSums(&sums)
	if err = s.auxForward(n, scale); err != nil {
		return sums, err
	}
	return sums, s.backward(n, &sums)
}

// forward computes the activations of the n loaded images. The last layer stays at
// x·W: loss adds its bias and activation.
func (s *network) forward(n int) error {
	if err := s.activate(s.layers[:len(s.EncoderHidden)+1], s.input, n); err != nil {
		return err
	}
	s.keepLargest(n)
	return s.decode(n)
}

// decode computes the activations of the decoder from those of the latent layer.
func (s *network) decode(n int) error {
	first, last := len(s.EncoderHidden)+1, len(s.layers)-1
	if err := s.activate(s.layers[first:last], s.latent().all, n); err != nil {
		return err
	}
	l, below := &s.layers[last], &s.layers[last-1]
	return l.multiply(l.output[:n*l.Out], below.all[:n*l.In], s.pace)
}

// activate computes the activations of some layers from x, the input of the first.
func (s *network) activate(layers []layer, x []float32, n int) error {
	for i := range layers {
		l := &layers[i]
		output := l.output[:n*l.Out]
		if err := l.forward(output, x[:n*l.In], s.pace); err != nil {
			return err
		}
		if err := s.team.AllGather(l.all, output, n, l.split); err != nil {
			return err
		}
		x = l.all
	}
	return nil
}

// keepLargest keeps the K largest latent activations of each image. Each member does so
// for all units.
func (s *network) keepLargest(n int) {
	if s.K == 0 {
		return
	}
	l := s.latent()
	all := l.all[:n*s.LatentDims]
	kernel.TopK(all, s.LatentDims, s.K, s.scratch)
	if !l.split.Whole {
		for i := range n {
			copy(l.output[i*l.Out:][:l.Out], all[i*s.LatentDims+l.own.First:])
		}
	}
}

// lossCost is the cost of one output's cross-entropy, an exponential and a logarithm, in
// multiply-adds.
const lossCost = 64

// loss returns the sums of the cross-entropies or squared errors of n images. It stores
// y − x, times scale, in the last layer's gradient. With y = sigmoid(z), that is the
// gradient of the cross-entropy with respect to the logits z; with a linear output, half
// that of the squared error.
func (s *network) loss(n int, scale float32) (sums collective.Sums, err error) {
	compare := kernel.SigmoidBCE
	if s.Loss == MSE {
		compare = kernel.BiasSquares
	}
	l := s.last()
	copy(l.gradient, l.output[:n*l.Out])
	rows := max(1, s.pace.stride/(lossCost*max(1, l.Out)))
	for i := range n {
		if i%rows == 0 {
			if err := s.pace.turn(); err != nil {
				return sums, err
			}
		}
		for slice, units := range s.slices(l) {
			first, last := i*l.Out+units.First, i*l.Out+units.Last
			sums[slice] += compare(l.gradient[first:last], l.Bias[units.First:units.Last], s.target[first:last], scale)
		}
	}
	return sums, nil
}

// backward propagates the gradient from the logits to the first layer. Each layer is
// updated once it has passed its gradient on. The first member also receives the others'
// sums of losses.
func (s *network) backward(n int, sums *collective.Sums) error {
	s.steps++
	rate := float32(s.adam.Rate(s.steps))
	for i := len(s.layers) - 1; i > 0; i-- {
		l, below := &s.layers[i], &s.layers[i-1]
		unit := s.Unit && l == s.decoder()
		// What the others need is sent first, and arrives during the update.
		err := s.inputGradient(l, below, n, func() error {
			if !unit {
				if err := s.update(l, below.all, n, rate); err != nil {
					return err
				}
			}
			if l != s.last() {
				return nil
			}
			return s.team.ReceiveSums(sums)
		})
		if err != nil {
			return err
		}
		if l == s.decoder() {
			if err := s.auxBackward(n); err != nil {
				return err
			}
		}
		if unit {
			if err := s.updateUnit(l, below, n, rate); err != nil {
				return err
			}
		}
		s.activationGradient(below, n)
	}
	return s.update(&s.layers[0], s.input, n, rate)
}

// inputGradient stores the gradient with respect to a layer's input, g·Wᵀ, in
// below.gradient. It is a sum over the layer's units, and each member computes the terms
// of its own.
func (s *network) inputGradient(l, below *layer, n int, meanwhile func() error) error {
	gradient, w := general(l.gradient, n, l.Out), general(l.Kernel, l.In, l.Out)
	term := func(dst []float32, units, inputs collective.Range) error {
		first, last := units.First-l.own.First, units.Last-l.own.First
		return gemm(blas.NoTrans, blas.Trans, columns(gradient, first, last), columns(rows(w, inputs.First, inputs.Last), first, last),
			general(dst, n, inputs.Len()), s.pace)
	}
	return s.team.ReduceTree(below.gradient[:n*below.Out], n, l.split, below.split, term, meanwhile)
}

// activationGradient turns a layer's gradient with respect to the activations of n images
// into that with respect to the sums x·W + b. In the latent layer, it adds the penalty's.
func (s *network) activationGradient(l *layer, n int) {
	gradient, activations := l.gradient[:n*l.Out], l.output[:n*l.Out]
	if l == s.latent() {
		scale := float32(s.Lambda / float64(n))
		if l.Activation == Linear {
			signGradient(gradient, activations, scale)
		} else {
			kernel.L1Gradient(gradient, activations, scale)
		}
	}
	if l.Activation == ReLU {
		kernel.ReLUGradient(gradient, activations)
	}
	if l == s.latent() {
		s.addAuxGradient(n)
	}
}

// signGradient adds the gradient of an L1 penalty on activations of any sign:
// scale·sign(activation).
func signGradient(gradient, activations []float32, scale float32) {
	if scale == 0 {
		return
	}
	for i, a := range activations {
		switch {
		case a > 0:
			gradient[i] += scale
		case a < 0:
			gradient[i] -= scale
		}
	}
}

// updateRows is the number of rows of a kernel whose gradient is computed at a time:
// enough for an efficient product, few enough that Adam finds them in the cache.
const updateRows = 132

// update changes a layer's parameters by Adam, given the layer's input x for n images:
// the kernel's gradient is xᵀ·g, the bias's is the sum of the rows of g.
func (s *network) update(l *layer, x []float32, n int, rate float32) error {
	if l.Out == 0 {
		return nil
	}
	gradient, input := general(l.gradient, n, l.Out), general(x, n, l.In)
	bias := s.biasGradient[:l.Out]
	kernel.ColumnSums(bias, gradient.Data)
	centered := s.Center && l == &s.layers[0]
	if centered {
		clear(s.shift)
	}
	for first := 0; first < l.In; first += updateRows {
		last := min(first+updateRows, l.In)
		part := general(s.kernelGradient, last-first, l.Out)
		if err := gemm(blas.Trans, blas.NoTrans, columns(input, first, last), gradient, part, s.pace); err != nil {
			return err
		}
		if l == s.decoder() {
			s.addAuxKernelGradient(part.Data, first, last)
			if s.Unit {
				s.removeParallel(part.Data, first, last)
			}
		}
		if centered {
			s.centerGradient(part.Data, first)
		}
		s.adamStep(l, first*l.Out, part.Data, rate)
		if centered {
			s.addShift(first, last)
		}
	}
	s.adamStep(l, l.In*l.Out, bias, rate)
	if centered {
		axpy(1, s.shift, l.Bias)
	}
	return nil
}

// adamStep changes the layer's parameters from index first on, given their gradient.
func (s *network) adamStep(l *layer, first int, gradient []float32, rate float32) {
	last := first + len(gradient)
	kernel.Adam(l.params[first:last], gradient, l.m[first:last], l.v[first:last],
		rate, float32(s.adam.Beta1), float32(s.adam.Beta2), float32(s.adam.Epsilon))
}
