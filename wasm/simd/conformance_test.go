package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"

	"sae/nn/kernel"
)

// kernels is all that training computes with.
type kernels interface {
	blas.Float32
	kernel.Implementation
}

type plain struct {
	gonum.Implementation
	kernel.Plain
}

// implementation is one to test: plain Go everywhere, and the modules where
// there is WebAssembly.
type implementation struct {
	name string
	link func(testing.TB) kernels
}

var implementations = []implementation{
	{"go", func(testing.TB) kernels { return plain{} }},
}

// forAll runs a test for each implementation.
func forAll(t *testing.T, test func(t *testing.T, k kernels)) {
	for _, implementation := range implementations {
		t.Run(implementation.name, func(t *testing.T) { test(t, implementation.link(t)) })
	}
}

func isPlain(k kernels) bool { return k == plain{} }

var nan = float32(math.NaN())

// matrix is a matrix amid NaN: between its rows, before and after it.
type matrix struct {
	rows, cols, stride int
	data               []float32 // from the first element to the last
	all                []float32
}

const margin = 5

func newMatrix(rows, cols, padding int) matrix {
	stride := max(1, cols+padding)
	all := slices.Repeat([]float32{nan}, margin+rows*stride+margin)
	size := 0
	if rows > 0 {
		size = (rows-1)*stride + cols
	}
	return matrix{rows, cols, stride, all[margin:][:size], all}
}

// fill sets all elements.
func (x matrix) fill(value func() float32) matrix {
	for i := range x.rows {
		for j := range x.cols {
			x.data[i*x.stride+j] = value()
		}
	}
	return x
}

func (x matrix) clone() matrix {
	all := slices.Clone(x.all)
	return matrix{x.rows, x.cols, x.stride, all[margin:][:len(x.data)], all}
}

// at returns an element of op(x).
func (x matrix) at(t blas.Transpose, i, j int) float64 {
	if t != blas.NoTrans {
		i, j = j, i
	}
	return float64(x.data[i*x.stride+j])
}

// checkMargins fails the test where anything but the elements has changed.
func (x matrix) checkMargins(t *testing.T) {
	t.Helper()
	for i, value := range x.all {
		row, col := 0, i-margin
		if col >= 0 {
			row, col = col/x.stride, col%x.stride
		}
		if outside := col < 0 || col >= x.cols || row >= x.rows; outside && value == value {
			t.Fatalf("%d×%d, stride %d: number %d outside is overwritten by %g", x.rows, x.cols, x.stride, i-margin, value)
		}
	}
}

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

// operands returns matrices of the product's shapes.
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

func (p product) run(k kernels, a, b, c matrix) {
	k.Sgemm(p.transA, p.transB, p.m, p.n, p.k, p.alpha, a.data, a.stride, b.data, b.stride, p.beta, c.data, c.stride)
}

// check compares the product with sums in float64. A sum of k products in
// float32 may be off by k+3 roundings of the sum of their absolute values.
func (p product) check(t *testing.T, k kernels, value func() float32) {
	t.Helper()
	a, b, c := p.operands(value)
	if p.beta == 0 {
		c.fill(func() float32 { return nan }) // which must not show
	}
	old := c.clone()
	p.run(k, a, b, c)
	c.checkMargins(t)
	for i := range p.m {
		for j := range p.n {
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

func normal() func() float32 {
	random := rand.New(rand.NewPCG(1, 2))
	return func() float32 { return float32(random.NormFloat64()) }
}

func TestSgemm(t *testing.T) {
	forAll(t, func(t *testing.T, k kernels) {
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
	})
}

// Sizes at and over the limits of the blocks.
func TestSgemmBlocks(t *testing.T) {
	forAll(t, func(t *testing.T, k kernels) {
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
	})
}

// What an element of C becomes depends on its row, its column and k alone,
// bit for bit: not on the part of the matrix that is computed.
func TestSgemmParts(t *testing.T) {
	forAll(t, func(t *testing.T, k kernels) {
		if isPlain(k) {
			t.Skip("gonum sums in another order when it has enough to do for several goroutines")
		}
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
						if math.Float32bits(got) != math.Float32bits(want) {
							t.Fatalf("%v from row %d, column %d: C[%d][%d] is %g, in the whole %g", part, row, col, i, j, got, want)
						}
					}
				}
			}
		}
	})
}

