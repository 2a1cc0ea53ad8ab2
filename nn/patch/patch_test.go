package patch

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

func none() error { return nil }

// smooth returns n patches of dims bytes, in which neighbouring values are similar.
func smooth(n, dims int) []byte {
	random := rand.New(rand.NewPCG(5, 6))
	var patches []byte
	for range n {
		x := 128 + 30*random.NormFloat64()
		for range dims {
			x += 10 * random.NormFloat64()
			patches = append(patches, byte(min(max(x, 0), 255)))
		}
	}
	return patches
}

func fit(t *testing.T, patches []byte, dims int) *Whitening {
	t.Helper()
	w, err := Fit(patches, dims, none)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Each patch holds its own square of the image, and joining is the inverse of cutting.
func TestCut(t *testing.T) {
	g := Grid{Width: 6, Height: 4, Channels: 2, Side: 2}
	images := make([]int, 2*6*4*2)
	for i := range images {
		images[i] = i
	}
	patches := Cut(g, images)
	for i, got := range patches {
		patch, pixel, channel := i/g.Dims(), i%g.Dims()/2, i%2
		image, patch := patch/g.PerImage(), patch%g.PerImage()
		y, x := patch/3*2+pixel/2, patch%3*2+pixel%2
		if want := image*48 + (y*6+x)*2 + channel; got != want {
			t.Fatalf("value %d of the patches is value %d of the images, want %d", i, got, want)
		}
	}
	if !slices.Equal(Join(g, patches), images) {
		t.Error("joined patches are not the images")
	}
	bytes := make([]byte, len(images))
	for i := range bytes {
		bytes[i] = byte(i * i)
	}
	var one []byte
	for i := range 2 * g.PerImage() {
		one = g.Append(one, bytes, i)
	}
	if !slices.Equal(one, Cut(g, bytes)) {
		t.Error("single patches differ from all patches")
	}
	if want := []int{0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3}; !slices.Equal(Enlarge(g, patches[:8])[:12], want) {
		t.Errorf("the first row of an enlarged patch is %v, want %v", Enlarge(g, patches[:8])[:12], want)
	}
}

// The strongest patch is the one with the largest variance, wherever it lies.
func TestStrongest(t *testing.T) {
	g := Grid{Width: 6, Height: 4, Channels: 2, Side: 2}
	for want := range g.PerImage() {
		patches := slices.Repeat([]byte{200, 200, 200, 200, 200, 200, 200, 190}, g.PerImage())
		patches[want*g.Dims()] = 0
		patch, pixels := g.Strongest(Join(g, patches))
		if patch != want || !slices.Equal(pixels, patches[want*g.Dims():][:g.Dims()]) {
			t.Errorf("patch %d, %v; want %d", patch, pixels, want)
		}
	}
}

func TestGrid(t *testing.T) {
	for side, want := range map[int]string{8: "", 16: "", 32: "", 7: "patches of 7×7 in images of 32×32: want a side that divides both", 0: "patches of 0×0", -8: "patches of -8×-8"} {
		err := Grid{Width: 32, Height: 32, Channels: 3, Side: side}.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("side %d: %v, want %q", side, err, want)
		}
	}
}

// Whitening agrees with numpy's: see testdata/whiten.py.
func TestAgainstNumpy(t *testing.T) {
	text, err := os.ReadFile("testdata/whiten.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ Mean, First []float64 }
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	dims := len(want.Mean)
	patches := make([]byte, 50*dims)
	for i := range patches {
		patches[i] = byte((37*i*i + 11*i) % 251)
	}
	w := fit(t, patches, dims)
	first := make([]float32, dims)
	w.Whiten(first, patches[:dims])
	for j := range dims {
		if math.Abs(float64(w.Mean[j])-want.Mean[j]) > 1e-6 || math.Abs(float64(first[j])-want.First[j]) > 1e-4 {
			t.Errorf("value %d: mean %g, whitened %g; numpy has %g, %g", j, w.Mean[j], first[j], want.Mean[j], want.First[j])
		}
	}
}

// The covariance of whitened patches has, along each direction in which patches vary with
// variance λ, the variance λ/(λ+ε·mean): 1 but for ε.
func TestCovariance(t *testing.T) {
	const n, dims = 4000, 48
	patches := smooth(n, dims)
	w := fit(t, patches, dims)
	z := make([]float32, len(patches))
	w.Whiten(z, patches)
	covariance := func(x []float32) []float64 {
		c := make([]float64, dims*dims)
		for i := range n {
			for j := range dims {
				for k := range dims {
					c[j*dims+k] += float64(x[i*dims+j]) * float64(x[i*dims+k]) / n
				}
			}
		}
		return c
	}
	before := make([]float32, len(patches))
	w.center(before, patches)
	c, after := covariance(before), covariance(z)
	var ridge float64
	for j := range dims {
		ridge += epsilon * c[j*dims+j] / dims
	}
	// C·W² = W·C·W, and W² = (C + ε·mean)⁻¹: so after·(C + ridge) = C.
	for j := range dims {
		for k := range dims {
			got := after[j*dims+k] * ridge
			for l := range dims {
				got += after[j*dims+l] * c[l*dims+k]
			}
			if want := c[j*dims+k]; math.Abs(got-want) > 1e-4*c[0] {
				t.Fatalf("after·(C + ε) is %g at %d, %d; want %g", got, j, k, want)
			}
		}
	}
	if direction := after[0]; direction < 0.5 || direction > 1 {
		t.Errorf("variance %g of a whitened value, want 1 but for ε", direction)
	}
}

// Whitened patches and their means are restored, whatever the number of patches.
func TestRestore(t *testing.T) {
	const dims = 192
	patches := smooth(300, dims)
	w := fit(t, patches, dims)
	for _, n := range []int{1, 2*block + 7} {
		bytes := patches[:n*dims]
		z := make([]float32, len(bytes))
		w.Whiten(z, bytes)
		for i, got := range w.Restore(z, Means(bytes, dims)) {
			if want := float64(bytes[i]) / 255; math.Abs(float64(got)-want) > 1e-5 {
				t.Fatalf("%d patches: value %d is restored as %g, want %g", n, i, got, want)
			}
		}
	}
}

func TestFitErrors(t *testing.T) {
	const dims = 12
	for want, patches := range map[string][]byte{
		"whitening 11 patches of 12 values: want at least as many": smooth(11, dims),
		"patches that all are of one colour":                       slices.Repeat(append(slices.Repeat([]byte{0}, dims), slices.Repeat([]byte{200}, dims)...), 20),
	} {
		if _, err := Fit(patches, dims, none); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	stop := errors.New("stop")
	if _, err := Fit(smooth(20, dims), dims, func() error { return stop }); err != stop {
		t.Errorf("error %v, want that of yield", err)
	}
}
