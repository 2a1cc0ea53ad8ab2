package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// noise returns a data set that cannot be compressed.
func noise(train, validation int) *Dataset {
	random := rand.New(rand.NewPCG(7, 7))
	split := func(n int) Split {
		s := Split{Images: make([]byte, n*ImageSize), Labels: make([]byte, n)}
		for i := range s.Images {
			s.Images[i] = byte(random.Uint32())
		}
		for i := range s.Labels {
			s.Labels[i] = byte(random.IntN(3))
		}
		return s
	}
	return &Dataset{
		Name: "Noise", Provenance: "drawn for a test: \"äöü\"", Classes: []string{"a", "b", "ç"},
		Train: split(train), Validation: split(validation),
	}
}

func sameDataset(t *testing.T, got, want *Dataset) {
	t.Helper()
	if got.Name != want.Name || got.Provenance != want.Provenance || strings.Join(got.Classes, "|") != strings.Join(want.Classes, "|") {
		t.Errorf("%q, %q, %q, want %q, %q, %q", got.Name, got.Provenance, got.Classes, want.Name, want.Provenance, want.Classes)
	}
	sameSplit(t, "training", got.Train, want.Train)
	sameSplit(t, "validation", got.Validation, want.Validation)
}

func sameSplit(t *testing.T, name string, got, want Split) {
	t.Helper()
	if !bytes.Equal(got.Labels, want.Labels) {
		t.Errorf("%s labels differ: %d, want %d", name, got.Labels, want.Labels)
	}
	if !bytes.Equal(got.Images, want.Images) {
		t.Errorf("%s images differ", name)
	}
}

func TestWriteAndRead(t *testing.T) {
	// One image, full buffers, and one image more.
	for _, size := range [][2]int{{1, 1}, {256, 2}, {513, 257}} {
		for _, d := range []*Dataset{noise(size[0], size[1]), Synthetic(size[0], size[1], 3)} {
			file := compact(t, d)
			// A reader may return fewer bytes than asked for.
			got, err := Read(iotest.HalfReader(bytes.NewReader(file)))
			if err != nil {
				t.Fatalf("%s %v: %v", d.Name, size, err)
			}
			sameDataset(t, got, d)
			info, err := ReadInfo(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			if info.Train != size[0] || info.Validation != size[1] || info.Name != d.Name || info.Width != Width {
				t.Errorf("info %+v of %s %v", info, d.Name, size)
			}
		}
	}
}

// TestFormat checks everything in a file but the images.
func TestFormat(t *testing.T) {
	d := &Dataset{Name: "N", Provenance: "P", Classes: []string{"x", "y"}}
	for _, split := range []*Split{&d.Train, &d.Validation} {
		split.Labels = []byte{1}
		split.Images = make([]byte, ImageSize)
		for i := range split.Images {
			split.Images[i] = byte(i * i >> 4)
		}
	}
	file := compact(t, d)
	header := `{"name":"N","provenance":"P","width":32,"height":32,"channels":3,"classes":["x","y"],"train":1,"validation":1}`
	prefix := "SAEDATA\n\x02\x00\x02\x00" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(header)))) + header
	if !strings.HasPrefix(string(file), prefix) {
		t.Errorf("starts with %q, want %q", file[:len(prefix)], prefix)
	}
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	for _, split := range []Split{d.Validation, d.Train} {
		sum.Write(split.Labels)
		sum.Write(split.Images)
	}
	if got := binary.LittleEndian.Uint32(file[len(file)-4:]); got != sum.Sum32() {
		t.Errorf("ends with %08x, want %08x", got, sum.Sum32())
	}
}

