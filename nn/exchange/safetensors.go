package exchange

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"sae/nn/fit"
)

const (
	// maxSafetensorsHeader is the largest header that the format allows, in bytes.
	maxSafetensorsHeader = 100_000_000
	// metadata is the entry of a header that describes no tensor.
	metadata = "__metadata__"
)

// safetensor describes a tensor in a header or, as its metadata, the model.
type safetensor struct {
	Type     string `json:"dtype,omitempty"`
	Shape    []int  `json:"shape,omitempty"`
	Offsets  []int  `json:"data_offsets,omitempty"` // of its first byte and the one after its last, from the header's end
	Settings string `json:"settings,omitempty"`     // as JSON
}

// writeSafetensors writes a .safetensors file: the length of the header, a uint64, the
// header, JSON, and the tensors, float32, all little-endian.
func writeSafetensors(w io.Writer, c *fit.Checkpoint) error {
	model, err := newSource(c)
	if err != nil {
		return err
	}
	header := map[string]safetensor{metadata: {Settings: model.comment}}
	var data []byte
	for _, a := range model.tensors() {
		first := len(data)
		data = appendFloats(data, a.values)
		header[a.name] = safetensor{Type: "F32", Shape: a.shape, Offsets: []int{first, len(data)}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	text = append(text, strings.Repeat(" ", -len(text)&7)...) // aligns the tensors
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// Pairs of a name, as .npz files have it, and that of the tensor, or the other way round. The
// tensors of a model without hidden layers are matrices that rows are multiplied by,
// [in, out], with the names of SAELens; those of others are weights of PyTorch's nn.Linear,
// [out, in].
var (
	toShallow   = []string{"latent_kernel", "W_enc", "latent_bias", "b_enc", "output_kernel", "W_dec", "output_bias", "b_dec"}
	toDeep      = []string{"_kernel", ".weight", "_bias", ".bias"}
	fromTensors = []string{"W_enc", "latent_kernel", "b_enc", "latent_bias", "W_dec", "output_kernel", "b_dec", "output_bias", ".bias", "_bias"}
)

// tensors returns the arrays of the model under their names in PyTorch.
func (m source) tensors() []array {
	arrays := layerArrays(m.Layers(), m.whitening)
	names := strings.NewReplacer(toShallow...)
	if len(m.Layers()) > 2 {
		names = strings.NewReplacer(toDeep...)
	}
	for i, a := range arrays {
		if len(m.Layers()) > 2 && strings.HasSuffix(a.name, "_kernel") {
			arrays[i] = a.transposed()
		}
		arrays[i].name = names.Replace(a.name)
	}
	return arrays
}

// parseSafetensors reads a .safetensors file with the names that writeSafetensors uses.
func parseSafetensors(content []byte) (*model, error) {
	length := binary.LittleEndian.Uint64(content) // kindOf has seen more
	if length > uint64(len(content)-8) {
		return nil, fmt.Errorf("the file is truncated in its header of %d bytes", length)
	}
	if length > maxTopology {
		return nil, fmt.Errorf("a header of %d bytes: want at most %d, for the tensors of an autoencoder", length, maxTopology)
	}
	content = content[8:]
	data := content[length:]
	var header map[string]safetensor
	if err := json.Unmarshal(content[:length], &header); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	settings := header[metadata].Settings
	delete(header, metadata)
	var names []string
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	var arrays []array
	left := len(data) // bytes of no tensor: tensors may not overlap
	for _, name := range names {
		s := header[name]
		if s.Type != "F32" {
			return nil, fmt.Errorf("%s: numbers of type %q: want F32", name, s.Type)
		}
		if len(s.Offsets) != 2 || s.Offsets[0] < 0 || s.Offsets[1] < s.Offsets[0] || s.Offsets[1] > len(data) || (s.Offsets[1]-s.Offsets[0])%4 != 0 {
			return nil, fmt.Errorf("%s: bytes %d: want the first and the end of numbers in the %d after the header", name, s.Offsets, len(data))
		}
		if left -= s.Offsets[1] - s.Offsets[0]; left < 0 {
			return nil, fmt.Errorf("%s: it overlaps with another: want tensors of the %d bytes after the header", name, len(data))
		}
		a := array{name, s.Shape, floats(data[s.Offsets[0]:s.Offsets[1]])}
		if err := a.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if base, ok := strings.CutSuffix(name, ".weight"); ok && len(a.shape) == 2 {
			a = a.transposed()
			a.name = base + "_kernel"
		}
		a.name = strings.NewReplacer(fromTensors...).Replace(a.name)
		arrays = append(arrays, a)
	}
	if !inTurn(arrays) {
		return nil, fmt.Errorf("tensors %.300q: want W_enc, b_enc, W_dec and b_dec, or encoder_1.weight, encoder_1.bias, …, latent.weight, latent.bias, …, output.weight and output.bias", names)
	}
	m, err := stacked(arrays)
	if err == nil {
		m.settings = settings
	}
	return m, err
}
