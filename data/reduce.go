package data

// Reduction reduces a square picture to an image: each pixel of the image is the mean over
// its area of the picture.
type Reduction struct {
	side, row int
	sums      [ImageSize]uint64
}

// NewReduction returns a reduction of a square of side pixels, at least 1.
func NewReduction(side int) *Reduction { return &Reduction{side: side} }

// Add adds the next row of the square from the top, [side] pixels of red, green, blue and
// alpha, which is ignored.
func (r *Reduction) Add(rgba []byte) {
	// A pixel of the square is 32 units wide and high, one of the image side units.
	var line [Width * Channels]uint64
	column, left := 0, r.side // the pixel of the image, and how many units are left of it
	for x := range r.side {
		pixel := rgba[4*x:][:Channels]
		for units := Width; units > 0; {
			share := min(units, left)
			for c, value := range pixel {
				line[Channels*column+c] += uint64(value) * uint64(share)
			}
			units -= share
			if left -= share; left == 0 {
				column, left = column+1, r.side
			}
		}
	}
	for at, end := r.row*Height, (r.row+1)*Height; at < end; {
		row := at / r.side
		next := min(end, (row+1)*r.side)
		for i, sum := range line {
			r.sums[row*len(line)+i] += sum * uint64(next-at)
		}
		at = next
	}
	r.row++
}

// Image returns the image, [ImageSize] bytes, HWC, when all rows are added.
func (r *Reduction) Image() []byte {
	image, area := make([]byte, ImageSize), uint64(r.side)*uint64(r.side)
	for i, sum := range r.sums {
		image[i] = byte((sum + area/2) / area)
	}
	return image
}
