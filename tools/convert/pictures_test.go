package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sae/data"
)

// painted returns a picture whose pixels all differ.
func painted(width, height, shade int) *image.NRGBA {
	picture := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			picture.SetNRGBA(x, y, color.NRGBA{uint8(8 * x), uint8(8 * y), uint8(shade), 255})
		}
	}
	return picture
}

func pngOf(t *testing.T, picture image.Image) string {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

// onDisk writes files to a new folder and returns its name.
func onDisk(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// zippedUp writes files to a new archive, below a folder, and returns its name.
func zippedUp(t *testing.T, files map[string]string) string {
	t.Helper()
	var body bytes.Buffer
	archive := zip.NewWriter(&body)
	for name, file := range files {
		w, err := archive.Create("top/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(file)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "renamed.dat")
	if err := os.WriteFile(name, body.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// converted returns the data set that convert makes of a source, and what it says.
func converted(t *testing.T, source string) (*data.Dataset, string, error) {
	t.Helper()
	output := filepath.Join(t.TempDir(), "out.sae")
	var stdout, stderr bytes.Buffer
	if err := run([]string{"-o", output, source}, &stdout, &stderr); err != nil {
		if _, err := os.Stat(output); err == nil {
			t.Errorf("a failed conversion leaves a file")
		}
		return nil, stderr.String(), err
	}
	file, err := os.Open(output)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	set, err := data.Read(file)
	return set, stderr.String(), err
}

// Pictures are read from a folder and from an archive in every layout, without loss at
// 32×32, and what is left out is said.
func TestLayouts(t *testing.T) {
	number := 0
	picture := func() string { number++; return pngOf(t, painted(32, 32, number)) }
	table := "id,label\n1,cat\n2,dog\n3,cat\n"
	for name, test := range map[string]struct {
		files             map[string]string
		classes           []string
		train, validation int
		said              string
	}{
		"Kaggle": {map[string]string{
			"trainLabels.csv": table, "sampleSubmission.csv": "id,label\n1,frog\n2,frog\n",
			"train/1.png": picture(), "train/2.png": picture(), "train/3.png": picture(), "test/1.png": picture(), "test/2.png": picture(),
		}, []string{"cat", "dog"}, 2, 1, "convert: 2 files without a label left out\n"},
		"table beside pictures": {map[string]string{
			"labels.csv": "filename,note,class\n1.png,a,cat\n2.png,b,dog\n3.png,c,dog\n", "1.png": picture(), "2.png": picture(), "3.png": picture(),
		}, []string{"cat", "dog"}, 2, 1, ""},
		"folders": {map[string]string{
			"b/1.png": picture(), "b/deep/2.png": picture(), "a/1.png": picture(), "a/2.png": picture(),
			".hidden.png": "x", "__MACOSX/a/1.png": "x", "a/.DS_Store": "x", "README.md": "Pictures of a and b.", "a/notes.csv": "x,y\n1,2\n",
		}, []string{"a", "b"}, 3, 1, "convert: 1 files that are no pictures left out\n"},
		"splits": {map[string]string{
			"train/b/1.png": picture(), "train/a/1.png": picture(), "Val/a/2.png": picture(), "test/a/3.png": picture(), "Val/c/1.png": picture(),
		}, []string{"a", "b"}, 2, 1, "convert: 1 files outside the folders for training and validation left out\nconvert: 1 files whose class has no training pictures left out\n"},
		"train and test": {map[string]string{
			"train/b/1.png": picture(), "train/a/1.png": picture(), "test/a/2.png": picture(),
		}, []string{"a", "b"}, 2, 1, ""},
		"flat": {map[string]string{"1.png": picture(), "2.png": picture()}, []string{"picture"}, 1, 1, ""},
	} {
		for kind, source := range map[string]string{"folder": onDisk(t, test.files), "archive": zippedUp(t, test.files)} {
			set, said, err := converted(t, source)
			if err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
				continue
			}
			if !slices.Equal(set.Classes, test.classes) || set.Train.Len() != test.train || set.Validation.Len() != test.validation || said != test.said {
				t.Errorf("%s, %s: classes %q, %d and %d images, says %q", name, kind, set.Classes, set.Train.Len(), set.Validation.Len(), said)
			}
			image := set.Train.Image(0)
			if at := (5*32 + 9) * 3; image[at] != 72 || image[at+1] != 40 || image[at+2] == 0 {
				t.Errorf("%s, %s: pixel %v in column 9, row 5", name, kind, image[at:at+3])
			}
		}
	}
}

// The files of MNIST and of CIFAR-10 are found in an archive, also in a zip of a folder.
func TestZipOfBatches(t *testing.T) {
	files := map[string]string{}
	dir := folder(t)
	for _, name := range []string{"data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"} {
		body, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(body)
	}
	set, _, err := converted(t, zippedUp(t, files))
	if err != nil || set.Name != "CIFAR-10" || set.Train.Len() != 100 || set.Validation.Len() != 20 {
		t.Errorf("%+v, %v", set, err)
	}
}

// The square in the middle is reduced to means, on white, in every kind of picture.
func TestReduce(t *testing.T) {
	fill := func(picture interface {
		image.Image
		Set(x, y int, c color.Color)
	}, c func(x, y int) color.Color) image.Image {
		for y := picture.Bounds().Min.Y; y < picture.Bounds().Max.Y; y++ {
			for x := picture.Bounds().Min.X; x < picture.Bounds().Max.X; x++ {
				picture.Set(x, y, c(x, y))
			}
		}
		return picture
	}
	cmyk := image.NewCMYK(image.Rect(0, 0, 40, 40))
	for p := range cmyk.Pix {
		cmyk.Pix[p] = []byte{0, 255, 255, 0}[p%4]
	}
	half := image.Rect(-7, 3, 93, 67) // 100×64: columns 18 to 81 are the square
	for name, test := range map[string]struct {
		picture image.Image
		want    func(x, y int) [3]byte
	}{
		"checkerboard of 64": {fill(image.NewRGBA(half), func(x, y int) color.Color {
			return color.Gray{uint8(100 + 50*((x+y)&1))}
		}), func(x, y int) [3]byte { return [3]byte{125, 125, 125} }},
		"left of the square": {fill(image.NewRGBA(half), func(x, y int) color.Color {
			if x < -7+18+32 {
				return color.RGBA{255, 0, 0, 255}
			}
			return color.Black
		}), func(x, y int) [3]byte {
			if x < 16 {
				return [3]byte{255, 0, 0}
			}
			return [3]byte{}
		}},
		"transparent": {fill(image.NewNRGBA(image.Rect(0, 0, 32, 32)), func(x, y int) color.Color {
			return color.NRGBA{0, 0, 0, 51}
		}), func(x, y int) [3]byte { return [3]byte{204, 204, 204} }},
		"16 bits": {fill(image.NewNRGBA64(image.Rect(0, 0, 33, 50)), func(x, y int) color.Color {
			return color.NRGBA64{0x8080, 0x1010, 0xffff, 0xffff}
		}), func(x, y int) [3]byte { return [3]byte{128, 16, 255} }},
		"enlarged": {fill(image.NewGray(image.Rect(0, 0, 2, 2)), func(x, y int) color.Color {
			return color.Gray{uint8(100 * x)}
		}), func(x, y int) [3]byte { return [3]byte{byte(x / 16 * 100), byte(x / 16 * 100), byte(x / 16 * 100)} }},
		"CMYK": {cmyk, func(x, y int) [3]byte { return [3]byte{255, 0, 0} }},
	} {
		dst := reduce(test.picture)
		for p := range 32 * 32 {
			if got, want := [3]byte(dst[3*p:]), test.want(p%32, p/32); got != want {
				t.Errorf("%s: pixel %d, %d is %v, want %v", name, p%32, p/32, got, want)
				break
			}
		}
	}
}

// hugePNG returns a PNG file that claims a size.
func hugePNG(width, height uint32) string {
	header := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)...)
	header = append(header, 8, 2, 0, 0, 0)
	file := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), header...)
	return string(binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(header)))
}

