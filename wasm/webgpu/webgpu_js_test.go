package webgpu

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"sae/nn"
	"sae/nn/fit"
	"sae/nn/fit/enginetest"
	"sae/nn/golden"
)

// open returns the browser's device.
func open(t testing.TB) *Device {
	t.Helper()
	device, err := Open()
	if err != nil {
		if os.Getenv("GPU") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
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
	device := open(t)
	enginetest.Run(t, engine(t, device), device.Software && os.Getenv("ALL") == "")
}

// Training agrees with the reference traces.
func TestGoldenTraces(t *testing.T) {
	device := open(t)
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

// sizes are the networks of the project's benchmarks.
var sizes = []struct {
	name   string
	hidden []int
	latent int
}{{"S", []int{128}, 32}, {"M", []int{512}, 128}, {"L", []int{1024, 512}, 128}}

// BenchmarkTrain measures epochs of 10,240 images, or of ten batches on a software device.
func BenchmarkTrain(b *testing.B) {
	device := open(b)
	for _, size := range sizes {
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
