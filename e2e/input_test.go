package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Escape in a changed field closes the form and discards the change. Chromium dispatches
// the change event while the field is being removed.
func TestEscapeInAField(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 4, epochs: 10000, workers: 1})`)
	write := func(keys ...string) {
		t.Helper()
		evaluate[chromedp.Void](p, `document.querySelector("#setting-lr").select()`)
		for _, key := range keys {
			p.do(chromedp.KeyEvent(key))
		}
	}
	for _, status := range []string{"idle", "training"} {
		if status == "training" {
			evaluate[chromedp.Void](p, `sae.play()`)
		}
		p.do(chromedp.KeyEvent("m"))
		waitFor[bool](p, `!!document.querySelector("#setting-lr")`)
		write("0.002", "\x1b")
		waitFor[bool](p, `!document.querySelector("#setting-lr")`)
		if lr := evaluate[float64](p, `sae.step().then(() => sae.state().settings.lr)`); lr != 0.001 {
			t.Errorf("%s: the learning rate is %v, want that of before", status, lr)
		}
		p.do(chromedp.KeyEvent("m"))
		if text := waitFor[string](p, `document.querySelector("#setting-lr")?.value`); text != "0.001" {
			t.Errorf("%s: the field shows %q when the form is opened again", status, text)
		}
		write("0.003", "\r")
		waitFor[bool](p, `sae.state().settings.lr === 0.003`)
		evaluate[chromedp.Void](p, `sae.set({lr: 0.001}).then(() => sae.reset())`)
		p.do(chromedp.KeyEvent("\x1b"))
		waitFor[bool](p, `!document.querySelector("#setting-lr")`)
	}
}

// The page survives every key in every control, changed and not, with the form open and
// closed, idle and while it trains.
func TestKeysEverywhere(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 4, epochs: 2, workers: 1, subset: 256, batch: 64}).then(() => sae.play())`)
	p.at("compare")
	waitFor[bool](p, `document.querySelectorAll("#runs tr[data-run]").length === 1`) // its name can be changed
	evaluate[chromedp.Void](p, `sae.set({epochs: 10000})`)
	for _, training := range []bool{false, true} {
		for _, form := range []bool{false, true} {
			p.at(map[bool]string{false: "compare", true: "train"}[training == form])
			tried := evaluate[int](p, fmt.Sprintf(`(async (training, form) => {
				const keys = ["Escape", "Enter", " ", "ArrowLeft", "Delete", "m", "r", "1"];
				const turn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
				const open = () => !document.querySelector("#settings").hidden && !!document.querySelector("#setting-lr");
				const toggle = async (want) => {
					if (open() !== want) [...document.querySelectorAll("button")].find(({ innerText }) => innerText === "More settings").click();
					while (open() !== want) await turn();
				};
				const find = () => [...document.querySelectorAll("#app :is(button, input, select, summary, a, [tabindex])")]
					.filter((element) => element.checkVisibility() && !element.disabled);
				await sae.reset();
				await (training ? sae.play() : sae.step());
				await toggle(form);
				let tried = 0;
				for (let i = 0; i < find().length; i++) {
					const text = find()[i].matches("input[type=text]:not([readonly])");
					for (const key of text ? keys : keys.slice(0, 1)) {
						await toggle(form);
						const control = find()[i];
						if (!control) break;
						control.focus();
						if (text) document.execCommand("insertText", false, "1");
						control.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
						await turn();
						document.activeElement?.blur();
						tried++;
					}
				}
				await sae.pause();
				return tried;
			})(%t, %t)`, training, form))
			t.Logf("training %t, form open %t: %d keys", training, form, tried)
			if tried < 30 {
				t.Errorf("training %t, form open %t: %d keys tried, want at least 30", training, form, tried)
			}
		}
	}
	evaluate[chromedp.Void](p, `sae.set({lr: 0.001}).then(() => sae.reset()).then(() => sae.step())`)
}

