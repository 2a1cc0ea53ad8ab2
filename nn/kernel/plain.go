package kernel

import "math"

// Plain implements the functions of this package in plain Go.
type Plain struct{}

// FromBytes implements [Implementation].
func (Plain) FromBytes(dst []float32, src []byte) {
	dst = dst[:len(src)]
	for i, value := range src {
		dst[i] = float32(value) / 255
	}
}

// BiasReLU implements [Implementation].
func (Plain) BiasReLU(x, bias []float32) {
	for len(x) > 0 {
		row := x[:len(bias)]
		for j, b := range bias {
			row[j] = max(0, row[j]+b)
		}
		x = x[len(bias):]
	}
}

// BiasSigmoid implements [Implementation].
func (Plain) BiasSigmoid(x, bias []float32) {
	for len(x) > 0 {
		row := x[:len(bias)]
		for j, b := range bias {
			row[j] = float32(1 / (1 + math.Exp(-float64(row[j]+b))))
		}
		x = x[len(bias):]
	}
}

// ReLUGradient implements [Implementation].
func (Plain) ReLUGradient(gradient, activation []float32) {
	gradient = gradient[:len(activation)]
	for i, a := range activation {
		if a <= 0 {
			gradient[i] = 0
		}
	}
}

// SigmoidBCE implements [Implementation].
func (Plain) SigmoidBCE(logits, bias, targets []float32, scale float32) (sum float64) {
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

// ColumnSums implements [Implementation].
func (Plain) ColumnSums(dst, x []float32) {
	clear(dst)
	for len(x) > 0 {
		for j, value := range x[:len(dst)] {
			dst[j] += value
		}
		x = x[len(dst):]
	}
}

// L1Gradient implements [Implementation].
func (Plain) L1Gradient(gradient, activation []float32, scale float32) (sum float64) {
	gradient = gradient[:len(activation)]
	for i, a := range activation {
		sum += float64(a)
		if a > 0 {
			gradient[i] += scale
		}
	}
	return sum
}

// Adam implements [Implementation].
func (Plain) Adam(p, g, m, v []float32, rate, beta1, beta2, epsilon float32) {
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	c1, c2 := 1-beta1, 1-beta2
	for i, gradient := range g {
		mi := m[i] + (gradient-m[i])*c1
		vi := v[i] + (gradient*gradient-v[i])*c2
		m[i], v[i] = mi, vi
		p[i] -= rate * mi / (float32(math.Sqrt(float64(vi))) + epsilon)
	}
}
