package e2e

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The graphics card, which SwiftShader imitates here, trains as the processor does. The page
// says which of them trains. Where there is no card, it says why.
func TestGraphicsCard(t *testing.T) {
	t.Parallel()
	own, stop, err := launch(chromedp.Flag("enable-unsafe-webgpu", true), chromedp.Flag("use-webgpu-adapter", "swiftshader"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	type state struct {
		Kernel, Card, Status string
		History              []struct{ Loss, ValLoss float64 }
	}
	const settings = `hidden: "12", latent: 4, epochs: 1, subset: 256, batch: 100, workers: "1"`
	train := func(p *page, device string) (s state) {
		t.Helper()
		evaluate[chromedp.Void](p, `sae.set({`+settings+`, device: "`+device+`"}).then(() => sae.reset()).then(() => sae.play())`)
		waitFor[bool](p, `sae.state().status === "done"`)
		if err := json.Unmarshal([]byte(evaluate[string](p, `JSON.stringify(sae.state())`)), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	p := openIn(t, own, "", desktop)
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
	for i, epoch := range gpu.History {
		if math.Abs(epoch.Loss-cpu.History[i].Loss) > 1e-5 || math.Abs(epoch.ValLoss-cpu.History[i].ValLoss) > 1e-5 {
			t.Errorf("epoch %d: %+v on the card, %+v on the processor", i+1, epoch, cpu.History[i])
		}
	}
	if badge := evaluate[string](p, `document.querySelector(".speed").title`); !strings.Contains(badge, "WebGPU · "+gpu.Card) {
		t.Errorf("badge %q, want WebGPU and the name of the card", badge)
	}
	if again := train(p, "gpu"); again.History[0] != gpu.History[0] {
		t.Errorf("a second run ends with %+v, want %+v bit for bit", again.History[0], gpu.History[0])
	}

	p = openDemo(t, desktop)
	if s := train(p, "gpu"); s.Card != "" {
		t.Errorf("%q trains in a browser without a card", s.Card)
	}
	waitFor[bool](p, `document.body.innerText.includes("The processor trains this run")`)
}
