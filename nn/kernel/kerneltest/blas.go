package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// product is a call of Sgemm.
type product struct {
	transA, transB blas.Transpose
	m, n, k        int
	padding        int
	alpha, beta    float32
}

func (p product) String() string {
	return fmt.Sprintf("%c%c %d×%d×%d, padding %d, alpha %g, beta %g", p.transA, p.transB, p.m, p.n, p.k, p.padding, p.alpha, p.beta)
}

// operands returns matrices of the product's shapes, filled by value.
func (p product) operands(value func() float32) (a, b, c matrix) {
	a = newMatrix(p.m, p.k, p.padding)
	if p.transA != blas.NoTrans {
		a = newMatrix(p.k, p.m, p.padding)
	}
	b = newMatrix(p.k, p.n, 2*p.padding)
	if p.transB != blas.NoTrans {
		b = newMatrix(p.n, p.k, 2*p.padding)
	}
	return a.fill(value), b.fill(value), newMatrix(p.m, p.n, 3*p.padding).fill(value)
}

func (p product) run(k Kernels, a, b, c matrix) {
	k.Sgemm(p.transA, p.transB, p.m, p.n, p.k, p.alpha, a.data, a.stride, b.data, b.stride, p.beta, c.data, c.stride)
}

// check compares the product with sums in float64. The tolerance of a sum of k products
// is k+3 roundings of the sum of their absolute values.
func (p product) check(t *testing.T, k Kernels, value func() float32) {
	t.Helper()
	a, b, c := p.operands(value)
	if p.beta == 0 {
		c.fill(constant(nan)) // must be overwritten
	}
	old := c.clone()
	p.run(k, a, b, c)
	c.checkMargins(t)
	every := 1
	if p.m*p.n > 1000 {
		every = 7 // saves seconds, and still visits every element of a tile
	}
	for i := range p.m {
		for j := i % every; j < p.n; j += every {
			var sum, size float64
			if p.alpha != 0 {
				for l := range p.k {
					term := a.at(p.transA, i, l) * b.at(p.transB, l, j)
					sum += term
					size += math.Abs(term)
				}
			}
			want := float64(p.alpha) * sum
			size *= math.Abs(float64(p.alpha))
			if p.beta != 0 {
				term := float64(p.beta) * old.at(blas.NoTrans, i, j)
				want += term
				size += math.Abs(term)
			}
			tolerance := float64(p.k+3)*0x1p-24*size + 0x1p-149
			if got := c.at(blas.NoTrans, i, j); !(math.Abs(got-want) <= tolerance) {
				t.Fatalf("%v: C[%d][%d] is %g, want %g within %.1g", p, i, j, got, want, tolerance)
			}
		}
	}
}

var (
	transposes = []blas.Transpose{blas.NoTrans, blas.Trans, blas.ConjTrans}
	factors    = []float32{0, 1, -1, 0.5}
)

func testSgemm(t *testing.T, k Kernels) {
	value := normal()
	sizes := []int{0, 1, 3, 5, 8, 17}
	for _, transA := range transposes[:2] {
		for _, transB := range transposes[:2] {
			for _, m := range sizes {
				for _, n := range sizes {
					for _, depth := range sizes {
						for _, alpha := range factors {
							for _, beta := range factors {
								product{transA, transB, m, n, depth, m % 3, alpha, beta}.check(t, k, value)
							}
						}
					}
				}
			}
		}
	}
}

// Sizes at and above the block sizes of package simd.
func testSgemmBlocks(t *testing.T, k Kernels) {
	value := normal()
	for _, shape := range [][3]int{
		{1, 8, 384}, {7, 9, 385}, {8, 16, 383}, {110, 512, 3}, {132, 512, 384}, {111, 11, 769},
		{133, 513, 2}, {265, 521, 7}, {300, 71, 400}, {2, 1031, 387}, {6, 530, 600},
	} {
		for i, transA := range transposes[:2] {
			for j, transB := range transposes[:2] {
				product{transA, transB, shape[0], shape[1], shape[2], i + j, 0.5, factors[2*i+j]}.check(t, k, value)
			}
		}
	}
}

