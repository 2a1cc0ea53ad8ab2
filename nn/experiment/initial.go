package experiment

import (
	"math"
	"math/rand/v2"
	"slices"

	"sae/nn"
	"sae/nn/pca"
)

// latentOffset is added to the positions in a ReLU latent layer, in standard
// deviations, so that ReLU cuts few of them off.
const latentOffset = 3

// Components returns the number of principal components that a run starts from, 0 for
// none. It is at most inputDims, the number of values per image, and n, the number of
// images.
func (s Settings) Components(inputDims, n int) int {
	if s.Init != PCA {
		return 0
	}
	k := min(s.Latent, inputDims, n)
	if hidden := s.HiddenLayers(); len(hidden) > 0 {
		k = min(k, slices.Min(hidden)/2)
	}
	return k
}

// Build returns the autoencoder that a run starts with, for images of inputDims values.
// components are the mean of the training images and their first principal components, as
// many as Components returns, or nil. An error is that of nn.New.
//
// An autoencoder that starts from components reconstructs from them, as closely as its
// sigmoid allows. The activation of latent unit j is the image's position along
// component j, in standard deviations. Hidden layers carry a position z as a pair of
// units, max(0, z) and max(0, −z). Other units have random Glorot kernels, and no later
// unit depends on them yet.
func (s Settings) Build(inputDims int, components *pca.PCA) (*nn.Autoencoder, error) {
	architecture := s.Architecture(inputDims)
	if s.Init != PCA && s.Init != Tied {
		return nn.New(architecture, s.Init, uint64(s.Seed))
	}
	auto, err := nn.New(architecture, "glorot", uint64(s.Seed))
	if err != nil || components == nil {
		return auto, err
	}
	if s.Init == Tied {
		tie(auto, components.Mean, uint64(s.Seed))
		return auto, nil
	}
	start := starter{components, s.Components(inputDims, components.K())}
	layers := auto.Layers()
	latent := len(architecture.EncoderHidden)
	offset := 0.0
	if architecture.Latent == nn.ReLU && s.Sparsity == L1 {
		offset = latentOffset
	}
	for i, layer := range layers {
		switch {
		case i == 0:
			start.project(layer, latent > 0)
		case i == len(layers)-1:
			start.reconstruct(layer, i > latent+1)
			setMean(layer, start.Mean)
		default:
			start.carry(layer, i != latent+1, i != latent)
		}
		if i == latent {
			for j := range start.k {
				layer.Bias[j] += float32(offset)
			}
		}
		if i == latent+1 { // subtracts the offset
			for unit := range layer.Out {
				var sum float64
				for j := range start.k {
					sum += float64(layer.Kernel[j*layer.Out+unit])
				}
				layer.Bias[unit] -= float32(offset * sum)
			}
		}
	}
	return auto, nil
}

// starter sets kernels so that they carry the first k principal components.
type starter struct {
	*pca.PCA
	k int
}

// deviation returns the standard deviation along component j.
func (s starter) deviation(j int) float64 { return max(1e-3, math.Sqrt(s.Variances[j])) }

// column clears the weights and the bias of a unit.
func column(layer *nn.Dense, unit int) {
	for i := range layer.In {
		layer.Kernel[i*layer.Out+unit] = 0
	}
	layer.Bias[unit] = 0
}

// project makes a layer compute the positions of its input along the components, as
// pairs if paired.
func (s starter) project(layer *nn.Dense, paired bool) {
	for j := range s.k {
		component := s.PCA.Components[j*s.Dims:][:s.Dims]
		scale := 1 / s.deviation(j)
		var middle float64
		for i, x := range component {
			middle += float64(x) * float64(s.Mean[i])
		}
		set := func(unit int, sign float64) {
			for i, x := range component {
				layer.Kernel[i*layer.Out+unit] = float32(sign * scale * float64(x))
			}
			layer.Bias[unit] = float32(-sign * scale * middle)
		}
		set(j, 1)
		if paired {
			set(s.k+j, -1)
		}
	}
}

// carry makes a layer pass positions on, from pairs if fromPairs, to pairs if toPairs.
func (s starter) carry(layer *nn.Dense, fromPairs, toPairs bool) {
	for j := range s.k {
		set := func(unit int, sign float32) {
			column(layer, unit)
			layer.Kernel[j*layer.Out+unit] = sign
			if fromPairs {
				layer.Kernel[(s.k+j)*layer.Out+unit] = -sign
			}
		}
		set(j, 1)
		if toPairs {
			set(s.k+j, -1)
		}
	}
}

// probability returns a value of the mean image as the output of a sigmoid.
func probability(mean float32) float64 { return min(max(float64(mean), 0.01), 0.99) }

// setMean makes the output layer reconstruct the mean image from a code of zeros: its
// biases are the mean or, before a sigmoid, the logits of the mean.
func setMean(layer *nn.Dense, mean []float32) {
	copy(layer.Bias, mean)
	if layer.Activation == nn.Sigmoid {
		for unit := range mean {
			p := probability(mean[unit])
			layer.Bias[unit] = float32(math.Log(p / (1 - p)))
		}
	}
}

// tieStream is the stream of random numbers of tie; package nn uses those below.
const tieStream = 1 << 63

// tie makes the decoder's directions random, uniformly on the sphere, the encoder their
// transpose, which sees images without their mean, and the mean the reconstruction of a
// code of zeros (Gao et al. 2024, A.1).
func tie(auto *nn.Autoencoder, mean []float32, seed uint64) {
	encoder, decoder := auto.Encoder.Layers[0], auto.Decoder.Layers[0]
	random := rand.New(rand.NewPCG(seed, tieStream))
	direction := make([]float64, decoder.Out)
	for unit := range decoder.In {
		var squares, middle float64
		for i := range direction {
			direction[i] = random.NormFloat64()
			squares += direction[i] * direction[i]
		}
		for i, x := range direction {
			w := float32(x / math.Sqrt(squares))
			decoder.Kernel[unit*decoder.Out+i] = w
			encoder.Kernel[i*encoder.Out+unit] = w
			middle += float64(w) * float64(mean[i])
		}
		encoder.Bias[unit] = float32(-middle)
	}
	setMean(decoder, mean)
}

// reconstruct makes the output layer compute the components times the positions, divided
// by the slope of the sigmoid at the mean if it has one.
func (s starter) reconstruct(layer *nn.Dense, fromPairs bool) {
	clear(layer.Kernel)
	for unit, mean := range s.Mean {
		slope := 1.0
		if layer.Activation == nn.Sigmoid {
			p := probability(mean)
			slope = p * (1 - p)
		}
		for j := range s.k {
			weight := float32(s.deviation(j) * float64(s.PCA.Components[j*s.Dims+unit]) / slope)
			layer.Kernel[j*layer.Out+unit] = weight
			if fromPairs {
				layer.Kernel[(s.k+j)*layer.Out+unit] = -weight
			}
		}
	}
}
