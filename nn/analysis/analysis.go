// Package analysis computes what a trained autoencoder has learned: how its latent
// units respond to a set of images, what each of them adds to a picture, and how unusual
// a picture is for the model. The page and the report of tools/train show its results.
package analysis

import (
	"cmp"
	"math"
	"slices"

	"sae/nn"
	"sae/nn/baseline"
	"sae/nn/pca"
)

// Units are statistics of the latent units over a set of images. A unit is active on an
// image if its activation is not 0.
type Units struct {
	Images    int       // over which the statistics are
	Mean      []float32 // mean absolute activation, [latent]
	Activity  []float32 // share of the images on which the unit is active, [latent]
	Center    []float32 // the mean code: mean activation, [latent]
	ByClass   []float32 // mean absolute activation on the images of each class, [latent, classes]
	Histogram Histogram // of all absolute activations
	Atoms     []byte    // what each unit adds to a picture, [latent, InputDims]: see the function Atoms; nil if not computed
}

// Bins is the number of bins in the histogram of Units.
const Bins = 40

// NewUnits returns the statistics, without Atoms, of codes, [len(labels), latent]: the
// latent activations on images of the given labels, each less than classes.
func NewUnits(codes []float32, labels []byte, classes int) Units {
	latent := len(codes) / max(1, len(labels))
	u := Units{
		Images:    len(labels),
		Mean:      make([]float32, latent),
		Activity:  make([]float32, latent),
		Center:    make([]float32, latent),
		ByClass:   make([]float32, latent*classes),
		Histogram: NewHistogram(codes, Bins),
	}
	n := float64(len(labels))
	sums, sizes, active := make([]float64, latent), make([]float64, latent), make([]int, latent)
	ofClass := make([]int, classes)
	for i, label := range labels {
		ofClass[label]++
		for unit, activation := range codes[i*latent:][:latent] {
			if activation == 0 {
				continue
			}
			size := math.Abs(float64(activation))
			sums[unit] += float64(activation)
			sizes[unit] += size
			active[unit]++
			u.ByClass[unit*classes+int(label)] += float32(size)
		}
	}
	for unit := range latent {
		u.Mean[unit] = float32(sizes[unit] / n)
		u.Activity[unit] = float32(active[unit]) / float32(n)
		u.Center[unit] = float32(sums[unit] / n)
	}
	for i := range u.ByClass {
		u.ByClass[i] /= float32(max(1, ofClass[i%classes]))
	}
	return u
}

// Classes returns the number of classes in ByClass.
func (u Units) Classes() int { return len(u.ByClass) / max(1, len(u.Mean)) }

// Class returns the unit's row of ByClass, [classes].
func (u Units) Class(unit int) []float32 {
	classes := u.Classes()
	return u.ByClass[unit*classes:][:classes]
}

// Atom returns the unit's row of Atoms, [InputDims] bytes; nil if there is none.
func (u Units) Atom(unit int) []byte {
	if unit < 0 || unit >= len(u.Mean) {
		return nil
	}
	dims := len(u.Atoms) / max(1, len(u.Mean))
	return u.Atoms[unit*dims:][:dims]
}

// Dead reports for each unit, [latent], whether it is active on none of the images.
func (u Units) Dead() []bool {
	dead := make([]bool, len(u.Activity))
	for unit, share := range u.Activity {
		dead[unit] = share == 0
	}
	return dead
}

// Usual returns the unit's mean absolute activation on the images on which it is active;
// 1 for a dead unit.
func (u Units) Usual(unit int) float32 {
	if u.Activity[unit] == 0 {
		return 1
	}
	return u.Mean[unit] / u.Activity[unit]
}

