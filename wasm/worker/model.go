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
	"sae/wasm/protocol"
)

// model makes sure that there is a model to do the named thing with.
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

// pass runs an image or a code through the model, or a part of it.
func (w *Worker) pass(m protocol.Message) (protocol.Message, error) {
	if err := w.model(m.Type); err != nil {
		return protocol.Message{}, err
	}
	want := data.ImageSize
	if m.Type == protocol.TypeDecode {
		want = 4 * w.run.settings.Latent
	}
	if len(m.Buffers) != 1 || len(m.Buffers[0]) != want {
		return protocol.Message{}, fmt.Errorf("%s: want one buffer of %d bytes", m.Type, want)
	}
	r := w.run
	var result []byte
	var err error
	if m.Type == protocol.TypeDecode {
		result, err = r.decode(protocol.Floats(m.Buffers[0]))
	} else {
		var codes []float32
		codes, result, err = r.pass(m.Buffers[0])
		if m.Type == protocol.TypeEncode {
			result = protocol.Bytes(codes)
		}
	}
	if err != nil {
		return protocol.Message{}, fmt.Errorf("%s: %w", m.Type, r.fail(w, err))
	}
	return protocol.Message{Buffers: [][]byte{result}}, nil
}

// export makes a file of the model.
func (w *Worker) export(m protocol.Message) (protocol.Message, error) {
	export, err := protocol.Decode[protocol.Export](m)
	if err != nil {
		return protocol.Message{}, err
	}
	format, err := exchange.Lookup(export.Format)
	if err != nil {
		return protocol.Message{}, err
	}
	if err := w.model(m.Type); err != nil {
		return protocol.Message{}, err
	}
	w.exporting = true
	defer func() { w.exporting = false }()
	r := w.run
	checkpoint, err := r.Checkpoint(r.kernel)
	if err != nil {
		return protocol.Message{}, fmt.Errorf("export: %w", r.fail(w, err))
	}
	file, err := w.NewFile(func(to io.Writer) error { return format.Write(to, checkpoint) })
	return protocol.Message{File: file}, err
}

// importModel replaces the run by that of a file. The old one stays until the
// new one is known to be good.
func (w *Worker) importModel(m protocol.Message) (protocol.Message, error) {
	command, err := protocol.Decode[protocol.Import](m)
	if err != nil {
		return protocol.Message{}, err
	}
	if w.dataset == nil {
		return protocol.Message{}, errors.New("import: there is no data set; load one first")
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
	checkpoint.Settings.Workers = command.Settings.Workers // of this machine
	if err := command.Settings.Keep(command.Locked, checkpoint.Settings); err != nil {
		return protocol.Message{}, fmt.Errorf("import: the model has %w", err)
	}
	return w.adopt(checkpoint, command.Run, 0)
}

// adopt makes the run of a checkpoint, under a number, the one to work on; it was
// trained for some time. Where it does not fit the data, the old one stays.
func (w *Worker) adopt(checkpoint *fit.Checkpoint, number int, trained time.Duration) (protocol.Message, error) {
	settings := checkpoint.Settings
	if err := settings.Fit(w.dataset.Train.Len()); err != nil {
		return protocol.Message{}, fmt.Errorf("import: trained on %s: %w", checkpoint.Data.Name, err)
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
		kernel:   w.Kernel,
		status:   protocol.StatusIdle,
		time:     trained,
		initial:  resumed.Initial,
		points:   resumed.Curve,
		epochs:   resumed.History,
	}
	if checkpoint.Kernel != w.Kernel || !same {
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
	}), w.begin(r)
}

// pca holds principal components against the model.
func (w *Worker) pca(m protocol.Message) (protocol.Message, error) {
	command, err := protocol.Decode[protocol.PCA](m)
	if err != nil {
		return protocol.Message{}, err
	}
	if w.dataset == nil {
		return protocol.Message{}, errors.New("pca: there is no data set; load one first")
	}
	n := w.dataset.Train.Len()
	if command.Images < 1 || command.Images > n {
		return protocol.Message{}, fmt.Errorf("pca: %d images: want 1 to %d", command.Images, n)
	}
	components, err := w.data.PCA(command.Images, command.K, w.yield)
	if err != nil {
		return protocol.Message{}, err
	}
	quality, err := baseline.PCA(components, command.K, w.data.Validation, w.yield)
	if err != nil {
		return protocol.Message{}, err
	}
	return protocol.New("", quality), nil
}
