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
	"strings"

	"sae/nn"
	"sae/nn/experiment"
	"sae/nn/fit"
)

// maxGrowth is by how much an archive may grow when it is unpacked, beside a
// megabyte: weights hardly shrink, so what claims more is no model.
const maxGrowth = 8

// layer is a dense layer as a file has it.
type layer struct {
	name       string
	kernel     array  // [in, out]
	bias       array  // [out]; the zero array where the file has none
	activation string // as Keras names it; "" where the file does not say
}

// array is a kernel or a bias, under the name that it has in the file.
type array struct {
	name   string
	shape  []int
	values []float32
}

// Read reads a model of size bytes: any of the Formats, or an .onnx file.
//
// A checkpoint comes as it was taken. Everything else gives a checkpoint before its
// first epoch, without moments. What a file does not say of how it was trained is
// taken from the settings given.
//
// Files of other programs are read as well, alone or in a folder of the archive:
//
//   - ONNX with one chain of Gemm, or MatMul and Add, with Relu, Sigmoid or no
//     activation between: what PyTorch and tf2onnx write of such layers
//   - TensorFlow.js layers models, sequential or functional, of dense layers
//   - .npz with kernel and bias of each dense layer in turn, as
//     np.savez(path, *model.get_weights()) writes them
//
// Their layers have to be those of an experiment.Settings: hidden layers with ReLU, a
// latent layer with ReLU or none, an output of inputDims units with a sigmoid. A layer
// without a bias has one of zeros. An .npz does not say its activations: the settings do.
func Read(file io.Reader, size int64, settings experiment.Settings, inputDims int) (*fit.Checkpoint, error) {
	r := bufio.NewReaderSize(file, StartSize)
	start, err := r.Peek(int(min(size, StartSize)))
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	kind := kindOf(start)
	switch {
	case kind == nil:
		return nil, errors.New("import: neither a checkpoint nor an archive nor ONNX: want a .saeckpt, .npz, .onnx, .onnx.zip or .tfjs.zip file; a data set is opened by sae.loadDataset, or by dropping it on the page")
	case kind.instead != "":
		return nil, fmt.Errorf("import: %s: %s", kind.name, kind.instead)
	case kind.read == nil:
		return readCheckpoint(r, inputDims)
	}
	content := make([]byte, size)
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, fmt.Errorf("import: %s: %w", kind.name, err)
	}
	layers, comment, err := kind.read(content)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	known := settings
	if json.Unmarshal([]byte(comment), &known) != nil {
		return assemble(layers, settings, false, inputDims)
	}
	if err := known.Validate(); err != nil {
		return nil, fmt.Errorf("import: settings in the archive's comment: %w", err)
	}
	return assemble(layers, known, true, inputDims)
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
func readArchive(content []byte) (layers []layer, comment string, err error) {
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, "", fmt.Errorf("archive: %w", err)
	}
	u := &unpacker{byName: map[string]*zip.File{}, left: maxGrowth*int64(len(content)) + 1<<20}
	for _, f := range z.File {
		name := path.Clean(f.Name)
		if strings.HasSuffix(f.Name, "/") || strings.HasPrefix(name, "__MACOSX/") || strings.HasPrefix(path.Base(name), ".") {
			continue // what systems add on their own
		}
		if u.byName[name] != nil {
			return nil, "", fmt.Errorf("the archive holds %s twice", name)
		}
		u.byName[name] = f
		u.names = append(u.names, name)
	}
	layers, err = u.layers()
	return layers, z.Comment, err
}

// unpacker reads files of an archive, up to a number of bytes.
type unpacker struct {
	names  []string // in the archive's order
	byName map[string]*zip.File
	left   int64
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
		return nil, fmt.Errorf("%s: the archive grows to more than %d times its size: want a model", name, maxGrowth)
	}
	return content.Bytes(), nil
}

// with returns the names that end so.
func (u *unpacker) with(suffix string) []string {
	var names []string
	for _, name := range u.names {
		if strings.HasSuffix(strings.ToLower(name), suffix) {
			names = append(names, name)
		}
	}
	return names
}

// layers returns the layers of the model in the archive, from input to output.
func (u *unpacker) layers() ([]layer, error) {
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
		{".safetensors", fromPyTorch},
		{".h5", fromKeras},
		{"saved_model.pb", fromKeras},
	} {
		if names := u.with(foreign.suffix); len(names) > 0 {
			return nil, fmt.Errorf("the archive holds %s: %s", names[0], foreign.refusal)
		}
	}
	if name, err := only(u.with(".json"), "model.json"); name != "" || err != nil {
		return u.tfjs(name, err)
	}
	return nil, errors.New("the archive has no model.json, .onnx or .npy files: want a .npz, .onnx.zip or .tfjs.zip; a data set is not read from a zip archive")
}

