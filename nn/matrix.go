package nn

import (
	"cmp"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// pace says how often long work gives others a turn.
type pace struct {
	stride int          // multiply-adds between two turns, at most
	yield  func() error // gives a turn; nil where nobody waits for one
}

// DefaultStride takes gonum's plain Go about 10 ms in WebAssembly.
const DefaultStride = 5_000_000

// newPace returns a pace with DefaultStride for a stride of 0.
func newPace(stride int, yield func() error) pace {
	return pace{cmp.Or(stride, DefaultStride), yield}
}

// atOnce gives no turns.
var atOnce = pace{stride: math.MaxInt}

func (p pace) turn() error {
	if p.yield == nil {
		return nil
	}
	return p.yield()
}

// gemm stores op(a)·op(b) in c, some rows of c at a time, with a turn before each.
// Where rows are cut depends on the sizes alone, and never on who waits.
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

// rows returns the rows from first up to last of a matrix.
func rows(m blas32.General, first, last int) blas32.General {
	m.Rows, m.Data = last-first, m.Data[first*m.Stride:]
	return m
}

// columns returns the columns from first up to last of a matrix.
func columns(m blas32.General, first, last int) blas32.General {
	m.Cols, m.Data = last-first, m.Data[first:]
	return m
}

// grow returns a slice of length n, the given one where it is large enough.
func grow(values []float32, n int) []float32 {
	if cap(values) < n {
		return make([]float32, n)
	}
	return values[:n]
}
