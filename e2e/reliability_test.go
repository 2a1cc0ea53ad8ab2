package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/inspector"
	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"sae/data"
	"sae/nn/fit"
)

// small are settings of a network that trains quickly, with eight batches per epoch.
const small = `{hidden: "32", latent: 8, workers: 1, subset: 1024}`

// skippable adds skip(ms), which advances the clock and runs the timers that are due. In
// workers, the page's skipWorkers does that.
const skippable = `{
	const now = performance.now.bind(performance), set = setTimeout, clear = clearTimeout, timers = new Map();
	let ahead = 0, last = 0;
	const arm = (id, timer) => {
		timer.real = set(() => { timers.delete(id); timer.run(); }, Math.max(0, timer.due - performance.now()));
	};
	performance.now = () => now() + ahead;
	globalThis.setTimeout = (run, ms = 0, ...args) => {
		const timer = { due: performance.now() + ms, run: () => run(...args) };
		timers.set(++last, timer);
		arm(last, timer);
		return last;
	};
	globalThis.clearTimeout = (id) => { clear(timers.get(id)?.real); timers.delete(id); };
	globalThis.skip = (ms) => {
		ahead += ms;
		for (const [id, timer] of timers) { clear(timer.real); arm(id, timer); }
	};
	const channel = new BroadcastChannel("test-clock");
	if (globalThis.document) globalThis.skipWorkers = (ms) => channel.postMessage(ms);
	else channel.onmessage = ({ data }) => skip(data);
	globalThis.pause = (ms) => new Promise((resume) => set(resume, ms));
}`

// faulty makes a worker throw, hang or close when the page calls fault("throw"),
// fault("hang") or fault("close"). workers contains the workers that the page has started.
const faulty = `{
	const channel = new BroadcastChannel("test-fault");
	let leads = false; // whether it has started workers
	globalThis.workers = [];
	globalThis.Worker = class extends Worker {
		constructor(...args) { super(...args); workers.push(this); leads = true; }
	};
	if (globalThis.document) globalThis.fault = (what, member = false) => channel.postMessage({ what, member });
	else channel.onmessage = ({ data: { what, member } }) => {
		if (member && leads) return;
		if (what === "throw") throw new Error("struck by lightning");
		if (what === "hang") for (;;);
		close();
	};
}`

// inject runs JavaScript in all future documents, before their own scripts.
func (p *page) inject(script string) {
	p.tb.Helper()
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, devtools.AddScriptToEvaluateOnNewDocument, devtools.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	}))
}

// visit opens the demo again and waits until it can be used.
func (p *page) visit(query string) {
	p.tb.Helper()
	if query == "" {
		query = demo
	}
	p.do(chromedp.Navigate(siteURL(p.tb) + query))
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
}

// openWith opens the demo with JavaScript that runs in the page and in its workers, before
// their own scripts.
func openWith(t *testing.T, inPage, inWorkers string) *page {
	t.Helper()
	beforeWorkers(t, useSite(t, false), inWorkers)
	p := open(t, "bench.html", desktop)
	p.inject(inPage)
	p.visit("")
	return p
}

// beforeWorkers adds JavaScript to the workers of the site in a folder, before their own.
func beforeWorkers(t *testing.T, dir, script string) {
	t.Helper()
	path := filepath.Join(dir, "worker.js")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(script+"\n"+string(old)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// saves resolves to the descriptions of the saved runs.
const saves = `(async () => {
	const found = [];
	try {
		const root = await navigator.storage.getDirectory();
		const folder = await root.getDirectoryHandle("sae-saves");
		for await (const handle of folder.values()) {
			const head = await (await handle.getFile()).slice(0, 4096).text();
			if (head[0] === "{") found.push(JSON.parse(head.replace(/\0+$/, "")));
		}
	} catch {} // there is none yet, or one was deleted meanwhile
	return found;
})()`

// records is JavaScript: a promise of all records that the page has stored in a database.
func records(database string) string {
	return fmt.Sprintf(`new Promise((resolve) => {
		indexedDB.open(%q).onsuccess = ({ target: { result: database } }) => {
			const all = database.transaction("records").objectStore("records").getAll();
			all.onsuccess = () => { database.close(); resolve(all.result); };
		};
	})`, database)
}

// save waits until the run is saved in the given epoch and batch.
func (p *page) save(epoch, batch int) {
	p.tb.Helper()
	evaluate[bool](p, `dispatchEvent(new Event("pagehide"))`)
	waitFor[bool](p, fmt.Sprintf(`%s.then((saves) => saves.some(({ epoch, batch }) => epoch === %d && batch === %d))`, saves, epoch, batch))
}

// trainAlone trains a small run and returns its outcome.
func trainAlone(p *page, epochs int) string {
	p.tb.Helper()
	evaluate[chromedp.Void](p, fmt.Sprintf(`sae.set({...%s, epochs: %d}).then(() => sae.play())`, small, epochs))
	waitFor[bool](p, `sae.state().status === "done"`)
	return outcome(p)
}

// outcome returns everything that equal runs have in common.
func outcome(p *page) string {
	p.tb.Helper()
	p.at("share")
	defer p.at("train")
	link := waitFor[string](p, `document.querySelector("#share input").value.includes(`+"`fingerprint=${sae.state().epoch}-`"+`) && document.querySelector("#share input").value`)
	return evaluate[string](p, `JSON.stringify(sae.state().history)`) + link
}

// steps trains on n batches, one by one.
func (p *page) steps(n int) {
	p.tb.Helper()
	evaluate[chromedp.Void](p, fmt.Sprintf(`(async () => { for (let i = 0; i < %d; i++) await sae.step(); })()`, n))
}

func (p *page) offer() string {
	p.tb.Helper()
	return waitFor[string](p, `!document.querySelector(".offer").hidden && document.querySelector(".offer p").innerText`)
}

func (p *page) notice() string {
	p.tb.Helper()
	return waitFor[string](p, `!document.querySelector(".notice").hidden && document.querySelector(".notice p").innerText`)
}

// crash crashes the page's process.
func (p *page) crash() {
	p.tb.Helper()
	run(p, chromedp.WaitEvent(inspector.TargetCrashed, nil, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, inspector.Enable, cdp.Empty{})
		go chromedp.Call(ctx, devtools.Crash, cdp.Empty{}) // there is no reply
		return err
	})))
}

