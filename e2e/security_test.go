package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"sae/data"
)

// The policy of each page forbids foreign code and sending data elsewhere.
func TestPolicy(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"", "embed.html", "bench.html"} {
		p := open(t, file, desktop)
		p.expectProblem(`form-action`) // Chromium reports it twice
		for _, attempt := range []struct{ script, directive string }{
			{`document.body.append(Object.assign(document.createElement("script"), { text: "hacked = 1" }))`, "require-trusted-types-for"},
			{`document.body.append(Object.assign(document.createElement("script"), { src: "https://example.com/x.js" }))`, "require-trusted-types-for"},
			{`import("data:text/javascript,hacked = 1").catch(() => {})`, "script-src-elem"},
			{`location = "javascript:hacked = 1"`, "script-src-elem"},
			{`new Function("hacked = 1")()`, "require-trusted-types-for"},
			{`setTimeout("hacked = 1")`, "require-trusted-types-for"},
			{`document.body.setAttribute("onclick", "hacked = 1")`, "require-trusted-types-for"},
			{`new Worker(URL.createObjectURL(new Blob(["hacked = 1"])))`, "require-trusted-types-for"},
			{`document.createElement("p").innerHTML = "<img src=x onerror='hacked = 1'>"`, "require-trusted-types-for"},
			{`document.createElement("p").innerHTML = '<b onclick="hacked = 1">text</b>'`, "require-trusted-types-for"},
			{`document.createElement("p").innerHTML = '<svg><use href="data:image/svg+xml,x#y"></use></svg>'`, "require-trusted-types-for"},
			{`document.body.setAttribute("style", "color: red")`, "style-src-attr"},
			{`document.body.append(Object.assign(document.createElement("style"), { textContent: "* { color: red }" }))`, "style-src-elem"},
			{`fetch("https://example.com/").catch(() => {})`, "connect-src"},
			{`navigator.sendBeacon("https://example.com/", "secret")`, "connect-src"},
			{`new WebSocket("wss://example.com/").onerror = () => {}`, "connect-src"},
			{`new Image().src = "https://example.com/x.png"`, "img-src"},
			{`document.body.append(Object.assign(document.createElement("iframe"), { src: "https://example.com/" }))`, "frame-src"},
			{`document.body.append(Object.assign(document.createElement("object"), { data: "https://example.com/" }))`, "require-trusted-types-for"},
			{`document.head.append(Object.assign(document.createElement("base"), { href: "https://example.com/" }))`, "base-uri"},
			{`(() => { const form = Object.assign(document.createElement("form"), { action: "https://example.com/" }); document.body.append(form); form.submit(); })()`, "form-action"},
		} {
			p.expectProblem(`Content Security Policy|requires 'Trusted`)
			// In a timer, because the policy does not apply to DevTools.
			got := evaluate[string](p, fmt.Sprintf(`new Promise((resolve) => {
				addEventListener("securitypolicyviolation", ({ effectiveDirective }) => resolve(effectiveDirective), { once: true });
				setTimeout(() => {
					try { %s; } catch {}
					setTimeout(() => resolve("nothing is violated"), 10_000);
				});
			})`, attempt.script))
			if got != attempt.directive {
				t.Errorf("%q: %s: %s, want %s", file, attempt.script, got, attempt.directive)
			}
		}
		if evaluate[bool](p, `"hacked" in window`) {
			t.Errorf("%q: foreign code has run", file)
		}
	}
}

// recorder is a proxy that records all requests of a browser context.
type recorder struct {
	mutex    sync.Mutex
	requests []request
}

type request struct {
	url, what string // what is the request's destination, as the browser names it
	cookies   bool   // whether any were sent or set
}

// record sends all requests of a page's browser context, including workers and frames,
// through a proxy.
func record(t *testing.T) (*recorder, chromedp.CreateBrowserContextOption) {
	r := &recorder{}
	forward := &httputil.ReverseProxy{
		Rewrite: func(*httputil.ProxyRequest) {},
		ModifyResponse: func(response *http.Response) error {
			q := response.Request
			r.mutex.Lock()
			defer r.mutex.Unlock()
			r.requests = append(r.requests, request{q.URL.String(), q.Header.Get("Sec-Fetch-Dest"), q.Header.Get("Cookie") != "" || response.Header.Get("Set-Cookie") != ""})
			return nil
		},
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodConnect {
			r.mutex.Lock()
			defer r.mutex.Unlock()
			r.requests = append(r.requests, request{"https://" + q.Host, "connection", false})
			http.Error(w, "no such host", http.StatusBadGateway)
			return
		}
		forward.ServeHTTP(w, q)
	}))
	t.Cleanup(proxy.Close)
	return r, func(params *target.CreateBrowserContextParams) {
		params.ProxyServer = proxy.URL
		params.ProxyBypassList = "<-loopback>" // none, not even this machine
	}
}

