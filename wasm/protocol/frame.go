package protocol

import (
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

func (f *Frame) lists(v visitor) {
	if f.Samples != nil {
		f.Samples = clone(f.Samples)
		v.bytes(&f.Samples.Originals)
		v.bytes(&f.Samples.Reconstructions)
		v.floats(&f.Samples.Codes)
	}
	if f.Units != nil {
		f.Units = clone(f.Units)
		v.floats(&f.Units.Mean)
		v.floats(&f.Units.Activity)
		v.floats(&f.Units.Center)
		v.floats(&f.Units.ByClass)
		v.floats(&f.Units.Histogram.Shares)
		v.bytes(&f.Units.Atoms)
	}
	if f.Explained != nil && f.Explained.Step != nil {
		f.Explained = clone(f.Explained)
		f.Explained.Step = clone(f.Explained.Step)
		layers := slices.Clone(f.Explained.Step.Layers)
		f.Explained.Step.Layers = layers
		for i := range layers {
			v.floats(&layers[i].Activations)
			v.floats(&layers[i].Updates)
		}
	}
}

func clone[T any](p *T) *T {
	copied := *p
	return &copied
}
