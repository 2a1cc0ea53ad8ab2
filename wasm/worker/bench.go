package worker

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"sae/data"
	"sae/nn"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// bench ends the run, trains the command's network on its images, by the same steps as
// any run, and measures the speed.
func (w *Worker) bench(cfg protocol.Bench, _ protocol.Message) (protocol.Message, error) {
	w.endRun(errors.New("step: a benchmark replaced the run"))
	if err := checkBench(cfg); err != nil {
		return protocol.Message{}, err
	}
	architecture := nn.Architecture{
		InputDims:     cfg.Layers[0],
		EncoderHidden: cfg.Layers[1:cfg.LatentIndex],
		LatentDims:    cfg.Layers[cfg.LatentIndex],
		DecoderHidden: cfg.Layers[cfg.LatentIndex+1 : len(cfg.Layers)-1],
		Lambda:        cfg.L1,
	}
	auto, err := nn.New(architecture, "glorot", 1)
	if err != nil {
		return protocol.Message{}, err
	}
	adam := nn.Adam{LearningRate: cfg.LR, Beta1: cfg.Beta1, Beta2: cfg.Beta2, Epsilon: cfg.Epsilon}
	trainer, err := nn.NewTrainer(auto, adam, cfg.Batch)
	if err != nil {
		return protocol.Message{}, err
	}
	trainer.Yield, trainer.Stride = w.yield, w.Stride
	source := fit.NewData("", data.ImageSize, cfg.Data[:cfg.Images*data.ImageSize], cfg.Data[:data.ImageSize]).Source()
	result := protocol.BenchResult{Kernel: w.Kernel, Workers: 1}
	var engine fit.Engine
	if cfg.Device == "gpu" {
		card, err := w.cards.open(w)
		if err != nil {
			return protocol.Message{}, err
		}
		result.Card, result.Kernel, _ = card.About()
		var free func()
		if engine, free, err = card.Engine(auto, adam, cfg.Batch, source, w.yield); err != nil {
			return protocol.Message{}, err
		}
		defer free()
	} else {
		if w.Kernel != "go" {
			result.Workers = largestTeam(cfg.Threads)
		}
		if err := w.spread(trainer, protocol.Join{Size: result.Workers, Architecture: architecture, Adam: adam, Batch: cfg.Batch}); err != nil {
			return protocol.Message{}, err
		}
		engine = fit.NewCPU(trainer, source)
	}

	epoch := 0
	train := func(n int) (loss float64, elapsed time.Duration, err error) {
		start := time.Now()
		for batches := slices.Collect(nn.Batches(n, cfg.Batch, 1, uint64(epoch))); len(batches) > 0; {
			losses, err := engine.Train(batches)
			if err != nil {
				return 0, 0, err
			}
			for i, step := range losses {
				loss += step.Total() * float64(len(batches[i])) / float64(n)
			}
			batches = batches[len(losses):]
		}
		epoch++
		return loss, time.Since(start), nil
	}
	used := cfg.Images
	if cfg.BudgetMS > 0 {
		_, elapsed, err := train(min(cfg.Batch, cfg.Images))
		if err != nil {
			return protocol.Message{}, err
		}
		// As many full batches as fit into the budget, at least one.
		perBatch := float64(elapsed) / float64(time.Millisecond) // 0 if the clock is coarse
		batches := max(1, math.Floor(cfg.BudgetMS/float64(cfg.Epochs+cfg.Warmup)/perBatch))
		used = int(min(float64(used), batches*float64(cfg.Batch)))
	}
	result.ImagesUsed = used
	for i := range cfg.Warmup + cfg.Epochs {
		loss, elapsed, err := train(used)
		if err != nil {
			return protocol.Message{}, err
		}
		result.Loss = loss
		if i >= cfg.Warmup {
			result.EpochMS = append(result.EpochMS, float64(elapsed)/float64(time.Millisecond))
		}
	}
	if err := engine.Collect(); err != nil {
		return protocol.Message{}, err
	}
	hash := fnv.New64a()
	hash.Write(protocol.Bytes(auto.Params()))
	result.Weights = fmt.Sprintf("%016x", hash.Sum64())
	result.ImagesPerSecond = float64(used) / median(result.EpochMS) * 1000
	if math.IsInf(result.ImagesPerSecond, 0) {
		return protocol.Message{}, fmt.Errorf("bench: %d images take no time by this clock: want more", used)
	}
	if loss := result.Loss; loss-loss != 0 {
		return protocol.Message{}, fmt.Errorf("bench: the loss is %g with lr %g: want a lower lr", loss, cfg.LR)
	}
	return protocol.New("", result), nil
}

// checkBatch returns an error for a batch size that the settings do not allow.
func checkBatch(command protocol.Type, batch int) error {
	field, _ := experiment.Lookup("batch")
	if batch < int(field.Min) || batch > int(field.Max) {
		return fmt.Errorf("%s: batch %d: want %s", command, batch, field.Want())
	}
	return nil
}

func checkBench(cfg protocol.Bench) error {
	last := len(cfg.Layers) - 1
	switch {
	case last < 2 || cfg.LatentIndex < 1 || cfg.LatentIndex >= last:
		return fmt.Errorf("bench: layers %v, latentIndex %d: want at least three layers, the latent one between first and last", cfg.Layers, cfg.LatentIndex)
	case cfg.Layers[0] != data.ImageSize || cfg.Layers[last] != data.ImageSize:
		return fmt.Errorf("bench: layers %v: want %d first and last", cfg.Layers, data.ImageSize)
	case cfg.Epochs < 1 || cfg.Warmup < 0:
		return fmt.Errorf("bench: epochs %d, warmup %d: want at least 1 and 0", cfg.Epochs, cfg.Warmup)
	case cfg.Images < 1 || len(cfg.Data)/data.ImageSize < cfg.Images:
		return fmt.Errorf("bench: images %d: want at least 1, and data with %d bytes for each", cfg.Images, data.ImageSize)
	}
	return checkBatch(protocol.TypeBench, cfg.Batch)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
