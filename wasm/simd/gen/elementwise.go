package main

import "sae/wasm/simd/asm"

// elementwise adds the loops that package kernel defines, and BLAS's saxpy, four elements
// at a time. n, rows and cols may be 0.
func (k kernels) elementwise() {
	k.saxpy()
	k.fromBytes()
	k.biasReLU()
	k.biasSigmoid()
	k.reluGradient()
	k.sigmoidBCE()
	k.columnSums()
	k.l1Gradient()
	k.adam()
}

// lanes are the elements that an iteration processes: four, or the last one to three of a
// row.
type lanes struct {
	f    *asm.Func
	rest *asm.I32 // nil for four
}

// forLanes runs the body over n elements and advances the pointers. It emits the body
// twice: for four elements and for the rest.
func forLanes(f *asm.Func, n asm.I32, body func(l lanes), pointers ...asm.I32) {
	rest := f.I32()
	rest.Set(n)
	f.While(rest.AtLeast(asm.Const(4)), func() {
		body(lanes{f, nil})
		for _, pointer := range pointers {
			pointer.Set(pointer.AddConst(vector))
		}
		rest.Set(rest.AddConst(-4))
	})
	f.If(rest, func() {
		body(lanes{f, &rest})
		for _, pointer := range pointers {
			pointer.Set(pointer.Add(rest.Mul(asm.Const(float))))
		}
	})
}

// forRows runs the body for each row, with a copy of the pointer to the data that all rows
// share.
func forRows(f *asm.Func, rows asm.I32, body func(shared asm.I32), pointer asm.I32) {
	shared := f.I32()
	f.While(rows, func() {
		shared.Set(pointer)
		body(shared)
		rows.Set(rows.AddConst(-1))
	})
}

// load sets v to the elements at p; lanes without an element become 0.
func (l lanes) load(v asm.F32x4, p asm.I32) {
	if l.rest == nil {
		v.Set(p.LoadF32x4(0))
		return
	}
	v.Set(p.LoadFirst(0))
	for lane := 1; lane < 3; lane++ {
		l.f.If(l.rest.GreaterThan(asm.Const(lane)), func() {
			v.Set(p.LoadLane(lane*float, v, byte(lane)))
		})
	}
}

// store stores the elements of v at p.
func (l lanes) store(p asm.I32, v asm.F32x4) {
	if l.rest == nil {
		l.f.StoreF32x4(p, 0, v)
		return
	}
	l.f.StoreLane(p, 0, v, 0)
	for lane := 1; lane < 3; lane++ {
		l.f.If(l.rest.GreaterThan(asm.Const(lane)), func() {
			l.f.StoreLane(p, lane*float, v, byte(lane))
		})
	}
}

// sum is a sum of float64 in four lanes.
type sum struct{ low, high asm.F64x2 }

func newSum(f *asm.Func) sum { return sum{f.F64x2(), f.F64x2()} }

// add adds the elements of the variable v.
func (s sum) add(l lanes, v asm.F32x4) {
	if l.rest != nil {
		v.Set(v.Masked(asm.Lanes.LessThan(l.rest.Splat())))
	}
	s.low.Set(s.low.Add(v.PromoteLow()))
	s.high.Set(s.high.Add(v.Shuffle(v, 2, 3, 2, 3).PromoteLow()))
}

func (s sum) total() asm.F64 {
	both := s.low.Add(s.high)
	return both.Lane(0).Add(both.Lane(1))
}

// saxpy(n, alpha, x, y): y[i] += alpha · x[i]
func (k kernels) saxpy() {
	f := k.Func("saxpy")
	n := f.I32Param()
	alpha := f.F32Param()
	x, y := f.I32Param(), f.I32Param()
	alphas, xi, yi := f.F32x4(), f.F32x4(), f.F32x4()
	alphas.Set(alpha.Splat())
	forLanes(f, n, func(l lanes) {
		l.load(xi, x)
		l.load(yi, y)
		yi.Set(k.mulAdd(alphas, xi, yi))
		l.store(y, yi)
	}, x, y)
}

// from_bytes(n, dst, src): dst[i] = src[i] / 255
func (k kernels) fromBytes() {
	f := k.Func("from_bytes")
	n, dst, src := f.I32Param(), f.I32Param(), f.I32Param()
	bytes, x, whole := f.I32x4(), f.F32x4(), asm.Splat(255)
	forLanes(f, n, func(l lanes) {
		if l.rest == nil {
			bytes.Set(src.LoadFourBytes(0))
			src.Set(src.AddConst(4))
		} else {
			bytes.Set(asm.SplatI32(0))
			for lane := range 3 {
				f.If(l.rest.GreaterThan(asm.Const(lane)), func() {
					bytes.Set(src.LoadByte(lane, bytes, byte(lane)))
				})
			}
		}
		x.Set(bytes.ExtendBytes().Convert().Div(whole)) // a product with 1/255 would round twice
		l.store(dst, x)
	}, dst)
}

// bias_relu(rows, cols, x, bias): x[i][j] = max(0, x[i][j] + bias[j])
func (k kernels) biasReLU() {
	k.withBias("bias_relu", func(f *asm.Func, z asm.F32x4) {
		z.Set(z.PseudoMax(asm.Splat(0)))
	})
}

// bias_sigmoid(rows, cols, x, bias): x[i][j] = 1 / (1 + exp(−x[i][j] − bias[j]))
func (k kernels) biasSigmoid() {
	k.withBias("bias_sigmoid", func(f *asm.Func, z asm.F32x4) {
		e := f.F32x4()
		k.expOfMinus(f, e, z)
		z.Set(sigmoid(f, z, e))
	})
}

