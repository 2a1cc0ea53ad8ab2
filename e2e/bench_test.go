package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"

	"sae/data"
	"sae/nn/experiment"
)

// bench.html draws a bar for each team size, by network and batch.
func TestBenchPage(t *testing.T) {
	p := open(t, "bench.html", desktop)
	evaluate[chromedp.Void](p, `(() => {
		window.benchConfigurations = () => [{network: "S", batch: 8, workers: 1}, {network: "S", batch: 8, workers: 2}, {network: "S", batch: 16, workers: 1}];
	})()`)
	p.do(chromedp.Click("#run"))
	waitFor[bool](p, `document.getElementById("status").textContent === "Done."`)
	texts := evaluate[[]string](p, `[...document.querySelectorAll("#training .bars > *")].map(
		(element) => element.className === "number" ? element.textContent.replace(/[\d,.]+/g, "N") : element.textContent)`)
	want := []string{
		"3072-128-32-128-3072, batch 8", "1 worker", "", "N", "2 workers", "", "N   × N",
		"3072-128-32-128-3072, batch 16", "1 worker", "", "N",
	}
	if !slices.Equal(texts, want) {
		t.Errorf("the page shows %q, want %q", texts, want)
	}
	p.screenshot("bench")
}

// Where there is a graphics card, bench.html shows its speed below that of the workers.
func TestBenchOfTheCard(t *testing.T) {
	t.Parallel()
	onlyWithWebGPU(t)
	p := openIn(t, withCard(t), "bench.html", desktop)
	last := evaluate[struct{ Workers, Device string }](p, `benchConfigurations().then((all) => ({workers: String(all[0].workers), device: all.at(-1).device}))`)
	if last.Workers != "1" || last.Device != "gpu" {
		t.Errorf("the page measures first %s workers and last %q, want 1 and the card", last.Workers, last.Device)
	}
	evaluate[chromedp.Void](p, `(() => {
		window.benchConfigurations = () => [{network: "S", batch: 8, workers: 1}, {network: "S", batch: 8, workers: 1, device: "gpu"}];
	})()`)
	p.do(chromedp.Click("#run"))
	waitFor[bool](p, `document.getElementById("status").textContent === "Done."`)
	texts := evaluate[[]string](p, `[...document.querySelectorAll("#training .bars > .label, #training .bars > .number")].map(
		(element) => element.textContent.replace(/[\d,.]+/g, "N").toLowerCase())`)
	if want := []string{"n worker", "n", "google swiftshader", "n   × n"}; len(texts) != 4 || !strings.Contains(texts[2], "swiftshader") || !strings.Contains(texts[3], "×") {
		t.Errorf("the page shows %q, want %q", texts, want)
	}
}

// BenchmarkTeams prints images per second by network, batch and workers, and of an NVIDIA
// graphics card if there is one, and the ratios to one worker within each round.
func BenchmarkTeams(b *testing.B) {
	profile := browser
	if _, err := exec.LookPath("nvidia-smi"); err == nil {
		own, stop, err := launch(chromedp.Flag("disable-gpu", false), chromedp.Flag("enable-unsafe-webgpu", true), chromedp.Flag("use-angle", "vulkan"),
			chromedp.Flag("use-vulkan", "native"), chromedp.Flag("enable-features", "Vulkan"), chromedp.Flag("disable-vulkan-surface", true), chromedp.Flag("ignore-gpu-blocklist", true))
		if err != nil {
			b.Fatal(err)
		}
		defer stop()
		profile = own
	}
	p := openIn(b, profile, "bench.html", desktop)
	results := evaluate[[]struct {
		Network        string
		Batch, Workers int
		Kernel, Card   string
		Speeds         []float64
	}](p, `benchConfigurations().then((all) => benchTeams(all))`)
	fmt.Printf("\n%-8s %5s %8s %9s  %s\n", "network", "batch", "workers", "images/s", "ratio to one worker, by round")
	var alone []float64
	for _, result := range results {
		var ratios []string
		if result.Workers == 1 && result.Card == "" {
			alone = result.Speeds
		} else {
			for round, speed := range result.Speeds {
				ratios = append(ratios, fmt.Sprintf("%.2f", speed/alone[round]))
			}
			slices.Sort(ratios)
		}
		speeds := slices.Sorted(slices.Values(result.Speeds))
		who := fmt.Sprint(result.Workers)
		if result.Card != "" {
			who = result.Card
		}
		fmt.Printf("%-8s %5d %8s %9.0f  %s\n", result.Network, result.Batch, who, speeds[len(speeds)/2], strings.Join(ratios, " "))
	}
	b.ReportMetric(0, "ns/op") // says nothing
}

