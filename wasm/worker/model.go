package worker

import (
	"errors"
	"fmt"
	"io"
	"time"

	"sae/data"
	"sae/nn/baseline"
	"sae/nn/exchange"
	"sae/nn/fit"
	"sae/nn/pca"
	"sae/wasm/protocol"
)

// model returns an error if there is no model for the command. It prepares the run's
// model if that is not done yet.
func (w *Worker) model(command protocol.Type) error {
	switch {
	case w.run == nil:
		return fmt.Errorf("%s: there is no run yet", command)
	case w.run.broken:
		return fmt.Errorf("%s: %s", command, w.run.failure)
	}
	if err := w.run.prepare(w); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}

// takes returns an error unless there are a model and one picture for the command.
func (w *Worker) takes(picture protocol.Pictures, m protocol.Message) error {
	if err := w.model(m.Type); err != nil {
		return err
	}
	if n := len(picture.Pixels); n != data.ImageSize {
		return fmt.Errorf("%s: a picture of %d bytes: want %d", m.Type, n, data.ImageSize)
	}
	return nil
}

func (w *Worker) reconstruct(picture protocol.Pictures, m protocol.Message) (protocol.Message, error) {
	if err := w.takes(picture, m); err != nil {
		return protocol.Message{}, err
	}
	r := w.run
	_, pixels, err := r.pass(picture.Pixels)
	if err != nil {
		return protocol.Message{}, fmt.Errorf("reconstruct: %w", r.fail(w, err))
	}
	return protocol.New("", protocol.Pictures{Pixels: pixels}), nil
}

func (w *Worker) encode(picture protocol.Pictures, m protocol.Message) (protocol.Message, error) {
	if err := w.takes(picture, m); err != nil {
		return protocol.Message{}, err
	}
	r := w.run
	codes, err := r.Encode(picture.Pixels)
	if err != nil {
		return protocol.Message{}, fmt.Errorf("encode: %w", r.fail(w, err))
	}
	return protocol.New("", protocol.Codes{Codes: codes}), nil
}

func (w *Worker) decode(code protocol.Codes, m protocol.Message) (protocol.Message, error) {
	if err := w.model(m.Type); err != nil {
		return protocol.Message{}, err
	}
	r := w.run
	if n := len(code.Codes); n != r.settings.Latent {
		return protocol.Message{}, fmt.Errorf("decode: a code of %d numbers: want %d", n, r.settings.Latent)
	}
	pixels, err := r.decode(code.Codes)
	if err != nil {
		return protocol.Message{}, fmt.Errorf("decode: %w", r.fail(w, err))
	}
	return protocol.New("", protocol.Pictures{Pixels: pixels}), nil
}

// buildUp builds up the reconstruction of an image from its active units.
func (w *Worker) buildUp(picture protocol.Pictures, m protocol.Message) (protocol.Message, error) {
	if err := w.takes(picture, m); err != nil {
		return protocol.Message{}, err
	}
	b, err := w.run.BuildUp(picture.Pixels)
	if err != nil {
		return protocol.Message{}, fmt.Errorf("buildUp: %w", w.run.fail(w, err))
	}
	return protocol.New("", protocol.BuildUp{Counts: b.Counts, Units: b.Units, Pixels: data.Bytes(b.Outputs)}), nil
}

// export writes the model to a file.
func (w *Worker) export(export protocol.Export, m protocol.Message) (protocol.Message, error) {
	format, err := exchange.Lookup(export.Format)
	if err != nil {
		return protocol.Message{}, err
	}
	if err := w.model(m.Type); err != nil {
		return protocol.Message{}, err
	}
	r := w.run
	if err := w.complete(); err != nil { // a checkpoint has the checksum of the data
		return protocol.Message{}, fmt.Errorf("export: %w", err)
	}
	if w.run != r {
		return protocol.Message{}, fmt.Errorf("export: %w", errReplaced)
	}
	w.exporting = true
	defer func() { w.exporting = false }()
	checkpoint, err := r.Checkpoint(r.kernel)
	if err != nil {
		return protocol.Message{}, fmt.Errorf("export: %w", r.fail(w, err))
	}
	file, err := w.NewFile(func(to io.Writer) error { return format.Write(attending{to, w}, checkpoint) })
	return protocol.Message{File: file}, err
}

