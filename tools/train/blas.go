//go:build !openblas

package main

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"
)

// blasName is the library that multiplies matrices.
const blasName = "gonum"

func init() { blas32.Use(blocks{}) }

// blocks multiplies matrices by gonum, a block at a time. gonum's order of summation depends
// on the sizes of the matrices, and so on how many members a team has. Here it does not: an
// element is summed over blocks of the inner dimension, one after the other.
type blocks struct{ gonum.Implementation }

// blockSize is small enough that gonum does not cut a block again and starts no goroutines.
const blockSize = 64

// Sgemm stores alpha·op(A)·op(B) + beta·C in C, [m, n], with the inner dimension k.
func (b blocks) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, x []float32, ldb int, beta float32, c []float32, ldc int) {
	if k == 0 {
		b.Implementation.Sgemm(tA, tB, m, n, k, alpha, a, lda, x, ldb, beta, c, ldc)
		return
	}
	for i := 0; i < m; i += blockSize {
		rows := min(blockSize, m-i)
		for j := 0; j < n; j += blockSize {
			cols, scale := min(blockSize, n-j), beta
			for l := 0; l < k; l += blockSize {
				b.Implementation.Sgemm(tA, tB, rows, cols, min(blockSize, k-l), alpha,
					from(a, lda, i, l, tA), lda, from(x, ldb, l, j, tB), ldb, scale, c[i*ldc+j:], ldc)
				scale = 1
			}
		}
	}
}

// from returns a matrix, or its transpose, from an element on.
func from(values []float32, stride, row, column int, transposed blas.Transpose) []float32 {
	if transposed != blas.NoTrans {
		row, column = column, row
	}
	return values[row*stride+column:]
}
