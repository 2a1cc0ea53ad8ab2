package data

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
)

// idx is what a scanner knows about files in the IDX format, that of MNIST: labels and images
// lie in separate files, and belong together if they are as many.
type idx struct {
	labels   []idxLabels
	complete bool // all labels are known, so images can be read
	images   int  // files of images
	last     byte // the largest label
	set      string
}

type idxLabels struct {
	base   string
	labels []byte
}

// found reports whether any file was in this format.
func (x *idx) found() bool { return x.images > 0 || len(x.labels) > 0 }

// idxHeader is the size of the header of images: two zeros, a type, a number of dimensions,
// and three dimensions in big-endian order. That of labels has one dimension.
const idxHeader = 16

// maxLabelFiles bounds what is kept of an archive: 200,000 bytes of each.
const maxLabelFiles = 16

// isIDX reports whether a file of a folder has a name like those of MNIST.
func isIDX(base string) bool {
	base = strings.TrimSuffix(base, ".gz")
	return strings.HasSuffix(base, "-ubyte") && strings.Contains(base, "idx")
}

// The first labels of MNIST's and Fashion-MNIST's files, which have the same names.
var (
	mnistLabels   = []string{"\x05\x00\x04\x01\x09\x02\x01\x03", "\x07\x02\x01\x00\x04\x01\x04\x09"}
	fashionLabels = []string{"\x09\x00\x00\x03\x00\x02\x07\x02", "\x09\x02\x01\x01\x06\x01\x04\x06"}
)

const mnistName, fashionName, otherIDX = "MNIST", "Fashion-MNIST", "IDX images"

var fashionClasses = []string{"T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"}

func (x *idx) classes() []string {
	if x.set == fashionName && int(x.last) < len(fashionClasses) {
		return fashionClasses
	}
	if len(x.labels) == 0 {
		return []string{"picture"}
	}
	return numbers(int(x.last) + 1)
}

// mnist reads a file in the IDX format, gzipped or not, and reports whether it is one.
func (s *scanner) mnist(name, base string, r *bufio.Reader) (found bool, err error) {
	start, _ := r.Peek(idxHeader)
	if len(start) > 2 && start[0] == 0x1f && start[1] == 0x8b {
		// Inside an archive; only a file of this format can be gzipped there.
		if !isIDX(base) {
			return false, nil
		}
		unzipped, err := gzip.NewReader(r)
		if err != nil {
			return true, fmt.Errorf("%s: %w", name, truncated("gzip file", err))
		}
		r = bufio.NewReaderSize(&limited{unzipped, maxArchive}, 1<<16)
		start, _ = r.Peek(idxHeader)
	}
	if len(start) < 8 || start[0] != 0 || start[1] != 0 || start[2] != 8 {
		return false, nil
	}
	n := int(binary.BigEndian.Uint32(start[4:]))
	switch dimensions := start[3]; {
	case dimensions == 1 && n <= 2*maxImages:
		return true, s.idxLabels(name, base, r, n)
	case dimensions == 3 && len(start) == idxHeader && n <= 2*maxImages:
		height, width := binary.BigEndian.Uint32(start[8:]), binary.BigEndian.Uint32(start[12:])
		if height < 1<<16 && width < 1<<16 {
			return true, s.idxImages(name, base, r, n, int(height), int(width))
		}
	}
	return false, nil
}

func (s *scanner) idxLabels(name, base string, r *bufio.Reader, n int) error {
	if s.idx.complete {
		return skip(name, "labels", r)
	}
	r.Discard(8)
	labels, err := io.ReadAll(io.LimitReader(r, int64(n)+1))
	if err != nil {
		return fmt.Errorf("%s: %w", name, truncated("labels", err))
	}
	if len(labels) != n {
		return fmt.Errorf("%s: %d labels: want %d", name, len(labels), n)
	}
	if len(s.idx.labels) == maxLabelFiles {
		return fmt.Errorf("%s: one more file of labels: want at most %d", name, maxLabelFiles)
	}
	s.idx.labels = append(s.idx.labels, idxLabels{base, labels})
	return nil
}

// labelsOf returns the labels of n images, or nil if there are none.
func (x *idx) labelsOf(base string, n int) []byte {
	var found []byte
	stem, _, _ := strings.Cut(base, "images")
	for _, l := range x.labels {
		if len(l.labels) == n && (found == nil || stem != "" && strings.HasPrefix(l.base, stem)) {
			found = l.labels
		}
	}
	return found
}

func (s *scanner) idxImages(name, base string, r *bufio.Reader, n, height, width int) error {
	if height < 1 || width < 1 || height > Height || width > Width {
		return fmt.Errorf("%s: images of %d×%d: want at most %d×%d", name, height, width, Height, Width)
	}
	s.idx.images++
	if !s.idx.complete {
		return skip(name, "images", r)
	}
	labels := s.idx.labelsOf(base, n)
	if labels == nil && len(s.idx.labels) > 0 {
		return fmt.Errorf("%s: %d images, and no labels for as many: want a file of labels for each file of images", name, n)
	}
	set := otherIDX
	if first := string(labels[:min(8, len(labels))]); slices.Contains(mnistLabels, first) {
		set = mnistName
	} else if slices.Contains(fashionLabels, first) {
		set = fashionName
	}
	if err := s.start(name, base, set); err != nil {
		return err
	}
	s.idx.set = set
	r.Discard(idxHeader)
	grey := make([]byte, height*width)
	var planar [ImageSize]byte
	top, left := (Height-height)/2, (Width-width)/2
	for i := range n {
		if _, err := io.ReadFull(r, grey); err != nil {
			return fmt.Errorf("%s: image %d of %d: %w", name, i+1, n, truncated("images", err))
		}
		for y := range height {
			row := grey[y*width:][:width]
			for channel := range Channels {
				copy(planar[channel*planeSize+(top+y)*Width+left:], row)
			}
		}
		label := byte(0)
		if labels != nil {
			label = labels[i]
		}
		s.idx.last = max(s.idx.last, label)
		if err := s.each(s.current().part, label, planar[:]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if _, err := r.ReadByte(); err != io.EOF {
		return fmt.Errorf("%s: bytes after the %d images: the file is damaged", name, n)
	}
	return nil
}
