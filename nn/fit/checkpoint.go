package fit

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"slices"

	"sae/nn"
	"sae/nn/experiment"
)

// Magic is what a checkpoint file starts with.
const Magic = "SAECKPT\n"

const (
	version   = 1
	maxHeader = 16 << 20 // bytes
	maxDims   = 1 << 16  // of an image
	chunk     = 1 << 18  // parameters that are read at once
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Mixed is the kernel of a run that its settings, data and seed alone do not
// reproduce: one that went on with another kernel, other data or another learning
// rate than it began with.
const Mixed = "mixed"

// Checkpoint is all that a run needs to go on, and its history.
type Checkpoint struct {
	Settings  experiment.Settings `json:"settings"`
	InputDims int                 `json:"inputDims"` // bytes per image
	Data      Fingerprint         `json:"data"`      // that it was trained on
	Kernel    string              `json:"kernel"`    // "relaxed-simd", "simd" or "go": on the same one, it goes on bit for bit; Mixed
	Epoch     int                 `json:"epoch"`     // completed epochs
	Batch     int                 `json:"batch"`     // completed batches of the epoch under way
	Steps     int                 `json:"steps"`     // Adam's
	Sum       lossSum             `json:"sum"`       // over the epoch under way
	Point     lossSum             `json:"point"`     // since the last point of the curve
	Initial   *Evaluation         `json:"initial"`   // of the untrained model; null before it is known
	Curve     []Point             `json:"curve"`
	History   []Epoch             `json:"history"`

	// In the order of nn.Autoencoder.Params:
	Parameters []float32 `json:"-"`
	Moments1   []float32 `json:"-"`
	Moments2   []float32 `json:"-"`
}

// Checkpoint returns the run's checkpoint. Its arrays are the run's own, good
// until the next step. kernel names what computes the run.
func (r *Run) Checkpoint(kernel string) (*Checkpoint, error) {
	state, err := r.Trainer.State()
	if err != nil {
		return nil, err
	}
	return &Checkpoint{
		Settings:   r.Settings,
		InputDims:  r.Data.Dims,
		Data:       r.Data.Fingerprint(),
		Kernel:     kernel,
		Epoch:      r.Epoch,
		Batch:      r.Batch,
		Steps:      state.Steps,
		Sum:        r.sum,
		Point:      r.point,
		Initial:    r.Initial,
		Curve:      r.Curve,
		History:    r.History,
		Parameters: r.Auto.Params(),
		Moments1:   state.Moments1,
		Moments2:   state.Moments2,
	}, nil
}

// Resume returns the run that the checkpoint was taken of. Data other than
// those it was trained on are taken, for the epochs to come, as long as the
// settings fit them; bit for bit it goes on only with the same data, on the same
// kernel. An epoch under way starts again where the number of training images
// is another. A checkpoint without moments gives a run that begins with its
// parameters.
func Resume(c *Checkpoint, data Data, yield func() error) (*Run, error) {
	if data.Dims != c.InputDims {
		return nil, fmt.Errorf("checkpoint: images of %d numbers: the data set has images of %d", c.InputDims, data.Dims)
	}
	auto, err := c.Autoencoder()
	if err != nil {
		return nil, err
	}
	if _, err := check(c.Settings, data); err != nil {
		return nil, err
	}
	r, err := newRun(c.Settings, data, auto, yield)
	if err != nil {
		return nil, err
	}
	if c.Moments1 != nil {
		if err := r.Trainer.Restore(nn.State{Steps: c.Steps, Moments1: c.Moments1, Moments2: c.Moments2}); err != nil {
			return nil, err
		}
	}
	r.Epoch, r.Batch = c.Epoch, c.Batch
	r.sum, r.point = c.Sum, c.Point
	r.Initial, r.Curve, r.History = c.Initial, slices.Clone(c.Curve), slices.Clone(c.History)
	r.shuffle()
	if r.Batch > 0 && r.Images() != c.Settings.TrainingImages(c.Data.Train) {
		r.Batch, r.sum, r.point = 0, lossSum{}, lossSum{}
	}
	r.due = r.Initial == nil || r.Batch == len(r.batches)
	return r, nil
}

// Autoencoder returns the checkpoint's autoencoder.
func (c *Checkpoint) Autoencoder() (*nn.Autoencoder, error) {
	return c.Settings.Architecture(c.InputDims).With(c.Parameters)
}

var arrayNames = []string{"parameters", "first moments", "second moments"}

func (c *Checkpoint) arrays() []*[]float32 {
	return []*[]float32{&c.Parameters, &c.Moments1, &c.Moments2}
}

// Write writes the checkpoint as the package documentation says. Numbers that are
// not finite are an error, as they are to ReadCheckpoint.
func (c *Checkpoint) Write(w io.Writer) error {
	header, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if len(header) > maxHeader {
		return fmt.Errorf("checkpoint: header of %d bytes: want at most %d", len(header), maxHeader)
	}
	start := []byte(Magic)
	start = binary.LittleEndian.AppendUint32(start, version)
	start = binary.LittleEndian.AppendUint32(start, uint32(len(header)))
	start = append(start, header...)
	start = binary.LittleEndian.AppendUint32(start, crc32.Checksum(header, castagnoli))
	if _, err := w.Write(start); err != nil {
		return err
	}
	checksum := crc32.New(castagnoli)
	buffer := make([]byte, 0, 4*chunk)
	for i, array := range c.arrays() {
		for part := range slices.Chunk(*array, chunk) {
			buffer = buffer[:0]
			for _, x := range part {
				if x-x != 0 { // NaN or infinite
					return fmt.Errorf("checkpoint: %g among the %s: want finite numbers", x, arrayNames[i])
				}
				buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(x))
			}
			checksum.Write(buffer)
			if _, err := w.Write(buffer); err != nil {
				return err
			}
		}
	}
	_, err = w.Write(binary.LittleEndian.AppendUint32(nil, checksum.Sum32()))
	return err
}

