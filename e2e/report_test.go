package e2e

import (
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The report of tools/train, opened as a file, draws its charts in light and dark without
// other files.
func TestReport(t *testing.T) {
	file, err := filepath.Abs(filepath.Join(t.TempDir(), "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	train := exec.Command("go", "run", "./tools/train", "-hidden", "16", "-latent", "8", "-epochs", "2", "-subset", "512", "-report", file)
	train.Dir = ".."
	if output, err := train.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	p := open(t, "bench.html", desktop)
	p.do(chromedp.Navigate((&url.URL{Scheme: "file", Path: file}).String()))
	const ink = `(() => {
		const context = document.querySelector(".chart canvas").getContext("2d");
		const {data, width, height} = context.getImageData(0, 0, context.canvas.width, context.canvas.height);
		let n = 0;
		for (let i = 3; i < data.length; i += 4) if (data[i]) n++;
		return n / (width * height);
	})()`
	if n := waitFor[int](p, `[...document.querySelectorAll(".chart")].filter((chart) => chart.querySelector("canvas")).length`); n != 7 {
		t.Errorf("%d charts, want 7", n)
	}
	if drawn := evaluate[float64](p, ink); drawn < 0.005 {
		t.Errorf("the first chart has %.2f %% of its pixels drawn", 100*drawn)
	}
	if n := evaluate[int](p, `[...document.images].filter((image) => image.naturalWidth === 32).length`); n <= 20 || n > 20+8 {
		t.Errorf("%d pictures, want 10 with their reconstructions and what each of up to 8 units adds", n)
	} else if want := fmt.Sprintf("%d of 8 latent units are active on at least one image, %d are dead.", n-20, 28-n); !strings.Contains(evaluate[string](p, `document.querySelector(".units").textContent`), want) {
		t.Errorf("the report does not say that %s", want)
	}
	p.screenshot("report")
	p.look(desktop.inDark())
	evaluate[chromedp.Void](p, `new Promise((done) => setTimeout(done, 100))`)
	p.screenshot("report-dark")
}
