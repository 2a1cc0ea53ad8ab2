package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The graphics card, which SwiftShader imitates here, trains as the processor does. The page
// says which of them trains. Where there is no card, it says why.
func TestGraphicsCard(t *testing.T) {
	t.Parallel()
	own := withCard(t)
	type state struct {
		Kernel, Card, Status string
		History              []struct{ Loss, ValLoss, ValMSE float64 }
	}
	settings := `experiment: 2, hidden: "12", latent: 4, epochs: 1, subset: 256, batch: 100, workers: "1"`
	train := func(p *page, device string) (s state) {
		t.Helper()
		evaluate[chromedp.Void](p, `sae.set({`+settings+`, device: "`+device+`"}).then(() => sae.reset()).then(() => sae.play())`)
		waitFor[bool](p, `sae.state().status === "done"`)
		if err := json.Unmarshal([]byte(evaluate[string](p, `JSON.stringify(sae.state())`)), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	p := openIn(t, own, demo, desktop)
	waitFor[bool](p, `"sae" in window`)
	evaluate[chromedp.Void](p, `sae.ready`)
	cpu := train(p, "auto")
	if cpu.Kernel == "webgpu" || cpu.Card != "" {
		t.Errorf("device auto takes %s: want the processor, which only imitates a card here", cpu.Card)
	}
	gpu := train(p, "gpu")
	if gpu.Kernel != "webgpu" || !strings.Contains(strings.ToLower(gpu.Card), "swiftshader") || len(gpu.History) != 1 {
		t.Fatalf("device gpu: %+v, want an epoch on SwiftShader", gpu)
	}
	same := func(gpu, cpu state) {
		t.Helper()
		a, b := gpu.History[0], cpu.History[0]
		if !(math.Abs(a.Loss-b.Loss) <= 1e-5 && math.Abs(a.ValLoss-b.ValLoss) <= 1e-5 && math.Abs(a.ValMSE-b.ValMSE) <= 1e-5) {
			t.Errorf("%s: %+v on the card, %+v on the processor", settings, a, b)
		}
	}
	same(gpu, cpu)
	if badge := evaluate[string](p, `document.querySelector(".speed").title`); !strings.Contains(badge, "WebGPU · "+gpu.Card) {
		t.Errorf("badge %q, want WebGPU and the name of the card", badge)
	}
	if again := train(p, "gpu"); again.History[0] != gpu.History[0] {
		t.Errorf("a second run ends with %+v, want %+v bit for bit", again.History[0], gpu.History[0])
	}
	sparse := []string{
		`experiment: 5, latent: 12, k: 3, epochs: 1, subset: 256, batch: 64, workers: "1"`,
		`experiment: 6, latent: 16, k: 3, epochs: 1, subset: 64, batch: 64, workers: "1"`,
	}
	if !withWebGPU {
		sparse = nil // their kernels take most of a minute to compile: make test-webgpu trains them
	}
	for _, settings = range sparse {
		cpu, gpu := train(p, "cpu"), train(p, "gpu")
		if cpu.Card != "" || gpu.Card == "" {
			t.Errorf("%s: trained by %q and %q, want the processor and the card", settings, cpu.Card, gpu.Card)
		}
		same(gpu, cpu)
	}

	settings = `experiment: 2, hidden: "12", latent: 4, epochs: 1, subset: 256, batch: 100`
	p = openDemo(t, desktop)
	if s := train(p, "gpu"); s.Card != "" {
		t.Errorf("%q trains in a browser without a card", s.Card)
	}
	waitFor[bool](p, `document.body.innerText.includes("The processor trains this run")`)
}

// withWebGPU reports whether make test-webgpu runs the tests.
var withWebGPU = os.Getenv("WEBGPU") != ""

// onlyWithWebGPU skips a test that compiles kernels for minutes, unless make test-webgpu runs it.
func onlyWithWebGPU(t testing.TB) {
	t.Helper()
	if !withWebGPU {
		t.Skip("make test-webgpu runs this test")
	}
}

// withCard launches a browser with a graphics card, which SwiftShader imitates.
func withCard(t testing.TB) context.Context {
	t.Helper()
	own, stop, err := launch(chromedp.Flag("enable-unsafe-webgpu", true), chromedp.Flag("use-webgpu-adapter", "swiftshader"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return own
}

// A card that is lost during a run, has too little memory, or cannot compile a kernel, leaves
// the run to the processor, and the page says so.
func TestGraphicsCardFails(t *testing.T) {
	t.Parallel()
	onlyWithWebGPU(t)
	own := withCard(t)
	const settings = `hidden: "12", latent: 4, subset: 256, batch: 100, workers: "1"`
	open := func(inWorkers string) *page {
		dir := builtSite(t, false)
		beforeWorkers(t, dir, inWorkers)
		p := serveSite(t, http.FileServer(http.Dir(dir))).openIn(t, own, demo, desktop)
		waitFor[bool](p, `"sae" in window`)
		evaluate[chromedp.Void](p, `sae.ready`)
		return p
	}
	start := func(p *page, epochs int, device string) {
		evaluate[chromedp.Void](p, fmt.Sprintf(`sae.set({%s, epochs: %d, device: %q}).then(() => sae.play())`, settings, epochs, device))
	}
	history := func(p *page) (losses []struct{ Loss, ValLoss float64 }) {
		waitFor[bool](p, `sae.state().status === "done"`)
		if err := json.Unmarshal([]byte(evaluate[string](p, `JSON.stringify(sae.state().history)`)), &losses); err != nil {
			t.Fatal(err)
		}
		return losses
	}

	p := open(`{
		const channel = new BroadcastChannel("test-card"), request = GPUAdapter.prototype.requestDevice;
		GPUAdapter.prototype.requestDevice = async function (...args) {
			const device = await request.apply(this, args);
			channel.onmessage = () => device.destroy();
			return device;
		};
		const ask = GPU.prototype.requestAdapter; // of two cards, the faster one is asked for
		GPU.prototype.requestAdapter = function (options) {
			return options?.powerPreference === "high-performance" ? ask.call(this, options) : Promise.resolve(null);
		};
	}`)
	const epochs = 400 // far more than before the card is lost
	start(p, epochs, "gpu")
	waitFor[bool](p, `sae.state().epoch >= 2 && sae.state().kernel === "webgpu"`)
	evaluate[bool](p, `dispatchEvent(new Event("pagehide"))`)
	waitFor[bool](p, saves+`.then((saves) => saves.some(({ epoch }) => epoch >= 2))`)
	evaluate[chromedp.Void](p, `new BroadcastChannel("test-card").postMessage("")`)
	if text := p.notice(); !strings.Contains(text, "failed, and the processor takes its place: the graphics card was lost") || !strings.Contains(text, "The run goes on from epoch") {
		t.Errorf("notice %q, want that the card was lost, and that the run goes on", text)
	}
	got := history(p)
	if card := evaluate[string](p, `sae.state().card`); card != "" || len(got) != epochs {
		t.Fatalf("after %d epochs, %q trains: want the processor, and %d epochs", len(got), card, epochs)
	}
	p.dismiss()
	evaluate[chromedp.Void](p, `sae.reset()`)
	start(p, epochs, "cpu")
	for i, want := range history(p) {
		const tolerance = 1e-3 // after hundreds of epochs; the loss falls by 0.06
		if !(math.Abs(got[i].Loss-want.Loss) <= tolerance && math.Abs(got[i].ValLoss-want.ValLoss) <= tolerance) {
			t.Fatalf("epoch %d: %+v, want %+v as on the processor", i+1, got[i], want)
		}
	}

	for script, want := range map[string]string{
		`{
			const pop = GPUDevice.prototype.popErrorScope;
			let scopes = 0;
			GPUDevice.prototype.popErrorScope = async function () {
				const error = await pop.call(this);
				return scopes++ ? error : new GPUOutOfMemoryError("out of memory");
			};
		}`: "The graphics card cannot: the graphics card has too little free memory.",
		`{
			const create = GPUDevice.prototype.createShaderModule;
			GPUDevice.prototype.createShaderModule = function (module) {
				return create.call(this, { ...module, code: module.code.replace("fn main", "fn main main") });
			};
		}`: "The graphics card cannot: the kernel ",
	} {
		p := open(script)
		start(p, 2, "gpu")
		if text := p.notice(); !strings.Contains(text, want) || !strings.Contains(text, "The processor trains this run") {
			t.Errorf("notice %q, want %q", text, want)
		}
		history(p)
		if kernel := evaluate[string](p, `sae.state().kernel`); kernel == "webgpu" {
			t.Errorf("after the notice %q, the card trains", want)
		}
	}
}
