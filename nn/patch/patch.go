// Package patch cuts images into square patches and whitens them, and puts whole images
// together again. An autoencoder that is trained on whitened patches finds edges, as the
// primary visual cortex does.
//
// A patch x of d values is whitened in two steps:
//
//	u = x − m(x)          with m(x) the mean of the patch's own values
//	z = (u − μ)·W         with W = U·(Λ + ε·mean(Λ))^(−1/2)·Uᵀ
//
// μ is the mean of u over patches, and U·Λ·Uᵀ their covariance. Of all matrices that
// whiten, this W changes patches the least (zero-phase component analysis, ZCA: A. J. Bell
// and T. J. Sejnowski, The independent components of natural scenes are edge filters, 1997).
// ε keeps directions that hardly vary from being amplified to noise (A. Coates, A. Y. Ng and
// H. Lee, An analysis of single-layer networks in unsupervised feature learning, 2011). It
// also makes W invertible, so an image is restored from its whitened patches and their means.
package patch

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"

	"sae/nn/kernel"
	"sae/nn/pca"
)

// Grid says how images, [Height, Width, Channels], are cut into squares that touch but do
// not overlap, row by row from the top left.
type Grid struct {
	Width, Height, Channels int
	Side                    int // of a patch, in pixels
}

// Validate returns an error unless the patches fill the images.
func (g Grid) Validate() error {
	if g.Side < 1 || g.Width%g.Side != 0 || g.Height%g.Side != 0 {
		return fmt.Errorf("patch: patches of %d×%d in images of %d×%d: want a side that divides both", g.Side, g.Side, g.Width, g.Height)
	}
	return nil
}

// Dims returns the number of values of a patch.
func (g Grid) Dims() int { return g.Side * g.Side * g.Channels }

// PerImage returns the number of patches of an image.
func (g Grid) PerImage() int { return g.Width / g.Side * (g.Height / g.Side) }

// Cut returns the patches, [n·PerImage, Side, Side, Channels], of images,
// [n, Height, Width, Channels].
func Cut[T any](g Grid, images []T) []T {
	patches := make([]T, len(images))
	eachRow(g, len(images), func(image, patch, n int) { copy(patches[patch:patch+n], images[image:]) })
	return patches
}

// Append appends patch i of all that Cut returns to dst.
func (g Grid) Append(dst, images []byte, i int) []byte {
	image, patch := i/g.PerImage(), i%g.PerImage()
	line, n := g.Width*g.Channels, g.Side*g.Channels
	first := (image*g.Height+patch/(g.Width/g.Side)*g.Side)*line + patch%(g.Width/g.Side)*n
	for y := range g.Side {
		dst = append(dst, images[first+y*line:][:n]...)
	}
	return dst
}

// Strongest returns the patch of the image with the largest variance: the one in which there
// is most to see. The other results are its pixels.
func (g Grid) Strongest(image []byte) (patch int, pixels []byte) {
	var largest float64
	all := Cut(g, image)
	for i := range g.PerImage() {
		var sum, squares float64
		for _, value := range all[i*g.Dims():][:g.Dims()] {
			sum += float64(value)
			squares += float64(value) * float64(value)
		}
		if variance := squares - sum*sum/float64(g.Dims()); variance > largest {
			patch, largest = i, variance
		}
	}
	return patch, all[patch*g.Dims():][:g.Dims()]
}

// Enlarge returns patches as images, each pixel a square.
func Enlarge[T any](g Grid, patches []T) []T {
	images := make([]T, 0, len(patches)*g.PerImage())
	for ; len(patches) > 0; patches = patches[g.Dims():] {
		for y := range g.Height {
			for x := range g.Width {
				pixel := (y*g.Side/g.Height*g.Side + x*g.Side/g.Width) * g.Channels
				images = append(images, patches[pixel:pixel+g.Channels]...)
			}
		}
	}
	return images
}

// Join puts images together from patches: it is the inverse of Cut.
func Join[T any](g Grid, patches []T) []T {
	images := make([]T, len(patches))
	eachRow(g, len(patches), func(image, patch, n int) { copy(images[image:image+n], patches[patch:]) })
	return images
}

// eachRow calls visit with the offset in images and in patches of each row of each patch,
// n values, of images with the given number of values in all.
func eachRow(g Grid, values int, visit func(image, patch, n int)) {
	line, n := g.Width*g.Channels, g.Side*g.Channels
	patch := 0
	for first := 0; first+line*g.Height <= values; first += line * g.Height {
		for top := 0; top < g.Height; top += g.Side {
			for left := 0; left < line; left += n {
				for y := range g.Side {
					visit(first+(top+y)*line+left, patch, n)
					patch += n
				}
			}
		}
	}
}

// Whitening is an invertible linear map that makes the values of patches uncorrelated: see
// the package documentation.
type Whitening struct {
	Dims            int       // values per patch
	Mean            []float32 // μ, [Dims]
	Matrix, Inverse []float32 // W and its inverse, symmetric, [Dims, Dims]

	centered []float32 // buffer of Whiten
}

const (
	epsilon = 0.1 // ε
	block   = 128 // patches processed at a time
)

