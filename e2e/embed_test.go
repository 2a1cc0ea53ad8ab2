package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"sae/nn/experiment"
)

// servePage serves a page with the given body from another origin than the site's, and
// returns its address. policy is the page's Content-Security-Policy, if any.
func servePage(t *testing.T, body string, policy ...string) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header()["Content-Security-Policy"] = policy
		fmt.Fprintf(w, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>A tutorial</title><link rel="icon" href="data:,"><body>%s`, body)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// host serves a page as servePage does, with the element defined, and opens it.
func host(t *testing.T, v view, body string, policy ...string) *page {
	t.Helper()
	return site(siteURL(t)).host(t, v, body, policy...)
}

func (s site) host(t *testing.T, v view, body string, policy ...string) *page {
	t.Helper()
	address := servePage(t, fmt.Sprintf(`<script src="%sembed.js"></script>%s`, s, body), policy...)
	return site(address).open(t, "", v)
}

// The element loads nothing until it is told to, can be controlled from another origin, and
// dispatches events.
func TestEmbed(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := host(t, desktop, `<h1>Autoencoders</h1><p>Try it:</p>
		<sparse-autoencoder id="one" experiment="2" hidden="16" latent="8" epochs="2" panels="recon,loss,latent" lock="hidden"></sparse-autoencoder>`)
	if state := evaluate[map[string]any](p, `one.state()`); state["loaded"] != false {
		t.Errorf("before it is asked to, the demo says %v", state)
	}
	p.screenshot("embed-poster")
	evaluate[chromedp.Void](p, `window.heard = []; for (const type of ["ready", "state", "metrics", "done", "error"]) one.addEventListener(type, (event) => heard.push({ type, time: performance.now(), detail: event.detail }))`)
	if result := evaluate[map[string]any](p, `one.set({latent: 4})`); result["reset"] != true {
		t.Errorf("set resolves to %v", result)
	}
	evaluate[chromedp.Void](p, `one.play()`)
	waitFor[bool](p, `heard.some(({ type }) => type === "done")`)
	type snapshot struct {
		Status   string
		Epoch    int
		Settings struct {
			Latent int
			Hidden string
		}
	}
	if s := evaluate[snapshot](p, `one.state()`); s.Status != "done" || s.Epoch != 2 || s.Settings.Latent != 4 || s.Settings.Hidden != "16" {
		t.Errorf("state %+v", s)
	}
	if closest := evaluate[float64](p, `heard.filter(({ type }) => type === "metrics").reduce(([least, last], { time }) => [Math.min(least, time - last), time], [1e9, -1e9])[0]`); closest < 200 {
		t.Errorf("two metrics within %.0f ms, want at most four a second", closest)
	}
	if size := evaluate[int](p, `one.export("npz").then((file) => file.byteLength)`); size < 3072*16*4 {
		t.Errorf("the export has %d bytes", size)
	}
	for command, want := range map[string]string{
		`one.set({bogus: 1})`:                 `bogus "1": want one of the settings`,
		`one.set({latent: -1})`:               `latent "-1": want a whole number`,
		`one.set({latent: "9".repeat(1000)})`: "at most 200 characters",
		`one.export("docx")`:                  "docx",
		`one.play()`:                          "done after 2 epochs",
	} {
		if got := rejection(p, command); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
	// The frame is as high as its content.
	height := waitFor[int](p, `one.offsetHeight > 400 && one.offsetHeight`)
	t.Logf("the frame is %d pixels high", height)
	p.screenshot("embed")
	p.look(phone.inDark())
	p.screenshot("embed-phone-dark")
	// The frame stores nothing. A page of the same site sees the same storage.
	site := openIn(t, p.ctx, "bench.html", desktop)
	if left := evaluate[[]string](site, `(async () => {
		const names = (await indexedDB.databases()).map(({ name }) => name);
		for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
		return names;
	})()`); len(left) != 0 {
		t.Errorf("the frame leaves %v in the browser's storage", left)
	}
}

// Messages that violate the contract, by sender, version, type or size, only cause an error
// reply.
func TestEmbedMessages(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := host(t, desktop, fmt.Sprintf(`<iframe id="demo" src="%sembed.html?hidden=16&latent=8" width="700" height="500"></iframe>
		<iframe id="other" srcdoc="&lt;script&gt;onmessage = ({ data, ports }) => parent.frames[0].postMessage(data, '*', ports)&lt;/script&gt;"></iframe>`, siteURL(t)))
	const hello = `{ source: "sae", v: 1, id: 7, type: "hello" }`
	evaluate[chromedp.Void](p, `window.connect = (message, target = demo.contentWindow) => {
		const { port1, port2 } = new MessageChannel();
		const answers = [];
		port1.onmessage = ({ data }) => data.type !== "height" && answers.push(data);
		target.postMessage(message, "*", [port2]);
		return { port: port1, answers };
	}`)
	// Only a valid hello, from the host, is answered.
	answers := evaluate[[]int](p, `(async () => {
		const ignored = [
			connect({ source: "other", v: 1, id: 1, type: "hello" }),
			connect({ source: "sae", v: 1, id: 1, type: "play" }),
			connect("hello"), connect(null), connect([1]),
			connect(`+hello+`, other.contentWindow),
		];
		demo.contentWindow.postMessage(`+hello+`, "*"); // without a port
		await new Promise((done) => setTimeout(done, 500));
		window.good = connect(`+hello+`);
		while (!good.answers.length) await new Promise((done) => setTimeout(done, 20));
		return ignored.map(({ answers }) => answers.length);
	})()`)
	if fmt.Sprint(answers) != "[0 0 0 0 0 0]" {
		t.Errorf("answers to what is no greeting: %v", answers)
	}
	if got := evaluate[string](p, `good.answers[0].type + " " + good.answers[0].id`); got != "done 7" {
		t.Errorf("a greeting is answered by %s", got)
	}
	// Too many messages are rejected while the demo is loading.
	if got := evaluate[map[string]int](p, `(async () => {
		good.answers.length = 0;
		for (let id = 100; id < 1100; id++) good.port.postMessage({ source: "sae", v: 1, id, type: "pause" });
		for (const message of ["play", null, 5, { source: "other" }]) good.port.postMessage(message);
		const count = {};
		while (good.answers.filter(({ id }) => id >= 100).length < 1000) await new Promise((done) => setTimeout(done, 20));
		for (const { id, type, payload } of good.answers) if (id >= 100) count[payload?.message ?? type] = (count[payload?.message ?? type] ?? 0) + 1;
		return count;
	})()`); len(got) != 2 || got["done"] != 64 || got["pause: 64 commands are waiting already; await their answers"] != 936 {
		t.Errorf("a flood of 1000 commands: %v", got)
	}
	// Each is answered by an error and does not affect the next message.
	const types = "want one of hello, play, pause, step, reset, set, state, export"
	for _, test := range []struct{ message, want string }{
		{`{ v: 1, type: "destroy" }`, "message type destroy: " + types},
		{`{ v: 1, type: "toString" }`, "message type toString: " + types},
		{`{ v: 1, type: "__proto__" }`, "message type __proto__: " + types},
		{`{ v: 1, type: { toString: 1 } }`, "message type of an object: " + types},
		{`{ v: 1 }`, "message type undefined: " + types},
		{`{ v: 1, type: "x".repeat(1e6) }`, "message type " + strings.Repeat("x", 200) + ": " + types},
		{`{ v: 3, type: "play" }`, "message version 3: want 1"},
		{`{ v: "1", type: "play" }`, "message version 1: want 1"},
		{`{ type: "play" }`, "message version undefined: want 1"},
		{`{ v: 1, id: {}, type: "play" }`, "message id: want a number or at most 200 characters"},
		{`{ v: 1, id: "x".repeat(1e6), type: "play" }`, "message id: want a number or at most 200 characters"},
		{`{ v: 1, id: NaN, type: "play" }`, "message id: want a number or at most 200 characters"},
		{`{ v: 1, type: "set" }`, "set: want an object of settings"},
		{`{ v: 1, type: "set", payload: null }`, "set: want an object of settings"},
		{`{ v: 1, type: "set", payload: [1, 2] }`, "set: want an object of settings"},
		{`{ v: 1, type: "set", payload: "latent=3" }`, "set: want an object of settings"},
		{`{ v: 1, type: "set", payload: { latent: {} } }`, "set: latent: want a number, true, false or text"},
		{`{ v: 1, type: "set", payload: cyclic }`, "set: self: want a number, true, false or text"},
		{`{ v: 1, type: "set", payload: JSON.parse('{ "__proto__": 1 }') }`, `__proto__ "1": want one of the settings`},
		{`{ v: 1, type: "set", payload: { constructor: 1 } }`, `constructor "1": want one of the settings`},
		{`{ v: 1, type: "set", payload: { latent: "9".repeat(1e6) } }`, "set: want at most 40 settings of at most 200 characters"},
		{`{ v: 1, type: "set", payload: Object.fromEntries(Array.from({ length: 1e4 }, (_, i) => ["x" + i, 1])) }`, "set: want at most 40 settings of at most 200 characters"},
		{`{ v: 1, type: "set", payload: { latent: NaN } }`, `latent "NaN": want a whole number`},
		{`{ v: 1, type: "export" }`, "export: format undefined: want the name of a format"},
		{`{ v: 1, type: "export", payload: { format: {} } }`, "export: format of an object: want the name of a format"},
		{`{ v: 1, type: "export", payload: { format: "exe" } }`, `export: format "exe": want one of`},
	} {
		got := evaluate[string](p, fmt.Sprintf(`(async () => {
			const cyclic = {};
			cyclic.self = cyclic;
			good.answers.length = 0;
			good.port.postMessage({ source: "sae", ...%s });
			let answer;
			while (!(answer = good.answers.find(({ type }) => type === "error"))) await new Promise((done) => setTimeout(done, 10));
			return answer.payload.message;
		})()`, test.message))
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %q, want %q", test.message, got, test.want)
		}
	}
	// Another version of the contract is rejected, also in hello.
	if got := evaluate[string](p, `(async () => {
		const { answers } = connect({ source: "sae", v: 2, id: 1, type: "hello" });
		while (!answers.length) await new Promise((done) => setTimeout(done, 10));
		return answers[0].type + ": " + answers[0].payload.message;
	})()`); got != "error: message version 2: want 1" {
		t.Errorf("a greeting of version 2 is answered by %q", got)
	}
}

// Of two demos on a page, one trains at a time. Invalid parameters are reported in the frame
// and to the host.
func TestEmbedsTakeTurns(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := host(t, desktop, `
		<sparse-autoencoder id="one" hidden="16" latent="8" epochs="10000" load="auto" panels="loss"></sparse-autoencoder>
		<sparse-autoencoder id="two" hidden="16" latent="8" epochs="10000" panels="loss" lambda="much" theme="dark"></sparse-autoencoder>`)
	evaluate[chromedp.Void](p, `window.errors = []; two.addEventListener("error", ({ detail }) => errors.push(detail.message))`)
	evaluate[chromedp.Void](p, `one.play()`)
	waitFor[bool](p, `one.state().then(({ status, epoch }) => status === "training" && epoch > 0)`)
	evaluate[chromedp.Void](p, `two.play()`)
	waitFor[bool](p, `one.state().then(({ status }) => status === "paused")`)
	if status := evaluate[string](p, `two.state().then(({ status }) => status)`); status != "training" {
		t.Errorf("the second demo is %s, want training", status)
	}
	if errors := evaluate[string](p, `errors.join()`); !strings.Contains(errors, `lambda "much": want a number from 0 to 1`) {
		t.Errorf("the host heard %q", errors)
	}
	p.screenshot("embeds")
	evaluate[chromedp.Void](p, `two.remove()`)
	evaluate[chromedp.Void](p, `one.play()`)
	waitFor[bool](p, `one.state().then(({ status }) => status === "training")`)
}

// Invalid values of every kind are reported in the frame and to the host, and replaced by
// the defaults. A boolean attribute needs no value.
func TestEmbedParameters(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := host(t, desktop, `<sparse-autoencoder id="wrong" experiment="9" lambda="much" latent="" hidden="1,x" mirrored="perhaps" epochs="1e99" batch="-1" lr="NaN"
			decay="2" activation="tanh" init="zero" seed="1.5" workers="3" subset="many" panels="graph" lock="all" load="never" autoplay="maybe" theme="blue" lamda="1"></sparse-autoencoder>
		<sparse-autoencoder id="right" class="wide" data-x="1" _ngcontent-x onclick="void 0" hidden="16" latent="8" epochs="1" subset="256" mirrored autoplay load="auto" panels="loss"></sparse-autoencoder>
		<sparse-autoencoder id="unseen" hidden></sparse-autoencoder>`)
	evaluate[chromedp.Void](p, `window.errors = []; for (const demo of [wrong, right]) demo.addEventListener("error", ({ detail }) => errors.push(demo.id + ": " + detail.message))`)
	if state := evaluate[map[string]any](p, `wrong.state()`); state["loaded"] != false {
		t.Errorf("with a wrong load, the demo says %v", state)
	}
	evaluate[chromedp.Void](p, `wrong.pause()`)
	message := waitFor[string](p, `errors[0]`)
	for _, want := range []string{
		`wrong: Not all of the demo's address could be used`, `panels "graph": want some of recon, loss, latent`, `lock "all": want some of`,
		`autoplay "maybe": want one of 0, 1`, `load "never": want one of click, auto`, `theme "blue": want one of auto, light, dark`,
		`lamda: there is no such setting`, `experiment "9": want one of 1, 2, 3, 4`, "and 12 more. Defaults are in their place.",
	} {
		if !strings.Contains(message, want) {
			t.Errorf("the host hears %q, want %q in it", message, want)
		}
	}
	if got, want := evaluate[map[string]any](p, `wrong.state().then(({ settings }) => settings)`), experiment.Default(); got["latent"] != float64(want.Latent) || got["hidden"] != want.Hidden || got["lambda"] != want.Lambda {
		t.Errorf("settings %v, want the defaults", got)
	}
	p.screenshot("embed-parameters")
	waitFor[bool](p, `right.state().then(({ status, settings }) => status === "done" && settings.mirrored)`)
	if text := evaluate[string](p, `errors.slice(1).join()`); text != "" {
		t.Errorf("the host hears %q of a demo that is right", text)
	}
	if evaluate[int](p, `unseen.offsetHeight`) != 0 || evaluate[int](p, `right.offsetHeight`) < 120 {
		t.Error("hidden does not hide, or hides where it sets the hidden layers")
	}
	// React sets properties.
	if got := evaluate[string](p, `right.hidden = "32,16", right.getAttribute("hidden") + " " + right.hidden`); got != "32,16 false" {
		t.Errorf("hidden set as a property: %s", got)
	}
}

