package data

import (
	"bytes"
	"runtime"
	"testing"
)

// Bad input never panics or hangs, and allocates a bounded multiple of its size. Whatever
// is accepted is a valid data set, and survives being written and read in every form.

// bounded fails the test if f allocates more than the given number of bytes.
func bounded(t *testing.T, bytes int, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > uint64(bytes) {
		t.Errorf("allocates %d bytes: want at most %d", got, bytes)
	}
}

// readAgain reads a compact file and, if it is valid, writes and reads it again.
func readAgain(t *testing.T, file []byte) {
	t.Helper()
	var d *Dataset
	var err error
	// The tables and the first images take 3 MB. An encoded image has at least 385 bytes,
	// and the slice of images grows fourfold.
	bounded(t, 4<<20+60*len(file), func() { d, err = Read(bytes.NewReader(file)) })
	if err != nil {
		return
	}
	again, err := Read(bytes.NewReader(compact(t, d)))
	if err != nil {
		t.Fatal(err)
	}
	sameDataset(t, again, d)
}

func FuzzRead(f *testing.F) {
	file := compact(f, plain())
	f.Add(file)
	f.Add(file[:len(file)-3])
	f.Add(compact(f, slopes()))
	f.Add(claims())
	f.Fuzz(readAgain)
}

// FuzzReadImages puts the input after a valid header.
func FuzzReadImages(f *testing.F) {
	for _, d := range []*Dataset{plain(), slopes(), noise(1, 1)} {
		file := compact(f, d)
		f.Add(d.Train.Len() == 1, file[bytes.Index(file, []byte("}"))+5:])
	}
	f.Add(false, make([]byte, codes+1000))
	f.Fuzz(func(t *testing.T, few bool, body []byte) {
		header := claims()
		if few {
			header = headerOnly(`{"width":32,"height":32,"channels":3,"classes":["a","b","c"],"train":1,"validation":1}`)
		}
		readAgain(t, append(header, body...))
	})
}

// FuzzWrite writes images whose pixels are the input.
func FuzzWrite(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add([]byte{255, 0, 0}, uint8(1))
	f.Add(extremes().Train.Images[:3*ImageSize], uint8(2))
	f.Add(Synthetic(1, 0, 1).Train.Images, uint8(9))
	f.Fuzz(func(t *testing.T, pixels []byte, label uint8) {
		d := &Dataset{Name: "Fuzz", Provenance: "the input", Classes: cifarClasses}
		label %= uint8(len(cifarClasses))
		for image := range 1 + len(pixels)/ImageSize {
			split := &d.Train
			if image == 0 {
				split = &d.Validation
			}
			split.Labels = append(split.Labels, label)
			split.Images = append(split.Images, make([]byte, ImageSize)...)
			copy(split.Image(split.Len()-1), pixels[image*ImageSize:])
		}
		if d.Train.Len() == 0 {
			d.Train = d.Validation
		}
		file := compact(t, d)
		got, err := Read(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		sameDataset(t, got, d)
		if got, err = specRead(file); err != nil {
			t.Fatal(err)
		}
		sameDataset(t, got, d)
	})
}

// imported imports a source into a data set of at most a few images.
func imported(t *testing.T, name string, file []byte) *Dataset {
	t.Helper()
	var d *Dataset
	var err error
	// A byte of a pickle allocates 100 in each pass, doubled by growing slices.
	bounded(t, 4<<20+400*len(file), func() {
		d, err = Import([]Source{inMemory(name, file)}, ImportOptions{Train: 5, Validation: 2, AtMost: true})
	})
	if err != nil {
		return nil
	}
	if err := d.Validate(); err != nil {
		t.Fatal(err)
	}
	return d
}

func FuzzImport(f *testing.F) {
	f.Add(archived(f, []entry{{"data_batch_1.bin", records(2, 1)}, {"test_batch.bin", records(1, 2)}, {"batches.meta.txt", []byte(metaText)}}))
	f.Add(records(2, 1))
	f.Add(pickledBatch(records(2, 1)))
	f.Add(compact(f, plain()))
	f.Add(records100(3, 1))
	f.Add(idxImages(3, 28, 28))
	f.Add(idxLabelsFile(1, 2, 3))
	f.Fuzz(func(t *testing.T, file []byte) { imported(t, "data_batch_1.bin", file) })
}

// FuzzArchive compresses the input, a tar, to get past gzip's checksum.
func FuzzArchive(f *testing.F) {
	for _, entries := range [][]entry{
		{{"data_batch_1.bin", records(2, 1)}, {"test_batch.bin", records(1, 2)}, {"batches.meta.txt", []byte(metaText)}},
		{{"data_batch_1", pickledBatch(records(2, 1))}, {"batches.meta", pickledMeta()}},
		{{"readme.html", []byte("<html>")}},
		{{"a", idxImages(3, 4, 4)}, {"b", idxLabelsFile(1, 2, 3)}},
		{{"train", pickled100(records100(2, 1))}, {"meta", meta100()}},
	} {
		f.Add(tarred(f, entries))
	}
	f.Fuzz(func(t *testing.T, archive []byte) { imported(t, "cifar.tar.gz", zipped(t, string(archive))) })
}

// FuzzRecords checks that records give the same data set in all forms.
func FuzzRecords(f *testing.F) {
	f.Add(records(2, 1))
	f.Add(records(4, 2))
	f.Add([]byte{9, 1, 2, 3})
	f.Add([]byte{5, 0xab, 0x91, 0x10, 0xab, 4}) // as the header of a tar, its checksum is 0
	f.Fuzz(func(t *testing.T, batch []byte) {
		imported(t, "data_batch_1.bin", batch)
		batch = append(batch, make([]byte, 2*recordSize-len(batch)%recordSize)...)
		for k := 0; k < len(batch); k += recordSize {
			batch[k] %= 10
		}
		var want *Dataset
		for name, file := range map[string][]byte{
			"data_batch_1.bin": batch,
			"data_batch_1":     pickledBatch(batch),
			"cifar.tar.gz":     archived(t, []entry{{"data_batch_1.bin", batch}}),
		} {
			got, err := Import([]Source{inMemory(name, file)}, ImportOptions{})
			if err != nil && err.Error() == "data: 0 training images: want 1 to 100000" {
				continue // all records are copies
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if want != nil {
				sameSplit(t, "training", got.Train, want.Train)
				sameSplit(t, "validation", got.Validation, want.Validation)
			}
			want = got
		}
	})
}

// FuzzPickle puts the input after the start of a batch, where all opcodes are possible.
func FuzzPickle(f *testing.F) {
	f.Add(pickledBatch(records(1, 1))[2:])
	for _, batch := range python3(records(1, 1)) {
		f.Add(batch[2:])
	}
	f.Add(pickledMeta()[2:])
	f.Add([]byte("}(K\x01u."))
	f.Add([]byte("\x8a\x00."))
	f.Fuzz(func(t *testing.T, program []byte) {
		s := scanner{each: func(_ part, label byte, planar []byte) error {
			if int(label) >= len(cifarClasses) || len(planar) != ImageSize {
				t.Errorf("label %d, %d bytes", label, len(planar))
			}
			return nil
		}}
		file := append([]byte("\x80\x02"), program...)
		// A string that is only claimed takes 1 MB.
		bounded(t, 2<<20+200*len(file), func() { _ = s.scan("data_batch_1", bytes.NewReader(file)) })
	})
}
