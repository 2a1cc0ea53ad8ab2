package data

// Pixels of natural images are predictable from their neighbors, and their
// channels from each other. So an image becomes the planes G, R−G and B−G, and
// each number in them a residual: what its prediction missed. How much the
// predictions around it missed chooses the Huffman code of the residual.
// FORMAT.md has the formulas.
//
// Each plane is predicted from itself, all alike. So their numbers lie side by
// side in one word, 16 bits for each, and what is linear is computed for the
// three at once. A word is the sum of its numbers, shifted; they may be
// negative until they are taken apart.

const (
	each  = 1 | 1<<16 | 1<<32 // times a number: that number in each plane
	halve = 0x7fff * each     // of w>>1, what is half of each number in w

	// rounding and bias are added to predictions, in sixteenths; with the bias
	// they are not negative.
	rounding = 8
	bias     = 1 << 14

	// maxActivity is above every activity, and a power of two.
	maxActivity = 2048
)

// contexts are the activities from which on a code is used, in each plane.
var contexts = [...]int{0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024}

// contextOf returns the context of every activity.
func contextOf() *[maxActivity]uint8 {
	var table [maxActivity]uint8
	for context, from := range contexts {
		for activity := from; activity < maxActivity; activity++ {
			table[activity] = uint8(context)
		}
	}
	return &table
}

// above is what is known of the pixels of a row from those above it.
type above struct {
	values, residuals [1 + Width + 1]int64 // of the row above, and beyond its ends
	missed            [Width + 1]int64     // by the predictions down a column, fading
	predictions       [Width]int64         // their part of them, in sixteenths
	activities        [Width]int64         // their part of them
}

// newAbove returns what the first row is read with.
func newAbove() *above {
	a := new(above)
	a.values[1] = 128 // the first plane's; the others are differences
	for x := range a.predictions {
		a.predictions[x] = (rounding + bias) * each
	}
	return a
}

// descend goes to the next row.
func (a *above) descend() {
	a.values[0], a.values[1+Width] = a.values[1], a.values[Width]
	v0, r0 := a.values[0], a.residuals[0]
	v1, r1 := a.values[1], a.residuals[1]
	for x := range Width {
		v2, r2 := a.values[x+2], a.residuals[x+2]
		a.predictions[x] = 8*v1 - 6*v0 + 2*v2 + 6*r1 + 3*r0 + r2 + (rounding+bias)*each
		a.activities[x] = a.missed[x] + a.missed[x+1]>>1&halve
		v0, r0, v1, r1 = v1, r1, v2, r2
	}
}

// weights returns those of the pixel to the left and its residual, in
// sixteenths: in the first row, there is nothing else to predict from.
func weights(y int) (value, residual int64) {
	if y == 0 {
		return 16, 0
	}
	return 12, 4
}

// clamped takes the prediction of a plane from the word, shifted to it, and
// adds what was subtracted from the plane.
func clamped(prediction, subtracted int64) int64 {
	return max(0, min(255, prediction>>4&(1<<12-1)-bias/16+subtracted))
}

func magnitude(r int64) int64 { return (r ^ r>>63) - r>>63 }

// symbol is a residual, as zigzag numbers it, and which of all codes is its.
type symbol struct{ code, residual uint8 }

// predict returns the residuals of an image in the order of the file.
func predict(image []byte, contextOf *[maxActivity]uint8, symbols *[ImageSize]symbol) {
	a := newAbove()
	next := 0
	for y := range Height {
		byValue, byResidual := weights(y)
		prediction := byValue * a.values[1]
		missed := int64(0)
		for x := range Width {
			p, activity := prediction+a.predictions[x], missed+a.activities[x]
			var value, residual, miss int64 // of the three planes
			var green, second int64
			for plane, channel := range [Channels]int{1, 0, 2} {
				pixel := int64(image[(y*Width+x)*Channels+channel])
				shift := 16 * plane
				r := int64(int8(pixel - clamped(p>>shift, green)))
				context := contextOf[(activity>>shift+second)&(maxActivity-1)]
				symbols[next] = symbol{uint8(plane*len(contexts)) + context, zigzag(uint8(r))}
				next++
				value += (pixel - green) << shift
				residual += r << shift
				miss += 2 * magnitude(r) << shift
				if plane == 0 {
					green = pixel
				} else {
					second = 2 * magnitude(r) // which adds to the third's activity
				}
			}
			prediction = byValue*value + byResidual*residual
			missed = miss + missed>>1&halve
			a.values[1+x], a.residuals[1+x] = value, residual
			a.missed[x] = miss + a.missed[x]>>1&halve
		}
		a.descend()
	}
}
