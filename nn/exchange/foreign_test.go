package exchange

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"sae/data"
	"sae/nn/experiment"
	"sae/nn/fit"
)

// other is a model of another program, from dims to dims units, with a latent layer of
// the given activation in the middle.
type other struct {
	layers []layer
	// How it is written as ONNX:
	gemm, transB, transpose, biasFirst, biasRow bool // layers
	constants, identity, packed, numbers        bool // tensors
	backwards, dead                             bool
	opset                                       uint64
	domain                                      string                // of the operators
	op                                          map[int]string        // in place of an activation, by layer
	attributes                                  []message             // of each Gemm
	extra                                       []message             // fields of the graph
	retype                                      func(message) message // of each tensor
}

func newOther(latent string) *other {
	o := &other{gemm: true, opset: 13}
	widths := []int{dims, 5, 5, 3, 5, 5, dims}
	for i, out := range widths[1:] {
		in := widths[i]
		values := ramp(7*i + in*out)[7*i:] // different in each layer
		l := layer{name: fmt.Sprintf("fc%d", i+1), activation: "relu"}
		l.kernel = array{l.name + ".weight", []int{in, out}, values}
		l.bias = array{l.name + ".bias", []int{out}, ramp(out + i)[i:]}
		o.layers = append(o.layers, l)
	}
	o.layers[2].activation, o.layers[5].activation = latent, "sigmoid"
	return o
}

// outputs computes the reconstruction of an image by the definition of the layers.
func (o *other) outputs(x []float32) []float32 {
	for _, l := range o.layers {
		y := make([]float32, l.kernel.shape[1])
		for j := range y {
			sum := 0.0
			if l.bias.values != nil {
				sum = float64(l.bias.values[j])
			}
			for i, value := range x {
				sum += float64(value) * float64(l.kernel.values[i*len(y)+j])
			}
			switch l.activation {
			case "relu":
				sum = max(0, sum)
			case "sigmoid":
				sum = 1 / (1 + math.Exp(-sum))
			}
			y[j] = float32(sum)
		}
		x = y
	}
	return x
}

// number and text return messages of one field.
func number(field protowire.Number, value uint64) (m message) { m.number(field, value); return m }
func text(field protowire.Number, value string) (m message)   { m.text(field, value); return m }
func nested(field protowire.Number, value message) (m message) {
	m.message(field, value)
	return m
}

func attributeOf(name string, value message) message {
	return nested(nodeAttribute, slices.Concat(text(attributeName, name), value))
}

func float(value float32) message {
	return protowire.AppendFixed32(protowire.AppendTag(nil, attributeFloat, protowire.Fixed32Type), math.Float32bits(value))
}

// tensor returns an array as a TensorProto.
func (o *other) tensor(a array) message {
	m := slices.Concat(number(tensorType, tensorFloat), text(tensorName, a.name))
	if o.packed {
		var shape []byte
		for _, dim := range a.shape {
			shape = protowire.AppendVarint(shape, uint64(dim))
		}
		m.bytes(tensorDims, shape)
		m.bytes(tensorFloats, appendFloats(nil, a.values))
		return m
	}
	for _, dim := range a.shape {
		m.number(tensorDims, uint64(dim))
	}
	if !o.numbers {
		m.bytes(tensorRaw, appendFloats(nil, a.values))
		return m
	}
	for _, x := range a.values {
		m = protowire.AppendFixed32(protowire.AppendTag(m, tensorFloats, protowire.Fixed32Type), math.Float32bits(x))
	}
	return m
}

// onnx returns the model as another program might write it.
func (o *other) onnx() []byte {
	var nodes, tensors []message
	node := func(op, output string, rest message, inputs ...string) {
		n := slices.Concat(onnxNode(op, "", output, inputs...), rest)
		if o.domain != "" {
			n.text(nodeDomain, o.domain)
		}
		nodes = append(nodes, n)
	}
	hold := func(a array) string {
		name := a.name
		if o.constants {
			node("Constant", name, attributeOf("value", nested(attributeTensor, o.tensor(a))))
			return name
		}
		tensors = append(tensors, o.tensor(a))
		if o.identity {
			name += "_same"
			node("Identity", name, nil, a.name)
		}
		return name
	}
	x := "input.1"
	for i, l := range o.layers {
		sums, y := fmt.Sprintf("sums%d", i), fmt.Sprintf("y%d", i)
		kernel, bias := l.kernel, l.bias
		if o.transB || o.transpose {
			kernel = kernel.transposed()
		}
		if o.biasRow {
			bias.shape = []int{1, bias.shape[0]}
		}
		k := hold(kernel)
		if o.transpose {
			node("Transpose", k+"_t", attributeOf("perm", slices.Concat(number(attributeInts, 1), number(attributeInts, 0))), k)
			k += "_t"
		}
		b := ""
		if bias.values != nil {
			b = hold(bias)
		}
		switch {
		case o.gemm && b != "":
			rest := slices.Concat(o.attributes...)
			if o.transB {
				rest = slices.Concat(rest, attributeOf("transB", number(attributeInt, 1)))
			}
			node("Gemm", sums, rest, x, k, b)
		case b == "":
			node("MatMul", sums, nil, x, k)
		default:
			node("MatMul", sums+"_product", nil, x, k)
			if o.biasFirst {
				node("Add", sums, nil, b, sums+"_product")
			} else {
				node("Add", sums, nil, sums+"_product", b)
			}
		}
		op := map[string]string{"relu": "Relu", "sigmoid": "Sigmoid", "linear": "Identity"}[l.activation]
		if o.op[i] != "" {
			op = o.op[i]
		}
		node(op, y, nil, sums)
		x = y
	}
	if o.dead {
		node("Shape", "shape", nil, "y1")
		tensors = append(tensors, slices.Concat(number(tensorType, 7), text(tensorName, "axes"), number(tensorDims, 1)))
	}
	if o.backwards {
		slices.Reverse(tensors)
	}
	if o.retype != nil {
		for i := range tensors {
			tensors[i] = o.retype(tensors[i])
		}
	}
	return onnxFile(o.opset, x, nodes, tensors, o.extra...)
}

