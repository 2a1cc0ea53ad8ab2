package nn_test

import (
	"runtime"
	"testing"

	"sae/nn/fit/enginetest"
	"sae/nn/golden"
)

// Training agrees with the reference traces of Keras's loss and optimiser in every loss,
// first gradient, final weight and reconstruction.
func TestGoldenTraces(t *testing.T) {
	traces, err := golden.Read("../../shared/golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, trace := range traces {
		differences, err := trace.Replay(enginetest.CPU)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("golden: %-28s gonum, %s/%s: %v", trace.Name, runtime.GOOS, runtime.GOARCH, differences)
		if differences.Largest() > golden.Tolerance {
			t.Errorf("%s: want at most %.0e", trace.Name, golden.Tolerance)
		}
	}
}
