package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"sae/data"
)

// serveBy serves a folder as the site of the test. change sees each request first, and
// returns true if it has answered.
func serveBy(t *testing.T, dir string, change func(w http.ResponseWriter, r *http.Request) bool) {
	t.Helper()
	files := http.FileServer(http.Dir(dir))
	useAddress(t, string(serveSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !change(w, r) {
			files.ServeHTTP(w, r)
		}
	}))))
}

// On a host that redirects pages to shorter addresses and loses the query, an embedded demo
// and its link still have their settings.
func TestCleanAddresses(t *testing.T) {
	t.Parallel()
	dir := makeDist(t, copySite(t, nil))
	for name, redirect := range map[string]func(path string) string{
		"without extension": func(path string) string { return strings.TrimSuffix(path, ".html") },
		"to the folder":     func(path string) string { return strings.TrimSuffix(path, "index.html") },
	} {
		t.Run(name, func(t *testing.T) {
			serveBy(t, dir, func(w http.ResponseWriter, r *http.Request) bool {
				if to := redirect(r.URL.Path); to != r.URL.Path {
					w.Header().Set("Location", to)
					w.WriteHeader(http.StatusMovedPermanently)
					return true
				}
				if file := filepath.Join(dir, filepath.FromSlash(r.URL.Path)); path.Ext(file) == "" && r.URL.Path != "/" {
					r.URL.Path += ".html"
					http.ServeFile(w, &http.Request{Method: r.Method, URL: r.URL, Header: r.Header}, file+".html")
					return true
				}
				return false
			})
			p := host(t, desktop, `<sparse-autoencoder id="one" experiment="3" latent="32" hidden="64" epochs="2" load="auto" theme="dark"></sparse-autoencoder>`)
			waitFor[bool](p, `one.state().then(({ loaded, settings }) => loaded !== false && settings.experiment === 3 && settings.latent === 32 && settings.hidden === "64")`)

			frame := open(t, "embed.html#light?experiment=3&latent=32&load=auto", desktop)
			link := waitFor[string](frame, `document.querySelector("#app > footer a")?.href`)
			frame.do(chromedp.Navigate(link))
			waitFor[bool](frame, `"sae" in window`)
			evaluate[chromedp.Void](frame, `sae.ready`)
			if s := state(frame); s.Settings.Experiment != 3 || s.Settings.Latent != 32 {
				t.Errorf("the full page at %s has %+v", link, s.Settings)
			}
			evaluate[chromedp.Void](frame, `sae.set({latent: 16})`)
			permalink := waitFor[string](frame, `location.search.includes("latent=16") && location.href`)
			frame.do(chromedp.Navigate("about:blank"), chromedp.Navigate(permalink))
			waitFor[bool](frame, `"sae" in window`)
			if s := state(frame); s.Settings.Experiment != 3 || s.Settings.Latent != 16 {
				t.Errorf("%s opens with %+v", permalink, s.Settings)
			}
		})
	}
}

// If a server sends scripts with a wrong type, the page and the frame say so, whichever
// script the browser does not run.
func TestScriptsUnderWrongType(t *testing.T) {
	t.Parallel()
	dir := useSite(t, false)
	serve := func(t *testing.T, contentType string, nosniff bool, names ...string) {
		serveBy(t, dir, func(w http.ResponseWriter, r *http.Request) bool {
			if nosniff {
				w.Header().Set("X-Content-Type-Options", "nosniff")
			}
			if name := path.Base(r.URL.Path); path.Ext(name) == ".js" && (len(names) == 0 || slices.Contains(names, name)) {
				w.Header().Set("Content-Type", contentType)
			}
			return false
		})
	}
	const says = `document.body.innerText.replaceAll("\n", " ")`
	t.Run("a forgiving browser", func(t *testing.T) {
		serve(t, "text/plain; charset=utf-8", false) // browsers run a page's scripts, but not a worker's
		const want = "as text/plain; scripts have to come as text/javascript"
		for _, address := range []string{"", "embed.html?load=auto"} {
			p := open(t, address, desktop)
			p.expectProblems("Refused to execute script")
			waitFor[bool](p, fmt.Sprintf(`/does not start.*sends \w+\.js as text\/plain; scripts have to come as text\/javascript/.test(%s)`, says))
			p.screenshot("scripts-as-text" + path.Ext(strings.TrimSuffix(address, "?load=auto")))
		}
		p := host(t, desktop, `<sparse-autoencoder id="one" load="auto"></sparse-autoencoder><script>one.addEventListener("error", ({ detail }) => window.heard = detail.message)</script>`)
		p.expectProblems("Refused to execute script")
		if got := rejection(p, `one.play()`); !strings.Contains(got, want) {
			t.Errorf("play rejects with %q, want %q in it", got, want)
		}
		waitFor[bool](p, `window.heard?.includes("as text/plain")`)
	})
	t.Run("no script runs", func(t *testing.T) {
		serve(t, "text/plain", true)
		for _, address := range []string{"", "embed.html"} {
			p := open(t, address, desktop)
			p.expectProblems("Refused to execute script")
			waitFor[bool](p, fmt.Sprintf(`%s.includes("Its scripts did not run: it needs JavaScript, from a server that sends scripts as text/javascript")`, says))
			if evaluate[bool](p, `!!document.querySelector("#load")?.checkVisibility()`) {
				t.Error("the poster has a button that does nothing")
			}
			p.screenshot("no-scripts" + path.Ext(address))
		}
	})
	for _, test := range []struct{ name, address string }{
		{"policy.js", ""}, {"boot.js", ""}, {"wasm_exec.js", ""}, {"renderer.js", ""}, {"worker.js", ""},
		{"policy.js", "embed.html?load=auto"}, {"frame.js", "embed.html"}, {"program.js", "embed.html?load=auto"},
	} {
		t.Run(test.name+" "+test.address, func(t *testing.T) {
			serve(t, "text/plain", true, test.name)
			p := open(t, test.address, desktop)
			p.expectProblems(`Refused to execute script|panic|JavaScript error|goroutine|TrustedHTML|TrustedScriptURL|is not defined|is not a function|could not be loaded|did not run|text/plain`)
			waitFor[bool](p, fmt.Sprintf(`%s.includes("the server sends %s as text/plain; scripts have to come as text/javascript")`, says, test.name))
		})
	}
	for _, contentType := range []string{"application/x-javascript; charset=utf-8"} {
		t.Run(contentType, func(t *testing.T) {
			serve(t, contentType, true)
			openDemo(t, desktop)
		})
	}
}

