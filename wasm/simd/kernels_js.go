package simd

import (
	"syscall/js"
	"unsafe"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// Kernels implements blas.Float32 and kernel.Implementation by a module, which must be
// active, and by gonum for functions that the module lacks.
type Kernels struct {
	gonum.Implementation
	Name string // "relaxed-simd" or "simd"

	exports js.Value
	scratch []float32 // for packed blocks of the operands
}

// The functions of the modules, which package gen documents. They retain no pointers.

//go:wasmimport simd scratch_floats
func scratchFloats() int32

//go:wasmimport simd sgemm
func sgemm(transA, transB, m, n, k int32, alpha float32, a *float32, lda int32, b *float32, ldb int32, beta float32, c *float32, ldc int32, scratch *float32)

//go:wasmimport simd from_bytes
func fromBytes(n int32, dst *float32, src *byte)

//go:wasmimport simd bias_relu
func biasReLU(rows, cols int32, x, bias *float32)

//go:wasmimport simd bias_sigmoid
func biasSigmoid(rows, cols int32, x, bias *float32)

//go:wasmimport simd relu_gradient
func reluGradient(n int32, gradient, activation *float32)

//go:wasmimport simd sigmoid_bce
func sigmoidBCE(rows, cols int32, logits, bias, targets *float32, scale float32) float64

//go:wasmimport simd column_sums
func columnSums(rows, cols int32, dst, x *float32)

//go:wasmimport simd l1_gradient
func l1Gradient(n int32, gradient, activation *float32, scale float32) float64

//go:wasmimport simd adam
func adam(n int32, p, g, m, v *float32, rate, oneMinusBeta1, oneMinusBeta2, epsilon float32)

// Sgemm computes
//
//	C = alpha * op(A) * op(B) + beta * C
//
// as defined by blas.Float32, and panics on invalid arguments as gonum does. It does not
// read A and B if alpha is 0, nor C if beta is 0.
func (k *Kernels) Sgemm(tA, tB blas.Transpose, m, n, depth int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	// With alpha 0 and beta 1, gonum only checks the arguments.
	k.Implementation.Sgemm(tA, tB, m, n, depth, 0, a, lda, b, ldb, 1, c, ldc)
	if m == 0 || n == 0 {
		return
	}
	if alpha == 0 || depth == 0 { // scales C, by a product of depth 0
		k.Implementation.Sgemm(blas.Trans, blas.NoTrans, m, n, 0, 0, nil, m, nil, n, beta, c, ldc)
		return
	}
	sgemm(transposed(tA), transposed(tB), int32(m), int32(n), int32(depth), alpha,
		unsafe.SliceData(a), int32(lda), unsafe.SliceData(b), int32(ldb), beta,
		unsafe.SliceData(c), int32(ldc), unsafe.SliceData(k.scratch))
}

func transposed(t blas.Transpose) int32 {
	if t == blas.NoTrans {
		return 0
	}
	return 1
}

// rows returns the number of rows of x, [rows, cols].
func rows(x []float32, cols int) int32 {
	if len(x) == 0 {
		return 0
	}
	return int32(len(x) / cols)
}

// FromBytes implements kernel.Implementation.
func (*Kernels) FromBytes(dst []float32, src []byte) {
	fromBytes(int32(len(dst)), unsafe.SliceData(dst), unsafe.SliceData(src))
}

// BiasReLU implements kernel.Implementation.
func (*Kernels) BiasReLU(x, bias []float32) {
	biasReLU(rows(x, len(bias)), int32(len(bias)), unsafe.SliceData(x), unsafe.SliceData(bias))
}

// BiasSigmoid implements kernel.Implementation.
func (*Kernels) BiasSigmoid(x, bias []float32) {
	biasSigmoid(rows(x, len(bias)), int32(len(bias)), unsafe.SliceData(x), unsafe.SliceData(bias))
}

// ReLUGradient implements kernel.Implementation.
func (*Kernels) ReLUGradient(gradient, activation []float32) {
	reluGradient(int32(len(gradient)), unsafe.SliceData(gradient), unsafe.SliceData(activation))
}

// SigmoidBCE implements kernel.Implementation.
func (*Kernels) SigmoidBCE(logits, bias, targets []float32, scale float32) float64 {
	return sigmoidBCE(rows(logits, len(bias)), int32(len(bias)),
		unsafe.SliceData(logits), unsafe.SliceData(bias), unsafe.SliceData(targets), scale)
}

// ColumnSums implements kernel.Implementation.
func (*Kernels) ColumnSums(dst, x []float32) {
	clear(dst)
	columnSums(rows(x, len(dst)), int32(len(dst)), unsafe.SliceData(dst), unsafe.SliceData(x))
}

// L1Gradient implements kernel.Implementation.
func (*Kernels) L1Gradient(gradient, activation []float32, scale float32) float64 {
	return l1Gradient(int32(len(gradient)), unsafe.SliceData(gradient), unsafe.SliceData(activation), scale)
}

// Adam implements kernel.Implementation.
func (*Kernels) Adam(p, g, m, v []float32, rate, beta1, beta2, epsilon float32) {
	adam(int32(len(p)), unsafe.SliceData(p), unsafe.SliceData(g), unsafe.SliceData(m), unsafe.SliceData(v),
		rate, 1-beta1, 1-beta2, epsilon)
}
