package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
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

// BenchmarkTeams prints images per second by network, batch and workers, and
// the ratios to one worker within each round.
func BenchmarkTeams(b *testing.B) {
	p := open(b, "bench.html", desktop)
	results := evaluate[[]struct {
		Network        string
		Batch, Workers int
		Kernel         string
		Speeds         []float64
	}](p, `benchTeams(benchConfigurations())`)
	fmt.Printf("\n%-8s %5s %8s %9s  %s\n", "network", "batch", "workers", "images/s", "ratio to one worker, by round")
	var alone []float64
	for _, result := range results {
		var ratios []string
		if result.Workers == 1 {
			alone = result.Speeds
		} else {
			for round, speed := range result.Speeds {
				ratios = append(ratios, fmt.Sprintf("%.2f", speed/alone[round]))
			}
			slices.Sort(ratios)
		}
		speeds := slices.Sorted(slices.Values(result.Speeds))
		fmt.Printf("%-8s %5d %8d %9.0f  %s\n", result.Network, result.Batch, result.Workers, speeds[len(speeds)/2], strings.Join(ratios, " "))
	}
	b.ReportMetric(0, "ns/op") // says nothing
}

// BenchmarkOpen prints how long a first visit to the output of make dist takes, served by
// tools/serve over a network of 10 Mbit/s and 40 ms, each in a fresh profile.
func BenchmarkOpen(b *testing.B) {
	const loads = 7
	url, stop, err := startServer("../dist")
	if err != nil {
		b.Fatalf("%v; make dist writes it", err)
	}
	defer stop()

	type visit struct {
		Paint, Ready, Loss float64 // in milliseconds; Loss is counted from the click on Train
		Bytes              int
	}
	var visits []visit
	for range loads {
		p := openBlank(b)
		p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
				MatchedNetworkConditions: []*network.Conditions{{Latency: 40, DownloadThroughput: 10e6 / 8, UploadThroughput: 10e6 / 8}},
			})
			if err != nil {
				return err
			}
			_, err = chromedp.Call(ctx, devtools.AddScriptToEvaluateOnNewDocument, devtools.AddScriptToEvaluateOnNewDocumentParams{Source: `(async () => {
				while (!("sae" in globalThis)) await new Promise((resolve) => setTimeout(resolve, 4));
				await sae.ready;
				globalThis.readyAt = performance.now();
			})()`})
			return err
		}))
		p.do(chromedp.Navigate(url))
		waitFor[float64](p, `globalThis.readyAt`)
		waitFor[bool](p, `performance.getEntriesByName("first-contentful-paint").length > 0`)
		visits = append(visits, evaluate[visit](p, `(async () => {
			const play = document.querySelector(".transport .play");
			const loss = await new Promise((resolve) => {
				const start = performance.now();
				sae.on("metrics", ({ loss }) => loss !== null && resolve(performance.now() - start));
				play.click();
			});
			const bytes = performance.getEntries().reduce((sum, { encodedBodySize }) => sum + (encodedBodySize ?? 0), 0);
			return { paint: performance.getEntriesByName("first-contentful-paint")[0].startTime, ready: readyAt, loss, bytes };
		})()`))
		p.do(chromedp.Navigate("about:blank")) // stops training
	}

	fmt.Printf("\nfirst visit at 10 Mbit/s and 40 ms: the median of %d, and their range, in ms; %d bytes loaded\n", loads, visits[0].Bytes)
	for _, row := range []struct {
		name  string
		value func(visit) float64
	}{
		{"first paint", func(v visit) float64 { return v.Paint }},
		{"interactive", func(v visit) float64 { return v.Ready }},
		{"first loss after Train", func(v visit) float64 { return v.Loss }},
	} {
		var values []float64
		for _, v := range visits {
			values = append(values, row.value(v))
		}
		slices.Sort(values)
		fmt.Printf("%-24s %6.0f  (%.0f to %.0f)\n", row.name, values[loads/2], values[0], values[loads-1])
	}
	b.ReportMetric(0, "ns/op") // says nothing
}