// onnxFile returns a ModelProto with the input "input.1".
func onnxFile(opset uint64, output string, nodes, tensors []message, extra ...message) []byte {
	var graph, m message
	for _, n := range nodes {
		graph.message(graphNode, n)
	}
	for _, tensor := range tensors {
		graph.message(graphInitializer, tensor)
	}
	graph = slices.Concat(graph, slices.Concat(extra...))
	graph.message(graphInput, onnxValue("input.1", dims))
	graph.message(graphOutput, onnxValue(output, dims))
	m.number(modelIRVersion, onnxIR)
	m.text(modelProducer, "another")
	m.message(modelGraph, graph)
	m.message(modelOpset, number(opsetVersion, opset))
	return m
}

// same checks that a file is read as the model that it contains, whatever the settings.
func (o *other) same(t *testing.T, name string, file []byte) {
	t.Helper()
	x := ramp(dims)
	want := o.outputs(x)
	for number := 1; number <= 6; number++ {
		settings, err := experiment.Preset(number)
		if err != nil {
			t.Fatal(err)
		}
		c, err := read(file, settings, dims)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if c.Settings.Activation != o.layers[2].activation || c.Settings.Latent != 3 || c.Settings.Hidden != "5,5" || !c.Settings.Mirrored {
			t.Errorf("%s: settings %+v", name, c.Settings)
		}
		for i, got := range reconstruct(t, c, x) {
			if math.Abs(float64(got-want[i])) > 1e-5 {
				t.Errorf("%s with the settings of experiment %d: output %d is %g, want %g", name, number, i, got, want[i])
				return
			}
		}
	}
}

// ONNX is read by its graph, so all ways of writing the layers give the same model.
func TestForeignONNX(t *testing.T) {
	for name, change := range map[string]func(*other){
		"Gemm":                    func(o *other) {},
		"PyTorch's":               func(o *other) { o.transB = true },
		"tf2onnx's":               func(o *other) { o.gemm = false },
		"bias before the product": func(o *other) { o.gemm, o.biasFirst = false, true },
		"Transpose of a kernel":   func(o *other) { o.gemm, o.transpose = false, true },
		"Constant":                func(o *other) { o.constants, o.transB = true, true },
		"Identity of weights":     func(o *other) { o.identity = true },
		"packed numbers":          func(o *other) { o.packed = true },
		"numbers one by one":      func(o *other) { o.numbers = true },
		"initializers backwards":  func(o *other) { o.backwards = true },
		"bias as a row":           func(o *other) { o.gemm, o.biasRow = false, true },
		"nodes that lead nowhere": func(o *other) { o.dead = true },
		"no bias":                 func(o *other) { o.layers[3].bias = array{} },
		"alpha and beta of 1": func(o *other) {
			o.attributes = []message{attributeOf("alpha", float(1)), attributeOf("beta", float(1))}
		},
		"weights listed as inputs": func(o *other) { o.extra = []message{nested(graphInput, onnxValue("fc1.weight", 5))} },
		"the domain ai.onnx":       func(o *other) { o.domain = "ai.onnx" },
	} {
		for _, latent := range []string{"relu", "linear"} {
			o := newOther(latent)
			change(o)
			o.same(t, name, o.onnx())
			o.same(t, name+" in an archive", zipped(t, "", "some.onnx", o.onnx()))
		}
	}
}

