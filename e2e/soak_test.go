package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"sae/data"
)

// The soak takes half an hour or more, so make test does not run it; make soak does.
var (
	soak     = flag.Duration("soak", 0, "how long TestSoak lasts; 0 skips all of the soak")
	soakSeed = flag.Uint64("soakseed", 1, "of what TestSoak does")
)

// settled is the time after which memory must not grow.
const settled = 5 * time.Minute

// soakOptions make Chromium keep no compiled code and no lists of it. Otherwise, V8's
// memory would grow with time and hide leaks of the page.
var soakOptions = []chromedp.ExecAllocatorOption{
	chromedp.Flag("js-flags", "--stress-flush-code --no-opt --no-maglev --no-sparkplug"),
	chromedp.Flag("disable-features", disabledFeatures+",LocalCompileHints"),
}

// openSoak is openCounted if a soak is asked for.
func openSoak(t *testing.T) *page {
	if *soak == 0 {
		t.Skip("a soak is asked for by make soak")
	}
	return openCounted(t)
}

// openCounted opens the demo with the counters of testdata/soak.js, in the page and in its
// workers.
func openCounted(t *testing.T) *page {
	counter, err := os.ReadFile("testdata/soak.js")
	if err != nil {
		t.Fatal(err)
	}
	worker := filepath.Join(useSite(t, false), "worker.js")
	script, err := os.ReadFile(worker)
	if err == nil {
		err = os.WriteFile(worker, slices.Concat(counter, script), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := open(t, "bench.html", desktop) // the same origin, before the page
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, devtools.AddScriptToEvaluateOnNewDocument, devtools.AddScriptToEvaluateOnNewDocumentParams{Source: string(counter)})
		return err
	}))
	p.do(chromedp.Navigate(siteURL(t) + demo))
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	return p
}

// usage is what the page or a worker uses.
type usage struct {
	WASM    float64 // bytes of the program's memory
	Values  int     // JavaScript values that Go references
	Funcs   int     // Go functions that JavaScript can call
	Workers int     // workers that were started here and have not ended
	Started int     // workers that were ever started here
	Ports   int     // MessagePorts that listen
	Heap    float64 `json:"-"` // bytes of JavaScript's heap, after garbage collection
}

func (u usage) String() string {
	return fmt.Sprintf("%7.2f %7.2f %6d %5d %4d %5d", u.WASM/1e6, u.Heap/1e6, u.Values, u.Funcs, u.Workers, u.Ports)
}

const usageHeader = "wasm MB heap MB values funcs workers ports"

// measure returns the usage of the page and its training worker.
func measure(p *page) (page, worker usage) {
	p.tb.Helper()
	collectGo(p)
	targets, err := chromedp.CallBrowser(p.ctx, target.GetTargets, target.GetTargetsParams{})
	if err != nil {
		p.tb.Fatal(err)
	}
	var workers []context.Context
	for _, info := range targets.TargetInfos {
		if info.Type == "worker" && strings.HasPrefix(info.URL, siteURL(p.tb)) {
			ctx, cancel := chromedp.NewContext(p.ctx, chromedp.WithTargetID(info.TargetID), chromedp.WithDetachOnCancel())
			defer cancel()
			workers = append(workers, ctx)
		}
	}
	if len(workers) != 1 {
		p.tb.Fatalf("%d workers, want one", len(workers))
	}
	return measureOne(p, p.ctx), measureOne(p, workers[0])
}

// collectGo gives Go so much to allocate that it collects its garbage, which keeps JavaScript
// values alive: rendering only what has changed takes minutes to make as much.
func collectGo(p *page) {
	p.tb.Helper()
	evaluate[chromedp.Void](p, `(async () => {
		for (let i = 0; i < 30; i++) {
			await sae.set({hidden: "x".repeat(2e6)}).catch(() => {});
			await new Promise((resolve) => setTimeout(resolve)); // the page hears its worker
		}
	})()`)
}

