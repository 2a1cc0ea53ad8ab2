package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Teams of 1, 2, 4 and 8 workers train the same weights, bit for bit, in a page that is not
// cross-origin isolated and so has no shared memory.
func TestTeamsTrainTheSame(t *testing.T) {
	p := open(t, "bench.html", desktop)
	if evaluate[bool](p, `crossOriginIsolated`) {
		t.Fatal("the page is cross-origin isolated")
	}
	for _, layers := range [][]int{
		{3072, 128, 64, 128, 3072},
		{3072, 100, 37, 5, 37, 100, 3072}, // slices of different widths, some of 0
	} {
		var first string
		for _, workers := range []int{1, 2, 4, 8} {
			config, err := json.Marshal(map[string]any{
				"layers": layers, "latentIndex": len(layers) / 2, "l1": 1e-4,
				"images": 600, "batch": 64, "epochs": 4, "warmup": 1, // 50 steps, with a short batch at the end of each epoch
				"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7, "threads": workers,
			})
			if err != nil {
				t.Fatal(err)
			}
			result := evaluate[struct {
				Workers         int
				Kernel, Weights string
				ImagesPerSecond float64
			}](p, fmt.Sprintf(`(async () => {
				const config = %s;
				const data = Uint8Array.from({length: config.images * 3072}, (_, i) => (i * 2654435761) >>> 24);
				return await benchTrain({...config, data});
			})()`, config))
			t.Logf("%v, %d workers, %s: %.0f images/s, weights %.8s", layers, result.Workers, result.Kernel, result.ImagesPerSecond, result.Weights)
			if result.Workers != workers {
				t.Errorf("%d workers trained, want %d", result.Workers, workers)
			}
			if workers == 1 {
				first = result.Weights
			}
			if len(result.Weights) != 16 || result.Weights != first {
				t.Errorf("%v: %d workers train weights %q, one worker %q", layers, workers, result.Weights, first)
			}
		}
	}
}

// Changing the number of workers during a run does not change its result.
func TestWorkersChangeWithinARun(t *testing.T) {
	useSite(t, false)
	p := openDemo(t, desktop)
	losses := func(changes ...string) string {
		evaluate[chromedp.Void](p, `sae.set({hidden: "64", latent: 16, batch: 64, epochs: 2, workers: 1})`)
		evaluate[chromedp.Void](p, `sae.reset()`)
		for _, workers := range changes {
			evaluate[chromedp.Void](p, fmt.Sprintf(`sae.set({workers: %q}).then(() => sae.step()).then(() => sae.step())`, workers))
			waitFor[bool](p, fmt.Sprintf(`sae.state().workers === %s`, workers))
		}
		evaluate[chromedp.Void](p, `sae.play()`)
		waitFor[bool](p, `sae.state().status === "done"`)
		return evaluate[string](p, `JSON.stringify(sae.state().history.map(e => [e.loss.toPrecision(9), e.valLoss.toPrecision(9), e.valMse.toPrecision(9)]))`)
	}
	alone := losses()
	if team := losses("4", "2", "1", "8"); team != alone {
		t.Errorf("history %s with changing teams, %s with one worker", team, alone)
	}
	if text := evaluate[string](p, `document.querySelector(".kernel").innerText`); !strings.HasPrefix(text, "8 workers") {
		t.Errorf("the settings say %q, want 8 workers", text)
	}
}

// A frame trains only while it is visible.
func TestUnseenFrameDoesNotTrain(t *testing.T) {
	t.Parallel()
	dir := useSite(t, false)
	const article = `<!doctype html><link rel="icon" href="data:,"><title>Article</title><div style="height: 3000px"></div><iframe src="index.html" width="900" height="700"></iframe>`
	if err := os.WriteFile(filepath.Join(dir, "article.html"), []byte(article), 0o644); err != nil {
		t.Fatal(err)
	}
	p := open(t, "article.html", desktop)
	waitFor[bool](p, `!!frames[0].sae`)
	evaluate[chromedp.Void](p, `frames[0].sae.ready`)
	evaluate[chromedp.Void](p, `scrollTo(0, 3000)`)
	evaluate[chromedp.Void](p, `frames[0].sae.set({hidden: "16", latent: 8, epochs: 10000}).then(() => frames[0].sae.play())`)
	waitFor[bool](p, `frames[0].sae.state().status === "training" && frames[0].sae.state().epoch > 0`)
	evaluate[chromedp.Void](p, `scrollTo(0, 0)`)
	waitFor[bool](p, `frames[0].sae.state().status === "paused"`)
	evaluate[chromedp.Void](p, `scrollTo(0, 3000)`)
	waitFor[bool](p, `frames[0].sae.state().status === "training"`)
	evaluate[chromedp.Void](p, `frames[0].sae.pause()`)
	evaluate[chromedp.Void](p, `scrollTo(0, 0)`)
	evaluate[chromedp.Void](p, `scrollTo(0, 3000)`)
	if status := evaluate[string](p, `new Promise(seen => setTimeout(() => seen(frames[0].sae.state().status), 500))`); status != "paused" {
		t.Errorf("status %q after a pause by hand and scrolling away and back, want paused", status)
	}
}

// If a worker of a team is lost, with or without an error, the run continues from its save
// with a new team.
func TestLostMember(t *testing.T) {
	p := openWith(t, skippable+faulty, skippable+faulty)
	evaluate[bool](p, `window.errors = []; sae.on("error", ({ message }) => errors.push(message)); true`)
	for _, test := range [][2]string{{"throw", "struck by lightning"}, {"close", "did not answer for 30s"}} {
		fault, reason := test[0], test[1]
		evaluate[chromedp.Void](p, `sae.set({hidden: "64", latent: 8, workers: 2, epochs: 10000}).then(() => sae.reset()).then(() => sae.play())`)
		waitFor[bool](p, `sae.state().status === "training" && sae.state().workers === 2 && sae.state().epoch > 0`)
		evaluate[bool](p, `dispatchEvent(new Event("pagehide"))`)
		waitFor[bool](p, saves+`.then((saves) => saves.length > 0)`)
		evaluate[chromedp.Void](p, fmt.Sprintf(`(async () => {
			fault(%q, true);
			while (document.querySelector(".notice").hidden) {
				if (%v) skipWorkers(1000); // a tick of the first member's patience
				await pause(50);
			}
		})()`, fault, fault == "close"))
		if text := p.notice(); !strings.Contains(text, "a worker of the team was lost") || !strings.Contains(text, reason) || !strings.Contains(text, "The run goes on from epoch") {
			t.Errorf("notice %q, want one about the lost worker: %s", text, reason)
		}
		p.screenshot("lost-" + fault)
		waitFor[bool](p, `sae.state().status === "training" && sae.state().workers === 2`)
		epoch := state(p).Epoch
		waitFor[bool](p, fmt.Sprintf(`sae.state().epoch > %d`, epoch))
		if errors := evaluate[[]string](p, `errors.splice(0)`); len(errors) != 1 { // the new team must cause no other
			t.Errorf("errors %q, want one", errors)
		}
		p.dismiss()
	}
}