// BenchmarkOpen prints how long a first visit to what make dist wrote takes, served by
// tools/serve, each in a fresh profile: over a network of 10 Mbit/s and 40 ms, with the key of
// the lesson or Train pressed as soon as something is painted, and over 4 Mbit/s and 40 ms with
// a main thread that is six times slower.
func BenchmarkOpen(b *testing.B) {
	const loads = 7
	server, stop, err := startServer("../dist")
	if err != nil {
		b.Fatalf("%v; make dist writes it", err)
	}
	defer stop()

	// In milliseconds, the first four since the start.
	type visit struct {
		Paint     float64
		Answer    float64 // to a key pressed at first paint
		Ready     float64 // with the first pictures
		Loss      float64 // the first, with Train pressed at first paint
		Blocked   float64
		Longest   float64 // task in the ten seconds after the first loss
		Processor float64 // time of the main thread
		Bytes     int
	}
	open := func(url string, slower float64, press bool) visit {
		p := openBlank(b)
		p.measure()
		slowDown := func(rate float64) {
			p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
				_, err := chromedp.Call(ctx, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: rate})
				return err
			}))
		}
		slowDown(slower)
		p.before(fmt.Sprintf(`globalThis.visit = { answer: 0, ready: 0, loss: 0, blocked: 0, longest: 0 };
			new PerformanceObserver((list) => {
				for (const { startTime, duration } of list.getEntries()) {
					if (visit.loss && startTime > visit.loss) visit.longest = Math.max(visit.longest, duration);
					else visit.blocked += duration - 50;
				}
			}).observe({ type: "longtask", buffered: true });
			const press = %t;
			new PerformanceObserver((list) => {
				for (const { name, startTime } of list.getEntries()) {
					if (name !== "first-contentful-paint") continue;
					visit.paint = startTime;
					if (press) {
						document.querySelector("#bar .play").click();
						continue;
					}
					new MutationObserver(() => visit.answer ||= performance.now()).observe(document.getElementById("lesson"), { attributeFilter: ["hidden"] });
					document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "l", bubbles: true, cancelable: true }));
				}
			}).observe({ type: "paint", buffered: true });
			if (location.protocol !== "about:") (async () => {
				while (!("sae" in globalThis)) await new Promise((resolve) => setTimeout(resolve, 4));
				sae.on("metrics", ({ loss }) => { if (loss !== null) visit.loss ||= performance.now(); });
				await sae.ready;
				visit.ready = performance.now();
			})()`, press))
		p.do(chromedp.Navigate(url))
		waitFor[bool](p, `visit.paint > 0 && visit.ready > 0 && visit.answer + visit.loss > 0`)
		v := evaluate[visit](p, `({ ...visit, bytes: performance.getEntries().reduce((sum, { encodedBodySize }) => sum + (encodedBodySize ?? 0), 0) })`)
		v.Processor = 1000 * p.metrics()["ThreadTime"]
		if press {
			v.Longest = evaluate[float64](p, `new Promise((resolve) => setTimeout(() => resolve(visit.longest), visit.loss + 10_000 - performance.now()))`)
		}
		slowDown(1)
		p.do(chromedp.Navigate("about:blank")) // so that it takes no time from the next
		return v
	}
	for _, row := range []struct {
		name             string
		megabits, slower float64
		press            bool
	}{
		{"10 Mbit/s and 40 ms", 10, 1, false},
		{"10 Mbit/s and 40 ms, Train pressed at first paint", 10, 1, true},
		{"4 Mbit/s, main thread slowed six times, Train pressed at first paint", 4, 6, true},
	} {
		url := slowLink(b, server, row.megabits, 40*time.Millisecond)
		var visits []visit
		for range loads {
			visits = append(visits, open(url, row.slower, row.press))
		}
		fmt.Printf("\nfirst visit at %s: the median of %d, and their range, in ms; %d bytes loaded\n", row.name, loads, visits[0].Bytes)
		for _, value := range []struct {
			name string
			of   func(visit) float64
		}{
			{"first paint", func(v visit) float64 { return v.Paint }},
			{"answer to a key pressed at first paint", func(v visit) float64 { return v.Answer }},
			{"first pictures", func(v visit) float64 { return v.Ready }},
			{"first loss", func(v visit) float64 { return v.Loss }},
			{"blocking", func(v visit) float64 { return v.Blocked }},
			{"longest task in 10 s of training", func(v visit) float64 { return v.Longest }},
			{"processor", func(v visit) float64 { return v.Processor }},
		} {
			var values []float64
			for _, v := range visits {
				values = append(values, value.of(v))
			}
			slices.Sort(values)
			if values[len(values)-1] > 0 || value.name == "blocking" {
				fmt.Printf("%-38s %6.0f  (%.0f to %.0f)\n", value.name, values[loads/2], values[0], values[loads-1])
			}
		}
	}
	b.ReportMetric(0, "ns/op") // says nothing
}

