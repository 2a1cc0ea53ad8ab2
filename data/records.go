package data

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// recordSize is the size of a record of CIFAR-10's binary version: a label
// and three planes.
const recordSize = 1 + ImageSize

// cifarClasses are the classes by their labels.
var cifarClasses = []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}

// part says which half of CIFAR-10 a batch belongs to.
type part int

const (
	training part = iota
	test
)

// scanner goes through the records of CIFAR-10 in whatever holds them.
type scanner struct {
	each      func(p part, label byte, planar []byte) error
	classes   []string // as the archive names them; nil where it does not
	batches   int
	unpickler unpickler
}

// errCompact reports a source in the compact format, which holds no records.
var errCompact = errors.New("data: a compact data set")

// scan goes through a source: an archive or a single batch.
func (s *scanner) scan(name string, r io.Reader) error {
	buffered := bufio.NewReaderSize(r, 1<<16)
	start, err := buffered.Peek(len(magic))
	switch {
	case len(start) == 0:
		if err != nil && err != io.EOF {
			return fmt.Errorf("%s: %w", name, err)
		}
		return fmt.Errorf("%s: is empty: %s", name, wanted)
	case string(start) == magic:
		return errCompact
	case start[0] == 0x1f && len(start) > 1 && start[1] == 0x8b:
		return s.archive(name, buffered)
	}
	return s.batch(name, buffered)
}

const wanted = "want cifar-10-binary.tar.gz, cifar-10-python.tar.gz, a batch of one of them or a compact .sae file"

// archive goes through a gzipped tar.
func (s *scanner) archive(name string, r io.Reader) error {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, truncated("gzip file", err))
	}
	buffered := bufio.NewReaderSize(&limited{unzipped, maxArchive}, 1<<16)
	const block = 512 // of a tar, which has two at least
	if start, err := buffered.Peek(block); err != nil && err != io.EOF {
		return fmt.Errorf("%s: %w", name, truncated("gzip file", err))
	} else if _, err := tar.NewReader(bytes.NewReader(start)).Next(); len(start) < block || errors.Is(err, tar.ErrHeader) {
		return fmt.Errorf("%s: a gzip file but no tar in it: %s", name, wanted)
	}
	before := s.batches
	entries := tar.NewReader(buffered)
	batch := bufio.NewReaderSize(nil, 1<<16)
	for {
		entry, err := entries.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, truncated("archive", err))
		}
		base := path.Base(entry.Name)
		if entry.Typeflag != tar.TypeReg || !isBatch(base) && !isMeta(base) {
			continue
		}
		batch.Reset(entries)
		if err := s.batch(name+": "+base, batch); err != nil {
			return err
		}
	}
	if s.batches == before {
		return fmt.Errorf("%s: no batches in the archive: want data_batch_1 to data_batch_5 and test_batch, with or without .bin", name)
	}
	return nil
}

// maxArchive bounds what an archive unpacks to: CIFAR's are 186 MB.
const maxArchive = 1 << 30

// limited fails where more than left is read, rather than end: a small file
// can unpack for hours.
type limited struct {
	io.Reader
	left int
}

func (l *limited) Read(buffer []byte) (int, error) {
	n, err := l.Reader.Read(buffer)
	if l.left -= n; l.left < 0 {
		return 0, errors.New("unpacks to more than any archive of CIFAR-10")
	}
	return n, err
}

func isBatch(base string) bool {
	base = strings.TrimSuffix(base, ".bin")
	return strings.HasPrefix(base, "data_batch_") || base == "test_batch"
}

func isMeta(base string) bool { return base == "batches.meta" || base == "batches.meta.txt" }

// batch goes through one file of CIFAR-10: records, a pickle, or the names
// of the classes.
func (s *scanner) batch(name string, r *bufio.Reader) error {
	if strings.HasSuffix(name, "batches.meta.txt") {
		text, err := io.ReadAll(io.LimitReader(r, 1<<16))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return s.nameClasses(name, strings.Fields(string(text)))
	}
	p := training
	if strings.Contains(path.Base(name), "test_batch") {
		p = test
	}
	if start, _ := r.Peek(1); len(start) == 1 && start[0] == protocol {
		return s.pickled(name, p, r)
	}
	s.batches++
	var record [recordSize]byte
	for number := 1; ; number++ {
		n, err := io.ReadFull(r, record[:])
		if err == io.EOF {
			if number == 1 {
				return fmt.Errorf("%s: is empty: want records of %d bytes", name, recordSize)
			}
			return nil
		}
		if err == io.ErrUnexpectedEOF {
			_, err = r.Peek(1) // tells the end of the batch from that of a cut archive
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("%s: record %d: %w", name, number, truncated("archive", err))
		}
		if label := record[0]; int(label) >= len(cifarClasses) {
			if number == 1 {
				return fmt.Errorf("%s: starts with byte %d, no label of CIFAR-10: %s", name, label, wanted)
			}
			return fmt.Errorf("%s: record %d: label %d, want 0 to %d", name, number, label, len(cifarClasses)-1)
		}
		if n < recordSize {
			return fmt.Errorf("%s: record %d: %d bytes left, want %d", name, number, n, recordSize)
		}
		if err := s.each(p, record[0], record[1:]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// pickled goes through a batch of the Python version, or the names of the
// classes.
func (s *scanner) pickled(name string, p part, r *bufio.Reader) error {
	entries, err := s.unpickler.load(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if names, ok := entries["label_names"].(*[]any); ok {
		classes := make([]string, len(*names))
		for i, value := range *names {
			if classes[i], ok = value.(string); !ok {
				return fmt.Errorf("%s: class name %d is a %T: want a string", name, i, value)
			}
		}
		return s.nameClasses(name, classes)
	}
	images, hasImages := entries["data"].(*array)
	labels, hasLabels := entries["labels"].(*[]any)
	if !hasImages || !images.filled || !hasLabels {
		return fmt.Errorf("%s: pickle without data and labels: want a batch of CIFAR-10", name)
	}
	pixels := s.unpickler.pixels
	if len(pixels) != len(*labels)*ImageSize {
		return fmt.Errorf("%s: %d bytes of images for %d labels: want %d for each", name, len(pixels), len(*labels), ImageSize)
	}
	s.batches++
	for i, value := range *labels {
		label, ok := value.(int)
		if !ok {
			return fmt.Errorf("%s: record %d: label is a %T, want 0 to %d", name, i+1, value, len(cifarClasses)-1)
		}
		if label < 0 || label >= len(cifarClasses) {
			return fmt.Errorf("%s: record %d: label %d, want 0 to %d", name, i+1, label, len(cifarClasses)-1)
		}
		if err := s.each(p, byte(label), pixels[i*ImageSize:][:ImageSize]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (s *scanner) nameClasses(name string, classes []string) error {
	if len(classes) != len(cifarClasses) {
		return fmt.Errorf("%s: %d class names: want %d", name, len(classes), len(cifarClasses))
	}
	s.classes = classes
	return nil
}

// interleave stores a planar image in HWC order.
func interleave(image, planar []byte) {
	red, green, blue := planar[:planeSize], planar[planeSize:2*planeSize], planar[2*planeSize:ImageSize]
	image = image[:ImageSize]
	for i := range planeSize {
		image[3*i], image[3*i+1], image[3*i+2] = red[i], green[i], blue[i]
	}
}

// deinterleave is the inverse of interleave.
func deinterleave(planar, image []byte) {
	for i := range planeSize {
		planar[i], planar[i+planeSize], planar[i+2*planeSize] = image[3*i], image[3*i+1], image[3*i+2]
	}
}
