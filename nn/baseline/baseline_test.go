package baseline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func ExampleFloor() {
	// Black and white have no entropy; a middle grey has nearly one bit.
	fmt.Printf("%.4f\n", Floor([]byte{0, 255}))
	fmt.Printf("%.4f\n", Floor([]byte{127, 128}))
	// Output:
	// 0.0000
	// 0.6931
}

func ExampleMeanImage() {
	train := []byte{0, 255, 255, 0} // two images of two values, whose mean is grey
	mean := MeanImage(train, []byte{0, 255}, 2)
	fmt.Printf("BCE %.4f, MSE %.2f\n", mean.BCE, mean.MSE)
	// Output: BCE 0.6931, MSE 0.25
}

// The closed forms agree with plain loops over images and values.
func TestAgainstLoops(t *testing.T) {
	const dims, n, m = 7, 50, 30
	random := rand.New(rand.NewPCG(1, 2))
	train, validation := make([]byte, n*dims), make([]byte, m*dims)
	for i := range train {
		train[i] = byte(random.IntN(256))
	}
	for i := range validation {
		validation[i] = byte(random.IntN(256))
	}
	var bce, mse, floor float64
	for j := range dims {
		var p float64
		for i := range n {
			p += float64(train[i*dims+j]) / 255 / n
		}
		for i := range m {
			x := float64(validation[i*dims+j]) / 255
			bce -= (x*math.Log(p) + (1-x)*math.Log(1-p)) / (m * dims)
			mse += (x - p) * (x - p) / (m * dims)
			if x > 0 && x < 1 {
				floor -= (x*math.Log(x) + (1-x)*math.Log(1-x)) / (m * dims)
			}
		}
	}
	got := MeanImage(train, validation, dims)
	for _, pair := range []struct {
		name      string
		got, want float64
	}{{"BCE", got.BCE, bce}, {"MSE", got.MSE, mse}, {"floor", Floor(validation), floor}} {
		if math.Abs(pair.got-pair.want) > 1e-12 {
			t.Errorf("%s %.15f, want %.15f", pair.name, pair.got, pair.want)
		}
	}
	if got.BCE <= floor {
		t.Errorf("BCE %g of the mean image is not above the floor %g", got.BCE, floor)
	}
}

func TestDegenerate(t *testing.T) {
	if got := Floor(nil); got != 0 {
		t.Errorf("Floor of nothing is %g, want 0", got)
	}
	if got := MeanImage(nil, []byte{1}, 1); got != (Quality{}) {
		t.Errorf("MeanImage of nothing is %v, want zeros", got)
	}
	// A value that is always 0 in training and 255 in validation.
	if got := MeanImage([]byte{0}, []byte{255}, 1); math.IsInf(got.BCE, 0) || got.BCE < 16 {
		t.Errorf("BCE %g, want −ln 1e-7", got.BCE)
	}
}
