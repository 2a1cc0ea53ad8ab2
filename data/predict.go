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

// predict returns the prediction of pixel i of a plane from those before it.
func predict(plane *[planeSize]byte, i int) byte {
	switch {
	case i == 0:
		return 0
	case i < Width:
		return plane[i-1]
	case i%Width == 0:
		return plane[i-Width]
	}
	return median(plane[i-1], plane[i-Width], plane[i-Width-1])
}

// residualsOf stores what the prediction of each pixel misses.
func residualsOf(residuals []byte, plane *[planeSize]byte) {
	for i, pixel := range plane {
		residuals[i] = pixel - predict(plane, i)
	}
}

// planeOf is the inverse of residualsOf.
func planeOf(plane *[planeSize]byte, residuals []byte) {
	for i := range plane {
		plane[i] = residuals[i] + predict(plane, i)
	}
}
