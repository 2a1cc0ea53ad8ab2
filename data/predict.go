package data

// Pixels of natural images are predictable from their neighbors, and their
// channels from each other. So each image becomes the planes G, R−G and B−R,
// and each plane the residuals of the median edge detector (Weinberger,
// Seroussi and Sapiro, LOCO-I, 2000), all modulo 256.

// planesOf splits an HWC image into the planes G, R−G and B−R.
func planesOf(planes *[Channels][planeSize]byte, image []byte) {
	for i := range planeSize {
		r, g, b := image[3*i], image[3*i+1], image[3*i+2]
		planes[0][i], planes[1][i], planes[2][i] = g, r-g, b-r
	}
}

// imageOf is the inverse of planesOf.
func imageOf(image []byte, planes *[Channels][planeSize]byte) {
	image = image[:ImageSize]
	for i := range planeSize {
		g := planes[0][i]
		r := planes[1][i] + g
		image[3*i], image[3*i+1], image[3*i+2] = r, g, planes[2][i]+r
	}
}

// median predicts a pixel from its neighbors left, above and above left: the
// median of left, above and left + above − corner.
func median(left, above, corner byte) byte {
	if corner >= max(left, above) {
		return min(left, above)
	}
	if corner <= min(left, above) {
		return max(left, above)
	}
	return left + above - corner
}

// residualsOf stores what the prediction of each pixel misses. The first row
// is predicted from the left, the first column from above, the first pixel as
// 0.
func residualsOf(residuals []byte, plane *[planeSize]byte) {
	residuals[0] = plane[0]
	for x := 1; x < Width; x++ {
		residuals[x] = plane[x] - plane[x-1]
	}
	for start := Width; start < planeSize; start += Width {
		above := plane[start-Width : start]
		row := plane[start : start+Width]
		out := residuals[start : start+Width]
		out[0] = row[0] - above[0]
		for x := 1; x < Width; x++ {
			out[x] = row[x] - median(row[x-1], above[x], above[x-1])
		}
	}
}

// planeOf is the inverse of residualsOf.
func planeOf(plane *[planeSize]byte, residuals []byte) {
	left := byte(0)
	for x, residual := range residuals[:Width] {
		left += residual
		plane[x] = left
	}
	for start := Width; start < planeSize; start += Width {
		above := plane[start-Width : start]
		row := plane[start : start+Width]
		in := residuals[start : start+Width]
		left, corner := in[0]+above[0], above[0]
		row[0] = left
		for x := 1; x < Width; x++ {
			left = in[x] + median(left, above[x], corner)
			corner = above[x]
			row[x] = left
		}
	}
}