// ReadCheckpoint reads what Write wrote and refuses anything else: files that
// are cut off or go on, of another version, with settings that there are not or
// numbers that are not finite. It reserves memory for the parameters that the header
// announces as they come.
func ReadCheckpoint(r io.Reader) (*Checkpoint, error) {
	c, err := readCheckpoint(r)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("checkpoint: the file ends early, %w", err)
	}
	return c, err
}

func readCheckpoint(r io.Reader) (*Checkpoint, error) {
	var start [16]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return nil, fmt.Errorf("in its first %d bytes: %w", len(start), err)
	}
	if !bytes.HasPrefix(start[:], []byte(Magic)) {
		return nil, fmt.Errorf("checkpoint: it starts with %q: want %q", start[:len(Magic)], Magic)
	}
	if v := binary.LittleEndian.Uint32(start[8:]); v != version {
		return nil, fmt.Errorf("checkpoint: version %d: want %d", v, version)
	}
	length := binary.LittleEndian.Uint32(start[12:])
	if length > maxHeader {
		return nil, fmt.Errorf("checkpoint: header of %d bytes: want at most %d", length, maxHeader)
	}
	var header bytes.Buffer // grows with what is there
	if _, err := io.CopyN(&header, r, int64(length)); err != nil {
		return nil, fmt.Errorf("in its header: %w", err)
	}
	if err := readChecksum(r, crc32.Checksum(header.Bytes(), castagnoli), "header"); err != nil {
		return nil, err
	}
	c := &Checkpoint{}
	if err := json.Unmarshal(header.Bytes(), c); err != nil {
		return nil, fmt.Errorf("checkpoint: header: %w", err)
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("checkpoint: header: %w", err)
	}
	parameters := c.Settings.Architecture(c.InputDims).Parameters()
	checksum := crc32.New(castagnoli)
	for i, array := range c.arrays() {
		if err := readArray(r, array, parameters, checksum, arrayNames[i]); err != nil {
			return nil, err
		}
	}
	if err := readChecksum(r, checksum.Sum32(), "arrays"); err != nil {
		return nil, err
	}
	if n, _ := io.ReadFull(r, start[:1]); n > 0 {
		return nil, errors.New("checkpoint: the file goes on where it should end")
	}
	return c, nil
}

func readChecksum(r io.Reader, got uint32, of string) error {
	var sum [4]byte
	if _, err := io.ReadFull(r, sum[:]); err != nil {
		return fmt.Errorf("in the checksum of its %s: %w", of, err)
	}
	if want := binary.LittleEndian.Uint32(sum[:]); got != want {
		return fmt.Errorf("checkpoint: checksum of the %s is %08x: the file says %08x, so it is damaged", of, got, want)
	}
	return nil
}

func readArray(r io.Reader, array *[]float32, n int, checksum hash.Hash32, name string) error {
	buffer := make([]byte, 4*min(n, chunk))
	for len(*array) < n {
		part := buffer[:4*min(chunk, n-len(*array))]
		if _, err := io.ReadFull(r, part); err != nil {
			return fmt.Errorf("in its %s, after %d of %d: %w", name, len(*array), n, err)
		}
		checksum.Write(part)
		if len(*array)+len(part)/4 > cap(*array) { // no more than as much again
			*array = slices.Grow(*array, min(n-len(*array), max(chunk, len(*array))))
		}
		for ; len(part) > 0; part = part[4:] {
			x := math.Float32frombits(binary.LittleEndian.Uint32(part))
			if x-x != 0 { // NaN or infinite
				return fmt.Errorf("checkpoint: number %d of the %s is %g: want finite ones", len(*array), name, x)
			}
			*array = append(*array, x)
		}
	}
	return nil
}

// validate reports a header that no run wrote.
func (c *Checkpoint) validate() error {
	if err := c.Settings.Validate(); err != nil {
		return err
	}
	if c.InputDims < 1 || c.InputDims > maxDims {
		return fmt.Errorf("inputDims %d: want 1 to %d", c.InputDims, maxDims)
	}
	if err := c.Settings.Architecture(c.InputDims).Validate(); err != nil {
		return err
	}
	if err := c.Settings.Fit(c.Data.Train); err != nil {
		return err
	}
	images := c.Settings.TrainingImages(c.Data.Train)
	batches := (images + c.Settings.Batch - 1) / c.Settings.Batch
	switch {
	case c.Epoch < 0 || c.Epoch != len(c.History):
		return fmt.Errorf("epoch %d with a history of %d epochs: want as many", c.Epoch, len(c.History))
	case c.Batch < 0 || c.Batch > batches:
		return fmt.Errorf("batch %d: want 0 to %d", c.Batch, batches)
	case c.Steps < 0:
		return fmt.Errorf("%d steps: want at least 0", c.Steps)
	case c.Initial == nil && c.Epoch+c.Batch > 0:
		return errors.New("no evaluation of the untrained model")
	case len(c.Curve) > maxCurve:
		return fmt.Errorf("curve of %d points: want at most %d", len(c.Curve), maxCurve)
	}
	return nil
}
