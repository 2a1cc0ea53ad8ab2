package simd

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"sae/nn"
	"sae/nn/kernel"
	"sae/nn/kernel/kerneltest"
	"sae/wasm/simd/asm"
)

// benchAll measures each module and its peak.
func benchAll(b *testing.B, bench func(b *testing.B, k *Kernels, peak func() float64)) {
	for _, module := range modules {
		b.Run(module.name, func(b *testing.B) {
			k, err := link(module.name, module.code)
			if err != nil {
				b.Fatal(err)
			}
			bench(b, k, newPeak(b, module.name == "relaxed-simd"))
		})
	}
}

func BenchmarkKernels(b *testing.B) {
	benchAll(b, func(b *testing.B, k *Kernels, peak func() float64) { kerneltest.Bench(b, k, peak) })
}

// BenchmarkStep measures training steps of 3072-512-128-512-3072 at batch 128, and their
// parts.
func BenchmarkStep(b *testing.B) {
	const batch = 128
	benchAll(b, func(b *testing.B, k *Kernels, peak func() float64) {
		kerneltest.Use(b, k)
		timer := &partTimer{Kernels: k, spent: map[string]time.Duration{}}
		blas32.Use(timer)
		kernel.Use(timer)
		auto, err := nn.New(nn.Architecture{InputDims: 3072, EncoderHidden: []int{512}, LatentDims: 128, DecoderHidden: []int{512}, Lambda: 1e-5}, "glorot", 1)
		if err != nil {
			b.Fatal(err)
		}
		trainer, err := nn.NewTrainer(auto, nn.DefaultAdam, batch)
		if err != nil {
			b.Fatal(err)
		}
		trainer.Stride = 50 * nn.DefaultStride // as in the training worker
		images := make([]byte, batch*3072)
		random := rand.New(rand.NewPCG(1, 1))
		for i := range images {
			images[i] = byte(random.Uint32())
		}
		step := func() {
			if _, err := trainer.Step(images); err != nil {
				b.Fatal(err)
			}
		}
		step() // makes the browser compile it
		clear(timer.spent)
		var speeds, shares []float64
		for b.Loop() {
			timer.flop = 0
			start := time.Now()
			step()
			speed := timer.flop / time.Since(start).Seconds()
			b.StopTimer()
			speeds, shares = append(speeds, speed), append(shares, speed/peak())
			b.StartTimer()
		}
		slices.Sort(speeds)
		slices.Sort(shares)
		b.ReportMetric(speeds[len(speeds)/2]/1e9, "GFLOP/s")
		b.ReportMetric(100*shares[len(shares)/2], "%peak")
		for part, spent := range timer.spent {
			b.ReportMetric(100*spent.Seconds()/b.Elapsed().Seconds(), "%"+part)
		}
	})
}

// newPeak returns a function that measures the machine's peak in operations per second:
// multiplications and additions in registers, on 12 vectors at a time.
func newPeak(tb testing.TB, relaxed bool) func() float64 {
	const vectors, unrolled, rounds = 12, 8, 500_000 // some 8 ms
	m := &asm.Module{}
	f := m.Func("peak")
	n, factor := f.I32Param(), f.F32Param()
	var sums [vectors]asm.F32x4
	for i := range sums {
		sums[i] = f.F32x4()
	}
	x, y := f.F32x4(), f.F32x4()
	x.Set(factor.Splat())
	y.Set(x.Add(x))
	f.While(n, func() {
		for range unrolled { // makes the cost of the loop negligible
			for _, sum := range sums {
				if relaxed {
					sum.Set(x.MulAdd(y, sum))
				} else {
					sum.Set(x.Mul(y).Add(sum))
				}
			}
		}
		n.Set(n.AddConst(-1))
	})
	for _, sum := range sums[1:] {
		sums[0].Set(sums[0].Add(sum))
	}
	f.Return(sums[0].Lane(0))

	exports, err := instantiate(m.Bytes())
	if err != nil {
		tb.Fatal(err)
	}
	peak := exports.Get("peak")
	return func() float64 {
		start := time.Now()
		peak.Invoke(rounds, 1e-3)
		return 2 * 4 * vectors * unrolled * rounds / time.Since(start).Seconds()
	}
}

// partTimer measures the time of the parts of a step.
type partTimer struct {
	*Kernels
	spent map[string]time.Duration
	flop  float64 // of the products
}

func (t *partTimer) since(part string, start time.Time) { t.spent[part] += time.Since(start) }

func (t *partTimer) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	part := "forward"
	switch {
	case tA == blas.Trans:
		part = "kernel-gradient"
	case tB == blas.Trans:
		part = "input-gradient"
	}
	defer t.since(part, time.Now())
	t.flop += 2 * float64(m) * float64(n) * float64(k)
	t.Kernels.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func (t *partTimer) BiasReLU(x, bias []float32) {
	defer t.since("bias-relu", time.Now())
	t.Kernels.BiasReLU(x, bias)
}

func (t *partTimer) SigmoidBCE(logits, bias, targets []float32, scale float32) float64 {
	defer t.since("sigmoid-bce", time.Now())
	return t.Kernels.SigmoidBCE(logits, bias, targets, scale)
}

func (t *partTimer) Adam(p, g, m, v []float32, rate, beta1, beta2, epsilon float32) {
	defer t.since("adam", time.Now())
	t.Kernels.Adam(p, g, m, v, rate, beta1, beta2, epsilon)
}