// importModel replaces the run by one from a file. If the file is invalid, the old run
// stays.
func (w *Worker) importModel(command protocol.Import, m protocol.Message) (protocol.Message, error) {
	if w.dataset == nil {
		return protocol.Message{}, errors.New("import: there is no data set; load one first")
	}
	if err := w.complete(); err != nil {
		return protocol.Message{}, fmt.Errorf("import: %w", err)
	}
	content, size, err := w.OpenFile(m.File)
	if err != nil {
		return protocol.Message{}, fmt.Errorf("import: %w", err)
	}
	defer content.Close()
	checkpoint, err := exchange.Read(content, size, command.Settings, data.ImageSize)
	if err != nil {
		return protocol.Message{}, err
	}
	checkpoint.Settings = checkpoint.Settings.OnThisMachine(command.Settings)
	if err := command.Settings.Keep(command.Locked, checkpoint.Settings); err != nil {
		return protocol.Message{}, fmt.Errorf("import: the model has %w", err)
	}
	return w.adopt(checkpoint, command.Run, 0)
}

// adopt replaces the run by that of a checkpoint, with the given number and training
// time. If it does not fit the data, the old run stays.
func (w *Worker) adopt(checkpoint *fit.Checkpoint, number int, trained time.Duration) (protocol.Message, error) {
	settings := checkpoint.Settings
	if err := settings.Fit(w.dataset.Train.Len()); err != nil {
		return protocol.Message{}, fmt.Errorf("import: the model was trained with other data: %w", err)
	}
	resumed, err := fit.Resume(checkpoint, w.data, w.yield)
	if err != nil {
		return protocol.Message{}, err
	}
	w.endRun(fmt.Errorf("step: %w", errReplaced))
	same := checkpoint.Data == w.data.Fingerprint()
	r := &run{
		number:   number,
		settings: settings,
		data:     w.data,
		labels:   w.dataset.Validation.Labels,
		classes:  len(w.dataset.Classes),
		team:     1,
		kernel:   checkpoint.Kernel,
		status:   protocol.StatusIdle,
		time:     trained,
		initial:  resumed.Initial,
		points:   resumed.Curve,
		epochs:   resumed.History,
	}
	if !same {
		r.kernel = fit.Mixed
	}
	r.adopt(w, resumed)
	switch {
	case resumed.Done():
		r.status = protocol.StatusDone
	case resumed.Epoch > 0 || resumed.Batch > 0:
		r.status = protocol.StatusPaused
	}
	return protocol.New("", protocol.Imported{
		Frame:    r.news(w),
		Settings: settings,
		Data:     checkpoint.Data,
		Same:     same,
		Kernel:   checkpoint.Kernel,
		Notes:    resumed.Notes,
	}), w.begin(r)
}

// components returns principal components of training images.
func (w *Worker) components(command protocol.PCA, m protocol.Message) (*pca.PCA, error) {
	if w.dataset == nil {
		return nil, fmt.Errorf("%s: there is no data set; load one first", m.Type)
	}
	n := w.dataset.Train.Len()
	if command.Images < 1 || command.Images > n {
		return nil, fmt.Errorf("%s: %d images: want 1 to %d", m.Type, command.Images, n)
	}
	if err := w.wait(func() bool { return w.lacks(min(command.Images, fit.MaxPCA)) }); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Type, err)
	}
	return w.data.PCA(command.Images, command.K, w.yield)
}

// pcaCurve returns how well some of the principal components reconstruct the validation images.
func (w *Worker) pcaCurve(command protocol.PCA, m protocol.Message) (protocol.Message, error) {
	components, err := w.components(command, m)
	if err != nil {
		return protocol.Message{}, err
	}
	curve, err := baseline.Curve(components, w.data.Validation, w.yield)
	if err != nil {
		return protocol.Message{}, err
	}
	return protocol.New("", curve), nil
}

// pca returns how well principal components reconstruct the validation images.
func (w *Worker) pca(command protocol.PCA, m protocol.Message) (protocol.Message, error) {
	components, err := w.components(command, m)
	if err != nil {
		return protocol.Message{}, err
	}
	quality, err := baseline.PCA(components, command.K, w.data.Validation, w.yield)
	if err != nil {
		return protocol.Message{}, err
	}
	return protocol.New("", quality), nil
}
