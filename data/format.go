package data

import (
	"bufio"
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
	version = 1
	codec   = 2 // 1 compressed worse and is no longer read

	maxHeader = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

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
	for _, split := range []Split{d.Train, d.Validation} {
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
	info, err := readInfo(r)
	if err != nil {
		return Info{}, fmt.Errorf("data: %w", err)
	}
	return info, nil
}

func readInfo(r io.Reader) (Info, error) {
	var prefix [len(magic) + 8]byte
	n, err := io.ReadFull(r, prefix[:])
	if n > 0 && string(prefix[:min(n, len(magic))]) != magic[:min(n, len(magic))] {
		return Info{}, fmt.Errorf("starts with %q: want %q of a compact data set", prefix[:min(n, len(magic))], magic)
	}
	if err != nil {
		return Info{}, truncated("header", err)
	}
	fields := prefix[len(magic):]
	if got := binary.LittleEndian.Uint16(fields); got != version {
		return Info{}, fmt.Errorf("version %d of the compact format: this program reads version %d; update it", got, version)
	}
	if got := binary.LittleEndian.Uint16(fields[2:]); got < codec {
		return Info{}, fmt.Errorf("codec %d of the compact format: this program reads codec %d; convert the data set again", got, codec)
	} else if got > codec {
		return Info{}, fmt.Errorf("codec %d of the compact format: this program reads codec %d; update it", got, codec)
	}
	length := binary.LittleEndian.Uint32(fields[4:])
	if length > maxHeader {
		return Info{}, fmt.Errorf("header of %d bytes: want at most %d", length, maxHeader)
	}
	header := make([]byte, length+4)
	if _, err := io.ReadFull(r, header); err != nil {
		return Info{}, truncated("header", err)
	}
	want := binary.LittleEndian.Uint32(header[length:])
	if got := crc32.Checksum(header[:length], castagnoli); got != want {
		return Info{}, fmt.Errorf("checksum of the header is %08x, want %08x: the file is damaged", got, want)
	}
	var info Info
	if err := json.Unmarshal(header[:length], &info); err != nil {
		return Info{}, fmt.Errorf("header: %w", err)
	}
	return info, info.validate()
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
	buffered := bufio.NewReaderSize(r, 1<<16)
	info, err := readInfo(buffered)
	if err != nil {
		return nil, err
	}
	d := &Dataset{Name: info.Name, Provenance: info.Provenance, Classes: info.Classes}
	decoder, err := newDecoder(buffered)
	if err != nil {
		return nil, err
	}
	sum := crc32.New(castagnoli)
	if d.Train, err = decoder.split(buffered, sum, info.Train, "training images"); err != nil {
		return nil, err
	}
	if d.Validation, err = decoder.split(buffered, sum, info.Validation, "validation images"); err != nil {
		return nil, err
	}
	var trailer [4]byte
	if _, err := io.ReadFull(buffered, trailer[:]); err != nil {
		return nil, truncated("checksum", err)
	}
	if got, want := sum.Sum32(), binary.LittleEndian.Uint32(trailer[:]); got != want {
		return nil, fmt.Errorf("checksum of the images is %08x, want %08x: the file is damaged", got, want)
	}
	if _, err := buffered.ReadByte(); err != io.EOF {
		return nil, errors.New("bytes after the end: the file is damaged")
	}
	return d, d.Validate()
}

// split reads n images and their labels.
func (d *decoder) split(r *bufio.Reader, sum hash.Hash, n int, where string) (Split, error) {
	var split Split
	var last [maxCoded]byte
	for split.Len() < n {
		label, err := r.ReadByte()
		if err != nil {
			return Split{}, truncated(where, err)
		}
		if len(split.Images) == cap(split.Images) {
			room := min(n, max(256, 2*split.Len())) * ImageSize
			split.Images = append(make([]byte, 0, room), split.Images...)
		}
		split.Labels = append(split.Labels, label)
		split.Images = split.Images[:len(split.Images)+ImageSize]
		image := split.Image(split.Len() - 1)
		coded, err := r.Peek(maxCoded)
		there := len(coded)
		if there < maxCoded { // near the end of the file
			clear(last[copy(last[:], coded):])
			coded = last[:]
		}
		size := d.image((*[ImageSize]byte)(image), (*[maxCoded]byte)(coded))
		if size > there {
			return Split{}, truncated(where, err)
		}
		if size < ImageSize/8 { // less than a bit per symbol
			return Split{}, fmt.Errorf("%s: number %d has codes that are not in the tables: the file is damaged", where, split.Len())
		}
		r.Discard(size)
		sum.Write([]byte{label})
		sum.Write(image)
	}
	return split, nil
}