// If a server's policy forbids what the demo needs, the page, the frame and the host are told.
func TestServersPolicy(t *testing.T) {
	t.Parallel()
	dir := useSite(t, false)
	for policy, want := range map[string]string{
		"script-src 'self'": "a Content-Security-Policy that the server sends does not allow WebAssembly: script-src has to have 'wasm-unsafe-eval'",
		"default-src 'self' 'wasm-unsafe-eval'; connect-src 'none'": "a Content-Security-Policy that the server sends does not allow index.json: connect-src has to have 'self'",
		"default-src 'self' 'wasm-unsafe-eval'; worker-src 'none'":  "a Content-Security-Policy that the server sends does not allow worker.js: worker-src has to have 'self'",
	} {
		t.Run(policy, func(t *testing.T) {
			serveBy(t, dir, func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Security-Policy", policy)
				return false
			})
			const problems = "Content Security Policy|CompileError|could not be fetched|unsafe-eval|Content-Security-Policy"
			page := open(t, "", desktop)
			page.expectProblems(problems)
			waitFor[bool](page, fmt.Sprintf(`document.body.innerText.includes(%q)`, want))
			p := host(t, desktop, `<sparse-autoencoder id="one" load="auto"></sparse-autoencoder>`)
			p.expectProblems(problems)
			if got := rejection(p, `one.play()`); !strings.Contains(got, want) {
				t.Errorf("play rejects with %q, want %q", got, want)
			}
		})
	}
}

// The element accepts global attributes of HTML, and boolean attributes as JSX and XHTML
// write them. It works if it is loaded as a module or more than once.
func TestElementInOtherPages(t *testing.T) {
	t.Parallel()
	serveBy(t, useSite(t, false), func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Access-Control-Allow-Origin", "*") // needed to import a module from another origin
		return false
	})
	const report = `<script>window.problems = []; addEventListener("error", (event) => problems.push(event.detail?.message ?? event.message), true); addEventListener("unhandledrejection", (event) => problems.push(String(event.reason)))</script>`
	script := func(attributes string) string {
		return fmt.Sprintf(`<script %s src="%sembed.js"></script>`, attributes, siteURL(t))
	}
	module := fmt.Sprintf(`<script type="module">import %q;</script>`, siteURL(t)+"embed.js")
	const small = `<sparse-autoencoder id="one" load="auto" hidden="16" latent="8" epochs="1" subset="256"></sparse-autoencoder>`
	for name, test := range map[string]struct{ body, want string }{
		"global attributes": {script("") + strings.Replace(small, "load", `accesskey="s" autocapitalize="off" autocorrect="off" autofocus class="wide" contenteditable="false" dir="ltr" draggable="false"
			enterkeyhint="go" exportparts="x" inputmode="none" is="x-y" itemid="x" itemprop="image" itemref="x" itemscope itemtype="x" lang="en" nonce="x" part="x" role="group"
			slot="x" spellcheck="false" style="color: red" tabindex="0" title="A demo" translate="no" virtualkeyboardpolicy="auto" writingsuggestions="false" xmlns="http://www.w3.org/1999/xhtml"
			property="x" typeof="y" classname="wide" data-x="1" aria-label="x" onclick="void 0" load`, 1), `state.status === "idle"`},
		"JSX":      {script("") + strings.Replace(small, "load", `autoplay="true" mirrored="true" load`, 1), `state.status === "done" && state.settings.mirrored`},
		"not so":   {script("") + strings.Replace(small, "load", `autoplay="false" mirrored="false" load`, 1), `state.status === "idle" && !state.settings.mirrored`},
		"XHTML":    {script("") + strings.Replace(small, "load", `autoplay="autoplay" mirrored="mirrored" load`, 1), `state.status === "done" && state.settings.mirrored`},
		"module":   {small + module, `state.status === "idle"`},
		"module 2": {small + script(`type="module"`), `state.status === "idle"`},
		"twice":    {script("") + small + script("") + module + script("async"), `state.status === "idle"`},
	} {
		t.Run(name, func(t *testing.T) {
			p := site(servePage(t, report+test.body)).open(t, "", desktop)
			waitFor[bool](p, `!!window.one?.state`)
			waitFor[bool](p, fmt.Sprintf(`one.state().then((state) => state.loaded !== false && %s)`, test.want))
			if problems := evaluate[[]string](p, `problems`); len(problems) != 0 {
				t.Errorf("problems %q", problems)
			}
		})
	}
	// A popover is hidden until it is opened.
	p := host(t, desktop, `<sparse-autoencoder id="one" popover></sparse-autoencoder>`)
	if evaluate[bool](p, `one.checkVisibility()`) || !evaluate[bool](p, `one.showPopover(), one.checkVisibility()`) {
		t.Error("popover: it shows before it is opened, or not after")
	}
}

