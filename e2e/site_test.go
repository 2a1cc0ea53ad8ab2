package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestDemoStarts(t *testing.T) {
	t.Parallel()
	p := openDemo(t, desktop)
	if title := run(p, chromedp.Title()); !strings.Contains(title, "Sparse autoencoder") {
		t.Errorf("title %q, want the name of the demo in it", title)
	}
	p.screenshot("start")
}

func TestSiteIsComplete(t *testing.T) {
	t.Parallel()
	for path, contentType := range map[string]string{
		"":                "text/html; charset=utf-8",
		"sae.wasm":        "application/wasm",
		"wasm_exec.js":    "text/javascript; charset=utf-8",
		"echarts.js":      "text/javascript; charset=utf-8",
		"data/index.json": "application/json; charset=utf-8",
	} {
		response, err := http.Head(siteURL(t) + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != contentType {
			t.Errorf("%q: status %d, content type %q, want 200 and %q", path, response.StatusCode, got, contentType)
		}
	}
}