// Pictures that cannot be read are refused by name, in bounded memory, and nothing is
// written.
func TestPictureRefusals(t *testing.T) {
	good := pngOf(t, painted(32, 32, 1))
	var jpg, animation bytes.Buffer
	if err := jpeg.Encode(&jpg, painted(64, 64, 1), nil); err != nil {
		t.Fatal(err)
	}
	frame := image.NewPaletted(image.Rect(0, 0, 32, 32), color.Palette{color.Black, color.White})
	if err := gif.EncodeAll(&animation, &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	many := map[string]string{}
	for i := range 257 {
		many[fmt.Sprintf("class %d/1.png", i)] = good
	}
	for want, files := range map[string]map[string]string{
		"big.png: 30000×30000 pixels: want at most 67 million":                                       {"a/big.png": hugePNG(30000, 30000)},
		"wide.png: png: unsupported feature: dimension overflow: the PNG file is damaged":            {"a/wide.png": hugePNG(1<<31-1, 1<<31-1)},
		"short.png: png: invalid format: not enough pixel data":                                      {"1.png": good, "short.png": good[:len(good)-40]},
		"short.jpg: invalid JPEG format: short Huffman data: the JPEG file is damaged or ends early": {"1.png": good, "short.jpg": jpg.String()[:jpg.Len()-200]},
		"head.png: unexpected EOF: the PNG file is damaged":                                          {"1.png": good, "head.png": good[:20]},
		"empty.png: is empty: want a picture":                                                        {"1.png": good, "empty.png": ""},
		"text.png: no picture that can be read, image: unknown format":                               {"1.png": good, "text.png": "hello"},
		"no pictures and no batches":                                                                 {".hidden": good},
		"no pictures: want PNG, JPEG or GIF files":                                                   {"readme.txt": "hello", "b": "other"},
		"257 classes: want at most 256":                                                              many,
		"labels.csv: names none of 1 files":                                                          {"labels.csv": "id,label\nx,cat\n", "1.png": good},
		"labels.csv: record on line 3: wrong number of fields":                                       {"labels.csv": "id,label\n1,cat\n2\n", "1.png": good},
		`1.png: class "cat" and class "dog": want one`:                                               {"a.csv": "id,label\n1,cat\n", "b.csv": "id,label\n1,dog\n", "1.png": good},
		"validation images: want 1 to 100000":                                                        {"1.png": good},
	} {
		for _, source := range []string{onDisk(t, files), zippedUp(t, files)} {
			if _, _, err := converted(t, source); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
	set, _, err := converted(t, onDisk(t, map[string]string{"1.gif": animation.String(), "2.png": good}))
	if err != nil || set.Train.Len()+set.Validation.Len() != 2 {
		t.Errorf("an animation: %+v, %v, want its first picture", set, err)
	}
	damaged := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(damaged, []byte("PK\x03\x04 and no more"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := converted(t, damaged); err == nil || !strings.HasSuffix(err.Error(), "the file is truncated or damaged") {
		t.Errorf("a damaged archive: %v", err)
	}
}

// A file that unpacks to more than the limit is refused before it is in memory.
func TestBombs(t *testing.T) {
	for want, bomb := range map[string]struct{ name, start, block string }{
		"1.png: more than 67108864 bytes: want a smaller file":      {"1.png", "", strings.Repeat("\x00", 1<<20)},
		"labels.csv: more than 67108864 bytes: want a smaller file": {"labels.csv", "id,label\n", "1," + strings.Repeat("x", 1<<20) + "\n"},
	} {
		name := filepath.Join(t.TempDir(), "bomb.zip")
		file, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		archive := zip.NewWriter(file)
		w, err := archive.Create(bomb.name)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, bomb.start) // Close returns any error
		for range maxPictureFile>>20 + 1 {
			io.WriteString(w, bomb.block)
		}
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
		file.Close()
		if _, _, err := converted(t, name); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
