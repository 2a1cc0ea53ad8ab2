package data

import (
	"bytes"
	"testing"
)

// The fuzz targets hold that no input panics and that what is accepted is a
// valid data set. The limits on what is allocated (maxImages, maxHeader,
// maxPixels, maxProgram) make the fuzzing process fail where they do not hold.

func FuzzRead(f *testing.F) {
	file := compact(f, plain())
	f.Add(file)
	f.Add(file[:len(file)-3])
	f.Add(headerOnly(`{"width":32,"height":32,"channels":3,"classes":["a"],"train":100000,"validation":100000}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		d, err := Read(bytes.NewReader(file))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := d.Write(&again); err != nil {
			t.Fatal(err)
		}
		same, err := Read(&again)
		if err != nil {
			t.Fatal(err)
		}
		sameDataset(t, same, d)
	})
}

func FuzzImport(f *testing.F) {
	small := []entry{{"data_batch_1.bin", records(2, 1)}, {"test_batch.bin", records(1, 2)}, {"batches.meta.txt", []byte(metaText)}}
	f.Add(archived(f, small))
	f.Add(records(2, 1))
	f.Add(pickledBatch(records(2, 1)))
	f.Add(compact(f, plain()))
	f.Fuzz(func(t *testing.T, file []byte) {
		d, err := Import([]Source{inMemory("data_batch_1.bin", file)}, ImportOptions{Train: 5, Validation: 2, AtMost: true})
		if err != nil {
			return
		}
		if err := d.Validate(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzPickle puts the input behind the start of a batch, where all opcodes may
// come.
func FuzzPickle(f *testing.F) {
	f.Add(pickledBatch(records(1, 1))[2:])
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
		_ = s.scan("data_batch_1", bytes.NewReader(append([]byte("\x80\x02"), program...)))
	})
}