// A graph that computes anything else is rejected with an error that names the reason.
func TestOtherGraphs(t *testing.T) {
	change := func(number protowire.Number, value uint64) func(message) message {
		return func(tensor message) message { tensor.number(number, value); return tensor } // the last counts
	}
	for name, test := range map[string]struct {
		change func(*other)
		want   string
	}{
		"no sigmoid":        {func(o *other) { o.layers[5].activation = "linear" }, "layer 6, fc6.weight, has activation linear: want sigmoid for the output"},
		"relu at the end":   {func(o *other) { o.layers[5].activation = "relu" }, "has activation relu: want sigmoid for the output"},
		"sigmoid inside":    {func(o *other) { o.layers[1].activation = "sigmoid" }, "layer 2, fc2.weight, has activation sigmoid: want relu for a hidden layer"},
		"sigmoid of latent": {func(o *other) { o.layers[2].activation = "sigmoid" }, "want relu or linear for the latent layer"},
		"two linear layers": {func(o *other) { o.layers[1].activation, o.layers[2].activation = "linear", "linear" }, "layer 3, fc3.weight, has activation linear: want relu for a hidden layer"},
		"tanh":              {func(o *other) { o.op = map[int]string{2: "Tanh"} }, `Tanh with output "y2": unsupported operator`},
		"leaky ReLU":        {func(o *other) { o.op = map[int]string{0: "LeakyRelu"} }, "LeakyRelu"},
		"softmax":           {func(o *other) { o.op = map[int]string{5: "Softmax"} }, "Softmax"},
		"another domain":    {func(o *other) { o.domain = "com.microsoft" }, "com.microsoft.Gemm"},
		"alpha":             {func(o *other) { o.attributes = []message{attributeOf("alpha", float(0.5))} }, "alpha 0.5: want 1"},
		"beta":              {func(o *other) { o.attributes = []message{attributeOf("beta", float(0))} }, "beta 0: want 1"},
		"transA":            {func(o *other) { o.attributes = []message{attributeOf("transA", number(attributeInt, 1))} }, "transA 1: want 0"},
		"other attribute":   {func(o *other) { o.attributes = []message{attributeOf("broadcast", number(attributeInt, 1))} }, `attribute "broadcast"`},
		"old opset":         {func(o *other) { o.opset = 6 }, "opset 6: want 7 or later"},
		"two outputs":       {func(o *other) { o.extra = []message{nested(graphOutput, onnxValue("y2", 3))} }, `outputs ["y2" "y5"]: want one`},
		"float16":           {func(o *other) { o.retype = change(tensorType, 10) }, "fc1.weight: numbers of type float16: want float32"},
		"float64":           {func(o *other) { o.retype = change(tensorType, 11) }, "numbers of type float64"},
		"bfloat16":          {func(o *other) { o.retype = change(tensorType, 16) }, "numbers of type bfloat16"},
		"unknown type":      {func(o *other) { o.retype = change(tensorType, 99) }, "numbers of type number 99"},
		"external data":     {func(o *other) { o.retype = change(tensorLocation, 1) }, "its numbers are in another file: want them in this one, as torch.onnx.export(…, external_data=False)"},
		"part of a number":  {func(o *other) { o.retype = func(m message) message { m.bytes(tensorRaw, make([]byte, 7)); return m } }, "7 bytes: want 4 for each number"},
		"twice the name":    {func(o *other) { o.extra = []message{nested(graphInitializer, o.tensor(o.layers[0].kernel))} }, `two initializers "fc1.weight"`},
		"twice the output":  {func(o *other) { o.extra = []message{nested(graphNode, onnxNode("Relu", "", "y1", "y0"))} }, `"y1" is defined twice`},
		"wide bias":         {func(o *other) { o.layers[0].bias.values, o.layers[0].bias.shape = ramp(6), []int{6} }, "fc1.bias of shape [6]: want a bias of [5]"},
		"no number":         {func(o *other) { o.layers[0].bias.values[1] = float32(math.NaN()) }, "NaN: want a finite number"},
		"flattened":         {func(o *other) { o.op = map[int]string{0: "Flatten"} }, "Flatten"},
	} {
		o := newOther("relu")
		test.change(o)
		_, err := read(o.onnx(), experiment.Default(), dims)
		holds(t, name, err, test.want)
	}

	w, b := onnxTensor("w", ramp(dims*dims), dims, dims), onnxTensor("b", ramp(dims), dims)
	for name, test := range map[string]struct {
		nodes []message
		want  string
	}{
		"a shared kernel":       {[]message{onnxNode("Gemm", "", "a", "input.1", "w", "b"), onnxNode("Gemm", "last", "y", "a", "w")}, `Gemm last: "w" is used twice`},
		"a tied kernel":         {[]message{onnxNode("MatMul", "", "a", "input.1", "w"), onnxNode("Transpose", "", "t", "w"), onnxNode("MatMul", "", "y", "a", "t")}, `"w" is used twice`},
		"a circle":              {[]message{onnxNode("Relu", "", "a", "y"), onnxNode("Relu", "", "y", "a")}, "depends on itself"},
		"a circle of constants": {[]message{onnxNode("Gemm", "", "y", "input.1", "c"), onnxNode("Identity", "", "c", "d"), onnxNode("Identity", "", "d", "c")}, `input "c" is not a constant: want a kernel or a bias`},
		"no such tensor":        {[]message{onnxNode("Gemm", "", "y", "input.1", "v")}, `input "v" is not a constant: want a kernel or a bias`},
		"a computed kernel":     {[]message{onnxNode("MatMul", "", "y", "input.1", "input.1")}, `input "input.1" is not a constant`},
		"a cast kernel":         {[]message{onnxNode("Cast", "", "v", "w"), onnxNode("MatMul", "", "y", "input.1", "v")}, `input "v" is not a constant`},
		"nothing before":        {[]message{onnxNode("Relu", "", "y", "a")}, `"a": want an input of the graph or the first output of a node`},
		"a kernel first":        {[]message{onnxNode("MatMul", "", "y", "w", "input.1")}, `"w": want an input of the graph`},
		"a shortcut":            {[]message{onnxNode("MatMul", "", "a", "input.1", "w"), onnxNode("Add", "", "y", "a", "input.1")}, `input "a" is not a constant`},
		"shifted images":        {[]message{onnxNode("Add", "shift", "a", "input.1", "b"), onnxNode("MatMul", "", "y", "a", "w")}, "Add shift: it does not follow the Gemm"},
		"two biases":            {[]message{onnxNode("Gemm", "", "a", "input.1", "w", "b"), onnxNode("Add", "", "y", "a", "b")}, "does not follow the Gemm"},
		"two activations":       {[]message{onnxNode("Gemm", "", "a", "input.1", "w"), onnxNode("Relu", "", "c", "a"), onnxNode("Sigmoid", "", "y", "c")}, "it does not follow a layer without an activation"},
		"a bias as a kernel":    {[]message{onnxNode("Gemm", "", "y", "input.1", "b")}, "b of shape [12]: want a kernel"},
		"a transposed bias":     {[]message{onnxNode("Transpose", "", "t", "b"), onnxNode("Gemm", "", "y", "input.1", "w", "t")}, "b of shape [12] is transposed"},
		"one layer":             {[]message{onnxNode("Gemm", "", "a", "input.1", "w"), onnxNode("Sigmoid", "", "y", "a")}, "1 dense layers: want at least 2"},
		"no layer":              {[]message{onnxNode("Identity", "", "y", "input.1")}, "0 dense layers"},
		"many nodes":            {slices.Repeat([]message{onnxNode("Relu", "", "y", "input.1")}, 2000), "more than 1000 nodes"},
		"many inputs":           {[]message{onnxNode("Concat", "", "y", slices.Repeat([]string{"input.1"}, 100)...)}, "a node with more than 16 inputs"},
	} {
		_, err := read(onnxFile(13, "y", test.nodes, []message{w, b}), experiment.Default(), dims)
		holds(t, name, err, test.want)
	}
}