// dismiss closes the notice.
func (p *page) dismiss() {
	p.tb.Helper()
	evaluate[chromedp.Void](p, `document.querySelector(".notice button").click()`)
	waitFor[bool](p, `document.querySelector(".notice").hidden`)
}

// If a page crashes within an epoch, the next visit offers to resume the run, even if its
// link has other settings. The resumed run ends like an uninterrupted one.
func TestRunIsResumed(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	want := trainAlone(p, 3)
	evaluate[chromedp.Void](p, `sae.reset()`)
	p.steps(12) // of 8 batches per epoch
	p.save(1, 4)
	p.crash()
	p.visit("?latent=16")
	if text := p.offer(); !strings.Contains(text, "Your run stopped at epoch 2 of 3. 2 L1 sparsity on Synthetic, just now.") {
		t.Errorf("offer %q", text)
	}
	for name, v := range map[string]view{"offer": desktop, "offer-dark": desktop.inDark(), "offer-phone": phone} {
		p.look(v)
		p.screenshot(name)
	}
	if p.scrollsSideways() {
		t.Error("the page scrolls sideways on a phone")
	}
	p.look(desktop)
	if s := state(p); s.Status != "idle" || s.Settings.Latent != 16 || len(s.History) != 0 {
		t.Errorf("before the run is resumed: %+v, want what the link says", s)
	}
	p.do(chromedp.Click(".offer button")) // continues training
	waitFor[bool](p, `sae.state().status === "done"`)
	if s := state(p); s.Settings.Latent != 8 || s.Settings.Epochs != 3 {
		t.Errorf("resumed %+v", s)
	}
	if got := outcome(p); got != want {
		t.Errorf("the resumed run ends with\n%s, want\n%s", got, want)
	}
	waitFor[bool](p, saves+`.then((saves) => saves.length === 0)`) // a completed run is stored with the runs
}

// A page saves its run when it is closed. It has 0.4 s for that, which on a busy machine may
// pass before its worker's turn comes; without the page's help, a worker never saves in time.
func TestLeavingSaves(t *testing.T) {
	useSite(t, false)
	for try := 1; ; try++ {
		p := openDemo(t, desktop) // in a new profile
		evaluate[chromedp.Void](p, `sae.set(`+small+`)`)
		p.steps(1)
		waitFor[bool](p, saves+`.then((saves) => saves.length === 1)`)
		p.steps(2) // before the next save is due
		p.visit("")
		batches := evaluate[[]int](p, saves+`.then((saves) => saves.map(({ batch }) => batch))`)
		switch {
		case slices.Contains(batches, 3):
			return
		case try == 5:
			t.Fatalf("saved in batches %v, want 3", batches)
		}
	}
}