func TestSgemmSpecialValues(t *testing.T) {
	inf := float32(math.Inf(1))
	forAll(t, func(t *testing.T, k kernels) {
		for _, test := range []struct {
			name        string
			a, b, c     float32
			alpha, beta float32
			want        float32
			skipPlain   string
		}{
			{name: "NaN in A", a: nan, b: 1, c: 1, alpha: 1, beta: 1, want: nan},
			{name: "NaN in B", a: 1, b: nan, c: 1, alpha: 1, beta: 1, want: nan},
			{name: "NaN in C", a: 1, b: 1, c: nan, alpha: 1, beta: 1, want: nan},
			{name: "beta 0 with NaN in C", a: 1, b: 1, c: nan, alpha: 1, beta: 0, want: 17},
			{name: "alpha 0 with NaN in A", a: nan, b: 1, c: 2, alpha: 0, beta: 3, want: 6, skipPlain: "gonum multiplies A by alpha 0"},
			{name: "alpha and beta 0", a: 1, b: 1, c: nan, alpha: 0, beta: 0, want: 0},
			{name: "infinity", a: inf, b: -2, c: 1, alpha: 1, beta: 1, want: -inf},
			{name: "infinity less infinity", a: inf, b: 1, c: -inf, alpha: 1, beta: 1, want: nan},
			{name: "overflow", a: 3e38, b: 1, c: 0, alpha: 1, beta: 0, want: inf},
			{name: "denormal", a: 0x1p-149, b: 1, c: 0, alpha: 1, beta: 0, want: 17 * 0x1p-149},
			{name: "denormal alpha", a: 1, b: 1, c: 0, alpha: 0x1p-149, beta: 0, want: 17 * 0x1p-149},
		} {
			if isPlain(k) && test.skipPlain != "" {
				continue
			}
			for _, transA := range transposes {
				for _, transB := range transposes {
					p := product{transA, transB, 11, 13, 17, 1, test.alpha, test.beta}
					a, b, c := p.operands(func() float32 { return 0 })
					constant := func(x float32) func() float32 { return func() float32 { return x } }
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
	})
}

// A and B may be the same memory, or overlap: only C has to be apart.
func TestSgemmSharedOperands(t *testing.T) {
	forAll(t, func(t *testing.T, k kernels) {
		for _, shape := range [][2]int{{3, 5}, {64, 40}, {150, 390}} {
			n, depth := shape[0], shape[1]
			p := product{'T', 'N', n, n, depth, 1, 1, 0}
			a, _, shared := p.operands(normal())
			apart := shared.clone()
			copied := a.clone()
			p.run(k, a, a, shared)
			p.run(k, a, copied, apart)
			overlapping := a
			overlapping.data = a.data[a.stride:] // the rows of A but the first
			p.k--
			p.run(k, a, overlapping, shared)
			copied.data = copied.data[a.stride:]
			p.run(k, a, copied, apart)
			for i, got := range shared.data {
				if want := apart.data[i]; math.Float32bits(got) != math.Float32bits(want) {
					t.Fatalf("%v: number %d is %g, want %g as with operands apart", p, i, got, want)
				}
			}
		}
	})
}

// Arguments that do not fit panic as they do in gonum, before anything is
// written.
func TestSgemmPanics(t *testing.T) {
	panicOf := func(f func()) (reason any) {
		defer func() { reason = recover() }()
		f()
		return nil
	}
	forAll(t, func(t *testing.T, k kernels) {
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
			c := make([]float32, test.lenC)
			call := func(k kernels) func() {
				return func() {
					k.Sgemm(test.transA, test.transB, test.m, test.n, test.k, 1, make([]float32, test.lenA), test.lda, make([]float32, test.lenB), test.ldb, 0, c, test.ldc)
				}
			}
			want := panicOf(call(plain{}))
			if got := panicOf(call(k)); got == nil || got != want {
				t.Errorf("%+v: panic %v, want %v", test, got, want)
			}
		}
	})
}

func TestSaxpy(t *testing.T) {
	forAll(t, func(t *testing.T, k kernels) {
		value := normal()
		for n := range 20 {
			for _, alpha := range []float32{1, -0.5, 0} {
				for _, inc := range [][2]int{{1, 1}, {2, 1}, {1, 3}, {-1, 1}} {
					x, y := vector(max(1, n*max(inc[0], -inc[0])), value), vector(max(1, n*inc[1]), value)
					want := y.clone()
					gonum.Implementation{}.Saxpy(n, alpha, x.data, inc[0], want.data, inc[1])
					k.Saxpy(n, alpha, x.data, inc[0], y.data, inc[1])
					y.checkMargins(t)
					for i, got := range y.data {
						// A product and a sum in one rounding may differ from two.
						if !near(float64(got), float64(want.data[i]), 2e-7) || alpha == 1 && got != want.data[i] {
							t.Fatalf("n %d, alpha %g, increments %v: y[%d] is %g, want %g", n, alpha, inc, i, got, want.data[i])
						}
					}
				}
			}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic where x is too short")
				}
			}()
			k.Saxpy(3, 1, make([]float32, 2), 1, make([]float32, 3), 1)
		}()
	})
}

