// Package kernel holds the element-wise loops of training that BLAS lacks. The
// docstring of each function defines its loop. [Plain] is that loop in Go, and [Use]
// replaces it by a faster implementation, which must agree within rounding. Package
// kerneltest tests implementations.
//
// All slices are float32, row-major and contiguous. If lengths do not fit, a function
// panics before it writes anything.
package kernel

import "fmt"

// Implementation computes the functions of this package, whose docstrings define its
// methods. They are called only with lengths that fit.
type Implementation interface {
	FromBytes(dst []float32, src []byte)
	BiasReLU(x, bias []float32)
	BiasSigmoid(x, bias []float32)
	ReLUGradient(gradient, activation []float32)
	SigmoidBCE(logits, bias, targets []float32, scale float32) (sum float64)
	ColumnSums(dst, x []float32)
	L1Gradient(gradient, activation []float32, scale float32) (sum float64)
	Adam(p, g, m, v []float32, rate, beta1, beta2, epsilon float32)
}

var implementation Implementation = Plain{}

// Use sets the implementation of the functions of this package, as blas32.Use does
// for BLAS. It must not be called while one of them runs.
func Use(i Implementation) { implementation = i }

// checkRows panics unless x numbers are whole rows of the given number of columns.
func checkRows(function string, x, columns int) {
	if x != 0 && (columns == 0 || x%columns != 0) {
		panic(fmt.Sprintf("kernel: %s of %d numbers in rows of %d: want whole rows", function, x, columns))
	}
}

// checkEqual panics unless two slices have the same number of elements.
func checkEqual(function string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("kernel: %s of slices with %d and %d elements: want the same number", function, got, want))
	}
}

// FromBytes converts bytes to the interval [0, 1]:
//
//	dst[i] = src[i] / 255
func FromBytes(dst []float32, src []byte) {
	checkEqual("FromBytes", len(dst), len(src))
	implementation.FromBytes(dst, src)
}

// BiasReLU adds a bias to each row of x, [rows, len(bias)], and rectifies:
//
//	x[i][j] = max(0, x[i][j] + bias[j])
//
// NaN stays NaN, so that divergence does not go unnoticed.
func BiasReLU(x, bias []float32) {
	checkRows("BiasReLU", len(x), len(bias))
	implementation.BiasReLU(x, bias)
}

// BiasSigmoid adds a bias to each row of x, [rows, len(bias)], and squashes:
//
//	x[i][j] = 1 / (1 + exp(−x[i][j] − bias[j]))
func BiasSigmoid(x, bias []float32) {
	checkRows("BiasSigmoid", len(x), len(bias))
	implementation.BiasSigmoid(x, bias)
}

// ReLUGradient multiplies a gradient by the derivative of ReLU, given the
// rectified activations:
//
//	gradient[i] = 0 where activation[i] ≤ 0
func ReLUGradient(gradient, activation []float32) {
	checkEqual("ReLUGradient", len(gradient), len(activation))
	implementation.ReLUGradient(gradient, activation)
}

// SigmoidBCE adds a bias to each row of logits, [rows, len(bias)], and replaces the
// resulting logits z by the gradient of the binary cross-entropy of sigmoid(z), times
// scale. It returns the sum of the cross-entropies over all targets x:
//
//	z   = logits[i][j] + bias[j]
//	sum += max(z, 0) − z·x + log(1 + exp(−|z|))
//	logits[i][j] = scale · (sigmoid(z) − x)
//
// This form never takes the logarithm of 0, so it needs no clipping. Keras 2.15 uses it
// for a sigmoid in graph mode. The sum is not finite if a logit is not.
func SigmoidBCE(logits, bias, targets []float32, scale float32) (sum float64) {
	checkRows("SigmoidBCE", len(logits), len(bias))
	checkEqual("SigmoidBCE", len(targets), len(logits))
	return implementation.SigmoidBCE(logits, bias, targets, scale)
}

// ColumnSums adds up the rows of x, [rows, len(dst)]:
//
//	dst[j] = Σ_i x[i][j]
func ColumnSums(dst, x []float32) {
	checkRows("ColumnSums", len(x), len(dst))
	implementation.ColumnSums(dst, x)
}

// L1Gradient adds the gradient of an L1 penalty on activations, which must not be
// negative, and returns their sum:
//
//	sum += activation[i]
//	gradient[i] += scale where activation[i] > 0
func L1Gradient(gradient, activation []float32, scale float32) (sum float64) {
	checkEqual("L1Gradient", len(gradient), len(activation))
	return implementation.L1Gradient(gradient, activation, scale)
}

// Adam updates parameters p by their gradients g, with the running moments m
// and v of the same length:
//
//	m[i] += (g[i] − m[i]) · (1 − beta1)
//	v[i] += (g[i]² − v[i]) · (1 − beta2)
//	p[i] −= rate · m[i] / (√v[i] + epsilon)
//
// rate includes the bias correction: see nn.Adam.
func Adam(p, g, m, v []float32, rate, beta1, beta2, epsilon float32) {
	checkEqual("Adam", len(g), len(p))
	checkEqual("Adam", len(m), len(p))
	checkEqual("Adam", len(v), len(p))

	implementation.Adam(p, g, m, v, rate, beta1, beta2, epsilon)
}
