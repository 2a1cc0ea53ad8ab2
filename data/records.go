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
	"slices"
	"strings"
)

// recordSize is the size of a record of CIFAR-10's binary version: a label
// and three planes.
const recordSize = 1 + ImageSize

// cifarClasses are the names of the classes, by label.
var cifarClasses = []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}

// part says which split of CIFAR-10 a batch belongs to.
type part int

const (
	training part = iota
	test
)

// scanner reads the records of CIFAR-10 from any of its forms.
type scanner struct {
	each      func(p part, label byte, planar []byte) error
	classes   []string // from the archive; nil if it does not name them
	batches   []seen   // in the order of reading
	unpickler unpickler
}

// seen is what a scanner remembers of a batch, to detect duplicates.
type seen struct {
	name    string // for messages
	stem    string // "data_batch_1" in any version; "" for other names
	part    part
	records int
	content uint64 // the sum of the records' hashes, independent of their order
}

// start begins a batch.
func (s *scanner) start(name, base string) error {
	b := seen{name: name, part: training}
	if strings.Contains(base, "test_batch") {
		b.part = test
	}
	if isBatch(base) {
		b.stem = strings.TrimSuffix(base, ".bin")
	}
	for _, earlier := range s.batches {
		if b.stem != "" && b.stem == earlier.stem {
			return fmt.Errorf("%s: the same batch as %s: want each batch once", name, earlier.name)
		}
	}
	s.batches = append(s.batches, b)
	return nil
}

// current returns the batch that was started last.
func (s *scanner) current() *seen { return &s.batches[len(s.batches)-1] }

// twice returns an error if two batches have the same images, whatever their names.
func (s *scanner) twice() error {
	for i, b := range s.batches {
		for _, earlier := range s.batches[:i] {
			if b.records == earlier.records && b.content == earlier.content {
				return fmt.Errorf("%s: has the images of %s: want each batch once", b.name, earlier.name)
			}
		}
	}
	return nil
}

// errCompact reports a source in the compact format, which has no records.
var errCompact = errors.New("data: a compact data set")

// scan reads a source: an archive or a single batch.
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
		return s.zipped(name, buffered)
	}
	// Some browsers decompress a download but keep its name.
	if block, err := buffered.Peek(blockSize); err == nil && startsTar(block) {
		return s.archive(name, buffered)
	}
	return s.batch(name, path.Base(name), buffered)
}

const wanted = "want cifar-10-binary.tar.gz, cifar-10-python.tar.gz, a batch of one of them or a compact .sae file"

// zipped reads a gzipped tar, including the checksum at its end.
func (s *scanner) zipped(name string, r io.Reader) error {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, truncated("gzip file", err))
	}
	buffered := bufio.NewReaderSize(&limited{unzipped, maxArchive}, 1<<16)
	if block, err := buffered.Peek(blockSize); err != nil && err != io.EOF {
		return fmt.Errorf("%s: %w", name, truncated("gzip file", err))
	} else if len(block) < blockSize || !startsTar(block) && !isZero(block) {
		return fmt.Errorf("%s: a gzip file without a tar in it: %s", name, wanted)
	}
	return s.archive(name, buffered)
}

// blockSize is the size of a tar's blocks.
const blockSize = 512

// startsTar reports whether block is the header of a tar entry, by its checksum.
func startsTar(block []byte) bool {
	_, err := tar.NewReader(bytes.NewReader(block)).Next()
	return err == nil || errors.Is(err, io.ErrUnexpectedEOF) // the entry has more headers
}

func isZero(block []byte) bool { return len(bytes.Trim(block, "\x00")) == 0 }

