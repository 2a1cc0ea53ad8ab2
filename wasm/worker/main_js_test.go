package worker

import (
	"os"
	"testing"

	"sae/wasm/simd"
)

// In the browser, the tests train with the kernels that the page trains with.
func TestMain(m *testing.M) {
	simd.Use()
	os.Exit(m.Run())
}
