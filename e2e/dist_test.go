package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// makeDist runs tools/dist on a built site, without compression, and returns the folder.
func makeDist(tb testing.TB, site string) (dir string) {
	tb.Helper()
	dir = filepath.Join(tb.TempDir(), "dist")
	if text, err := exec.Command("../build/bin/dist", "-site", site, "-o", dir, "-compress=false").CombinedOutput(); err != nil {
		tb.Fatalf("dist: %v\n%s", err, text)
	}
	return dir
}

// copySite returns a copy of the built site without a data set, in which change modifies
// files.
func copySite(tb testing.TB, change map[string]func(content string) string) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../build/site")); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "index.json"), []byte(`{"datasets":[]}`), 0o644); err != nil {
		tb.Fatal(err)
	}
	for name, change := range change {
		file := filepath.Join(dir, name)
		content, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(change(string(content))), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// age sets the time of a folder's files to an hour ago.
func age(tb testing.TB, dir string) {
	tb.Helper()
	then := time.Now().Add(-time.Hour)
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(path, then, then))
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// A staticHost is a plain server: without compression, and with only the headers of Go's
// file server. The folder that it serves can be replaced.
type staticHost struct {
	*httptest.Server
	dir atomic.Pointer[string]
}

const somePath = "/some/path/"

// serveDist serves a folder under somePath.
func serveDist(tb testing.TB, dir string) *staticHost {
	tb.Helper()
	h := new(staticHost)
	h.dir.Store(&dir)
	mux := http.NewServeMux()
	mux.Handle(somePath, http.StripPrefix(somePath, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.FileServer(http.Dir(*h.dir.Load())).ServeHTTP(w, r)
	})))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { // what else the origin has
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!doctype html><link rel="icon" href="data:,">`)
	})
	h.Server = httptest.NewServer(mux)
	tb.Cleanup(h.Close)
	return h
}

func (h *staticHost) site() site { return site(h.URL + somePath) }

// goOffline cuts the page and its workers off from the network.
func (p *page) goOffline() {
	p.tb.Helper()
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		offline := true
		_, err := chromedp.Call(ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			EmulateOfflineServiceWorker: &offline,
			MatchedNetworkConditions:    []*network.Conditions{{Offline: true, DownloadThroughput: -1, UploadThroughput: -1}},
		})
		return err
	}))
}

// train trains until there is a loss, on a small network.
func (p *page) train() {
	p.tb.Helper()
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 8, epochs: 2}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().status === "done"`)
	if s := state(p); len(s.History) != 2 || s.History[0].Loss <= 0 {
		p.tb.Errorf("after training: %+v", s)
	}
}

// A plain static host can serve the demo under any path, and the second visit needs no
// network.
func TestDistOffline(t *testing.T) {
	t.Parallel()
	host := serveDist(t, makeDist(t, copySite(t, nil)))
	p := host.site().open(t, demo, desktop)
	p.train()
	evaluate[chromedp.Void](p, `navigator.serviceWorker.ready`)

	p.goOffline()
	host.Close()
	for _, address := range []string{"?latent=4", "index.html"} { // the folder, and the page by its name
		p.do(chromedp.Navigate("about:blank"), chromedp.Navigate(string(p.site)+address))
		p.train()
		evaluate[chromedp.Void](p, `sae.set({workers: 2}).then(() => sae.set({epochs: 3})).then(() => sae.play())`) // starts a worker in a worker
		waitFor[bool](p, `sae.state().status === "done" && sae.state().history.length === 3`)
	}
	p.screenshot("offline")
	p.do(chromedp.Navigate(string(p.site) + "embed.html?load=auto"))
	p.train()
}

// An embedded demo registers no service worker.
func TestDistEmbed(t *testing.T) {
	t.Parallel()
	built := serveDist(t, makeDist(t, copySite(t, nil))).site()
	p := built.host(t, desktop, `<sparse-autoencoder id="one" hidden="16" latent="8" epochs="2"></sparse-autoencoder>`)
	evaluate[chromedp.Void](p, `one.play()`)
	waitFor[bool](p, `one.state().then(({ status }) => status === "done")`)
	// The page itself in a frame registers none either.
	evaluate[chromedp.Void](p, fmt.Sprintf(`new Promise((resolve) => {
		const frame = Object.assign(document.createElement("iframe"), { src: %q });
		frame.onload = resolve;
		document.body.append(frame);
	})`, built))
	// bench.html has the origin of the frames and registers nothing by itself.
	p.do(chromedp.Navigate(string(built) + "bench.html"))
	if n := evaluate[int](p, `navigator.serviceWorker.getRegistrations().then((all) => all.length)`); n != 0 {
		t.Errorf("%d service workers after a visit to a page with the demo in a frame, want none", n)
	}
}

