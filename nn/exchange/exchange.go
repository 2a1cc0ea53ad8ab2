package exchange

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"

	"sae/nn"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/nn/patch"
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
	{"safetensors", ".safetensors", "safetensors", writeSafetensors},
	{"onnx", ".onnx.zip", "ONNX", archive(writeONNX)},
	{"tfjs", ".tfjs.zip", "TensorFlow.js", archive(writeTFJS)},
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

// Write writes the model of a checkpoint in the format. An error is that of the writer,
// reports parameters that are not finite, or names a setting that the format cannot hold.
func (f Format) Write(w io.Writer, c *fit.Checkpoint) error { return f.write(w, c) }

// source is a model to write.
type source struct {
	*nn.Autoencoder
	settings  experiment.Settings
	comment   string           // the settings as JSON
	whitening *patch.Whitening // nil for none
}

func newSource(c *fit.Checkpoint) (source, error) {
	auto, err := c.Autoencoder()
	if err != nil {
		return source{}, err
	}
	comment, err := json.Marshal(c.Settings)
	return source{auto, c.Settings, string(comment), c.Whitening}, err
}

// archive returns a function that writes a zip archive of the files that fill adds.
func archive(fill func(*zip.Writer, source) error) func(io.Writer, *fit.Checkpoint) error {
	return func(w io.Writer, c *fit.Checkpoint) error {
		model, err := newSource(c)
		if err != nil {
			return err
		}
		z := zip.NewWriter(w)
		if err := z.SetComment(model.comment); err != nil {
			return err
		}
		if err := fill(z, model); err != nil {
			return err
		}
		return z.Close()
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

// whiteningNames are the names of a whitening's arrays in files: μ, W and its inverse.
var whiteningNames = []string{"whitening_mean", "whitening_matrix", "whitening_inverse"}

// whiteningArrays returns the arrays of a whitening, none for nil.
func whiteningArrays(w *patch.Whitening) []array {
	if w == nil {
		return nil
	}
	d := []int{w.Dims, w.Dims}
	return []array{{whiteningNames[0], d[:1], w.Mean}, {whiteningNames[1], d, w.Matrix}, {whiteningNames[2], d, w.Inverse}}
}

// layerArrays returns the kernels and biases of layers, and the arrays of a whitening.
func layerArrays(layers []*nn.Dense, w *patch.Whitening) (arrays []array) {
	for _, l := range layers {
		arrays = append(arrays, array{l.Name + "_kernel", []int{l.In, l.Out}, l.Kernel}, array{l.Name + "_bias", []int{l.Out}, l.Bias})
	}
	return append(arrays, whiteningArrays(w)...)
}
