package nn

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Stride is how many multiply-adds are done at most between two calls of
// Trainer.Yield: about 10 ms of gonum's plain Go in
// WebAssembly. Faster kernels may raise it before any training starts.
var Stride = 5_000_000

// gemm stores op(a)·op(b) in c, some rows of c at a time, and calls yield
// before each. Rows of c are sums of their own, so where they are cut depends
// on the sizes alone and never on who calls.
func gemm(transA, transB blas.Transpose, a, b, c blas32.General, yield func() error) error {
	depth := a.Cols
	if transA == blas.Trans {
		depth = a.Rows
	}
	if c.Cols == 0 {
		return nil
	}
	rows := max(1, Stride/(c.Cols*depth))
	for first := 0; first < c.Rows; first += rows {
		if err := yield(); err != nil {
			return err
		}
		part := c
		part.Rows = min(rows, c.Rows-first)
		part.Data = c.Data[first*c.Stride:]
		blas32.Gemm(transA, transB, 1, rowsOf(a, transA, first, part.Rows), b, 0, part)
	}
	return nil
}

// rowsOf returns the part of a that makes n rows of op(a).
func rowsOf(a blas32.General, trans blas.Transpose, first, n int) blas32.General {
	if trans == blas.Trans {
		a.Cols = n
		a.Data = a.Data[first:]
		return a
	}
	a.Rows = n
	a.Data = a.Data[first*a.Stride:]
	return a
}

func noYield() error { return nil }

// orNone returns yield, or a function that does nothing where it is nil.
func orNone(yield func() error) func() error {
	if yield == nil {
		return noYield
	}
	return yield
}
