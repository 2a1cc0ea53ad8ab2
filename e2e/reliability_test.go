package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// small are settings of a network that trains in a moment.
const small = `{hidden: "32", latent: 8, workers: 1}`

// inject has JavaScript run in all documents to come, before anything of theirs.
func (p *page) inject(script string) {
	p.tb.Helper()
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, devtools.AddScriptToEvaluateOnNewDocument, devtools.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	}))
}

// visit opens a page of the demo anew and waits until it can be used.
func (p *page) visit(query string) {
	p.tb.Helper()
	p.do(chromedp.Navigate(siteURL + query))
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
}

// until returns what an asynchronous JavaScript expression resolves to, once that is
// truthy.
func until[T any](p *page, expression string) T {
	p.tb.Helper()
	return evaluate[T](p, fmt.Sprintf(`(async () => {
		for (;;) {
			const value = await (%s);
			if (value) return value;
			await new Promise((resume) => setTimeout(resume, 20));
		}
	})()`, expression))
}

// beforeWorkers has JavaScript run in all workers of the site in a folder, before
// anything of theirs.
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

// saves resolves to what is said of the files of saved runs.
const saves = `(async () => {
	const found = [];
	try {
		const root = await navigator.storage.getDirectory();
		const folder = await root.getDirectoryHandle("sae-saves");
		for await (const handle of folder.values()) {
			const head = await (await handle.getFile()).slice(0, 4096).text();
			if (head[0] === "{") found.push(JSON.parse(head.replace(/\0+$/, "")));
		}
	} catch {} // none yet, or one that was deleted just now
	return found;
})()`

// save has the run saved, in the epoch and batch where it rests.
func (p *page) save(epoch, batch int) {
	p.tb.Helper()
	evaluate[bool](p, `dispatchEvent(new Event("pagehide"))`)
	until[bool](p, fmt.Sprintf(`%s.then((saves) => saves.some(({ epoch, batch }) => epoch === %d && batch === %d))`, saves, epoch, batch))
}

// trainAlone returns the history and the link of a small run of so many epochs.
func trainAlone(p *page, epochs int) string {
	p.tb.Helper()
	evaluate[chromedp.Void](p, fmt.Sprintf(`sae.set({...%s, epochs: %d}).then(() => sae.play())`, small, epochs))
	waitFor[bool](p, `sae.state().status === "done"`)
	return outcome(p)
}

// outcome is all that two runs have to have in common.
func outcome(p *page) string {
	p.tb.Helper()
	link := waitFor[string](p, `document.querySelector("#share input").value.includes(`+"`fingerprint=${sae.state().epoch}-`"+`) && document.querySelector("#share input").value`)
	return evaluate[string](p, `JSON.stringify(sae.state().history)`) + link
}

// steps trains on so many batches, one by one.
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

// A run whose page crashed in the middle of an epoch is offered to the next visit,
// which a link's settings do not change, and ends as if nothing had been.
func TestRunIsResumed(t *testing.T) {
	useSite(t, false)
	p := openDemo(t, desktop)
	want := trainAlone(p, 3)
	evaluate[chromedp.Void](p, `sae.reset()`)
	p.steps(20) // of 16 batches per epoch
	p.save(1, 4)
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		go chromedp.Call(ctx, devtools.Crash, cdp.Empty{}) // there is no reply
		return nil
	}))
	p.visit("?latent=16")
	if text := p.offer(); !strings.Contains(text, "Your run stopped at epoch 2 of 3. 2 L1 on Synthetic, just now.") {
		t.Errorf("offer %q", text)
	}
	for name, v := range map[string]view{"offer": desktop, "offer-dark": desktop.inDark(), "offer-phone": phone} {
		p.look(v)
		p.screenshot(name)
	}
	if wide := evaluate[bool](p, `document.documentElement.scrollWidth > innerWidth`); wide {
		t.Error("the page scrolls sideways on a phone")
	}
	p.look(desktop)
	if s := state(p); s.Status != "idle" || s.Settings.Latent != 16 || len(s.History) != 0 {
		t.Errorf("before the run is resumed: %+v, want what the link says", s)
	}
	p.do(chromedp.Click(".offer button"))
	waitFor[bool](p, `sae.state().status === "paused" && sae.state().epoch > 0`)
	if s := state(p); s.Epoch != 1 || s.Settings.Latent != 8 || s.Settings.Epochs != 3 {
		t.Errorf("resumed %+v", s)
	}
	evaluate[chromedp.Void](p, `sae.play()`)
	waitFor[bool](p, `sae.state().status === "done"`)
	if got := outcome(p); got != want {
		t.Errorf("the resumed run ends with\n%s, want\n%s", got, want)
	}
	until[bool](p, saves+`.then((saves) => saves.length === 0)`) // a finished run is among the runs
}