// The next visit can resume a series of runs.
func TestSeriesIsResumed(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({...`+small+`, epochs: 500})`)
	p.at("compare")
	evaluate[chromedp.Void](p, `[...document.querySelectorAll("#runs button")].find(({ innerText }) => innerText === "Run experiments 1, 2, 3").click()`)
	waitFor[bool](p, `sae.state().epoch + sae.state().batch > 0`)
	evaluate[chromedp.Void](p, `sae.pause()`)
	evaluate[bool](p, `dispatchEvent(new Event("pagehide"))`)
	waitFor[bool](p, saves+`.then((saves) => saves.some(({ queue }) => queue?.runs.length === 2))`)
	p.visit("")
	if text := p.offer(); !strings.Contains(text, "The rest of its series follows: 2 runs.") {
		t.Errorf("offer %q", text)
	}
	p.screenshot("offer-series")
	p.do(chromedp.Click(".offer button"))
	p.at("compare")
	waitFor[bool](p, `sae.state().status === "training" && document.querySelector("#runs .aside").innerText.startsWith("Run 1 of 3")`)
	evaluate[chromedp.Void](p, `sae.set({epochs: sae.state().epoch + 1})`)
	waitFor[bool](p, `document.querySelectorAll("#runs tbody tr").length === 3`)
	if s := state(p); s.Status != "done" || s.Settings.Experiment != 3 {
		t.Errorf("after the series: %+v", s)
	}
}

// A visit with other data also offers to resume a run, and loads the run's data.
func TestRunIsResumedOnItsData(t *testing.T) {
	t.Parallel()
	dir := useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({...`+small+`, epochs: 10000})`)
	p.steps(10)
	p.save(1, 2)
	first := evaluate[string](p, `JSON.stringify(sae.state().history)`)
	site := data.Synthetic(300, 100, 2)
	site.Name = "Elsewhere"
	var file bytes.Buffer
	if err := site.Write(&file); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"index.json": []byte(`{"datasets":["elsewhere.sae"]}`), "elsewhere.sae": file.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, "data", name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.visit("")
	waitFor[bool](p, `sae.state().dataset.name === "Elsewhere"`)
	if text := p.offer(); !strings.Contains(text, "2 L1 sparsity on Synthetic") {
		t.Errorf("offer %q", text)
	}
	p.do(chromedp.Click(".offer button"))
	waitFor[bool](p, `sae.state().status === "training" && sae.state().epoch > 0 && sae.state().dataset.name === "Synthetic"`)
	evaluate[chromedp.Void](p, `sae.pause()`)
	resumed := state(p)
	if got := evaluate[string](p, `JSON.stringify(sae.state().history.slice(0, 1))`); got != first || resumed.Settings.Latent != 8 {
		t.Errorf("resumed %+v, the first epoch of which is %s, want %s", resumed, got, first)
	}
	p.steps(8 - resumed.Batch)
	if s := state(p); s.Epoch != resumed.Epoch+1 || s.Batch != 0 {
		t.Errorf("after the rest of the epoch: %+v, want it finished", s)
	}
}

// Each tab saves under its own name, with and without locks.
func TestTabsKeepApart(t *testing.T) {
	t.Parallel()
	for name, inject := range map[string]string{"locks": "", "no locks": `delete (globalThis.Navigator ?? WorkerNavigator).prototype.locks;`} {
		t.Run(name, func(t *testing.T) {
			a := openWith(t, inject, inject)
			evaluate[chromedp.Void](a, `sae.set({...`+small+`, epochs: 10000})`)
			a.steps(2)
			a.save(0, 2)

			b := openIn(t, a.ctx, "bench.html", desktop)
			b.inject(inject)
			b.visit("")
			evaluate[chromedp.Void](b, `sae.set({...`+small+`, epochs: 10000})`)
			b.steps(3)
			b.save(0, 3)
			slots := func(p *page) int {
				return evaluate[int](p, saves+`.then((saves) => new Set(saves.map(({ slot }) => slot)).size)`)
			}
			if n := slots(b); n != 2 {
				t.Errorf("%d slots of two tabs", n)
			}
			if inject == "" {
				// The run of an open tab is not offered.
				b.visit("")
				b.offer()
				evaluate[chromedp.Void](b, `document.querySelectorAll(".offer button")[1].click()`)
				waitFor[bool](b, saves+`.then((saves) => saves.length === 1 && saves[0].batch === 2)`)
				if evaluate[bool](b, `!document.querySelector(".offer").hidden`) {
					t.Error("the run of another tab is offered")
				}
			} else {
				// It is offered as a copy, because the other tab has its own name.
				b.offer()
				evaluate[chromedp.Void](b, `document.querySelector(".offer button").click()`)
				waitFor[bool](b, `sae.state().status === "training"`)
				evaluate[chromedp.Void](b, `sae.pause()`)
				s := state(b)
				b.save(s.Epoch, s.Batch)
			}
			a.steps(3)
			a.save(0, 5)
		})
	}
}

