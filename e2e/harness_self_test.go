package e2e

import (
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestProblemsAreSeen causes every kind of problem that the harness must notice. It fails if
// one goes unnoticed.
func TestProblemsAreSeen(t *testing.T) {
	p := host(t, desktop, "") // the site's own pages forbid workers from blobs
	for _, problem := range []struct{ pattern, script string }{
		{`^deliberate error$`, `console.error("deliberate error")`},
		{`^panic: deliberate`, `console.log("panic: deliberate")`},
		{`deliberate exception`, `setTimeout(() => { throw new Error("deliberate exception") })`},
		{`deliberate rejection`, `void Promise.reject(new Error("deliberate rejection"))`},
		{`404`, `fetch("missing.html")`},
		{`Content Security Policy`, `document.head.insertAdjacentHTML("beforeend", "<meta http-equiv='Content-Security-Policy' content='img-src self'>"); new Image().src = "data:,"`},
		{`deliberate worker error`, `inWorker('console.error("deliberate worker error")')`},
		{`deliberate worker exception`, `inWorker('setTimeout(() => { throw new Error("deliberate worker exception") })')`},
	} {
		p.expectProblem(problem.pattern)
		evaluate[chromedp.Void](p, `
			var inWorker = (script) => new Promise((resolve) => {
				const worker = new Worker(URL.createObjectURL(new Blob([script + "; setTimeout(() => postMessage(0), 50)"])));
				worker.onmessage = resolve;
			});
			`+problem.script)
	}
	evaluate[chromedp.Void](p, `new Promise((resolve) => setTimeout(resolve, 100))`)
}

// TestServerThatSaysOtherwise starts servers that run but do not print their address.
func TestServerThatSaysOtherwise(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"echo Listening at port 1; exec sleep 3600": `"Listening at port 1\n" and ""`,
		"echo Serving >&2; exec sleep 3600":         `"" and "Serving\n"`,
		"echo no site >&2; exit 1":                  `"" and "no site\n"`,
	} {
		// The timeout is ample for a shell.
		if _, _, err := startAnnounced(exec.Command("sh", "-c", script), 5*time.Second); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want what it printed, %s", script, err, want)
		}
	}
}

func TestView(t *testing.T) {
	p := open(t, "bench.html", phone.inDark())
	if !evaluate[bool](p, `matchMedia("(prefers-color-scheme: dark)").matches && matchMedia("(pointer: coarse)").matches`) {
		t.Error("the page does not see a dark phone")
	}
	p.screenshot("harness")
	file, err := os.Open(filepath.Join(screenshots, "harness.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	config, err := png.DecodeConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if config.Width != 780 || config.Height != 1688 {
		t.Errorf("screenshot of %d×%d pixels, want 780×1688", config.Width, config.Height)
	}

	p.look(desktop)
	if !evaluate[bool](p, `innerWidth === 1440 && innerHeight === 900 && matchMedia("(prefers-color-scheme: light)").matches`) {
		t.Error("the page does not see a light desktop")
	}
}

func TestSetFiles(t *testing.T) {
	t.Parallel()
	p := open(t, "bench.html", desktop)
	evaluate[chromedp.Void](p, `document.body.append(Object.assign(document.createElement("input"), {type: "file", hidden: true}))`)
	p.setFiles("input[type=file]", "harness_self_test.go")
	if name := evaluate[string](p, `document.querySelector("input[type=file]").files[0].name`); name != "harness_self_test.go" {
		t.Errorf("the page was given %q, want harness_self_test.go", name)
	}
}
