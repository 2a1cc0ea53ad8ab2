package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func ExampleSigmoidBCE() {
	logits := []float32{0, 2}
	sum := SigmoidBCE(logits, []float32{0, 0}, []float32{1, 1}, 1)
	fmt.Printf("loss %.4f, gradient %.4f\n", sum, logits)
	// Output: loss 0.8201, gradient [-0.5000 -0.1192]
}

func ExampleBiasReLU() {
	x := []float32{1, -2, 3, -4} // two rows
	BiasReLU(x, []float32{-2, 3})
	fmt.Println(x)
	// Output: [0 1 1 0]
}

func random(n int, scale float32) []float32 {
	source := rand.New(rand.NewPCG(uint64(n), 1))
	values := make([]float32, n)
	for i := range values {
		values[i] = scale * float32(source.NormFloat64())
	}
	return values
}

func near(a, b []float32, tolerance float64) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool {
		return x == y || math.Abs(float64(x)-float64(y)) <= tolerance*max(1, math.Abs(float64(y)))
	})
}

func TestFromBytes(t *testing.T) {
	bytes := make([]byte, 256)
	for i := range bytes {
		bytes[i] = byte(i)
	}
	got := make([]float32, 256)
	FromBytes(got, bytes)
	for i, x := range got {
		if want := float32(float64(i) / 255); x != want {
			t.Errorf("%d gives %v, want %v", i, x, want)
		}
	}
}

// The loops over rows agree with loops over single elements in float64, for
// shapes with nothing, one and an odd number of elements.
func TestAgainstDefinition(t *testing.T) {
	for _, shape := range [][2]int{{0, 3}, {1, 1}, {3, 5}, {2, 64}, {7, 33}} {
		rows, cols := shape[0], shape[1]
		x, bias, targets := random(rows*cols, 3), random(cols, 1), random(rows*cols, 1)
		for i := range targets {
			targets[i] = min(1, max(0, targets[i]))
		}
		type expected struct{ sum, relu, sigmoid, gradient []float32 }
		var want expected
		var bce float64
		for i := range x {
			z := float64(x[i] + bias[i%cols])
			y := 1 / (1 + math.Exp(-z))
			want.sum = append(want.sum, float32(z))
			want.relu = append(want.relu, float32(max(0, z)))
			want.sigmoid = append(want.sigmoid, float32(y))
			want.gradient = append(want.gradient, float32(0.5*(y-float64(targets[i]))))
			bce -= float64(targets[i])*math.Log(y) + (1-float64(targets[i]))*math.Log1p(-y)
		}
		apply := func(f func(x, bias []float32)) []float32 {
			y := slices.Clone(x)
			f(y, bias)
			return y
		}
		if got := apply(BiasReLU); !near(got, want.relu, 1e-6) {
			t.Errorf("%v: BiasReLU %v, want %v", shape, got, want.relu)
		}
		if got := apply(BiasSigmoid); !near(got, want.sigmoid, 1e-6) {
			t.Errorf("%v: BiasSigmoid %v, want %v", shape, got, want.sigmoid)
		}
		gradient := slices.Clone(x)
		if sum := SigmoidBCE(gradient, bias, targets, 0.5); !near(gradient, want.gradient, 1e-6) || math.Abs(sum-bce) > 1e-5*max(1, bce) {
			t.Errorf("%v: SigmoidBCE %g, %v; want %g, %v", shape, sum, gradient, bce, want.gradient)
		}
		columns, sums := make([]float32, cols), make([]float32, cols)
		for i, value := range x {
			sums[i%cols] += value
		}
		columns[0] = 99 // overwritten
		if ColumnSums(columns, x); !near(columns, sums, 1e-6) {
			t.Errorf("%v: ColumnSums %v, want %v", shape, columns, sums)
		}
	}
}

// Saturated logits give finite losses and exact gradients.
func TestSigmoidBCESaturates(t *testing.T) {
	for _, test := range []struct{ z, x, loss, gradient float64 }{
		{100, 1, 0, 0}, {100, 0, 100, 1}, {-100, 0, 0, 0}, {-100, 1, 100, -1}, {1e30, 0, 1e30, 1}, {0, 0.5, math.Ln2, 0},
	} {
		logits := []float32{float32(test.z)}
		loss := SigmoidBCE(logits, []float32{0}, []float32{float32(test.x)}, 1)
		if math.Abs(loss-test.loss) > 1e-6*max(1, test.loss) || math.Abs(float64(logits[0])-test.gradient) > 1e-7 {
			t.Errorf("z %g, x %g: loss %g, gradient %g; want %g, %g", test.z, test.x, loss, logits[0], test.loss, test.gradient)
		}
	}
}

func TestNaNShows(t *testing.T) {
	nan := float32(math.NaN())
	for name, f := range map[string]func(x, bias []float32){
		"BiasReLU":    BiasReLU,
		"BiasSigmoid": BiasSigmoid,
		"SigmoidBCE": func(x, bias []float32) {
			if sum := SigmoidBCE(x, bias, []float32{0}, 1); !math.IsNaN(sum) {
				t.Errorf("the loss of NaN is %g", sum)
			}
		},
	} {
		x := []float32{nan}
		if f(x, []float32{0}); !math.IsNaN(float64(x[0])) {
			t.Errorf("%s makes %g of NaN", name, x[0])
		}
	}
}

func TestReLUGradient(t *testing.T) {
	gradient := []float32{1, 2, 3}
	ReLUGradient(gradient, []float32{0, 0.5, -0})
	if !slices.Equal(gradient, []float32{0, 2, 0}) {
		t.Errorf("gradient %v, want [0 2 0]", gradient)
	}
}

func TestL1Gradient(t *testing.T) {
	gradient := []float32{1, 2, 3}
	sum := L1Gradient(gradient, []float32{0, 0.5, 4}, 0.25)
	if sum != 4.5 || !slices.Equal(gradient, []float32{1, 2.25, 3.25}) {
		t.Errorf("sum %g, gradient %v; want 4.5, [1 2.25 3.25]", sum, gradient)
	}
}

// Two steps of Adam by hand, in float64.
func TestAdam(t *testing.T) {
	const beta1, beta2, epsilon = 0.9, 0.999, 1e-7
	gradients := [][]float32{{0.5, -2, 0}, {1, 1, 1e-6}}
	p, m, v := []float32{1, 2, 3}, make([]float32, 3), make([]float32, 3)
	want, m64, v64 := []float64{1, 2, 3}, make([]float64, 3), make([]float64, 3)
	for step, g := range gradients {
		rate := 0.1 * float64(step+1)
		Adam(p, g, m, v, float32(rate), beta1, beta2, epsilon)
		for i := range want {
			gradient := float64(g[i])
			m64[i] = beta1*m64[i] + (1-beta1)*gradient
			v64[i] = beta2*v64[i] + (1-beta2)*gradient*gradient
			want[i] -= rate * m64[i] / (math.Sqrt(v64[i]) + epsilon)
		}
	}
	for i := range want {
		if math.Abs(float64(p[i])-want[i]) > 1e-4 {
			t.Errorf("parameter %d is %g, want %g", i, p[i], want[i])
		}
	}
}
