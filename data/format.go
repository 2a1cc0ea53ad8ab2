package data

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// magic starts every file of the compact format. Its newline reveals a transfer as text,
// which would change it.
const magic = "SAEDATA\n"

const (
	version = 2 // 1 has the training images first
	codec   = 2 // 1 compressed worse and is no longer read

	maxHeader = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// IsCompact reports whether a file is in the compact format, by its start.
func IsCompact(start []byte) bool { return bytes.HasPrefix(start, []byte(magic)) }

// Info is the header of a compact file.
type Info struct {
	Name       string   `json:"name"`
	Provenance string   `json:"provenance"`
	Width      int      `json:"width"`
	Height     int      `json:"height"`
	Channels   int      `json:"channels"`
	Classes    []string `json:"classes"`
	Train      int      `json:"train"`      // training images
	Validation int      `json:"validation"` // validation images
}

func (d *Dataset) info() Info {
	return Info{
		Name: d.Name, Provenance: d.Provenance, Classes: d.Classes,
		Width: Width, Height: Height, Channels: Channels,
		Train: d.Train.Len(), Validation: d.Validation.Len(),
	}
}

// Describes reports whether a file with this header has the data set, as far as a header
// tells.
func (i Info) Describes(d *Dataset) bool {
	return i.Name == d.Name && i.Provenance == d.Provenance && i.Train == d.Train.Len() && i.Validation == d.Validation.Len()
}

// Write writes the data set in the compact format. An error is that of w or of
// [Dataset.Validate].
func (d *Dataset) Write(w io.Writer) error {
	if err := d.Validate(); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	header, err := json.Marshal(d.info())
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if len(header) > maxHeader {
		return fmt.Errorf("data: header of %d bytes: want at most %d", len(header), maxHeader)
	}
	prefix := []byte(magic)
	prefix = binary.LittleEndian.AppendUint16(prefix, version)
	prefix = binary.LittleEndian.AppendUint16(prefix, codec)
	prefix = binary.LittleEndian.AppendUint32(prefix, uint32(len(header)))
	prefix = append(prefix, header...)
	prefix = binary.LittleEndian.AppendUint32(prefix, crc32.Checksum(header, castagnoli))
	buffered := bufio.NewWriterSize(w, 1<<16)
	buffered.Write(prefix) // Flush returns any error
	e := newEncoder(d.Train, d.Validation)
	buffered.Write(e.tables)
	sum := crc32.New(castagnoli)
	for _, split := range []Split{d.Validation, d.Train} {
		for i, label := range split.Labels {
			image := split.Image(i)
			sum.Write([]byte{label})
			sum.Write(image)
			buffered.WriteByte(label)
			if _, err := buffered.Write(e.image(image)); err != nil {
				return err
			}
		}
	}
	buffered.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return buffered.Flush()
}

// ReadInfo reads only the header of a compact file. It rejects other files, other
// versions and codecs, and damaged headers.
func ReadInfo(r io.Reader) (Info, error) {
	info, _, err := readInfo(r)
	if err != nil {
		return Info{}, fmt.Errorf("data: %w", err)
	}
	return info, nil
}

// readInfo also returns the version of the format.
func readInfo(r io.Reader) (info Info, number uint16, err error) {
	var prefix [len(magic) + 8]byte
	n, err := io.ReadFull(r, prefix[:])
	if n > 0 && string(prefix[:min(n, len(magic))]) != magic[:min(n, len(magic))] {
		return Info{}, 0, fmt.Errorf("starts with %q: want %q of a compact data set", prefix[:min(n, len(magic))], magic)
	}
	if err != nil {
		return Info{}, 0, truncated("header", err)
	}
	fields := prefix[len(magic):]
	if number = binary.LittleEndian.Uint16(fields); number < 1 || number > version {
		return Info{}, 0, fmt.Errorf("version %d of the compact format: this program reads versions 1 to %d; update it", number, version)
	}
	if got := binary.LittleEndian.Uint16(fields[2:]); got < codec {
		return Info{}, 0, fmt.Errorf("codec %d of the compact format: this program reads codec %d; convert the data set again", got, codec)
	} else if got > codec {
		return Info{}, 0, fmt.Errorf("codec %d of the compact format: this program reads codec %d; update it", got, codec)
	}
	length := binary.LittleEndian.Uint32(fields[4:])
	if length > maxHeader {
		return Info{}, 0, fmt.Errorf("header of %d bytes: want at most %d", length, maxHeader)
	}
	header := make([]byte, length+4)
	if _, err := io.ReadFull(r, header); err != nil {
		return Info{}, 0, truncated("header", err)
	}
	want := binary.LittleEndian.Uint32(header[length:])
	if got := crc32.Checksum(header[:length], castagnoli); got != want {
		return Info{}, 0, fmt.Errorf("checksum of the header is %08x, want %08x: the file is damaged", got, want)
	}
	if err := json.Unmarshal(header[:length], &info); err != nil {
		return Info{}, 0, fmt.Errorf("header: %w", err)
	}
	return info, number, info.validate()
}

func (i Info) validate() error {
	if i.Width != Width || i.Height != Height || i.Channels != Channels {
		return fmt.Errorf("images of %d×%d×%d: want %d×%d×%d", i.Height, i.Width, i.Channels, Height, Width, Channels)
	}
	if n := len(i.Classes); n < 1 || n > MaxClasses {
		return fmt.Errorf("%d classes: want 1 to %d", n, MaxClasses)
	}
	for _, n := range []int{i.Train, i.Validation} {
		if n < 1 || n > maxImages {
			return fmt.Errorf("%d training and %d validation images: want 1 to %d of each", i.Train, i.Validation, maxImages)
		}
	}
	return nil
}

// truncated returns an error that says where a file ends too early or where its
// compressed data are invalid.
func truncated(where string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("ends within the %s: the file is truncated", where)
	}
	switch {
	case errors.Is(err, gzip.ErrChecksum):
		return fmt.Errorf("%s: wrong checksum: the file is damaged", where)
	case errors.Is(err, gzip.ErrHeader):
		return fmt.Errorf("%s: invalid gzip data: the file is damaged", where)
	}
	if corrupt := flate.CorruptInputError(0); errors.As(err, &corrupt) {
		return fmt.Errorf("%s: %w: the file is damaged", where, err)
	}
	return err
}

