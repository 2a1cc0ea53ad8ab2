package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// watchOpening notes what a page paints and shifts from its start, in window.opening.
const watchOpening = `window.opening = { shift: 0, shifts: [], largest: [] };
new PerformanceObserver((list) => {
	for (const { value, sources } of list.getEntries()) opening.shift += value, opening.shifts.push(value.toFixed(4) + " " + sources.map(({ node, previousRect, currentRect }) => (node?.outerHTML?.slice(0, 80) ?? node?.nodeName) + " from " + JSON.stringify(previousRect) + " to " + JSON.stringify(currentRect)).join(", "));
}).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => {
	for (const { element, startTime } of list.getEntries()) opening.largest.push({ startTime, html: element?.outerHTML.slice(0, 80) ?? "" });
}).observe({ type: "largest-contentful-paint", buffered: true });`

// before evaluates a script in each page that p navigates to, before those of the page.
func (p *page) before(script string) {
	p.tb.Helper()
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, devtools.AddScriptToEvaluateOnNewDocument, devtools.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	}))
}

// serveLate serves the built site, but a file only once it is let through, and if wanted, the
// page in two parts, with a pause amid the links to the views.
func serveLate(tb testing.TB, name string, inTwo bool) (s site, letThrough func()) {
	tb.Helper()
	dir := builtSite(tb, false)
	files, late := http.FileServer(http.Dir(dir)), make(chan struct{})
	html, err := os.ReadFile(dir + "/index.html")
	if err != nil {
		tb.Fatal(err)
	}
	amid := bytes.Index(html, []byte(`<a data-text="Explore"`))
	if amid < 0 {
		tb.Fatal("the page has no links to its views")
	}
	scripts, once := make(chan struct{}), sync.Once{}
	s = serveSite(tb, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if inTwo && r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Write(html[:amid])
			w.(http.Flusher).Flush()
			select { // until its scripts let it paint, and what it has would be painted
			case <-scripts:
				time.Sleep(300 * time.Millisecond)
			case <-r.Context().Done():
				return
			}
			w.Write(html[amid:])
			return
		}
		if r.URL.Path == "/press.js" { // the last that the parser waits for
			defer once.Do(func() { close(scripts) })
		}
		if r.URL.Path == "/"+name {
			select {
			case <-late:
			case <-r.Context().Done():
				return
			}
		}
		files.ServeHTTP(w, r)
	}))
	return s, func() { close(late) }
}

// The page is all there before its program: nothing shifts when that takes over and the
// first pictures come, and nothing larger is painted later.
func TestNothingShifts(t *testing.T) {
	for name, v := range map[string]view{"desktop": desktop, "laptop": {width: 1280, height: 720, scale: 1}, "phone": phone} {
		t.Run(name, func(t *testing.T) {
			s, letThrough := serveLate(t, "sae.wasm", true)
			p := site("about:").open(t, "blank", v)
			p.before(watchOpening)
			p.do(chromedp.Navigate(string(s)))
			waitFor[bool](p, `opening.largest.length > 0`)
			p.screenshot("before-the-program-" + name)
			painted := evaluate[float64](p, `performance.now()`)
			letThrough()
			waitFor[bool](p, `"sae" in window`)
			evaluate[chromedp.Void](p, `sae.ready`)
			waitFor[bool](p, `!!document.querySelector(".loss canvas")`)
			evaluate[chromedp.Void](p, `new Promise((resolve) => setTimeout(resolve, 500))`) // which the browser tells of late
			// The widths of captions and figures follow their texts: a twentieth of what is
			// thought to disturb.
			if shift := evaluate[float64](p, `opening.shift`); shift > 0.005 {
				t.Errorf("the layout shifts by %.4f, want at most 0.005: %s", shift, strings.Join(evaluate[[]string](p, `opening.shifts`), "; "))
			}
			for _, largest := range evaluate[[]struct {
				StartTime float64
				HTML      string
			}](p, `opening.largest`) {
				if largest.StartTime > painted {
					t.Errorf("the largest of all is painted after %.0f ms: %s", largest.StartTime, largest.HTML)
				}
			}
		})
	}
}

