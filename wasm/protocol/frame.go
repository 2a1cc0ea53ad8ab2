package protocol

import (
	"fmt"
	"slices"

	"sae/nn"
	"sae/nn/analysis"
	"sae/nn/fit"
)

// Frame is what there is to show: the state of the run and everything new
// since the last frame, or since a reply told it. A frame within a reply has neither
// Samples nor Units nor Explained.
type Frame struct {
	Run             int     `json:"run"`
	Status          Status  `json:"status"`
	Epoch           int     `json:"epoch"`   // completed epochs
	Batch           int     `json:"batch"`   // completed batches of the epoch under way
	Batches         int     `json:"batches"` // batches per epoch
	ImagesPerSecond float64 `json:"imagesPerSecond"`
	SecondsLeft     float64 `json:"secondsLeft"`
	TrainSeconds    float64 `json:"trainSeconds"`       // that the run was trained for here
	Workers         int     `json:"workers"`            // that train the run now
	Failure         string  `json:"failure,omitempty"`  // why the run stopped, with StatusError
	Diverged        bool    `json:"diverged,omitempty"` // whether its settings are to blame for that

	Initial *Evaluation `json:"initial,omitempty"` // of the untrained model, once per run
	Points  []Point     `json:"points,omitempty"`  // of the training loss
	Epochs  []Epoch     `json:"epochs,omitempty"`  // finished since the last frame

	Samples   *Samples        `json:"samples,omitempty"`   // nil where no images are watched
	Units     *analysis.Units `json:"units,omitempty"`     // over the validation images, after an evaluation
	Explained *Explained      `json:"explained,omitempty"` // the last batch, where it was trained on slowly
}

// Types of a run that frames carry.
type (
	Point      = fit.Point
	Evaluation = fit.Evaluation
	Epoch      = fit.Epoch
)

// Samples are the validation images on show, and what the model makes of them.
type Samples struct {
	Images          []int     `json:"images"`          // indexes into the validation split
	Labels          []int     `json:"labels"`          // their classes
	Originals       []byte    `json:"originals"`       // [len(Images), 3072], HWC
	Reconstructions []byte    `json:"reconstructions"` // [len(Images), 3072], HWC
	Codes           []float32 `json:"codes"`           // [len(Images), latent]
}

// Explained tells what training on a batch did.
type Explained struct {
	Epoch int             `json:"epoch"` // of the batch, from 1
	Batch int             `json:"batch"` // within the epoch, from 1
	Step  *nn.Explanation `json:"step"`  // nil where the network is too large to be explained
}

// UnitDetail is the reply to TypeUnit.
type UnitDetail struct {
	analysis.Unit
	Pictures []byte // of the images in Top, [n, 3072], HWC
}

// Frames and details of units hold long lists of numbers. Those travel in buffers
// of the message, in the order in which the functions below visit them; the body
// has null in their place.

// visitor is called with each list.
type visitor struct {
	floats func(*[]float32)
	bytes  func(*[]byte)
}

func (f *Frame) visit(v visitor) {
	if s := f.Samples; s != nil {
		v.bytes(&s.Originals)
		v.bytes(&s.Reconstructions)
		v.floats(&s.Codes)
	}
	if u := f.Units; u != nil {
		v.floats(&u.Mean)
		v.floats(&u.Activity)
		v.floats(&u.Center)
		v.floats(&u.ByClass)
		v.floats(&u.Histogram.Shares)
		v.bytes(&u.Atoms)
	}
	if e := f.Explained; e != nil && e.Step != nil {
		for i := range e.Step.Layers {
			v.floats(&e.Step.Layers[i].Activations)
			v.floats(&e.Step.Layers[i].Updates)
		}
	}
}

func (d *UnitDetail) visit(v visitor) {
	v.floats(&d.Activations)
	v.bytes(&d.Pictures)
}

// Message returns the frame as a message.
func (f Frame) Message() Message {
	f.Samples, f.Units, f.Explained = clone(f.Samples), clone(f.Units), clone(f.Explained)
	if e := f.Explained; e != nil && e.Step != nil {
		e.Step = clone(e.Step)
		e.Step.Layers = slices.Clone(e.Step.Layers)
	}
	return pack(TypeFrame, &f)
}

// Message returns the detail as a reply.
func (d UnitDetail) Message() Message { return pack("", &d) }

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	copied := *p
	return &copied
}

// pack returns the message of a body, whose lists it takes out.
func pack(t Type, body interface{ visit(visitor) }) Message {
	var buffers [][]byte
	body.visit(visitor{
		floats: func(list *[]float32) { buffers, *list = append(buffers, Bytes(*list)), nil },
		bytes:  func(list *[]byte) { buffers, *list = append(buffers, *list), nil },
	})
	return New(t, body, buffers...)
}

// ReadFrame returns the frame of a message.
func ReadFrame(m Message) (Frame, error) {
	frame, err := Decode[Frame](m)
	if err == nil {
		err = unpack(m, &frame)
	}
	return frame, err
}

// ReadUnitDetail returns the detail of a unit in a reply.
func ReadUnitDetail(m Message) (UnitDetail, error) {
	detail, err := Decode[UnitDetail](m)
	if err == nil {
		err = unpack(m, &detail)
	}
	return detail, err
}

// unpack puts the buffers of a message back where pack has taken them from.
func unpack(m Message, body interface{ visit(visitor) }) error {
	want := 0
	next := func() (buffer []byte) {
		if want < len(m.Buffers) {
			buffer = m.Buffers[want]
		}
		want++
		return buffer
	}
	body.visit(visitor{
		floats: func(list *[]float32) { *list = Floats(next()) },
		bytes:  func(list *[]byte) { *list = next() },
	})
	if len(m.Buffers) != want {
		return fmt.Errorf("protocol: %s: %d buffers: want %d", m.Type, len(m.Buffers), want)
	}
	return nil
}
