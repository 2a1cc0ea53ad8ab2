package data

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// count returns how often each label occurs.
func count(labels []byte) map[byte]int {
	counts := map[byte]int{}
	for _, label := range labels {
		counts[label]++
	}
	return counts
}

// images returns the images of a split as strings, sorted.
func images(s Split) []string {
	var list []string
	for i := range s.Len() {
		list = append(list, string(s.Labels[i])+string(s.Image(i)))
	}
	slices.Sort(list)
	return list
}

// TestImportAll compares all images with the transposed records.
func TestImportAll(t *testing.T) {
	d, err := Import([]Source{inMemory("cifar.tar.gz", archived(t, binaryVersion()))}, ImportOptions{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	want := func(records []byte) (list []string) {
		for ; len(records) > 0; records = records[recordSize:] {
			image := []byte{records[0]}
			for y := range Height {
				for x := range Width {
					for c := range Channels {
						image = append(image, records[1+(c*Height+y)*Width+x])
					}
				}
			}
			list = append(list, string(image))
		}
		slices.Sort(list)
		return list
	}
	if !slices.Equal(images(d.Train), want(slices.Concat(records(60, 1), records(36, 2)))) {
		t.Error("training images are not those of the data batches")
	}
	if !slices.Equal(images(d.Validation), want(records(48, 3))) {
		t.Error("validation images are not those of the test batch")
	}
	if d.Name != "CIFAR-10" || !slices.Equal(d.Classes, cifarClasses) {
		t.Errorf("name %q, classes %q", d.Name, d.Classes)
	}
	if want := "cifar.tar.gz: 96 training and 48 validation images, stratified, seed 5"; d.Provenance != want {
		t.Errorf("provenance %q, want %q", d.Provenance, want)
	}
}

// TestContainers reads the same subset in the same order from every container of the same
// records.
func TestContainers(t *testing.T) {
	reversed := binaryVersion()
	slices.Reverse(reversed)
	whole := tarred(t, binaryVersion())
	all, err := Import(folder(binaryVersion()), ImportOptions{Seed: 99})
	if err != nil {
		t.Fatal(err)
	}
	for _, options := range []ImportOptions{
		{Train: 30, Validation: 17, Seed: 1},
		{Train: 30, Validation: 17, Seed: 2},
		{Seed: 3},
	} {
		want, err := Import(folder(binaryVersion()), options)
		if err != nil {
			t.Fatal(err)
		}
		for name, sources := range map[string][]Source{
			"reversed folder": folder(reversed),
			"binary archive":  {inMemory("a", archived(t, binaryVersion()))},
			"python archive":  {inMemory("b", archived(t, pythonVersion()))},
			"binary tar":      {inMemory("d", tarred(t, binaryVersion()))},
			"python tar":      {inMemory("data_batch_1.bin", tarred(t, pythonVersion()))}, // the name does not matter
			"two members":     {inMemory("test_batch.tar.gz", slices.Concat(zipped(t, string(whole[:9999])), zipped(t, string(whole[9999:]))))},
			"python folder":   folder(pythonVersion()),
			"compact":         {inMemory("c", compact(t, all))},
		} {
			got, err := Import(sources, options)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			t.Run(name, func(t *testing.T) {
				sameSplit(t, "training", got.Train, want.Train)
				sameSplit(t, "validation", got.Validation, want.Validation)
			})
		}
	}
}

func TestSeeds(t *testing.T) {
	var subsets []string
	for seed := range uint64(4) {
		d, err := Import(folder(binaryVersion()), ImportOptions{Train: 30, Validation: 10, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		subsets = append(subsets, strings.Join(images(d.Train), ""))
	}
	slices.Sort(subsets)
	if len(slices.Compact(subsets)) != 4 {
		t.Error("two of four seeds choose the same images")
	}
}

func TestStratified(t *testing.T) {
	// 60 + 36 training records: 24 of class 0, 8 of each other.
	for n, want := range map[int]map[byte]int{
		12: {0: 3, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1, 9: 1},
		24: {0: 6, 1: 2, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 2, 8: 2, 9: 2},
		// 14 × 24/96 = 3.5 and 14 × 8/96 = 1.17: the remaining one goes to class 0.
		14: {0: 4, 1: 2, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1, 9: 1},
	} {
		d, err := Import(folder(binaryVersion()), ImportOptions{Train: n, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if got := count(d.Train.Labels); !maps.Equal(got, want) {
			t.Errorf("%d of 96: %v, want %v", n, got, want)
		}
	}
}

// TestSubsetGrows: a larger subset with the same seed contains a smaller one.
func TestSubsetGrows(t *testing.T) {
	small, err := Import(folder(binaryVersion()), ImportOptions{Train: 12, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	large, err := Import(folder(binaryVersion()), ImportOptions{Train: 48, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range images(small.Train) {
		if !slices.Contains(images(large.Train), image) {
			t.Fatal("an image of the smaller subset is not in the larger")
		}
	}
}

func TestClasses(t *testing.T) {
	for _, classes := range [][]string{{"dog", "cat"}, {"5", "3"}, {" dog", "3 "}} {
		d, err := Import(folder(binaryVersion()), ImportOptions{Classes: classes, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.Classes, []string{"dog", "cat"}) {
			t.Errorf("%q: classes %q", classes, d.Classes)
		}
		if got, want := count(d.Train.Labels), (map[byte]int{0: 8, 1: 8}); !maps.Equal(got, want) {
			t.Errorf("%q: %v training labels, want %v", classes, got, want)
		}
		whole, err := Import(folder(binaryVersion()), ImportOptions{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i, label := range whole.Train.Labels {
			if label != 5 {
				continue
			}
			if k := slices.Index(images(d.Train), "\x00"+string(whole.Train.Image(i))); k < 0 {
				t.Errorf("%q: a dog is missing or has another label", classes)
			}
		}
	}
}

// TestHoldOut imports a single batch, without images for validation.
func TestHoldOut(t *testing.T) {
	batch := records(120, 1)
	for _, name := range []string{"data_batch_1.bin", "any.bin"} {
		d, err := Import([]Source{inMemory(name, batch)}, ImportOptions{Train: 5000, Validation: 1000, AtMost: true, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if want := name + ": 108 training and 12 validation images, stratified, seed 1, validation held out of the training batches"; d.Provenance != want {
			t.Errorf("provenance %q, want %q", d.Provenance, want)
		}
		if got, want := count(d.Validation.Labels), (map[byte]int{0: 3, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1, 9: 1}); !maps.Equal(got, want) {
			t.Errorf("%v validation labels, want %v", got, want)
		}
		both := slices.Concat(images(d.Train), images(d.Validation))
		slices.Sort(both)
		if len(slices.Compact(both)) != 120 {
			t.Error("training and validation images are not apart")
		}
	}
	d, err := Import([]Source{inMemory("test_batch.bin", batch)}, ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "test_batch.bin: 108 training and 12 validation images, stratified, seed 0, both from the test batch"; d.Provenance != want {
		t.Errorf("provenance %q, want %q", d.Provenance, want)
	}
}

// TestCopies: copies of a record count, but no copy of a validation image is trained on.
func TestCopies(t *testing.T) {
	batch := bytes.Repeat(records(12, 1), 5)
	d, err := Import([]Source{inMemory("data_batch_1.bin", batch), inMemory("test_batch.bin", slices.Concat(batch, records(12, 1)))}, ImportOptions{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if d.Train.Len() != 60 || d.Validation.Len() != 72 {
		t.Errorf("%d training and %d validation images, want 60 and 72", d.Train.Len(), d.Validation.Len())
	}
	d, err = Import([]Source{inMemory("data_batch_1.bin", batch)}, ImportOptions{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	trained := images(d.Train)
	for _, image := range images(d.Validation) {
		if slices.Contains(trained, image) {
			t.Error("an image is in both parts")
		}
	}
}

func TestImportCompact(t *testing.T) {
	file := compact(t, Synthetic(40, 20, 1))
	// With AtMost, a file is taken as it is.
	d, err := Import([]Source{inMemory("my.sae", file)}, ImportOptions{Train: 10, Validation: 10, AtMost: true})
	if err != nil {
		t.Fatal(err)
	}
	sameDataset(t, d, Synthetic(40, 20, 1))
	// Otherwise, it is reduced as requested.
	d, err = Import([]Source{inMemory("my.sae", file)}, ImportOptions{Train: 4, Validation: 2, Classes: []string{"star", "disc"}, Seed: 9})
	if err != nil {
		t.Fatal(err)
	}
	if d.Train.Len() != 4 || d.Validation.Len() != 2 || d.Name != "Synthetic" || !slices.Equal(d.Classes, []string{"star", "disc"}) {
		t.Errorf("%d training and %d validation images of %s, %q", d.Train.Len(), d.Validation.Len(), d.Name, d.Classes)
	}
	if want := "drawn by this program, seed 1; of these, my.sae: 4 training and 2 validation images, stratified, seed 9"; d.Provenance != want {
		t.Errorf("provenance %q, want %q", d.Provenance, want)
	}
}

func TestProgress(t *testing.T) {
	file := archived(t, binaryVersion())
	for name, size := range map[string]int64{"known": int64(len(file)), "unknown": 0} {
		source := inMemory("a", file)
		source.Size = size
		var last, calls int64
		_, err := Import([]Source{source}, ImportOptions{Progress: func(done, total int64) {
			if done < last || total != 2*size {
				t.Fatalf("%s: %d of %d after %d", name, done, total, last)
			}
			last = done
			calls++
		}})
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(2 * len(file)); last != want || calls < 4 {
			t.Errorf("%s: %d bytes in %d calls, want %d", name, last, calls, want)
		}
	}
	compacted := compact(t, Synthetic(20, 10, 1))
	var last, of int64
	if _, err := Import([]Source{inMemory("my.sae", compacted)}, ImportOptions{Progress: func(done, total int64) { last, of = done, total }}); err != nil {
		t.Fatal(err)
	}
	if last != int64(len(compacted)) || of != last {
		t.Errorf("compact: %d of %d bytes, want %d", last, of, len(compacted))
	}
}

func TestImportRefuses(t *testing.T) {
	good := records(3, 1)
	label := bytes.Clone(good)
	label[2*recordSize] = 10
	first := bytes.Clone(good)
	first[0] = 12
	plainTar := tarred(t, binaryVersion())
	archive := zipped(t, string(plainTar))
	newer := compact(t, plain())
	newer[8] = 3
	flipped := compact(t, plain())
	flipped[len(flipped)-1] ^= 0xff
	within := func(name string, body []byte) []byte {
		return archived(t, []entry{{"cifar-10-batches-bin/data_batch_1.bin", good}, {"cifar-10-batches-bin/" + name, body}})
	}
	const want = "want an archive or a batch of CIFAR-10 or CIFAR-100, the files of MNIST or Fashion-MNIST, or a compact .sae file"
	for _, test := range []struct {
		name, file string
		body       []byte
		options    ImportOptions
		want       string
	}{
		{"empty", "data_batch_1.bin", nil, ImportOptions{}, "data_batch_1.bin: is empty: " + want},
		{"one byte", "x", []byte{5}, ImportOptions{}, "x: record 1: 1 bytes left, want 3073"},
		{"PNG", "photo.png", []byte("\x89PNG\r\n\x1a\n0123"), ImportOptions{}, "photo.png: starts with byte 137, no label of CIFAR-10: " + want},
		{"short record", "data_batch_3.bin", good[:2*recordSize+1021], ImportOptions{}, "data_batch_3.bin: record 3: 1021 bytes left, want 3073"},
		{"long record", "data_batch_3.bin", append(bytes.Clone(good), 0), ImportOptions{}, "data_batch_3.bin: record 4: 1 bytes left, want 3073"},
		{"label", "data_batch_3.bin", label, ImportOptions{}, "data_batch_3.bin: record 3: label 10, want 0 to 9"},
		{"first label", "data_batch_3.bin", first, ImportOptions{}, "data_batch_3.bin: starts with byte 12, no label of CIFAR-10: " + want},
		{"gzip of text", "notes.gz", zipped(t, strings.Repeat("hello ", 200)), ImportOptions{}, "notes.gz: a gzip file without a tar in it: " + want},
		{"gzip of a little text", "notes.gz", zipped(t, "hello"), ImportOptions{}, "notes.gz: a gzip file without a tar in it: " + want},
		{"gzip of nothing", "notes.gz", zipped(t, ""), ImportOptions{}, "notes.gz: a gzip file without a tar in it: " + want},
		{"gzip header only", "a.tar.gz", archive[:5], ImportOptions{}, "a.tar.gz: ends within the gzip file: the file is truncated"},
		{"gzip cut at once", "a.tar.gz", archive[:40], ImportOptions{}, "a.tar.gz: ends within the gzip file: the file is truncated"},
		{"archive cut", "a.tar.gz", archive[:len(archive)/2], ImportOptions{}, "a.tar.gz: data_batch_2.bin: record 12: ends within the archive: the file is truncated"},
		{"tar without batches", "src.tar.gz", archived(t, []entry{{"src/main.go", []byte("package main")}}), ImportOptions{}, "src.tar.gz: no batches in the archive: want data_batch_1 to data_batch_5 and test_batch, with or without .bin"},
		{"empty tar", "src.tar.gz", archived(t, nil), ImportOptions{}, "src.tar.gz: no batches in the archive: want data_batch_1 to data_batch_5 and test_batch, with or without .bin"},
		{"short record in an archive", "a.tar.gz", within("test_batch.bin", good[:100]), ImportOptions{}, "a.tar.gz: test_batch.bin: record 1: 100 bytes left, want 3073"},
		{"empty batch in an archive", "a.tar.gz", within("test_batch.bin", nil), ImportOptions{}, "a.tar.gz: test_batch.bin: is empty: want records of 3073 bytes"},
		{"tar in an archive name", "test_batch.tar", tarred(t, []entry{{"data_batch_1.bin", good}}), ImportOptions{Train: 3}, "3 training images: want at most the 2 available"},
		{"bytes after the gzip file", "a.tar.gz", append(bytes.Clone(archive), 'x'), ImportOptions{}, "a.tar.gz: ends within the archive: the file is truncated"},
		{"text after the gzip file", "a.tar.gz", append(bytes.Clone(archive), "some text and more"...), ImportOptions{}, "a.tar.gz: archive: invalid gzip data: the file is damaged"},
		{"zeros after the gzip file", "a.tar.gz", append(bytes.Clone(archive), make([]byte, 512)...), ImportOptions{}, "a.tar.gz: archive: invalid gzip data: the file is damaged"},
		{"archive after the archive", "a.tar.gz", append(bytes.Clone(archive), archive...), ImportOptions{}, "a.tar.gz: bytes after the end of the archive: the file is damaged"},
		{"bytes after the tar", "a.tar", append(bytes.Clone(plainTar), 1), ImportOptions{}, "a.tar: bytes after the end of the archive: the file is damaged"},
		{"tar cut in an entry", "a.tar", plainTar[:len(plainTar)/2], ImportOptions{}, "a.tar: data_batch_2.bin: record 13: ends within the archive: the file is truncated"},
		{"tar cut after an entry", "a.tar", plainTar[:len(plainTar)-1024], ImportOptions{}, "a.tar: ends within the archive: the file is truncated"},
		{"tar without batches, plain", "src.tar", tarred(t, []entry{{"src/main.go", []byte("package main")}}), ImportOptions{}, "src.tar: no batches in the archive: want data_batch_1 to data_batch_5 and test_batch, with or without .bin"},
		{"only a test batch", "a.tar.gz", archived(t, []entry{{"x/test_batch.bin", good}}), ImportOptions{}, "a.tar.gz: only a test batch in the archive: want data_batch_1 to data_batch_5 too"},
		{"class names", "a.tar.gz", within("batches.meta.txt", []byte("cat\ndog\n")), ImportOptions{}, "a.tar.gz: batches.meta.txt: 2 class names: want 10"},
		{"names alone", "batches.meta.txt", []byte(metaText), ImportOptions{}, "no images: " + want},
		{"too many asked for", "a.tar.gz", archive, ImportOptions{Train: 97}, "97 training images: want at most the 96 available"},
		{"too many validation", "a.tar.gz", archive, ImportOptions{Validation: 100}, "100 validation images: want at most the 48 available"},
		{"too many of a class", "a.tar.gz", archive, ImportOptions{Train: 9, Classes: []string{"cat"}}, "9 training images: want at most the 8 available"},
		{"negative", "a.tar.gz", archive, ImportOptions{Train: -1}, "-1 training images: want at least 1, or 0 for all"},
		{"class", "a.tar.gz", archive, ImportOptions{Classes: []string{"cat", "cow"}}, `class "cow": want some of airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck or their numbers`},
		{"class number", "a.tar.gz", archive, ImportOptions{Classes: []string{"10"}}, `class "10": want some of airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck or their numbers`},
		{"class twice", "a.tar.gz", archive, ImportOptions{Classes: []string{"cat", "3"}}, `class "3" is given twice: want it once`},
		{"one image", "any.bin", records(1, 1), ImportOptions{}, "data: 0 validation images: want 1 to 100000"},
		{"newer compact", "my.sae", newer, ImportOptions{}, "my.sae: version 3 of the compact format: this program reads versions 1 to 2; update it"},
		{"damaged compact", "my.sae", flipped, ImportOptions{}, "my.sae: checksum of the images is 2dd61897, want d2d61897: the file is damaged"},
		{"more compact than there is", "my.sae", compact(t, plain()), ImportOptions{Train: 2}, "2 training images: want at most the 1 available"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := Import([]Source{inMemory(test.file, test.body)}, test.options)
			if err == nil || err.Error() != test.want {
				t.Errorf("%v, want %s", err, test.want)
			}
			if d != nil {
				t.Error("a data set besides the error")
			}
		})
	}
}

// TestDamagedArchive flips single bits of an archive. All are detected, except in fields
// of gzip's header that do not concern the content.
func TestDamagedArchive(t *testing.T) {
	const headerEnd = 10
	good := archived(t, []entry{{"data_batch_1.bin", records(2, 1)}, {"test_batch.bin", records(1, 2)}})
	for at := headerEnd; at < len(good); at += 1 + at/100 {
		damaged := bytes.Clone(good)
		damaged[at] ^= 1 << (at % 8)
		if _, err := Import([]Source{inMemory("a.tar.gz", damaged)}, ImportOptions{}); err == nil {
			t.Errorf("read with a flipped bit in byte %d of %d", at, len(good))
		}
	}
	for left := range 9 { // the checksum, the length, and one byte before them
		if _, err := Import([]Source{inMemory("a.tar.gz", good[:len(good)-1-left])}, ImportOptions{}); err == nil || !strings.Contains(err.Error(), "the file is truncated") {
			t.Errorf("without the last %d bytes: %v", 1+left, err)
		}
	}
	sum := bytes.Clone(good)
	sum[len(sum)-8] ^= 1
	want := "a.tar.gz: archive: wrong checksum: the file is damaged"
	if _, err := Import([]Source{inMemory("a.tar.gz", sum)}, ImportOptions{}); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestBatchesTwice: a duplicate batch is rejected, whatever its name, form and place.
func TestBatchesTwice(t *testing.T) {
	first, second, tests := records(24, 1), records(36, 2), records(12, 3)
	shuffled := slices.Concat(first[recordSize:], first[:recordSize])
	binary := archived(t, []entry{{"x/data_batch_1.bin", first}, {"x/test_batch.bin", tests}})
	for want, sources := range map[string][]Source{
		"data_batch_2.bin: has the images of data_batch_1.bin: want each batch once": folder([]entry{
			{"data_batch_1.bin", first}, {"data_batch_2.bin", shuffled}, {"test_batch.bin", tests}}),
		"test_batch.bin: has the images of data_batch_1.bin: want each batch once": folder([]entry{
			{"data_batch_1.bin", first}, {"test_batch.bin", first}}),
		"data_batch_1.bin: the same batch as data_batch_1: want each batch once": folder([]entry{
			{"data_batch_1", pickledBatch(first)}, {"data_batch_1.bin", second}, {"test_batch.bin", tests}}),
		"again.bin: has the images of a.tar.gz: data_batch_1.bin: want each batch once": {
			inMemory("a.tar.gz", binary), inMemory("again.bin", first)},
		"a.tar.gz: data_batch_1.bin: the same batch as a.tar.gz: data_batch_1.bin: want each batch once": {
			inMemory("a.tar.gz", archived(t, []entry{{"data_batch_1.bin", first}, {"data_batch_1.bin", second}, {"test_batch.bin", tests}}))},
		"a.tar: data_batch_3: has the images of a.tar: data_batch_1: want each batch once": {
			inMemory("a.tar", tarred(t, []entry{{"data_batch_1", pickledBatch(first)}, {"data_batch_3", pickledBatch(shuffled)}, {"test_batch", pickledBatch(tests)}}))},
	} {
		if _, err := Import(sources, ImportOptions{}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestBlackPictures: a batch that starts with as many zeros as the end of a tar is read.
func TestBlackPictures(t *testing.T) {
	d, err := Import([]Source{inMemory("data_batch_1.bin", slices.Concat(make([]byte, recordSize), records(3, 1)))}, ImportOptions{})
	if err != nil || d.Train.Len() != 3 {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestLimited reads up to the limit and beyond it.
func TestLimited(t *testing.T) {
	for left, want := range map[int]string{10: "", 9: "unpacks to more than 1 GiB: want an archive of CIFAR-10"} {
		body, err := io.ReadAll(&limited{strings.NewReader("0123456789"), left})
		if want == "" && (err != nil || len(body) != 10) || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("limit %d: %q, %v", left, body, err)
		}
	}
}

func TestImportManySources(t *testing.T) {
	sources := []Source{inMemory("data_batch_1.bin", records(12, 1)), inMemory("my.sae", compact(t, plain()))}
	want := "my.sae: a compact data set among 2 files: want it alone"
	if _, err := Import(sources, ImportOptions{}); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestImportFilesThatFail(t *testing.T) {
	fault := errors.New("the disk is gone")
	source := inMemory("a.bin", nil)
	source.Open = func() (io.ReadCloser, error) { return nil, fault }
	if _, err := Import([]Source{source}, ImportOptions{}); !errors.Is(err, fault) {
		t.Errorf("%v, want %v", err, fault)
	}
	opened := 0
	source.Open = func() (io.ReadCloser, error) {
		opened++
		return io.NopCloser(bytes.NewReader(records(10*opened, 1))), nil
	}
	want := "data: 20 images on second reading, 10 on first: the file changed"
	if _, err := Import([]Source{source}, ImportOptions{}); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestImportReal imports CIFAR-10 itself.
func TestImportReal(t *testing.T) {
	dir := shared(t, "cifar-10-batches-bin")
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var sources []Source
	for _, file := range files {
		path := filepath.Join(dir, file.Name())
		sources = append(sources, Source{Name: file.Name(), Open: func() (io.ReadCloser, error) { return os.Open(path) }})
	}
	d, err := Import(sources, ImportOptions{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if d.Train.Len() != 3728 || d.Validation.Len() != 500 {
		t.Errorf("%d training and %d validation images, want 3728 and 500", d.Train.Len(), d.Validation.Len())
	}
	file := compact(t, d)
	perImage := len(file) / (d.Train.Len() + d.Validation.Len())
	t.Logf("%d bytes per image", perImage)
	if perImage > 1514 {
		t.Errorf("%d bytes per image, want no more than 1514", perImage)
	}
	got, err := Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	sameDataset(t, got, d)
}
