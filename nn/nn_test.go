package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func randomImages(n, dims int, seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 99))
	images := make([]byte, n*dims)
	for i := range images {
		images[i] = byte(random.IntN(256))
	}
	return images
}

func build(t testing.TB, a Architecture) *Autoencoder {
	t.Helper()
	auto, err := New(a, "glorot", 1)
	if err != nil {
		t.Fatal(err)
	}
	return auto
}

func newTrainer(t testing.TB, auto *Autoencoder, batch int) *Trainer {
	t.Helper()
	trainer, err := NewTrainer(auto, DefaultAdam, batch)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

// firstGradients returns the gradients of the trainer's first step, from its first
// moments m = (1−β₁)·g.
func firstGradients(trainer *Trainer) []float32 {
	gradients := slices.Clone(trainer.network.arrays[1])
	for i := range gradients {
		gradients[i] /= float32(1 - trainer.adam.Beta1)
	}
	return gradients
}

// reference computes the loss by its definition, with plain loops in float64.
func reference(a Architecture, parameters []float64, images []byte) float64 {
	widths, dims, latent := a.Widths(), a.InputDims, len(a.EncoderHidden)+1
	n := len(images) / dims
	var loss, l1 float64 // loss in all outputs
	for i := range n {
		x := make([]float64, dims)
		for j := range x {
			x[j] = float64(float32(images[i*dims+j]) / 255)
		}
		activation, rest := x, parameters
		for layer, out := range widths[1:] {
			in := len(activation)
			sums := slices.Clone(rest[in*out : in*out+out])
			for row, value := range activation {
				for b := range sums {
					sums[b] += value * rest[row*out+b]
				}
			}
			rest = rest[in*out+out:]
			if layer < len(widths)-2 && (layer+1 != latent || a.Latent == ReLU) {
				for b := range sums {
					sums[b] = max(0, sums[b])
				}
			}
			activation = sums
			if layer+1 == latent {
				if a.K > 0 {
					least := slices.Sorted(slices.Values(activation))[len(activation)-a.K]
					for b := range activation {
						if activation[b] < least {
							activation[b] = 0
						}
					}
				}
				for _, value := range activation {
					l1 += math.Abs(value)
				}
			}
		}
		for j, z := range activation {
			if a.Loss == MSE {
				loss += (z - x[j]) * (z - x[j])
				continue
			}
			y := 1 / (1 + math.Exp(-z))
			loss -= x[j]*math.Log(y) + (1-x[j])*math.Log(1-y)
		}
	}
	return loss/float64(n*dims) + a.Lambda*l1/float64(n)
}

// Gradients agree with central differences of the reference to 1e-4 of the
// gradient's own size.
func TestGradients(t *testing.T) {
	for _, a := range []Architecture{
		{InputDims: 12, EncoderHidden: []int{8}, LatentDims: 3},
		{InputDims: 12, EncoderHidden: []int{8}, LatentDims: 3, Lambda: 0.01},
		{InputDims: 12, EncoderHidden: []int{8}, LatentDims: 3, DecoderHidden: []int{8}, Lambda: 0.01},
		{InputDims: 7, LatentDims: 1, Lambda: 0.1},
		{InputDims: 9, EncoderHidden: []int{11, 5}, LatentDims: 4, DecoderHidden: []int{5, 11}, Lambda: 1e-3},
		{InputDims: 5, EncoderHidden: []int{1}, LatentDims: 2, DecoderHidden: []int{3}},
		{InputDims: 12, EncoderHidden: []int{8}, LatentDims: 3, Latent: Linear, Lambda: 0.01},
		{InputDims: 9, LatentDims: 4, Latent: Linear, Lambda: 0.1},
		{InputDims: 9, LatentDims: 4, Latent: Linear, Loss: MSE, Lambda: 0.1},
		{InputDims: 9, LatentDims: 8, K: 3, Loss: MSE},
		{InputDims: 9, EncoderHidden: []int{8}, LatentDims: 7, DecoderHidden: []int{8}, K: 2, Lambda: 0.01},
	} {
		for _, n := range []int{1, 4} {
			t.Run(fmt.Sprint(a.Widths(), a.Lambda, a.Latent, a.K, a.Loss, n), func(t *testing.T) {
				auto := build(t, a)
				random := rand.New(rand.NewPCG(3, 4))
				for _, layer := range auto.layers {
					for i := range layer.Bias {
						layer.Bias[i] = float32(random.Float64()*0.4 + 0.05)
					}
				}
				images := randomImages(n, a.InputDims, 5)
				trainer := newTrainer(t, auto, 4)
				parameters := make([]float64, len(auto.params))
				for i, p := range auto.params {
					parameters[i] = float64(p)
				}
				loss, err := trainer.Step(images)
				if err != nil {
					t.Fatal(err)
				}
				gradients := firstGradients(trainer)
				at := func() float64 {
					return reference(a, parameters, images)
				}
				if want := at(); math.Abs(loss.Total()-want) > 1e-6 {
					t.Errorf("loss %.9f, want %.9f", loss.Total(), want)
				}
				var norm, difference float64
				const h = 1e-5
				for i, p := range parameters {
					parameters[i] = p + h
					above := at()
					parameters[i] = p - h
					below := at()
					parameters[i] = p
					want := (above - below) / (2 * h)
					norm = max(norm, math.Abs(want))
					difference = max(difference, math.Abs(float64(gradients[i])-want))
				}
				if norm == 0 || difference > 1e-4*norm {
					t.Errorf("largest difference %g of gradients up to %g, want at most 1e-4 of it", difference, norm)
				}
			})
		}
	}
}

var small = Architecture{InputDims: 30, EncoderHidden: []int{20}, LatentDims: 6, DecoderHidden: []int{20}, Lambda: 1e-3}

// A short batch gives the same result in a trainer for larger batches.
func TestShortBatch(t *testing.T) {
	images := randomImages(3, small.InputDims, 1)
	first, second := build(t, small), build(t, small)
	a, err := newTrainer(t, first, 3).Step(images)
	if err != nil {
		t.Fatal(err)
	}
	trainer := newTrainer(t, second, 8)
	if _, err := trainer.Evaluate(randomImages(8, small.InputDims, 2)); err != nil { // fills its buffers
		t.Fatal(err)
	}
	b, err := trainer.Step(images)
	if err != nil {
		t.Fatal(err)
	}
	if a != b || !slices.Equal(first.Params(), second.Params()) {
		t.Errorf("losses %v and %v in trainers for batches of 3 and 8, or other parameters", a, b)
	}
}

func TestStepRefusesBadBatches(t *testing.T) {
	trainer := newTrainer(t, build(t, small), 2)
	for _, n := range []int{0, 29, 31, 90} {
		if _, err := trainer.Step(make([]byte, n)); err == nil || !strings.Contains(err.Error(), "want 1 to 2 images of 30") {
			t.Errorf("batch of %d bytes: error %v", n, err)
		}
	}
}

func TestTrainingLearns(t *testing.T) {
	auto := build(t, small)
	trainer := newTrainer(t, auto, 16)
	trainer.network.adam.LearningRate = 0.01
	images := randomImages(16, small.InputDims, 1)
	first, err := trainer.Step(images)
	if err != nil {
		t.Fatal(err)
	}
	var last Loss
	for range 300 {
		if last, err = trainer.Step(images); err != nil {
			t.Fatal(err)
		}
	}
	if last.Total() > first.Total()-0.1 {
		t.Errorf("loss %g after 300 steps from %g", last.Total(), first.Total())
	}
}

// A penalty leaves fewer units active.
func TestPenaltyMakesSparse(t *testing.T) {
	sum := func(lambda float64) float64 {
		a := small
		a.Lambda = lambda
		auto := build(t, a)
		trainer := newTrainer(t, auto, 16)
		images := randomImages(16, a.InputDims, 1)
		for range 300 {
			if _, err := trainer.Step(images); err != nil {
				t.Fatal(err)
			}
		}
		result, err := trainer.Evaluate(images)
		if err != nil {
			t.Fatal(err)
		}
		return result.MeanActive
	}
	if dense, sparse := sum(0), sum(0.1); sparse >= dense {
		t.Errorf("%g units active with a penalty and %g without", sparse, dense)
	}
}

// An error of Yield aborts a step wherever it occurs, and yielding changes no bit of the
// result.
func TestYield(t *testing.T) {
	const stride = 500 // yields several times per product
	images := randomImages(8, small.InputDims, 1)
	plain := build(t, small)
	plainTrainer := newTrainer(t, plain, 8)
	plainTrainer.Stride = stride
	want, err := plainTrainer.Step(images)
	if err != nil {
		t.Fatal(err)
	}

	stop := errors.New("stop")
	calls := 1
	for limit := 0; ; limit++ {
		calls = 0
		auto := build(t, small)
		trainer := newTrainer(t, auto, 8)
		trainer.Stride = stride
		trainer.Yield = func() error {
			if calls == limit {
				return stop
			}
			calls++
			return nil
		}
		loss, err := trainer.Step(images)
		if err == nil {
			if loss != want || !slices.Equal(auto.Params(), plain.Params()) {
				t.Error("a step that yields gives other results than one that does not")
			}
			break
		}
		if !errors.Is(err, stop) {
			t.Fatalf("step interrupted at call %d: error %v", limit, err)
		}
	}
	if calls < 20 {
		t.Errorf("%d calls of Yield in a step, want at least 20", calls)
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	trainer := newTrainer(t, build(t, small), 8)
	images := randomImages(8, small.InputDims, 1)
	if n := testing.AllocsPerRun(20, func() {
		if _, err := trainer.Step(images); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per step, want 0", n)
	}
}

func TestEncoderAndDecoderAlone(t *testing.T) {
	auto := build(t, small)
	x := make([]float32, 2*small.InputDims)
	for i := range x {
		x[i] = float32(i) / 100
	}
	codes := auto.Encoder.Predict(nil, x)
	whole := &Model{Layers: auto.layers}
	if got, want := auto.Decoder.Predict(nil, codes), whole.Predict(nil, x); !slices.Equal(got, want) {
		t.Error("decoder after encoder differs from the whole")
	}
	auto.Params()[0] += 1
	if slices.Equal(auto.Encoder.Predict(nil, x), codes) {
		t.Error("the encoder does not share the autoencoder's parameters")
	}
}

func TestPredictPanicsOnPartialRows(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	build(t, small).Encoder.Predict(nil, make([]float32, 31))
}

// Evaluate agrees with the output of the model and with the loss of a step.
func TestEvaluate(t *testing.T) {
	auto := build(t, small)
	const n = 300 // several evaluation batches, the last one short
	images := randomImages(n, small.InputDims, 1)
	trainer := newTrainer(t, auto, n)
	got, err := trainer.Evaluate(images)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, len(images))
	for i, value := range images {
		x[i] = float32(value) / 255
	}
	codes := auto.Encoder.Predict(nil, x)
	output := auto.Decoder.Predict(nil, codes)
	var mse, active float64
	dead := 0
	for i, y := range output {
		mse += math.Pow(float64(y-x[i]), 2) / float64(len(x))
	}
	for unit := range small.LatentDims {
		count := 0
		for i := unit; i < len(codes); i += small.LatentDims {
			if codes[i] > 0 {
				count++
			}
		}
		active += float64(count) / n
		if count == 0 {
			dead++
		}
	}
	if math.Abs(got.MSE-mse) > 1e-7 || math.Abs(got.MeanActive-active) > 1e-9 || got.Dead != dead || !slices.Equal(got.Codes, codes) {
		t.Errorf("MSE %g, active %g, dead %d; want %g, %g, %d and the encoder's codes", got.MSE, got.MeanActive, got.Dead, mse, active, dead)
	}
	if want := 10 * math.Log10(1/mse); math.Abs(got.PSNR()-want) > 1e-4 {
		t.Errorf("PSNR %g dB, want %g", got.PSNR(), want)
	}
	if _, _, err := trainer.Reconstruct(images[:31]); err == nil {
		t.Error("reconstructing a part of an image does not fail")
	}
	for _, batch := range []int{1, n} {
		gotCodes, gotOutput, err := newTrainer(t, auto, batch).Reconstruct(images)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(gotCodes, codes) || !slices.Equal(gotOutput, output) {
			t.Errorf("Reconstruct differs from the model, with a batch of %d", batch)
		}
	}
	loss, err := trainer.Step(images)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.BCE-loss.BCE) > 1e-6 || math.Abs(got.L1-loss.L1) > 1e-6 {
		t.Errorf("loss %+v, training has %+v", got.Loss, loss)
	}
	stop := errors.New("stop")
	trainer.Yield = func() error { return stop }
	if _, err := trainer.Evaluate(images); !errors.Is(err, stop) {
		t.Errorf("interrupted evaluation: %v", err)
	}
	if _, err := trainer.Evaluate(nil); err == nil {
		t.Error("evaluating nothing does not fail")
	}
}

func TestBatches(t *testing.T) {
	collect := func(seed, epoch uint64) (all []int, sizes []int) {
		for batch := range Batches(10, 4, seed, epoch) {
			all = append(all, batch...)
			sizes = append(sizes, len(batch))
		}
		return all, sizes
	}
	all, sizes := collect(1, 0)
	if !slices.Equal(sizes, []int{4, 4, 2}) {
		t.Errorf("batch sizes %v, want 4, 4, 2", sizes)
	}
	if sorted := slices.Sorted(slices.Values(all)); !slices.Equal(sorted, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("%v is no permutation", all)
	}
	again, _ := collect(1, 0)
	otherEpoch, _ := collect(1, 1)
	otherSeed, _ := collect(2, 0)
	if !slices.Equal(all, again) || slices.Equal(all, otherEpoch) || slices.Equal(all, otherSeed) {
		t.Error("the order does not depend on seed and epoch alone")
	}
}

func TestInitializers(t *testing.T) {
	a := Architecture{InputDims: 300, LatentDims: 200}
	for name, limit := range map[string]float64{"glorot": math.Sqrt(6. / 500), "he": math.Sqrt(6. / 300)} {
		auto, err := New(a, name, 7)
		if err != nil {
			t.Fatal(err)
		}
		layer := auto.layers[0]
		var sum, squares, highest float64
		for _, w := range layer.Kernel {
			sum += float64(w)
			squares += float64(w) * float64(w)
			highest = max(highest, math.Abs(float64(w)))
		}
		n := float64(len(layer.Kernel))
		if highest > limit || highest < 0.99*limit || math.Abs(sum/n) > 0.01*limit || math.Abs(squares/n-limit*limit/3) > 0.02*limit*limit {
			t.Errorf("%s: largest %g, mean %g, variance %g; want uniform within %g", name, highest, sum/n, squares/n, limit)
		}
		if slices.ContainsFunc(layer.Bias, func(b float32) bool { return b != 0 }) {
			t.Errorf("%s: biases are not zero", name)
		}
		again, _ := New(a, name, 7)
		other, _ := New(a, name, 8)
		if !slices.Equal(auto.Params(), again.Params()) || slices.Equal(auto.Params(), other.Params()) {
			t.Errorf("%s: the kernels do not depend on the seed alone", name)
		}
	}
	if _, err := New(a, "zeros", 1); err == nil || !strings.Contains(err.Error(), `want one of ["glorot" "he"]`) {
		t.Errorf("unknown initialiser: %v", err)
	}
}

func TestBadArchitectures(t *testing.T) {
	for want, a := range map[string]Architecture{
		"input dims 0: want at least 1":                   {LatentDims: 1},
		"latent dims 0: want at least 1":                  {InputDims: 1},
		"encoder hidden layer 2 has width -1":             {InputDims: 1, EncoderHidden: []int{1, -1}, LatentDims: 1},
		"decoder hidden layer 1 has width 0":              {InputDims: 1, LatentDims: 1, DecoderHidden: []int{0}},
		"lambda NaN: want a finite number of at least 0":  {InputDims: 1, LatentDims: 1, Lambda: math.NaN()},
		"lambda -1: want":                                 {InputDims: 1, LatentDims: 1, Lambda: -1},
		"lambda +Inf: want":                               {InputDims: 1, LatentDims: 1, Lambda: math.Inf(1)},
		"parameters: want at most 268435456":              {InputDims: 1 << 20, LatentDims: 1 << 20},
		"k 5: want 1 to the 4 latent dims, or 0 for none": {InputDims: 1, LatentDims: 4, K: 5},
		"k -1: want": {InputDims: 1, LatentDims: 4, K: -1},
		"k 2 with latent activation linear: want relu":                   {InputDims: 1, LatentDims: 4, K: 2, Latent: Linear},
		"loss loss(2): want bce or mse":                                  {InputDims: 1, LatentDims: 4, Loss: 2},
		"aux NaN: want a finite number":                                  {InputDims: 1, LatentDims: 4, Aux: math.NaN()},
		"aux 1 with k 0, loss bce, decoder hidden layers [] and 0 dead":  {InputDims: 1, LatentDims: 4, Aux: 1},
		"decoder hidden layers [3] and 1 dead steps: want k, loss mse":   {InputDims: 1, LatentDims: 4, Aux: 1, K: 1, Loss: MSE, DeadSteps: 1, DecoderHidden: []int{3}},
		"center with loss bce":                                           {InputDims: 1, LatentDims: 4, Center: true},
		"layers of widths [9223372036854775807 9223372036854775807 9223": {InputDims: math.MaxInt, LatentDims: math.MaxInt},
	} {
		if _, err := New(a, "glorot", 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", a, err, want)
		}
	}
}

func TestBadOptimisers(t *testing.T) {
	auto := build(t, small)
	for want, change := range map[string]func(*Adam){
		"learning rate NaN: want": func(a *Adam) { a.LearningRate = math.NaN() },
		"learning rate 0: want":   func(a *Adam) { a.LearningRate = 0 },
		"beta 1: want":            func(a *Adam) { a.Beta1 = 1 },
		"beta NaN: want":          func(a *Adam) { a.Beta2 = math.NaN() },
		"epsilon 0: want":         func(a *Adam) { a.Epsilon = 0 },
		"warm-up over -1 steps":   func(a *Adam) { a.WarmupSteps = -1 },
	} {
		adam := DefaultAdam
		change(&adam)
		if _, err := NewTrainer(auto, adam, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", adam, err, want)
		}
	}
	if _, err := NewTrainer(auto, DefaultAdam, 0); err == nil {
		t.Error("a batch of 0 is accepted")
	}
}

func benchmarkStep(b *testing.B, hidden []int, latent int) {
	auto := build(b, Architecture{InputDims: 3072, EncoderHidden: hidden, LatentDims: latent, DecoderHidden: hidden, Lambda: 1e-5})
	const batch = 128
	trainer := newTrainer(b, auto, batch)
	images := randomImages(batch, 3072, 1)
	for b.Loop() {
		if _, err := trainer.Step(images); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(batch*float64(b.N)/b.Elapsed().Seconds(), "images/s")
}

func BenchmarkStepSmall(b *testing.B)  { benchmarkStep(b, []int{128}, 32) }
func BenchmarkStepMedium(b *testing.B) { benchmarkStep(b, []int{512}, 128) }