// Preferred returns the class on whose images the unit's mean absolute activation μ is
// largest, and the unit's selectivity for it (A. S. Morcos et al., On the importance of
// single directions for generalization, 2018),
//
//	(μ − μ') / (μ + μ')
//
// with μ' the mean over all other classes. It is 1 if no other class activates the unit,
// and 0 for a dead unit.
func (u Units) Preferred(unit int) (class int, selectivity float64) {
	means := u.Class(unit)
	var sum float64
	for i, mean := range means {
		sum += float64(mean)
		if mean > means[class] {
			class = i
		}
	}
	if sum == 0 || len(means) < 2 {
		return class, 0
	}
	best := float64(means[class])
	others := (sum - best) / float64(len(means)-1)
	return class, (best - others) / (best + others)
}

// doubt is the number of images at which a unit's selectivity counts for half.
const doubt = 10

// Selectivity returns the unit's selectivity as Preferred does, times n/(n+10) with n
// the number of images on which the unit is active. Few images say little: a unit that
// is active on two of them, of one class by chance, would come before all others.
func (u Units) Selectivity(unit int) float64 {
	_, selectivity := u.Preferred(unit)
	active := math.Round(float64(u.Activity[unit]) * float64(u.Images))
	return selectivity * active / (active + doubt)
}

// By returns the indexes of all units, sorted by decreasing key. The sort is stable.
func (u Units) By(key func(unit int) float64) []int {
	units := make([]int, len(u.Mean))
	for unit := range units {
		units[unit] = unit
	}
	slices.SortStableFunc(units, func(a, b int) int { return cmp.Compare(key(b), key(a)) })
	return units
}

// Histogram is the distribution of activations.
type Histogram struct {
	Shares []float32 // of all activations, in equal bins from Min to Max; those that are 0 are in no bin
	Zero   float64   // share of activations that are 0
	Min    float64   // lower edge of the first bin: 0, or the smallest activation if that is negative
	Max    float64   // upper edge of the last bin: the largest activation
}

// NewHistogram returns the histogram of absolute activations, in the given number of bins.
func NewHistogram(activations []float32, bins int) Histogram {
	h := Histogram{Shares: make([]float32, bins)}
	for _, activation := range activations {
		h.Max = max(h.Max, math.Abs(float64(activation)))
	}
	h.count(activations, func(activation float64) float64 { return math.Abs(activation) })
	return h
}

// NewSignedHistogram is NewHistogram of the activations with their signs.
func NewSignedHistogram(activations []float32, bins int) Histogram {
	h := Histogram{Shares: make([]float32, bins)}
	for _, activation := range activations {
		h.Min, h.Max = min(h.Min, float64(activation)), max(h.Max, float64(activation))
	}
	h.count(activations, func(activation float64) float64 { return activation })
	return h
}

// count fills the bins.
func (h *Histogram) count(activations []float32, of func(float64) float64) {
	bins := len(h.Shares)
	share := 1 / float32(len(activations))
	zeros := 0
	for _, activation := range activations {
		if activation == 0 {
			zeros++
			continue
		}
		bin := int((of(float64(activation)) - h.Min) / (h.Max - h.Min) * float64(bins))
		h.Shares[min(bin, bins-1)] += share
	}
	if zeros > 0 {
		h.Zero = float64(zeros) / float64(len(activations))
	}
}

// Atoms returns what each latent unit adds to a picture, [latent, dims]: the change
// of the decoded mean code when the unit's activation grows by [Units.Usual]. A byte of
// 128 stands for no change. Each unit is scaled so that its largest change is ±127. decode
// returns the pictures, [n, dims], of codes, [n, latent].
func Atoms(decode func(codes []float32) []float32, u Units) []byte {
	base := decode(u.Center)
	latent, dims := len(u.Center), len(base)
	atoms := make([]byte, latent*dims)
	const together = 64 // bounds the memory
	codes := make([]float32, 0, together*latent)
	for first := 0; first < latent; first += together {
		n := min(together, latent-first)
		codes = codes[:0]
		for unit := first; unit < first+n; unit++ {
			codes = append(codes, u.Center...)
			codes[len(codes)-latent+unit] += u.Usual(unit)
		}
		decoded := decode(codes)
		for i := range n {
			change := decoded[i*dims:][:dims]
			largest := 1e-9
			for j := range change {
				change[j] -= base[j]
				if size := math.Abs(float64(change[j])); size > largest { // max is slow in WebAssembly
					largest = size
				}
			}
			atom := atoms[(first+i)*dims:][:dims]
			for j, x := range change {
				atom[j] = byte(math.Floor(128.5 + 127*float64(x)/largest))
			}
		}
	}
	return atoms
}

