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
	"maps"
	"math"
	"slices"

	"sae/nn"
	"sae/nn/experiment"
	"sae/nn/patch"
)

// Magic is the first eight bytes of a checkpoint file.
const Magic = "SAECKPT\n"

const (
	version   = 1
	maxHeader = 16 << 20 // bytes
	maxDims   = 1 << 16  // bytes per image
	chunk     = 1 << 18  // parameters per read or write
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Mixed is the Kernel of a checkpoint whose run cannot be reproduced from its
// settings and data, because its kernel, data or learning rate changed on the way.
const Mixed = "mixed"

// Checkpoint is the state of a run that [Resume] needs to continue it, and its
// history.
type Checkpoint struct {
	Settings  experiment.Settings `json:"settings"`
	InputDims int                 `json:"inputDims"` // bytes per image
	Data      Fingerprint         `json:"data"`      // of the images it was trained on
	Kernel    string              `json:"kernel"`    // "relaxed-simd", "simd", "go" or Mixed
	Epoch     int                 `json:"epoch"`     // completed epochs
	Batch     int                 `json:"batch"`     // completed batches of the current epoch
	Steps     int                 `json:"steps"`     // completed steps of Adam
	Sum       lossSum             `json:"sum"`       // over the current epoch
	Point     lossSum             `json:"point"`     // since the last point of the curve
	Initial   *Evaluation         `json:"initial"`   // of the untrained model; null before the first evaluation
	Curve     []Point             `json:"curve"`
	History   []Epoch             `json:"history"`
	Notes     map[int]string      `json:"notes,omitempty"` // on latent units, from 0
	Idle      []int               `json:"idle,omitempty"`  // with AuxK, the steps since each latent unit was active

	// Each in the order of nn.Autoencoder.Params:
	Parameters []float32 `json:"-"`
	Moments1   []float32 `json:"-"`
	Moments2   []float32 `json:"-"`

	Whitening *patch.Whitening `json:"-"` // of the patches that it reads; nil without whiten
}

// Checkpoint returns a checkpoint of the run. Its slices alias the run's and are
// valid until the next step. kernel is the checkpoint's Kernel.
func (r *Run) Checkpoint(kernel string) (*Checkpoint, error) {
	state, err := r.engine.State()
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
		Notes:      r.Notes,
		Idle:       state.Idle,
		Parameters: r.Auto.Params(),
		Moments1:   state.Moments1,
		Moments2:   state.Moments2,
		Whitening:  r.whitening,
	}, nil
}

// Resume returns a run that continues from the checkpoint: bit for bit, if data
// and kernel are the same. Other data are accepted if they fit the settings. If
// the number of training images differs, the current epoch starts over. Without
// moments, the run starts from the checkpoint's parameters with a new Adam. Patches are
// whitened as the checkpoint says, also those of other data.
//
// An error reports images of other dimensions, settings that do not fit the data,
// parameters that are not finite or too few, or whiten without a whitening.
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
	if err := c.checkWhitening(); err != nil {
		return nil, err
	}
	if yield == nil {
		yield = func() error { return nil }
	}
	r, err := newRun(c.Settings, data, auto, c.Whitening, yield)
	if err != nil {
		return nil, err
	}
	if c.Moments1 != nil {
		if err := r.Trainer.Restore(nn.State{Steps: c.Steps, Moments1: c.Moments1, Moments2: c.Moments2, Idle: c.Idle}); err != nil {
			return nil, err
		}
	}
	r.Epoch, r.Batch = c.Epoch, c.Batch
	r.sum, r.point = c.Sum, c.Point
	r.Initial, r.Curve, r.History = c.Initial, slices.Clone(c.Curve), slices.Clone(c.History)
	if c.Data == data.Fingerprint() { // earlier versions did not write the FVU
		for i := range r.History {
			r.History[i].FVU = data.Unexplained(r.History[i].ValMSE)
		}
	}
	r.Notes = maps.Clone(c.Notes)
	r.shuffle()
	if r.Batch > 0 && r.Images() != c.Settings.TrainingImages(c.Data.Train) {
		r.Batch, r.sum, r.point = 0, lossSum{}, lossSum{}
		r.Curve = slices.DeleteFunc(r.Curve, func(p Point) bool { return p.Epoch > float64(r.Epoch) })
	}
	r.due = r.Initial == nil || r.Batch == len(r.batches)
	return r, nil
}

func (c *Checkpoint) checkWhitening() error {
	if c.Settings.Whiten != (c.Whitening != nil) {
		return fmt.Errorf("checkpoint: whiten %t with a whitening %t: want both or neither", c.Settings.Whiten, c.Whitening != nil)
	}
	return nil
}

// Autoencoder returns the checkpoint's autoencoder.
func (c *Checkpoint) Autoencoder() (*nn.Autoencoder, error) {
	return c.Settings.Architecture(c.InputDims).With(c.Parameters)
}

// array is an array of a checkpoint.
type array struct {
	name   string
	values *[]float32
	n      int // how many it must have
}