// BenchmarkExperiments trains each experiment to its end, with one worker and with two, and
// prints how good it is on the validation pictures and how many seconds it took. The data
// are CIFAR-10 if make data came before make build.
func BenchmarkExperiments(b *testing.B) {
	type result struct {
		Seconds float64
		Data    string
		Latest  struct {
			ValMse, PSNR, FVU, Active float64
			Dead                      int
		}
	}
	fmt.Printf("\n%-20s %7s %8s %8s %6s %6s %5s  %s\n", "experiment", "workers", "MSE", "PSNR", "L0", "FVU", "dead", "seconds")
	for number := 1; number <= len(experiment.Names); number++ {
		for _, workers := range []int{1, 2} {
			p := openDemo(b, desktop)
			evaluate[chromedp.Void](p, fmt.Sprintf(`(async () => {
				await sae.set({ experiment: %d, workers: %d, device: "cpu" });
				const start = performance.now();
				sae.on("state", ({ status }) => { if (status === "done") globalThis.seconds ??= (performance.now() - start) / 1000 });
				await sae.play();
			})()`, number, workers))
			for evaluate[string](p, `sae.state().status`) != "done" {
				time.Sleep(time.Second)
			}
			r := waitFor[result](p, `globalThis.seconds && { seconds, data: sae.state().dataset.name, latest: sae.state().history.at(-1) }`)
			name := fmt.Sprintf("%d %s", number, experiment.Names[number])
			fmt.Printf("%-20s %7d %8.5f %5.2f dB %6.1f %6.4f %5d  %.0f, on %s\n", name, workers, r.Latest.ValMse, r.Latest.PSNR, r.Latest.Active, r.Latest.FVU, r.Latest.Dead, r.Seconds, r.Data)
			p.do(chromedp.Navigate("about:blank")) // so that its workers end
		}
	}
	b.ReportMetric(0, "ns/op") // says nothing
}

// BenchmarkLargeDataset prints how long the page takes with as many images as CIFAR-10 has,
// and how much memory: those of data/cifar10.sae if they are so many, or else drawn ones. The
// processor's seconds are those of the page's process, with its workers, since it started.
func BenchmarkLargeDataset(b *testing.B) {
	const loads = 5
	file, err := os.ReadFile("../data/cifar10.sae")
	if info, _ := data.ReadInfo(bytes.NewReader(file)); err != nil || info.Train < 50_000 {
		var drawn bytes.Buffer
		if err := data.Synthetic(50_000, 10_000, 1).Write(&drawn); err != nil {
			b.Fatal(err)
		}
		file = drawn.Bytes()
	}
	dir := builtSite(b, false)
	for name, content := range map[string][]byte{"index.json": []byte(`{"datasets":["large.sae"]}`), "large.sae": file} {
		if err := os.WriteFile(filepath.Join(dir, "data", name), content, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	s := serveSite(b, http.FileServer(http.Dir(dir)))
	used := func(p *page) (seconds, peak float64) {
		info, err := chromedp.CallBrowser(p.ctx, systeminfo.GetProcessInfo, cdp.Empty{})
		if err != nil {
			b.Fatal(err)
		}
		largest := 0.0
		for _, process := range info.ProcessInfo {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.ID))
			if process.Type != "renderer" || err != nil { // not on Linux
				continue
			}
			megabytes := func(name string) (n float64) {
				_, rest, _ := strings.Cut(string(text), name)
				fmt.Sscan(rest, &n)
				return n / 1000
			}
			if now := megabytes("VmRSS:"); now > largest {
				largest, seconds, peak = now, process.CPUTime, megabytes("VmHWM:")
			}
		}
		return seconds, peak
	}
	fmt.Printf("\n60,000 images, %d MB: the median of %d visits, and their range\n", len(file)/1_000_000, loads)
	type visit struct{ Ready, ReadyCPU, Loss, LossCPU, Peak float64 } // in seconds and MB
	var visits []visit
	for range loads {
		p := s.open(b, "", desktop)
		waitFor[bool](p, `"sae" in window`)
		var v visit
		v.Ready = evaluate[float64](p, `sae.ready.then(() => performance.now() / 1000)`)
		v.ReadyCPU, _ = used(p)
		v.Loss = evaluate[float64](p, `new Promise((resolve) => {
			sae.on("metrics", ({ loss }) => { if (loss !== null) resolve(performance.now() / 1000); });
			sae.play();
		})`)
		v.LossCPU, v.Peak = used(p)
		visits = append(visits, v)
		p.do(chromedp.Navigate("about:blank"))
	}
	for _, value := range []struct {
		name string
		of   func(visit) float64
	}{
		{"interactive, s", func(v visit) float64 { return v.Ready }},
		{"processor until then, s", func(v visit) float64 { return v.ReadyCPU }},
		{"first loss, s", func(v visit) float64 { return v.Loss }},
		{"processor until then, s", func(v visit) float64 { return v.LossCPU }},
		{"largest process, MB", func(v visit) float64 { return v.Peak }},
	} {
		var values []float64
		for _, v := range visits {
			values = append(values, value.of(v))
		}
		slices.Sort(values)
		fmt.Printf("%-24s %6.1f  (%.1f to %.1f)\n", value.name, values[loads/2], values[0], values[loads-1])
	}
	b.ReportMetric(0, "ns/op") // says nothing
}