// read has parse make layers of a file, unless it is in doubt which.
func (u *unpacker) read(name string, doubt error, parse func([]byte) ([]layer, error)) ([]layer, error) {
	if doubt != nil {
		return nil, doubt
	}
	content, err := u.file(name)
	if err != nil {
		return nil, err
	}
	layers, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return layers, nil
}

// only returns the name to read of several: the only one, or the only one that has the
// given base.
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
		return "", fmt.Errorf("the archive holds %d models, %s and %s among them: want one, or one %s", len(names), names[0], names[1], base)
	}
	return strings.Join(names, ""), nil
}

// check reports an array whose values are not as many as its shape says.
func (a array) check() error {
	n := 1.0 // in floating point, where nothing overflows
	for _, dim := range a.shape {
		if dim < 1 {
			return fmt.Errorf("shape %v: want at least 1 everywhere", a.shape)
		}
		n *= float64(dim)
	}
	if n != float64(len(a.values)) {
		return fmt.Errorf("shape %v: there are %d numbers, want %.0f", a.shape, len(a.values), n)
	}
	return nil
}

// transposed returns a matrix with rows as columns.
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

// assemble makes a checkpoint of layers. known tells whether the settings are those
// that they were trained with.
func assemble(layers []layer, settings experiment.Settings, known bool, inputDims int) (*fit.Checkpoint, error) {
	if len(layers) < 2 {
		return nil, fmt.Errorf("import: %d dense layers: want two at least", len(layers))
	}
	widths := []int{inputDims}
	total := 0
	for _, l := range layers {
		in := widths[len(widths)-1]
		if len(l.kernel.shape) != 2 || l.kernel.shape[0] != in {
			return nil, fmt.Errorf("import: %s of shape %v: want a kernel of [%d, units]", l.kernel.name, l.kernel.shape, in)
		}
		out := l.kernel.shape[1]
		if l.bias.values != nil && (len(l.bias.shape) != 1 || l.bias.shape[0] != out) {
			return nil, fmt.Errorf("import: %s of shape %v: want a bias of [%d]", l.bias.name, l.bias.shape, out)
		}
		widths = append(widths, out)
		total += (in + 1) * out
	}
	if out := widths[len(layers)]; out != inputDims {
		return nil, fmt.Errorf("import: the last layer has %d units: want %d, as the input", out, inputDims)
	}
	layered, err := arrange(layers, widths, settings)
	if err != nil {
		return nil, fmt.Errorf("import: layers %v: %w", widths, err)
	}
	if known && layered != settings {
		return nil, fmt.Errorf("import: layers %v, latent layer %s: the settings in the archive's comment say %v, %s",
			widths, layered.Activation, settings.Architecture(inputDims).Widths(), settings.Activation)
	}
	parameters := make([]float32, 0, total)
	for _, l := range layers {
		parameters = append(parameters, l.kernel.values...)
		if l.bias.values == nil {
			parameters = append(parameters, make([]float32, l.kernel.shape[1])...)
		}
		parameters = append(parameters, l.bias.values...)
	}
	c := &fit.Checkpoint{Settings: layered, InputDims: inputDims, Parameters: parameters}
	if _, err := c.Autoencoder(); err != nil { // looks for what is not finite
		return nil, fmt.Errorf("import: %w", err)
	}
	return c, nil
}

// arrange returns the settings with the layers, which have the given widths from the
// input on. Which layer is the latent one changes nothing of what the model computes; it
// is the one of that name, or else the one without ReLU, or else the narrowest.
func arrange(layers []layer, widths []int, settings experiment.Settings) (experiment.Settings, error) {
	last := len(layers) - 1
	narrowest := widths[1]
	for _, width := range widths[1 : last+1] {
		narrowest = min(narrowest, width)
	}
	var latents []int
	for _, is := range []func(i int) bool{
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
		if failure == nil {
			return layered, nil
		}
		err = cmp.Or(err, failure)
	}
	return settings, err
}

// activate returns the settings with the latent layer's activation, where the file says
// it, and an error where another layer's is none of this program's.
func activate(layers []layer, latent int, settings experiment.Settings) (experiment.Settings, error) {
	relu, linear, sigmoid := nn.ReLU.String(), nn.Linear.String(), nn.Sigmoid.String()
	for i, l := range layers {
		want, where := relu, "a hidden layer"
		switch i {
		case len(layers) - 1:
			want, where = sigmoid, "the output"
		case latent:
			want, where = relu+" or "+linear, "the latent layer"
			if l.activation == relu || l.activation == linear {
				want = l.activation
			}
		}
		if l.activation != "" && l.activation != want {
			return settings, fmt.Errorf("layer %d, %s, has the activation %s: want %s for %s", i+1, l.name, l.activation, want, where)
		}
	}
	if layers[latent].activation == "" {
		return settings, nil
	}
	return settings.With(map[string]string{"activation": layers[latent].activation})
}