// A new deployment shows at the next visit. An open page of the earlier build keeps working,
// and no page mixes the two builds.
func TestDistDeployment(t *testing.T) {
	t.Parallel()
	first := makeDist(t, copySite(t, nil))
	second := makeDist(t, copySite(t, map[string]func(string) string{
		"index.html": func(s string) string { return strings.Replace(s, "</title>", ", second build</title>", 1) },
		"style.css":  func(s string) string { return s + ":root { --build: second }\n" },
		"program.js": func(s string) string { return s + "globalThis.build = \"second\";\n" },
		"worker.js":  func(s string) string { return s + "// second\n" },
	}))
	age(t, first) // makes the second build's files newer, for If-Modified-Since
	host := serveDist(t, first)
	p := host.site().open(t, demo, desktop)
	p.train()
	evaluate[chromedp.Void](p, `navigator.serviceWorker.ready`)
	waitFor[bool](p, `navigator.serviceWorker.controller !== null`)
	check := func(visit, want string, dir string) {
		t.Helper()
		type found struct {
			Title, Style, Program string
			Loaded                []string
		}
		f := evaluate[found](p, `({
			title: document.title,
			style: getComputedStyle(document.documentElement).getPropertyValue("--build").trim(),
			program: globalThis.build ?? "",
			loaded: performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => name.startsWith("http")),
		})`)
		if f.Style != want || f.Program != want || strings.Contains(f.Title, "second") != (want == "second") {
			t.Errorf("%s: %+v, want all of the build %q", visit, f, want)
		}
		if len(f.Loaded) < 8 {
			t.Errorf("%s: loaded only %v", visit, f.Loaded)
		}
		for _, address := range f.Loaded {
			name := strings.TrimPrefix(address, string(p.site))
			if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
				t.Errorf("%s: loaded %s, which is of another build", visit, name)
			}
		}
	}
	check("before", "", first)

	host.dir.Store(&second)
	// A team needs a new worker, whose script the host no longer has.
	evaluate[chromedp.Void](p, `sae.set({workers: 2}).then(() => sae.set({epochs: 3})).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().status === "done" && sae.state().history.length === 3`)
	check("still open", "", first)

	p.do(chromedp.Navigate(string(p.site) + demo))
	p.train()
	check("next visit", "second", second)

	// The second build's service worker takes over when no page of the first is open, and
	// deletes its cache.
	waitFor[bool](p, `navigator.serviceWorker.getRegistration().then((r) => r.waiting !== null)`)
	p.do(chromedp.Navigate(host.URL))
	waitFor[bool](p, `navigator.serviceWorker.getRegistration("`+somePath+`").then((r) => r.active.state === "activated" && !r.waiting)`)
	if names := evaluate[[]string](p, `caches.keys()`); len(names) != 1 {
		t.Errorf("caches %v, want that of the second build", names)
	}
	host.Close()
	p.goOffline()
	p.do(chromedp.Navigate(string(p.site) + demo))
	p.train()
	check("offline", "second", second)
}

// A program of another build does not run, and a message says why. Where a page may not
// compute hashes, the browser checks it.
func TestDistWrongFile(t *testing.T) {
	t.Parallel()
	dir := makeDist(t, copySite(t, nil))
	programs, err := filepath.Glob(filepath.Join(dir, "sae.*.wasm"))
	if err != nil || len(programs) != 1 {
		t.Fatalf("programs %v, %v", programs, err)
	}
	content, err := os.ReadFile(programs[0])
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)-1] ^= 1
	if err := os.WriteFile(programs[0], content, 0o644); err != nil {
		t.Fatal(err)
	}
	site := serveDist(t, dir).site()
	for name, test := range map[string]struct {
		before, want string
		problems     []string
	}{
		"secure":   {``, "sae.wasm is incomplete or damaged: it is not what the page was built with", []string{"incomplete or damaged"}},
		"insecure": {`Object.defineProperty(window, "isSecureContext", { value: false })`, "sae.wasm could not be fetched", []string{"valid digest", "integrity checks failed", "valid digest", "integrity checks failed", "Failed to fetch"}}, // the page tries twice, as the first copy may come from a cache
	} {
		t.Run(name, func(t *testing.T) {
			p := openBlank(t)
			for _, problem := range test.problems {
				p.expectProblem(problem)
			}
			p.before(test.before)
			p.do(chromedp.Navigate(string(site) + demo))
			text := waitFor[string](p, `"boot" in window && !boot.hidden && boot.innerText`)
			if !strings.Contains(text, "The demo did not start: "+test.want) {
				t.Errorf("the page says %q, want %q", text, test.want)
			}
		})
	}
}

// All references in the build are relative addresses of existing files.
func TestDistReferences(t *testing.T) {
	t.Parallel()
	dir := makeDist(t, "../build/site")
	reference := regexp.MustCompile(`["'(]([\w./-]+\.(?:css|html|js|json|png|sae|svg|wasm|webmanifest))["')]`)
	count := 0
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".css", ".html", ".js", ".json", ".webmanifest"}, filepath.Ext(name)) {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		for _, m := range reference.FindAllStringSubmatch(string(content), -1) {
			if m[1] == "Node.js" { // a text of ECharts
				continue
			}
			count++
			if _, err := os.Stat(filepath.Join(dir, filepath.Dir(name), m[1])); err != nil || strings.HasPrefix(m[1], "/") {
				t.Errorf("%s refers to %q, which is no file beside it", name, m[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if count < 30 {
		t.Errorf("found only %d references", count)
	}
}
