package pictures

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"strings"
	"testing"

	"sae/data"
)

// fileOf returns a file with the content, and the bitmap that a browser would decode.
func fileOf(path string, content []byte, bitmap *image.RGBA) File {
	return File{
		Path: path,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		Decode: func(string) (Bitmap, error) {
			if bitmap == nil {
				return Bitmap{}, errors.New("no picture")
			}
			return bitmapOf(bitmap), nil
		},
	}
}

func bitmapOf(bitmap *image.RGBA) Bitmap {
	return Bitmap{
		Width: bitmap.Rect.Dx(), Height: bitmap.Rect.Dy(),
		Read: func(x, y, width, height int, rgba []byte) error {
			if len(rgba) != 4*width*height {
				return errors.New("a buffer of another size")
			}
			for row := range height {
				copy(rgba[4*width*row:], bitmap.Pix[bitmap.PixOffset(x, y+row):][:4*width])
			}
			return nil
		},
		Close: func() {},
	}
}

// painted returns a picture of one color, with a dot of another.
func painted(width, height int, shade, dot byte) *image.RGBA {
	bitmap := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := 0; i < len(bitmap.Pix); i += 4 {
		copy(bitmap.Pix[i:], []byte{shade, 255 - shade, 100, 255})
	}
	bitmap.Set(width/2, height/2, color.RGBA{dot, dot, dot, 255})
	return bitmap
}

func pngOf(bitmap image.Image) []byte {
	var content bytes.Buffer
	png.Encode(&content, bitmap)
	return content.Bytes()
}

// set returns n different pictures in each folder.
func set(n int, folders ...string) []File {
	var files []File
	for f, folder := range folders {
		for i := range n {
			bitmap := painted(40, 32, byte(20*f), byte(i))
			files = append(files, fileOf(fmt.Sprintf("%s/%d.png", folder, i), pngOf(bitmap), bitmap))
		}
	}
	return files
}

func nothing(int, int) error { return nil }

// Folders are classes, and one picture in six is for validation, the same whatever the order
// of the files.
func TestConvert(t *testing.T) {
	files := set(50, "animals/cats", "animals/dogs", "animals/owls", "animals/tits")
	dataset, skipped, err := Convert("", files, nothing)
	if err != nil || skipped.Count != 0 {
		t.Fatal(err, skipped)
	}
	if got := fmt.Sprint(dataset.Name, dataset.Classes, dataset.Train.Len(), dataset.Validation.Len()); got != "animals[cats dogs owls tits] 167 33" {
		t.Error(got)
	}
	if !strings.HasPrefix(dataset.Provenance, "200 pictures, 4 classes: 167 training, 33 validation.") {
		t.Error(dataset.Provenance)
	}
	for _, split := range []data.Split{dataset.Train, dataset.Validation} {
		counts := [4]int{}
		for i, label := range split.Labels {
			counts[label]++
			if shade := split.Image(i)[0]; shade != 20*label {
				t.Fatalf("a picture of shade %d has label %d", shade, label)
			}
		}
		for label, n := range counts {
			if n*8 < split.Len() {
				t.Errorf("%d of %d pictures of class %d", n, split.Len(), label)
			}
		}
	}
	slices.Reverse(files)
	again, _, err := Convert("animals", files, nothing)
	if err != nil || !bytes.Equal(again.Train.Images, dataset.Train.Images) || !bytes.Equal(again.Validation.Labels, dataset.Validation.Labels) {
		t.Error("another order of the files gives another data set", err)
	}
}

