package nn

import (
	"fmt"
	"math"
)

// Evaluation is the quality of an autoencoder on a set of images, and what
// its latent units do there.
type Evaluation struct {
	Loss                   // as training computes it, over all images
	MSE          float64   // mean squared error of the values in [0, 1]
	MeanActive   float64   // latent units with an activation other than 0, mean per image: the code's L0
	Dead         int       // latent units that are active on no image
	UnitMean     []float32 // mean absolute activation of each unit, [LatentDims]
	UnitActivity []float32 // share of the images on which each unit is active, [LatentDims]
	Codes        []float32 // latent activations, [images, LatentDims]
}

// PSNR returns the peak signal-to-noise ratio in dB, as the function PSNR does.
func (e *Evaluation) PSNR() float64 { return PSNR(e.MSE) }

// PSNR returns the peak signal-to-noise ratio in dB, 10·log10(1/mse), of a mean
// squared error of values in [0, 1]. It is at most 120, so that it is finite, and JSON
// has it, where pictures of one colour are reconstructed exactly.
func PSNR(mse float64) float64 { return -10 * math.Log10(max(mse, 1e-12)) }

// Histogram returns the distribution of the sizes of all latent activations:
// the share in each of some equal bins between 0 and the largest, and the share
// that is zero, which is in no bin.
func (e *Evaluation) Histogram(bins int) (shares []float32, zero, largest float64) {
	shares = make([]float32, bins)
	for _, activation := range e.Codes {
		largest = max(largest, math.Abs(float64(activation)))
	}
	share := 1 / float32(len(e.Codes))
	var zeros int
	for _, activation := range e.Codes {
		if activation == 0 {
			zeros++
			continue
		}
		bin := int(math.Abs(float64(activation)) / largest * float64(bins))
		shares[min(bin, bins-1)] += share
	}
	return shares, float64(zeros) * float64(share), largest
}

// evaluationBatch bounds the memory that an evaluation takes.
const evaluationBatch = 128

// Evaluate reconstructs images, [n, InputDims] bytes with n at least 1, and
// compares. The result is good until the next call.
func (t *Trainer) Evaluate(images []byte) (*Evaluation, error) {
	dims, latents := t.auto.InputDims, t.auto.LatentDims
	n := len(images) / dims
	if n < 1 || len(images) != n*dims {
		return nil, fmt.Errorf("nn: evaluation of %d bytes: want at least one image of %d", len(images), dims)
	}
	result := &t.evaluation
	result.Codes = grow(result.Codes, n*latents)
	result.UnitMean = grow(result.UnitMean, latents)
	result.UnitActivity = grow(result.UnitActivity, latents)
	var bce, squares float64
	for first := 0; first < n; first += evaluationBatch {
		count := min(evaluationBatch, n-first)
		s := t.begin(opEvaluate, images[first*dims:][:count*dims])
		sums, err := s.evaluate(count)
		if err != nil {
			return nil, err
		}
		bce += sumOf(sums.bce)
		squares += sumOf(sums.squares)
		copy(result.Codes[first*latents:], t.codes(count))
	}
	values := float64(n * dims)
	result.BCE = bce / values
	result.MSE = squares / values
	result.countUnits(n)
	var sum float64
	for _, mean := range result.UnitMean {
		sum += float64(mean)
	}
	result.L1 = t.auto.Lambda * sum
	return result, nil
}

// Loss returns the loss of a batch, [n, InputDims] bytes with n from 1 to the trainer's
// batch, and trains on nothing.
func (t *Trainer) Loss(images []byte) (Loss, error) {
	n, err := t.imagesIn(images)
	if err != nil {
		return Loss{}, err
	}
	sums, err := t.begin(opEvaluate, images).evaluate(n)
	if err != nil {
		return Loss{}, err
	}
	return t.loss(sums, n), nil
}

// codes returns the latent activations of the n images that went through last.
func (t *Trainer) codes(n int) []float32 {
	return t.shard.layers[len(t.auto.EncoderHidden)].all[:n*t.auto.LatentDims]
}

// Reconstruct runs images, [n, InputDims] bytes with n at least 1, through the
// autoencoder as it is trained so far. It returns their latent activations,
// [n, LatentDims], and reconstructions, [n, InputDims], both good until the next
// call.
func (t *Trainer) Reconstruct(images []byte) (codes, reconstructions []float32, err error) {
	dims, latents := t.auto.InputDims, t.auto.LatentDims
	n := len(images) / dims
	if n < 1 || len(images) != n*dims {
		return nil, nil, fmt.Errorf("nn: reconstruction of %d bytes: want at least one image of %d", len(images), dims)
	}
	t.reconstructed.codes = grow(t.reconstructed.codes, n*latents)
	t.reconstructed.outputs = grow(t.reconstructed.outputs, n*dims)
	for first := 0; first < n; first += evaluationBatch {
		count := min(evaluationBatch, n-first)
		s := t.begin(opReconstruct, images[first*dims:][:count*dims])
		if err := s.reconstruct(count); err != nil {
			return nil, nil, err
		}
		copy(t.reconstructed.codes[first*latents:], t.codes(count))
		output := s.output()
		whole := shardLayer{out: dims, all: t.reconstructed.outputs[first*dims:][:count*dims]}
		whole.place(output.own[:count*output.width()], s.team, 0)
		for rank := range s.team.others {
			first, last := s.team.units(rank, dims)
			part := make([]float32, count*(last-first))
			if err := s.team.Receive(rank, bytesOf(part)); err != nil {
				return nil, nil, err
			}
			whole.place(part, s.team, rank)
		}
	}
	return t.reconstructed.codes, t.reconstructed.outputs, nil
}

// ToBytes rounds values in [0, 1], such as those of reconstructions, to the bytes
// that stand for them in images.
func ToBytes(values []float32) []byte {
	bytes := make([]byte, len(values))
	for i, value := range values {
		bytes[i] = byte(value*255 + 0.5)
	}
	return bytes
}

// countUnits derives the statistics of the units from the codes of n images.
func (e *Evaluation) countUnits(n int) {
	e.MeanActive, e.Dead = 0, 0
	for unit := range e.UnitMean {
		var sum float64
		var active int
		for i := unit; i < len(e.Codes); i += len(e.UnitMean) {
			if a := e.Codes[i]; a != 0 {
				sum += math.Abs(float64(a))
				active++
			}
		}
		e.UnitMean[unit] = float32(sum / float64(n))
		e.UnitActivity[unit] = float32(active) / float32(n)
		e.MeanActive += float64(active) / float64(n)
		if active == 0 {
			e.Dead++
		}
	}
}
