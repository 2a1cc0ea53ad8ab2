package worker

import (
	"sae/nn"
	"sae/nn/fit"
	"sae/wasm/webgpu"
)

// graphics is the browser's Graphics.
type graphics struct{}

func (graphics) Card() (Card, error) {
	device, err := webgpu.Open()
	if err != nil {
		return nil, err
	}
	return card{device}, nil
}

type card struct{ *webgpu.Device }

func (c card) About() (name, kernel string, software bool) { return c.Name, c.Kernel, c.Software }

func (c card) Engine(auto *nn.Autoencoder, adam nn.Adam, batch int, source fit.Source, yield func() error) (fit.Engine, func(), error) {
	trainer, err := webgpu.New(c.Device, auto, adam, batch, source, yield)
	if err != nil {
		return nil, nil, err
	}
	return trainer, trainer.Close, nil
}
