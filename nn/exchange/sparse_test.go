package exchange

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"sae/data"
	"sae/nn/experiment"
)

// safetensors makes a file of a header, an object or text, and a number of float32s.
func safetensors(t testing.TB, header any, numbers int) []byte {
	t.Helper()
	text, ok := header.(string)
	if !ok {
		text = string(toJSON(t, header))
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return appendFloats(append(file, text...), ramp(numbers))
}

func tensorAt(first int, shape ...int) object {
	n := 1
	for _, dim := range shape {
		n *= dim
	}
	return object{"dtype": "F32", "shape": shape, "data_offsets": []int{4 * first, 4 * (first + n)}}
}

// A model without hidden layers has the names and shapes of SAELens, others those of
// nn.Linear, and the tensors fill the file without gaps.
func TestSafetensors(t *testing.T) {
	for _, test := range []struct {
		changes map[string]string
		want    map[string][]int
	}{
		{map[string]string{"experiment": "5", "k": "2"}, map[string][]int{"W_enc": {dims, 4}, "b_enc": {4}, "W_dec": {4, dims}, "b_dec": {dims}}},
		{map[string]string{"hidden": "9"}, map[string][]int{"encoder_1.weight": {9, dims}, "encoder_1.bias": {9}, "latent.weight": {4, 9}, "latent.bias": {4}, "output.weight": {dims, 4}, "output.bias": {dims}}},
	} {
		c := checkpoint(t, test.changes)
		file := export(t, "safetensors", c)
		n := int(binary.LittleEndian.Uint64(file))
		var header map[string]json.RawMessage
		if err := json.Unmarshal(file[8:8+n], &header); err != nil || n%8 != 0 {
			t.Fatalf("header of %d bytes: %v", n, err)
		}
		delete(header, "__metadata__")
		if len(header) != len(test.want) {
			t.Errorf("%v: tensors %q", test.changes, header)
		}
		total := 0
		for name, shape := range test.want {
			var s safetensor
			if err := json.Unmarshal(header[name], &s); err != nil || s.Type != "F32" || !slices.Equal(s.Shape, shape) {
				t.Errorf("%s: %+v, want shape %v", name, s, shape)
			}
			total += s.Offsets[1] - s.Offsets[0]
		}
		if total != len(file)-8-n {
			t.Errorf("%v: tensors of %d bytes in %d", test.changes, total, len(file)-8-n)
		}
		// Weights without settings become a model of those of the page.
		bare := bytes.Replace(file, []byte(`"settings":"{`), []byte(`"settings":" `), 1)
		got, err := read(bare, c.Settings, dims)
		if err != nil || got.Settings != c.Settings || !slices.Equal(got.Parameters, c.Parameters) {
			t.Errorf("%v without settings: %v", test.changes, err)
		}
	}
}

func TestBadSafetensors(t *testing.T) {
	good := func() object {
		return object{"W_enc": tensorAt(0, dims, 2), "b_enc": tensorAt(24, 2), "W_dec": tensorAt(26, 2, dims), "b_dec": tensorAt(50, dims)}
	}
	if _, err := read(safetensors(t, good(), 62), experiment.Default(), dims); err != nil {
		t.Fatal(err)
	}
	with := func(name string, value any) []byte {
		header := good()
		if header[name] = value; value == nil {
			delete(header, name)
		}
		return safetensors(t, header, 62)
	}
	const names = "want W_enc, b_enc, W_dec and b_dec, or encoder_1.weight, encoder_1.bias, …"
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"cut off":             {safetensors(t, good(), 62)[:300], "safetensors: W_dec: bytes [104 200]: want the first and the end of numbers in the 44 after the header"},
		"a long header":       {slices.Concat([]byte{0, 0, 1, 0, 0, 0, 0, 0}, []byte(`{"a":{}}`), make([]byte, 1<<17))[:1<<17], "header: "},
		"a longer header":     {slices.Concat([]byte{1, 0, 1, 0, 0, 0, 0, 0}, []byte(`{"a":{}}`), make([]byte, 1<<17)), "a header of 65537 bytes: want at most 65536"},
		"no JSON":             {safetensors(t, `{"W_enc": }`, 0), "safetensors: header: "},
		"no tensor":           {safetensors(t, `{"W_enc": 3}`, 0), "safetensors: header: "},
		"bad metadata":        {with("__metadata__", []int{1}), "safetensors: header: "},
		"float16":             {with("b_enc", object{"dtype": "F16", "shape": []int{2}, "data_offsets": []int{96, 100}}), `b_enc: numbers of type "F16": want F32`},
		"another size":        {with("b_enc", object{"dtype": "F32", "shape": []int{3}, "data_offsets": []int{96, 104}}), "b_enc: shape [3] with 2 numbers: want 3"},
		"part of a number":    {with("b_enc", object{"dtype": "F32", "shape": []int{2}, "data_offsets": []int{96, 103}}), "b_enc: bytes [96 103]: want the first and the end of numbers in the 248"},
		"backwards":           {with("b_enc", object{"dtype": "F32", "shape": []int{2}, "data_offsets": []int{104, 96}}), "b_enc: bytes [104 96]: want the first"},
		"twice the same":      {with("b_enc", tensorAt(0, dims, 5)), "it overlaps with another"},
		"a missing bias":      {with("b_enc", nil), "3 arrays: want a kernel and a bias for each of at least two layers"},
		"another name":        {with("log_threshold", tensorAt(50, 2)), "overlaps with another"},
		"names of others":     {safetensors(t, object{"fc1.weight": tensorAt(0, 2, dims), "fc1.bias": tensorAt(24, 2)}, 26), `tensors ["fc1.bias" "fc1.weight"]: ` + names},
		"a bias of another":   {safetensors(t, object{"latent.weight": tensorAt(0, 2, dims), "output.bias": tensorAt(24, 2)}, 26), "2 arrays: want a kernel and a bias for each"},
		"a weight as a list":  {safetensors(t, object{"latent.weight": tensorAt(0, dims), "latent.bias": tensorAt(24, 2)}, 26), names},
		"a transposed kernel": {with("W_dec", tensorAt(26, dims, 2)), "output_kernel of shape [12 2]: want a kernel of [2, units]"},
		"bad settings":        {with("__metadata__", object{"settings": `{"latent": 0}`}), "import: settings in the file: "},
		"other settings":      {with("__metadata__", object{"settings": string(toJSON(t, experiment.Default()))}), "layers [12 2 12]: the settings in the file say [12 512 128 64 12]"},
		"some of a whitening": {with("whitening_mean", tensorAt(0)), "import: "},
	} {
		_, err := read(test.file, experiment.Default(), dims)
		holds(t, name, err, test.want)
	}
}