// SgemmParts tests that an element of C depends, bit for bit, only on its row, its
// column and the depth, and not on which part of the matrix is computed. Only then do
// teams of any size train the same weights. gonum's Sgemm fails: its order of summation
// changes when it uses several goroutines.
func SgemmParts(t *testing.T, k Kernels) {
	value := normal()
	random := rand.New(rand.NewPCG(3, 4))
	for _, p := range []product{
		{'N', 'N', 150, 600, 300, 0, 1, 0}, {'T', 'N', 300, 70, 128, 1, 1, 0.5},
		{'N', 'T', 128, 520, 513, 0, 1, 0}, {'T', 'T', 37, 41, 520, 2, -0.5, 1},
	} {
		a, b, c := p.operands(value)
		whole := c.clone()
		p.run(k, a, b, whole)
		for range 20 {
			part := p
			row, col := random.IntN(p.m), random.IntN(p.n)
			part.m, part.n = 1+random.IntN(p.m-row), 1+random.IntN(p.n-col)
			partA, partB, partC := a, b, c.clone()
			if p.transA == blas.Trans {
				partA.data = a.data[row:]
			} else {
				partA.data = a.data[row*a.stride:]
			}
			if p.transB == blas.Trans {
				partB.data = b.data[col*b.stride:]
			} else {
				partB.data = b.data[col:]
			}
			partC.data = partC.data[row*c.stride+col:]
			part.run(k, partA, partB, partC)
			for i := range part.m {
				for j := range part.n {
					got, want := partC.data[i*c.stride+j], whole.data[(row+i)*c.stride+col+j]
					if !sameBits(got, want) {
						t.Fatalf("%v from row %d, column %d: C[%d][%d] is %g, in the whole %g", part, row, col, i, j, got, want)
					}
				}
			}
		}
	}
}

func testSgemmSpecialValues(t *testing.T, k Kernels) {
	for _, test := range []struct {
		name        string
		a, b, c     float32
		alpha, beta float32
		want        float32
	}{
		{"NaN in A", nan, 1, 1, 1, 1, nan},
		{"NaN in B", 1, nan, 1, 1, 1, nan},
		{"NaN in C", 1, 1, nan, 1, 1, nan},
		{"beta 0 with NaN in C", 1, 1, nan, 1, 0, 17},
		{"alpha and beta 0", 1, 1, nan, 0, 0, 0},
		{"infinity", infinity, -2, 1, 1, 1, -infinity},
		{"infinity less infinity", infinity, 1, -infinity, 1, 1, nan},
		{"infinity times 0", infinity, 0, 1, 1, 1, nan},
		{"overflow", 3e38, 1, 0, 1, 0, infinity},
		{"denormal", 0x1p-149, 1, 0, 1, 0, 17 * 0x1p-149},
		{"denormal alpha", 1, 1, 0, 0x1p-149, 0, 17 * 0x1p-149},
		{"denormal beta", 0, 0, 1, 1, 0x1p-149, 0x1p-149},
	} {
		for _, transA := range transposes {
			for _, transB := range transposes {
				p := product{transA, transB, 11, 13, 17, 1, test.alpha, test.beta}
				a, b, c := p.operands(constant(0))
				p.run(k, a.fill(constant(test.a)), b.fill(constant(test.b)), c.fill(constant(test.c)))
				for i := range c.rows {
					for j := range c.cols {
						if got := c.data[i*c.stride+j]; got != test.want && !(got != got && test.want != test.want) {
							t.Fatalf("%s: %v: C[%d][%d] is %g, want %g", test.name, p, i, j, got, test.want)
						}
					}
				}
			}
		}
	}
}

// A and B may overlap. Only C must be separate.
func testSgemmSharedOperands(t *testing.T, k Kernels) {
	for _, shape := range [][2]int{{3, 5}, {64, 40}, {150, 390}} {
		n, depth := shape[0], shape[1]
		p := product{'T', 'N', n, n, depth, 1, 1, 0}
		a, _, shared := p.operands(normal())
		apart := shared.clone()
		copied := a.clone()
		p.run(k, a, a, shared)
		p.run(k, a, copied, apart)
		overlapping := a
		overlapping.data = a.data[a.stride:] // all rows of A but the first
		p.k--
		p.run(k, a, overlapping, shared)
		copied.data = copied.data[a.stride:]
		p.run(k, a, copied, apart)
		for i, got := range shared.data {
			if want := apart.data[i]; !sameBits(got, want) {
				t.Fatalf("%v: number %d is %g, want %g as with operands apart", p, i, got, want)
			}
		}
	}
}