// Pictures are added to a data set: its own stay where they are, and so does the data set.
func TestAdd(t *testing.T) {
	base, _, err := Add(&data.Dataset{Name: "camera"}, set(24, "hands"), nothing)
	if err != nil || base.Train.Len() != 20 || base.Validation.Len() != 4 || strings.Join(base.Classes, " ") != "hands" {
		t.Fatalf("%+v, %v", base, err)
	}
	more := set(26, "hands", "faces")[22:] // 22 and 23 are there already
	got, skipped, err := Add(base, more, nothing)
	if err != nil || strings.Join(got.Classes, " ") != "hands faces" || skipped.Count != 2 || skipped.Files[0].Why != "the same picture as one in the data set" {
		t.Fatalf("%+v, %+v, %v", got, skipped, err)
	}
	if train, validation := got.Train.Len(), got.Validation.Len(); train+validation != 52 || validation != 8 {
		t.Errorf("%d training and %d validation pictures, want 44 and 8", train, validation)
	}
	if !bytes.HasPrefix(got.Train.Images, base.Train.Images) || !bytes.HasPrefix(got.Validation.Images, base.Validation.Images) || base.Train.Len() != 20 {
		t.Error("the pictures before have moved")
	}
	if !strings.HasPrefix(got.Provenance, "52 pictures, 2 classes: 44 training, 8 validation.") {
		t.Error(got.Provenance)
	}
	got.Provenance = "photos."
	for range 3 { // the text does not grow
		if got, _, err = Add(got, nil, nothing); err != nil || got.Provenance != "photos. With the pictures that were added: 52 pictures, 2 classes: 44 training, 8 validation." {
			t.Fatal(got.Provenance, err)
		}
	}
	if _, _, err := Add(&data.Dataset{Name: "camera"}, more[:5], nothing); err == nil || !strings.Contains(err.Error(), "camera: 5 files, 5 pictures that can be used: want at least 20") {
		t.Error(err)
	}
}

// What is not a usable picture is skipped with a reason, and too few are an error.
func TestSkipped(t *testing.T) {
	good := set(10, "a", "b")
	first, _ := good[0].Open()
	content, _ := io.ReadAll(first)
	huge := pngOf(painted(1, 1, 0, 0))
	copy(huge[16:], "\x00\x00\x75\x30\x00\x00\x75\x30") // 30,000 × 30,000
	odd := []File{
		fileOf("a/notes.txt", nil, nil),
		fileOf("a/empty.png", nil, nil),
		fileOf("a/text.jpg", []byte("not a picture at all"), nil),
		fileOf("a/huge.png", huge, painted(1, 1, 0, 0)),
		fileOf("a/broken.png", content, nil),
		fileOf("a/early.jpg", []byte("\xff\xd8\xff\xe0\x00\x10JFIF"), nil),
		fileOf("a/photo.heic", []byte("\x00\x00\x00\x18ftypheic........ispe\x00\x00\x00\x00\x00\x00\x0f\xc0\x00\x00\x0b\xd0...."), nil),
		fileOf("a/copy.png", content, painted(40, 32, 0, 0)),
		fileOf("__MACOSX/a/._0.png", []byte("x"), nil), fileOf("a/.DS_Store", nil, nil), fileOf("Thumbs.db", nil, nil),
	}
	dataset, skipped, err := Convert("mine", append(good, odd...), nothing)
	if err != nil || dataset.Train.Len()+dataset.Validation.Len() != 20 {
		t.Fatal(dataset, err)
	}
	got := ""
	for _, file := range skipped.Files {
		got += file.Path + ": " + file.Why + "\n"
	}
	if want := `a/notes.txt: not a picture by its name
a/empty.png: an empty file
a/text.jpg: not a picture: want JPEG, PNG, GIF, WebP, BMP, AVIF or HEIC
a/huge.png: 30000×30000 pixels: want at most 67 million
a/broken.png: a damaged PNG file, or one that ends early
a/early.jpg: ends early, or is damaged
a/photo.heic: this browser can't open HEIC; convert it to JPEG or PNG
a/copy.png: the same picture as a/0.png
`; got != want || skipped.Count != 8 {
		t.Errorf("%d skipped:\n%s", skipped.Count, got)
	}
	_, _, err = Convert("few", append(good[:19], odd[:3]...), nothing)
	if err == nil || err.Error() != "few: 22 files, 19 pictures that can be used: want at least 20. Skipped, for example: a/text.jpg (not a picture: want JPEG, PNG, GIF, WebP, BMP, AVIF or HEIC)" {
		t.Error(err)
	}
	stop := errors.New("stop")
	if _, _, err := Convert("", good, func(done, _ int) error {
		if done == 3 {
			return stop
		}
		return nil
	}); err != stop {
		t.Errorf("error %v, want that of progress", err)
	}
}

