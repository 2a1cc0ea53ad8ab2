package exchange

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"sae/nn"
	"sae/nn/experiment"
	"sae/nn/fit"
	"sae/nn/patch"
)

// maxGrowth bounds the unpacked size of an archive: maxGrowth times the packed size, and
// a megabyte. Weights hardly compress, so a larger archive is no model.
const maxGrowth = 8

// model is what a file contains.
type model struct {
	layers    []layer // from input to output
	settings  string  // as JSON; "" if the file has none
	whitening []array // those of whiteningNames that the file has, in this order
}

// layer is a dense layer of a file.
type layer struct {
	name       string
	kernel     array  // [in, out]
	bias       array  // [out]; the zero array if the file has none
	activation string // as Keras names it; "" if the file has none
	k          int    // activations that TopK keeps; 0 for all, or if activation is ""
}

// array is a kernel or a bias, with its name in the file.
type array struct {
	name   string
	shape  []int
	values []float32
}

// Read reads a model of size bytes: any of the Formats, or an .onnx file.
//
// A checkpoint is returned as it was written. Other formats become a checkpoint before
// the first epoch, without moments. It has the settings in the file, or, in a file of
// another program, the given settings with the file's layers, activations and whitening.
//
// Read accepts these files of other programs, the first three also in a folder of an archive:
//
//   - ONNX with one chain of Gemm, or MatMul and Add, each with Relu, Sigmoid or no
//     activation, as PyTorch and tf2onnx write dense layers; TopK and whitening are read
//     only from the nodes that an export writes
//   - TensorFlow.js layers models, sequential or functional, of dense layers
//   - .npz with the kernel and the bias of each dense layer, as
//     np.savez(path, *model.get_weights()) writes them; its activations are those of the
//     given settings
//   - .safetensors with the names of the package documentation; its activations are those
//     of the given settings
//
// Their layers must be those of an experiment.Settings: hidden layers with ReLU, a latent
// layer with ReLU, TopK or none, and an output with a sigmoid or, with the mean squared
// error, none. Its units are inputDims or the values of a patch. A missing bias is zero.
// Read returns an error for everything else.
func Read(file io.Reader, size int64, settings experiment.Settings, inputDims int) (*fit.Checkpoint, error) {
	r := bufio.NewReaderSize(file, StartSize)
	start, err := r.Peek(int(min(size, StartSize)))
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	kind := kindOf(start)
	switch {
	case kind == nil:
		return nil, errors.New("import: neither a checkpoint nor an archive nor ONNX: want a .saeckpt, .npz, .safetensors, .onnx, .onnx.zip or .tfjs.zip file; a data set is opened by sae.loadDataset, or by dropping it on the page")
	case kind.instead != "":
		return nil, fmt.Errorf("import: %s: %s", kind.name, kind.instead)
	case kind.read == nil:
		return readCheckpoint(r, inputDims)
	}
	content := make([]byte, size)
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, fmt.Errorf("import: %s: %w", kind.name, err)
	}
	m, err := kind.read(content)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	c, err := m.assemble(settings, inputDims)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	return c, nil
}

func readCheckpoint(r io.Reader, inputDims int) (*fit.Checkpoint, error) {
	c, err := fit.ReadCheckpoint(r)
	if err != nil {
		return nil, err
	}
	if c.InputDims != inputDims {
		return nil, fmt.Errorf("checkpoint: images of %d numbers: want %d", c.InputDims, inputDims)
	}
	return c, nil
}

// readArchive reads the model in a zip archive.
func readArchive(content []byte) (*model, error) {
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	u := &unpacker{byName: map[string]*zip.File{}, left: maxGrowth*int64(len(content)) + 1<<20}
	for _, f := range z.File {
		name := path.Clean(f.Name)
		if strings.HasSuffix(f.Name, "/") || strings.HasPrefix(name, "__MACOSX/") || strings.HasPrefix(path.Base(name), ".") {
			continue // folders, and files that operating systems add
		}
		if u.byName[name] != nil {
			return nil, fmt.Errorf("the archive contains %s twice: want it once", name)
		}
		u.byName[name] = f
		u.names = append(u.names, name)
	}
	m, err := u.model()
	if err == nil {
		m.settings = z.Comment
	}
	return m, err
}

