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
	"strconv"
	"strings"
)

// recordSize is the size of a record of CIFAR-10's binary version: a label
// and three planes. Those of CIFAR-100 have a coarse label before.
const recordSize = 1 + ImageSize

// cifarClasses are the names of the classes, by label.
var cifarClasses = []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}

// part says which split of CIFAR-10 a batch belongs to.
type part int

const (
	training part = iota
	test
)

// scanner reads the records of CIFAR and MNIST from any of their forms.
type scanner struct {
	each      func(p part, label byte, planar []byte) error
	coarse    bool                // the labels of CIFAR-100
	set       string              // "CIFAR-10", of the batches so far
	names     map[string][]string // of the classes in a list, from the archive
	batches   []seen              // in the order of reading
	unpickler unpickler
	idx       idx
}

// The lists of class names, as CIFAR-100's pickle calls them, and their lengths.
const (
	labelNames  = "label_names"
	fineNames   = "fine_label_names"
	coarseNames = "coarse_label_names"
)

var listLengths = map[string]int{labelNames: 10, fineNames: 100, coarseNames: 20}

// classes returns the names of the classes of the data set that was read.
func (s *scanner) classes() []string {
	list := labelNames
	switch {
	case s.set == cifar100 && s.coarse:
		list = coarseNames
	case s.set == cifar100:
		list = fineNames
	case s.set != cifar10:
		return s.idx.classes()
	case s.names[list] == nil:
		return cifarClasses
	}
	if s.names[list] == nil {
		return numbers(listLengths[list])
	}
	return s.names[list]
}

// numbers are names for n classes that have none.
func numbers(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

const cifar10, cifar100 = "CIFAR-10", "CIFAR-100"

// seen is what a scanner remembers of a batch, to detect duplicates.
type seen struct {
	name    string // for messages
	stem    string // "data_batch_1" in any version; "" for other names
	part    part
	records int
	content uint64 // the sum of the records' hashes, independent of their order
}

// start begins a batch of a data set.
func (s *scanner) start(name, base, set string) error {
	if s.set != "" && s.set != set {
		return fmt.Errorf("%s: a batch of %s among those of %s: want one data set", name, set, s.set)
	}
	s.set = set
	b := seen{name: name, part: training}
	if isTest(base) {
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
	if found, err := s.mnist(name, path.Base(name), buffered); found {
		return err
	}
	// Some browsers decompress a download but keep its name.
	if block, err := buffered.Peek(blockSize); err == nil && startsTar(block) {
		return s.archive(name, buffered)
	}
	return s.batch(name, path.Base(name), buffered)
}

const wanted = "want an archive or a batch of CIFAR-10 or CIFAR-100, the files of MNIST or Fashion-MNIST, or a compact .sae file"

// zipped reads a gzipped tar or file of MNIST, including the checksum at its end.
func (s *scanner) zipped(name string, r io.Reader) error {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, truncated("gzip file", err))
	}
	buffered := bufio.NewReaderSize(&limited{unzipped, maxArchive}, 1<<16)
	if block, err := buffered.Peek(blockSize); err != nil && err != io.EOF {
		return fmt.Errorf("%s: %w", name, truncated("gzip file", err))
	} else if found, err := s.mnist(name, path.Base(name), buffered); found {
		return err
	} else if len(block) < blockSize || !startsTar(block) && !isZero(block) {
		return fmt.Errorf("%s: a gzip file without a tar in it: %s", name, wanted)
	}
	return s.archive(name, buffered)
}

// blockSize is the size of a tar's blocks.
const blockSize = 512