// collectJS makes V8 collect its garbage.
func collectJS(p *page, ctx context.Context) {
	p.tb.Helper()
	for range 10 { // each collection may free more
		if _, err := chromedp.Call(ctx, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			p.tb.Fatal(err)
		}
	}
}

func measureOne(p *page, ctx context.Context) usage {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(ctx, actionTimeout)
	defer cancel()
	collectJS(p, ctx)
	u, err := chromedp.Run(ctx, chromedp.Evaluate[usage](`soak()`))
	if err != nil {
		p.tb.Fatal(err)
	}
	heap, err := chromedp.Call(ctx, runtime.GetHeapUsage, cdp.Empty{})
	if err != nil {
		p.tb.Fatal(err)
	}
	u.Heap = heap.UsedSize
	return u
}

// curve is the usage of the page and its worker over time.
type curve struct {
	t       *testing.T
	times   []string
	pages   []usage
	workers []usage
}

func newCurve(t *testing.T, unit string) *curve {
	t.Logf("%7s  page: %s  worker: %s", unit, usageHeader, usageHeader)
	return &curve{t: t}
}

func (c *curve) add(time string, p *page) {
	page, worker := measure(p)
	c.times, c.pages, c.workers = append(c.times, time), append(c.pages, page), append(c.workers, worker)
	c.t.Logf("%7s        %v          %v", time, page, worker)
	if page.Started != 1 {
		c.t.Errorf("the page has started %d workers, want one that lasts", page.Started)
	}
}

// flat reports leaks, and usage that has grown by more than a twentieth from one moment to
// the last. It compares medians of five, because of garbage.
func (c *curve) flat(from int) {
	c.t.Helper()
	last := len(c.times) - 5
	if from < 0 || from > last {
		c.t.Fatalf("there are not five measurements after %v", settled)
	}
	for _, of := range []struct {
		name   string
		usages []usage
	}{{"page", c.pages}, {"worker", c.workers}} {
		for _, number := range []struct {
			name  string
			of    func(usage) float64
			slack float64
		}{
			// It never shrinks: a peak that comes late, by chance, takes an arena of 4 MB or two.
			{"WASM memory", func(u usage) float64 { return u.WASM }, 8e6},
			{"JavaScript heap", func(u usage) float64 { return u.Heap }, 0},
			// Go releases them with its next garbage collection.
			{"values held by Go", func(u usage) float64 { return float64(u.Values) }, 1500},
			{"funcs", func(u usage) float64 { return float64(u.Funcs) }, 50},
			{"workers", func(u usage) float64 { return float64(u.Workers) }, 0},
			{"ports", func(u usage) float64 { return float64(u.Ports) }, 0},
		} {
			median := func(first int) float64 {
				var five []float64
				for _, usage := range of.usages[first : first+5] {
					five = append(five, number.of(usage))
				}
				slices.Sort(five)
				return five[2]
			}
			before, after := median(from), median(last)
			c.t.Logf("%s: %s %.0f from %s on, %.0f from %s on", of.name, number.name, before, c.times[from], after, c.times[last])
			if after > 1.05*before+number.slack {
				c.t.Errorf("%s: %s grows from %.0f to %.0f", of.name, number.name, before, after)
			}
		}
	}
}

// The worker does not keep the members of a team that has become smaller.
func TestDismissedMembersAreCollected(t *testing.T) {
	p := openCounted(t)
	train := func(workers int) {
		evaluate[chromedp.Void](p, fmt.Sprintf(`sae.set({...`+small+`, workers: %d}).then(() => sae.step())`, workers))
	}
	train(1)
	_, before := measure(p)
	train(8)
	train(1)
	for range 3 { // the worker's Go collects garbage before each run
		evaluate[chromedp.Void](p, `sae.reset().then(() => sae.step())`)
	}
	if _, after := measure(p); after.Funcs > before.Funcs+4 { // a member has two
		t.Errorf("%d functions after a team of 8, want about the %d of before", after.Funcs, before.Funcs)
	}
}