// What is pressed before the program is there is done as soon as it is: Train, and keys.
func TestPressedBeforeTheProgram(t *testing.T) {
	t.Parallel()
	const label = `document.querySelector("#bar .play span").textContent`
	press := func(key string) string {
		return fmt.Sprintf(`document.body.dispatchEvent(new KeyboardEvent("keydown", { key: %q, bubbles: true, cancelable: true }))`, key)
	}
	for name, test := range map[string]struct {
		keys  []string // "" is a click on Train
		label string
		then  string
	}{
		"Train":           {[]string{""}, "Starting", `sae.state().status === "training" && sae.state().batch + sae.state().epoch > 0`},
		"the space":       {[]string{" "}, "Starting", `sae.state().status === "training"`},
		"Train and again": {[]string{"", ""}, "Train", `sae.state().status === "idle" && ` + label + ` === "Train"`},
		"other keys":      {[]string{"3", "c", "t", "l"}, "Train", `sae.state().settings.experiment === 3 && !document.getElementById("lesson").hidden && location.hash === ""`},
	} {
		t.Run(name, func(t *testing.T) {
			s, letThrough := serveLate(t, "sae.wasm", false)
			p := s.open(t, "", desktop)
			for _, key := range test.keys {
				if key == "" {
					p.do(chromedp.Click("#bar .play"))
				} else {
					evaluate[bool](p, press(key))
				}
			}
			if got := evaluate[string](p, label); got != test.label {
				t.Errorf("before the program is there, the button says %q, want %q", got, test.label)
			}
			if name == "Train" {
				p.screenshot("starting")
			}
			letThrough()
			waitFor[bool](p, `"sae" in window`)
			evaluate[chromedp.Void](p, `sae.ready`)
			waitFor[bool](p, test.then)
		})
	}
}

// What is pressed while the program starts is done too: after it has asked what was pressed
// before, and after it has rendered Train.
func TestPressedAsTheProgramStarts(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"take", "stop"} {
		t.Run(method, func(t *testing.T) {
			p := openBlank(t)
			p.before(fmt.Sprintf(`Object.defineProperty(globalThis, "saeAsked", { configurable: true, set(asked) {
				Object.defineProperty(globalThis, "saeAsked", { value: asked });
				const method = asked.%[1]s;
				asked.%[1]s = () => {
					const answer = method();
					asked.%[1]s = method;
					document.querySelector("#bar .play").click();
					document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "3", bubbles: true }));
					return answer;
				};
			} })`, method))
			p.do(chromedp.Navigate(string(newSite(t, false))))
			waitFor[bool](p, `"sae" in window && sae.state().settings.experiment === 3 && sae.state().epoch + sae.state().batch > 0`)
		})
	}
}

// Train is taken back where the program does not come.
func TestPressedWithoutAProgram(t *testing.T) {
	t.Parallel()
	answers{"/sae.wasm": http.NotFound}.serve(t, useSite(t, false))
	p := open(t, "", desktop)
	for _, problem := range []string{"404", "404", "HTTP status"} {
		p.expectProblem(problem)
	}
	waitFor[bool](p, `!document.getElementById("boot").hidden`)
	if got := evaluate[string](p, `document.querySelector("#bar .play").disabled + document.querySelector("#bar .play span").textContent`); got != "trueTrain" {
		t.Errorf("the button says %q", got)
	}
}

// ECharts is loaded when the first chart is due, after the first pictures. Where it does
// not come, its charts say so.
func TestChartsComeAfterPictures(t *testing.T) {
	t.Parallel()
	s, letThrough := serveLate(t, "echarts.js", false)
	p := openBlank(t)
	p.before(`const append = Element.prototype.append;
		Element.prototype.append = function (...nodes) {
			if (nodes[0]?.src?.endsWith("/echarts.js")) window.pictures = document.querySelectorAll(".plate canvas").length;
			append.apply(this, nodes);
		};`)
	p.do(chromedp.Navigate(string(s)))
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	if pictures := waitFor[int](p, `window.pictures`); pictures < 24 {
		t.Errorf("ECharts is asked for when there are %d pictures, want 24", pictures)
	}
	evaluate[chromedp.Void](p, `sae.step()`) // what is shown meanwhile is drawn later
	if n := evaluate[int](p, `document.querySelectorAll(".drawing").length`); n != 0 {
		t.Errorf("%d charts without ECharts", n)
	}
	letThrough()
	waitFor[bool](p, `!!document.querySelector(".loss canvas")`)

	answers{"/echarts.js": http.NotFound}.serve(t, useSite(t, false))
	p = openDemo(t, desktop)
	p.expectProblem("404")
	p.expectProblem("Refused to execute script")
	waitFor[bool](p, `document.querySelector(".loss .plot").innerText === "No chart: echarts.js did not load. Reload the page."`)
	evaluate[chromedp.Void](p, `sae.step()`)
}
