package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// useSite serves a copy of the built site, as that of a test, by a plain static server,
// without a data set or with CIFAR-10 from ../shared. It returns the folder that is served.
func useSite(tb testing.TB, withCIFAR bool) (dir string) {
	tb.Helper()
	dir = builtSite(tb, withCIFAR)
	useAddress(tb, string(serveSite(tb, http.FileServer(http.Dir(dir)))))
	return dir
}

// newSite is useSite for some pages of a test.
func newSite(tb testing.TB, withCIFAR bool) site {
	tb.Helper()
	return serveSite(tb, http.FileServer(http.Dir(builtSite(tb, withCIFAR))))
}

func serveSite(tb testing.TB, handler http.Handler) site {
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return site(server.URL + "/")
}

func builtSite(tb testing.TB, withCIFAR bool) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../build/site")); err != nil {
		tb.Fatal(err)
	}
	index := `{"datasets":[]}`
	if withCIFAR {
		index = `{"datasets":["cifar10.sae"]}`
		convertCIFAR(tb, filepath.Join(dir, "data", "cifar10.sae"))
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "index.json"), []byte(index), 0o644); err != nil {
		tb.Fatal(err)
	}
	return dir
}

const cifarFolder = "../../shared/cifar-10-batches-bin"

func convertCIFAR(tb testing.TB, output string) {
	tb.Helper()
	if _, err := os.Stat(cifarFolder); err != nil {
		tb.Skip("no CIFAR-10 in ../shared/cifar-10-batches-bin beside the repository")
	}
	if text, err := exec.Command("go", "run", "../tools/convert", "-o", output, cifarFolder).CombinedOutput(); err != nil {
		tb.Fatalf("convert: %v\n%s", err, text)
	}
}

// snapshot is what the tests read of sae.state().
type snapshot struct {
	Status  string
	Epoch   int
	Batch   int
	Dataset struct {
		Name              string
		Train, Validation int
		MeanBCE           float64 `json:"meanBce"`
	}
	Settings struct {
		Experiment, Latent, Epochs int
		Lambda                     float64
	}
	History []struct {
		Epoch                       int
		Loss, ValLoss, ValBCE, PSNR float64
	}
	ImagesPerSecond float64
	Kernel          string
	Workers         int
	Error           string
}

func state(p *page) snapshot {
	p.tb.Helper()
	var s snapshot
	if err := json.Unmarshal([]byte(evaluate[string](p, `JSON.stringify(sae.state())`)), &s); err != nil {
		p.tb.Fatal(err)
	}
	return s
}

// watchLongTasks records the longest task of the main thread from now on.
const watchLongTasks = `window.longest = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) longest = Math.max(longest, entry.duration);
}).observe({type: "longtask"}); true`

// catchFiles puts the files that the page saves into window.saved, instead of on the disk.
const catchFiles = `(() => {
	const files = new Map(), create = URL.createObjectURL;
	URL.createObjectURL = (file) => {
		const address = create(file);
		files.set(address, file);
		return address;
	};
	HTMLAnchorElement.prototype.click = function () {
		window.saved = new File([files.get(this.href)], this.download);
	};
})()`

// The first visit, without files: press Train and watch.
func TestTrainSynthetic(t *testing.T) {
	useSite(t, false)
	p := openDemo(t, desktop)
	p.screenshot("first")
	if s := state(p); s.Dataset.Name != "Synthetic" || s.Status != "idle" {
		t.Fatalf("first visit: %+v", s)
	}
	evaluate[bool](p, watchLongTasks)
	evaluate[chromedp.Void](p, `sae.play()`)
	waitFor[bool](p, `sae.state().history.length >= 2`)
	p.screenshot("training")
	p.look(desktop.inDark())
	p.screenshot("training-dark")
	p.look(phone)
	p.screenshot("training-phone")
	// On every screen, also that of a desktop at a zoom of 200 %, the pictures fill their row.
	for _, width := range []int64{360, 390, 640, 768, 880, 1440, 2560} {
		p.look(view{width: width, height: 1300, scale: 1, mobile: width < 480})
		p.screenshot(fmt.Sprintf("training-%d", width))
		if p.scrollsSideways() {
			t.Errorf("the page scrolls sideways at a width of %d", width)
		}
		if out := evaluate[[]string](p, `[...document.querySelectorAll("main .panel")].flatMap((panel) => [...panel.querySelectorAll("button, .pic")]
			.filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > panel.getBoundingClientRect().right - 3).map((e) => e.outerHTML.slice(0, 80)))`); len(out) > 0 {
			t.Errorf("at a width of %d, these reach past their panel's edge: %q", width, out)
		}
		if share := evaluate[float64](p, `(() => {
			const widths = [...document.querySelector(".row").children].map((e) => e.getBoundingClientRect()).filter(({ width }) => width);
			return widths.reduce((sum, { width }) => sum + width, 0) / (widths.at(-1).right - widths[0].left);
		})()`); share < 0.7 {
			t.Errorf("at a width of %d, the pictures fill %.2f of their row", width, share)
		}
		if share := evaluate[float64](p, `document.querySelector(".first").offsetWidth / innerWidth`); share < 0.85 {
			t.Errorf("at a width of %d, the panels fill %.2f of it", width, share)
		}
	}
	t.Logf("longest task of the main thread while training: %.0f ms", evaluate[float64](p, `longest`))
	evaluate[chromedp.Void](p, `sae.pause()`)
	s := state(p)
	if s.Status != "paused" || s.History[1].ValLoss >= s.Dataset.MeanBCE+0.01 {
		t.Errorf("after two epochs: %+v", s)
	}
	t.Logf("%.0f images/s with kernel %s", s.ImagesPerSecond, s.Kernel)
	evaluate[chromedp.Void](p, `sae.step()`)
	evaluate[chromedp.Void](p, `sae.reset()`)
	if s := state(p); s.Status != "idle" || len(s.History) != 0 || s.Epoch != 0 {
		t.Errorf("after reset: %+v", s)
	}
}