// A small network trains for 2,000 epochs without an error. From the fifth minute on, when
// the timeline is full and V8 has compiled everything, memory does not grow.
func TestSoakEpochs(t *testing.T) {
	p := openSoak(t)
	const epochs, first, step = 2000, 500, 50
	curve := newCurve(t, "epoch")
	from, start := -1, time.Now()
	for epoch := step; epoch <= epochs; epoch += step {
		switch epoch {
		case step:
			evaluate[chromedp.Void](p, fmt.Sprintf(`sae.set({hidden: "256", latent: 32, workers: 1, epochs: %d})`, first))
		case first + step:
			evaluate[chromedp.Void](p, fmt.Sprintf(`sae.set({epochs: %d})`, epochs))
		}
		// Uses events, because the state contains the whole history.
		failure := evaluate[string](p, fmt.Sprintf(`sae.play().then(() => new Promise((resolve) => {
			const ends = [
				sae.on("epoch", ({epoch}) => epoch >= %d && end("")),
				sae.on("error", ({message}) => end(message)),
			];
			const end = (failure) => {
				for (const off of ends) off();
				resolve(failure);
			};
		}))`, epoch))
		if failure != "" {
			t.Fatalf("before epoch %d: %s", epoch, failure)
		}
		if epoch != first && epoch != epochs {
			evaluate[chromedp.Void](p, `sae.pause()`)
		}
		curve.add(fmt.Sprint(epoch), p)
		if from < 0 && time.Since(start) > settled {
			from = len(curve.times) - 1
		}
	}
	curve.flat(from)
	s := state(p)
	if n := len(s.History); s.Status != "done" || n != epochs || s.History[n-1].ValLoss >= s.History[0].ValLoss {
		t.Errorf("%s, a history of %d epochs, validation loss from %g to %g", s.Status, n, s.History[0].ValLoss, s.History[n-1].ValLoss)
	}
}

// TestSoak uses the page at random, by window.sae, clicks and keys. Every minute, it resets
// the page and measures its usage. There must be no error, and nothing may grow after the
// fifth minute.
func TestSoak(t *testing.T) {
	p := openSoak(t)
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, devtools.SetInterceptFileChooserDialog, devtools.SetInterceptFileChooserDialogParams{Enabled: true})
		return err
	}))
	actions, err := os.ReadFile("testdata/monkey.js")
	if err != nil {
		t.Fatal(err)
	}
	evaluate[chromedp.Void](p, string(actions))
	evaluate[chromedp.Void](p, `window.fewClasses = `+fewClasses(t))
	m := &monkey{page: p, random: rand.New(rand.NewPCG(*soakSeed, 0)), done: map[string]int{}, refused: map[string]int{}}
	t.Logf("seed %d", *soakSeed)
	curve := newCurve(t, "minute")
	from, start := -1, time.Now()
	evaluate[chromedp.Void](p, `monkey.longest()`)
	p.at("train")
	// 64 moments, the most it has. A page that is slow to show frames gets one every two seconds.
	for _, last := range []int{20, 40, 63} {
		waitFor[bool](p, fmt.Sprintf(`+document.querySelector(".timeline input").max >= %d`, last))
	}
	for minute := 1; ; minute++ {
		now := time.Duration(minute) * time.Minute
		for time.Since(start) < now {
			if now < settled {
				m.everything()
			} else {
				m.act()
			}
		}
		m.tidy()
		curve.add(fmt.Sprint(minute), p)
		if now == settled {
			from = minute - 1
		}
		if now >= *soak {
			break
		}
	}
	curve.flat(from)
	t.Logf("done: %v", m.done)
	t.Logf("refused, as it should be: %v", m.refused)
}

// fewClasses returns JavaScript that makes a File with a small data set of two classes.
func fewClasses(t *testing.T) string {
	set := data.Synthetic(70, 20, 3)
	set.Name, set.Classes = "Two", []string{"odd", "even"}
	for _, split := range []data.Split{set.Train, set.Validation} {
		for i := range split.Labels {
			split.Labels[i] %= 2
		}
	}
	var file bytes.Buffer
	if err := set.Write(&file); err != nil {
		t.Fatal(err)
	}
	return fileJS("two.sae", fmt.Sprintf(`Uint8Array.from(atob(%q), (c) => c.charCodeAt(0))`, base64.StdEncoding.EncodeToString(file.Bytes())))
}