func TestClasses(t *testing.T) {
	for _, test := range []struct{ paths, root, classes string }{
		{"1.png 2.png", "", " "},
		{"holiday/1.png holiday/2.png", "holiday", " "},
		{"a/cats/1.png a/dogs/2.png a/3.png", "a", "cats dogs "},
		{"a/cats/x/1.png a/cats/y/2.png a/dogs/3.png", "a", "cats cats dogs"},
		{"a/train/cats/1.png a/Test/cats/2.png a/train/dogs/3.png", "a", "cats cats dogs"},
		{"train/1.png test/2.png", "", "train test"},
		{"a/<b>x/1.png a/\u202eevil\x00/2.png", "a", "<b>x evil"},
		{"/1.png a//2.png", "", " a"},
		{"", "", ""},
	} {
		root, classes := classesOf(strings.Fields(test.paths))
		if root != test.root || strings.Join(classes, " ") != test.classes {
			t.Errorf("%q: root %q, classes %q", test.paths, root, classes)
		}
	}
	var folders []string
	for i := range 257 {
		folders = append(folders, fmt.Sprint("x/", i))
	}
	files := set(1, folders...)
	for i := range files {
		bitmap := painted(32, 32, byte(i), byte(i/256))
		files[i] = fileOf(files[i].Path, pngOf(bitmap), bitmap)
	}
	if _, _, err := Convert("", files, nothing); err == nil || !strings.Contains(err.Error(), "257 classes of pictures: want at most 256") {
		t.Error(err)
	}
	if dataset, _, err := Convert("", files[1:], nothing); err != nil || len(dataset.Classes) != 256 {
		t.Error(err)
	}
}

// Each pixel of the result is the mean over its area of the square in the middle.
func TestReduce(t *testing.T) {
	for _, size := range [][2]int{{32, 32}, {64, 96}, {100, 50}, {33, 33}, {5, 9}, {1, 1}, {1000, 700}} {
		bitmap := image.NewRGBA(image.Rect(0, 0, size[0], size[1]))
		for i := range bitmap.Pix {
			bitmap.Pix[i] = byte(i * i / 7)
		}
		got, err := Reduce(bitmapOf(bitmap))
		if err != nil {
			t.Fatal(err)
		}
		side := min(size[0], size[1])
		left, top := (size[0]-side)/2, (size[1]-side)/2
		for _, at := range [][3]int{{0, 0, 0}, {31, 31, 2}, {7, 19, 1}, {16, 3, 0}} {
			// By supersampling: 32 points in each pixel of the picture, side in each of the result.
			sum := 0.0
			for y := range side {
				for x := range side {
					sx, sy := (at[0]*side+x)/32, (at[1]*side+y)/32
					sum += float64(bitmap.Pix[bitmap.PixOffset(left+sx, top+sy)+at[2]])
				}
			}
			want := sum / float64(side*side)
			if value := float64(got[(at[1]*32+at[0])*3+at[2]]); value-want > 0.51 || want-value > 0.51 {
				t.Errorf("%v at %v: %v, want %v", size, at, value, want)
			}
		}
	}
}

