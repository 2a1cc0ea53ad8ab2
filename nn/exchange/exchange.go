package exchange

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sae/nn"
	"sae/nn/experiment"
	"sae/nn/fit"
)

// Format is a file format of models.
type Format struct {
	Name   string // in sae.export
	Suffix string // of file names
	Title  string // on the page

	write func(io.Writer, *fit.Checkpoint) error
}

// Formats lists all formats.
var Formats = []Format{
	{"checkpoint", ".saeckpt", "Checkpoint", func(w io.Writer, c *fit.Checkpoint) error { return c.Write(w) }},
	{"npz", ".npz", "NumPy", archive(writeNPZ)},
	{"onnx", ".onnx.zip", "ONNX", archive(dense(writeONNX, "ONNX"))},
	{"tfjs", ".tfjs.zip", "TensorFlow.js", archive(dense(writeTFJS, "TensorFlow.js"))},
}

// Lookup returns the format with the given name, or an error that lists all names.
func Lookup(name string) (Format, error) {
	var names []string
	for _, format := range Formats {
		if format.Name == name {
			return format, nil
		}
		names = append(names, format.Name)
	}
	return Format{}, fmt.Errorf("export: format %q: want one of %q", name, names)
}

// Write writes the model of a checkpoint in the format. An error is that of the writer
// or reports parameters that are not finite.
func (f Format) Write(w io.Writer, c *fit.Checkpoint) error { return f.write(w, c) }

// archive returns a function that writes a zip archive of the files that fill adds.
func archive(fill func(*zip.Writer, *nn.Autoencoder, experiment.Settings) error) func(io.Writer, *fit.Checkpoint) error {
	return func(w io.Writer, c *fit.Checkpoint) error {
		if c.Settings.Whiten {
			return errors.New("export: whiten true: want false, because the numbers that this model reads follow from its data set; a checkpoint takes it")
		}
		auto, err := c.Autoencoder()
		if err != nil {
			return err
		}
		comment, err := json.Marshal(c.Settings)
		if err != nil {
			return err
		}
		z := zip.NewWriter(w)
		if err := z.SetComment(string(comment)); err != nil {
			return err
		}
		if err := fill(z, auto, c.Settings); err != nil {
			return err
		}
		return z.Close()
	}
}

// dense refuses a model whose layers are not all dense layers.
func dense(fill func(*zip.Writer, *nn.Autoencoder, experiment.Settings) error, format string) func(*zip.Writer, *nn.Autoencoder, experiment.Settings) error {
	return func(z *zip.Writer, auto *nn.Autoencoder, settings experiment.Settings) error {
		if settings.Sparsity == experiment.TopK {
			return fmt.Errorf("export: sparsity topk: want l1 for %s, which has no layer that keeps the k largest; a checkpoint or NumPy takes this model", format)
		}
		return fill(z, auto, settings)
	}
}

// add adds an uncompressed file to an archive, because weights do not compress.
func add(z *zip.Writer, name string, content []byte) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}