// unpacker reads files of an archive.
type unpacker struct {
	names  []string // in the archive's order
	byName map[string]*zip.File
	left   int64 // bytes that may still be unpacked
}

// file returns the content of a file.
func (u *unpacker) file(name string) ([]byte, error) {
	f, ok := u.byName[name]
	if !ok {
		return nil, fmt.Errorf("the archive has no %s", name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer r.Close()
	var content bytes.Buffer
	content.Grow(int(min(f.UncompressedSize64, uint64(u.left))) + bytes.MinRead)
	if _, err := content.ReadFrom(io.LimitReader(r, u.left+1)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if u.left -= int64(content.Len()); u.left < 0 {
		return nil, fmt.Errorf("%s: the archive unpacks to more than %d times its size: want a model", name, maxGrowth)
	}
	return content.Bytes(), nil
}

// with returns the names with the given suffix, in any case.
func (u *unpacker) with(suffix string) []string {
	var names []string
	for _, name := range u.names {
		if strings.HasSuffix(strings.ToLower(name), suffix) {
			names = append(names, name)
		}
	}
	return names
}

// model returns the model in the archive, without settings.
func (u *unpacker) model() (*model, error) {
	if name, err := only(u.with(".onnx"), "auto.onnx"); name != "" || err != nil {
		return u.read(name, err, parseONNX)
	}
	if names := u.with(".npy"); len(names) > 0 {
		return u.npz(names)
	}
	if name, err := only(u.with(".json"), "model.json"); path.Base(name) == "model.json" {
		return u.tfjs(name, err)
	}
	for _, foreign := range []struct{ suffix, refusal string }{
		{"data.pkl", fromPyTorch},
		{".safetensors", "want it by itself, without an archive"},
		{".h5", fromKeras},
		{"saved_model.pb", fromKeras},
	} {
		if names := u.with(foreign.suffix); len(names) > 0 {
			return nil, fmt.Errorf("the archive contains %s: %s", names[0], foreign.refusal)
		}
	}
	if name, err := only(u.with(".json"), "model.json"); name != "" || err != nil {
		return u.tfjs(name, err)
	}
	return nil, errors.New("the archive has no model.json, .onnx or .npy files: want a .npz, .onnx.zip or .tfjs.zip; a data set is not read from a zip archive")
}

// read parses the model in a file. name and doubt are results of only.
func (u *unpacker) read(name string, doubt error, parse func([]byte) (*model, error)) (*model, error) {
	if doubt != nil {
		return nil, doubt
	}
	content, err := u.file(name)
	if err != nil {
		return nil, err
	}
	m, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// only returns the only one of the names, or the only one with the given base name; ""
// if there is none. Several are an error.
func only(names []string, base string) (string, error) {
	var based []string
	for _, name := range names {
		if path.Base(name) == base {
			based = append(based, name)
		}
	}
	if len(based) > 0 {
		names = based
	}
	if len(names) > 1 {
		return "", fmt.Errorf("the archive contains %d models, including %s and %s: want one, or one %s", len(names), names[0], names[1], base)
	}
	return strings.Join(names, ""), nil
}

// check returns an error if the number of values does not fit the shape.
func (a array) check() error {
	n := 1.0 // a float, because an int could overflow
	for _, dim := range a.shape {
		if dim < 1 {
			return fmt.Errorf("shape %v: want dimensions of at least 1", a.shape)
		}
		n *= float64(dim)
	}
	if n != float64(len(a.values)) {
		return fmt.Errorf("shape %v with %d numbers: want %.0f", a.shape, len(a.values), n)
	}
	return nil
}

// transposed returns the transpose of a matrix.
func (a array) transposed() array {
	rows, columns := a.shape[0], a.shape[1]
	t := array{a.name, []int{columns, rows}, make([]float32, len(a.values))}
	for i := range rows {
		for j, x := range a.values[i*columns : (i+1)*columns] {
			t.values[j*rows+i] = x
		}
	}
	return t
}

func floats(data []byte) []float32 {
	values := make([]float32, len(data)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return values
}

// assemble makes a checkpoint of the model. If the file has no settings, they are the given
// ones with what the file says.
func (m *model) assemble(settings experiment.Settings, inputDims int) (*fit.Checkpoint, error) {
	if len(m.layers) < 2 {
		return nil, fmt.Errorf("%d dense layers: want at least 2", len(m.layers))
	}
	var err error
	known := settings
	isKnown := json.Unmarshal([]byte(m.settings), &known) == nil
	if !isKnown {
		settings, err = m.guess(settings, inputDims)
	} else if err = known.Validate(); err != nil {
		err = fmt.Errorf("settings in the file: %w", err)
	} else {
		settings = known
	}
	if err != nil {
		return nil, err
	}
	row := settings.Architecture(inputDims).InputDims
	widths := []int{row}
	total := 0
	for _, l := range m.layers {
		in := widths[len(widths)-1]
		if len(l.kernel.shape) != 2 || l.kernel.shape[0] != in {
			return nil, fmt.Errorf("%s of shape %v: want a kernel of [%d, units]", l.kernel.name, l.kernel.shape, in)
		}
		out := l.kernel.shape[1]
		if l.bias.values != nil && (len(l.bias.shape) != 1 || l.bias.shape[0] != out) {
			return nil, fmt.Errorf("%s of shape %v: want a bias of [%d]", l.bias.name, l.bias.shape, out)
		}
		widths = append(widths, out)
		total += (in + 1) * out
	}
	if out := widths[len(m.layers)]; out != row {
		return nil, fmt.Errorf("the last layer has %d units: want %d, like the input", out, row)
	}
	if !isKnown {
		if settings, err = arrange(m.layers, widths, settings); err != nil {
			return nil, fmt.Errorf("layers %v: %w", widths, err)
		}
	} else if want := settings.Architecture(inputDims).Widths(); !slices.Equal(widths, want) {
		return nil, fmt.Errorf("layers %v: the settings in the file say %v", widths, want)
	}
	parameters := make([]float32, 0, total)
	for _, l := range m.layers {
		parameters = append(parameters, l.kernel.values...)
		if l.bias.values == nil {
			parameters = append(parameters, make([]float32, l.kernel.shape[1])...)
		}
		parameters = append(parameters, l.bias.values...)
	}
	c := &fit.Checkpoint{Settings: settings, InputDims: inputDims, Parameters: parameters}
	auto, err := c.Autoencoder() // rejects numbers that are not finite
	if err != nil {
		return nil, err
	}
	for i, layer := range auto.Layers() {
		if l := m.layers[i]; l.activation != "" && (l.activation != layer.Activation.String() || l.k != layer.K) {
			return nil, fmt.Errorf("layer %d, %s, has activation %s and k %d: the settings in the file say %v and %d", i+1, l.name, l.activation, l.k, layer.Activation, layer.K)
		}
	}
	if c.Whitening, err = m.whiten(settings); err != nil {
		return nil, err
	}
	return c, nil
}

// guess returns the settings with the patches that the file shows.
func (m *model) guess(settings experiment.Settings, inputDims int) (experiment.Settings, error) {
	changes := map[string]string{"patch": "0", "whiten": strconv.FormatBool(len(m.whitening) > 0)}
	if len(m.whitening) > 0 {
		changes["loss"] = nn.MSE.String()
	}
	for _, side := range []int{8, 16} {
		if shape := m.layers[0].kernel.shape; len(shape) > 0 && shape[0] != inputDims && shape[0] == 3*side*side {
			changes["patch"] = strconv.Itoa(side)
			if settings.Init == experiment.PCA { // of whole images
				changes["init"] = experiment.Default().Init
			}
		}
	}
	return settings.With(changes)
}

// whiten returns the whitening in the file, nil without the setting.
func (m *model) whiten(settings experiment.Settings) (*patch.Whitening, error) {
	if !settings.Whiten {
		if len(m.whitening) > 0 {
			return nil, fmt.Errorf("%s: want none, because the settings say whiten false", m.whitening[0].name)
		}
		return nil, nil
	}
	wanted := whiteningArrays(&patch.Whitening{Dims: settings.Grid().Dims()})
	bad := len(m.whitening) != len(wanted)
	for i := 0; i < len(wanted) && !bad; i++ {
		a := m.whitening[i]
		bad = a.name != wanted[i].name || !slices.Equal(a.shape, wanted[i].shape)
		for _, x := range a.values {
			bad = bad || x-x != 0 // NaN or infinite
		}
	}
	if bad {
		return nil, fmt.Errorf("patches are whitened: want %q of finite numbers, of shapes %v, %[3]v and %[3]v", whiteningNames, wanted[0].shape, wanted[1].shape)
	}
	return &patch.Whitening{Dims: wanted[0].shape[0], Mean: m.whitening[0].values, Matrix: m.whitening[1].values, Inverse: m.whitening[2].values}, nil
}

// arrange returns the settings with the layers, of the given widths from the input on.
// The latent layer is the one with TopK, or else the one named so, or else the one without
// ReLU, or else the narrowest. Which one it is does not change what the model computes.
func arrange(layers []layer, widths []int, settings experiment.Settings) (experiment.Settings, error) {
	last := len(layers) - 1
	narrowest := widths[1]
	for _, width := range widths[1 : last+1] {
		narrowest = min(narrowest, width)
	}
	var latents []int
	for _, is := range []func(i int) bool{
		func(i int) bool { return layers[i].k > 0 },
		func(i int) bool { return strings.HasPrefix(layers[i].name, "latent") },
		func(i int) bool { return layers[i].activation == nn.Linear.String() },
		func(i int) bool { return widths[i+1] == narrowest },
	} {
		for i := range last {
			if is(i) {
				latents = append(latents, i)
			}
		}
		if latents != nil {
			break
		}
	}
	var err error
	for _, latent := range latents {
		layered, failure := activate(layers, latent, settings)
		if failure == nil {
			layered, failure = layered.WithLayers(widths[1:latent+1], widths[latent+1], widths[latent+2:last+1])
		}
		if k := layers[latent].k; failure == nil && k > 0 {
			layered, failure = layered.With(map[string]string{"sparsity": experiment.TopK, "k": strconv.Itoa(k)})
		}
		if failure == nil {
			return layered, nil
		}
		err = cmp.Or(err, failure)
	}
	return settings, err
}

// activate returns the settings with the latent layer's activation, if the file states
// it. A layer with an activation that it cannot have in package nn is an error.
func activate(layers []layer, latent int, settings experiment.Settings) (experiment.Settings, error) {
	relu, linear, sigmoid := nn.ReLU.String(), nn.Linear.String(), nn.Sigmoid.String()
	if stated := layers[len(layers)-1].activation; stated != "" { // a graph
		changes := map[string]string{"sparsity": experiment.L1}
		switch {
		case stated == sigmoid:
			changes["loss"] = nn.BCE.String()
		case stated == linear && layers[latent].k > 0:
			changes["loss"] = nn.MSE.String()
		}
		var err error
		if settings, err = settings.With(changes); err != nil {
			return settings, err
		}
	}
	for i, l := range layers {
		want, where := relu, "a hidden layer"
		switch i {
		case len(layers) - 1:
			want, where = sigmoid, "the output"
			if settings.Loss == nn.MSE.String() {
				want = linear
			}
		case latent:
			want, where = relu+" or "+linear, "the latent layer"
			if l.activation == relu || l.activation == linear {
				want = l.activation
			}
		}
		if l.activation != "" && l.activation != want {
			return settings, fmt.Errorf("layer %d, %s, has activation %s: want %s for %s", i+1, l.name, l.activation, want, where)
		}
	}
	if layers[latent].activation == "" {
		return settings, nil
	}
	return settings.With(map[string]string{"activation": layers[latent].activation})
}
