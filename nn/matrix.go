package nn

import (
	"cmp"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// pace says how often a long computation yields.
type pace struct {
	stride int          // most multiply-adds between two yields
	yield  func() error // may be nil
}

// DefaultStride is the default of [Trainer.Stride]: about 10 ms of gonum's plain Go
// kernels in WebAssembly.
const DefaultStride = 5_000_000

// newPace returns a pace; a stride of 0 stands for DefaultStride.
func newPace(stride int, yield func() error) pace {
	return pace{cmp.Or(stride, DefaultStride), yield}
}

// atOnce never yields.
var atOnce = pace{stride: math.MaxInt}

func (p pace) turn() error {
	if p.yield == nil {
		return nil
	}
	return p.yield()
}

// gemm stores op(a)·op(b) in c, some rows of c at a time, and yields before each part.
// How many rows depends only on the sizes, so that results are reproducible.
func gemm(transA, transB blas.Transpose, a, b, c blas32.General, p pace) error {
	if c.Cols == 0 {
		return nil
	}
	depth, cut := a.Cols, rows
	if transA == blas.Trans {
		depth, cut = a.Rows, columns
	}
	step := max(1, p.stride/(c.Cols*depth))
	for first := 0; first < c.Rows; first += step {
		if err := p.turn(); err != nil {
			return err
		}
		last := min(first+step, c.Rows)
		blas32.Gemm(transA, transB, 1, cut(a, first, last), b, 0, rows(c, first, last))
	}
	return nil
}

// general views a contiguous slice as a matrix.
func general(values []float32, rows, cols int) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: max(1, cols), Data: values[:rows*cols]}
}

// rows returns the rows [first, last) of a matrix.
func rows(m blas32.General, first, last int) blas32.General {
	m.Rows, m.Data = last-first, m.Data[first*m.Stride:]
	return m
}

// columns returns the columns [first, last) of a matrix.
func columns(m blas32.General, first, last int) blas32.General {
	m.Cols, m.Data = last-first, m.Data[first:]
	return m
}

// grow returns a slice of length n, which reuses the given one if that is large enough.
func grow(values []float32, n int) []float32 {
	if cap(values) < n {
		return make([]float32, n)
	}
	return values[:n]
}