// check reports requests outside the given folders, and cookies.
func (r *recorder) check(t *testing.T, folders ...string) {
	t.Helper()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, q := range r.requests {
		t.Logf("%-10s %s", q.what, q.url)
		if !slices.ContainsFunc(folders, func(folder string) bool { return strings.HasPrefix(q.url, folder) }) {
			t.Errorf("a request to %s", q.url)
		}
		if q.cookies {
			t.Errorf("%s: a cookie", q.url)
		}
	}
}

// A visit to everything, and an embed, request nothing outside the site's folder. go test
// -v prints the requests.
func TestRequests(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	requests, option := record(t)
	p := open(t, demo, desktop, option)
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	evaluate[chromedp.Void](p, catchFiles)
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 8, epochs: 2, workers: 2}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().status === "done"`)
	openLab(p)
	for _, format := range []string{"checkpoint", "npz", "onnx", "tfjs"} {
		exported(p, format)
	}
	evaluate[chromedp.Void](p, `[...document.querySelectorAll(".save-as button")].find((b) => b.textContent === "PNG").click()`)
	waitFor[bool](p, `!!window.saved`)
	evaluate[chromedp.Void](p, `document.querySelector(".lesson-button").click()`)
	p.at("share")
	evaluate[chromedp.Void](p, `[...document.querySelectorAll("#share button")].find((b) => b.innerText === "Embed…").click()`)
	waitFor[bool](p, `!!document.querySelector(".snippet")`)
	evaluate[chromedp.Void](p, `[...document.querySelectorAll("#share button")].find((b) => b.innerText === "Preview").click()`)
	waitFor[bool](p, `!!document.querySelector(".preview sparse-autoencoder")?.step`)
	evaluate[chromedp.Void](p, `document.querySelector(".preview sparse-autoencoder").step()`)
	if cookie := evaluate[string](p, `document.cookie`); cookie != "" {
		t.Errorf("cookie %q", cookie)
	}
	p.do(chromedp.Navigate(siteURL(t) + "bench.html"))
	evaluate[chromedp.Void](p, `benchTrain({layers: [3072, 8, 3072], latentIndex: 1, l1: 0, batch: 8, epochs: 1, warmup: 1, images: 16, data: new Uint8Array(16 * 3072), lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-7, threads: 1, budgetMs: 100})`)
	requests.check(t, siteURL(t))
}

// Names of data sets, classes, files and runs, and values in links, are shown as text,
// never as HTML.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	const name = `<img src=x onerror="hacked=1"><script>hacked=1</script>`
	set := data.Synthetic(64, 16, 1)
	set.Name, set.Provenance = name+"set", name+"source"
	for i := range set.Classes {
		set.Classes[i] = fmt.Sprintf("%sclass%d", name, i)
	}
	var content bytes.Buffer
	if err := set.Write(&content); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		name = filepath.Join(dir, strings.ReplaceAll(name, "/", "∕"))
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	p := open(t, `?%3Cimg%20src=x%20onerror=hacked=1%3E=1&latent=%3Cimg%20src=x%20onerror=hacked=1%3E`, desktop)
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	shows := func(text string) {
		t.Helper()
		waitFor[bool](p, fmt.Sprintf(`document.body.textContent.includes(%q)`, text))
		if n := evaluate[int](p, `document.querySelectorAll("img, [onerror], #app script").length`); n != 0 || evaluate[bool](p, `"hacked" in window`) {
			t.Fatalf("%q is no text: %d elements came of it", text, n)
		}
	}
	shows(`latent "<img src=x onerror=hacked=1>"`)
	p.setFiles("#file", file(name+"bad.bin", []byte("no records")))
	shows(name[:20])
	p.setFiles("#model-file", file(name+".saeckpt", []byte("no model")))
	shows("That model could not be used")
	p.setFiles("#picture-file", file(name+".png", []byte("no picture")))
	shows("That picture could not be read")
	p.setFiles("#file", file(name+"good.sae", content.Bytes()))
	p.at("data")
	shows(name + "set")
	shows(name + "source")
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 8, epochs: 1, batch: 16}).then(() => sae.play())`)
	waitFor[bool](p, `sae.state().status === "done"`)
	openLab(p)
	shows(name + "class1")
	p.at("compare")
	waitFor[bool](p, `document.querySelectorAll("#runs tbody tr").length === 1`)
	p.renameRun(name + "run")
	evaluate[chromedp.Void](p, `[...document.querySelectorAll("#runs button")].find((b) => b.innerText === "Delete" || b.ariaLabel?.startsWith("Delete")).click()`)
	shows("Deleted " + name + "run")
	p.screenshot("hostile-names")
}