// object is a JSON object.
type object = map[string]any

// tfjs returns the model's topology, manifest and weights.
func (o *other) tfjs() (topology object, manifest []object, weights []byte) {
	var layers, list []object
	for _, l := range o.layers {
		layers = append(layers, object{"class_name": "Dense", "config": object{
			"name": l.name, "units": l.kernel.shape[1], "activation": l.activation, "use_bias": l.bias.values != nil,
		}})
		list = append(list, object{"name": l.name + "/kernel", "shape": l.kernel.shape, "dtype": "float32"})
		weights = appendFloats(weights, l.kernel.values)
		if l.bias.values != nil {
			list = append(list, object{"name": l.name + "/bias", "shape": l.bias.shape, "dtype": "float32"})
			weights = appendFloats(weights, l.bias.values)
		}
	}
	return object{"class_name": "Sequential", "config": object{"name": "auto", "layers": layers}}, list, weights
}

// functional makes a functional model of layers, in any order.
func functional(name string, layers ...object) object {
	before := "input"
	all := []object{{"class_name": "InputLayer", "name": "input", "config": object{"name": "input"}, "inbound_nodes": []any{}}}
	for _, l := range layers {
		l["name"] = l["config"].(object)["name"]
		l["inbound_nodes"] = []any{[]any{[]any{before, 1, 0, object{}}}}
		before = l["name"].(string)
		all = append(all, l)
	}
	slices.Reverse(all)
	return object{"class_name": "Functional", "config": object{
		"name": name, "layers": all, "input_layers": []any{[]any{"input", 0, 0}}, "output_layers": []any{[]any{before, 0, 0}},
	}}
}

