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

// activation returns the colour of an activation, by its share of the largest, in the
// theme's sequential map.
func (t *theme) activation(share float32) (c rgb) {
	from, to, part := t.act[0], t.act[1], 2*float64(share)
	if part > 1 {
		from, to, part = t.act[1], t.act[2], part-1
	}
	for channel := range c {
		a, b := float64(from[channel]), float64(to[channel])
		c[channel] = byte(math.Round(a + part*(b-a)))
	}
	return c
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
