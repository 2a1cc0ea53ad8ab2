package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"sae/data"
)

// serveInTwo serves the built site with a data set, whose first bytes come at once, and the
// rest only once it is let through.
func serveInTwo(tb testing.TB, file []byte, first int) (s site, letThrough func()) {
	tb.Helper()
	dir := builtSite(tb, false)
	if err := os.WriteFile(filepath.Join(dir, "data", "index.json"), []byte(`{"datasets":["large.sae"]}`), 0o644); err != nil {
		tb.Fatal(err)
	}
	files, late := http.FileServer(http.Dir(dir)), make(chan struct{})
	s = serveSite(tb, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/data/large.sae" {
			files.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(file)))
		w.Write(file[:first])
		w.(http.Flusher).Flush()
		select {
		case <-late:
			w.Write(file[first:])
		case <-r.Context().Done():
		}
	}))
	letThrough = sync.OnceFunc(func() { close(late) })
	tb.Cleanup(letThrough) // before the server ends, which waits for its answers
	return s, letThrough
}

// large returns a file of a data set of a formula: 10,000 training images and 500 for
// validation.
func large(tb testing.TB) []byte {
	split := func(n, seed int) data.Split {
		s := data.Split{Images: make([]byte, n*data.ImageSize), Labels: make([]byte, n)}
		for i := range n {
			image, k := s.Image(i), i+seed
			for at := range image {
				x, y := at/3%32, at/96
				image[at] = byte(128 + (x-16)*(k%7-3) + (y-16)*(k/7%7-3) + k%50*(at%3))
			}
			s.Labels[i] = byte(i % 2)
		}
		return s
	}
	set := &data.Dataset{Name: "Large", Classes: []string{"even", "odd"}, Train: split(10_000, 0), Validation: split(500, 9)}
	var file bytes.Buffer
	if err := set.Write(&file); err != nil {
		tb.Fatal(err)
	}
	return file.Bytes()
}

// A large data set is shown, and runs start, while the rest of it is still coming, and a run
// gives the same as if it had all been there. If the rest is damaged, the page says so and
// takes the synthetic data set.
func TestLargeDataset(t *testing.T) {
	t.Parallel()
	file := large(t)
	const all = `sae.set({hidden: "16", latent: 4, epochs: 1, workers: 1, batch: 500})`
	history := `JSON.stringify(sae.state().history)`
	open := func(file []byte, first int) (*page, func()) {
		s, letThrough := serveInTwo(t, file, first)
		p := s.open(t, demo, desktop)
		waitFor[bool](p, `"sae" in window`)
		evaluate[chromedp.Void](p, `sae.ready`)
		if name := evaluate[string](p, `sae.state().dataset.name + sae.state().dataset.train`); name != "Large10000" {
			t.Fatalf("data set %q", name)
		}
		return p, letThrough
	}
	p, letThrough := open(file, len(file)/10)
	if n := evaluate[int](p, `document.querySelectorAll(".reconstructions canvas").length`); n == 0 {
		t.Error("no pictures are shown")
	}
	evaluate[chromedp.Void](p, all+`.then(() => sae.play())`)
	waitFor[bool](p, `/\d % of the pictures/.test(document.querySelector(".bar .read").innerText)`)
	evaluate[chromedp.Void](p, `sae.decode(new Float32Array([0, 1, 0, 1]))`) // which works meanwhile
	p.screenshot("large-dataset")
	letThrough()
	waitFor[bool](p, `sae.state().status === "done"`)
	got := evaluate[string](p, history)

	whole, _ := open(file, len(file))
	evaluate[chromedp.Void](whole, all+`.then(() => sae.play())`)
	waitFor[bool](whole, `sae.state().status === "done"`)
	if want := evaluate[string](whole, history); got != want {
		t.Errorf("trained while the data set came: %s, want %s", got, want)
	}

	damaged := bytes.Clone(file)
	damaged[len(file)-3] ^= 0x55
	p, letThrough = open(damaged, len(file)/2)
	evaluate[chromedp.Void](p, all+`.then(() => sae.play())`)
	letThrough()
	waitFor[bool](p, `sae.state().dataset.name === "Synthetic"`)
	if text := p.notice(); !strings.Contains(text, "large.sae: data: checksum of the images is") || !strings.Contains(text, "The synthetic one takes its place") {
		t.Errorf("notice %q", text)
	}
	waitFor[bool](p, `sae.state().status === "done"`)
}