// The demo works if the host's policy allows its frame. Otherwise, there is a link instead.
func TestEmbedUnderPolicy(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	const demo = `<sparse-autoencoder id="one" hidden="16" latent="8" epochs="1" subset="256"></sparse-autoencoder>`
	policy := fmt.Sprintf("default-src 'none'; img-src data:; script-src %s; ", siteURL(t))
	allowed := host(t, desktop, demo, policy+"frame-src "+siteURL(t))
	evaluate[chromedp.Void](allowed, `one.play()`)
	waitFor[bool](allowed, `one.state().then(({ status }) => status === "done")`)

	refused := host(t, desktop, demo, policy)
	refused.expectProblem("violates the following Content Security Policy directive")
	want := "this page's policy does not allow frames of " + strings.TrimSuffix(siteURL(t), "/")
	if got := rejection(refused, `one.play()`); got != want {
		t.Errorf("play rejects with %q, want %q", got, want)
	}
	if got := waitFor[string](refused, `one.shadowRoot.querySelector("a")?.href`); !strings.HasPrefix(got, siteURL(t)+"embed.html?hidden=16") {
		t.Errorf("the link leads to %q", got)
	}
	refused.screenshot("embed-refused")
}

// If the frame contains another page, calls reject after a short time.
func TestEmbedWithoutAnswer(t *testing.T) {
	t.Parallel()
	dir := useSite(t, false)
	if err := os.WriteFile(filepath.Join(dir, "embed.html"), []byte("<!doctype html><title>Gone</title>"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := host(t, desktop, `<sparse-autoencoder id="one"></sparse-autoencoder>`)
	if got := rejection(p, `one.state()`); got != "the demo does not answer" {
		t.Errorf("state rejects with %q", got)
	}
	waitFor[bool](p, `!!one.shadowRoot.querySelector("a")`)
}

// The frame has the theme of the text around it, whatever sets that, and follows it.
func TestEmbedTheme(t *testing.T) {
	t.Parallel()
	dir := useSite(t, false)
	// It has the same origin, so that the test can look into the frames.
	const page = `<!doctype html><title>A tutorial</title><link rel="icon" href="data:,"><meta name="color-scheme" content="light dark"><script src="embed.js"></script>
		<link rel="stylesheet" href="tutorial.css"><link rel="stylesheet" href="night.css" disabled id="sheet"><body>
		<sparse-autoencoder id="demo" hidden="16" latent="8" load="auto" panels="loss"></sparse-autoencoder>
		<sparse-autoencoder id="fixed" theme="dark"></sparse-autoencoder>`
	for name, content := range map[string]string{
		"tutorial.html": page,
		"tutorial.css": `[data-md-color-scheme=slate] { color: hsla(225, 15%, 90%, .82); background: #1e2129; } [data-theme=dark] { color-scheme: dark; }
			.night { --ink: oklch(0.9 0 0); } body { transition: color .1s; } .night body { color: var(--ink); }`,
		"night.css": `body { color: white; }`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := open(t, "tutorial.html", desktop)
	const frame = `demo.shadowRoot.querySelector("iframe").contentDocument`
	evaluate[chromedp.Void](p, `demo.pause()`) // resolves once it is loaded
	waitFor[bool](p, `!!`+frame+`.querySelector(".loss canvas")`)
	is := func(theme, why string) {
		t.Helper()
		t.Logf("%s: %s", why, theme)
		background := map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(23, 25, 30)"}[theme]
		waitFor[bool](p, fmt.Sprintf(`getComputedStyle(%s.body).backgroundColor === %q`, frame, background))
		line := map[string]string{"light": "223,225,230,255", "dark": "42,45,52,255"}[theme] // of the chart
		waitFor[bool](p, fmt.Sprintf(`(() => {
			const canvas = %s.querySelector(".loss canvas");
			const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
			for (let i = 0; i < data.length; i += 4) if (String(data.subarray(i, i + 4)) === %q) return true;
		})()`, frame, line))
	}
	is("light", "at first")
	for why, change := range map[string]string{
		"MkDocs Material's attribute": `document.body.toggleAttribute("data-md-color-scheme") && document.body.setAttribute("data-md-color-scheme", "slate")`,
		"Docusaurus's attribute":      `document.documentElement.dataset.theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark"`,
		"a class, in oklch":           `document.documentElement.classList.toggle("night")`,
		"a style sheet":               `sheet.disabled = !sheet.disabled`,
	} {
		evaluate[chromedp.Void](p, change)
		is("dark", why)
		evaluate[chromedp.Void](p, change)
		is("light", why)
	}
	p.look(desktop.inDark())
	is("dark", "the system's preference")
	p.look(desktop)
	is("light", "the system's preference")
	evaluate[chromedp.Void](p, `demo.style.setProperty("display", "none"), document.body.style.color = "white"`)
	evaluate[chromedp.Void](p, `demo.style.setProperty("display", "block")`)
	is("dark", "while it was hidden")
	p.screenshot("embed-theme")
	if theme := evaluate[string](p, `fixed.shadowRoot.querySelector("iframe").contentDocument.documentElement.dataset.theme`); theme != "dark" {
		t.Errorf("theme=dark shows %s", theme)
	}
}

// A demo out of view loads when it is told to, and trains only while it is visible.
func TestEmbedOutOfView(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := host(t, desktop, `<div id="space"></div><sparse-autoencoder id="one" hidden="16" latent="8" epochs="10000" panels="loss"></sparse-autoencoder>`)
	evaluate[chromedp.Void](p, `window.demo = one, space.style.height = "9000px", demo.remove(), document.body.append(demo)`) // again, out of view
	if state := evaluate[map[string]any](p, `demo.state()`); state["loaded"] != false {
		t.Errorf("out of view, the demo says %v", state)
	}
	evaluate[chromedp.Void](p, `demo.scrollIntoView(), demo.play()`)
	waitFor[bool](p, `demo.state().then(({ status, epoch }) => status === "training" && epoch > 0)`)
	evaluate[chromedp.Void](p, `scrollTo(0, 0)`)
	waitFor[bool](p, `demo.state().then(({ status }) => status === "paused")`)
	evaluate[chromedp.Void](p, `demo.scrollIntoView()`)
	waitFor[bool](p, `demo.state().then(({ status }) => status === "training")`)
	if got := evaluate[string](p, `(() => {
		const asked = demo.state().then(() => "answered", ({ message }) => message);
		demo.remove();
		return asked;
	})()`); got != "the demo was removed from the page" {
		t.Errorf("what is asked of a demo that is removed: %q", got)
	}
	if got := rejection(p, `demo.play()`); got != "play: the element is not in a page" {
		t.Errorf("what is asked of a demo that is not in the page: %q", got)
	}
}

// A frame that is sandboxed without an origin says what is missing; with one, it works.
func TestEmbedSandboxed(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	greet := func(p *page) {
		evaluate[chromedp.Void](p, `new Promise((resolve) => {
			const { port1, port2 } = new MessageChannel();
			window.port = port1;
			window.heard = [];
			port1.onmessage = ({ data }) => resolve(heard.push(data));
			frame.contentWindow.postMessage({ source: "sae", v: 1, id: 1, type: "hello" }, "*", [port2]);
		})`)
	}
	const frame = `<iframe id="frame" sandbox="%s" src="%sembed.html?hidden=16&latent=8&load=auto" width="700" height="400"></iframe>`
	p := host(t, desktop, fmt.Sprintf(frame, "allow-scripts", siteURL(t)))
	greet(p)
	message := waitFor[string](p, `heard.find(({ type, id }) => type === "error" && id === undefined)?.payload.message`)
	if !strings.Contains(message, "allow-same-origin") {
		t.Errorf("the host hears %q", message)
	}
	evaluate[chromedp.Void](p, `port.postMessage({ source: "sae", v: 1, id: 2, type: "play" })`)
	if again := waitFor[string](p, `heard.find(({ id }) => id === 2)?.payload.message`); again != message {
		t.Errorf("play is answered by %q", again)
	}
	p.screenshot("embed-sandboxed")

	works := host(t, desktop, fmt.Sprintf(frame, "allow-scripts allow-same-origin", siteURL(t)))
	greet(works)
	waitFor[bool](works, `heard.some(({ type }) => type === "ready")`)

	none := host(t, desktop, fmt.Sprintf(frame, "", siteURL(t)))
	none.allowed = append(none.allowed, regexp.MustCompile(`^Blocked script execution in `)) // not every Chromium reports it
	none.screenshot("embed-without-scripts")
}

// axe-core finds no problems in the frame, in light and dark, wide and on a phone: with the
// poster, a notice, training, and panels that are not shown at first.
func TestEmbedAccessibility(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	frame := view{width: 720, height: 900, scale: 1}
	p := open(t, "embed.html?hidden=16&latent=8&epochs=10000&panels=recon,loss,latent&lamda=1", frame)
	check := func(state string) {
		t.Helper()
		for _, v := range []view{frame, frame.inDark(), phone, phone.inDark()} {
			p.look(v)
			axe(p, fmt.Sprintf("%s, %d pixels wide, dark %v", state, v.width, v.dark))
			if evaluate[int64](p, `document.documentElement.scrollWidth`) > v.width {
				t.Errorf("%s: the frame scrolls sideways at %d pixels", state, v.width)
			}
			p.screenshot(fmt.Sprintf("frame-%s-%d-%v", state, v.width, v.dark))
		}
		p.look(frame)
	}
	check("poster")
	evaluate[chromedp.Void](p, `document.querySelector("#load").click()`)
	waitFor[bool](p, `"sae" in window && !!document.querySelector(".embed-bar")`)
	evaluate[chromedp.Void](p, `sae.ready`)
	check("notice")
	evaluate[chromedp.Void](p, `document.querySelector("[aria-label=Dismiss]").click(), document.querySelector("[aria-controls=settings]").click()`)
	check("settings")
	evaluate[chromedp.Void](p, `document.querySelector("[aria-controls=settings]").click(), sae.set({hidden: "64", latent: 16, subset: 512}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().epoch > 5`)
	check("training")
}

// The tutorial embeds three experiments from another origin, without any headers, and
// controls them from its text.
func TestTutorial(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	demo := siteURL(t)
	files := http.FileServer(http.Dir("../docs/tutorial"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			files.ServeHTTP(w, r)
			return
		}
		content, err := os.ReadFile("../docs/tutorial/index.html")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(bytes.ReplaceAll(content, []byte("http://127.0.0.1:8080/"), []byte(demo)))
	}))
	t.Cleanup(server.Close)
	p := site(server.URL+"/").open(t, "", desktop)
	press := func(text string) {
		t.Helper()
		evaluate[chromedp.Void](p, fmt.Sprintf(`[...document.querySelectorAll("button")].find((b) => b.innerText === %q).click()`, text))
	}
	p.screenshot("tutorial-top")
	for _, v := range []view{desktop, desktop.inDark(), phone} {
		p.look(v)
		axe(p, "tutorial")
		if evaluate[int64](p, `document.documentElement.scrollWidth`) > v.width {
			t.Errorf("the tutorial scrolls sideways at %d pixels", v.width)
		}
	}
	p.look(desktop)
	// Small networks, for a quick test.
	evaluate[chromedp.Void](p, `Promise.all([base, sparse, mirrored].map((demo) => demo.set({hidden: "32", latent: 16, epochs: 3})))`)
	says := func(of, what, pattern string) {
		t.Helper()
		waitFor[bool](p, fmt.Sprintf(`/^%s$/.test(document.querySelector("[data-of=%s][data-what=%s]").innerText)`, pattern, of, what))
	}
	press("Train it")
	says("base", "when", "after epoch 3")
	says("base", "loss", `0\.\d{4}`)
	press("λ = 1e-4")
	waitFor[bool](p, `/^1e-4\s+3\s/.test(document.querySelector("tbody").innerText)`)
	press("λ = 1e-5")
	waitFor[bool](p, `/^1e-5\s+3\s.*\n1e-4\s+3\s/.test(document.querySelector("tbody").innerText)`)
	press("Take one step")
	waitFor[bool](p, `mirrored.state().then(({ status, batch }) => status === "paused" && batch === 1)`)
	for range 2 { // the second time starts over
		press("train it")
		waitFor[bool](p, `mirrored.state().then(({ status }) => status === "training")`)
		says("mirrored", "when", "after epoch 3")
		waitFor[bool](p, `mirrored.state().then(({ status }) => status === "done")`)
	}
	waitFor[bool](p, `document.querySelector("#comparison").innerText.includes(" dB ")`)
	evaluate[chromedp.Void](p, `base.set({latent: 0}).catch(report)`)
	waitFor[bool](p, `document.querySelector("#problem").innerText.includes('latent "0"')`)
	evaluate[chromedp.Void](p, `scrollTo(0, 0)`)
	p.screenshot("tutorial")
}
