package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// told is JavaScript that checks what the API reports to a script: steps(), pauses(),
// changes() and epochs() resolve to a problem, or "". A small run has eight batches per
// epoch.
const told = `{
	const settings = (workers) => ({hidden: "32", latent: 8, subset: 1024, batch: 128, epochs: 20, workers});
	const where = ({ status, epoch, batch, batches, history }) => [status, epoch, batch, batches, history.length].join(" ");
	const wrong = (what, want) => where(sae.state()) === want ? "" : what + ": " + where(sae.state()) + ", want " + want;
	globalThis.told = {
		// A step resolves when it is over, with the epoch that it ends.
		async steps(workers) {
			await sae.set(settings(workers));
			await sae.reset();
			for (let i = 1; i <= 17; i++) {
				await sae.step();
				const problem = wrong("after " + i + " steps", ["paused", Math.floor(i / 8), i % 8, 8, Math.floor(i / 8)].join(" "));
				if (problem) return problem;
			}
			return "";
		},
		// Nothing moves after a pause.
		async pauses(workers) {
			await sae.set({...settings(workers), epochs: 10000});
			await sae.reset();
			for (let i = 0; i < 6; i++) {
				await sae.play();
				await sae.pause();
				const { epoch, batch, batches } = sae.state();
				await sae.step();
				const at = epoch * batches + batch + 1;
				const problem = wrong("a step after a pause in epoch " + epoch + ", batch " + batch,
					["paused", Math.floor(at / 8), at % 8, 8, Math.floor(at / 8)].join(" "));
				if (problem) return problem;
			}
			return "";
		},
		// Changes, imports and restores have taken effect.
		async changes(workers) {
			await sae.set(settings(workers));
			await sae.reset();
			let problem = wrong("reset", "idle 0 0 8 0");
			for (let i = 0; i < 19; i++) await sae.step();
			const file = await sae.export("checkpoint"), history = JSON.stringify(sae.state().history);
			await sae.set({batch: 64});
			problem ||= wrong("another batch size", "idle 0 0 16 0");
			await sae.import(file);
			problem ||= wrong("import", "paused 2 3 8 2");
			if (JSON.stringify(sae.state().history) !== history) problem ||= "import: the history is another one";
			await sae.set({epochs: 2});
			problem ||= wrong("no more epochs", "done 2 3 8 2");
			await sae.set({epochs: 3});
			problem ||= wrong("one more epoch", "paused 2 3 8 2");
			await sae.reset();
			return problem || wrong("reset", "idle 0 0 8 0");
		},
		// Each completed epoch is an event, in order, before the end of the run.
		async epochs(workers) {
			await sae.set({...settings(workers), subset: 128, epochs: 20});
			await sae.reset();
			const heard = [];
			const stop = sae.on("epoch", (epoch) => heard.push(epoch));
			const done = new Promise((end) => { const off = sae.on("state", ({ status }) => { if (status === "done") { off(); end(); } }); });
			await sae.play();
			await done;
			stop();
			return JSON.stringify(heard) === JSON.stringify(sae.state().history) && heard.length === 20 ? "" :
				heard.length + " events, of epochs " + heard.map(({ epoch }) => epoch);
		},
	};
}`

// hideable adds hide(), which puts the page into the background: its timers stop and it is
// not painted.
const hideable = `{
	const set = setTimeout, frame = requestAnimationFrame;
	let hidden = false;
	for (const [name, value] of [["hidden", () => hidden], ["visibilityState", () => hidden ? "hidden" : "visible"]]) {
		Object.defineProperty(document, name, { get: value });
	}
	globalThis.setTimeout = (f, ms, ...args) => set(f, hidden ? 60_000 : ms, ...args);
	globalThis.requestAnimationFrame = (f) => hidden ? 0 : frame(f);
	globalThis.hide = () => { hidden = true; document.dispatchEvent(new Event("visibilitychange")); };
}`

// When a promise of the page's API resolves, state() and events already show the result, so
// a script need not wait for anything else.
func TestScriptsAreToldWhatIs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first  string
		checks []string
	}{
		"in view": {`void 0`, []string{"steps(1)", "pauses(1)", "pauses(2)", "changes(1)", "epochs(1)"}},
		"slow":    {`setInterval(() => { for (const end = performance.now() + 100; performance.now() < end;); }, 150)`, []string{"steps(2)", "epochs(1)"}},
		"hidden":  {`hide()`, []string{"steps(1)", "changes(2)", "epochs(2)"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := openWith(t, hideable+told, "")
			evaluate[chromedp.Void](p, test.first)
			for _, check := range test.checks {
				if problem := evaluate[string](p, "told."+check); problem != "" {
					t.Errorf("%s: %s", check, problem)
				}
			}
		})
	}
}

// When sae.ready resolves, the page responds to the reader and shows the first pictures, and
// the state has the data set, although its training images are still being drawn.
func TestReady(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := open(t, "", desktop)
	waitFor[bool](p, `"sae" in window`)
	type moment struct {
		Dataset struct {
			Name              string
			Train, Validation int
			Classes           []string
			Floor             float64
		}
		Status string
		Inert  bool
		Shown  int
	}
	got := evaluate[moment](p, `sae.ready.then(() => ({ ...sae.state(), inert: document.querySelector("main").inert,
		shown: document.querySelectorAll("#reconstructions .pick:enabled").length }))`)
	if d := got.Dataset; d.Name != "Synthetic" || d.Train != 2000 || d.Validation != 400 || len(d.Classes) != 10 || d.Floor == 0 ||
		got.Status != "idle" || got.Inert || got.Shown == 0 {
		t.Errorf("when the page is ready, there is %+v", got)
	}
	waitFor[bool](p, `sae.state().dataset.meanBce > 0.5`)
}

// A step that makes the run diverge rejects. By then, the run is back at its last save, or
// at its start.
func TestStepDiverges(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({...`+small+`, experiment: 3, hidden: "256,256,256", lr: 10})`)
	got := rejection(p, `(async () => { for (let i = 0; i < 100; i++) await sae.step(); })()`)
	if want := "the learning rate 10 is too high"; !strings.Contains(got, want) {
		t.Errorf("a step that diverges rejects with %q, want %q", got, want)
	}
	if text := p.notice(); !strings.Contains(text, "Training diverged "+got) {
		t.Errorf("notice %q", text)
	}
}

// A host page receives an event for each completed epoch, in order.
func TestEmbedTellsEpochs(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := host(t, desktop, `<sparse-autoencoder id="one" hidden="16" latent="8" subset="128" epochs="20" panels="loss"></sparse-autoencoder>`)
	evaluate[chromedp.Void](p, `window.heard = []; one.addEventListener("epoch", ({ detail }) => heard.push(detail));
		window.done = new Promise((end) => one.addEventListener("done", end)); one.play().then(() => done)`)
	if n := evaluate[int](p, `one.state().then(({ history }) => JSON.stringify(history) === JSON.stringify(heard) ? heard.length : -heard.length)`); n != 20 {
		t.Errorf("%d events that are the history, want 20", n)
	}
	// The element's promises resolve to the current state too.
	if problem := evaluate[string](p, `(async () => {
		await one.set({subset: 1024});
		for (let i = 1; i <= 10; i++) {
			await one.step();
			const { epoch, batch } = await one.state();
			if (epoch * 8 + batch !== i) return "after " + i + " steps: epoch " + epoch + ", batch " + batch;
		}
		return "";
	})()`); problem != "" {
		t.Error(problem)
	}
}