// openAll opens a file, and then reads its training images.
func openAll(file []byte) (*Dataset, error) {
	d, err := Open(bytes.NewReader(file))
	for all := false; err == nil && !all; {
		all, err = d.More(7)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Of a file that is opened, the validation images come first, and the training images in
// pieces. Those of the version before, which has them last, are all there at once.
func TestOpen(t *testing.T) {
	want := noise(20, 9)
	file := compact(t, want)
	r := bytes.NewReader(file)
	got, err := Open(iotest.OneByteReader(r))
	if err != nil {
		t.Fatal(err)
	}
	sameSplit(t, "validation", got.Validation, want.Validation)
	if got.Train.Len() != 20 || bytes.Count(got.Train.Images, []byte{0}) != 20*ImageSize || r.Len() < len(file)/2 {
		t.Errorf("%d training images; %d of %d bytes are left", got.Train.Len(), r.Len(), len(file))
	}
	for n, all := range []bool{false, false, true, true} {
		if there, err := got.More(7); there != all || err != nil {
			t.Fatal(there, err)
		}
		there := min(20, 7*(n+1)) * ImageSize
		if !bytes.Equal(got.Train.Images[:there], want.Train.Images[:there]) || bytes.Count(got.Train.Images[there:], []byte{0}) != 20*ImageSize-there {
			t.Errorf("other images after %d times", n+1)
		}
	}
	sameDataset(t, got, want)

	if _, err := openAll(file[:len(file)-2]); err == nil || err.Error() != "data: ends within the checksum: the file is truncated" {
		t.Error(err)
	}
	file[len(file)/2] ^= 0x55
	if d, err := Open(bytes.NewReader(file)); err != nil {
		t.Errorf("%v, though the validation images are intact", err)
	} else if _, err := d.More(20); err == nil || !strings.Contains(err.Error(), "the file is damaged") {
		t.Error(err)
	}
}

// headerOnly returns a file with the given header and nothing after it.
func headerOnly(header string) []byte {
	file := []byte(magic + "\x02\x00\x02\x00")
	file = binary.LittleEndian.AppendUint32(file, uint32(len(header)))
	file = append(file, header...)
	return binary.LittleEndian.AppendUint32(file, crc32.Checksum([]byte(header), castagnoli))
}

// claims returns a header that claims the largest data set.
func claims() []byte {
	return headerOnly(`{"width":32,"height":32,"channels":3,"classes":["a"],"train":100000,"validation":100000}`)
}

func TestReadRefuses(t *testing.T) {
	good := compact(t, noise(3, 2))
	changed := func(at int, b ...byte) []byte {
		file := bytes.Clone(good)
		if at < 0 {
			at += len(file)
		}
		copy(file[at:], b)
		return file
	}
	body := bytes.Index(good, []byte("}")) + 5
	for _, test := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "data: ends within the header: the file is truncated"},
		{"PNG", []byte("\x89PNG\r\n\x1a\n0123456789"), `data: starts with "\x89PNG\r\n\x1a\n": want "SAEDATA\n" of a compact data set`},
		{"transferred as text", []byte("SAEDATA\r\n\x01\x00\x01\x00"), `data: starts with "SAEDATA\r": want "SAEDATA\n" of a compact data set`},
		{"newer version", changed(8, 3), "data: version 3 of the compact format: this program reads versions 1 to 2; update it"},
		{"newer codec", changed(10, 9), "data: codec 9 of the compact format: this program reads codec 2; update it"},
		{"older codec", changed(10, 1), "data: codec 1 of the compact format: this program reads codec 2; convert the data set again"},
		{"header without end", changed(12, 0xff, 0xff, 0xff, 0xff), "data: header of 4294967295 bytes: want at most 1048576"},
		{"truncated header", good[:40], "data: ends within the header: the file is truncated"},
		{"damaged header", changed(20, '!'), "data: checksum of the header is db74cb0d, want 20e47379: the file is damaged"},
		{"truncated images", good[:len(good)/2], "data: ends within the validation images: the file is truncated"},
		{"truncated checksum", good[:len(good)-2], "data: ends within the checksum: the file is truncated"},
		{"truncated codes", good[:body+3], "data: ends within the codes: the file is truncated"},
		{"too long a code", changed(body, 0xff), "data: code 0 of 510 lengths: want at most 256: the file is damaged"},
		{"no code", changed(body, 1, 0x33), "data: code 0: its lengths do not make a Huffman code: the file is damaged"},
		{"more than a code", changed(body, 2, 0x11, 0x11), "data: code 0: its lengths do not make a Huffman code: the file is damaged"},
		{"code of 13 bits", changed(body, 2, 0x11, 0xd), "data: code 0: its lengths do not make a Huffman code: the file is damaged"},
		{"damaged images", changed(len(good)/2, 0x55), "data: checksum of the images is 961c60ed, want df54cd31: the file is damaged"},
		{"wrong checksum", changed(-4, 0, 0, 0, 0), "data: checksum of the images is 0aa0ed86, want 00000000: the file is damaged"},
		{"trailing bytes", append(bytes.Clone(good), 'x'), "data: bytes after the end: the file is damaged"},
		{"absurd counts", headerOnly(`{"width":32,"height":32,"channels":3,"classes":["a"],"train":2000000000,"validation":1}`), "data: 2000000000 training and 1 validation images: want 1 to 100000 of each"},
		{"negative counts", headerOnly(`{"width":32,"height":32,"channels":3,"classes":["a"],"train":-1,"validation":1}`), "data: -1 training and 1 validation images: want 1 to 100000 of each"},
		{"other shape", headerOnly(`{"width":64,"height":32,"channels":3,"classes":["a"],"train":1,"validation":1}`), "data: images of 32×64×3: want 32×32×3"},
		{"no classes", headerOnly(`{"width":32,"height":32,"channels":3,"train":1,"validation":1}`), "data: 0 classes: want 1 to 256"},
		{"claims without images", claims(), "data: ends within the codes: the file is truncated"},
		{"codes without images", append(claims(), make([]byte, codes)...), "data: ends within the validation images: the file is truncated"},
		{"images without codes", append(claims(), make([]byte, codes+100_000)...), "data: validation images: number 1 has codes that are not in the tables: the file is damaged"},
		{"no JSON", headerOnly(`[]`), "data: header: json: cannot unmarshal array into Go value of type data.Info"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := Read(bytes.NewReader(test.file))
			if err == nil || err.Error() != test.want {
				t.Errorf("Read: %v, want %s", err, test.want)
			}
			if d != nil {
				t.Error("a data set besides the error")
			}
		})
	}
}

