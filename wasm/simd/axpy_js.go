package simd

import "unsafe"

//go:wasmimport simd saxpy
func saxpy(n int32, alpha float32, x, y *float32)

// Saxpy implements blas.Float32: y += alpha·x.
func (k *Kernels) Saxpy(n int, alpha float32, x []float32, incX int, y []float32, incY int) {
	if alpha == 0 || incX != 1 || incY != 1 || n < 1 || len(x) < n || len(y) < n { // gonum also panics on invalid arguments
		k.Implementation.Saxpy(n, alpha, x, incX, y, incY)
		return
	}
	saxpy(int32(n), alpha, unsafe.SliceData(x), unsafe.SliceData(y))
}
