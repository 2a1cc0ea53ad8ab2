package protocol

import (
	"slices"

	"sae/nn"
	"sae/nn/analysis"
	"sae/nn/fit"
)

// Frame is the state of the run, with everything that is new since the last frame or
// since a reply contained it. A frame in a reply has no Samples, Units or Explained.
type Frame struct {
	Run             int     `json:"run"`
	Status          Status  `json:"status"`
	Epoch           int     `json:"epoch"`   // completed epochs
	Batch           int     `json:"batch"`   // completed batches of the current epoch
	Batches         int     `json:"batches"` // batches per epoch
	ImagesPerSecond float64 `json:"imagesPerSecond"`
	SecondsLeft     float64 `json:"secondsLeft"`
	TrainSeconds    float64 `json:"trainSeconds"`       // time spent on training
	Workers         int     `json:"workers"`            // current size of the team
	Kernel          string  `json:"kernel,omitempty"`   // of the run, as in fit.Checkpoint; "" before its first batch
	Card            string  `json:"card,omitempty"`     // name of the graphics card that trains; "" for the processor
	NoCard          string  `json:"noCard,omitempty"`   // why the graphics card does not train, if it should
	Failure         string  `json:"failure,omitempty"`  // why the run stopped, with StatusError
	Diverged        bool    `json:"diverged,omitempty"` // whether it stopped because it diverged

	Initial *Evaluation `json:"initial,omitempty"` // of the untrained model, once per run
	Points  []Point     `json:"points,omitempty"`  // of the training loss
	Epochs  []Epoch     `json:"epochs,omitempty"`  // completed since the last frame

	Samples   *Samples        `json:"samples,omitempty"`   // nil if no images are watched
	Units     *analysis.Units `json:"units,omitempty"`     // over the validation images, after an evaluation
	Explained *Explained      `json:"explained,omitempty"` // the last batch, after a step or in slow motion
}

// Types of a run that frames carry.
type (
	Point      = fit.Point
	Evaluation = fit.Evaluation
	Epoch      = fit.Epoch
)

// Samples are the watched validation images with their codes and reconstructions.
type Samples struct {
	Images          []int     `json:"images"`          // indexes into the validation split
	Labels          []int     `json:"labels"`          // their classes
	Originals       []byte    `json:"originals"`       // [len(Images), 3072], HWC
	Reconstructions []byte    `json:"reconstructions"` // [len(Images), 3072], HWC
	Codes           []float32 `json:"codes"`           // [len(Images), latent]
}

// Explained describes the training step of a batch.
type Explained struct {
	Epoch int             `json:"epoch"` // of the batch, from 1
	Batch int             `json:"batch"` // within the epoch, from 1
	Step  *nn.Explanation `json:"step"`  // nil if the network is too large to be explained
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