// measure lets Chromium count what metrics returns.
func (p *page) measure() {
	p.tb.Helper()
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, performance.Enable, performance.EnableParams{})
		return err
	}))
}

// metrics returns Chromium's metrics of the main thread, such as TaskDuration, by the clock, and
// ThreadTime, by the processor, in seconds.
func (p *page) metrics() map[string]float64 {
	p.tb.Helper()
	values := map[string]float64{}
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		result, err := chromedp.Call(ctx, performance.GetMetrics, cdp.Empty{})
		if err != nil {
			return err
		}
		for _, metric := range result.Metrics {
			values[metric.Name] = metric.Value
		}
		return nil
	}))
	return values
}

// BenchmarkViews prints what the main thread does while the page trains at full speed and shows
// a view: how much of the time its tasks take, by the clock and by that of the processor, which
// does not count when others have the core; how many tasks take more than 50 ms, and the
// longest; and after how many frames the slowest slider shows another value. A dash is none.
func BenchmarkViews(b *testing.B) {
	const watch = 30 * time.Second
	fmt.Printf("\nmain thread in %v of training at full speed\n%-9s %7s %10s %12s %8s %16s\n",
		watch, "view", "tasks", "processor", "over 50 ms", "longest", "slider, frames")
	for _, view := range []string{"train", "features", "explore", "compare"} {
		p := openDemo(b, desktop)
		evaluate[chromedp.Void](p, `sae.set({ experiment: 2, epochs: 1000 }).then(() => sae.play())`)
		evaluate[chromedp.Void](p, fmt.Sprintf(`(() => {
			location.hash = %q;
			globalThis.long = [];
			new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => long.push(duration))).observe({ type: "longtask" });
		})()`, view))
		waitFor[bool](p, `sae.state().epoch > 0`)
		p.measure()
		evaluate[chromedp.Void](p, `new Promise((resolve) => setTimeout(resolve, 2000))`) // the first charts are drawn
		evaluate[chromedp.Void](p, `(() => { long.length = 0; })()`)
		before := p.metrics()
		evaluate[chromedp.Void](p, fmt.Sprintf(`new Promise((resolve) => setTimeout(resolve, %d))`, watch.Milliseconds()))
		after := p.metrics()
		long := evaluate[[]float64](p, `long`)
		share := func(name string) string {
			return fmt.Sprintf("%.1f %%", 100*(after[name]-before[name])/(after["Timestamp"]-before["Timestamp"]))
		}
		longest := "–"
		if len(long) > 0 {
			longest = fmt.Sprintf("%.0f ms", slices.Max(long))
		}
		frames := evaluate[[]int](p, `(async () => {
			const frames = [];
			const within = (place) => [...document.querySelectorAll(place + " input[type=range]")].filter(
				(slider) => !slider.disabled && slider.checkVisibility() && slider.parentElement.querySelector("output"));
			const sliders = [...within("main").slice(0, 4), ...within("#bar")]; // the last start a new run
			for (const slider of sliders) {
				const output = slider.parentElement.querySelector("output"), text = output.textContent;
				const { min, max, value } = slider, middle = (Number(min) + Number(max)) / 2;
				slider.value = Number(value) > middle ? min : max;
				if (slider.value === value) continue;
				slider.dispatchEvent(new InputEvent("input", { bubbles: true }));
				let n = 0;
				while (output.textContent === text && n < 60) n++, await new Promise(requestAnimationFrame);
				frames.push(n);
				await new Promise((resolve) => setTimeout(resolve, 300));
			}
			return frames;
		})()`)
		slowest := "–"
		if len(frames) > 0 {
			slowest = fmt.Sprint(slices.Max(frames))
		}
		fmt.Printf("%-9s %7s %10s %12d %8s %16s\n", view, share("TaskDuration"), share("ThreadTime"), len(long), longest, slowest)
		p.do(chromedp.Navigate("about:blank")) // so that it no longer trains
	}
	b.ReportMetric(0, "ns/op") // says nothing
}
