package simd

import (
	"path"
	"testing"

	"sae/nn/fit/enginetest"
	"sae/nn/golden"
	"sae/nn/kernel/kerneltest"
)

// Training with each module agrees with the reference traces.
func TestGoldenTraces(t *testing.T) {
	traces, err := golden.Read("../../../shared/golden")
	if err != nil {
		t.Fatal(err)
	}
	forAll(t, func(t *testing.T, k *Kernels) {
		kerneltest.Use(t, k)
		for _, trace := range traces {
			differences, err := trace.Replay(enginetest.CPU)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("golden: %-28s %s in Chromium: %v", trace.Name, path.Base(t.Name()), differences)
			if differences.Largest() > golden.Tolerance {
				t.Errorf("%s: want at most %.0e", trace.Name, golden.Tolerance)
			}
		}
	})
}
