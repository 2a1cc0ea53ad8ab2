package exchange

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"sae/nn/experiment"
	"sae/nn/fit"
)

// maxGrowth is by how much an archive may grow when it is unpacked, beside a
// megabyte: weights hardly shrink, so what claims more is no model.
const maxGrowth = 8

// array is a named kernel, [in, out], or bias, [out].
type array struct {
	name   string
	shape  []int
	values []float32
}

// Read reads a model of size bytes in any of the Formats. A checkpoint comes as it was
// taken. An archive gives a checkpoint before its first epoch, without moments;
// where it does not say what settings it was trained with, those given are
// used, with the layers of the archive. A .npz may come from elsewhere too: it
// has to hold kernel and bias of each dense layer in turn, as
//
//	np.savez(path, *model.get_weights())
//
// writes them. inputDims is the number of values per image.
func Read(file io.Reader, size int64, settings experiment.Settings, inputDims int) (*fit.Checkpoint, error) {
	r := bufio.NewReader(file)
	start, err := r.Peek(int(min(size, int64(len(fit.Magic)))))
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	if string(start) == fit.Magic {
		c, err := fit.ReadCheckpoint(r)
		if err != nil {
			return nil, err
		}
		if c.InputDims != inputDims {
			return nil, fmt.Errorf("checkpoint: images of %d numbers: want %d", c.InputDims, inputDims)
		}
		return c, nil
	}
	if !bytes.HasPrefix(start, []byte("PK")) {
		return nil, errors.New("import: neither a checkpoint nor an archive: want a .saeckpt, .npz, .onnx.zip or .tfjs.zip file that was exported here")
	}
	content := make([]byte, size)
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, fmt.Errorf("import: archive: %w", err)
	}
	z, err := zip.NewReader(bytes.NewReader(content), size)
	if err != nil {
		return nil, fmt.Errorf("import: archive: %w", err)
	}
	u := &unpacker{archive: z, byName: map[string]*zip.File{}, left: maxGrowth*size + 1<<20}
	for _, f := range z.File {
		u.byName[f.Name] = f
	}
	arrays, err := u.arrays()
	if err != nil {
		return nil, err
	}
	known := false
	if json.Unmarshal([]byte(z.Comment), &settings) == nil {
		known = settings.Validate() == nil
		if !known {
			return nil, fmt.Errorf("import: settings in the archive's comment: %w", settings.Validate())
		}
	}
	return assemble(arrays, settings, inputDims, known)
}

// unpacker reads files of an archive, up to a number of bytes.
type unpacker struct {
	archive *zip.Reader
	byName  map[string]*zip.File // a model.json can ask for many of many
	left    int64
}