// withBias adds a function that sets the elements z of x to a function of
// their sum with the bias.
func (k kernels) withBias(name string, activate func(f *asm.Func, z asm.F32x4)) {
	f := k.Func(name)
	rows, cols, x, bias := f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param()
	z, b := f.F32x4(), f.F32x4()
	forRows(f, rows, func(bias asm.I32) {
		forLanes(f, cols, func(l lanes) {
			l.load(z, x)
			l.load(b, bias)
			z.Set(z.Add(b))
			activate(f, z)
			l.store(x, z)
		}, x, bias)
	}, bias)
}

// relu_gradient(n, gradient, activation): gradient[i] = 0 where activation[i] ≤ 0
func (k kernels) reluGradient() {
	f := k.Func("relu_gradient")
	n, gradient, activation := f.I32Param(), f.I32Param(), f.I32Param()
	g, a := f.F32x4(), f.F32x4()
	forLanes(f, n, func(l lanes) {
		l.load(g, gradient)
		l.load(a, activation)
		g.Set(g.Unmasked(a.AtMost(asm.Splat(0))))
		l.store(gradient, g)
	}, gradient, activation)
}

// sigmoid_bce(rows, cols, logits, bias, targets, scale) float64:
//
//	z = logits[i][j] + bias[j], x = targets[i][j]
//	sum += max(z, 0) − z·x + log(1 + exp(−|z|))
//	logits[i][j] = scale · (sigmoid(z) − x)
func (k kernels) sigmoidBCE() {
	f := k.Func("sigmoid_bce")
	rows, cols, logits, bias, targets := f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param()
	scale := f.F32Param()
	z, b, x, e, loss, scales := f.F32x4(), f.F32x4(), f.F32x4(), f.F32x4(), f.F32x4(), f.F32x4()
	sum := newSum(f)
	scales.Set(scale.Splat())
	forRows(f, rows, func(bias asm.I32) {
		forLanes(f, cols, func(l lanes) {
			l.load(z, logits)
			l.load(b, bias)
			l.load(x, targets)
			z.Set(z.Add(b))
			k.expOfMinus(f, e, z)
			k.log1p(f, loss, e)
			// Without a difference, which would cancel for a good prediction:
			// max(z, 0) − z·x = |z| · (x where z < 0, 1 − x elsewhere)
			b.Set(z.LessThan(asm.Splat(0)).Choose(x, asm.Splat(1).Sub(x)))
			loss.Set(k.mulAdd(z.Abs(), b, loss))
			sum.add(l, loss)
			x.Set(sigmoid(f, z, e).Sub(x).Mul(scales))
			l.store(logits, x)
		}, logits, bias, targets)
	}, bias)
	f.Return(sum.total())
}

// column_sums(rows, cols, dst, x): dst[j] += Σ_i x[i][j]
func (k kernels) columnSums() {
	f := k.Func("column_sums")
	rows, cols, dst, x := f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param()
	total, v := f.F32x4(), f.F32x4()
	forRows(f, rows, func(dst asm.I32) {
		forLanes(f, cols, func(l lanes) {
			l.load(total, dst)
			l.load(v, x)
			total.Set(total.Add(v))
			l.store(dst, total)
		}, dst, x)
	}, dst)
}

// l1_gradient(n, gradient, activation, scale) float64:
//
//	sum += activation[i]
//	gradient[i] += scale where activation[i] > 0
func (k kernels) l1Gradient() {
	f := k.Func("l1_gradient")
	n, gradient, activation := f.I32Param(), f.I32Param(), f.I32Param()
	scale := f.F32Param()
	g, a, scales := f.F32x4(), f.F32x4(), f.F32x4()
	sum := newSum(f)
	scales.Set(scale.Splat())
	forLanes(f, n, func(l lanes) {
		l.load(g, gradient)
		l.load(a, activation)
		g.Set(g.Add(scales.Masked(a.GreaterThan(asm.Splat(0)))))
		l.store(gradient, g)
		sum.add(l, a)
	}, gradient, activation)
	f.Return(sum.total())
}

// adam(n, p, g, m, v, rate, oneMinusBeta1, oneMinusBeta2, epsilon):
//
//	m[i] += (g[i] − m[i]) · oneMinusBeta1
//	v[i] += (g[i]² − v[i]) · oneMinusBeta2
//	p[i] −= rate · m[i] / (√v[i] + epsilon)
//
// It is limited by memory, so relaxed SIMD would not make it faster.
func (k kernels) adam() {
	f := k.Func("adam")
	n, p, g, m, v := f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param(), f.I32Param()
	rate, c1, c2, epsilon := f.F32Param(), f.F32Param(), f.F32Param(), f.F32Param()
	rates, c1s, c2s, epsilons := f.F32x4(), f.F32x4(), f.F32x4(), f.F32x4()
	rates.Set(rate.Splat())
	c1s.Set(c1.Splat())
	c2s.Set(c2.Splat())
	epsilons.Set(epsilon.Splat())
	pi, gi, mi, vi := f.F32x4(), f.F32x4(), f.F32x4(), f.F32x4()
	forLanes(f, n, func(l lanes) {
		l.load(gi, g)
		l.load(mi, m)
		mi.Set(mi.Add(gi.Sub(mi).Mul(c1s)))
		l.store(m, mi)
		l.load(vi, v)
		vi.Set(vi.Add(gi.Mul(gi).Sub(vi).Mul(c2s)))
		l.store(v, vi)
		l.load(pi, p)
		pi.Set(pi.Sub(rates.Mul(mi).Div(vi.Sqrt().Add(epsilons))))
		l.store(p, pi)
	}, p, g, m, v)
}
