package nn

// With Center, Adam trains the first layer as if it saw images without their mean μ:
//
//	x·W + b = (x − μ)·W + c      c = b + μ·W
//
// The model stays x·W + b, but Adam changes W and c, and b follows. Values of images are
// positive. Without Center, Adam's first steps change all weights of a unit in the same
// direction, and most units die. Gao et al. (2024) subtract the decoder's bias from the
// encoder's input, and so is μ here: it starts as the mean if the initial model is tied.

// findCenter stores the decoder's bias in every member.
func (s *network) findCenter() error {
	if !s.Center {
		return nil
	}
	l := s.last()
	own := s.center[l.own.First:l.own.Last]
	copy(own, l.Bias)
	return s.team.AllGather(s.center, own, 1, l.split)
}

// centerGradient turns the gradient of rows of the first kernel, from row first on, into
// that for centred images, (x − μ)ᵀ·g, and keeps the rows.
func (s *network) centerGradient(gradient []float32, first int) {
	l := &s.layers[0]
	copy(s.before, l.Kernel[first*l.Out:][:len(gradient)])
	for row := range len(gradient) / l.Out {
		axpy(-s.center[first+row], s.biasGradient[:l.Out], gradient[row*l.Out:][:l.Out])
	}
}

// addShift adds −μ·ΔW of the rows [first, last) of the first kernel to shift.
func (s *network) addShift(first, last int) {
	l := &s.layers[0]
	change := s.before[:(last-first)*l.Out]
	axpy(-1, l.Kernel[first*l.Out:last*l.Out], change) // old − new
	for row := range last - first {
		axpy(s.center[first+row], change[row*l.Out:][:l.Out], s.shift)
	}
}