// A whitening that is missing, of another size or not finite is named.
func TestBadWhitening(t *testing.T) {
	c := patches(t, onWhitened)
	mean := slices.Clone(c.Whitening.Mean)
	mean[7] = float32(math.Inf(1))
	files := func(drop string, extra ...any) []any {
		files := extra
		for i, name := range []string{"latent_kernel", "latent_bias", "output_kernel", "output_bias", "whitening_mean", "whitening_matrix", "whitening_inverse"} {
			shape := [][]int{{192, 9}, {9}, {9, 192}, {192}, {192}, {192, 192}, {192, 192}}[i]
			n := shape[0]
			if len(shape) > 1 {
				n *= shape[1]
			}
			if name != drop {
				files = append(files, name+".npy", npy(ramp(n), shape...))
			}
		}
		return files
	}
	settings := string(toJSON(t, c.Settings))
	plain := c.Settings
	plain.Whiten = false
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"no inverse":  {zipped(t, settings, files("whitening_inverse")...), `import: patches are whitened: want ["whitening_mean" "whitening_matrix" "whitening_inverse"] of finite numbers, of shapes [192], [192 192] and [192 192]`},
		"of one row":  {zipped(t, settings, files("whitening_matrix", "whitening_matrix.npy", npy(ramp(192), 192))...), "patches are whitened: want "},
		"twice":       {zipped(t, settings, files("whitening_inverse", "a/whitening_matrix.npy", npy(ramp(192*192), 192, 192))...), "patches are whitened: want "},
		"not finite":  {zipped(t, "", files("whitening_mean", "whitening_mean.npy", npy(mean, 192))...), "patches are whitened: want "},
		"not wanted":  {zipped(t, string(toJSON(t, plain)), files("")...), "want none, because the settings say whiten false"},
		"unreadable":  {zipped(t, settings, files("whitening_mean", "whitening_mean.npy", "x")...), "whitening_mean.npy: header of another format"},
		"no settings": {zipped(t, "", files("whitening_matrix")...), "patches are whitened: want "},
	} {
		_, err := read(test.file, experiment.Default(), data.ImageSize)
		holds(t, name, err, test.want)
	}
}

