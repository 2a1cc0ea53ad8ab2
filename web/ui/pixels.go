package ui

import (
	"math"

	"sae/data"
	"sae/nn"
)

// pictureSize is the width and height of a picture in pixels.
const pictureSize = data.Width

// rgba converts an image, HWC bytes, to the pixels of a canvas; nil stays nil.
func rgba(image []byte) []byte {
	if image == nil {
		return nil
	}
	pixels := make([]byte, 0, 4*pictureSize*pictureSize)
	for i := 0; i+3 <= len(image); i += 3 {
		pixels = append(pixels, image[i], image[i+1], image[i+2], 255)
	}
	return pixels
}

// reach is the difference at the ends of the diverging map.
const reach = 0.5

// difference returns the pixels of reconstruction − original, averaged over
// the channels, in the theme's diverging map from −reach to +reach.
func difference(original, reconstruction []byte, t *theme) []byte {
	if original == nil {
		return nil
	}
	pixels := make([]byte, 0, 4*pictureSize*pictureSize)
	for i := 0; i+3 <= len(original); i += 3 {
		sum := 0
		for channel := range 3 {
			sum += int(reconstruction[i+channel]) - int(original[i+channel])
		}
		share := float64(sum) / (3 * 255 * reach)
		end := t.lighter
		if share < 0 {
			end, share = t.darker, -share
		}
		share = min(1, share)
		for channel := range 3 {
			from, to := float64(t.equal[channel]), float64(end[channel])
			pixels = append(pixels, byte(math.Round(from+share*(to-from))))
		}
		pixels = append(pixels, 255)
	}
	return pixels
}

// cells draws one number per unit, row by row in equal cells, in the theme's
// sequential map from zero to the largest. The numbers of an image are averaged
// over its channels.
func cells(values []float32, t *theme) []byte {
	if len(values) == data.ImageSize {
		means := make([]float32, pictureSize*pictureSize)
		for i, value := range values {
			means[i/data.Channels] += value / data.Channels
		}
		values = means
	}
	var largest float32
	for _, value := range values {
		largest = max(largest, value)
	}
	columns := 1
	for columns < pictureSize && columns*columns < len(values) {
		columns *= 2
	}
	rows := (len(values) + columns - 1) / columns
	pixels := make([]byte, 4*pictureSize*pictureSize)
	for i := range pictureSize * pictureSize {
		x, y := i%pictureSize, i/pictureSize
		first := y*rows/pictureSize*columns + x*columns/pictureSize
		last := max(y*rows/pictureSize, (y+1)*rows/pictureSize-1)*columns + x*columns/pictureSize
		var value float32
		for unit := first; unit <= last && unit < len(values); unit += columns { // more rows than pixels
			value = max(value, values[unit])
		}
		if first >= len(values) {
			continue // no unit: transparent
		}
		share := 0.0
		if largest > 0 {
			share = 2 * float64(value/largest)
		}
		from, to := t.act[0], t.act[1]
		if share > 1 {
			from, to, share = t.act[1], t.act[2], share-1
		}
		for channel := range 3 {
			a, b := float64(from[channel]), float64(to[channel])
			pixels[4*i+channel] = byte(math.Round(a + share*(b-a)))
		}
		pixels[4*i+3] = 255
	}
	return pixels
}

// psnr returns the peak signal-to-noise ratio of a reconstruction in dB.
func psnr(original, reconstruction []byte) float64 {
	var squares float64
	for i, value := range original {
		d := float64(value) - float64(reconstruction[i])
		squares += d * d
	}
	return nn.PSNR(squares / (255 * 255 * float64(len(original))))
}