// Of the saves of closed tabs, the newest three are kept, and no incomplete ones.
func TestOldSavesGo(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set(`+small+`)`)
	p.steps(2)
	p.save(0, 2)
	evaluate[chromedp.Void](p, saves+`.then(async ([save]) => {
		const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("sae-saves");
		const copy = async (slot, head) => {
			const handle = await folder.getFileHandle(slot + ".1", { create: true });
			const sink = await handle.createWritable();
			await sink.write(head);
			await sink.close();
		};
		for (let age = 1; age <= 4; age++) await copy("old" + age, JSON.stringify({ ...save, time: save.time - age * 1000 }).padEnd(5000, "\0"));
		await copy("interrupted", "\0".repeat(9000));
		await copy("unknown", "{}");
	})`)
	p.visit("")
	const files = `(async () => {
		const names = [];
		const root = await navigator.storage.getDirectory();
		for await (const name of (await root.getDirectoryHandle("sae-saves")).keys()) names.push(name.split(".")[0]);
		return names.length <= 3 && names.sort().slice(1).join();
	})()`
	if names := waitFor[string](p, files); names != "old1,old2" {
		t.Errorf("%s stay beside the newest, want old1,old2", names)
	}
	// An empty one is rejected and can be discarded.
	p.offer()
	evaluate[chromedp.Void](p, `document.querySelectorAll(".offer button")[1].click()`)
	p.do(chromedp.Click(".offer button"))
	if text := p.notice(); !strings.Contains(text, "That run could not be resumed") || !strings.Contains(text, "the file starts with") {
		t.Errorf("notice %q", text)
	}
}

// Without a private file system, runs are saved in IndexedDB.
func TestSavedInIndexedDB(t *testing.T) {
	t.Parallel()
	dir := useSite(t, false)
	beforeWorkers(t, dir, `Object.defineProperty(navigator, "storage", { value: undefined });`)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({...`+small+`, latent: 4, epochs: 10000})`)
	p.steps(3)
	evaluate[bool](p, `dispatchEvent(new Event("pagehide"))`)
	waitFor[bool](p, records("sae-saves")+`.then((all) => all.length === 1)`)
	p.visit("")
	p.offer()
	evaluate[chromedp.Void](p, `window.resumed = []; sae.on("state", ({ settings, epoch, batch }) => { if (settings.latent === 4) resumed.push([epoch, batch]); })`)
	p.do(chromedp.Click(".offer button"))
	waitFor[bool](p, `sae.state().status === "training" && sae.state().epoch > 0 && sae.state().settings.latent === 4`)
	if first := evaluate[[2]int](p, `resumed[0]`); first[0] == 0 && first[1] < 3 {
		t.Errorf("the run goes on from epoch %d, batch %d, want from batch 3", first[0], first[1])
	}
}

// quota limits what the site may store, in bytes; 0 ends that.
func (p *page) quota(bytes float64) {
	p.tb.Helper()
	params := storage.OverrideQuotaForOriginParams{Origin: strings.TrimSuffix(string(p.site), "/")}
	if bytes > 0 {
		params.QuotaSize = &bytes
	}
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, storage.OverrideQuotaForOrigin, params)
		return err
	}))
}

// Without enough storage, training continues, and the page says what is not saved.
func TestNothingCanBeSaved(t *testing.T) {
	t.Parallel()
	dir := useSite(t, false)
	p := openDemo(t, desktop)
	says := func(saved bool) {
		t.Helper()
		p.at("compare")
		waitFor[bool](p, fmt.Sprintf(`document.querySelector(".bar .read").innerText.includes("not saved") !== %[1]v && document.querySelector("#runs .lead").innerText.includes("The current run is not saved") !== %[1]v`, saved))
	}
	p.quota(1e5)
	evaluate[chromedp.Void](p, `sae.set({...`+small+`, hidden: "256"})`)
	p.steps(1)
	evaluate[bool](p, `dispatchEvent(new Event("pagehide"))`)
	says(false)
	p.screenshot("not-saved")
	p.look(phone)
	p.screenshot("not-saved-phone")
	p.look(desktop)
	p.steps(1)
	p.quota(0)
	p.save(0, 2)
	says(true)

	// The user clears the browser's storage during a run.
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, storage.ClearDataForOrigin, storage.ClearDataForOriginParams{Origin: strings.TrimSuffix(siteURL(t), "/"), StorageTypes: "all"})
		return err
	}))
	waitFor[bool](p, saves+`.then((saves) => saves.length === 0)`)
	p.steps(1)
	p.save(0, 3)
	evaluate[chromedp.Void](p, `sae.set({epochs: 1}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().status === "done"`)
	waitFor[bool](p, `document.querySelector("#runs .lead").innerText.includes("stay in this browser") && !!document.querySelector("#runs tr[data-run] button:not([disabled])")`)

	beforeWorkers(t, dir, `for (const [object, name] of [[navigator, "storage"], [globalThis, "indexedDB"]]) Object.defineProperty(object, name, { value: undefined });`)
	p.visit("")
	evaluate[chromedp.Void](p, `sae.set({...`+small+`, epochs: 2}).then(() => sae.step()).then(() => dispatchEvent(new Event("pagehide")))`)
	says(false)
	evaluate[chromedp.Void](p, `sae.play()`)
	waitFor[bool](p, `sae.state().status === "done"`)
}

// A worker that ends, is killed or hangs within a batch is replaced. Its run ends like an
// uninterrupted one.
func TestWorkerIsLost(t *testing.T) {
	t.Parallel()
	p := openWith(t, skippable+faulty, faulty)
	const epochs = 60 // far more than before the fault
	want := trainAlone(p, epochs)
	for fault, reason := range map[string]string{
		`fault("throw")`:             "struck by lightning",
		`workers.at(-1).terminate()`: "it did not answer for 30s",
		`fault("hang")`:              "it did not answer for 30s",
	} {
		evaluate[chromedp.Void](p, `sae.reset().then(() => sae.play())`)
		waitFor[bool](p, `sae.state().epoch >= 2`)
		evaluate[bool](p, `dispatchEvent(new Event("pagehide"))`)
		waitFor[bool](p, saves+`.then((saves) => saves.some(({ epoch }) => epoch >= 2))`)
		evaluate[chromedp.Void](p, fmt.Sprintf(`(async () => {
			const before = workers.length;
			%s;
			while (workers.length === before) {
				if (%v) skip(5000); // a tick of the watchdog
				await pause(50);
			}
		})()`, fault, reason != "struck by lightning"))
		if text := p.notice(); !strings.Contains(text, reason) || !strings.Contains(text, "The run goes on from epoch") {
			t.Errorf("%s: notice %q", fault, text)
		}
		waitFor[bool](p, `sae.state().status === "done"`)
		if got := outcome(p); got != want {
			t.Errorf("%s: the run ends with\n%s, want\n%s", fault, got, want)
		}
		p.dismiss()
	}
}