// Each experiment beats the mean training image on real CIFAR-10 within five
// epochs, and the tuned one the principal components in cross-entropy. Each trains until
// it does.
func TestExperimentsOnCIFAR(t *testing.T) {
	useSite(t, true)
	p := openDemo(t, desktop)
	s := state(p)
	if s.Dataset.Name != "CIFAR-10" || s.Dataset.Train != 3728 || s.Dataset.Validation != 500 {
		t.Fatalf("data set %+v", s.Dataset)
	}
	waitFor[bool](p, `sae.state().dataset.meanBce > 0`) // once all training images have come
	s = state(p)
	evaluate[bool](p, watchLongTasks)
	for experiment := 1; experiment <= 4; experiment++ {
		better := s.Dataset.MeanBCE
		if experiment == 4 {
			better = 0.5728 // of 64 principal components of these records
		}
		evaluate[chromedp.Void](p, fmt.Sprintf(`sae.set({experiment: %d, epochs: 5}).then(() => sae.play())`, experiment))
		for epoch := 0; epoch < 5; epoch++ { // each within actionTimeout
			waitFor[bool](p, fmt.Sprintf(`sae.state().history.length > %d`, epoch))
			if s = state(p); s.History[len(s.History)-1].ValBCE < better {
				break
			}
		}
		evaluate[chromedp.Void](p, `sae.pause()`)
		last := s.History[len(s.History)-1]
		t.Logf("experiment %d: validation BCE %.4f after %d of 5 epochs; the mean training image has %.4f", experiment, last.ValBCE, last.Epoch, s.Dataset.MeanBCE)
		if s.Settings.Experiment != experiment || last.ValBCE >= better {
			t.Errorf("experiment %d: %+v, want a validation BCE of less than %.4f", experiment, s, better)
		}
		p.screenshot(fmt.Sprintf("cifar-experiment-%d", experiment))
	}
	t.Logf("longest task of the main thread while training: %.0f ms", evaluate[float64](p, `longest`))
	evaluate[chromedp.Void](p, `document.querySelectorAll(".compare input")[1].click()`)
	waitFor[bool](p, `document.querySelector(".compare").innerText.includes("MSE 0.0086")`)
	p.screenshot("cifar-pca")
}

// fileJS returns JavaScript that makes a File.
func fileJS(name, content string) string {
	return fmt.Sprintf(`new File([%s], %q)`, content, name)
}

