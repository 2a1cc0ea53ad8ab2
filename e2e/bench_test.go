package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkTrain measures training in the page's worker, through bench.html: the
// median epoch on random pictures, in images per second.
func BenchmarkTrain(b *testing.B) {
	for _, layers := range [][]int{
		{3072, 128, 32, 128, 3072},
		{3072, 512, 128, 512, 3072},
	} {
		b.Run(strings.Trim(strings.ReplaceAll(fmt.Sprint(layers), " ", "-"), "[]"), func(b *testing.B) {
			p := open(b, "bench.html", desktop)
			config, err := json.Marshal(map[string]any{
				"layers": layers, "latentIndex": len(layers) / 2, "l1": 1e-5,
				"images": 512, "batch": 128, "epochs": 3, "warmup": 1, "budgetMs": 20_000,
				"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7,
			})
			if err != nil {
				b.Fatal(err)
			}
			var speed float64
			for b.Loop() {
				speed = evaluate[float64](p, fmt.Sprintf(`(async () => {
					const config = %s;
					const data = Uint8Array.from({length: config.images * 3072}, () => Math.random() * 256);
					return (await benchTrain({...config, data})).imagesPerSecond;
				})()`, config))
			}
			b.ReportMetric(speed, "images/s")
			b.ReportMetric(0, "ns/op") // leaves it out: it includes the worker's start
		})
	}
}
