package kernel_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
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
		{"BiasSquares of slices with 3 and 4", func(x []float32) { kernel.BiasSquares(x, numbers(2), numbers(3), 1) }, 4},
		{"BiasSquares of 4 numbers in rows of 3", func(x []float32) { kernel.BiasSquares(x, numbers(3), numbers(4), 1) }, 4},
		{"TopK of 4 numbers in rows of 3", func(x []float32) { kernel.TopK(x, 3, 1, make([]uint32, 3)) }, 4},
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

// TopK keeps what sorting does, the first of equals.
func TestTopK(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for columns := 1; columns < 60; columns++ {
		row := make([]float32, columns)
		for j := range row {
			row[j] = float32(max(0, random.IntN(12)-3)) // many zeros and equals
		}
		order := make([]int, columns)
		for j := range order {
			order[j] = j
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(row[b], row[a]) })
		for k := 1; k <= columns; k++ {
			want := make([]float32, columns)
			for _, j := range order[:k] {
				want[j] = row[j]
			}
			got := slices.Concat(row, row)
			kernel.TopK(got, columns, k, make([]uint32, columns))
			if !slices.Equal(got, slices.Concat(want, want)) {
				t.Fatalf("the %d largest of %v are %v, want %v", k, row, got[:columns], want)
			}
		}
	}
	nan := float32(math.NaN())
	row := []float32{3, nan, float32(math.Inf(1)), 0}
	if kernel.TopK(row, 4, 1, make([]uint32, 4)); row[1] == row[1] || row[0] != 0 || row[2] != 0 {
		t.Errorf("the largest is %v, want NaN", row)
	}
}

func TestRowSquares(t *testing.T) {
	x := make([]float32, 40)
	for i := range x {
		x[i] = float32(i)
	}
	for columns := range 11 {
		sums := make([]float32, 4)
		kernel.RowSquares(sums, x, columns, 10)
		for i, sum := range sums {
			want := float32(0)
			for _, value := range x[i*10:][:columns] {
				want += value * value
			}
			if sum != want {
				t.Errorf("sum %g of %d squares in row %d, want %g", sum, columns, i, want)
			}
		}
	}
}

func ExampleBiasSquares() {
	outputs := []float32{0, 2}
	sum := kernel.BiasSquares(outputs, []float32{0.5, 0}, []float32{1, 1}, 2)
	fmt.Println(sum, outputs)
	// Output: 1.25 [-1 2]
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
