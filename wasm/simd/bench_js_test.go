package simd

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
)

// The products of a step of 3072-512-128-512-3072 at batch 128.
var benchProducts = []product{
	{transA: 'N', transB: 'N', m: 128, n: 512, k: 3072, alpha: 1},
	{transA: 'N', transB: 'N', m: 128, n: 3072, k: 512, alpha: 1},
	{transA: 'T', transB: 'N', m: 3072, n: 512, k: 128, alpha: 1},
	{transA: 'T', transB: 'N', m: 512, n: 3072, k: 128, alpha: 1},
	{transA: 'N', transB: 'T', m: 128, n: 512, k: 3072, alpha: 1},
	{transA: 'N', transB: 'T', m: 128, n: 512, k: 384, alpha: 1},
	{transA: 'N', transB: 'N', m: 128, n: 128, k: 512, alpha: 1},
	{transA: 'T', transB: 'N', m: 128, n: 512, k: 128, alpha: 1},
	{transA: 'N', transB: 'T', m: 128, n: 512, k: 16, alpha: 1},
}

func BenchmarkSgemm(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	value := func() float32 { return float32(random.NormFloat64()) }
	for _, implementation := range implementations {
		k := implementation.link(b)
		if isPlain(k) {
			continue
		}
		b.Run(implementation.name+"/peak", func(b *testing.B) {
			for b.Loop() {
				peak(1e5, 1e-3)
			}
			b.ReportMetric(76.8e6/float64(b.Elapsed().Nanoseconds())*float64(b.N), "GFLOP/s")
		})
		for _, p := range benchProducts {
			x, y, z := p.operands(value)
			b.Run(fmt.Sprintf("%s/%c%c%dx%dx%d", implementation.name, p.transA, p.transB, p.m, p.n, p.k), func(b *testing.B) {
				for b.Loop() {
					p.run(k, x, y, z)
				}
				b.ReportMetric(2*float64(p.m)*float64(p.n)*float64(p.k)/float64(b.Elapsed().Nanoseconds())*float64(b.N), "GFLOP/s")
			})
		}
	}
	_ = blas.NoTrans
}

func BenchmarkElementwise(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	v := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = random.Float32()
		}
		return x
	}
	for _, implementation := range implementations {
		k := implementation.link(b)
		p, g, m, s := v(3<<20), v(3<<20), v(3<<20), v(3<<20)
		b.Run(implementation.name+"/adam3M", func(b *testing.B) {
			for b.Loop() {
				k.Adam(p, g, m, s, 1e-3, 0.9, 0.999, 1e-7)
			}
		})
		b.Run(implementation.name+"/adam32K", func(b *testing.B) {
			for b.Loop() {
				k.Adam(p[:32768], g[:32768], m[:32768], s[:32768], 1e-3, 0.9, 0.999, 1e-7)
			}
		})
		logits, bias, x := v(128*3072), v(3072), v(128*3072)
		b.Run(implementation.name+"/bce", func(b *testing.B) {
			for b.Loop() {
				k.SigmoidBCE(logits, bias, x, 1)
			}
		})
		b.Run(implementation.name+"/relu", func(b *testing.B) {
			for b.Loop() {
				k.BiasReLU(logits, bias)
			}
		})
	}
}