// Read reads a data set in the compact format, to the end of r. It rejects whatever
// FORMAT.md says that a reader rejects. Memory grows only as the data arrive.
func Read(r io.Reader) (*Dataset, error) {
	d, err := read(r)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return d, nil
}

func read(r io.Reader) (*Dataset, error) {
	d, f, err := begin(r)
	if err == nil {
		err = f.all(d)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Open is Read for a file that does not claim more images than it has. Of one that has the
// validation images first, as those that Write writes, it reads only these; the training
// images are black until [Dataset.More] reads them from r.
func Open(r io.Reader) (*Dataset, error) {
	d, f, err := begin(r)
	switch {
	case err != nil:
	case f.version == 1:
		err = f.all(d)
	default:
		room := func(n int) Split { return Split{make([]byte, n*ImageSize), make([]byte, n)} }
		d.Train, d.Validation = room(f.Train), room(f.Validation)
		for i := 0; i < f.Validation && err == nil; i++ {
			err = f.image(d.Validation, i, validationImages)
		}
		d.rest = func(i int) error {
			err := f.image(d.Train, i, trainingImages)
			if err == nil && i == f.Train-1 {
				err = f.end(d)
			}
			if err != nil {
				return fmt.Errorf("data: %w", err)
			}
			return nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return d, nil
}

const (
	trainingImages   = "training images"
	validationImages = "validation images"
)

// file is a file of which the header and the code tables have been read.
type file struct {
	Info
	decoder *decoder
	version uint16
	r       *bufio.Reader
	sum     hash.Hash32
}

// begin reads the header and the code tables.
func begin(r io.Reader) (*Dataset, *file, error) {
	f := &file{r: bufio.NewReaderSize(r, 1<<16), sum: crc32.New(castagnoli)}
	var err error
	if f.Info, f.version, err = readInfo(f.r); err != nil {
		return nil, nil, err
	}
	if f.decoder, err = newDecoder(f.r); err != nil {
		return nil, nil, err
	}
	return &Dataset{Name: f.Name, Provenance: f.Provenance, Classes: f.Classes}, f, nil
}

// all reads the images, and the end.
func (f *file) all(d *Dataset) (err error) {
	if f.version == 1 {
		d.Train, err = f.split(f.Train, trainingImages)
	}
	if err == nil {
		d.Validation, err = f.split(f.Validation, validationImages)
	}
	if err == nil && f.version > 1 {
		d.Train, err = f.split(f.Train, trainingImages)
	}
	if err != nil {
		return err
	}
	return f.end(d)
}

// split reads n images and their labels.
func (f *file) split(n int, where string) (s Split, err error) {
	for i := range n {
		if len(s.Images) == cap(s.Images) {
			room := min(n, max(256, 4*i)) * ImageSize
			s.Images = append(make([]byte, 0, room), s.Images...)
		}
		s.Images, s.Labels = s.Images[:len(s.Images)+ImageSize], append(s.Labels, 0)
		if err := f.image(s, i, where); err != nil {
			return Split{}, err
		}
	}
	return s, nil
}

// image reads image i of a split, and its label.
func (f *file) image(s Split, i int, where string) error {
	label, err := f.r.ReadByte()
	if err != nil {
		return truncated(where, err)
	}
	image := s.Image(i)
	coded, err := f.r.Peek(MaxCoded)
	there := len(coded)
	if there < MaxCoded { // near the end of the file
		coded = append(make([]byte, 0, MaxCoded), coded...)[:MaxCoded]
	}
	size := f.decoder.image((*[ImageSize]byte)(image), (*[MaxCoded]byte)(coded))
	if size > there {
		return truncated(where, err)
	}
	if size < ImageSize/8 { // less than a bit per symbol
		return fmt.Errorf("%s: number %d has codes that are not in the tables: the file is damaged", where, i+1)
	}
	f.r.Discard(size)
	s.Labels[i] = label
	f.sum.Write([]byte{label})
	f.sum.Write(image)
	return nil
}

// end reads what follows the images.
func (f *file) end(d *Dataset) error {
	var trailer [4]byte
	if _, err := io.ReadFull(f.r, trailer[:]); err != nil {
		return truncated("checksum", err)
	}
	if got, want := f.sum.Sum32(), binary.LittleEndian.Uint32(trailer[:]); got != want {
		return fmt.Errorf("checksum of the images is %08x, want %08x: the file is damaged", got, want)
	}
	if _, err := f.r.ReadByte(); err != io.EOF {
		return errors.New("bytes after the end: the file is damaged")
	}
	return d.Validate()
}
