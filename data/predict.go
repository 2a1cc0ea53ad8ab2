package data

// Pixels of natural images are predictable from their neighbors, and their
// channels from each other. So an image is split into the planes G, R−G and B−G,
// and each number is replaced by a residual, the error of its prediction. The size
// of the residuals nearby selects the Huffman code. FORMAT.md has the formulas.
//
// All planes use the same predictor. Their numbers lie side by side in one word,
// 16 bits each, so that linear formulas are computed for all three at once. A word
// is the sum of its shifted numbers, which may be negative until they are
// extracted.

const (
	each  = 1 | 1<<16 | 1<<32 // times a number: that number in each plane
	halve = 0x7fff * each     // w>>1&halve halves each number in w

	// rounding and bias are added to predictions, in sixteenths. The bias makes
	// them non-negative.
	rounding = 8
	bias     = 1 << 14

	// maxActivity is a power of two above every activity.
	maxActivity = 2048
)

// contexts are the smallest activities of each context.
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

// above holds what earlier rows contribute to the predictions in a row.
type above struct {
	values, residuals [1 + Width + 1]int64 // of the row above, with a neighbor at each end
	missed            [Width + 1]int64     // residuals summed down each column, fading by half
	predictions       [Width]int64         // contribution to the predictions, in sixteenths
	activities        [Width]int64         // contribution to the activities
}

// newAbove returns the contribution to the first row.
func newAbove() *above {
	a := new(above)
	a.values[1] = 128 // the first plane's; the others are differences
	for x := range a.predictions {
		a.predictions[x] = (rounding + bias) * each
	}
	return a
}

// descend moves to the next row.
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

// weights returns the weights of the left neighbor's value and residual, in
// sixteenths. The first row is predicted from the left neighbor alone.
func weights(y int) (value, residual int64) {
	if y == 0 {
		return 16, 0
	}
	return 12, 4
}

// clamped extracts the prediction of a plane from the shifted word, and adds what
// was subtracted from the channel.
func clamped(prediction, subtracted int64) int64 {
	return max(0, min(255, prediction>>4&(1<<12-1)-bias/16+subtracted))
}

func magnitude(r int64) int64 { return (r ^ r>>63) - r>>63 }

// symbol is a residual, numbered by zigzag, and the index of its code.
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
					second = 2 * magnitude(r) // adds to the third plane's activity
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