// startsTar reports whether block is the header of a tar entry, by its checksum. The tar
// reader takes a checksum without digits for 0, which the bytes of an image may have.
func startsTar(block []byte) bool {
	if len(block) < blockSize || !bytes.ContainsAny(block[148:156], "01234567") {
		return false
	}
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
		if buffered.Reset(entries); entry.Typeflag == tar.TypeReg {
			if found, err := s.mnist(name+": "+base, base, buffered); err != nil {
				return err
			} else if !found && (isBatch(base) || isMeta(base)) {
				if err := s.batch(name+": "+base, base, buffered); err != nil {
					return err
				}
			}
		}
		if err := skip(name, "archive", entries); err != nil {
			return err
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
	if len(batches) == 0 && s.idx.found() {
		return nil
	}
	if len(batches) == 0 {
		return fmt.Errorf("%s: no batches in the archive: want data_batch_1 to data_batch_5 and test_batch, with or without .bin", name)
	}
	if !slices.ContainsFunc(batches, func(b seen) bool { return b.part == training }) {
		return fmt.Errorf("%s: only a test batch in the archive: want data_batch_1 to data_batch_5 too", name)
	}
	return nil
}

// skip reads the rest of a file. what is for the error.
func skip(name, what string, r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return fmt.Errorf("%s: %w", name, truncated(what, err))
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

// isBatch reports whether a file of an archive is a batch, of CIFAR-10 or CIFAR-100.
func isBatch(base string) bool {
	base = strings.TrimSuffix(base, ".bin")
	return strings.HasPrefix(base, "data_batch_") || base == "test_batch" || base == "train" || base == "test"
}

// isTest reports whether the images in a file are for validation.
func isTest(base string) bool {
	return strings.Contains(base, "test_batch") || strings.Contains(base, "t10k") || strings.HasPrefix(base, "test") || strings.Contains(base, "-test-")
}

func isMeta(base string) bool {
	base = strings.TrimSuffix(base, ".txt")
	return base == "batches.meta" || base == "meta" || base == fineNames || base == coarseNames
}

// labelBytes returns how many labels a record has, 1 in CIFAR-10 and 2 in CIFAR-100, given
// the start of a batch, which may be whole.
func labelBytes(start []byte, whole bool) int {
	fits := func(labels int) bool {
		size := labels + ImageSize
		for record := start; len(record) >= labels; record = record[min(size, len(record)):] {
			if labels == 1 && record[0] >= 10 || labels == 2 && (record[0] >= 20 || record[1] >= 100) {
				return false
			}
		}
		return !whole || len(start)%size == 0
	}
	if fits(2) && !fits(1) {
		return 2
	}
	return 1
}

// batch reads one file of CIFAR-10: records, a pickle, or the class names.
func (s *scanner) batch(name, base string, r *bufio.Reader) error {
	if list, ok := strings.CutSuffix(base, ".txt"); ok && isMeta(base) {
		text, err := io.ReadAll(io.LimitReader(r, 1<<16))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if listLengths[list] == 0 {
			list = labelNames
		}
		return s.nameClasses(name, list, strings.Fields(string(text)))
	}
	if start, _ := r.Peek(1); len(start) == 1 && start[0] == protocol {
		return s.pickled(name, base, r)
	}
	start, err := r.Peek(r.Size())
	labels, set, classes, size := labelBytes(start, err == io.EOF), cifar10, 10, recordSize
	if labels == 2 {
		set, classes, size = cifar100, 100, recordSize+1
		if s.coarse {
			classes = 20
		}
	}
	if err := s.start(name, base, set); err != nil {
		return err
	}
	var room [recordSize + 1]byte
	record := room[:size]
	for number := 1; ; number++ {
		n, err := io.ReadFull(r, record)
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
		label := record[0]
		if labels == 2 && !s.coarse {
			label = record[1]
		}
		if int(label) >= classes {
			if number == 1 {
				return fmt.Errorf("%s: starts with byte %d, no label of CIFAR-10: %s", name, label, wanted)
			}
			return fmt.Errorf("%s: record %d: label %d, want 0 to %d", name, number, label, classes-1)
		}
		if n < size {
			return fmt.Errorf("%s: record %d: %d bytes left, want %d", name, number, n, size)
		}
		if err := s.each(s.current().part, label, record[labels:]); err != nil {
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
	named := false
	for list := range listLengths {
		names, ok := entries[list].(*[]any)
		if !ok {
			continue
		}
		named = true
		classes := make([]string, len(*names))
		for i, value := range *names {
			if classes[i], ok = value.(string); !ok {
				return fmt.Errorf("%s: class name %d is a %T: want a string", name, i, value)
			}
		}
		if err := s.nameClasses(name, list, classes); err != nil {
			return err
		}
	}
	if named {
		return nil
	}
	images, hasImages := entries["data"].(*array)
	key, set, classes := "labels", cifar10, 10
	if _, ok := entries["fine_labels"]; ok {
		key, set, classes = "fine_labels", cifar100, 100
		if s.coarse {
			key, classes = "coarse_labels", 20
		}
	}
	labels, hasLabels := entries[key].(*[]any)
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
	if err := s.start(name, base, set); err != nil {
		return err
	}
	var planar [ImageSize]byte
	for i, value := range *labels {
		label, ok := value.(int)
		if !ok {
			return fmt.Errorf("%s: record %d: label is a %T, want 0 to %d", name, i+1, value, classes-1)
		}
		if label < 0 || label >= classes {
			return fmt.Errorf("%s: record %d: label %d, want 0 to %d", name, i+1, label, classes-1)
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

func (s *scanner) nameClasses(name, list string, classes []string) error {
	if want := listLengths[list]; len(classes) != want {
		return fmt.Errorf("%s: %d class names: want %d", name, len(classes), want)
	}
	if s.names == nil {
		s.names = map[string][]string{}
	}
	s.names[list] = classes
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
