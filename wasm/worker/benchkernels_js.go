package worker

import (
	"slices"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"

	"sae/data"
	"sae/nn"
	"sae/nn/kernel"
	"sae/wasm/protocol"
	"sae/wasm/simd"
)

// benchRounds is how often everything is measured, one after the other: what
// slows the machine down for a while then hits all alike.
const benchRounds = 9

// The products that take nine tenths of a step. The gradients are computed in
// such parts: 132 rows of a kernel, an eighth of the depth.
var benchProducts = []struct {
	pass           string
	transA, transB blas.Transpose
	m, n, k        int
}{
	{"forward", blas.NoTrans, blas.NoTrans, 128, 512, 3072},
	{"forward", blas.NoTrans, blas.NoTrans, 128, 3072, 512},
	{"kernel gradient", blas.Trans, blas.NoTrans, 132, 512, 128},
	{"kernel gradient", blas.Trans, blas.NoTrans, 132, 3072, 128},
	{"input gradient", blas.NoTrans, blas.Trans, 128, 512, 384},
}

// benchKernels implements Platform.BenchKernels.
func benchKernels() (result protocol.KernelBench) {
	available := simd.Available()
	defer simd.Use()
	for _, product := range benchProducts {
		a := general(product.m, product.k)
		if product.transA == blas.Trans {
			a = general(product.k, product.m)
		}
		b := general(product.k, product.n)
		if product.transB == blas.Trans {
			b = general(product.n, product.k)
		}
		c := general(product.m, product.n)
		flop := 2 * float64(product.m) * float64(product.n) * float64(product.k)
		multiply := func(times int) {
			for range times {
				blas32.Gemm(product.transA, product.transB, 1, a, b, 0, c)
			}
		}
		add := func(kernel string, speeds, peaks []float64) {
			shares := make([]float64, len(peaks))
			for i, peak := range peaks {
				shares[i] = speeds[i] / peak
			}
			result.Products = append(result.Products, protocol.ProductBench{
				Kernel: kernel, Pass: product.pass, M: product.m, N: product.n, K: product.k,
				GFLOPS: quartiles(speeds), OfPeak: quartiles(shares), PeakGFs: quartiles(peaks).Median,
			})
		}
		speeds, peaks := make([][]float64, len(available)), make([][]float64, len(available))
		times := 1 + int(5e8/flop) // some 15 ms: the clock ticks every 0.1
		for round := range 1 + benchRounds {
			for i, kernels := range available {
				kernels.Use()
				peak := peakSpeed(kernels)
				speed := speed(flop*float64(times), func() { multiply(times) })
				if round > 0 { // the first makes the browser compile well
					speeds[i], peaks[i] = append(speeds[i], speed), append(peaks[i], peak)
				}
			}
		}
		for i, kernels := range available {
			add(kernels.Name, speeds[i], peaks[i])
		}
		blas32.Use(gonum.Implementation{})
		add("go", []float64{speed(flop, func() { multiply(1) })}, nil)
	}
	for _, kernels := range available {
		result.Step = append(result.Step, benchStep(kernels))
	}
	return result
}

func general(rows, cols int) blas32.General {
	values := make([]float32, rows*cols)
	for i := range values {
		values[i] = float32(i%251)/251 - 0.5
	}
	return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: values}
}

// speed returns 10⁹ operations per second.
func speed(flop float64, work func()) float64 {
	start := time.Now()
	work()
	return flop / float64(max(1, time.Since(start).Nanoseconds()))
}

func peakSpeed(kernels *simd.Kernels) float64 {
	const rounds = 500_000 // some 8 ms
	return speed(rounds*simd.PeakFLOP, func() { kernels.Peak(rounds) })
}

// quartiles returns zeros for no values.
func quartiles(values []float64) (q protocol.Quartiles) {
	if n := len(values); n > 0 {
		sorted := slices.Sorted(slices.Values(values))
		q = protocol.Quartiles{Low: sorted[n/4], Median: median(values), High: sorted[n-1-n/4]}
	}
	return q
}

// benchStep measures training steps, whole and by their parts.
func benchStep(kernels *simd.Kernels) protocol.StepBench {
	const batch, latent = 128, 128
	architecture := nn.Architecture{InputDims: data.ImageSize, EncoderHidden: []int{512}, LatentDims: latent, DecoderHidden: []int{512}, Lambda: 1e-5}
	kernels.Use()
	timer := &partTimer{Kernels: kernels, spent: map[string]time.Duration{}}
	blas32.Use(timer)
	kernel.Use(timer)
	result := protocol.StepBench{Kernel: kernels.Name}
	auto, err := architecture.Build("glorot", 1)
	if err != nil {
		panic(err) // the architecture above is valid
	}
	trainer, err := nn.NewTrainer(auto, nn.DefaultAdam, batch)
	if err != nil {
		panic(err)
	}
	images := data.Synthetic(batch, 1, 1).Train.Images
	var steps, speeds, shares []float64
	var total time.Duration
	for step := range 3 + 4*benchRounds {
		peak := peakSpeed(kernels)
		timer.flop = 0
		start := time.Now()
		if _, err := trainer.Step(images); err != nil {
			panic(err) // nothing interrupts it
		}
		elapsed := time.Since(start)
		if step < 3 {
			clear(timer.spent)
			continue
		}
		total += elapsed
		speed := timer.flop / float64(elapsed.Nanoseconds())
		steps = append(steps, float64(elapsed.Microseconds())/1000)
		speeds, shares = append(speeds, speed), append(shares, speed/peak)
	}
	result.MS, result.GFLOPS, result.OfPeak = quartiles(steps), quartiles(speeds), quartiles(shares)
	rest := 1.0
	for _, name := range []string{"forward", "kernel gradient", "input gradient", "bias and ReLU", "sigmoid and loss", "Adam"} {
		share := float64(timer.spent[name]) / float64(total)
		rest -= share
		result.Parts = append(result.Parts, protocol.StepPart{Name: name, Share: share})
	}
	result.Parts = append(result.Parts, protocol.StepPart{Name: "rest", Share: rest})
	return result
}

// partTimer measures what is spent on the parts of a step.
type partTimer struct {
	*simd.Kernels
	spent map[string]time.Duration
	flop  float64 // of the products
}

func (t *partTimer) since(name string, start time.Time) { t.spent[name] += time.Since(start) }

func (t *partTimer) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	name := "forward"
	switch {
	case tA == blas.Trans:
		name = "kernel gradient"
	case tB == blas.Trans:
		name = "input gradient"
	}
	defer t.since(name, time.Now())
	t.flop += 2 * float64(m) * float64(n) * float64(k)
	t.Kernels.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func (t *partTimer) BiasReLU(x, bias []float32) {
	defer t.since("bias and ReLU", time.Now())
	t.Kernels.BiasReLU(x, bias)
}

func (t *partTimer) SigmoidBCE(logits, bias, targets []float32, scale float32) float64 {
	defer t.since("sigmoid and loss", time.Now())
	return t.Kernels.SigmoidBCE(logits, bias, targets, scale)
}

func (t *partTimer) Adam(p, g, m, v []float32, rate, beta1, beta2, epsilon float32) {
	defer t.since("Adam", time.Now())
	t.Kernels.Adam(p, g, m, v, rate, beta1, beta2, epsilon)
}
