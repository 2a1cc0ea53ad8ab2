package state

import (
	"errors"
	"fmt"

	"sae/nn/exchange"
	"sae/wasm/protocol"
)

// Model is the model of the run under way: what it computes, and files of it.
type Model struct {
	Told string // about the last export, for the user

	worker   *Worker
	messages *Messages
	dataset  *Dataset
	training *Training
}

// Encode computes the code, [latent], of an image of 3,072 bytes, HWC.
func (m *Model) Encode(image []byte, done func([]float32, error)) {
	m.pass(protocol.New(protocol.TypeEncode, protocol.Pictures{Pixels: image}), func(reply protocol.Message) {
		code, err := answer[protocol.Codes](reply)
		done(code.Codes, err)
	})
}

// Decode computes the image of a code, [latent]: 3,072 bytes, HWC.
func (m *Model) Decode(code []float32, done func([]byte, error)) {
	m.pass(protocol.New(protocol.TypeDecode, protocol.Codes{Codes: code}), pixels(done))
}

// Reconstruct computes the reconstruction of an image of 3,072 bytes, HWC.
func (m *Model) Reconstruct(image []byte, done func([]byte, error)) {
	m.pass(protocol.New(protocol.TypeReconstruct, protocol.Pictures{Pixels: image}), pixels(done))
}

// pass sends a command that needs a model.
func (m *Model) pass(command protocol.Message, done func(reply protocol.Message)) {
	if m.dataset.Train == 0 {
		done(protocol.Message{Error: fmt.Sprintf("%s: there is no model yet; await sae.ready", command.Type)})
		return
	}
	m.worker.command(command, done)
}

// pixels returns a handler of replies with pictures.
func pixels(done func([]byte, error)) func(protocol.Message) {
	return func(reply protocol.Message) {
		pictures, err := answer[protocol.Pictures](reply)
		done(pictures.Pixels, err)
	}
}

// Export makes a file of the model, a Blob. Package exchange names the formats.
func (m *Model) Export(format string, done func(file any, err error)) {
	if _, err := exchange.Lookup(format); err != nil {
		done(nil, err)
		return
	}
	if m.dataset.Train == 0 {
		done(nil, errors.New("export: there is no model yet; await sae.ready"))
		return
	}
	m.worker.command(protocol.New(protocol.TypeExport, protocol.Export{Format: format}), func(reply protocol.Message) {
		done(reply.File, replyError(reply))
	})
}

// checkpoint makes a checkpoint of the run.
func (m *Model) checkpoint(done func(file any)) {
	m.Export("checkpoint", func(file any, err error) {
		if err == nil {
			done(file)
		}
	})
}

// FileName returns a name for the model in a format: "sae-2-64-epoch20.npz".
func (m *Model) FileName(format exchange.Format) string {
	t := m.training
	return fmt.Sprintf("sae-%d-%d-epoch%d%s", t.Settings.Experiment, t.Settings.Latent, t.Epoch, format.Suffix)
}

// Exported tells the user whether the export to a file succeeded.
func (m *Model) Exported(name string, err error) {
	m.messages.over(aboutTry)
	if m.Told = ""; err != nil {
		m.messages.Notify("The model could not be exported", err.Error())
		return
	}
	m.Told = "Saved " + name + "."
}