// arrays returns the arrays in the order of the file.
func (c *Checkpoint) arrays() []array {
	n := c.Settings.Architecture(c.InputDims).Parameters()
	arrays := []array{{"parameters", &c.Parameters, n}, {"first moments", &c.Moments1, n}, {"second moments", &c.Moments2, n}}
	if c.Settings.Whiten {
		d := c.Settings.Grid().Dims()
		if c.Whitening == nil {
			c.Whitening = &patch.Whitening{Dims: d}
		}
		w := c.Whitening
		arrays = append(arrays, array{"means of patches", &w.Mean, d}, array{"whitening matrix", &w.Matrix, d * d}, array{"inverse of the whitening matrix", &w.Inverse, d * d})
	}
	return arrays
}

// Write writes the checkpoint in the format of the package documentation. A number
// that is not finite is an error, and so is whiten without a whitening.
func (c *Checkpoint) Write(w io.Writer) error {
	if err := c.checkWhitening(); err != nil {
		return err
	}
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
	for _, array := range c.arrays() {
		for part := range slices.Chunk(*array.values, chunk) {
			buffer = buffer[:0]
			for _, x := range part {
				if x-x != 0 { // NaN or infinite
					return fmt.Errorf("checkpoint: the %s contain %g: want finite numbers", array.name, x)
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

// ReadCheckpoint reads a checkpoint that Write wrote. It rejects files that are
// truncated, damaged, too long or of another version, invalid settings, and numbers
// that are not finite. It allocates memory as the data arrive, so a header that
// claims too much costs nothing.
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
		return nil, fmt.Errorf("checkpoint: the file starts with %q: want %q", start[:len(Magic)], Magic)
	}
	if v := binary.LittleEndian.Uint32(start[8:]); v != version {
		return nil, fmt.Errorf("checkpoint: version %d: want %d", v, version)
	}
	length := binary.LittleEndian.Uint32(start[12:])
	if length > maxHeader {
		return nil, fmt.Errorf("checkpoint: header of %d bytes: want at most %d", length, maxHeader)
	}
	var header bytes.Buffer // grows as data arrive
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
	checksum := crc32.New(castagnoli)
	for _, array := range c.arrays() {
		if err := readArray(r, array.values, array.n, checksum, array.name); err != nil {
			return nil, err
		}
	}
	if err := readChecksum(r, checksum.Sum32(), "arrays"); err != nil {
		return nil, err
	}
	if n, _ := io.ReadFull(r, start[:1]); n > 0 {
		return nil, errors.New("checkpoint: the file continues after its last checksum: want its end there")
	}
	return c, nil
}

func readChecksum(r io.Reader, got uint32, of string) error {
	var sum [4]byte
	if _, err := io.ReadFull(r, sum[:]); err != nil {
		return fmt.Errorf("in the checksum of its %s: %w", of, err)
	}
	if want := binary.LittleEndian.Uint32(sum[:]); got != want {
		return fmt.Errorf("checkpoint: the file is damaged: checksum of the %s is %08x: want %08x", of, got, want)
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
		if len(*array)+len(part)/4 > cap(*array) { // at most doubles
			*array = slices.Grow(*array, min(n-len(*array), max(chunk, len(*array))))
		}
		for ; len(part) > 0; part = part[4:] {
			x := math.Float32frombits(binary.LittleEndian.Uint32(part))
			if x-x != 0 { // NaN or infinite
				return fmt.Errorf("checkpoint: number %d of the %s is %g: want a finite number", len(*array), name, x)
			}
			*array = append(*array, x)
		}
	}
	return nil
}

// validate reports a header that no run can have written.
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
	for unit := range c.Notes {
		if unit < 0 || unit >= c.Settings.Latent {
			return fmt.Errorf("note on latent unit %d: want one of the %d", unit, c.Settings.Latent)
		}
	}
	if c.Idle != nil && (len(c.Idle) != c.Settings.Latent || slices.Min(c.Idle) < 0) {
		return fmt.Errorf("idle of %d latent units: want numbers of steps of all %d", len(c.Idle), c.Settings.Latent)
	}
	images := c.Settings.TrainingImages(c.Data.Train) * c.Settings.PerImage()
	batches := (images + c.Settings.Batch - 1) / c.Settings.Batch
	switch {
	case c.Epoch < 0 || c.Epoch != len(c.History):
		return fmt.Errorf("epoch %d with a history of %d epochs: want the same number", c.Epoch, len(c.History))
	case c.Batch < 0 || c.Batch > batches:
		return fmt.Errorf("batch %d: want 0 to %d", c.Batch, batches)
	case c.Steps < 0:
		return fmt.Errorf("%d steps: want at least 0", c.Steps)
	case c.Initial == nil && c.Epoch+c.Batch > 0:
		return errors.New("initial is missing: want the evaluation of the untrained model")
	case len(c.Curve) > maxCurve:
		return fmt.Errorf("curve of %d points: want at most %d", len(c.Curve), maxCurve)
	}
	return nil
}