// Invalid arguments panic as in gonum, before anything is written.
func testSgemmPanics(t *testing.T, k Kernels) {
	n, tr := blas.NoTrans, blas.Trans
	for _, test := range []struct {
		transA, transB blas.Transpose
		m, n, k        int
		lenA, lda      int
		lenB, ldb      int
		lenC, ldc      int
	}{
		{'X', n, 2, 3, 4, 8, 4, 12, 3, 6, 3},
		{n, 'X', 2, 3, 4, 8, 4, 12, 3, 6, 3},
		{n, n, -1, 3, 4, 8, 4, 12, 3, 6, 3},
		{n, n, 2, -1, 4, 8, 4, 12, 3, 6, 3},
		{n, n, 2, 3, -1, 8, 4, 12, 3, 6, 3},
		{n, n, 2, 3, 4, 8, 3, 12, 3, 6, 3},
		{tr, n, 2, 3, 4, 8, 1, 12, 3, 6, 3},
		{n, n, 2, 3, 4, 8, 4, 12, 2, 6, 3},
		{n, tr, 2, 3, 4, 8, 4, 12, 3, 6, 3},
		{n, n, 2, 3, 4, 8, 4, 12, 3, 6, 2},
		{n, n, 2, 3, 4, 7, 4, 12, 3, 6, 3},
		{tr, n, 2, 3, 4, 7, 2, 12, 3, 6, 3},
		{n, n, 2, 3, 4, 8, 4, 11, 3, 6, 3},
		{n, tr, 2, 3, 4, 8, 4, 11, 4, 6, 3},
		{n, n, 2, 3, 4, 8, 4, 12, 3, 5, 3},
		{n, n, 2, 3, 4, 8, 4, 12, 3, 6, 0},
	} {
		c := vector(test.lenC, constant(nan))
		call := func(k blas.Float32) func() {
			return func() {
				k.Sgemm(test.transA, test.transB, test.m, test.n, test.k, 1, make([]float32, test.lenA), test.lda, make([]float32, test.lenB), test.ldb, 0, c.data, test.ldc)
			}
		}
		want := panicOf(call(gonum.Implementation{}))
		if got := panicOf(call(k)); got == nil || got != want {
			t.Errorf("%+v: panic %v, want %v", test, got, want)
		}
		for i, value := range c.data {
			if value == value {
				t.Errorf("%+v: number %d of C is written before the panic", test, i)
			}
		}
	}
}

func testSaxpy(t *testing.T, k Kernels) {
	value := normal()
	increments := [][2]int{{1, 1}, {2, 1}, {1, 3}, {-1, 1}}
	for n := range 40 {
		for _, alpha := range []float32{1, -0.5, 0, 0x1p-149, nan, infinity} {
			for _, inc := range increments {
				x, y := vector(max(1, n*max(inc[0], -inc[0])), value), vector(max(1, n*inc[1]), value)
				want := y.clone()
				gonum.Implementation{}.Saxpy(n, alpha, x.data, inc[0], want.data, inc[1])
				k.Saxpy(n, alpha, x.data, inc[0], y.data, inc[1])
				y.checkMargins(t)
				for i, got := range y.data {
					// A fused multiply-add rounds once instead of twice.
					want := result{float64(want.data[i]), 2e-7 * max(1, math.Abs(float64(want.data[i])))}
					if alpha == 1 {
						want.within = 0
					}
					if !want.met(float64(got)) {
						t.Fatalf("n %d, alpha %g, increments %v: y[%d] is %g, want %g", n, alpha, inc, i, got, want.value)
					}
				}
			}
		}
	}

	y := []float32{1, 2, 3, 4, 5}
	if k.Saxpy(5, 0, []float32{nan, infinity, nan, 1, nan}, 1, y, 1); y[0] != 1 || y[1] != 2 || y[4] != 5 {
		t.Errorf("alpha 0 makes %g of y, want y as it was", y)
	}
	for _, test := range []struct{ n, lenX, incX, lenY, incY int }{
		{3, 2, 1, 3, 1}, {3, 3, 1, 2, 1}, {-1, 3, 1, 3, 1}, {3, 3, 0, 3, 1}, {3, 3, 1, 3, 0}, {3, 4, 2, 3, 1},
	} {
		y := vector(test.lenY, constant(nan))
		call := func(k blas.Float32) func() {
			return func() { k.Saxpy(test.n, 1, make([]float32, test.lenX), test.incX, y.data, test.incY) }
		}
		want := panicOf(call(gonum.Implementation{}))
		if got := panicOf(call(k)); got == nil || got != want {
			t.Errorf("%+v: panic %v, want %v", test, got, want)
		}
	}
}