// monkey performs random actions.
type monkey struct {
	page    *page
	random  *rand.Rand
	done    map[string]int // how often, by action
	recent  []string       // the last actions
	refused map[string]int // how often window.sae rejected, by reason
}

// actions are the monkey's actions, with their relative frequencies. Those other than
// clicks, keys and looks are in testdata/monkey.js.
var actions = []struct {
	name  string
	often int
}{
	{"click", 12}, {"key", 4}, {"look", 1}, {"slide", 4}, {"choose", 2}, {"type", 1}, {"scroll", 2}, {"visit", 6},
	{"play", 6}, {"pause", 3}, {"step", 3}, {"reset", 2}, {"set", 5}, {"finish", 2},
	{"loadDataset", 1}, {"exportImport", 1}, {"pass", 2}, {"listen", 1},
}

// keys are the shortcuts, and keys that move the focus.
var keys = []string{" ", "s", "r", "z", "o", "l", "m", "t", "f", "e", "c", "d", "?", "1", "2", "3", "4", kb.Escape, kb.Escape, kb.ArrowLeft, kb.ArrowRight, kb.Tab, kb.Enter}

// act performs one action and waits a little.
func (m *monkey) act() {
	var lots []string
	for _, action := range actions {
		lots = append(lots, slices.Repeat([]string{action.name}, action.often)...)
	}
	m.do(lots[m.random.IntN(len(lots))])
	time.Sleep(time.Duration(m.random.IntN(300)) * time.Millisecond)
}

func (m *monkey) do(action string) {
	m.page.tb.Helper()
	m.done[action]++
	m.recent = append(m.recent[max(0, len(m.recent)-19):], action)
	switch action {
	case "click":
		m.click(m.random.Float64())
	case "key":
		m.page.do(chromedp.KeyEvent(keys[m.random.IntN(len(keys))]))
	case "look":
		m.page.look([]view{desktop, desktop.inDark(), phone, phone.inDark()}[m.random.IntN(4)])
	default:
		reason := evaluate[string](m.page, fmt.Sprintf(`monkey.%s(%g, %g)`, action, m.random.Float64(), m.random.Float64()))
		if reason != "" {
			m.refused[reason[:min(60, len(reason))]]++
		}
		if strings.Contains(reason, "worker stopped") {
			m.page.tb.Errorf("%s\nafter %v\n%s", reason, m.recent, evaluate[string](m.page, `JSON.stringify({...sae.state(), history: undefined, curve: undefined})`))
		}
	}
	evaluate[chromedp.Void](m.page, `monkey.prune(4)`)
}

// click clicks on a visible control, chosen by a number from 0 to 1.
func (m *monkey) click(which float64) {
	m.page.tb.Helper()
	at := evaluate[[]float64](m.page, fmt.Sprintf(`monkey.control(%g)`, which))
	m.page.do(chromedp.MouseClickXY(at[0], at[1]))
}

// everything performs each action once, so that whatever is created only once exists from
// the start, above all WebAssembly's memory, which never shrinks.
func (m *monkey) everything() {
	evaluate[chromedp.Void](m.page, `monkey.largest()`)
	for _, action := range actions {
		m.do(action.name)
	}
	for i, n := 0, evaluate[int](m.page, `monkey.count()`); i < n; i++ {
		m.click(float64(i) / float64(n))
	}
}

// tidy resets the page.
func (m *monkey) tidy() {
	m.page.tb.Helper()
	m.page.look(desktop)
	evaluate[chromedp.Void](m.page, `monkey.tidy()`)
	time.Sleep(2 * time.Second) // for delayed work of the page and the browser
	if s := state(m.page); s.Status != "idle" {
		m.page.tb.Fatalf("the run is %s: %s", s.Status, s.Error)
	}
}
