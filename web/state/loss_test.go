package state

import (
	"slices"
	"strings"
	"testing"

	"sae/nn/baseline"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

func TestLogImpliesExcess(t *testing.T) {
	page, _ := open(t)
	page.Loss.ShowLog(true)
	if page.Loss.Quantity != fit.QuantityExcess || !page.Loss.Log {
		t.Errorf("quantity %q, log %t", page.Loss.Quantity, page.Loss.Log)
	}
	page.Loss.Show(fit.QuantityPSNR)
	if page.Loss.Log {
		t.Error("PSNR is shown on a logarithmic scale")
	}
}

func TestPrincipalComponents(t *testing.T) {
	page, worker := open(t)
	worker.types()
	worker.silent = true
	if b := page.Loss.Baselines(); len(b) != 1 || b[0].Name != "mean image" {
		t.Errorf("baselines %v at first, want the mean image", b)
	}
	page.Loss.SwitchMean(false)
	page.Loss.SwitchPCA(true)
	if got := worker.types(); got != "pca" {
		t.Fatalf("commands %q, want pca", got)
	}
	page.Loss.SwitchPCA(false)
	page.Loss.SwitchPCA(true)
	if got := worker.types(); got != "" {
		t.Errorf("asked again: %q", got)
	}
	page.Worker.pending[page.Worker.lastID](protocol.New(protocol.TypeReply, baseline.Quality{BCE: 0.57, MSE: 0.0086}))
	if b := page.Loss.Baselines(); len(b) != 1 || b[0].Name != "PCA-64" || b[0].Quality.MSE != 0.0086 {
		t.Errorf("baselines %v", b)
	}
	page.Set(map[string]string{"latent": "32"}, func(bool, error) {})
	if got := worker.types(); got != "watch configure pca" {
		t.Errorf("commands %q, want the components for 32 units", got)
	}
	if b := page.Loss.Baselines(); len(b) != 0 {
		t.Errorf("baselines %v before the reply", b)
	}
	// A new run interrupts the worker; then it is asked again.
	id := page.Worker.lastID
	page.Set(map[string]string{"latent": "64"}, func(bool, error) {})
	page.Set(map[string]string{"latent": "16"}, func(bool, error) {})
	worker.types()
	page.Worker.pending[id](protocol.Message{Error: "interrupted"})
	if got := worker.types(); got != "pca" {
		t.Errorf("commands %q after an interruption", got)
	}
	page.Worker.pending[page.Worker.lastID](protocol.Message{Error: "pca: does not converge"})
	if got := worker.types(); got != "" {
		t.Errorf("asked again after a failure: %q", got)
	}
	page.Set(map[string]string{"latent": "512"}, func(bool, error) {})
	if got := worker.types(); strings.Contains(got, "pca") || page.Loss.PCAPossible() {
		t.Errorf("commands %q for 512 units", got)
	}
}

// Compare shows how well 1, 2, 4, … components do, once they are computed: when it is shown
// and no run trains. They are asked for once, again after an interruption, and not for codes
// of patches.
func TestCurveOfComponents(t *testing.T) {
	page, worker := open(t)
	worker.types()
	worker.silent = true
	page.Play(func(error) {})
	worker.types()
	page.Status, page.Worker.Kernel = protocol.StatusTraining, "simd"
	page.Visit(ViewCompare)
	if got := worker.types(); got != "" {
		t.Errorf("commands %q while a run trains", got)
	}
	page.Status = protocol.StatusPaused
	page.Visit(ViewCompare)
	page.Visit(ViewCompare)
	if got := worker.types(); got != "pcaCurve" {
		t.Fatalf("commands %q, want one for the curve", got)
	}
	page.Worker.pending[page.Worker.lastID](protocol.Message{Error: "pcaCurve: does not converge"})
	page.Visit(ViewCompare)
	if got := worker.types(); got != "" {
		t.Errorf("asked again after a failure: %q", got)
	}
	page.Set(map[string]string{"latent": "128"}, func(bool, error) {})
	page.Visit(ViewCompare)
	id := page.Worker.lastID
	page.Set(map[string]string{"seed": "2"}, func(bool, error) {})
	page.Worker.pending[id](protocol.Message{Error: "interrupted"})
	worker.types()
	page.Visit(ViewCompare)
	if got := worker.types(); got != "pcaCurve" {
		t.Errorf("commands %q after an interruption", got)
	}
	curve := []baseline.Components{{K: 1, Quality: baseline.Quality{MSE: 0.05}}}
	page.Worker.pending[page.Worker.lastID](protocol.New(protocol.TypeReply, curve))
	if got := page.Loss.PCACurve(); !slices.Equal(got, curve) {
		t.Errorf("curve %v, want %v", got, curve)
	}
	page.Set(map[string]string{"experiment": "6"}, func(bool, error) {})
	worker.types()
	page.Visit(ViewCompare)
	if got := worker.types(); got != "" || page.Loss.WithoutCurve() == "" {
		t.Errorf("commands %q on patches, without a curve because %q", got, page.Loss.WithoutCurve())
	}
}