func toJSON(t testing.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TensorFlow.js models are read by their topology, whatever the order of their weights and
// whatever else its versions and converters write.
func TestForeignTFJS(t *testing.T) {
	for _, latent := range []string{"relu", "linear"} {
		o := newOther(latent)
		topology, list, weights := o.tfjs()
		layers := func() []object { topology, _, _ := o.tfjs(); return topology["config"].(object)["layers"].([]object) }
		model := func(topology any, manifest ...object) []byte {
			return toJSON(t, object{"format": "layers-model", "modelTopology": topology, "weightsManifest": manifest})
		}
		group := func(paths []string, list []object) object { return object{"paths": paths, "weights": list} }
		whole := group([]string{"./model.weights.bin"}, list)
		first := model(topology, whole)
		o.same(t, "as it is saved", zipped(t, "", "model.json", first, "model.weights.bin", weights))
		o.same(t, "under other names", zipped(t, "", "auto.json", model(topology, group([]string{"auto.weights.bin"}, list)), "auto.weights.bin", weights))
		o.same(t, "in a folder", zipped(t, "", "a/", "", "a/model.json", first, "a/model.weights.bin", weights, "__MACOSX/a/._model.json", "x", "a/.DS_Store", "x"))
		o.same(t, "as it is converted", zipped(t, "", "model.json", model(object{"keras_version": "2.15.0", "model_config": topology}, whole), "model.weights.bin", weights))
		o.same(t, "an early version's", zipped(t, "", "model.json", model(object{"class_name": "Sequential", "config": layers()}, whole), "model.weights.bin", weights))
		o.same(t, "in shards", zipped(t, "", "model.json", model(topology, group([]string{"a.bin", "b.bin"}, list)), "a.bin", weights[:101], "b.bin", weights[101:]))
		rest := 4 * (5*dims + 5)
		o.same(t, "in groups, backwards", zipped(t, "", "model.json", model(topology, group([]string{"b.bin"}, list[2:]), group([]string{"a.bin"}, list[:2])), "a.bin", weights[:rest], "b.bin", weights[rest:]))
		nested := functional("auto", functional("encoder", layers()[:3]...), functional("decoder", layers()[3:]...))
		o.same(t, "functional, of encoder and decoder", zipped(t, "", "model.json", model(object{"model_config": nested}, whole), "model.weights.bin", weights))
		optimizer := append(slices.Clone(list),
			object{"name": "iter", "shape": []int{}, "dtype": "int32", "group": "optimizer"},
			object{"name": "fc1/kernel/m", "shape": []int{2, 2}, "dtype": "float32", "group": "optimizer"})
		o.same(t, "with its optimiser", zipped(t, "", "model.json", model(topology, group([]string{"w"}, optimizer)), "w", append(slices.Clone(weights), make([]byte, 20)...)))
		var scoped []object
		for _, w := range list {
			scoped = append(scoped, object{"name": "auto/" + w["name"].(string) + ":0", "shape": w["shape"], "dtype": "float32"})
		}
		o.same(t, "in scopes", zipped(t, "", "model.json", model(topology, group([]string{"w"}, scoped)), "w", weights))
		var apart []object
		for i, l := range layers() {
			config := l["config"].(object)
			activation := object{"class_name": "Activation", "config": object{"name": "a", "activation": config["activation"]}}
			if config["activation"] == "relu" && i > 0 {
				activation = object{"class_name": "ReLU", "config": object{"name": "a", "max_value": nil, "negative_slope": 0, "threshold": []any{0}}}
			}
			delete(config, "activation")
			apart = append(apart, l, activation)
		}
		o.same(t, "with activations as layers", zipped(t, "", "model.json", model(object{"class_name": "Sequential", "config": object{"layers": apart}}, whole), "model.weights.bin", weights))

		o.layers[1].name, o.layers[2].name = "a/fc1", "b/fc1"
		topology, list, weights = o.tfjs()
		o.same(t, "with names that end in the first", zipped(t, "", "model.json", model(topology, group([]string{"w"}, list)), "w", weights))

		o.layers[1].bias = array{}
		topology, list, weights = o.tfjs()
		o.same(t, "without a bias", zipped(t, "", "model.json", model(topology, group([]string{"w"}, list)), "w", weights))
	}
}

// A topology that computes anything else is rejected with an error that names the reason.
func TestOtherTopologies(t *testing.T) {
	for name, test := range map[string]struct {
		change func(layers, list []object, model object)
		want   string
	}{
		"tanh":       {func(layers, _ []object, _ object) { layers[2]["config"].(object)["activation"] = "tanh" }, "layer 3, fc3, has activation tanh: want relu or linear for the latent layer"},
		"no sigmoid": {func(layers, _ []object, _ object) { delete(layers[5]["config"].(object), "activation") }, "layer 6, fc6, has activation linear: want sigmoid"},
		"activation object": {func(layers, _ []object, _ object) {
			layers[2]["config"].(object)["activation"] = object{"class_name": "ELU"}
		}, `layer "fc3": activation {"class_name":"ELU"}: want its name`},
		"another class": {func(layers, _ []object, _ object) { layers[1]["class_name"] = "Conv2D" }, `layer "fc2" of class "Conv2D": want Dense`},
		"leaky ReLU":    {func(layers, _ []object, _ object) { layers[1]["class_name"] = "LeakyReLU" }, `class "LeakyReLU"`},
		"capped ReLU": {func(layers, _ []object, _ object) {
			layers[1] = object{"class_name": "ReLU", "config": object{"name": "cap", "max_value": 6}}
		}, `layer "cap": a ReLU with an option of 6`},
		"two activations": {func(layers, _ []object, _ object) {
			layers[1] = object{"class_name": "Activation", "config": object{"activation": "sigmoid"}}
		}, "does not follow a dense layer without an activation"},
		"other units":     {func(layers, _ []object, _ object) { layers[0]["config"].(object)["units"] = 6 }, "fc1/kernel of shape [12 5]: want a kernel of 6 units"},
		"one layer twice": {func(layers, _ []object, _ object) { layers[1]["config"] = layers[0]["config"] }, "weights fc1/kernel are missing"},
		"no topology":     {func(_, _ []object, model object) { delete(model, "modelTopology") }, "no class_name in modelTopology: want a layers model"},
		"graph model":     {func(_, _ []object, model object) { model["modelTopology"] = object{"node": []any{}} }, "want a layers model"},
		"wide quantisation": {func(_, list []object, _ object) {
			list[0]["quantization"] = object{"dtype": "uint16", "min": 0, "scale": 1}
		}, "fc1/kernel is quantised: want float32"},
		"float16":          {func(_, list []object, _ object) { list[0]["quantization"] = object{"dtype": "float16"} }, "fc1/kernel is quantised"},
		"whole numbers":    {func(_, list []object, _ object) { list[0]["dtype"] = "int32" }, `fc1/kernel of type "int32": want float32`},
		"text":             {func(_, list []object, _ object) { list[0]["dtype"] = "string" }, `fc1/kernel of type "string"`},
		"names of others":  {func(_, list []object, _ object) { list[0]["name"] = "fc7/kernel" }, "weights fc1/kernel are missing"},
		"names twice":      {func(_, list []object, _ object) { list[0]["name"] = "fc2/kernel" }, "weights fc2/kernel are listed twice"},
		"scopes twice":     {func(_, list []object, _ object) { list[0]["name"], list[2]["name"] = "a/fc1/kernel", "b/fc1/kernel" }, "want one for fc1/kernel"},
		"a layer too many": {func(_, list []object, _ object) { list[0]["name"] = "x/fc1/kernel"; list[1]["name"] = "fc1/gamma" }, "weights fc1/bias are missing"},
		"weights too many": {func(layers, _ []object, _ object) { layers[1]["config"].(object)["use_bias"] = false }, "weights fc2/bias belong to no layer"},
		"large":            {func(_, _ []object, model object) { model["x"] = strings.Repeat("x", 1<<18) }, "want at most 65536"},
		"no layers":        {func(layers, _ []object, model object) { model["modelTopology"] = functional("auto", layers[0]) }, "belong to no layer"},
		"two inputs": {func(layers, _ []object, model object) {
			m := functional("auto", layers...)
			m["config"].(object)["input_layers"] = []any{[]any{"input", 0, 0}, []any{"fc2", 0, 0}}
			model["modelTopology"] = m
		}, "model auto of 2 inputs and 1 outputs"},
		"a merge": {func(layers, _ []object, model object) {
			model["modelTopology"] = functional("auto", layers...)
			layers[3]["inbound_nodes"] = []any{[]any{[]any{"fc3", 0, 0}, []any{"fc2", 0, 0}}}
		}, `layer "fc4": want one input, from one layer`},
		"a circle": {func(layers, _ []object, model object) {
			model["modelTopology"] = functional("auto", layers...)
			layers[0]["inbound_nodes"] = []any{[]any{[]any{"fc2", 0, 0}}}
		}, "depends on itself"},
		"Keras 3's": {func(layers, _ []object, model object) {
			model["modelTopology"] = functional("auto", layers...)
			layers[0]["inbound_nodes"] = []any{object{"args": []any{}}}
		}, "want what Keras 2 or TensorFlow.js writes"},
		"models in models": {func(layers, _ []object, model object) {
			m := functional("m", layers...)
			for range 4 {
				m = functional("m", m)
			}
			model["modelTopology"] = m
		}, "nested too deeply: want at most 3 levels"},
	} {
		topology, list, weights := newOther("relu").tfjs()
		model := object{"modelTopology": topology, "weightsManifest": []object{{"paths": []string{"w"}, "weights": list}}}
		test.change(topology["config"].(object)["layers"].([]object), list, model)
		_, err := read(zipped(t, "", "model.json", toJSON(t, model), "w", weights), experiment.Default(), dims)
		holds(t, name, err, test.want)
	}
}

// npz returns the files of an .npz, in turn name and content.
func (o *other) npz(write func(values []float32, shape ...int) []byte) (files []any) {
	for i, l := range o.layers {
		files = append(files, fmt.Sprintf("arr_%d.npy", 2*i), write(l.kernel.values, l.kernel.shape...),
			fmt.Sprintf("arr_%d.npy", 2*i+1), write(l.bias.values, l.bias.shape...))
	}
	return files
}

// fortran is npy in column-major order, as NumPy writes the transpose of an array.
func fortran(values []float32, shape ...int) []byte {
	if len(shape) == 2 {
		values = array{"", shape, values}.transposed().values
	}
	return bytes.Replace(npy(values, shape...), []byte("False"), []byte("True "), 1)
}

// NumPy archives are read in either memory order and, if their names state the order, with
// their files in any order.
func TestForeignNPZ(t *testing.T) {
	o := newOther("relu")
	same := func(name string, file []byte) {
		t.Helper()
		c, err := read(file, experiment.Default(), dims)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		want := o.outputs(ramp(dims))
		for i, got := range reconstruct(t, c, ramp(dims)) {
			if math.Abs(float64(got-want[i])) > 1e-5 {
				t.Errorf("%s: output %d is %g, want %g", name, i, got, want[i])
				return
			}
		}
	}
	same("float32", zipped(t, "", o.npz(npy)...))
	same("float64", zipped(t, "", o.npz(npy64)...))
	same("Fortran's order", zipped(t, "", o.npz(fortran)...))
	same("in a folder", zipped(t, "", repacked(o.npz(npy))...))

	_, err := read(zipped(t, "", append(o.npz(npy), "epochs.npy", npy([]float32{20}, 1))...), experiment.Default(), dims)
	holds(t, "another array", err, "13 arrays: want a kernel and a bias")
	_, err = read(zipped(t, "", append(o.npz(npy), "a.npy", npy([]float32{20}, 1), "b.npy", npy([]float32{20}, 1))...), experiment.Default(), dims)
	holds(t, "other arrays", err, "a of shape [1]: want a kernel of [12, units]")
	_, err = read(zipped(t, "", append(o.npz(npy), "arr_3.npy", npy([]float32{20}, 1))...), experiment.Default(), dims)
	holds(t, "a file twice", err, "the archive contains arr_3.npy twice")
	cube := bytes.Replace(fortran(ramp(dims*5), dims, 5), []byte("(12, 5)"), []byte("(6,2,5)"), 1)
	_, err = read(zipped(t, "", append([]any{"arr_0.npy", cube}, o.npz(npy)[2:]...)...), experiment.Default(), dims)
	holds(t, "three dimensions", err, "shape [6 2 5]: want a kernel or a bias")
}

// repacked puts files into a folder, sorted by name, as macOS does.
func repacked(files []any) []any {
	var names []string
	content := map[string]any{}
	for i := 0; i < len(files); i += 2 {
		name := "sae-2-64 2/" + files[i].(string)
		names = append(names, name)
		content[name] = files[i+1]
	}
	slices.Sort(names)
	packed := []any{"sae-2-64 2/", ""}
	for _, name := range names {
		packed = append(packed, name, content[name], "__MACOSX/"+path.Dir(name)+"/._"+path.Base(name), "attributes")
	}
	return packed
}

// An exported archive is read again after it was unpacked and repacked, which loses the
// settings in its comment and puts its files into a folder.
func TestRepacked(t *testing.T) {
	c := checkpoint(t, map[string]string{"experiment": "4", "hidden": "9,7,9", "init": "he"})
	for _, format := range Formats {
		if format.Name == "checkpoint" || format.Name == "safetensors" {
			continue // no archive
		}
		file := export(t, format.Name, c)
		z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		var files []any
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f.Name, content)
		}
		got, err := read(zipped(t, "", repacked(files)...), c.Settings, dims)
		if err != nil || !slices.Equal(got.Parameters, c.Parameters) || got.Settings != c.Settings {
			t.Errorf("%s: %+v, %v", format.Name, got, err)
		}
	}
	one := newOther("relu").onnx()
	_, err := read(zipped(t, "", "a.onnx", one, "b.onnx", one), experiment.Default(), dims)
	holds(t, "two models", err, "the archive contains 2 models, including a.onnx and b.onnx")
}

