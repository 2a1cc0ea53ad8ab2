// Package baseline computes what a model is compared with: the entropy floor, which is
// the lowest possible loss, and how well the mean image and principal components
// reconstruct images.
package baseline

import (
	"math"

	"sae/nn"
	"sae/nn/pca"
)

// Floor returns the mean binary entropy of the images' values x = byte/255,
//
//	H = −mean(x·ln x + (1−x)·ln(1−x)),
//
// in nats, and 0 without images. It is the binary cross-entropy of the images with
// themselves, so no reconstruction has a lower loss.
func Floor(images []byte) float64 {
	if len(images) == 0 {
		return 0
	}
	var counts [256]int
	for _, value := range images {
		counts[value]++
	}
	var sum float64
	for value, count := range counts[1:255] { // 0 and 255 have no entropy
		x := float64(value+1) / 255
		sum -= float64(count) * (x*math.Log(x) + (1-x)*math.Log1p(-x))
	}
	return sum / float64(len(images))
}

// Quality tells how well images are reconstructed.
type Quality struct {
	BCE float64 `json:"bce"` // binary cross-entropy, mean over images and values, in nats
	MSE float64 `json:"mse"` // mean squared error of the values in [0, 1]
}

// PSNR returns the peak signal-to-noise ratio of MSE in dB: see [nn.PSNR].
func (q Quality) PSNR() float64 { return nn.PSNR(q.MSE) }

// Baseline is a named quality to compare a model with.
type Baseline struct {
	Name    string // shown to users: "mean image"
	Quality Quality
}

// MaxPCA is the largest number of principal components that a model is compared with:
// more take too long to compute.
const MaxPCA = 256

// PCA returns how well the first k principal components reconstruct images,
// [n, p.Dims] bytes. Reconstructions are clipped to [0, 1], which improves them. An
// error is that of yield, which PCA calls regularly.
func PCA(p *pca.PCA, k int, images []byte, yield func() error) (Quality, error) {
	var q Quality
	err := p.Reconstruct(images, k, yield, func(x, reconstruction []float32) {
		for j, value := range reconstruction {
			x, y := float64(x[j]), min(max(float64(value), 0), 1)
			q.MSE += (x - y) * (x - y)
			q.BCE += nn.CrossEntropy(x, y)
		}
	})
	q.BCE /= float64(len(images))
	q.MSE /= float64(len(images))
	return q, err
}

// Variance returns the mean squared difference between images, [n, dims] bytes of values
// byte/255, and their mean; 0 without images. A reconstruction whose MSE is as large explains
// nothing of how the images differ.
func Variance(images []byte, dims int) float64 { return MeanImage(images, images, dims).MSE }

// Components tells how well principal components reconstruct images.
type Components struct {
	K int `json:"k"` // number of components
	Quality
}

// Curve returns how well 1, 2, 4, … of the components reconstruct images, [n, p.Dims] bytes,
// and all of them. The rest is as in [PCA].
func Curve(p *pca.PCA, images []byte, yield func() error) ([]Components, error) {
	var curve []Components
	for k := 1; ; k *= 2 {
		k = min(k, p.K())
		quality, err := PCA(p, k, images, yield)
		if err != nil {
			return nil, err
		}
		if curve = append(curve, Components{k, quality}); k == p.K() {
			return curve, nil
		}
	}
}

// MeanImage returns how well the mean of training images, [n, dims] bytes, reconstructs
// validation images, [m, dims] bytes. Without images, it returns zeros.
func MeanImage(train, validation []byte, dims int) Quality {
	m := NewMean(validation, dims)
	m.Add(train)
	return m.Quality()
}

// Mean is the mean of training images that come in pieces, for [MeanImage].
type Mean struct {
	train, validation sums
	squares           float64 // of the validation values
}

// sums are the sums of the values of n images.
type sums struct {
	n     int
	total []uint64
}

// NewMean returns the mean of no images yet, for validation images, [m, dims] bytes.
func NewMean(validation []byte, dims int) *Mean {
	m := &Mean{train: sums{0, make([]uint64, dims)}, validation: sums{0, make([]uint64, dims)}}
	m.validation.add(validation)
	for _, value := range validation {
		m.squares += float64(value) * float64(value)
	}
	return m
}

// Add adds training images, [n, dims] bytes.
func (m *Mean) Add(images []byte) { m.train.add(images) }

// Quality returns how well the mean reconstructs the validation images. Without images, it
// returns zeros.
func (m *Mean) Quality() Quality {
	n, k, dims := float64(m.train.n), float64(m.validation.n), float64(len(m.train.total))
	if n == 0 || k == 0 {
		return Quality{}
	}
	var bce, mse float64
	for j, total := range m.train.total {
		mean := float64(total) / (255 * n)
		x := float64(m.validation.total[j]) / (255 * k) // mean validation value
		bce += nn.CrossEntropy(x, mean)
		mse += mean*mean - 2*mean*x
	}
	return Quality{BCE: bce / dims, MSE: mse/dims + m.squares/(255*255*k*dims)}
}

func (s *sums) add(images []byte) {
	for dims := len(s.total); len(images) >= dims; images = images[dims:] {
		add(s.total, images[:dims])
		s.n++
	}
}

// add is a separate function because V8 optimises functions only between calls.
//
//go:noinline
func add(sums []uint64, image []byte) {
	sums = sums[:len(image)]
	for j, value := range image {
		sums[j] += uint64(value)
	}
}