// use makes the implementation that of blas32 and kernel for one test.
func use(tb testing.TB, k kernels) {
	blas32.Use(k)
	kernel.Use(k)
	tb.Cleanup(func() {
		blas32.Use(gonum.Implementation{})
		kernel.Use(kernel.Plain{})
	})
}

func TestSgemmDoesNotAllocate(t *testing.T) {
	forAll(t, func(t *testing.T, k kernels) {
		p := product{'N', 'T', 30, 40, 50, 0, 1, 1}
		a, b, c := p.operands(normal())
		if n := testing.AllocsPerRun(10, func() { p.run(k, a, b, c) }); n != 0 {
			t.Errorf("%g allocations", n)
		}
	})
}

// vector returns n numbers, and the same numbers amid NaN that a function
// which writes too far would overwrite.
func vector(n int, value func() float32) matrix { return newMatrix(1, n, 0).fill(value) }

func near(got, want, tolerance float64) bool {
	return got == want || math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= tolerance*math.Max(1, math.Abs(want))
}

// The element-wise kernels give what the plain loops do, on rows of nothing,
// of a part of a vector, of vectors and a part, and write nothing else.
func TestElementwise(t *testing.T) {
	shapes := [][2]int{{0, 3}, {1, 1}, {1, 2}, {3, 3}, {5, 4}, {4, 5}, {3, 6}, {2, 7}, {7, 8}, {2, 33}, {3, 130}}
	specials := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0x1p-149, -0x1p-126, 16, -16, 88, -88, 103, -104, 1e4, -1e4, 1e38, -1e38, nan}
	forAll(t, func(t *testing.T, k kernels) {
		random := rand.New(rand.NewPCG(5, 6))
		value := func() float32 {
			if random.IntN(4) == 0 {
				return specials[random.IntN(len(specials))]
			}
			return float32(3 * random.NormFloat64())
		}
		share := func() float32 { return random.Float32() }
		positive := func() float32 { return max(0, float32(random.NormFloat64())) }
		// both runs an operation by the plain loops and by k on equal arguments
		// and compares what they return and what they leave in the arguments.
		both := func(name string, tolerance float64, arguments []matrix, operation func(k kernel.Implementation, x [][]float32) float64) {
			t.Helper()
			data := func(arguments []matrix) [][]float32 {
				result := make([][]float32, len(arguments))
				for i, x := range arguments {
					result[i] = x.data
				}
				return result
			}
			var clones []matrix
			for _, x := range arguments {
				clones = append(clones, x.clone())
			}
			want := operation(kernel.Plain{}, data(arguments))
			got := operation(k, data(clones))
			if !near(got, want, tolerance) {
				t.Errorf("%s returns %g, want %g", name, got, want)
			}
			for a, x := range clones {
				x.checkMargins(t)
				for i, got := range x.data {
					if want := arguments[a].data[i]; !near(float64(got), float64(want), tolerance) {
						t.Fatalf("%s: number %d of %d of argument %d is %g, want %g", name, i, len(x.data), a+1, got, want)
					}
				}
			}
		}
		for range 20 {
			for _, shape := range shapes {
				rows, cols := shape[0], shape[1]
				n := rows * cols
				bias := vector(cols, share)
				name := func(name string) string { return fmt.Sprintf("%s of %d×%d", name, rows, cols) }
				both(name("BiasReLU"), 0, []matrix{vector(n, value), bias}, func(k kernel.Implementation, x [][]float32) float64 {
					k.BiasReLU(x[0], x[1])
					return 0
				})
				both(name("BiasSigmoid"), 3e-7, []matrix{vector(n, value), bias}, func(k kernel.Implementation, x [][]float32) float64 {
					k.BiasSigmoid(x[0], x[1])
					return 0
				})
				both(name("ReLUGradient"), 0, []matrix{vector(n, value), vector(n, value)}, func(k kernel.Implementation, x [][]float32) float64 {
					k.ReLUGradient(x[0], x[1])
					return 0
				})
				both(name("SigmoidBCE"), 3e-7, []matrix{vector(n, value), bias, vector(n, share)}, func(k kernel.Implementation, x [][]float32) float64 {
					return k.SigmoidBCE(x[0], x[1], x[2], 0.5)
				})
				both(name("ColumnSums"), 0, []matrix{vector(cols, value), vector(n, value)}, func(k kernel.Implementation, x [][]float32) float64 {
					k.ColumnSums(x[0], x[1])
					return 0
				})
				both(name("L1Gradient"), 1e-14, []matrix{vector(n, value), vector(n, positive)}, func(k kernel.Implementation, x [][]float32) float64 {
					return k.L1Gradient(x[0], x[1], 0.25)
				})
				both(name("Adam"), 1e-6, []matrix{vector(n, value), vector(n, share), vector(n, share), vector(n, share)}, func(k kernel.Implementation, x [][]float32) float64 {
					k.Adam(x[0], x[1], x[2], x[3], 1e-2, 0.9, 0.999, 1e-7)
					return 0
				})
			}
		}
	})
}

