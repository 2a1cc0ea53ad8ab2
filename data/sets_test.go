package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// records100 returns n records of CIFAR-100's binary version, with labels in rotation.
func records100(n int, seed uint64) []byte {
	var body []byte
	for i := range n {
		body = append(body, byte(i%20), byte(i%100))
		body = append(body, records(1, seed+uint64(i))[1:]...)
	}
	return body
}

// pickled100 returns records of CIFAR-100 as a batch of the Python version.
func pickled100(records []byte) []byte {
	var plain, coarse, fine []byte
	for ; len(records) > 0; records = records[recordSize+1:] {
		coarse = append(coarse, 'K', records[0])
		fine = append(fine, 'K', records[1])
		plain = append(plain, records[1:recordSize+1]...)
	}
	// The list of labels is replaced by two.
	batch := pickledBatch(plain)
	before, rest, _ := bytes.Cut(batch, []byte("U\x06labels"))
	_, after, _ := bytes.Cut(rest, []byte("eU\x04data"))
	return slices.Concat(before, []byte("U\x0bfine_labels]("), fine, []byte("eU\x0dcoarse_labels]("), coarse, []byte("eU\x04data"), after)
}

func listOf(what string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint(what, i)
	}
	return names
}

func meta100() []byte {
	p := &pickler{memo: 1}
	p.WriteString("\x80\x02}(")
	for _, list := range []struct {
		key   string
		names []string
	}{{fineNames, listOf("fine", 100)}, {coarseNames, listOf("coarse", 20)}} {
		p.str(list.key)
		p.WriteString("](")
		for _, name := range list.names {
			p.str(name)
		}
		p.WriteByte('e')
	}
	p.WriteString("u.")
	return p.Bytes()
}