// TestReadCounts changes the numbers of images in the header.
func TestReadCounts(t *testing.T) {
	d := noise(3, 2)
	file := compact(t, d)
	body := file[bytes.Index(file, []byte("}"))+5:]
	for counts, want := range map[string]string{
		`"train":2,"validation":2`: "data: checksum of the images is ff61ad1f, want bc024f00: the file is damaged",
		`"train":3,"validation":3`: "data: ends within the training images: the file is truncated",
	} {
		head := headerOnly(`{"width":32,"height":32,"channels":3,"classes":["a","b","c"],` + counts + `}`)
		if _, err := Read(bytes.NewReader(append(head, body...))); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", counts, err, want)
		}
	}
}

// plain returns a data set of two images that take little space.
func plain() *Dataset {
	split := Split{Images: make([]byte, ImageSize), Labels: []byte{0}}
	copy(split.Images[1000:], "a few pixels that are not black")
	return &Dataset{Name: "Plain", Classes: []string{"a"}, Train: split, Validation: split}
}

// TestEveryTruncation truncates a file at every byte.
func TestEveryTruncation(t *testing.T) {
	file := compact(t, plain())
	for n := range file {
		if _, err := Read(bytes.NewReader(file[:n])); err == nil || !strings.HasSuffix(err.Error(), "the file is truncated") {
			t.Fatalf("%d of %d bytes: %v", n, len(file), err)
		}
	}
}

// TestEveryFlip changes each byte of a file. If the file can still be read, because the
// byte is unused, the images must be the same.
func TestEveryFlip(t *testing.T) {
	d := plain()
	file := compact(t, d)
	for i := range file {
		file[i] ^= 0x10
		if got, err := Read(bytes.NewReader(file)); err == nil {
			sameDataset(t, got, d)
		}
		file[i] ^= 0x10
	}
}

func TestReadPassesErrorsOn(t *testing.T) {
	fault := errors.New("the disk is gone")
	file := compact(t, Synthetic(2, 1, 1))
	for _, n := range []int{0, 20, len(file) / 2} {
		r := io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(fault))
		if _, err := Read(r); !errors.Is(err, fault) {
			t.Errorf("after %d bytes: %v, want %v", n, err, fault)
		}
	}
	if err := Synthetic(2, 1, 1).Write(failingWriter{fault}); !errors.Is(err, fault) {
		t.Errorf("Write: %v, want %v", err, fault)
	}
}

type failingWriter struct{ error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.error }

func TestValidate(t *testing.T) {
	for want, spoil := range map[string]func(*Dataset){
		"0 classes: want 1 to 256":                                      func(d *Dataset) { d.Classes = nil },
		"a name of 1001 bytes: want at most 1000":                       func(d *Dataset) { d.Name = strings.Repeat("n", 1001) },
		"0 training images: want 1 to 100000":                           func(d *Dataset) { d.Train = Split{} },
		"0 validation images: want 1 to 100000":                         func(d *Dataset) { d.Validation = Split{} },
		"9215 bytes of training images: want 3072 for each of 3 labels": func(d *Dataset) { d.Train.Images = d.Train.Images[1:] },
		"validation image 1 has label 3: want less than 3":              func(d *Dataset) { d.Validation.Labels[1] = 3 },
	} {
		d := noise(3, 2)
		if err := d.Validate(); err != nil {
			t.Fatal(err)
		}
		spoil(d)
		if err := d.Validate(); err == nil || err.Error() != want {
			t.Errorf("Validate: %v, want %s", err, want)
		}
		if err := d.Write(io.Discard); err == nil || err.Error() != "data: "+want {
			t.Errorf("Write: %v, want data: %s", err, want)
		}
	}
}