func TestFromBytes(t *testing.T) {
	bytes := make([]byte, 256)
	for i := range bytes {
		bytes[i] = byte(i)
	}
	// The product with 1/255 is another number for some.
	const reciprocal = float32(1) / 255
	if float32(bytes[3])*reciprocal == float32(bytes[3])/255 && float32(bytes[63])*reciprocal == float32(bytes[63])/255 {
		t.Log("3 and 63 do not tell division and multiplication apart")
	}
	forAll(t, func(t *testing.T, k kernels) {
		for from := range 5 {
			for _, to := range []int{from, from + 1, from + 2, from + 3, 200, 255, 256} {
				x := vector(to-from, func() float32 { return 9 })
				k.FromBytes(x.data, bytes[from:to])
				x.checkMargins(t)
				for i, got := range x.data {
					if want := float32(float64(from+i) / 255); got != want {
						t.Fatalf("%d gives %v, want %v", from+i, got, want)
					}
				}
			}
		}
	})
}

// The SIMD sums stay float64 throughout.
func TestSumsAreAccurate(t *testing.T) {
	forAll(t, func(t *testing.T, k kernels) {
		const n = 1 << 20
		activation, gradient := make([]float32, n), make([]float32, n)
		for i := range activation {
			activation[i] = 1e-4
		}
		activation[0] = 1e6
		want := 1e6 + float64(n-1)*float64(float32(1e-4))
		if got := k.L1Gradient(gradient, activation, 0); math.Abs(got-want) > 1e-9*want {
			t.Errorf("sum %.9g, want %.9g", got, want)
		}
	})
}

// Slices of lengths that do not fit panic before a kernel sees them.
func TestElementwisePanics(t *testing.T) {
	forAll(t, func(t *testing.T, k kernels) {
		two, three, four := make([]float32, 2), make([]float32, 3), make([]float32, 4)
		for name, call := range map[string]func(){
			"FromBytes":    func() { k.FromBytes(two[:2:2], make([]byte, 3)) },
			"BiasReLU":     func() { k.BiasReLU(four, three) },
			"BiasSigmoid":  func() { k.BiasSigmoid(four, three) },
			"ReLUGradient": func() { k.ReLUGradient(two, three) },
			"SigmoidBCE":   func() { k.SigmoidBCE(four, two, three, 1) },
			"ColumnSums":   func() { k.ColumnSums(three, four) },
			"L1Gradient":   func() { k.L1Gradient(two, three, 1) },
			"Adam":         func() { k.Adam(three, three, two, three, 1, 0, 0, 1) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s does not panic", name)
					}
				}()
				call()
			}()
		}
	})
}