// Invalid files and settings are rejected with a reason, and the run stays.
func TestRefusals(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "8", latent: 4}).then(() => sae.step())`)
	before := state(p)
	for _, test := range []struct{ call, want string }{
		{`sae.loadDataset(` + fileJS("photo.png", `new Uint8Array([137,80,78,71,13,10,26,10,0,0])`) + `)`, "photo.png: starts with byte 137"},
		{`sae.loadDataset(` + fileJS("empty.bin", `""`) + `)`, "empty.bin: is empty"},
		{`sae.loadDataset(` + fileJS("data_batch_1.bin", `new Uint8Array(4000)`) + `)`, "record 2: 927 bytes left, want 3073"},
		{`sae.loadDataset(` + fileJS("x.sae", `"SAEDATA\n\x09\x00\x01\x00\x00\x00\x00\x00"`) + `)`, "version 9 of the compact format"},
		{`sae.loadDataset(` + fileJS("x.gz", `new Uint8Array([31,139,8,0,0,0,0,0,0,3,3,0,0,0,0,0,0,0,0,0])`) + `)`, "a gzip file without a tar in it"},
		{`sae.loadDataset("file")`, "want a File or an ArrayBuffer"},
		{`sae.set({latent: 0})`, `latent "0": want a whole number from 1 to 1024`},
		{`sae.set({hidden: "512,,x"})`, `hidden "512,,x": want at most 6 widths`},
		{`sae.set({lr: NaN})`, `lr "NaN": want a number`},
		{`sae.set({batch: 4096})`, `batch "4096": want at most the 2000 training images`},
		{`sae.set({depth: 3})`, `depth "3": want one of the settings`},
		{`sae.reconstruct(new Uint8Array(3))`, "want a Uint8Array of 3072 bytes"},
	} {
		if got := rejection(p, test.call); !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", test.call, got, test.want)
		}
	}
	p.screenshot("refused")
	after := state(p)
	if after.Dataset != before.Dataset || after.Settings != before.Settings || after.Status != "paused" {
		t.Errorf("the refusals changed %+v to %+v", before, after)
	}
	if n := evaluate[int](p, `sae.reconstruct(new Uint8Array(3072)).then((image) => image.length)`); n != 3072 {
		t.Errorf("a reconstruction of %d bytes", n)
	}
}

// A user's file is converted, stored, and there on the next visit.
func TestFileIsKept(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(cifarFolder); err != nil {
		t.Skip("no CIFAR-10 in ../shared/cifar-10-batches-bin beside the repository")
	}
	useSite(t, false)
	p := openDemo(t, desktop)
	batch, err := filepath.Abs(filepath.Join(cifarFolder, "data_batch_1.bin"))
	if err != nil {
		t.Fatal(err)
	}
	p.setFiles("#file", batch)
	waitFor[bool](p, `sae.state().dataset.name === "CIFAR-10"`)
	if s := state(p); s.Dataset.Train != 839 || s.Dataset.Validation != 93 {
		t.Errorf("data set %+v, want a tenth of 932 held out", s.Dataset)
	}
	p.do(chromedp.Navigate(string(p.site) + demo))
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	if s := state(p); s.Dataset.Name != "CIFAR-10" || s.Dataset.Train != 839 {
		t.Errorf("data set of the next visit %+v", s.Dataset)
	}
}

// An archive that the browser has unpacked is read like the original. A damaged one is
// rejected.
func TestArchives(t *testing.T) {
	t.Parallel()
	var plain, zipped bytes.Buffer
	archive := tar.NewWriter(&plain)
	for name, n := range map[string]int{"data_batch_1.bin": 20, "test_batch.bin": 10} {
		if err := archive.WriteHeader(&tar.Header{Name: "cifar-10-batches-bin/" + name, Mode: 0o644, Size: int64(n * 3073)}); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			record := bytes.Repeat([]byte{byte(n + i)}, 3073)
			record[0] = byte(i % 10)
			archive.Write(record)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	w := gzip.NewWriter(&zipped)
	w.Write(plain.Bytes())
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	zipped.Bytes()[zipped.Len()-8] ^= 1 // the checksum
	dir := t.TempDir()
	for name, content := range map[string][]byte{"cifar-10-binary.tar": plain.Bytes(), "cifar-10-binary.tar.gz": zipped.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	useSite(t, false)
	p := openDemo(t, desktop)
	p.setFiles("#file", filepath.Join(dir, "cifar-10-binary.tar.gz"))
	waitFor[bool](p, `document.body.innerText.includes("the file is damaged")`)
	p.setFiles("#file", filepath.Join(dir, "cifar-10-binary.tar"))
	waitFor[bool](p, `sae.state().dataset.name === "CIFAR-10"`)
	if s := state(p); s.Dataset.Train != 20 || s.Dataset.Validation != 10 {
		t.Errorf("data set %+v, want 20 and 10 images", s.Dataset)
	}
}

// A worker that fails is replaced, and the page says so.
func TestWorkerIsReplaced(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := open(t, "bench.html", desktop) // the same origin, before the page
	const collectWorkers = `window.workers = []; window.Worker = class extends Worker {
  constructor(...args) { super(...args); workers.push(this); }
};`
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, devtools.AddScriptToEvaluateOnNewDocument, devtools.AddScriptToEvaluateOnNewDocumentParams{Source: collectWorkers})
		return err
	}))
	p.do(chromedp.Navigate(siteURL(t) + demo))
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	evaluate[chromedp.Void](p, `sae.play()`)
	evaluate[bool](p, `workers[0].dispatchEvent(new ErrorEvent("error", {message: "out of memory", cancelable: true}))`)
	waitFor[bool](p, `workers.length === 2 && sae.state().status === "training"`)
	if text := evaluate[string](p, `document.body.innerText`); !strings.Contains(text, "was replaced") || !strings.Contains(text, "out of memory") {
		t.Error("the page does not say that the worker was replaced, and why")
	}
	p.screenshot("replaced")
	evaluate[chromedp.Void](p, `sae.set({hidden: "8", latent: 4}).then(() => sae.step())`)
}

// A view that is asked for by its address comes, whatever else changes the address at that
// moment.
func TestViewBesideSettings(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	lost := evaluate[[]string](p, `(async () => {
		const turn = () => new Promise((resolve) => setTimeout(resolve));
		const [features, explorer] = ["features", "explorer"].map((id) => document.getElementById(id));
		const lost = [];
		for (let i = 0; i < 20; i++) {
			const [place, here, gone] = i % 2 ? ["features", features, explorer] : ["explore", explorer, features];
			sae.set({ seed: i + 2 });
			for (let k = 0; k < i % 5; k++) await Promise.resolve();
			location.hash = place;
			const there = () => here.childElementCount && !gone.childElementCount && location.hash === "#" + place;
			for (let k = 0; k < 400 && !there(); k++) await turn();
			if (!there()) lost.push(i + " " + place + " " + location.hash);
		}
		return lost;
	})()`)
	if len(lost) > 0 {
		t.Errorf("views that did not come: %q", lost)
	}
	waitFor[bool](p, `new URLSearchParams(location.search).get("seed") === "21"`)
}

// A page without parameters opens TopK with few active units. A link that leaves them out, a
// frame and a reload mean the settings that they always meant.
func TestFirstVisit(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := open(t, "", desktop)
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	settings := func(what string, number, k int) {
		t.Helper()
		if got := evaluate[[2]int](p, `[sae.state().settings.experiment, sae.state().settings.k]`); got != [2]int{number, k} {
			t.Errorf("%s: experiment %d, k %d; want %d, %d", what, got[0], got[1], number, k)
		}
	}
	settings("a first visit", 5, 12)
	p.screenshot("first-visit")
	evaluate[chromedp.Void](p, `sae.set({workers: 1})`)
	settings("workers", 5, 12)
	evaluate[chromedp.Void](p, `sae.set({hidden: "512,128", latent: 64})`)
	settings("a script without an experiment", 2, 0)
	waitFor[bool](p, `location.search.startsWith("?")`)
	p.visit("?latent=32")
	settings("a link without an experiment", 2, 0)
	p.visit("embed.html?load=auto")
	settings("a frame", 2, 0)
}

// What a view showed is collected once the user has left it.
func TestLeftViewsAreCollected(t *testing.T) {
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.step()`)
	evaluate[chromedp.Void](p, `window.left = [], window.menus = 0`)
	const rounds = 8
	for range rounds {
		for _, view := range [][2]string{{"train", ".loss .plot canvas"}, {"features", ".tiles canvas"}, {"explore", ".unit-slider"}} {
			p.at(view[0])
			waitFor[bool](p, fmt.Sprintf(`document.querySelector(%q) !== null && document.querySelector(".plot canvas") !== null`, view[1]))
			evaluate[chromedp.Void](p, `{
				const shown = [...document.querySelectorAll(".plot > *, .tiles > *, .unit-slider")];
				left.push(...shown.map((element) => new WeakRef(element)));
				menus += shown.filter((element) => element.matches("details")).length;
			}`)
		}
	}
	p.at("compare")
	collectGo(p)
	collectJS(p, p.ctx)
	type count struct{ Shown, Kept int }
	counts := evaluate[map[string]count](p, `(() => {
		const counts = { elements: { shown: left.length, kept: 0 }, menus: { shown: menus, kept: 0 } };
		for (const ref of left) {
			const element = ref.deref();
			if (!element || element.isConnected) continue;
			counts.elements.kept++;
			if (element.matches("details")) counts.menus.kept++;
		}
		return counts;
	})()`)
	// One visit's may be there still, and Go keeps some by chance.
	for what, n := range counts {
		if n.Shown < 3*rounds || n.Kept > n.Shown/2 {
			t.Errorf("of %d %s that were shown in %d rounds, %d are kept", n.Shown, what, rounds, n.Kept)
		}
	}
}
