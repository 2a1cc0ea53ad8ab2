// Package kernel holds the element-wise loops of training that BLAS lacks, as
// plain Go. Each docstring states the loop that the function stands for; a
// faster implementation has to give the same values within rounding.
//
// All slices are float32, row-major and contiguous. Lengths that do not fit
// panic, as an index out of range does.
package kernel

import "math"

// FromBytes converts bytes to the interval [0, 1]:
//
//	dst[i] = src[i] / 255
func FromBytes(dst []float32, src []byte) {
	dst = dst[:len(src)]
	for i, value := range src {
		dst[i] = float32(value) / 255
	}
}

// BiasReLU adds a bias to each row of x, [rows, len(bias)], and rectifies:
//
//	x[i][j] = max(0, x[i][j] + bias[j])
//
// NaN stays NaN, so that a diverged model shows.
func BiasReLU(x, bias []float32) {
	for len(x) > 0 {
		row := x[:len(bias)]
		for j, b := range bias {
			row[j] = max(0, row[j]+b)
		}
		x = x[len(bias):]
	}
}

// BiasSigmoid adds a bias to each row of x, [rows, len(bias)], and squashes:
//
//	x[i][j] = 1 / (1 + exp(−x[i][j] − bias[j]))
func BiasSigmoid(x, bias []float32) {
	for len(x) > 0 {
		row := x[:len(bias)]
		for j, b := range bias {
			row[j] = float32(1 / (1 + math.Exp(-float64(row[j]+b))))
		}
		x = x[len(bias):]
	}
}

// ReLUGradient multiplies a gradient by the derivative of ReLU, given the
// rectified activations:
//
//	gradient[i] = 0 where activation[i] ≤ 0
func ReLUGradient(gradient, activation []float32) {
	gradient = gradient[:len(activation)]
	for i, a := range activation {
		if a <= 0 {
			gradient[i] = 0
		}
	}
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
// clipping; it is the one that Keras 2.15 uses for a sigmoid in graph mode.
func SigmoidBCE(logits, bias, targets []float32, scale float32) (sum float64) {
	for len(logits) > 0 {
		row, x := logits[:len(bias)], targets[:len(bias)]
		for j, b := range bias {
			z := float64(row[j] + b)
			e := math.Exp(-math.Abs(z)) // in (0, 1]
			sum += max(z, 0) - z*float64(x[j]) + math.Log1p(e)
			sigmoid := 1 / (1 + e)
			if z < 0 {
				sigmoid = e / (1 + e)
			}
			row[j] = scale * (float32(sigmoid) - x[j])
		}
		logits, targets = logits[len(bias):], targets[len(bias):]
	}
	return sum
}

// ColumnSums adds up the rows of x, [rows, len(dst)]:
//
//	dst[j] = Σ_i x[i][j]
func ColumnSums(dst, x []float32) {
	clear(dst)
	for len(x) > 0 {
		for j, value := range x[:len(dst)] {
			dst[j] += value
		}
		x = x[len(dst):]
	}
}

// L1Gradient adds the gradient of an L1 penalty on activations, which are not
// negative, and returns their sum:
//
//	sum += activation[i]
//	gradient[i] += scale where activation[i] > 0
func L1Gradient(gradient, activation []float32, scale float32) (sum float64) {
	gradient = gradient[:len(activation)]
	for i, a := range activation {
		sum += float64(a)
		if a > 0 {
			gradient[i] += scale
		}
	}
	return sum
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
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	c1, c2 := 1-beta1, 1-beta2
	for i, gradient := range g {
		mi := m[i] + (gradient-m[i])*c1
		vi := v[i] + (gradient*gradient-v[i])*c2
		m[i], v[i] = mi, vi
		p[i] -= rate * mi / (float32(math.Sqrt(float64(vi))) + epsilon)
	}
}