// Model files are recognised by their first bytes. Those that are not read are rejected
// with a hint, and data sets are not mistaken for models.
func TestKinds(t *testing.T) {
	c := checkpoint(t, nil)
	for _, format := range Formats {
		if file := export(t, format.Name, c); !IsModel(file[:min(len(file), StartSize)]) {
			t.Errorf("%s is no model", format.Name)
		}
	}
	o := newOther("relu")
	o.constants = true // these nodes come first
	for _, file := range [][]byte{o.onnx(), newOther("relu").onnx()} {
		if !IsModel(file[:min(len(file), StartSize)]) {
			t.Error("ONNX is no model")
		}
	}
	for _, test := range []struct{ name, start, want string }{
		{"Keras's HDF5", "\x89HDF\r\n\x1a\n and more", "HDF5: a model of Keras or TensorFlow: want its weights, as np.savez("},
		{".keras", string(zipped(t, "", "metadata.json", "{}", "config.json", "{}", "model.weights.h5", "x")), "the archive contains model.weights.h5: a model of Keras"},
		{"SavedModel", string(zipped(t, "", "auto/saved_model.pb", "x", "auto/variables/variables.index", "x")), "the archive contains auto/saved_model.pb: a model of Keras or TensorFlow"},
		{".pt", string(zipped(t, "", "auto/data.pkl", "x", "auto/data/0", "x")), "the archive contains auto/data.pkl: a model of PyTorch: want ONNX, as torch.onnx.export("},
		{".pth of early versions", "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "PyTorch's pickle: a model of PyTorch"},
		{".safetensors", "\x40\x00\x00\x00\x00\x00\x00\x00" + `{"fc1.weight":{}}`, "safetensors: the file is truncated in its header of 64 bytes"},
		{"a zipped .safetensors", string(zipped(t, "", "model.safetensors", "x")), "the archive contains model.safetensors: want it by itself, without an archive"},
		{".tflite", "\x1c\x00\x00\x00TFL3\x14\x00", "TensorFlow Lite: a model of Keras"},
		{".npy", string(npy(ramp(6), 3, 2)), "one array: want all kernels and biases in an .npz"},
		{"model.json", `{"format": "layers-model", "modelTopology": {}}`, "want a zip archive of model.json and the files that it names"},
		{"ONNX that is cut off", string(o.onnx()[:len(o.onnx())/2]), "import: ONNX: the file is damaged or truncated"},
		{"a zipped batch", string(zipped(t, "", "data_batch_1.bin", "x")), "a data set is not read from a zip archive"},
	} {
		if !IsModel([]byte(test.start)[:min(len(test.start), StartSize)]) {
			t.Errorf("%s is no model", test.name)
		}
		_, err := read([]byte(test.start), experiment.Default(), dims)
		holds(t, test.name, err, test.want)
	}

	for name, start := range map[string]string{
		"empty": "", "compact": "SAEDATA\n", "gzip": "\x1f\x8b\x08", "pickle": "\x80\x02}q\x01(U\x0bbatch_label", "Python 3's pickle": "\x80\x04\x95",
		"tar": "cifar-10-batches-bin/", "JSON": `{"a": 1}`, "picture": "\x89PNG\r\n\x1a\n",
	} {
		if IsModel([]byte(start)) {
			t.Errorf("%s is a model", name)
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	set := data.Synthetic(500, 0, 1).Train
	for i := range 500 {
		batch := append([]byte{8}, set.Image(i)...) // of a ship
		for j := range batch[1:] {
			batch[1+j] = byte(int(batch[1+j])>>(i%6) + random.IntN(3))
		}
		if IsModel(batch) {
			t.Errorf("image %d is a model", i)
		}
	}
}

// If ../shared has files of other programs, they give the recorded outputs, whatever the
// settings, or are rejected with the expected reason.
func TestForeignFiles(t *testing.T) {
	const folder = "../../../shared/inputs/models"
	text, err := os.ReadFile(filepath.Join(folder, "expected.json"))
	if err != nil {
		t.Skip("no models of other programs in ../shared/inputs beside the repository")
	}
	var expected map[string][]float32
	if err := json.Unmarshal(text, &expected); err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 3072)
	for i := range x {
		x[i] = float32((128 + 90*math.Sin(float64(i)/400) + 30*math.Cos(float64(i)/7)) / 255)
	}
	for _, test := range []struct{ file, outputs, refusal string }{
		{"good.onnx.zip", "relu everywhere, sigmoid at the end", ""},
		{"initializers-swapped.onnx.zip", "relu everywhere, sigmoid at the end", ""},
		{"from-finder.onnx.zip", "relu everywhere, sigmoid at the end", ""},
		{"downloads.tfjs.zip", "relu everywhere, sigmoid at the end", ""},
		{"pytorch-like.onnx", "relu everywhere, sigmoid at the end", ""},
		{"linear-latent.tfjs.zip", "linear latent", ""},
		{"no-output-activation.onnx.zip", "", "layer 6, output_kernel, has activation linear: want sigmoid for the output"},
		{"float16.onnx.zip", "", "encoder_1_kernel: numbers of type float16: want float32"},
	} {
		file, err := os.ReadFile(filepath.Join(folder, test.file))
		if err != nil {
			t.Fatal(err)
		}
		for number := 1; number <= 4; number++ {
			settings, err := experiment.Preset(number)
			if err != nil {
				t.Fatal(err)
			}
			c, err := read(file, settings, len(x))
			if test.refusal != "" {
				holds(t, test.file, err, test.refusal)
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", test.file, err)
				continue
			}
			for i, got := range reconstruct(t, c, x)[:3] {
				if want := expected[test.outputs][i]; math.Abs(float64(got-want)) > 1e-5 {
					t.Errorf("%s with the settings of experiment %d: output %d is %g, want %g", test.file, number, i, got, want)
				}
			}
		}
	}
}

func holds(t *testing.T, name string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: error %v, want %q", name, err, want)
	}
}

// reconstruct returns the model's reconstruction of an image.
func reconstruct(t *testing.T, c *fit.Checkpoint, x []float32) []float32 {
	t.Helper()
	auto, err := c.Autoencoder()
	if err != nil {
		t.Fatal(err)
	}
	return auto.Decode(nil, auto.Encode(nil, x))
}