// Events during a render, and calls of scripts that listen to them, run after it, in order.
func TestEventsWithinARender(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 4, epochs: 10000})`)
	p.do(chromedp.KeyEvent("m"))
	waitFor[bool](p, `!!document.querySelector("#setting-lr")`)
	outcome := evaluate[string](p, `new Promise((resolve) => {
		const set = Element.prototype.setAttribute;
		const field = document.querySelector("#setting-lr");
		Element.prototype.setAttribute = function (...args) {
			set.apply(this, args);
			if (this.id !== "setting-lr") return;
			Element.prototype.setAttribute = set;
			// During a render: a change, a click, and calls of a script.
			field.value = "0.002";
			field.dispatchEvent(new Event("change", { bubbles: true }));
			const first = sae.state().settings.lr;
			document.querySelector("#settings button").click();
			resolve(Promise.all([sae.set({ lr: 0.003 }), sae.set({ batch: 64 }), sae.step()]).then(async () => {
				while (!document.querySelector("#settings").hidden) await new Promise(requestAnimationFrame);
				return [first, sae.state().settings.lr, sae.state().settings.batch].join();
			}));
		};
		document.querySelector("#setting-epochs").dispatchEvent(new Event("input", { bubbles: true })); // renders the form
	})`)
	if outcome != "0.001,0.003,64" {
		t.Errorf("rate at first, rate, batch size: %s", outcome)
	}
}

// A script cannot end the page's program by invalid arguments. It gets a rejection that
// names the call.
func TestScriptsCannotEndThePage(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 4, epochs: 10000, workers: 1})`)
	outcomes := evaluate[map[string]string](p, `(async () => {
		const revoked = (target) => { const { proxy, revoke } = Proxy.revocable(target, {}); revoke(); return proxy; };
		const detached = (view) => { structuredClone(view.buffer ?? view, { transfer: [view.buffer ?? view] }); return view; };
		const hostile = new Proxy(() => {}, { get() { throw new Error("struck") }, getPrototypeOf() { throw 1n }, ownKeys() { throw null } });
		const odd = {
			"nothing": undefined, "null": null, "a BigInt": 1n, "BigInts": [1n], "a symbol": Symbol("s"), "a function": () => {},
			"no prototype": Object.create(null), "a value without text": { latent: Object.create(null) }, "a symbol as value": { latent: Symbol("s") },
			"a BigInt as value": { latent: 0n }, "a getter": { get latent() { throw new Error("struck") }, get length() { throw new Error("struck") } },
			"text that throws": { latent: { toString() { throw new Error("struck") } }, toString() { throw new Error("struck") } },
			"a proxy": hostile, "a revoked proxy": revoked({}), "a revoked function": revoked(() => {}),
			"an iterator that throws": { *[Symbol.iterator]() { throw new Error("struck") } },
			"a detached buffer": detached(new ArrayBuffer(3072)), "detached bytes": detached(new Uint8Array(3072)),
			"detached numbers": detached(new Float32Array(4)), "resizable": new ArrayBuffer(8, { maxByteLength: 16 }),
			"no File": { __proto__: File.prototype }, "no bytes": { __proto__: Uint8Array.prototype, length: 3072 }, "a name that throws": "__proto__",
		};
		const outcomes = {};
		for (const method of ["set", "loadDataset", "reconstruct", "encode", "decode", "export", "import"]) {
			for (const [name, value] of Object.entries(odd)) {
				outcomes[method + " " + name] = await sae[method](value).then((value) => "resolved to " + value, ({ message }) => message);
			}
		}
		for (const value of Object.values(odd)) {
			sae.on(value, () => {});
			sae.on("state", value);
			sae.on(value, value);
			sae.on.call(value, "state", () => {});
		}
		sae.on("state", new Proxy(() => {}, { get() { throw new Error("struck") } }));
		return outcomes;
	})()`)
	for range 23*3 - 3 { // all misuse of sae.on, except functions and a proxy of one
		p.expectProblem(`sae\.on: want one of the events`)
	}
	for what, outcome := range outcomes {
		method, name, _ := strings.Cut(what, " ")
		if method == "set" && strings.HasPrefix(name, "an iterator") || strings.HasPrefix(outcome, method) || strings.HasPrefix(outcome, "data set") ||
			strings.HasPrefix(outcome, "latent ") || method == "set" && (outcome == "resolved to [object Object]" || strings.Contains(outcome, "want one of the settings")) {
			continue
		}
		t.Errorf("%s: %q", what, outcome)
	}
	// Events of a script's own making.
	evaluate[chromedp.Void](p, `for (const type of ["drop", "paste", "keydown", "dragover", "dragleave", "visibilitychange"]) {
		document.dispatchEvent(new Event(type));
		for (const name of ["dataTransfer", "clipboardData"]) {
			for (const get of [() => { throw new Error("struck") }, () => 1n, () => null, () => ({ files: [null] }), () => ({ files: 1n })]) {
				document.dispatchEvent(Object.defineProperty(new Event(type), name, { get }));
			}
		}
	}`)
	evaluate[chromedp.Void](p, `{
		const texts = [".tile b", ".unit-slider label", ".save button"].flatMap((selector) => [...document.querySelectorAll(selector)].map(({ firstChild }) => firstChild));
		for (const text of texts) {
			text.dispatchEvent(new Event("click", { bubbles: true }));
			text.dispatchEvent(new FocusEvent("focusout", { bubbles: true, relatedTarget: window }));
		}
		for (const drawing of document.querySelectorAll(".plot .drawing")) {
			for (const type of ["pick", "point"]) {
				for (const detail of [-1, 1e300, NaN, "1", null, {}]) drawing.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }));
			}
		}
	}`)
	// A listener that throws does not affect others.
	p.expectProblem("struck by a listener")
	evaluate[chromedp.Void](p, `new Promise((resolve) => {
		sae.on("state", () => { throw new Error("struck by a listener") });
		sae.on("state", ({ status }) => resolve(status));
		sae.step();
	})`)
	if s := state(p); s.Status != "paused" {
		t.Errorf("after all that: %+v", s)
	}
}

// Values from another frame are accepted.
func TestValuesOfAnotherFrame(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 4, epochs: 1, workers: 1})`)
	got := evaluate[string](p, `(async () => {
		const frame = document.body.appendChild(document.createElement("iframe")).contentWindow;
		const image = new frame.Uint8Array(3072);
		const code = await sae.encode(image);
		const records = new frame.Uint8Array(200 * 3073).map((_, i) => i % 3073 ? (i * i) >> 7 : i / 3073 % 10);
		const sizes = [(await sae.reconstruct(image)).length, (await sae.decode(frame.Float32Array.from(code))).length, (await sae.decode(frame.Array.from(code))).length];
		await sae.loadDataset(new frame.File([records], "data_batch_1.bin"));
		sizes.push(sae.state().dataset.train);
		await sae.loadDataset(records.slice(0, 150 * 3073).buffer);
		sizes.push(sae.state().dataset.train);
		const resizable = new ArrayBuffer(100 * 3073, { maxByteLength: 1 << 20 });
		new Uint8Array(resizable).set(records.subarray(0, 100 * 3073));
		await sae.loadDataset(resizable);
		sizes.push(sae.state().dataset.train);
		const checkpoint = await sae.export("checkpoint");
		await sae.import(new frame.Blob([checkpoint]));
		return sizes.join();
	})()`)
	if got != "3072,3072,3072,180,135,90" {
		t.Errorf("sizes %s", got)
	}
}
