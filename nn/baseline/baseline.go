// Package baseline computes what any reconstruction of a set of images is
// held against: the loss that none can go below, and that of a constant
// answer.
package baseline

import "math"

// Floor returns the mean binary entropy of the images' values x = byte/255,
//
//	H = −mean(x·ln x + (1−x)·ln(1−x)),
//
// in nats. It is the binary cross-entropy of the images with themselves:
// because the values are not just 0 and 1, no reconstruction reaches 0, and
// none goes below H.
func Floor(images []byte) float64 {
	if len(images) == 0 {
		return 0
	}
	var counts [256]int
	for _, value := range images {
		counts[value]++
	}
	var sum float64
	for value, count := range counts[1:255] { // ends have no entropy
		x := float64(value+1) / 255
		sum -= float64(count) * (x*math.Log(x) + (1-x)*math.Log1p(-x))
	}
	return sum / float64(len(images))
}

// Constant is the quality of one constant answer on a set of images.
type Constant struct {
	BCE float64 // binary cross-entropy, mean over images and values, in nats
	MSE float64 // mean squared error of the values in [0, 1]
}

// MeanImage returns how well the mean of the training images, [n, dims]
// bytes, reconstructs each of the validation images, [m, dims] bytes. Means
// of 0 and 1 are moved inwards by 1e-7, Keras's epsilon, so that a value
// which never varies in training cannot make the loss infinite.
func MeanImage(train, validation []byte, dims int) Constant {
	n, m := len(train)/dims, len(validation)/dims
	if n == 0 || m == 0 {
		return Constant{}
	}
	trainSums, validationSums, squares := sums(train, dims), sums(validation, dims), 0.0
	for _, value := range validation {
		squares += float64(value) * float64(value)
	}
	const epsilon = 1e-7
	var bce, mse float64
	for j := range dims {
		mean := float64(trainSums[j]) / (255 * float64(n))
		p := min(max(mean, epsilon), 1-epsilon)
		x := float64(validationSums[j]) / (255 * float64(m)) // mean validation value
		bce -= x*math.Log(p) + (1-x)*math.Log1p(-p)
		mse += mean*mean - 2*mean*x
	}
	return Constant{
		BCE: bce / float64(dims),
		MSE: mse/float64(dims) + squares/(255*255*float64(len(validation))),
	}
}

func sums(images []byte, dims int) []uint64 {
	sums := make([]uint64, dims)
	for len(images) >= dims {
		for j, value := range images[:dims] {
			sums[j] += uint64(value)
		}
		images = images[dims:]
	}
	return sums
}
