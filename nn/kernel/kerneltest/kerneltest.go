// Package kerneltest tests and measures implementations of the kernels of
// training: the matrix product and the other functions of gonum's blas32 that
// package nn calls, and the functions of package kernel. It does for them what
// gonum's testblas does for BLAS. Each test holds an implementation against the
// function's definition, computed in float64 by plain loops.
//
// A package with an implementation calls [Test] and [Accuracy] in its tests and
// [Bench] in a benchmark. One that teams of workers train with calls
// [SgemmParts] too.
package kerneltest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"

	"sae/nn/kernel"
)

// Kernels is all that training computes with.
type Kernels interface {
	blas.Float32
	kernel.Implementation
}

// Use makes k the implementation of blas32 and kernel for one test.
func Use(tb testing.TB, k Kernels) {
	blas32.Use(k)
	kernel.Use(k)
	tb.Cleanup(func() {
		blas32.Use(gonum.Implementation{})
		kernel.Use(kernel.Plain{})
	})
}

// Test tests everything that training needs of an implementation.
func Test(t *testing.T, k Kernels) {
	Use(t, k)
	for _, test := range []struct {
		name string
		run  func(t *testing.T, k Kernels)
	}{
		{"Sgemm", testSgemm},
		{"SgemmBlocks", testSgemmBlocks},
		{"SgemmSpecialValues", testSgemmSpecialValues},
		{"SgemmSharedOperands", testSgemmSharedOperands},
		{"SgemmPanics", testSgemmPanics},
		{"Saxpy", testSaxpy},
		{"FromBytes", testFromBytes},
		{"Elementwise", testElementwise},
		{"Places", testPlaces},
		{"ColumnSums", testColumnSums},
		{"Saturation", testSaturation},
		{"SumsAreAccurate", testSumsAreAccurate},
		{"DoesNotAllocate", testDoesNotAllocate},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, k) })
	}
}

var (
	nan      = float32(math.NaN())
	infinity = float32(math.Inf(1))
)

// matrix is a matrix amid NaN: between its rows, before and after it. They show
// in the result of a function that reads too far, and are gone where one writes
// too far.
type matrix struct {
	rows, cols, stride int
	data               []float32 // from the first element to the last
	all                []float32
	before             int // of all, before data
}

const margin = 5

// newMatrix returns a matrix whose rows are padded. Its shape decides which
// multiple of 4 bytes it starts at, as a vector in memory is aligned to 16.
func newMatrix(rows, cols, padding int) matrix {
	stride := max(1, cols+padding)
	before := margin + (rows+cols+padding)%4
	all := slices.Repeat([]float32{nan}, before+rows*stride+margin)
	size := 0
	if rows > 0 {
		size = (rows-1)*stride + cols
	}
	return matrix{rows, cols, stride, all[before:][:size], all, before}
}

// vector returns a matrix of one row.
func vector(n int, value func() float32) matrix { return newMatrix(1, n, 0).fill(value) }

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
	x.all = slices.Clone(x.all)
	x.data = x.all[x.before:][:len(x.data)]
	return x
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
		row, col := 0, i-x.before
		if col >= 0 {
			row, col = col/x.stride, col%x.stride
		}
		if outside := col < 0 || col >= x.cols || row >= x.rows; outside && value == value {
			t.Fatalf("%d×%d, stride %d: number %d outside is overwritten by %g", x.rows, x.cols, x.stride, i-x.before, value)
		}
	}
}

func normal() func() float32 {
	random := rand.New(rand.NewPCG(1, 2))
	return func() float32 { return float32(random.NormFloat64()) }
}

func constant(x float32) func() float32 { return func() float32 { return x } }

// result is what a number has to be, and how far from that it may be.
type result struct{ value, within float64 }

// met tells whether got is the result; NaN has to be NaN, infinity infinity.
func (r result) met(got float64) bool {
	if math.IsNaN(r.value) || math.IsInf(r.value, 0) {
		return got == r.value || math.IsNaN(got) && math.IsNaN(r.value)
	}
	return math.Abs(got-r.value) <= r.within
}

// sameBits tells whether two numbers are the same bit for bit; all NaN are the same.
func sameBits(x, y float32) bool {
	return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
}

// panicOf returns what a function panics with, nil where it does not.
func panicOf(f func()) (reason any) {
	defer func() { reason = recover() }()
	f()
	return nil
}
