package webgpu

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"sae/nn"
	"sae/nn/fit"
	"sae/nn/fit/enginetest"
	"sae/nn/golden"
)

// card returns the browser's device. One that is imitated has the limits of Minimal.
func card(t testing.TB) *Device {
	t.Helper()
	device, err := Open()
	if err == nil && device.Software {
		device.Close()
		device, err = open()
	}
	if err != nil {
		if os.Getenv("GPU") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if device.Software && device.limits != Minimal {
		t.Errorf("a device of limits %+v, want %+v", device.limits, Minimal)
	}
	t.Logf("on %s (%s), software: %t, limits %+v", device.Name, device.Kernel, device.Software, device.limits)
	return device
}

// engine returns trainers on the device that are closed at the end of the test.
func engine(t testing.TB, device *Device) enginetest.New {
	return func(auto *nn.Autoencoder, adam nn.Adam, batch int, source fit.Source) (fit.Engine, error) {
		if _, err := nn.NewTrainer(auto, adam, batch); err != nil { // which gives directions unit norm
			return nil, err
		}
		trainer, err := New(device, auto, adam, batch, source, noYield)
		if err != nil {
			return nil, err
		}
		t.Cleanup(trainer.Close)
		return trainer, nil
	}
}

func noYield() error { return nil }

// A device trains as the processor does. One that is imitated takes seconds to compile each
// kernel.
func TestEngine(t *testing.T) {
	device := card(t)
	enginetest.Run(t, engine(t, device), device.Software && os.Getenv("ALL") == "")
}

// A submission grows to what takes 8 ms, by at most a factor of 4, so that it stays below
// 30 ms even if its dispatches take longer than those before; one dispatch is the least.
func TestSubmissions(t *testing.T) {
	for _, speed := range []time.Duration{time.Microsecond, 60 * time.Microsecond, 3 * time.Millisecond, 40 * time.Millisecond} {
		trainer := &Trainer{perSubmit: 1}
		for range 10 {
			before := trainer.perSubmit
			trainer.measure(time.Duration(before)*speed, before)
			if n := trainer.perSubmit; n < 1 || n > growth*before || n > 1 && time.Duration(n)*speed > submission {
				t.Errorf("%d dispatches of %v after %d, want at most 4 times as many, and %v", n, speed, before, submission)
			}
		}
		if n := trainer.perSubmit; n != max(1, int(submission/speed)) {
			t.Errorf("%d dispatches of %v in the end, want %d", n, speed, max(1, int(submission/speed)))
		}
	}
}

// A call trains on at most as many batches as the device has room for their losses and
// parameters, here on 16 of an epoch of 40 batches of one image.
func TestLongEpoch(t *testing.T) {
	device := card(t)
	defer func(n int) { maxSteps = n }(maxSteps)
	maxSteps = 16
	images := make([]byte, 3*40)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range images {
		images[i] = byte(random.IntN(256))
	}
	source := fit.NewData("noise", 3, images, images[:3*20]).Source()
	batches := slices.Collect(nn.Batches(40, 1, 1, 0))
	var losses [2][]nn.Loss
	for i, new := range []enginetest.New{engine(t, device), enginetest.CPU} {
		auto, err := nn.New(nn.Architecture{InputDims: 3, LatentDims: 1, Loss: nn.MSE}, "glorot", 1)
		if err != nil {
			t.Fatal(err)
		}
		trainer, err := new(auto, nn.DefaultAdam, 1, source)
		if err != nil {
			t.Fatal(err)
		}
		if own, ok := trainer.(*Trainer); ok {
			own.perTurn = len(batches)
		}
		for rest := batches; len(rest) > 0; rest = batches[len(losses[i]):] {
			some, err := trainer.Train(rest)
			if err != nil {
				t.Fatal(err)
			}
			if losses[i] = append(losses[i], some...); i == 0 && len(losses[i]) == len(some) && len(some) != maxSteps {
				t.Errorf("the first call trains on %d batches, want %d", len(some), maxSteps)
			}
		}
	}
	if len(losses[0]) != 40 {
		t.Fatalf("%d losses, want 40", len(losses[0]))
	}
	for i, want := range losses[1] {
		if got := losses[0][i]; !(math.Abs(got.MSE-want.MSE) <= enginetest.Tolerance) {
			t.Fatalf("step %d: %g, want %g", i+1, got.MSE, want.MSE)
		}
	}
}

// A device that is lost while it trains, one that has too little memory, and one that cannot
// compile a kernel end with an error that says so.
func TestFailures(t *testing.T) {
	images := make([]byte, 3*4)
	source := fit.NewData("black", 3, images, images).Source()
	start := func(device *Device) (*Trainer, error) {
		auto, err := nn.New(nn.Architecture{InputDims: 3, LatentDims: 1, Loss: nn.MSE}, "glorot", 1)
		if err != nil {
			t.Fatal(err)
		}
		return New(device, auto, nn.DefaultAdam, 1, source, noYield)
	}
	device := card(t)
	trainer, err := start(device)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trainer.Train([][]int{{0}}); err != nil {
		t.Fatal(err)
	}
	device.Close()
	for range 2 { // it is told during the first call
		if _, err = trainer.Train([][]int{{0}}); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "the graphics card was lost") {
		t.Errorf("training on a lost device: error %v, want that it was lost", err)
	}

	prototype := js.Global().Get("GPUDevice").Get("prototype")
	for method, fault := range map[string]struct{ script, want string }{
		"popErrorScope":      {"return Promise.resolve(new GPUOutOfMemoryError('none left'))", "the graphics card has too little free memory"},
		"createShaderModule": {"return createShaderModule.call(this, { ...argument, code: 'fn main main' })", "the kernel "},
	} {
		device, whole := card(t), prototype.Get(method)
		prototype.Set(method, js.Global().Get("Function").New(method, "return function (argument) { "+fault.script+" }").Invoke(whole))
		_, err := start(device)
		prototype.Set(method, whole)
		if err == nil || !strings.Contains(err.Error(), fault.want) {
			t.Errorf("%s fails: error %v, want %q", method, err, fault.want)
		}
	}
}

// A data set that is larger than a buffer of the device is refused before anything is
// allocated.
func TestLargeData(t *testing.T) {
	device := card(t)
	auto, err := nn.New(nn.Architecture{InputDims: 3, LatentDims: 1}, "glorot", 1)
	if err != nil {
		t.Fatal(err)
	}
	source := fit.NewData("noise", 3, make([]byte, 3), make([]byte, 3)).Source()
	source.Train = device.limits.Buffer/4 + 1
	if _, err := New(device, auto, nn.DefaultAdam, 1, source, noYield); !errors.As(err, new(Unfit)) || !strings.Contains(err.Error(), "the data set takes") {
		t.Errorf("error %v, want that the data set is too large", err)
	}
}

// Training agrees with the reference traces.
func TestGoldenTraces(t *testing.T) {
	device := card(t)
	traces, err := golden.Read("../../../shared/golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, trace := range traces {
		t.Run(trace.Name, func(t *testing.T) {
			differences, err := trace.Replay(engine(t, device))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("golden: %-28s WebGPU, %s: %v", trace.Name, device.Name, differences)
			if differences.Largest() > golden.Tolerance {
				t.Errorf("want at most %.0e", golden.Tolerance)
			}
		})
	}
}

// sizes are the networks of the project's benchmarks; the first is for imitated devices.
var sizes = []struct {
	name   string
	hidden []int
	latent int
}{{"T", []int{16}, 8}, {"S", []int{128}, 32}, {"M", []int{512}, 128}, {"L", []int{1024, 512}, 128}}

// BenchmarkTrain measures epochs of 10,240 images, or of ten batches on a software device.
func BenchmarkTrain(b *testing.B) {
	device := card(b)
	for _, size := range sizes {
		if device.Software != (size.name == "T") {
			continue
		}
		for _, batch := range []int{32, 128, 512} {
			images := 10240
			if device.Software {
				images = 10 * batch
			}
			decoder := slices.Clone(size.hidden)
			slices.Reverse(decoder)
			auto, err := nn.New(nn.Architecture{InputDims: 3072, EncoderHidden: size.hidden, LatentDims: size.latent, DecoderHidden: decoder, Lambda: 1e-5}, "glorot", 1)
			if err != nil {
				b.Fatal(err)
			}
			random := rand.New(rand.NewPCG(1, 2))
			bytes := make([]byte, 3072*images)
			for i := range bytes {
				bytes[i] = byte(random.IntN(256))
			}
			trainer, err := New(device, auto, nn.DefaultAdam, batch, fit.NewData("noise", 3072, bytes, bytes[:3072*1000]).Source(), noYield)
			if err != nil {
				b.Fatal(err)
			}
			epoch := func(number int) {
				for batches := slices.Collect(nn.Batches(images, batch, 1, uint64(number))); len(batches) > 0; {
					losses, err := trainer.Train(batches)
					if err != nil {
						b.Fatal(err)
					}
					batches = batches[len(losses):]
				}
			}
			name := fmt.Sprintf("%s/%d", size.name, batch)
			for warm := range 4 {
				epoch(warm)
			}
			b.Run(name, func(b *testing.B) {
				for i := range b.N {
					epoch(i)
				}
				b.ReportMetric(float64(b.N*images)/b.Elapsed().Seconds(), "images/s")
				b.ReportMetric(float64(len(trainer.plan.Train)), "dispatches")
			})
			if batch == 128 {
				b.Run(name+"/Evaluate", func(b *testing.B) {
					for b.Loop() {
						if _, err := trainer.Evaluate(); err != nil {
							b.Fatal(err)
						}
					}
				})
				b.Run(name+"/State", func(b *testing.B) {
					for b.Loop() {
						if _, err := trainer.State(); err != nil {
							b.Fatal(err)
						}
					}
				})
				b.Run(name+"/Collect", func(b *testing.B) {
					for b.Loop() {
						if err := trainer.Collect(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
			trainer.Close()
		}
	}
}
