// Package kernel holds the element-wise loops of training that BLAS lacks. Each
// docstring states the loop that the function stands for. [Plain] is that loop
// in Go; [Use] puts a faster implementation in its place, which has to give the
// same values within rounding.
//
// All slices are float32, row-major and contiguous. Lengths that do not fit
// panic before anything is written. Package kerneltest tests an implementation.
package kernel

import "fmt"

// Implementation is what computes the functions of this package, where its
// methods are documented; they are called with lengths that fit.
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

// Use sets the implementation of the functions of this package, as blas32.Use
// does for BLAS. It must not be called while one of them runs.
func Use(i Implementation) { implementation = i }

// checkRows panics unless x numbers are whole rows of so many columns.
func checkRows(function string, x, columns int) {
	if x != 0 && (columns == 0 || x%columns != 0) {
		panic(fmt.Sprintf("kernel: %s of %d numbers in rows of %d: want whole rows", function, x, columns))
	}
}

// checkEqual panics unless a slice has as many elements as another.
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
// NaN stays NaN, so that a diverged model shows.
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

// SigmoidBCE adds a bias to each row of logits, [rows, len(bias)], and
// replaces the logits z by scale times the gradient of the binary
// cross-entropy of sigmoid(z) with respect to them. It returns the sum of the
// cross-entropies over all targets x:
//
//	z   = logits[i][j] + bias[j]
//	sum += max(z, 0) − z·x + log(1 + exp(−|z|))
//	logits[i][j] = scale · (sigmoid(z) − x)
//
// The form in z never takes the logarithm of a rounded 0 and so needs no
// clipping; it is the one that Keras 2.15 uses for a sigmoid in graph mode. The
// sum is not finite where a logit is not.
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

// L1Gradient adds the gradient of an L1 penalty on activations, which are not
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
