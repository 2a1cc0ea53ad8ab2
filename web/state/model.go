package state

import (
	"errors"
	"fmt"

	"sae/nn/exchange"
	"sae/wasm/protocol"
)

// Encode runs an image of 3,072 bytes, HWC, through the encoder: its code,
// [latent].
func (p *Page) Encode(image []byte, done func([]float32, error)) {
	p.pass(protocol.New(protocol.TypeEncode, protocol.Pictures{Pixels: image}), func(reply protocol.Message) {
		code, err := answer[protocol.Codes](reply)
		done(code.Codes, err)
	})
}

// Decode runs a code, [latent], through the decoder: an image of 3,072 bytes,
// HWC.
func (p *Page) Decode(code []float32, done func([]byte, error)) {
	p.pass(protocol.New(protocol.TypeDecode, protocol.Codes{Codes: code}), pixels(done))
}

// Reconstruct runs an image of 3,072 bytes, HWC, through the autoencoder as
// it is now.
func (p *Page) Reconstruct(image []byte, done func([]byte, error)) {
	p.pass(protocol.New(protocol.TypeReconstruct, protocol.Pictures{Pixels: image}), pixels(done))
}

// pass has the worker run something through the model or a part of it.
func (p *Page) pass(m protocol.Message, done func(reply protocol.Message)) {
	if p.Dataset.Train == 0 {
		done(protocol.Message{Error: fmt.Sprintf("%s: there is no model yet; await sae.ready", m.Type)})
		return
	}
	p.Worker.command(m, done)
}

// pixels returns what takes a reply with pictures.
func pixels(done func([]byte, error)) func(protocol.Message) {
	return func(reply protocol.Message) {
		pictures, err := answer[protocol.Pictures](reply)
		done(pictures.Pixels, err)
	}
}

// Export makes a file, a Blob, of the model in a format that package exchange
// names.
func (p *Page) Export(format string, done func(file any, err error)) {
	if _, err := exchange.Lookup(format); err != nil {
		done(nil, err)
		return
	}
	if p.Dataset.Train == 0 {
		done(nil, errors.New("export: there is no model yet; await sae.ready"))
		return
	}
	p.Worker.command(protocol.New(protocol.TypeExport, protocol.Export{Format: format}), func(reply protocol.Message) {
		done(reply.File, replyError(reply))
	})
}

// FileName returns a name for the model in a format: "sae-2-64-epoch20.npz".
func (p *Page) FileName(format exchange.Format) string {
	return fmt.Sprintf("sae-%d-%d-epoch%d%s", p.Settings.Experiment, p.Settings.Latent, p.Epoch, format.Suffix)
}

// Import replaces the run by that of a file, a Blob, in any format that was
// exported; the toast brings it back. Where the file is bad, a notice says so and the
// run stays.
func (p *Page) Import(file any, done Done) {
	if p.Dataset.Train == 0 {
		done(errors.New("import: the data set is still being read; await sae.ready"))
		return
	}
	p.Messages.over(aboutTry)
	offer := p.wayBack()
	p.open(file, func(imported protocol.Imported, err error) {
		if err != nil {
			p.Messages.tell(aboutTry, "That model could not be used", err.Error()+". Your run is unchanged.")
			done(err)
			return
		}
		p.tellOrigin(imported)
		offer("Another model was opened.")
		done(nil)
	})
}

// tellOrigin ends what was said of the run before, and tells where a run goes on with other
// data or kernels than it was trained with.
func (p *Page) tellOrigin(imported protocol.Imported) {
	p.Messages.over(aboutRun, aboutSettings)
	if notice := p.otherOrigin(imported); notice != nil {
		p.Messages.Notice = notice
	}
}

// open replaces the run by that of a file. Where the file is bad, the run stays.
func (p *Page) open(file any, done func(protocol.Imported, error)) {
	// Until the reply, frames are those of the run that may yet stay.
	run := p.nextRun()
	m := protocol.New(protocol.TypeImport, protocol.Import{Run: run, Settings: p.Settings, Locked: p.Embed.locked()})
	m.File = file
	p.Worker.command(m, func(reply protocol.Message) {
		imported, err := answer[protocol.Imported](reply)
		if err == nil {
			p.Series.queue = nil
			p.adopt(imported, run)
		}
		done(imported, err)
	})
}

// adopt shows the run that the worker has taken from elsewhere, under its number.
func (p *Page) adopt(imported protocol.Imported, run int) {
	p.Settings = imported.Settings
	clear(p.Form.Draft)
	clear(p.Form.Errors)
	p.clear(run)
	p.Status, p.unseen = imported.Frame.Status, false
	p.take(imported.Frame)
	p.History = imported.Frame.Epochs // which have ended before
	p.mixed = imported.Kernel != p.Worker.Kernel || !imported.Same
	p.Pictures.watch()
	p.Loss.askPCA()
}

// checkpoint has the worker make a checkpoint of the run as it is.
func (p *Page) checkpoint(done func(file any)) {
	p.Export("checkpoint", func(file any, err error) {
		if err == nil {
			done(file)
		}
	})
}

// Exported tells how it went to export the model to a file of the name.
func (p *Page) Exported(name string, err error) {
	p.Messages.over(aboutTry)
	if p.Told = ""; err != nil {
		p.Messages.Notify("The model could not be exported", err.Error())
		return
	}
	p.Told = "Saved " + name + "."
}
