package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// servePage serves a page with the given body from another origin than the site's,
// and returns its address.
func servePage(t *testing.T, body string) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>A tutorial</title><link rel="icon" href="data:,"><body style="max-width:720px">%s`, body)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// host serves a page with the given body from another origin than the site's, with
// the element defined, and opens it.
func host(t *testing.T, v view, body string) *page {
	t.Helper()
	site := siteURL
	siteURL = servePage(t, fmt.Sprintf(`<script src="%sembed.js"></script>%s`, site, body))
	defer func() { siteURL = site }()
	return open(t, "", v)
}

// The element loads nothing until it is asked to, is driven from another origin,
// and tells what happens.
func TestEmbed(t *testing.T) {
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
	// The frame is as high as what it shows.
	height := waitFor[int](p, `document.querySelector("iframe").offsetHeight > 400 && document.querySelector("iframe").offsetHeight`)
	t.Logf("the frame is %d pixels high", height)
	p.screenshot("embed")
	p.look(phone.inDark())
	p.screenshot("embed-phone-dark")
}

// Messages that are none of this contract, in version, type or sender, do nothing
// but say so.
func TestEmbedMessages(t *testing.T) {
	useSite(t, false)
	p := host(t, desktop, fmt.Sprintf(`<iframe src="%sembed.html" width="700" height="500"></iframe>`, siteURL))
	answers := evaluate[[]string](p, `(async () => {
		const frame = document.querySelector("iframe").contentWindow;
		const hello = (message, origin = "*") => {
			const { port1, port2 } = new MessageChannel();
			const answers = [];
			port1.onmessage = ({ data }) => data.type !== "height" && answers.push(data);
			frame.postMessage(message, origin, [port2]);
			return { port: port1, answers };
		};
		const wait = () => new Promise((done) => setTimeout(done, 300));
		const results = [];
		const other = hello({ source: "other", v: 1, id: 1, type: "hello" });
		const early = hello({ source: "sae", v: 1, id: 1, type: "play" });
		const version = hello({ source: "sae", v: 2, id: 1, type: "hello" });
		await wait();
		results.push(other.answers.length + " " + early.answers.length, version.answers[0]?.payload.message);
		const good = hello({ source: "sae", v: 1, id: 7, type: "hello" });
		await wait();
		results.push(good.answers[0].type + " " + good.answers[0].id);
		for (const message of [{ source: "sae", v: 1, id: 8, type: "destroy" }, { source: "sae", v: 3, id: 9, type: "play" }, "play", null, { source: "sae", v: 1, id: 10, type: "toString" }]) good.port.postMessage(message);
		await wait();
		results.push(...good.answers.slice(1).map(({ type, id, payload }) => type + " " + id + " " + payload.message));
		return results;
	})()`)
	want := []string{
		"0 0", "message version 2: want 1", "done 7",
		"error 8 message type destroy: want one of hello, play, pause, step, reset, set, state, export",
		"error 9 message version 3: want 1",
		"error 10 message type toString: want one of hello, play, pause, step, reset, set, state, export",
	}
	if strings.Join(answers, "\n") != strings.Join(want, "\n") {
		t.Errorf("answers\n%s\nwant\n%s", strings.Join(answers, "\n"), strings.Join(want, "\n"))
	}
}

// Of two demos on a page one trains at a time; bad parameters are told in the frame
// and to the host.
func TestEmbedsTakeTurns(t *testing.T) {
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

// A sandboxed frame without an origin says what it lacks.
func TestEmbedSandboxed(t *testing.T) {
	useSite(t, false)
	p := host(t, desktop, fmt.Sprintf(`<iframe id="frame" sandbox="allow-scripts" src="%sembed.html?load=auto" width="700" height="400"></iframe>`, siteURL))
	message := evaluate[string](p, `new Promise((resolve) => {
		const { port1, port2 } = new MessageChannel();
		port1.onmessage = ({ data }) => data.type === "error" && resolve(data.payload.message);
		frame.contentWindow.postMessage({ source: "sae", v: 1, id: 1, type: "hello" }, "*", [port2]);
		setTimeout(() => port1.postMessage({ source: "sae", v: 1, id: 2, type: "play" }), 200);
	})`)
	if !strings.Contains(message, "allow-same-origin") {
		t.Errorf("the host hears %q", message)
	}
	p.screenshot("embed-sandboxed")
}

// The tutorial embeds three experiments from another origin, without headers of any
// kind, and drives them from its text.
func TestTutorial(t *testing.T) {
	useSite(t, false)
	site := siteURL
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
		w.Write(bytes.ReplaceAll(content, []byte("http://127.0.0.1:8080/"), []byte(site)))
	}))
	t.Cleanup(server.Close)
	siteURL = server.URL + "/"
	defer func() { siteURL = site }()
	p := open(t, "", desktop)
	press := func(text string) {
		t.Helper()
		evaluate[chromedp.Void](p, fmt.Sprintf(`[...document.querySelectorAll("button")].find((b) => b.innerText === %q).click()`, text))
	}
	// Small networks, so that the test is quick.
	evaluate[chromedp.Void](p, `Promise.all([base, sparse, mirrored].map((demo) => demo.set({hidden: "32", latent: 16, epochs: 3})))`)
	press("Train it")
	waitFor[bool](p, `document.querySelector("output[data-of=base]").innerText.includes("after epoch 3")`)
	press("λ = 3e-4")
	waitFor[bool](p, `document.querySelector("output[data-of=sparse]").innerText.includes("units are active after epoch 3")`)
	if lambda := evaluate[float64](p, `sparse.state().then(({ settings }) => settings.lambda)`); lambda != 3e-4 {
		t.Errorf("λ is %g, want 3e-4", lambda)
	}
	press("Take one step")
	waitFor[bool](p, `mirrored.state().then(({ status, batch }) => status === "paused" && batch === 1)`)
	press("train it")
	waitFor[bool](p, `document.querySelector("output[data-of=mirrored]").innerText.includes("after epoch 3")`)
	press("train it") // again, when it is done
	waitFor[bool](p, `document.querySelector("#problem").innerText.includes("done after 3 epochs")`)
	evaluate[chromedp.Void](p, `scrollTo(0, 0)`)
	p.screenshot("tutorial")
}