// TestCIFAR100 reads the same images and classes from both versions, by fine or coarse
// label.
func TestCIFAR100(t *testing.T) {
	train, tests := records100(110, 1), records100(40, 900)
	binary := []entry{
		{"cifar-100-binary/train.bin", train}, {"cifar-100-binary/test.bin", tests},
		{"cifar-100-binary/fine_label_names.txt", []byte(strings.Join(listOf("fine", 100), "\n"))},
		{"cifar-100-binary/coarse_label_names.txt", []byte(strings.Join(listOf("coarse", 20), "\n"))},
	}
	python := []entry{{"p/file.txt~", nil}, {"p/train", pickled100(train)}, {"p/test", pickled100(tests)}, {"p/meta", meta100()}}
	for _, coarse := range []bool{false, true} {
		classes := listOf("fine", 100)
		if coarse {
			classes = listOf("coarse", 20)
		}
		for name, sources := range map[string][]Source{
			"binary archive": {inMemory("data_batch_1.bin", archived(t, binary))}, // the name does not matter
			"python archive": {inMemory("b.tar.gz", archived(t, python))},
			"python tar":     {inMemory("b.tar", tarred(t, python))},
			"binary folder":  folder(binary),
			"python folder":  folder(python),
		} {
			d, err := Import(sources, ImportOptions{Coarse: coarse})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if d.Name != "CIFAR-100" || !slices.Equal(d.Classes, classes) || d.Train.Len() != 110 || d.Validation.Len() != 40 {
				t.Errorf("%s: %s with %d and %d images, %d classes from %s", name, d.Name, d.Train.Len(), d.Validation.Len(), len(d.Classes), d.Classes[0])
			}
			known := map[string]bool{}
			for k := 0; k < len(train); k += recordSize + 1 {
				var image [ImageSize]byte
				interleave(image[:], train[k+2:][:ImageSize])
				label := train[k+1]
				if coarse {
					label = train[k]
				}
				known[string(label)+string(image[:])] = true
			}
			for i, image := range images(d.Train) {
				if !known[image] {
					t.Fatalf("%s: image %d is no record", name, i)
				}
			}
			again, err := Read(bytes.NewReader(compact(t, d)))
			if err != nil {
				t.Fatal(err)
			}
			sameDataset(t, again, d)
		}
	}
	d, err := Import([]Source{inMemory("x", train)}, ImportOptions{})
	if err != nil || d.Name != "CIFAR-100" || !slices.Equal(d.Classes, numbers(100)) {
		t.Errorf("a batch without names: %v, want classes 0 to 99", err)
	}
	for want, sources := range map[string][]Source{
		"train.bin: record 110: 3073 bytes left, want 3074":                         {inMemory("train.bin", train[:len(train)-1])},
		"test.bin: a batch of CIFAR-100 among those of CIFAR-10: want one data set": {inMemory("data_batch_1.bin", records(30, 1)), inMemory("test.bin", tests)},
		"a.tar: fine_label_names.txt: 1 class names: want 100":                      {inMemory("a.tar", tarred(t, []entry{{"fine_label_names.txt", []byte("cat")}}))},
		"train.bin: record 40: label 100, want 0 to 99":                             {inMemory("train.bin", func() []byte { b := bytes.Clone(train); b[39*(recordSize+1)+1] = 100; return b }())},
	} {
		if _, err := Import(sources, ImportOptions{}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// idxImages returns n images in the IDX format, image i full of byte i+1.
func idxImages(n, height, width int) []byte {
	file := []byte{0, 0, 8, 3}
	for _, length := range []int{n, height, width} {
		file = binary.BigEndian.AppendUint32(file, uint32(length))
	}
	for i := range n {
		file = append(file, bytes.Repeat([]byte{byte(i + 1)}, height*width)...)
	}
	return file
}

func idxLabelsFile(labels ...byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, uint32(len(labels))), labels...)
}

// TestMNIST reads images and labels, in any order and container, and pads the images.
func TestMNIST(t *testing.T) {
	train := []byte{5, 0, 4, 1, 9, 2, 1, 3, 1, 4}
	tests := []byte{7, 2, 1, 0, 4, 1, 4, 9}
	files := []entry{
		{"t10k-images-idx3-ubyte", idxImages(8, 28, 28)}, {"t10k-labels-idx1-ubyte", idxLabelsFile(tests...)},
		{"train-images-idx3-ubyte", idxImages(10, 28, 28)}, {"train-labels-idx1-ubyte", idxLabelsFile(train...)},
	}
	var plain, gzipped, both []Source
	var zipped4 []entry
	disk := fstest.MapFS{}
	for _, f := range files {
		z := zipped(t, string(f.body))
		plain = append(plain, inMemory(f.name, f.body))
		gzipped = append(gzipped, inMemory(f.name+".gz", z))
		zipped4 = append(zipped4, entry{"MNIST/raw/" + f.name + ".gz", z})
		disk[f.name] = &fstest.MapFile{Data: f.body}
		disk[f.name+".gz"] = &fstest.MapFile{Data: z}
	}
	both, err := Folder(disk)
	if err != nil {
		t.Fatal(err)
	}
	for name, sources := range map[string][]Source{
		"plain": plain, "gzipped": gzipped, "folder with both": both,
		"archive": {inMemory("a", archived(t, zipped4))},
	} {
		d, err := Import(sources, ImportOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d.Name != "MNIST" || !slices.Equal(d.Classes, numbers(10)) || d.Train.Len() != 10 || d.Validation.Len() != 8 {
			t.Fatalf("%s: %q, classes %q, %d and %d images", name, d.Name, d.Classes, d.Train.Len(), d.Validation.Len())
		}
		for i, label := range d.Train.Labels {
			image := d.Train.Image(i)
			number := image[(16*Width+16)*3]
			if label != train[number-1] {
				t.Errorf("%s: image %d has label %d, want %d", name, number, label, train[number-1])
			}
			for p, value := range image {
				want := number
				if x, y := p/3%Width, p/3/Width; x < 2 || y < 2 || x >= 30 || y >= 30 {
					want = 0
				}
				if value != want {
					t.Fatalf("%s: byte %d of image %d is %d, want %d", name, p, number, value, want)
				}
			}
		}
	}

	// Fashion-MNIST has the same names; other data sets have other labels, or none.
	d, err := Import([]Source{inMemory("b", idxLabelsFile(9, 0, 0, 3, 0, 2, 7, 2, 5)), inMemory("a", idxImages(9, 28, 28))}, ImportOptions{})
	if err != nil || d.Name != "Fashion-MNIST" || d.Classes[9] != "ankle boot" || d.Train.Len() != 8 {
		t.Errorf("%+v, %v, want Fashion-MNIST", d, err)
	}
	d, err = Import([]Source{inMemory("a", idxImages(20, 16, 17))}, ImportOptions{})
	if err != nil || d.Name != "IDX images" || !slices.Equal(d.Classes, []string{"picture"}) || d.Validation.Len() != 2 {
		t.Errorf("%+v, %v, want images without labels", d, err)
	}
	cut := zipped(t, string(idxImages(3, 28, 28)))
	cut = cut[:len(cut)-1]
	changed := append(bytes.Clone(cut[:len(cut)-7]), make([]byte, 8)...) // its checksum and length
	for want, sources := range map[string][]Source{
		"a.gz: images: wrong checksum: the file is damaged":              {inMemory("a.gz", changed)},
		"a.gz: ends within the images: the file is truncated":            {inMemory("a.gz", cut)},
		"a: images of 96×96: want at most 32×32":                         {inMemory("a", idxImages(1, 96, 96))},
		"a: image 3 of 3: ends within the images: the file is truncated": {inMemory("a", idxImages(3, 28, 28)[:2300])},
		"a: bytes after the 2 images: the file is damaged":               {inMemory("a", append(idxImages(2, 28, 28), 0))},
		"l: 3 labels: want 4":                                            {inMemory("l", []byte{0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3})},
		"a: 3 images, and no labels for as many: want a file of labels for each file of images": {
			inMemory("l", idxLabelsFile(1, 2)), inMemory("a", idxImages(3, 28, 28))},
		"l: one more file of labels: want at most 16": slices.Repeat([]Source{inMemory("l", idxLabelsFile(1))}, 17),
		"no images: " + wanted:                        {inMemory("l", idxLabelsFile(1))},
	} {
		if _, err := Import(sources, ImportOptions{}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := Folder(fstest.MapFS{"train": {Mode: fs.ModeDir}, "test/a.png": {}}); err != ErrNoBatches {
		t.Errorf("a folder of pictures: %v, want %v", err, ErrNoBatches)
	}
}

// TestSubset: a data set in memory is reduced as Import does it.
func TestSubset(t *testing.T) {
	all, err := Import(folder(binaryVersion()), ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	all.Provenance = ""
	options := ImportOptions{Train: 20, Validation: 10, Seed: 7, Classes: []string{"cat", "dog"}, AtMost: true}
	want, err := Import(folder(binaryVersion()), options)
	if err != nil {
		t.Fatal(err)
	}
	got, err := all.Subset(options)
	if err != nil {
		t.Fatal(err)
	}
	sameSplit(t, "training", got.Train, want.Train)
	sameSplit(t, "validation", got.Validation, want.Validation)
	all.Validation = Split{}
	held, err := all.Subset(ImportOptions{})
	if err != nil || held.Validation.Len() != 9 || held.Train.Len() != 87 {
		t.Errorf("%v: want a tenth held out", err)
	}
}