// If all workers fail, the page gives up with a message.
func TestWorkersKeepFailing(t *testing.T) {
	dir := useSite(t, false)
	beforeWorkers(t, dir, `throw new Error("struck by lightning");`)
	p := open(t, "", desktop)
	waitFor[bool](p, `"sae" in window && sae.state().status === "error"`)
	waitFor[bool](p, `document.querySelector(".transport + .read").innerText.includes("stopped; reload the page")`)
	if text := p.notice(); !strings.Contains(text, "struck by lightning") || !strings.Contains(text, "eload the page") {
		t.Errorf("notice %q", text)
	}
	if reason := rejection(p, `sae.play()`); !strings.Contains(reason, "reload the page") {
		t.Errorf("play is refused with %q", reason)
	}
	p.screenshot("no-worker")
}

// answers are a server's special answers, by file.
type answers map[string]http.HandlerFunc

func (a answers) serve(t *testing.T, dir string) {
	t.Helper()
	files := http.FileServer(http.Dir(dir))
	useAddress(t, string(serveSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer, ok := a[r.URL.Path]; ok {
			answer(w, r)
			return
		}
		files.ServeHTTP(w, r)
	}))))
}

// breakOff answers with only the first half of a file.
func breakOff(content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		w.Header().Set("Content-Type", "application/wasm")
		w.Write(content[:len(content)/2])
		panic(http.ErrAbortHandler)
	}
}

// If the program is incomplete or another one, the page says so. It starts if the program
// has another type or is complete the second time.
func TestProgramDoesNotLoad(t *testing.T) {
	t.Parallel()
	dir := useSite(t, false)
	program, err := os.ReadFile(filepath.Join(dir, "sae.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	give := func(content []byte, contentType string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Write(content)
		}
	}
	damaged := slices.Clone(program)
	copy(damaged[len(damaged)/2:], strings.Repeat("damaged ", 1000))
	times := 0
	for name, test := range map[string]struct {
		answer   http.HandlerFunc
		want     string // "" if it starts
		problems []string
	}{
		"missing":      {http.NotFound, "sae.wasm: HTTP status 404, want 200", []string{"404", "404", "HTTP status"}},
		"broken off":   {breakOff(program), "sae.wasm is incomplete or damaged: ", []string{"ERR_", "ERR_", "incomplete"}},
		"cut off":      {give(program[:len(program)/2], "application/wasm"), "sae.wasm is incomplete or damaged: ", []string{"incomplete"}},
		"damaged":      {give(damaged, "application/wasm"), "sae.wasm is incomplete or damaged: ", []string{"incomplete"}},
		"another page": {give([]byte("<!doctype html>Sign in"), "text/html"), "sae.wasm is incomplete or damaged: ", []string{"incomplete"}},
		"another type": {give(program, "application/octet-stream"), "", nil},
		"whole at last": {func(w http.ResponseWriter, r *http.Request) {
			if times++; times == 1 {
				give(program[:1000], "application/wasm")(w, r)
				return
			}
			give(program, "application/wasm")(w, r)
		}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			answers{"/sae.wasm": test.answer}.serve(t, dir)
			p := open(t, "", desktop)
			for _, problem := range test.problems {
				p.expectProblem(problem)
			}
			if test.want == "" {
				waitFor[bool](p, `"sae" in window`)
				evaluate[chromedp.Void](p, `sae.ready`)
				return
			}
			text := waitFor[string](p, `!document.getElementById("boot").hidden && document.getElementById("boot").innerText`)
			if !strings.Contains(text, "The demo did not start: "+test.want) || !strings.Contains(text, "Reload the page") {
				t.Errorf("the page says %q, want %q", text, test.want)
			}
		})
	}
}

// end ends the page's program in its next render.
func (p *page) end() {
	p.tb.Helper()
	p.expectProblem("panic: JavaScript error: struck by lightning")
	evaluate[bool](p, `{
		const set = Element.prototype.setAttribute;
		Element.prototype.setAttribute = function (...args) {
			if (this.closest("#app")) throw new Error("struck by lightning");
			set.apply(this, args);
		};
		sae.set({epochs: sae.state().settings.epochs + 1});
		true;
	}`)
}

// stopped returns the message of a page whose program has ended.
func (p *page) stopped() string {
	p.tb.Helper()
	return waitFor[string](p, `document.querySelector(".boot:not([hidden]) button") && document.querySelector(".boot").innerText`)
}

