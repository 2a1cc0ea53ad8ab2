package ui

import (
	"fmt"

	"sae/data"
	"sae/nn/exchange"
	"sae/wasm/protocol"
	"sae/web/state"
)

// Model shows the layers and exports and imports the model.
type Model struct {
	Page      *state.Page
	PickModel func()
	Save      func(file any, name string)
	Copy      func(text string, done state.Done)
}

func (c *Model) loading() bool { return c.Page.Status == state.StatusLoading }

func (c *Model) formats() []exchange.Format { return exchange.Formats }

// rows returns the layers in the format of Keras's summary.
func (c *Model) rows() [][]string {
	var rows [][]string
	for _, layer := range c.Page.Settings.Architecture(data.ImageSize).Summary() {
		activation := layer.Activation
		if activation == "" {
			activation = none
		}
		rows = append(rows, []string{layer.Name, activation, fmt.Sprintf("(batch, %s)", count(layer.Units)), count(layer.Parameters)})
	}
	return rows
}

func (c *Model) total() string {
	n := c.Page.Settings.Architecture(data.ImageSize).Parameters()
	return fmt.Sprintf("%s parameters, %.1f MB", count(n), float64(4*n)/(1<<20))
}

func (c *Model) help(format exchange.Format) string {
	switch format.Name {
	case "checkpoint":
		return "Parameters, Adam's moments, settings and history. Training can continue from it here and in tools/train."
	case "npz":
		return "The kernel and bias of each layer, for numpy.load"
	case "safetensors":
		return "The same as W_enc, b_enc, W_dec and b_dec, for PyTorch"
	case "onnx":
		return "encoder.onnx, decoder.onnx and auto.onnx in one archive"
	}
	return "Encoder, decoder and autoencoder for tf.loadLayersModel, in one archive"
}

func (c *Model) export(format exchange.Format) {
	c.Page.Model.Export(format.Name, func(file any, err error) {
		name := c.Page.Model.FileName(format)
		if err == nil && c.Save != nil {
			c.Save(file, name)
		}
		c.Page.Model.Exported(name, err)
	})
}

func (c *Model) copyKeras() {
	p := c.Page
	text, err := exchange.Keras(p.Settings, p.Settings.TrainingImages(p.Dataset.Train), p.Dataset.Validation)
	if err != nil {
		p.Messages.Copied("The program in Keras", err)
		return
	}
	c.copy("The program in Keras", text)
}

func (c *Model) copyPyTorch() {
	p := c.Page
	c.copy("The program in PyTorch", exchange.PyTorch(p.Settings, p.Settings.TrainingImages(p.Dataset.Train), p.Dataset.Validation))
}

func (c *Model) copyGo() {
	p := c.Page
	path := "data/cifar10.sae"
	if p.Dataset.Source == protocol.SourceSynthetic {
		path = ""
	}
	c.copy("The program in Go", exchange.Go(p.Settings, path, p.Dataset.Train, p.Dataset.Validation))
}

func (c *Model) copy(what, text string) {
	if c.Copy != nil {
		c.Copy(text, func(err error) { c.Page.Messages.Copied(what, err) })
	}
}