// drop returns JavaScript that drops a File on the page.
func drop(file string) string {
	return fmt.Sprintf(`(() => {
		const dataTransfer = new DataTransfer();
		dataTransfer.items.add(%s);
		document.dispatchEvent(new DragEvent("drop", { dataTransfer }));
	})()`, file)
}

// Keys and dropped files do not change locked settings.
func TestEmbedLock(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := open(t, `embed.html?load=auto&experiment=2&hidden=16&latent=8&epochs=1&subset=256&batch=64&lock=experiment,latent,epochs,batch`, desktop)
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	press := func(key string) {
		evaluate[bool](p, fmt.Sprintf(`document.dispatchEvent(new KeyboardEvent("keydown", { key: %q, cancelable: true }))`, key))
	}
	holds := func(when string) {
		t.Helper()
		if got := evaluate[string](p, `(({ experiment, latent, epochs, batch }) => [experiment, latent, epochs, batch].join())(sae.state().settings)`); got != "2,8,1,64" {
			t.Errorf("%s: experiment, latent, epochs, batch %s; want 2,8,1,64", when, got)
		}
	}
	press("3")
	waitFor[bool](p, `document.querySelector(".toast").innerText.includes("Experiment stays 2: it is locked here.")`)
	holds("after the key 3")
	press(" ")
	waitFor[bool](p, `sae.state().status === "done"`)
	press(" ")
	holds("after Space at the end of the run")
	waitFor[bool](p, `document.querySelector(".embed-bar .play:disabled")?.innerText === "Done"`)
	p.screenshot("embed-locked")

	// The host may import a model with other settings.
	evaluate[chromedp.Void](p, `(async () => {
		await sae.set({latent: 4});
		window.other = new File([await sae.export("checkpoint")], "other.saeckpt");
		await sae.set({latent: 8});
	})()`)
	evaluate[chromedp.Void](p, drop(`other`))
	waitFor[bool](p, `document.querySelector(".notice").innerText.includes('latent "4": want 8, which is locked')`)
	holds("after a model was dropped")
	press("Escape")
	evaluate[chromedp.Void](p, drop(`new File([new Uint8Array(40 * 3073).map((_, i) => i % 3073 ? i % 251 : i / 3073 % 10)], "few.bin")`))
	waitFor[bool](p, `document.querySelector(".notice").innerText.includes("want at least 64, for settings that are locked")`)
	holds("after data were dropped")
}

// A frame does not store a data set, and does not use the one that the page has stored.
func TestFrameKeepsNoData(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	var content bytes.Buffer
	set := data.Synthetic(300, 20, 2)
	set.Name = "Own"
	if err := set.Write(&content); err != nil {
		t.Fatal(err)
	}
	own := fmt.Sprintf(`new File([Uint8Array.from(atob(%q), (c) => c.charCodeAt())], "own.sae")`, base64.StdEncoding.EncodeToString(content.Bytes()))
	p := open(t, "embed.html?load=auto&hidden=16&latent=8", desktop)
	name := func(want string) {
		t.Helper()
		waitFor[bool](p, `"sae" in window`)
		evaluate[chromedp.Void](p, `sae.ready`)
		waitFor[bool](p, fmt.Sprintf(`sae.state().dataset.name === %q`, want))
	}
	name("Synthetic")
	evaluate[chromedp.Void](p, drop(own))
	name("Own")
	if left := evaluate[[]string](p, `(async () => {
		const names = [];
		for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
		return names;
	})()`); len(left) != 0 {
		t.Errorf("the frame leaves %v", left)
	}
	p.do(chromedp.Navigate(siteURL(t) + demo))
	name("Synthetic")
	evaluate[chromedp.Void](p, drop(own)) // the page stores it
	name("Own")
	p.do(chromedp.Navigate("about:blank"), chromedp.Navigate(siteURL(t)+demo))
	name("Own")
	p.do(chromedp.Navigate(siteURL(t) + "embed.html?load=auto&hidden=16&latent=8"))
	name("Synthetic")
}
