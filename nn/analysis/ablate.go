package analysis

import (
	"cmp"
	"math"
	"slices"

	"sae/nn"
	"sae/nn/kernel"
)

// Neighbor is another latent unit.
type Neighbor struct {
	Unit   int
	Cosine float64 // between the directions of both units
}

// Nearest returns the other latent units whose directions have the largest cosines with that
// of a unit, at most the given number, the nearest first. The direction of a unit is its row of
// the decoder's first kernel: with a decoder of one layer, what it adds to the output. A
// direction of zeros has the cosine 0 with all others.
func Nearest(auto *nn.Autoencoder, unit, most int) []Neighbor {
	decoder := auto.Decoder.Layers[0]
	direction := func(unit int) []float32 { return decoder.Kernel[unit*decoder.Out:][:decoder.Out] }
	dot := func(a, b []float32) (sum float64) {
		for i, x := range a {
			sum += float64(x) * float64(b[i])
		}
		return sum
	}
	own := direction(unit)
	var all []Neighbor
	for other := range decoder.In {
		if other == unit {
			continue
		}
		d := direction(other)
		n := Neighbor{other, 0}
		if norms := math.Sqrt(dot(own, own) * dot(d, d)); norms > 0 {
			n.Cosine = dot(own, d) / norms
		}
		all = append(all, n)
	}
	slices.SortStableFunc(all, func(a, b Neighbor) int { return cmp.Compare(b.Cosine, a.Cosine) })
	return all[:min(most, len(all))]
}

// Ablation is what a latent unit contributes: the loss that trains, without its penalty, with
// the unit and without it.
type Ablation struct{ With, Without float64 }

// Ablate returns the ablation of a latent unit on images, [n, InputDims] bytes: for those on
// which it is active, also the code in which it is 0 is decoded. The autoencoder is the
// trainer's, which must have collected its parameters. An error is that of the trainer.
func Ablate(trainer *nn.Trainer, auto *nn.Autoencoder, images []byte, unit int) (Ablation, error) {
	dims, latent := auto.Architecture.InputDims, auto.Architecture.LatentDims
	var sum Ablation
	var codes, without []float32
	x := make([]float32, 64*dims)
	for some := range slices.Chunk(images, 64*dims) { // bounds the memory
		n := len(some) / dims
		activations, outputs, err := trainer.Reconstruct(some)
		if err != nil {
			return Ablation{}, err
		}
		if trainer.Input != nil {
			trainer.Input(x[:n*dims], some)
		} else {
			kernel.FromBytes(x[:n*dims], some)
		}
		codes = codes[:0]
		for i := range n {
			if code := activations[i*latent:][:latent]; code[unit] != 0 {
				codes = append(codes, code...)
				codes[len(codes)-latent+unit] = 0
			}
		}
		if without = slices.Grow(without[:0], n*dims)[:len(codes)/latent*dims]; len(codes) > 0 {
			auto.Decode(without, codes)
		}
		for i, rest := 0, without; i < n; i++ {
			target := x[i*dims:][:dims]
			loss := mean(auto.Architecture.Loss, target, outputs[i*dims:])
			sum.With += loss
			if activations[i*latent+unit] != 0 {
				loss = mean(auto.Architecture.Loss, target, rest)
				rest = rest[dims:]
			}
			sum.Without += loss
		}
	}
	n := float64(len(images) / dims)
	return Ablation{sum.With / n, sum.Without / n}, nil
}

// mean returns the mean loss of the outputs for a target, [InputDims].
func mean(loss nn.LossFunction, target, outputs []float32) (sum float64) {
	for i, x := range target {
		if loss == nn.MSE {
			d := float64(x) - float64(outputs[i])
			sum += d * d
		} else {
			sum += nn.CrossEntropy(float64(x), float64(outputs[i]))
		}
	}
	return sum / float64(len(target))
}
