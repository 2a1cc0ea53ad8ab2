package pca

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

func none() error { return nil }

// images returns n images of dims bytes that vary mostly along a few directions.
func images(n, dims, directions int) []byte {
	random := rand.New(rand.NewPCG(3, 4))
	basis := mat.NewDense(directions, dims, nil)
	for i := range directions {
		for j := range dims {
			basis.Set(i, j, 20*random.NormFloat64()/float64(i+1))
		}
	}
	var result []byte
	for range n {
		row := make([]float64, dims)
		for i := range directions {
			strength := random.NormFloat64()
			for j := range row {
				row[j] += strength * basis.At(i, j)
			}
		}
		for _, x := range row {
			result = append(result, byte(min(max(128+x+random.NormFloat64(), 0), 255)))
		}
	}
	return result
}

// The components of images and other vectors agree with those of gonum's stat.PC.
func TestAgainstGonum(t *testing.T) {
	const n, dims, k = 300, 40, 5
	data := images(n, dims, 8)
	x := mat.NewDense(n, dims, nil)
	vectors := make([]float32, len(data))
	for i, value := range data {
		x.Set(i/dims, i%dims, float64(value)/255)
		vectors[i] = float32(value) / 255
	}
	var reference stat.PC
	if !reference.PrincipalComponents(x, nil) {
		t.Fatal("gonum's analysis fails")
	}
	var want mat.Dense
	reference.VectorsTo(&want)
	variances := reference.VarsTo(nil)
	for name, fit := range map[string]func() (*PCA, error){
		"images":  func() (*PCA, error) { return Fit(data, dims, k, none) },
		"vectors": func() (*PCA, error) { return FitVectors(vectors, dims, k, none) },
	} {
		p, err := fit()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if p.K() != k {
			t.Fatalf("%s: %d components, want %d", name, p.K(), k)
		}
		for j := range k {
			var product float64
			for i := range dims {
				product += float64(p.Components[j*dims+i]) * want.At(i, j)
			}
			if math.Abs(math.Abs(product)-1) > 1e-4 {
				t.Errorf("%s: component %d has a product of %g with gonum's, want ±1", name, j, product)
			}
			// gonum divides by n−1.
			if got := p.Variances[j] * n / (n - 1); math.Abs(got-variances[j]) > 1e-4*variances[j] {
				t.Errorf("%s: variance %g along component %d, want %g", name, got, j, variances[j])
			}
		}
	}
}

// All components together reconstruct an image.
func TestReconstruct(t *testing.T) {
	const n, dims = 150, 12
	data := images(n, dims, 12)
	p, err := Fit(data, dims, dims, none)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	if err := p.Reconstruct(data, dims, none, func(x, reconstruction []float32) {
		for j := range x {
			if want := float64(data[seen]) / 255; math.Abs(float64(x[j])-want) > 1e-6 || math.Abs(float64(reconstruction[j])-want) > 1e-4 {
				t.Fatalf("number %d is given as %g and reconstructed as %g, want %g", seen, x[j], reconstruction[j], want)
			}
			seen++
		}
	}); err != nil {
		t.Fatal(err)
	}
	if seen != len(data) {
		t.Errorf("%d numbers seen, want %d", seen, len(data))
	}
}

func TestRefusals(t *testing.T) {
	data := images(10, 12, 3)
	for _, k := range []int{0, 11} {
		if _, err := Fit(data, 12, k, none); err == nil || !strings.Contains(err.Error(), "want 1 to 10") {
			t.Errorf("%d components: error %v", k, err)
		}
	}
	stop := errors.New("stop")
	if _, err := Fit(data, 12, 2, func() error { return stop }); !errors.Is(err, stop) {
		t.Errorf("interrupted: %v", err)
	}
}

// BenchmarkEigen decomposes the covariance of patches of 8 and of 16 pixels.
func BenchmarkEigen(b *testing.B) {
	for _, dims := range []int{8 * 8 * 3, 16 * 16 * 3} {
		b.Run(strconv.Itoa(dims), func(b *testing.B) {
			patches := images(dims, dims, 16)
			rows := mat.NewDense(dims, dims, nil)
			for i, value := range patches {
				rows.Set(i/dims, i%dims, float64(value))
			}
			var covariance mat.SymDense
			stat.CovarianceMatrix(&covariance, rows, nil)
			for b.Loop() {
				a := covariance.RawSymmetric()
				a.Data = slices.Clone(a.Data)
				if !Eigen(a, make([]float64, dims)) {
					b.Fatal("no convergence")
				}
			}
		})
	}
}
