package simd

import (
	"flag"
	"math"
	"testing"

	"gonum.org/v1/gonum/blas"

	"sae/nn/kernel/kerneltest"
)

// forAll runs a test for each module.
func forAll(t *testing.T, test func(t *testing.T, k *Kernels)) {
	for _, module := range modules {
		t.Run(module.name, func(t *testing.T) {
			k, err := link(module.name, module.code)
			if err != nil {
				t.Fatal(err)
			}
			test(t, k)
		})
	}
}

func TestKernels(t *testing.T) {
	forAll(t, func(t *testing.T, k *Kernels) { kerneltest.Test(t, k) })
}

func TestSgemmParts(t *testing.T) {
	forAll(t, func(t *testing.T, k *Kernels) { kerneltest.SgemmParts(t, k) })
}

// -every 1 takes minutes.
var every = flag.Uint("every", 1009, "test the accuracy on every `n`th float32")

func TestAccuracy(t *testing.T) {
	forAll(t, func(t *testing.T, k *Kernels) { kerneltest.Accuracy(t, k, uint32(*every)) })
}

// With alpha 0, neither A nor B is read. gonum reads A.
func TestSgemmAlphaZero(t *testing.T) {
	forAll(t, func(t *testing.T, k *Kernels) {
		nan := []float32{float32(math.NaN())}
		c := []float32{2}
		k.Sgemm(blas.NoTrans, blas.NoTrans, 1, 1, 1, 0, nan, 1, nan, 1, 3, c, 1)
		if c[0] != 6 {
			t.Errorf("0 · NaN · NaN + 3 · 2 is %g, want 6", c[0])
		}
	})
}
