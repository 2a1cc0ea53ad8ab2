package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sae/wasm/protocol"
)

// BenchmarkKernels prints what bench.html measures of the kernels: ratios to
// the register-only peak, by quartiles of interleaved rounds.
func BenchmarkKernels(b *testing.B) {
	p := open(b, "bench.html", desktop)
	result := evaluate[protocol.KernelBench](p, `benchKernels()`)
	quartiles := func(q protocol.Quartiles) string {
		return fmt.Sprintf("%3.0f %% (%.0f to %.0f)", 100*q.Median, 100*q.Low, 100*q.High)
	}
	fmt.Printf("\n%-16s %-13s %-15s %9s  %s\n", "product", "m×n×k", "kernel", "GFLOP/s", "of the peak")
	for _, product := range result.Products {
		share := ""
		if product.Kernel != "go" {
			share = quartiles(product.OfPeak) + fmt.Sprintf(", which is %.1f", product.PeakGFs)
		}
		fmt.Printf("%-16s %-13s %-15s %9.1f  %s\n", product.Pass, fmt.Sprintf("%d×%d×%d", product.M, product.N, product.K), product.Kernel, product.GFLOPS.Median, share)
	}
	for _, step := range result.Step {
		fmt.Printf("\nstep of 3072-512-128-512-3072, batch 128, %s: %.1f ms, %.1f GFLOP/s, %s of the peak\n", step.Kernel, step.MS.Median, step.GFLOPS.Median, quartiles(step.OfPeak))
		for _, part := range step.Parts {
			fmt.Printf("  %-18s %5.1f %%\n", part.Name, 100*part.Share)
		}
	}
	b.ReportMetric(0, "ns/op") // says nothing
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
	b.ReportMetric(0, "ns/op")
}
