package simd

import (
	"flag"
	"math"
	"testing"
)

// -every 1 takes minutes; the documentation gives what it showed.
var every = flag.Int("every", 1009, "test the accuracy on every `n`th float32")

// ulps returns the distance of got from want in units in the last place of a
// float32 of the size of want.
func ulps(got, want float64) float64 {
	_, exponent := math.Frexp(want)
	return math.Abs(got-want) / math.Ldexp(1, max(exponent-24, -149))
}

// The largest errors over the numbers from −largest to largest, in ulp: of the
// sigmoid, and of the loss −log(1 − sigmoid(z)), which is all of exp and log1p.
func TestAccuracy(t *testing.T) {
	const largest = 1e5
	forAll(t, func(t *testing.T, k kernels) {
		var sigmoid, loss, sigmoidAt, lossAt float64
		limit := math.Float32bits(largest)
		block := make([]float32, 0, 4096)
		values := make([]float32, 0, cap(block))
		bias, target, logit := []float32{0}, []float32{0}, []float32{0}
		check := func() {
			values = append(values[:0], block...)
			k.BiasSigmoid(block, bias)
			for i, z := range values {
				e := math.Exp(-math.Abs(float64(z)))
				want := 1 / (1 + e)
				if z < 0 {
					want = e / (1 + e)
				}
				if d := ulps(float64(block[i]), want); !(d <= sigmoid) {
					sigmoid, sigmoidAt = d, float64(z)
				}
				logit[0] = z
				if d := ulps(k.SigmoidBCE(logit, bias, target, 1), max(float64(z), 0)+math.Log1p(e)); !(d <= loss) {
					loss, lossAt = d, float64(z)
				}
			}
			block = block[:0]
		}
		for bits := uint32(0); bits <= limit; bits += uint32(*every) {
			z := math.Float32frombits(bits)
			if block = append(block, z, -z); len(block) == cap(block) {
				check()
			}
		}
		check()
		t.Logf("largest errors: sigmoid %.2f ulp at %g, loss %.2f ulp at %g", sigmoid, sigmoidAt, loss, lossAt)
		if !(sigmoid <= 3) || !(loss <= 3) {
			t.Error("want at most 3 ulp")
		}
	})
}
