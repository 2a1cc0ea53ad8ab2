// Package kerneltest tests and measures implementations of the kernels of training:
// the functions of package kernel, and those of gonum's blas32 that package nn calls.
// Each test compares an implementation with the function's definition, computed by
// plain loops in float64.
//
// A package with an implementation calls [Test] and [Accuracy] in its tests and
// [Bench] in a benchmark. If teams of workers train with it, it also calls
// [SgemmParts].
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

// Kernels are all functions that training computes with.
type Kernels interface {
	blas.Float32
	kernel.Implementation
}

// Use makes k the implementation of blas32 and kernel for the duration of a test.
func Use(tb testing.TB, k Kernels) {
	blas32.Use(k)
	kernel.Use(k)
	tb.Cleanup(func() {
		blas32.Use(gonum.Implementation{})
		kernel.Use(kernel.Plain{})
	})
}

// Test tests all functions of an implementation.
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

// matrix is a matrix surrounded by NaN: before, after and between its rows. A function
// that reads out of bounds spreads NaN, and one that writes out of bounds overwrites it.
type matrix struct {
	rows, cols, stride int
	data               []float32 // from the first element to the last
	all                []float32 // with the surrounding NaN
	before             int       // number of NaN before data
}

const margin = 5

// newMatrix returns a matrix with padded rows. Its alignment to 16 bytes, the size of a
// SIMD vector, varies with its shape.
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

// checkMargins fails the test if anything outside the elements has changed.
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

// result is an expected number and its tolerance.
type result struct{ value, within float64 }

// met reports whether got is within the tolerance. NaN and infinities must be equal.
func (r result) met(got float64) bool {
	if math.IsNaN(r.value) || math.IsInf(r.value, 0) {
		return got == r.value || math.IsNaN(got) && math.IsNaN(r.value)
	}
	return math.Abs(got-r.value) <= r.within
}

// sameBits reports whether two numbers are equal bit for bit; all NaN are equal.
func sameBits(x, y float32) bool {
	return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
}

// panicOf returns the value that a function panics with, or nil.
func panicOf(f func()) (reason any) {
	defer func() { reason = recover() }()
	f()
	return nil
}
