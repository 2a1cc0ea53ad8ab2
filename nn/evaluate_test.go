package nn

import (
	"math"
	"testing"
)

func TestLogarithm(t *testing.T) {
	for y := 1e-8; y < 2; y *= 1.0001 {
		if got, want := logarithm(y), math.Log(y); math.Abs(got-want) > 1e-12 {
			t.Fatalf("ln %g is %.15g, want %.15g", y, got, want)
		}
	}
	for _, y := range []float64{1, 0.5, math.Sqrt2, math.Nextafter(math.Sqrt2, 2), 1 - epsilon, epsilon} {
		if got, want := logarithm(y), math.Log(y); math.Abs(got-want) > 1e-12 {
			t.Errorf("ln %g is %.15g, want %.15g", y, got, want)
		}
	}
}

func TestCrossEntropy(t *testing.T) {
	for _, x := range []float64{0, 0.25, 1} {
		for _, prediction := range []float64{-1, 0, 1e-9, 1e-7, 0.3, 0.999, 1, 2} {
			y := min(max(prediction, 1e-7), 1-1e-7)
			if got, want := CrossEntropy(x, prediction), -(x*math.Log(y) + (1-x)*math.Log1p(-y)); math.Abs(got-want) > 1e-12*max(1, want) {
				t.Errorf("of %g and %g: %.15g, want %.15g", x, prediction, got, want)
			}
		}
	}
	if got := CrossEntropy(0.5, math.NaN()); !math.IsNaN(got) {
		t.Errorf("of a prediction that is not a number: %g", got)
	}
}
