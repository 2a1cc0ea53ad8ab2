package main

import "sae/wasm/simd/asm"

// expOfMinus sets e to exp(−|z|); NaN stays NaN.
//
// With n the integer nearest to x/ln 2, exp(x) = 2ⁿ·exp(x − n·ln 2). ln 2 is split into
// two parts, of which the first has so few bits that its product with n is exact. The
// polynomial, for |x| ≤ ln 2 / 2, is that of expf in S. L. Moshier's Cephes library. 2ⁿ
// is applied as two factors, because the smallest results are denormal. Below −104, the
// result is 0.
func (k kernels) expOfMinus(f *asm.Func, e, z asm.F32x4) {
	const (
		log2e   = 1.44269504088896341
		ln2High = 0.693359375
		ln2Low  = -2.12194440e-4
	)
	x, n, exponent, half := f.F32x4(), f.F32x4(), f.I32x4(), f.I32x4()
	x.Set(z.Abs().Neg().PseudoMax(asm.Splat(-104)))
	n.Set(x.Mul(asm.Splat(log2e)).Nearest())
	x.Set(k.mulAdd(n, asm.Splat(-ln2High), x))
	x.Set(k.mulAdd(n, asm.Splat(-ln2Low), x))
	k.polynomial(e, x, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
	e.Set(k.mulAdd(e, x.Mul(x), x).Add(asm.Splat(1)))
	exponent.Set(n.TruncSat())
	half.Set(exponent.ShiftRight(1))
	e.Set(e.Mul(powerOf2(half)).Mul(powerOf2(exponent.Sub(half))))
}

// powerOf2 returns 2ⁿ for n from −126 to 127.
func powerOf2(n asm.I32x4) asm.F32x4 {
	const bias, mantissaBits = 127, 23
	return n.Add(asm.SplatI32(bias)).ShiftLeft(mantissaBits).AsF32x4()
}

// log1p sets y to log(1 + e) for e from 0 to 1.
//
// With s = e/(2+e), log(1+e) = log((1+s)/(1−s)) = 2s + s³·Q(s²). Q interpolates at
// Chebyshev nodes for s up to 1/3, with a relative error of 4e-10.
func (k kernels) log1p(f *asm.Func, y, e asm.F32x4) {
	s, s2 := f.F32x4(), f.F32x4()
	s.Set(e.Div(e.Add(asm.Splat(2))))
	s2.Set(s.Mul(s))
	k.polynomial(y, s2, 0.2322433488, 0.2170657417, 0.2859235815, 0.3999970630, 0.6666666732)
	y.Set(k.mulAdd(y.Mul(s2), s, s.Add(s)))
}

// sigmoid returns 1 / (1 + exp(−z)), given e = exp(−|z|): 1/(1+e), or e/(1+e) for
// negative z, which is accurate near 0.
func sigmoid(f *asm.Func, z, e asm.F32x4) asm.F32x4 {
	one := asm.Splat(1)
	return z.LessThan(asm.Splat(0)).Choose(e, one).Div(e.Add(one))
}

// polynomial sets y to the polynomial in x with the given coefficients, of the highest
// power first.
func (k kernels) polynomial(y, x asm.F32x4, coefficients ...float32) {
	y.Set(asm.Splat(coefficients[0]))
	for _, c := range coefficients[1:] {
		y.Set(k.mulAdd(y, x, asm.Splat(c)))
	}
}
