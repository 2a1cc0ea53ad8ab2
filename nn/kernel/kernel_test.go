package kernel_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/gonum"

	"sae/nn/kernel"
	"sae/nn/kernel/kerneltest"
)

// plain is the fallback that training uses without SIMD.
type plain struct {
	gonum.Implementation
	kernel.Plain
}

func TestPlain(t *testing.T)      { kerneltest.Test(t, plain{}) }
func TestAccuracy(t *testing.T)   { kerneltest.Accuracy(t, plain{}, 1009) }
func BenchmarkPlain(b *testing.B) { kerneltest.Bench(b, plain{}, nil) }

// If lengths do not fit, functions panic with a message that names them before they
// write anything, whatever the capacity of a slice.
func TestPanics(t *testing.T) {
	numbers := func(n int) []float32 { return slices.Repeat([]float32{7}, n+8)[:n] }
	for _, test := range []struct {
		want string
		call func(x []float32)
		n    int // of x
	}{
		{"FromBytes of slices with 2 and 3", func(x []float32) { kernel.FromBytes(x, make([]byte, 3)) }, 2},
		{"FromBytes of slices with 2 and 1", func(x []float32) { kernel.FromBytes(x, make([]byte, 1)) }, 2},
		{"BiasReLU of 4 numbers in rows of 3", func(x []float32) { kernel.BiasReLU(x, numbers(3)) }, 4},
		{"BiasReLU of 4 numbers in rows of 0", func(x []float32) { kernel.BiasReLU(x, nil) }, 4},
		{"BiasSigmoid of 4 numbers in rows of 3", func(x []float32) { kernel.BiasSigmoid(x, numbers(3)) }, 4},
		{"BiasSigmoid of 4 numbers in rows of 0", func(x []float32) { kernel.BiasSigmoid(x, nil) }, 4},
		{"ReLUGradient of slices with 2 and 3", func(x []float32) { kernel.ReLUGradient(x, numbers(3)) }, 2},
		{"ReLUGradient of slices with 3 and 2", func(x []float32) { kernel.ReLUGradient(x, numbers(2)) }, 3},
		{"SigmoidBCE of slices with 3 and 4", func(x []float32) { kernel.SigmoidBCE(x, numbers(2), numbers(3), 1) }, 4},
		{"SigmoidBCE of 4 numbers in rows of 3", func(x []float32) { kernel.SigmoidBCE(x, numbers(3), numbers(4), 1) }, 4},
		{"SigmoidBCE of 4 numbers in rows of 0", func(x []float32) { kernel.SigmoidBCE(x, nil, numbers(4), 1) }, 4},
		{"ColumnSums of 4 numbers in rows of 3", func(x []float32) { kernel.ColumnSums(x, numbers(4)) }, 3},
		{"ColumnSums of 4 numbers in rows of 0", func(x []float32) { kernel.ColumnSums(x, numbers(4)) }, 0},
		{"L1Gradient of slices with 2 and 3", func(x []float32) { kernel.L1Gradient(x, numbers(3), 1) }, 2},
		{"Adam of slices with 2 and 3", func(x []float32) { kernel.Adam(x, numbers(2), numbers(3), numbers(3), 1, 0, 0, 1) }, 3},
		{"Adam of slices with 4 and 3", func(x []float32) { kernel.Adam(x, numbers(3), numbers(4), numbers(3), 1, 0, 0, 1) }, 3},
		{"Adam of slices with 2 and 3", func(x []float32) { kernel.Adam(x, numbers(3), numbers(3), numbers(2), 1, 0, 0, 1) }, 3},
	} {
		x := numbers(test.n)
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "kernel: "+test.want) {
					t.Errorf("panic %s, want %s", got, test.want)
				}
			}()
			test.call(x)
		}()
		if room := x[:cap(x)]; slices.ContainsFunc(room, func(value float32) bool { return value != 7 }) {
			t.Errorf("%s writes %g before it panics", test.want, room)
		}
	}
}

func ExampleSigmoidBCE() {
	logits := []float32{0, 2}
	sum := kernel.SigmoidBCE(logits, []float32{0, 0}, []float32{1, 1}, 1)
	fmt.Printf("loss %.4f, gradient %.4f\n", sum, logits)
	// Output: loss 0.8201, gradient [-0.5000 -0.1192]
}

func ExampleBiasReLU() {
	x := []float32{1, -2, 3, -4} // two rows
	kernel.BiasReLU(x, []float32{-2, 3})
	fmt.Println(x)
	// Output: [0 1 1 0]
}
