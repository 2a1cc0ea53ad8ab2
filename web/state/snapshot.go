package state

import (
	"sae/nn/experiment"
	"sae/wasm/protocol"
)

// Snapshot is what sae.state() returns, as JSON.
type Snapshot struct {
	Status          Status              `json:"status"`
	Epoch           int                 `json:"epoch"`
	Batch           int                 `json:"batch"`
	Batches         int                 `json:"batches"`
	Settings        experiment.Settings `json:"settings"`
	Dataset         DatasetSnapshot     `json:"dataset"`
	History         []protocol.Epoch    `json:"history"`
	ImagesPerSecond float64             `json:"imagesPerSecond"`
	Kernel          string              `json:"kernel"`
	Workers         int                 `json:"workers"`
	Card            string              `json:"card"`
	Error           string              `json:"error"`
}

// DatasetSnapshot is the data set in a Snapshot, with the baselines of its losses.
type DatasetSnapshot struct {
	Name       string   `json:"name"`
	Train      int      `json:"train"`
	Validation int      `json:"validation"`
	Classes    []string `json:"classes"`
	MeanBCE    float64  `json:"meanBce"` // validation BCE of the mean training image
	MeanMSE    float64  `json:"meanMse"`
	Floor      float64  `json:"floor"` // entropy floor of the validation images
}

// Snapshot returns the state as the page's API shows it.
func (p *Page) Snapshot() Snapshot {
	history := p.History
	if history == nil {
		history = []protocol.Epoch{} // [] in JSON, not null
	}
	classes := p.Dataset.Classes
	if classes == nil {
		classes = []string{}
	}
	kernel := p.Worker.Kernel
	if p.Card != "" {
		kernel = webGPU
	}
	return Snapshot{
		Status:   p.Status,
		Epoch:    p.Epoch,
		Batch:    p.Batch,
		Batches:  p.Batches,
		Settings: p.Settings,
		Dataset: DatasetSnapshot{
			Name:       p.Dataset.Name,
			Train:      p.Dataset.Train,
			Validation: p.Dataset.Validation,
			Classes:    classes,
			MeanBCE:    p.Dataset.MeanBCE,
			MeanMSE:    p.Dataset.MeanMSE,
			Floor:      p.Dataset.Floor,
		},
		History:         history,
		ImagesPerSecond: p.ImagesPerSecond,
		Kernel:          kernel,
		Workers:         p.Workers,
		Card:            p.Card,
		Error:           p.Failure,
	}
}