// A whitening is found by its names, wherever its files are in an archive whose other files are
// in the order of the layers.
func TestOrderOfWhitening(t *testing.T) {
	mean, matrix, inverse := ramp(192), ramp(192*192), ramp(1 + 192*192)[1:]
	file := zipped(t, "", "whitening_inverse.npy", npy(inverse, 192, 192), "whitening_matrix.npy", npy(matrix, 192, 192),
		"a.npy", npy(ramp(192*9), 192, 9), "b.npy", npy(ramp(9), 9), "whitening_mean.npy", npy(mean, 192),
		"c.npy", npy(ramp(192*9), 9, 192), "d.npy", npy(ramp(192), 192))
	got, err := read(file, experiment.Default(), data.ImageSize)
	if err != nil {
		t.Fatal(err)
	}
	if w := got.Whitening; !slices.Equal(w.Mean, mean) || !slices.Equal(w.Matrix, matrix) || !slices.Equal(w.Inverse, inverse) {
		t.Error("another whitening")
	}
}

// A bare graph with TopK becomes a model with that k, whatever the settings. Any other use of
// its operators, or of those of a whitening, is rejected.
func TestGraphsOfTopK(t *testing.T) {
	top := member(t, export(t, "onnx", checkpoint(t, map[string]string{"experiment": "5", "k": "2"})), "auto.onnx")
	for number := 1; number <= 6; number++ {
		settings, err := experiment.Preset(number)
		if err != nil {
			t.Fatal(err)
		}
		got, err := read(top, settings, dims)
		if err != nil || got.Settings.K != 2 || got.Settings.Latent != 4 || got.Settings.Loss != "mse" || got.Settings.Hidden != "" {
			t.Errorf("with the settings of experiment %d: %+v, %v", number, got, err)
		}
	}
	white := member(t, export(t, "onnx", patches(t, onWhitened)), "auto.onnx")
	raw := func(k int) string { return string(onnxInt("k", k)) }
	const only = "want it only in a graph that an export of this program has written"
	for _, test := range []struct {
		file           []byte
		old, new, want string
	}{
		{top, "nothing", "nothing", ""},
		{top, raw(2), raw(3), ""},
		{top, raw(2), raw(0), only},
		{top, raw(2), raw(9), `k "9": want 1 to the latent size, 4`},
		{top, raw(2), strings.Replace(raw(2), "\x42\x01k", "\x42\x01l", 1), only}, // another tensor
		{top, "Shape", "Shale", only},
		{top, "TopK", "TapK", only},
		{top, "axis", "axxs", only},
		{top, "Relu", "Rely", only},
		{top, "latent_bias", "lament_bias", only},
		{top, "latent_all", "latent_alx", only},
		{top, "\x0a\x0clatent_zeros\x0a\x0elatent_indices", "\x0a\x9b\x00latent_zeros latent_indices", only}, // one input less
		{top, "\x0a\x0ereconstruction", "\x0a\x0elatent_indices", only},                                      // the graph's output
		{top, "ScatterElements", "ScatterElementz", "unsupported operator"},
		{white, "nothing", "nothing", ""},
		{white, "ReduceMean", "ReduceSumm", only},
		{white, "axes", "axas", only},
		{white, "MatMul", "MatMal", only},
		{white, "whitening_inverse", "whitening_invertd", only},
		{white, "own_mean", "own_main", only},
	} {
		changed := bytes.ReplaceAll(test.file, []byte(test.old), []byte(test.new))
		size := dims
		if &test.file[0] == &white[0] {
			size = data.ImageSize
		}
		_, err := read(changed, experiment.Default(), size)
		if test.want != "" {
			holds(t, fmt.Sprintf("%q for %q", test.new, test.old), err, test.want)
		} else if err != nil {
			t.Errorf("%q for %q: %v", test.new, test.old, err)
		}
	}
}