// reload clicks on Reload and waits until the page can be used.
func (p *page) reload() {
	p.tb.Helper()
	evaluate[bool](p, `window.old = true`)
	p.do(chromedp.Click(".boot button"))
	waitFor[bool](p, `!window.old && "sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
}

// If a page's program ends, the page says so, and a reload resumes the run. If it ends again
// without progress, the next reload does not.
func TestPageProgramEnds(t *testing.T) {
	useSite(t, false)
	p := openDemo(t, desktop)
	p.end()
	if text := p.stopped(); !strings.Contains(text, "The demo stopped because of an error in its program. A reload starts the demo again") {
		t.Errorf("before anything was trained, the page says %q", text)
	}
	p.visit("") // a reload by hand
	evaluate[chromedp.Void](p, `sae.set({...`+small+`, epochs: 9000}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().epoch > 1`)
	p.end()
	if text := p.stopped(); !strings.Contains(text, "A reload brings the run back by itself") {
		t.Errorf("while it trains, the page says %q", text)
	}
	p.screenshot("stopped")
	p.reload()
	waitFor[bool](p, `sae.state().status === "training" && sae.state().epoch > 1 && sae.state().settings.latent === 8`)
	came := state(p)
	waitFor[bool](p, fmt.Sprintf(`sae.state().epoch > %d`, came.Epoch))

	// The program ends again at once. The save contains the number of epochs of the resumed
	// run.
	evaluate[chromedp.Void](p, `sae.pause()`)
	p.save(state(p).Epoch, evaluate[int](p, `sae.state().batch`))
	p.end()
	p.stopped()
	p.visit("") // by hand
	waitFor[bool](p, `sae.state().status === "paused" && sae.state().epoch > 1`)
	p.end()
	if text := p.stopped(); !strings.Contains(text, "it is offered, and waits for you") {
		t.Errorf("when it ends at once, the page says %q", text)
	}
	p.reload()
	if text := p.offer(); !strings.Contains(text, "Your run stopped at epoch") {
		t.Errorf("offer %q", text)
	}
	if s := state(p); s.Status != "idle" || s.Epoch != 0 {
		t.Errorf("the run is back by itself a second time: %+v", s)
	}
}

// A reload right after the program has ended waits for the save.
func TestReloadWaitsForTheSave(t *testing.T) {
	p := openWith(t, "", `
		const create = FileSystemFileHandle.prototype.createSyncAccessHandle;
		FileSystemFileHandle.prototype.createSyncAccessHandle = async function () {
			await new Promise((resolve) => setTimeout(resolve, 500));
			return create.call(this);
		};`)
	evaluate[chromedp.Void](p, `sae.set(`+small+`).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().epoch > 1`)
	p.end()
	p.stopped()
	p.reload()
	waitFor[bool](p, `sae.state().epoch > 1 && sae.state().settings.latent === 8`)
}

// An exception that the program cannot catch ends it like any other.
func TestExceptionPastTheProgram(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	p.expectProblem("struck by lightning")
	evaluate[chromedp.Void](p, `Object.defineProperty(document, "hidden", { get() { throw new Error("struck by lightning") } });
		document.dispatchEvent(new Event("visibilitychange"))`)
	if text := p.stopped(); !strings.Contains(text, "The demo stopped because of an error in its program.") {
		t.Errorf("the page says %q", text)
	}
	p.reload()
	evaluate[chromedp.Void](p, `sae.step()`)
}

// A frame saves nothing. It says so, and starts over.
func TestFrameProgramEnds(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := open(t, "embed.html?load=auto&hidden=16&latent=4", desktop)
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready.then(() => sae.step())`)
	p.end()
	if text := p.stopped(); !strings.Contains(text, "In a frame nothing is saved: a reload starts from the beginning.") {
		t.Errorf("the frame says %q", text)
	}
	p.screenshot("stopped-frame")
	p.reload()
	if s := state(p); s.Status != "idle" || s.Epoch != 0 || s.Settings.Latent != 4 {
		t.Errorf("after the reload: %+v", s)
	}
}

// Without relaxed SIMD, or without any SIMD, the page trains with other kernels and says
// which. Resuming a run of other kernels also says so.
func TestKernelsThatRemain(t *testing.T) {
	t.Parallel()
	dir := useSite(t, false)
	p := openDemo(t, desktop)
	train := func(kernel, badge string) {
		t.Helper()
		evaluate[chromedp.Void](p, `sae.set(`+small+`).then(() => sae.step())`)
		if s := state(p); s.Kernel != kernel {
			t.Errorf("kernel %q, want %q", s.Kernel, kernel)
		}
		if text := waitFor[string](p, `document.querySelector(".kernel").innerText`); text != "1 worker · "+badge {
			t.Errorf("the settings say %q", text)
		}
	}
	train("relaxed-simd", "relaxed SIMD")
	p.save(0, 1)
	// Relaxed SIMD is tried first.
	beforeWorkers(t, dir, `{ const validate = WebAssembly.validate; let tried = 0; WebAssembly.validate = (code) => tried++ > 0 && validate(code); }`)
	p.visit("")
	if text := p.offer(); !strings.Contains(text, "It was trained with other kernels (relaxed-simd)") {
		t.Errorf("offer %q", text)
	}
	p.screenshot("offer-kernel")
	p.do(chromedp.Click(".offer button"))
	if text := p.notice(); !strings.Contains(text, "trained with relaxed-simd and goes on with simd") {
		t.Errorf("notice %q", text)
	}
	evaluate[chromedp.Void](p, `sae.reset()`)
	train("simd", "SIMD")
	beforeWorkers(t, dir, `WebAssembly.validate = () => false;`)
	p.visit("")
	train("go", "plain Go")
}

// limitMemory limits the program's memory to a number of pages of 64 KiB.
func limitMemory(t *testing.T, program []byte, pages uint64) []byte {
	t.Helper()
	number := func(at int) (value, next int) {
		n, length := binary.Uvarint(program[at:])
		return int(n), at + length
	}
	const memorySection = 5
	for at := 8; at < len(program); {
		section := program[at]
		length, start := number(at + 1)
		end := start + length
		if section == memorySection { // one memory, with only a minimum
			_, limits := number(start + 1 + 1)
			memory := append([]byte{1, 1}, program[start+2:limits]...)
			memory = binary.AppendUvarint(memory, pages)
			limited := append(slices.Clone(program[:at]), memorySection)
			limited = binary.AppendUvarint(limited, uint64(len(memory)))
			return slices.Concat(limited, memory, program[end:])
		}
		at = end
	}
	t.Fatal("the program has no memory")
	return nil
}

// A network that does not fit into memory is rejected, and the run before stays.
func TestNotEnoughMemory(t *testing.T) {
	t.Parallel()
	dir := useSite(t, false)
	path := filepath.Join(dir, "sae.wasm")
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, limitMemory(t, program, 4096), 0o644); err != nil { // 256 MiB
		t.Fatal(err)
	}
	p := openDemo(t, desktop)
	p.expectProblem("fatal error: out of memory")
	want := trainAlone(p, 2)
	evaluate[chromedp.Void](p, `sae.reset()`)
	p.steps(5)
	p.save(0, 5)
	evaluate[chromedp.Void](p, `window.errors = []; sae.on("error", ({ message }) => errors.push(message)); sae.set({hidden: "4096,4096"}).catch(() => {})`)
	if text := p.notice(); !strings.Contains(text, "There is not enough memory for that network") || !strings.Contains(text, "Settings are again those of the run before.") {
		t.Errorf("notice %q", text)
	}
	p.screenshot("memory")
	waitFor[bool](p, `sae.state().status === "paused" && sae.state().batch === 5 && sae.state().settings.hidden === "32"`)
	if heard := evaluate[string](p, `errors.join()`); !strings.Contains(heard, "not enough memory") {
		t.Errorf("listeners heard %q", heard)
	}
	evaluate[chromedp.Void](p, `sae.play()`)
	waitFor[bool](p, `sae.state().status === "done"`)
	if got := outcome(p); got != want {
		t.Errorf("the run ends with\n%s, want\n%s", got, want)
	}
}