// archive reads a tar, which only padding may follow.
func (s *scanner) archive(name string, r io.Reader) error {
	before := len(s.batches)
	archive := &counted{Reader: r}
	entries := tar.NewReader(archive)
	buffered := bufio.NewReaderSize(nil, 1<<16)
	var end int // of the last entry
	for {
		entry, err := entries.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, truncated("archive", err))
		}
		base := path.Base(entry.Name)
		if entry.Typeflag == tar.TypeReg && (isBatch(base) || isMeta(base)) {
			buffered.Reset(entries)
			if err := s.batch(name+": "+base, base, buffered); err != nil {
				return err
			}
		}
		if _, err := io.Copy(io.Discard, entries); err != nil {
			return fmt.Errorf("%s: %w", name, truncated("archive", err))
		}
		end = (archive.read + blockSize - 1) / blockSize * blockSize
	}
	if archive.read == end { // the tar reader accepts this as the end
		return fmt.Errorf("%s: %w", name, truncated("archive", io.ErrUnexpectedEOF))
	}
	var rest [1 << 12]byte
	for {
		n, err := archive.Read(rest[:])
		if !isZero(rest[:n]) {
			return fmt.Errorf("%s: bytes after the end of the archive: the file is damaged", name)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, truncated("archive", err))
		}
	}
	batches := s.batches[before:]
	if len(batches) == 0 {
		return fmt.Errorf("%s: no batches in the archive: want data_batch_1 to data_batch_5 and test_batch, with or without .bin", name)
	}
	if !slices.ContainsFunc(batches, func(b seen) bool { return b.part == training }) {
		return fmt.Errorf("%s: only a test batch in the archive: want data_batch_1 to data_batch_5 too", name)
	}
	return nil
}

// counted counts the bytes read.
type counted struct {
	io.Reader
	read int
}

func (c *counted) Read(buffer []byte) (int, error) {
	n, err := c.Reader.Read(buffer)
	c.read += n
	return n, err
}

// maxArchive bounds the unpacked size of an archive. CIFAR's have 186 MB.
const maxArchive = 1 << 30

// limited returns an error when more than left bytes are read, because a small file
// can unpack to any size.
type limited struct {
	io.Reader
	left int
}

func (l *limited) Read(buffer []byte) (int, error) {
	n, err := l.Reader.Read(buffer)
	if l.left -= n; l.left < 0 {
		return 0, errors.New("unpacks to more than 1 GiB: want an archive of CIFAR-10")
	}
	return n, err
}

func isBatch(base string) bool {
	base = strings.TrimSuffix(base, ".bin")
	return strings.HasPrefix(base, "data_batch_") || base == "test_batch"
}

func isMeta(base string) bool { return base == "batches.meta" || base == "batches.meta.txt" }

// batch reads one file of CIFAR-10: records, a pickle, or the class names.
func (s *scanner) batch(name, base string, r *bufio.Reader) error {
	if strings.HasSuffix(base, "batches.meta.txt") {
		text, err := io.ReadAll(io.LimitReader(r, 1<<16))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return s.nameClasses(name, strings.Fields(string(text)))
	}
	if start, _ := r.Peek(1); len(start) == 1 && start[0] == protocol {
		return s.pickled(name, base, r)
	}
	if err := s.start(name, base); err != nil {
		return err
	}
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
			_, err = r.Peek(1) // distinguishes the end of the batch from a truncated archive
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
		if err := s.each(s.current().part, record[0], record[1:]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

// pickled reads a batch of the Python version, or the class names.
func (s *scanner) pickled(name, base string, r *bufio.Reader) error {
	entries, err := s.unpickler.load(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := r.ReadByte(); err == nil {
		return fmt.Errorf("%s: bytes after the end of the pickle: the file is damaged", name)
	} else if err != io.EOF {
		return fmt.Errorf("%s: %w", name, truncated("archive", err))
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
	interleaved := false
	switch images.shape {
	case fmt.Sprintf("(%d, %d)", len(*labels), ImageSize), fmt.Sprintf("(%d, %d, %d, %d)", len(*labels), Channels, Height, Width):
	case fmt.Sprintf("(%d, %d, %d, %d)", len(*labels), Height, Width, Channels):
		interleaved = true
	default:
		return fmt.Errorf("%s: images of shape %s: want (%[3]d, 3072), (%[3]d, 3, 32, 32) or (%[3]d, 32, 32, 3)", name, images.shape, len(*labels))
	}
	if err := s.start(name, base); err != nil {
		return err
	}
	var planar [ImageSize]byte
	for i, value := range *labels {
		label, ok := value.(int)
		if !ok {
			return fmt.Errorf("%s: record %d: label is a %T, want 0 to %d", name, i+1, value, len(cifarClasses)-1)
		}
		if label < 0 || label >= len(cifarClasses) {
			return fmt.Errorf("%s: record %d: label %d, want 0 to %d", name, i+1, label, len(cifarClasses)-1)
		}
		image := pixels[i*ImageSize:][:ImageSize]
		if interleaved {
			deinterleave(planar[:], image)
			image = planar[:]
		}
		if err := s.each(s.current().part, byte(label), image); err != nil {
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