// Fit returns the whitening of patches, [n, dims] bytes of values byte/255. Some thousand are
// enough. It calls yield regularly, whose error it returns. Other errors report fewer patches
// than values in a patch, whose covariance says little, and patches without contrast.
func Fit(patches []byte, dims int, yield func() error) (*Whitening, error) {
	n := len(patches) / dims
	if n < dims {
		return nil, fmt.Errorf("whitening %d patches of %d values: want at least as many patches as values; use more images", n, dims)
	}
	w := &Whitening{Dims: dims, Mean: make([]float32, dims)}
	x := make([]float32, block*dims)
	each := func(do func(x blas32.General)) error {
		for first := 0; first < n; first += block {
			if err := yield(); err != nil {
				return err
			}
			rows := min(block, n-first)
			w.center(x[:rows*dims], patches[first*dims:][:rows*dims])
			do(general(x, rows, dims))
		}
		return nil
	}
	sums := make([]float64, dims)
	err := each(func(x blas32.General) {
		for i, value := range x.Data[:x.Rows*dims] {
			sums[i%dims] += float64(value)
		}
	})
	if err != nil {
		return nil, err
	}
	for j, sum := range sums {
		w.Mean[j] = float32(sum / float64(n))
	}
	covariance := make([]float64, dims*dims)
	part := general(make([]float32, dims*dims), dims, dims)
	err = each(func(x blas32.General) {
		blas32.Gemm(blas.Trans, blas.NoTrans, 1, x, x, 0, part)
		for i, value := range part.Data {
			covariance[i] += float64(value) / float64(n)
		}
	})
	if err != nil {
		return nil, err
	}
	return w, w.invert(covariance)
}

// invert sets the matrices, given the covariance, which it overwrites.
func (w *Whitening) invert(covariance []float64) error {
	d := w.Dims
	var mean float64 // of the eigenvalues
	for i := range d {
		mean += covariance[i*d+i] / float64(d)
	}
	if mean < 1e-10 { // much less than one byte differs by
		return errors.New("whitening patches that all are of one colour: want images whose pixels differ")
	}
	vectors, values := blas64.Symmetric{N: d, Stride: d, Uplo: blas.Upper, Data: covariance}, make([]float64, d)
	if !pca.Eigen(vectors, values) {
		return fmt.Errorf("whitening: the eigendecomposition of a %d×%d matrix does not converge", d, d)
	}
	scaled := func(power float64) []float32 { // U·(Λ + ε·mean(Λ))^power·Uᵀ
		u, scaled := make([]float32, d*d), make([]float32, d*d)
		for i, x := range covariance {
			u[i] = float32(x)
			scaled[i] = float32(x * math.Pow(max(0, values[i%d])+epsilon*mean, power))
		}
		result := general(make([]float32, d*d), d, d)
		blas32.Gemm(blas.NoTrans, blas.Trans, 1, general(scaled, d, d), general(u, d, d), 0, result)
		return result.Data
	}
	w.Matrix, w.Inverse = scaled(-0.5), scaled(0.5)
	return nil
}

// Means returns the mean value, byte/255, of each of the patches, [n, dims] bytes.
func Means(patches []byte, dims int) []float32 {
	means := make([]float32, len(patches)/dims)
	for i := range means {
		sum := 0
		for _, value := range patches[i*dims:][:dims] {
			sum += int(value)
		}
		means[i] = float32(float64(sum) / 255 / float64(dims))
	}
	return means
}

// center stores patches, [n, Dims] bytes, without their own means and Mean, in dst.
func (w *Whitening) center(dst []float32, patches []byte) {
	kernel.FromBytes(dst, patches)
	means := Means(patches, w.Dims)
	for i := range means {
		patch := dst[i*w.Dims:][:w.Dims]
		for j := range patch {
			patch[j] -= means[i] + w.Mean[j]
		}
	}
}

// Whiten stores patches, [n, Dims] bytes, whitened, in dst, [n, Dims]. It must not be called
// concurrently.
func (w *Whitening) Whiten(dst []float32, patches []byte) {
	if w.centered == nil {
		w.centered = make([]float32, block*w.Dims)
	}
	x := w.centered
	for first := 0; first < len(patches); first += len(x) {
		last := min(first+len(x), len(patches))
		rows := (last - first) / w.Dims
		w.center(x[:last-first], patches[first:last])
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, general(x, rows, w.Dims), general(w.Matrix, w.Dims, w.Dims), 0, general(dst[first:last], rows, w.Dims))
	}
}

// Restore returns the patches, [n, Dims] on the scale byte/255, of whitened ones with the
// given own means, [n]. It is the inverse of Whiten.
func (w *Whitening) Restore(whitened, means []float32) []float32 {
	rows := len(whitened) / w.Dims
	patches := general(make([]float32, len(whitened)), rows, w.Dims)
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, general(whitened, rows, w.Dims), general(w.Inverse, w.Dims, w.Dims), 0, patches)
	for i, own := range means {
		for j := range w.Dims {
			patches.Data[i*w.Dims+j] += own + w.Mean[j]
		}
	}
	return patches.Data
}

func general(values []float32, rows, cols int) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: values}
}