// Unit describes how a latent unit responds to a set of images.
type Unit struct {
	Activations []float32 // on each image, [n]
	Top         []int     // images on which it is active, by decreasing absolute activation
	Bias        float64
	Nearest     []Neighbor // the units with the most similar directions, at most four
}

// NewUnit describes a latent unit on images with the given codes, [n, latent]. Top has
// at most top images.
func NewUnit(auto *nn.Autoencoder, codes []float32, unit, top int) Unit {
	latent := auto.Encoder.Out()
	layers := auto.Encoder.Layers
	u := Unit{
		Activations: make([]float32, len(codes)/latent),
		Bias:        float64(layers[len(layers)-1].Bias[unit]),
		Nearest:     Nearest(auto, unit, 4),
	}
	for i := range u.Activations {
		if u.Activations[i] = codes[i*latent+unit]; u.Activations[i] != 0 {
			u.Top = append(u.Top, i)
		}
	}
	slices.SortStableFunc(u.Top, func(a, b int) int {
		return cmp.Compare(math.Abs(float64(u.Activations[b])), math.Abs(float64(u.Activations[a])))
	})
	u.Top = u.Top[:min(top, len(u.Top))]
	return u
}

// Largest returns the activation of largest magnitude.
func (u Unit) Largest() float32 {
	var largest float32
	for _, activation := range u.Activations {
		if math.Abs(float64(activation)) > math.Abs(float64(largest)) {
			largest = activation
		}
	}
	return largest
}

// Map projects codes, [n, latent], on their first two principal components, and returns
// the coordinates, [n, 2]. Missing components are 0. yield and errors are those of
// [pca.FitVectors].
func Map(codes []float32, latent int, yield func() error) ([]float32, error) {
	n := len(codes) / latent
	k := min(2, n, latent)
	components, err := pca.FitVectors(codes, latent, k, yield)
	if err != nil {
		return nil, err
	}
	points := make([]float32, 2*n)
	for i := range n {
		for j := range k {
			for unit, weight := range components.Components[j*latent:][:latent] {
				points[2*i+j] += weight * codes[i*latent+unit]
			}
		}
	}
	return points, nil
}

// Rarity tells how unusual an image is for a model.
type Rarity struct {
	Excess float64 // binary cross-entropy of the reconstruction above the entropy floor of the image, in nats
	Share  float64 // share of the other images whose excess is smaller
}

// Compare returns how unusual an image, [InputDims] bytes, is for a model, compared with
// others, [n, InputDims] bytes with n at least 1. An error is that of the trainer.
func Compare(trainer *nn.Trainer, image, others []byte) (Rarity, error) {
	dims := len(image)
	own, err := excess(trainer, image, dims)
	if err != nil {
		return Rarity{}, err
	}
	smaller := 0
	for images := range slices.Chunk(others, 64*dims) { // bounds the memory
		all, err := excess(trainer, images, dims)
		if err != nil {
			return Rarity{}, err
		}
		for _, other := range all {
			if other < own[0] {
				smaller++
			}
		}
	}
	return Rarity{own[0], float64(smaller) / float64(len(others)/dims)}, nil
}

// excess returns the Excess of each image.
func excess(trainer *nn.Trainer, images []byte, dims int) ([]float64, error) {
	_, outputs, err := trainer.Reconstruct(images)
	if err != nil {
		return nil, err
	}
	result := make([]float64, len(images)/dims)
	for i, value := range images {
		result[i/dims] += nn.CrossEntropy(float64(value)/255, float64(outputs[i]))
	}
	for i := range result {
		result[i] = result[i]/float64(dims) - baseline.Floor(images[i*dims:][:dims])
	}
	return result, nil
}