// file returns the content of a file.
func (u *unpacker) file(name string) ([]byte, error) {
	f, ok := u.byName[name]
	if !ok {
		return nil, fmt.Errorf("import: the archive has no %s", name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("import: %s: %w", name, err)
	}
	defer r.Close()
	var content bytes.Buffer
	content.Grow(int(min(f.UncompressedSize64, uint64(u.left))) + bytes.MinRead)
	if _, err := content.ReadFrom(io.LimitReader(r, u.left+1)); err != nil {
		return nil, fmt.Errorf("import: %s: %w", name, err)
	}
	if u.left -= int64(content.Len()); u.left < 0 {
		return nil, fmt.Errorf("import: %s: the archive grows to more than %d times its size: want a model", name, maxGrowth)
	}
	return content.Bytes(), nil
}

// arrays returns the kernels and biases in the archive, from input to output.
func (u *unpacker) arrays() ([]array, error) {
	var npy []string
	for _, f := range u.archive.File {
		switch {
		case f.Name == "model.json":
			return u.tfjs()
		case f.Name == "auto.onnx":
			return u.onnx()
		case path.Ext(f.Name) == ".npy":
			npy = append(npy, f.Name)
		}
	}
	if len(npy) == 0 {
		return nil, errors.New("import: the archive has no model.json, auto.onnx or .npy files: want a .npz, .onnx.zip or .tfjs.zip that was exported here")
	}
	var arrays []array
	for _, name := range npy {
		content, err := u.file(name)
		if err != nil {
			return nil, err
		}
		a, err := parseNPY(content)
		if err != nil {
			return nil, fmt.Errorf("import: %s: %w", name, err)
		}
		a.name = strings.TrimSuffix(name, ".npy")
		arrays = append(arrays, a)
	}
	return arrays, nil
}

// npyEntry returns what follows a key in the header of a .npy file, a Python
// dictionary as text; "" without the key.
func npyEntry(header, key string) string {
	_, rest, _ := strings.Cut(header, "'"+key+"':")
	return strings.TrimLeft(rest, " ")
}

// parseNPY reads a .npy file of float32 or float64.
func parseNPY(content []byte) (array, error) {
	if len(content) < len(npyMagic)+2 || !bytes.HasPrefix(content, []byte(npyMagic)) {
		return array{}, errors.New("want a .npy file of version 1.0")
	}
	length := int(binary.LittleEndian.Uint16(content[len(npyMagic):]))
	rest := content[len(npyMagic)+2:]
	if length > len(rest) {
		return array{}, errors.New("the file ends in its header")
	}
	header, data := string(rest[:length]), rest[length:]
	descr, _, hasDescr := strings.Cut(strings.TrimPrefix(npyEntry(header, "descr"), "'"), "'")
	shape, _, hasShape := strings.Cut(strings.TrimPrefix(npyEntry(header, "shape"), "("), ")")
	if !hasDescr || !hasShape {
		return array{}, errors.New("want descr and shape in its header")
	}
	if strings.HasPrefix(npyEntry(header, "fortran_order"), "True") {
		return array{}, errors.New("the array is in Fortran's order: want C's")
	}
	var a array
	for _, text := range strings.Split(shape, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return array{}, fmt.Errorf("shape (%s): %w", shape, err)
		}
		a.shape = append(a.shape, n)
	}
	switch descr {
	case "<f4":
		a.values = floats(data)
	case "<f8":
		for ; len(data) >= 8; data = data[8:] {
			a.values = append(a.values, float32(math.Float64frombits(binary.LittleEndian.Uint64(data))))
		}
	default:
		return array{}, fmt.Errorf("numbers of type %q: want '<f4' or '<f8'", descr)
	}
	return a, a.check()
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

func floats(data []byte) []float32 {
	values := make([]float32, len(data)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return values
}

// tfjs reads the weights that model.json lists.
func (u *unpacker) tfjs() ([]array, error) {
	text, err := u.file("model.json")
	if err != nil {
		return nil, err
	}
	var model struct {
		Manifest []tfjsGroup `json:"weightsManifest"`
	}
	if err := json.Unmarshal(text, &model); err != nil {
		return nil, fmt.Errorf("import: model.json: %w", err)
	}
	var arrays []array
	for _, group := range model.Manifest {
		var data []byte
		for _, name := range group.Paths {
			content, err := u.file(name)
			if err != nil {
				return nil, err
			}
			data = append(data, content...)
		}
		for _, weight := range group.Weights {
			if weight.Type != "float32" {
				return nil, fmt.Errorf("import: model.json: %s of type %q: want float32", weight.Name, weight.Type)
			}
			n := 1.0
			for _, dim := range weight.Shape {
				n *= float64(dim)
			}
			if !(n >= 1) || 4*n > float64(len(data)) {
				return nil, fmt.Errorf("import: model.json: %s of shape %v: there are %d bytes for it in %v", weight.Name, weight.Shape, len(data), group.Paths)
			}
			arrays = append(arrays, array{weight.Name, weight.Shape, floats(data[:4*int(n)])})
			data = data[4*int(n):]
		}
		if len(data) > 0 {
			return nil, fmt.Errorf("import: %v: %d bytes more than model.json lists", group.Paths, len(data))
		}
	}
	return arrays, nil
}

// onnx reads the initializers of auto.onnx.
func (u *unpacker) onnx() ([]array, error) {
	content, err := u.file("auto.onnx")
	if err != nil {
		return nil, err
	}
	var arrays []array
	err = each(content, func(field protowire.Number, graph []byte) error {
		if field != modelGraph {
			return nil
		}
		return each(graph, func(field protowire.Number, tensor []byte) error {
			if field != graphInitializer {
				return nil
			}
			a, err := parseTensor(tensor)
			arrays = append(arrays, a)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("import: auto.onnx: %w", err)
	}
	return arrays, nil
}

// parseTensor reads a TensorProto.
func parseTensor(tensor []byte) (a array, err error) {
	for len(tensor) > 0 {
		field, kind, n := protowire.ConsumeTag(tensor)
		if n < 0 {
			return a, protowire.ParseError(n)
		}
		tensor = tensor[n:]
		switch {
		case field == tensorDims && kind == protowire.VarintType:
			dim, n := protowire.ConsumeVarint(tensor)
			if n < 0 {
				return a, protowire.ParseError(n)
			}
			a.shape = append(a.shape, int(min(dim, math.MaxInt32)))
		case field == tensorName && kind == protowire.BytesType:
			name, n := protowire.ConsumeString(tensor)
			if n < 0 {
				return a, protowire.ParseError(n)
			}
			a.name = name
		case field == tensorRaw && kind == protowire.BytesType:
			raw, n := protowire.ConsumeBytes(tensor)
			if n < 0 {
				return a, protowire.ParseError(n)
			}
			a.values = floats(raw)
		}
		if n = protowire.ConsumeFieldValue(field, kind, tensor); n < 0 {
			return a, protowire.ParseError(n)
		}
		tensor = tensor[n:]
	}
	if err := a.check(); err != nil {
		return a, fmt.Errorf("%s: %w", a.name, err)
	}
	return a, nil
}

// each calls visit with each field of a message that is a message itself.
func each(message []byte, visit func(field protowire.Number, content []byte) error) error {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if kind == protowire.BytesType {
			content, n := protowire.ConsumeBytes(message)
			if n < 0 {
				return protowire.ParseError(n)
			}
			if err := visit(field, content); err != nil {
				return err
			}
		}
		if n = protowire.ConsumeFieldValue(field, kind, message); n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
	}
	return nil
}

// assemble makes a checkpoint of kernels and biases.
func assemble(arrays []array, settings experiment.Settings, inputDims int, known bool) (*fit.Checkpoint, error) {
	if len(arrays) < 4 || len(arrays)%2 != 0 {
		return nil, fmt.Errorf("import: %d arrays: want kernel and bias of at least two layers", len(arrays))
	}
	widths := []int{inputDims}
	latent := -1
	total := 0
	for _, a := range arrays {
		total += len(a.values)
	}
	parameters := make([]float32, 0, total)
	for i := 0; i < len(arrays); i += 2 {
		kernel, bias := arrays[i], arrays[i+1]
		in := widths[len(widths)-1]
		if len(kernel.shape) != 2 || kernel.shape[0] != in {
			return nil, fmt.Errorf("import: %s of shape %v: want a kernel of [%d, units]", kernel.name, kernel.shape, in)
		}
		if len(bias.shape) != 1 || bias.shape[0] != kernel.shape[1] {
			return nil, fmt.Errorf("import: %s of shape %v: want a bias of [%d]", bias.name, bias.shape, kernel.shape[1])
		}
		if strings.HasPrefix(kernel.name, "latent") {
			latent = len(widths)
		}
		widths = append(widths, kernel.shape[1])
		parameters = append(append(parameters, kernel.values...), bias.values...)
	}
	last := len(widths) - 1
	if widths[last] != inputDims {
		return nil, fmt.Errorf("import: the last layer has %d units: want %d, as the input", widths[last], inputDims)
	}
	if latent < 0 || latent == last { // no name tells: it is the narrowest
		latent = 1
		for i := 1; i < last; i++ {
			if widths[i] < widths[latent] {
				latent = i
			}
		}
	}
	layered, err := settings.WithLayers(widths[1:latent], widths[latent], widths[latent+1:last])
	if err != nil {
		return nil, fmt.Errorf("import: layers %v: %w", widths, err)
	}
	if known && layered != settings {
		return nil, fmt.Errorf("import: layers %v: the settings in the archive's comment say %v", widths, settings.Architecture(inputDims).Layers())
	}
	c := &fit.Checkpoint{Settings: layered, InputDims: inputDims, Parameters: parameters}
	if _, err := c.Autoencoder(); err != nil { // looks for what is not finite
		return nil, fmt.Errorf("import: %w", err)
	}
	return c, nil
}
