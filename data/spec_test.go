package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// This reader follows FORMAT.md literally, bit by bit and number by number, and shares no
// code with the package.

type specReader struct {
	file []byte
	bit  int
}

func (r *specReader) number(bytes int) int {
	value := 0
	for k := range bytes {
		value |= int(r.file[r.bit/8]) << (8 * k)
		r.bit += 8
	}
	return value
}

// specCode is a code: symbols by their bits, the first one highest, after a 1.
type specCode map[int]int

func (r *specReader) code() specCode {
	var lengths []int
	for range r.number(1) {
		pair := r.number(1)
		lengths = append(lengths, pair%16, pair/16)
	}
	code := specCode{}
	bits := 0
	for length := 1; length <= 12; length++ {
		bits <<= 1
		for symbol, l := range lengths {
			if l == length {
				code[1<<length|bits] = symbol
				bits++
			}
		}
	}
	return code
}

func (r *specReader) residual(code specCode) int {
	bits := 1
	for {
		bits = bits<<1 | int(r.file[r.bit/8]>>(r.bit%8)&1)
		r.bit++
		symbol, ok := code[bits]
		switch {
		case !ok:
			continue
		case symbol%2 == 0:
			return symbol / 2
		}
		return -(symbol + 1) / 2
	}
}

func specRead(file []byte) (*Dataset, error) {
	r := &specReader{file: file}
	if string(file[:8]) != "SAEDATA\n" || file[8] < 1 || file[8] > 2 || file[9] != 0 || file[10] != 2 || file[11] != 0 {
		return nil, errors.New("not the format")
	}
	r.bit = 8 * 12
	length := r.number(4)
	var header struct {
		Name, Provenance  string
		Classes           []string
		Train, Validation int
	}
	if err := json.Unmarshal(file[16:16+length], &header); err != nil {
		return nil, err
	}
	r.bit = 8 * (16 + length + 4)
	var codes [3][21]specCode
	for plane := range codes {
		for context := range codes[plane] {
			codes[plane][context] = r.code()
		}
	}
	split := func(n int) (s Split) {
		for range n {
			s.Labels = append(s.Labels, byte(r.number(1)))
			s.Images = append(s.Images, r.image(&codes)...)
			r.bit = (r.bit + 7) / 8 * 8
		}
		return s
	}
	d := &Dataset{Name: header.Name, Provenance: header.Provenance, Classes: header.Classes}
	if file[8] == 1 {
		d.Train = split(header.Train)
	}
	d.Validation = split(header.Validation)
	if file[8] == 2 {
		d.Train = split(header.Train)
	}
	if r.bit/8+4 != len(file) {
		return nil, errors.New("no checksum at the end")
	}
	return d, nil
}

func (r *specReader) image(codes *[3][21]specCode) []byte {
	starts := []int{0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024}
	image := make([]byte, 3072)
	var value, residual, h, d [3][32][32]int // by plane, y and x
	abs := func(n int) int { return max(n, -n) }
	for y := range 32 {
		for x := range 32 {
			for plane, channel := range []int{1, 0, 2} {
				v, e := &value[plane], &residual[plane]
				s := 0
				if plane > 0 {
					s = value[0][y][x]
				}
				var p, a int
				switch {
				case y == 0 && x > 0:
					p = v[0][x-1]
				case y == 0 && plane == 0:
					p = 128
				case y > 0:
					n, rn := v[y-1][x], e[y-1][x]
					w, nw, ne, rw, rnw, rne := n, n, n, 0, 0, 0
					if x > 0 {
						w, nw, rw, rnw = v[y][x-1], v[y-1][x-1], e[y][x-1], e[y-1][x-1]
					}
					if x < 31 {
						ne, rne = v[y-1][x+1], e[y-1][x+1]
					}
					p = (12*w + 8*n - 6*nw + 2*ne + 4*rw + 6*rn + 3*rnw + rne + 8) >> 4
				}
				if x > 0 {
					a += h[plane][y][x-1]
				}
				if y > 0 {
					a += d[plane][y-1][x]
				}
				if y > 0 && x < 31 {
					a += d[plane][y-1][x+1] / 2
				}
				if plane == 2 {
					a += 2 * abs(residual[1][y][x])
				}
				context := 0
				for k, start := range starts {
					if a >= start {
						context = k
					}
				}
				e[y][x] = r.residual(codes[plane][context])
				pixel := (min(max(p+s, 0), 255) + e[y][x]) & 255
				image[96*y+3*x+channel] = byte(pixel)
				v[y][x] = pixel - s
				h[plane][y][x] = 2 * abs(e[y][x])
				d[plane][y][x] = 2 * abs(e[y][x])
				if x > 0 {
					h[plane][y][x] += h[plane][y][x-1] / 2
				}
				if y > 0 {
					d[plane][y][x] += d[plane][y-1][x] / 2
				}
			}
		}
	}
	return image
}

// extremes returns a data set that makes the sums of the prediction as large as possible:
// all channels are 0 or 255.
func extremes() *Dataset {
	d := noise(20, 4)
	for _, split := range []Split{d.Train, d.Validation} {
		for i := range split.Images {
			image, x, y, c := i/ImageSize, i/Channels%Width, i/Channels/Width%Height, i%Channels
			on := x/(1+image%3)*(image&1) + y/(1+image%5)*(image>>1&1) + c*(image>>2&1)
			split.Images[i] = byte(255 * (on & 1))
			if image > 15 {
				split.Images[i] = -(split.Images[i] & 1) // noise
			}
		}
	}
	return d
}

func TestSpecification(t *testing.T) {
	for _, d := range []*Dataset{noise(3, 2), Synthetic(20, 5, 1), extremes(), plain()} {
		got, err := specRead(compact(t, d))
		if err != nil {
			t.Fatalf("%s: %v", d.Name, err)
		}
		sameDataset(t, got, d)
	}
}

// slopes returns the data set of testdata/slopes.sae, by the formula that FORMAT.md
// refers to.
func slopes() *Dataset {
	split := func(n, seed int) Split {
		s := Split{Images: make([]byte, n*ImageSize), Labels: make([]byte, n)}
		for i := range s.Images {
			image, x, y, c := i/ImageSize+seed, i/Channels%Width, i/Channels/Width%Height, i%Channels
			s.Images[i] = byte(7*image + 3*x + (image+c)*y + x*y*(image%3)/16 + image*y*y%(5+c))
		}
		for i := range s.Labels {
			s.Labels[i] = byte((i + seed) % 2)
		}
		return s
	}
	return &Dataset{
		Name: "Slopes", Provenance: "a formula", Classes: []string{"even", "odd"},
		Train: split(3, 1), Validation: split(2, 8),
	}
}

// TestGolden: old files stay readable, and the bytes written stay the same.
func TestGolden(t *testing.T) {
	for _, name := range []string{"slopes-1.sae", "slopes.sae"} {
		file, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, read := range []func([]byte) (*Dataset, error){
			func(file []byte) (*Dataset, error) { return Read(bytes.NewReader(file)) }, openAll, specRead,
		} {
			got, err := read(file)
			if err != nil {
				t.Fatal(err)
			}
			sameDataset(t, got, slopes())
		}
		if name == "slopes.sae" && !bytes.Equal(compact(t, slopes()), file) {
			t.Error("the data set is written with other bytes than testdata/slopes.sae")
		}
	}
}
