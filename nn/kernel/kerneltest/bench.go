package kerneltest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas"

	"sae/nn/kernel"
)

// The products that take nine tenths of a training step of 3072-512-128-512-3072 at
// batch 128. Gradients are computed in such parts: 132 rows of a kernel, and an eighth
// of the depth.
var products = []struct {
	pass string
	product
}{
	{"Forward", product{blas.NoTrans, blas.NoTrans, 128, 512, 3072, 0, 1, 0}},
	{"Forward", product{blas.NoTrans, blas.NoTrans, 128, 3072, 512, 0, 1, 0}},
	{"KernelGradient", product{blas.Trans, blas.NoTrans, 132, 512, 128, 0, 1, 0}},
	{"KernelGradient", product{blas.Trans, blas.NoTrans, 132, 3072, 128, 0, 1, 0}},
	{"InputGradient", product{blas.NoTrans, blas.Trans, 128, 512, 384, 0, 1, 0}},
}

// Bench measures the products of a training step in GFLOP/s and the element-wise
// functions in MB/s. peak measures the operations per second that the machine is capable
// of, in some milliseconds; it may be nil. The share of it that each product reaches is
// reported too, because that depends less on the machine's load.
func Bench(b *testing.B, k Kernels, peak func() float64) {
	Use(b, k)
	for _, p := range products {
		b.Run(fmt.Sprintf("%s/%dx%dx%d", p.pass, p.m, p.n, p.k), func(b *testing.B) {
			x, y, z := p.operands(normal())
			flop := 2 * float64(p.m) * float64(p.n) * float64(p.k)
			times := 1 + int(2e8/flop) // some milliseconds, for a coarse clock
			var speeds, shares []float64
			for b.Loop() {
				start := time.Now()
				for range times {
					p.run(k, x, y, z)
				}
				speed := flop * float64(times) / time.Since(start).Seconds()
				speeds = append(speeds, speed)
				if peak != nil {
					b.StopTimer()
					shares = append(shares, speed/peak())
					b.StartTimer()
				}
			}
			b.ReportMetric(0, "ns/op") // hidden: an iteration is several products
			b.ReportMetric(median(speeds)/1e9, "GFLOP/s")
			if peak != nil {
				b.ReportMetric(100*median(shares), "%peak")
			}
		})
	}
	const rows, cols = 128, 512
	for _, o := range operations {
		b.Run(o.name, func(b *testing.B) {
			x := slicesOf(o.inputs(rand.New(rand.NewPCG(1, 1)), rows, cols, false))
			bytes := 0
			for _, argument := range x {
				bytes += 4 * len(argument)
			}
			b.SetBytes(int64(bytes))
			for b.Loop() {
				o.run(x)
			}
		})
	}
	b.Run("FromBytes", func(b *testing.B) {
		x, bytes := make([]float32, rows*cols), make([]byte, rows*cols)
		b.SetBytes(5 * rows * cols)
		for b.Loop() {
			kernel.FromBytes(x, bytes)
		}
	})
	b.Run("ColumnSums", func(b *testing.B) {
		x, sums := make([]float32, rows*cols), make([]float32, cols)
		b.SetBytes(4 * rows * cols)
		for b.Loop() {
			kernel.ColumnSums(sums, x)
		}
	})
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