// If loading a data set fails half way, the data set and the run stay.
func TestDataTurnBad(t *testing.T) {
	t.Parallel()
	dir := useSite(t, false)
	var file bytes.Buffer
	if err := data.Synthetic(600, 200, 7).Write(&file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "index.json"), []byte(`{"datasets":["broken.sae"]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	answers{"/data/broken.sae": breakOff(file.Bytes())}.serve(t, dir)
	p := open(t, demo, desktop)
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	if text := p.notice(); !strings.Contains(text, "That data set could not be used broken.sae: ") || state(p).Dataset.Name != "Synthetic" {
		t.Errorf("notice %q, data %q", text, state(p).Dataset.Name)
	}
	evaluate[chromedp.Void](p, `sae.set({...`+small+`, epochs: 10000}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().epoch >= 1`)
	damaged := slices.Clone(file.Bytes())
	for i := range 100 {
		damaged[len(damaged)/2+i] ^= 0x55
	}
	path := filepath.Join(t.TempDir(), "damaged.sae")
	if err := os.WriteFile(path, damaged, 0o644); err != nil {
		t.Fatal(err)
	}
	p.setFiles("#file", path)
	waitFor[bool](p, `document.querySelector(".notice p").innerText.includes("Your run on Synthetic is unchanged")`)
	epoch := state(p).Epoch
	waitFor[bool](p, fmt.Sprintf(`sae.state().status === "training" && sae.state().epoch > %d`, epoch))
}

// A tab in the background, whose timers stop and which is not painted, trains to the end.
func TestInTheBackground(t *testing.T) {
	t.Parallel()
	p := openWith(t, hideable, "")
	evaluate[chromedp.Void](p, `sae.set({...`+small+`, epochs: 30}).then(() => sae.play())`)
	// Waiting for the end needs no timer either.
	evaluate[chromedp.Void](p, `hide(), new Promise((end) => sae.on("state", () => sae.state().status === "done" && end()))`)
	if n := len(state(p).History); n != 30 {
		t.Errorf("a history of %d epochs, want 30", n)
	}
}

// A machine that sleeps for a night within a batch continues the run. No worker counts as
// lost, and the night counts neither as training nor in the time left.
func TestMachineSleeps(t *testing.T) {
	p := openWith(t, skippable+faulty, skippable)
	evaluate[chromedp.Void](p, `sae.set({...`+small+`, epochs: 1000}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().epoch >= 2`)
	evaluate[bool](p, `{ const night = 8 * 3600e3; skip(night); skipWorkers(night); true; }`)
	epoch := state(p).Epoch
	waitFor[bool](p, fmt.Sprintf(`sae.state().epoch > %d + 1`, epoch))
	s := state(p)
	left := evaluate[string](p, `document.querySelector(".speed").innerText`)
	if s.Status != "training" || s.ImagesPerSecond < 100 || strings.Count(left, ":") != 1 {
		t.Errorf("after a night: %+v, %q", s, left)
	}
	if n := evaluate[int](p, `workers.length`); n != 1 {
		t.Errorf("%d workers were started, want one", n)
	}
}

// A run that diverges stops with a message and returns to its last save, or to its start. A
// lower learning rate continues from there.
func TestDivergence(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[bool](p, `window.errors = []; sae.on("error", ({ message }) => errors.push(message)); true`)
	for _, workers := range []int{2, 4, 1} {
		evaluate[chromedp.Void](p, fmt.Sprintf(`errors.length = 0; sae.set({hidden: "64", latent: 16, lr: 10, workers: %d}).then(() => sae.reset()).then(() => sae.play())`, workers))
		if text := p.notice(); !regexp.MustCompile(`Training diverged.*the loss has exploded to .* (in|after) epoch 1, batch \d: the learning rate 10 is too high\. The run is back at`).MatchString(text) {
			t.Errorf("%d workers: notice %q", workers, text)
		}
		waitFor[bool](p, `["idle", "paused"].includes(sae.state().status) && errors.length === 1`)
		p.screenshot("exploded")
		p.dismiss()
	}

	evaluate[chromedp.Void](p, `errors.length = 0; sae.set({experiment: 3, hidden: "256,256,256,256,256,256", latent: 8, lr: 1e-3, subset: 1024, workers: 1, epochs: 2})`)
	p.steps(10)
	checkpoint, err := fit.ReadCheckpoint(bytes.NewReader(exported(p, "checkpoint")))
	if err != nil {
		t.Fatal(err)
	}

	evaluate[chromedp.Void](p, `sae.set({lr: 10}).then(() => sae.play())`)
	if text := p.notice(); !regexp.MustCompile(`Training diverged .* the learning rate 10 is too high. The run is back at (its start|epoch 1, batch \d): lower the learning rate`).MatchString(text) {
		t.Errorf("notice %q", text)
	}
	waitFor[bool](p, `["idle", "paused"].includes(sae.state().status) && errors.join().includes("Training diverged")`)
	p.screenshot("diverged")

	checkpoint.Settings.LR = 10
	var file bytes.Buffer
	if err := checkpoint.Write(&file); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "run.saeckpt")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	p.dismiss()
	p.setFiles("#model-file", path)
	waitFor[bool](p, `sae.state().status === "paused" && sae.state().epoch === 1`)
	p.save(1, 2)
	evaluate[chromedp.Void](p, `sae.play()`)
	text := p.notice()
	back := regexp.MustCompile(`The run is back at epoch 2, batch (\d): lower the learning rate under More settings, and it goes on from there`).FindStringSubmatch(text)
	if back == nil {
		t.Fatalf("notice %q", text)
	}
	waitFor[bool](p, fmt.Sprintf(`sae.state().status === "paused" && sae.state().epoch === 1 && sae.state().batch === %s`, back[1]))
	if reset := evaluate[bool](p, `sae.set({lr: 1e-3}).then(({ reset }) => reset)`); reset {
		t.Error("another learning rate starts a new run")
	}
	evaluate[chromedp.Void](p, `sae.play()`)
	waitFor[bool](p, `sae.state().status === "done" && sae.state().history.length === 2`)
}

// Messages that come before a worker's program has started wait for it: on a slow machine,
// that takes longer than the page takes to ask for a sign of life.
func TestMessagesBeforeTheWorkerIsReady(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	got := evaluate[[]string](p, `new Promise((resolve) => {
		const worker = new Worker("worker.js"), got = [];
		worker.onmessage = ({ data }) => {
			got.push(data.type + (data.id || ""));
			if (data.type === "died" || data.id === 7) {
				worker.terminate();
				resolve(got);
			}
		};
		worker.postMessage(saeModule);
		worker.postMessage({ type: "ping", id: 7, body: "", error: "", buffers: [], file: null, ports: null });
	})`)
	if !slices.Equal(got, []string{"ready", "reply7"}) {
		t.Errorf("the worker sent %q, want ready and the reply", got)
	}
}
