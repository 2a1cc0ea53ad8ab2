package worker

import (
	"os"
	"testing"

	"sae/wasm/simd"
)

// In the browser, the tests train with the kernels that the page trains with. A batch takes
// these less than turnInterval, so the worker takes a turn at each yield.
func TestMain(m *testing.M) {
	simd.Use()
	turnInterval = 0
	os.Exit(m.Run())
}