func TestSize(t *testing.T) {
	bitmap := painted(300, 200, 10, 20)
	var jpg, anim bytes.Buffer
	jpeg.Encode(&jpg, bitmap, nil)
	gif.Encode(&anim, bitmap, nil)
	profile := append([]byte("\xff\xd8\xff\xe1\xff\xff"), make([]byte, 65533)...)
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"PNG":               {pngOf(bitmap), "PNG 300 200"},
		"JPEG":              {jpg.Bytes(), "JPEG 300 200"},
		"long JPEG header":  {append(profile, jpg.Bytes()[2:]...), "JPEG 300 200"},
		"GIF":               {anim.Bytes(), "GIF 300 200"},
		"BMP":               {[]byte("BM............\x28\x00\x00\x00\x2c\x01\x00\x00\xc8\x00\x00\x00"), "BMP 300 200"},
		"BMP from the top":  {[]byte("BM............\x28\x00\x00\x00\x2c\x01\x00\x00\x38\xff\xff\xff"), "BMP 300 200"},
		"BMP of OS/2":       {[]byte("BM............\x0c\x00\x00\x00\x2c\x01\xc8\x00"), "BMP 300 200"},
		"WebP":              {[]byte("RIFF....WEBPVP8 ..........\x2c\x01\xc8\x00"), "WebP 300 200"},
		"lossless WebP":     {[]byte("RIFF....WEBPVP8L....\x2f\x2b\xc1\x31\x00"), "WebP 300 200"},
		"extended WebP":     {[]byte("RIFF....WEBPVP8X........\x2b\x01\x00\xc7\x00\x00"), "WebP 300 200"},
		"AVIF":              {[]byte("\x00\x00\x00\x1cftypavif....ispe\x00\x00\x00\x00\x00\x00\x01\x2c\x00\x00\x00\xc8...."), "AVIF 300 200"},
		"a lie":             {[]byte("\x89PNG\r\n\x1a\n....IHDR\xff\xff\xff\xff\xff\xff\xff\xff"), "PNG 4294967295 4294967295"},
		"nothing":           {nil, " 0 0"},
		"text":              {[]byte("hello"), " 0 0"},
		"PNG that is short": {[]byte("\x89PNG\r\n\x1a\n"), "PNG 0 0"},
		"only JPEG markers": {bytes.Repeat([]byte{0xff}, 100), " 0 0"},
		"endless JPEG":      {append([]byte("\xff\xd8\xff\xd8"), bytes.Repeat([]byte("\xff\xd0"), 100)...), "JPEG 0 0"},
	} {
		format, width, height, _ := header(bytes.NewReader(test.content))
		if got := fmt.Sprint(format, " ", width, " ", height); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// An archive that unpacks to far more than pictures do is refused before that happens, and so
// is one whose list of files is too long.
func TestBomb(t *testing.T) {
	var content, packed bytes.Buffer
	zeros := make([]byte, 8<<20)
	flating, _ := flate.NewWriter(&packed, flate.BestSpeed)
	flating.Write(zeros)
	flating.Close()
	w := zip.NewWriter(&content)
	const entries = 20
	for i := range entries {
		f, _ := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("%d.png", i), Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(zeros),
			CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(len(zeros))})
		f.Write(packed.Bytes())
	}
	w.Close()
	a, err := openArchive(bytes.NewReader(content.Bytes()), int64(content.Len()))
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for i, entry := range a.files {
		r, err := a.open(entry)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		if total += n; i == entries-1 && !errors.Is(err, errBomb) {
			t.Errorf("error %v after %d bytes of %d", err, total, content.Len())
		}
	}
	if most := int64(maxGrowth*content.Len() + freeGrowth + 1<<16); total > most {
		t.Errorf("%d bytes unpacked, want at most %d", total, most)
	}
	big := File{Path: "0.png", Open: func() (io.ReadCloser, error) { return nil, errBomb }}
	if _, _, err := Convert("x", []File{big}, nothing); !errors.Is(err, errBomb) {
		t.Errorf("error %v, want that of the archive", err)
	}

	content.Reset()
	w = zip.NewWriter(&content)
	for i := range 400 {
		w.CreateRaw(&zip.FileHeader{Name: fmt.Sprint(i, strings.Repeat("x", 60_000)), CRC32: crc32.ChecksumIEEE(nil)})
	}
	w.Close()
	if _, err := openArchive(bytes.NewReader(content.Bytes()), int64(content.Len())); err == nil || !strings.Contains(err.Error(), "list of files is longer than 16 MB") {
		t.Error(err)
	}
	for _, n := range []int{0, 30, content.Len() - 40} {
		if _, err := openArchive(bytes.NewReader(content.Bytes()[:n]), int64(n)); err == nil {
			t.Errorf("%d bytes of an archive: no error", n)
		}
	}
}

// Names choose among too many pictures, in any order.
func TestTooMany(t *testing.T) {
	paths := make([]string, MaxPictures+500)
	for i := range paths {
		paths[i] = fmt.Sprintf("%d.png", i)
	}
	chosen, skipped := Choose(paths)
	if len(chosen) != MaxPictures || skipped.Count != 500 {
		t.Errorf("%d chosen, %d skipped", len(chosen), skipped.Count)
	}
	is := map[string]bool{}
	for _, i := range chosen {
		is[paths[i]] = true
	}
	slices.Reverse(paths)
	chosen, _ = Choose(paths)
	for _, i := range chosen {
		if !is[paths[i]] {
			t.Fatalf("%s is chosen in another order only", paths[i])
		}
	}
}
