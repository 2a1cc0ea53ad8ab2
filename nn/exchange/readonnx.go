package exchange

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"sae/nn"
	"sae/nn/patch"
)

const (
	// minOpset is the first in which Gemm and Add broadcast as in later ones.
	minOpset = 7
	// maxItems bounds the lists in a graph, maxParts those in a node or a tensor. Those of
	// dense layers are much shorter.
	maxItems = 1000
	maxParts = 16
)

// graph is an ONNX graph.
type graph struct {
	nodes     []node
	producers map[string]*node  // by the names of their outputs
	tensors   map[string][]byte // initializers, by name
	inputs    map[string]bool
	outputs   []string
	opset     uint64
	used      map[string]bool // tensors that load has returned
}

// node is an operation of a graph.
type node struct {
	op              string // prefixed by its domain, unless that is ONNX's own
	name            string
	inputs, outputs []string
	attributes      []attribute
}

// attribute is an attribute of a node.
type attribute struct {
	name   string
	float  float32
	int    int64
	ints   []int64
	tensor []byte
}

// String names the node in error messages.
func (n *node) String() string {
	if n.name != "" {
		return n.op + " " + n.name
	}
	if len(n.outputs) > 0 {
		return fmt.Sprintf("%s with output %q", n.op, n.outputs[0])
	}
	return n.op
}

// input returns the name of input i, "" if it is omitted.
func (n *node) input(i int) string {
	if i < len(n.inputs) {
		return n.inputs[i]
	}
	return ""
}

// parseONNX returns the model of a ModelProto.
func parseONNX(content []byte) (*model, error) {
	g, err := parseGraph(content)
	if err != nil {
		return nil, err
	}
	for i := range g.nodes {
		if op := g.nodes[i].op; op == "Sub" || op == "ScatterElements" {
			return g.written(&g.nodes[i])
		}
	}
	chain, err := g.chain()
	if err != nil {
		return nil, err
	}
	m := &model{}
	for _, n := range chain {
		if m.layers, err = g.extend(m.layers, n); err != nil {
			return nil, fmt.Errorf("%v: %w", n, err)
		}
	}
	for i := range m.layers {
		if m.layers[i].activation == "" {
			m.layers[i].activation = nn.Linear.String()
		}
	}
	return m, nil
}

// written returns the model of a graph with TopK or a whitening, whose nodes and output must be
// those that onnxModel writes for its layers. because is a node for which they must.
func (g *graph) written(because *node) (*model, error) {
	m := &model{}
	var layers []*nn.Dense
	for i, n := range g.nodes {
		if n.op != "Gemm" || i+1 == len(g.nodes) {
			continue
		}
		var arrays [2]array // kernel and bias
		for j := range arrays {
			var err error
			if arrays[j], err = g.load(n.input(1 + j)); err != nil {
				return nil, err
			}
		}
		dense := &nn.Dense{
			Name:       strings.TrimSuffix(arrays[0].name, "_kernel"),
			Activation: nn.Activation(max(0, slices.Index(onnxActivations, g.nodes[i+1].op))),
		}
		if k, err := textIn(g.tensors["k"], tensorRaw); err == nil && len(k) == 8 && i+2 < len(g.nodes) && g.nodes[i+2].op == "TopK" { // an int64
			dense.K = int(min(binary.LittleEndian.Uint64([]byte(k)), math.MaxInt32))
		}
		layers = append(layers, dense)
		m.layers = append(m.layers, layer{arrays[0].name, arrays[0], arrays[1], dense.Activation.String(), dense.K})
	}
	var whitening *patch.Whitening
	for _, name := range whiteningNames {
		if _, ok := g.tensors[name]; ok {
			a, err := g.load(name)
			if err != nil {
				return nil, err
			}
			m.whitening = append(m.whitening, a)
			whitening = &patch.Whitening{}
		}
	}
	if len(layers) > 1 {
		written, err := parseGraph(onnxModel("", "image", "reconstruction", layers, whitening))
		if err == nil && reflect.DeepEqual(written.nodes, g.nodes) && slices.Equal(written.outputs, g.outputs) {
			return m, nil
		}
	}
	return nil, fmt.Errorf("%v: want it only in a graph that an export of this program has written", because)
}

// chain returns the nodes on the path from the graph's input to its output. Other nodes
// do not affect the output.
func (g *graph) chain() ([]*node, error) {
	if len(g.outputs) != 1 {
		return nil, fmt.Errorf("a graph with outputs %q: want one, the reconstruction", g.outputs)
	}
	var chain []*node
	name := g.outputs[0]
	for !g.inputs[name] {
		n, ok := g.producers[name]
		if !ok || n.outputs[0] != name {
			return nil, fmt.Errorf("%q: want an input of the graph or the first output of a node", name)
		}
		if chain = append(chain, n); len(chain) > len(g.nodes) {
			return nil, fmt.Errorf("%v depends on itself", n)
		}
		name = n.input(0)
		if _, constant := g.constant(name); constant && n.op == "Add" {
			name = n.input(1)
		}
	}
	slices.Reverse(chain)
	return chain, nil
}

// extend adds what a node of the chain computes to the layers before it. It returns an
// error for a node that is not part of a dense layer, because ignoring it would change
// the model.
func (g *graph) extend(layers []layer, n *node) ([]layer, error) {
	const family = "want dense layers: Gemm, or MatMul and Add, each with Relu, Sigmoid or no activation"
	var l *layer
	if len(layers) > 0 {
		l = &layers[len(layers)-1]
	}
	transposed := false
	for _, a := range n.attributes {
		switch {
		case n.op == "Gemm" && (a.name == "alpha" || a.name == "beta"):
			if a.float != 1 {
				return nil, fmt.Errorf("%s %g: want 1", a.name, a.float)
			}
		case n.op == "Gemm" && a.name == "transA":
			if a.int != 0 {
				return nil, fmt.Errorf("transA %d: want 0", a.int)
			}
		case n.op == "Gemm" && a.name == "transB":
			transposed = a.int != 0
		default:
			return nil, fmt.Errorf("attribute %q: %s", a.name, family)
		}
	}
	switch n.op {
	case "Gemm", "MatMul":
		kernel, err := g.load(n.input(1))
		if err != nil {
			return nil, err
		}
		if len(kernel.shape) != 2 {
			return nil, fmt.Errorf("%s of shape %v: want a kernel of two dimensions", kernel.name, kernel.shape)
		}
		if transposed {
			kernel = kernel.transposed()
		}
		next := layer{name: kernel.name, kernel: kernel}
		if n.op == "Gemm" && n.input(2) != "" {
			if next.bias, err = g.loadBias(n.input(2)); err != nil {
				return nil, err
			}
		}
		return append(layers, next), nil
	case "Identity":
		return layers, nil
	case "Add":
		if l == nil || l.bias.values != nil || l.activation != "" {
			return nil, errors.New("it does not follow the Gemm or MatMul of a layer without a bias: " + family)
		}
		name := n.input(1)
		if _, constant := g.constant(name); !constant {
			name = n.input(0)
		}
		var err error
		l.bias, err = g.loadBias(name)
		return layers, err
	}
	activation, ok := map[string]nn.Activation{"Relu": nn.ReLU, "Sigmoid": nn.Sigmoid}[n.op]
	if !ok {
		return nil, errors.New("unsupported operator: " + family)
	}
	if l == nil || l.activation != "" {
		return nil, errors.New("it does not follow a layer without an activation: " + family)
	}
	l.activation = activation.String()
	return layers, nil
}

// tensor is a TensorProto and whether to transpose it.
type tensor struct {
	name       string
	content    []byte
	transposed bool
}

// constant returns the tensor with the given name: an initializer or a Constant,
// possibly after Identity and Transpose. ok is false for everything else.
func (g *graph) constant(name string) (t tensor, ok bool) {
	for range len(g.nodes) + 1 { // bounded, because a file may contain a cycle
		if content, ok := g.tensors[name]; ok {
			return tensor{name, content, t.transposed}, true
		}
		n, ok := g.producers[name]
		switch {
		case !ok:
			return t, false
		case n.op == "Constant" && len(n.attributes) == 1 && n.attributes[0].name == "value":
			return tensor{name, n.attributes[0].tensor, t.transposed}, true
		case n.op == "Identity" && len(n.attributes) == 0:
		case n.op == "Transpose" && (len(n.attributes) == 0 || len(n.attributes) == 1 && n.attributes[0].name == "perm" && slices.Equal(n.attributes[0].ints, []int64{1, 0})):
			t.transposed = !t.transposed
		default:
			return t, false
		}
		name = n.input(0)
	}
	return t, false
}

// load returns the constant with the given name, once: layers that share a kernel would
// diverge in training.
func (g *graph) load(name string) (array, error) {
	t, ok := g.constant(name)
	if !ok {
		return array{}, fmt.Errorf("input %q is not a constant: want a kernel or a bias that the file contains", name)
	}
	if g.used[t.name] {
		return array{}, fmt.Errorf("%q is used twice: want a kernel and a bias of its own for each layer", t.name)
	}
	g.used[t.name] = true
	a, err := parseTensor(t.content)
	if err != nil {
		return array{}, fmt.Errorf("%s: %w", t.name, err)
	}
	if a.name = t.name; t.transposed {
		if len(a.shape) != 2 {
			return array{}, fmt.Errorf("%s of shape %v is transposed: want two dimensions", a.name, a.shape)
		}
		a = a.transposed()
	}
	return a, nil
}

// loadBias is load for a bias, whose shape may also be [1, out].
func (g *graph) loadBias(name string) (array, error) {
	a, err := g.load(name)
	if err == nil && len(a.shape) == 2 && a.shape[0] == 1 {
		a.shape = a.shape[1:]
	}
	return a, err
}

// parseGraph reads the graph of a ModelProto.
func parseGraph(content []byte) (*graph, error) {
	g := &graph{producers: map[string]*node{}, tensors: map[string][]byte{}, inputs: map[string]bool{}, used: map[string]bool{}}
	err := each(content, func(f field) error {
		switch f.number {
		case modelGraph:
			return each(f.bytes, g.field)
		case modelOpset:
			var domain string
			var version uint64
			err := each(f.bytes, func(f field) error {
				switch f.number {
				case opsetDomain:
					domain = string(f.bytes)
				case opsetVersion:
					version = f.value
				}
				return nil
			})
			if own(domain) {
				g.opset = version
			}
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if g.opset < minOpset {
		return nil, fmt.Errorf("opset %d: want %d or later", g.opset, minOpset)
	}
	for i := range g.nodes {
		for _, name := range g.nodes[i].outputs {
			if g.producers[name] != nil && name != "" || g.tensors[name] != nil {
				return nil, fmt.Errorf("%v: %q is defined twice: want one", &g.nodes[i], name)
			}
			g.producers[name] = &g.nodes[i]
		}
	}
	for name := range g.tensors {
		delete(g.inputs, name) // an initializer is an input's default
	}
	return g, nil
}

// own reports whether a domain is that of ONNX's own operators.
func own(domain string) bool { return domain == "" || domain == "ai.onnx" }

// field reads a field of a GraphProto.
func (g *graph) field(f field) error {
	if len(g.nodes) > maxItems || len(g.tensors) > maxItems || len(g.inputs) > maxItems || len(g.outputs) > maxItems {
		return fmt.Errorf("a graph of more than %d nodes, tensors, inputs or outputs: want dense layers", maxItems)
	}
	switch f.number {
	case graphNode:
		n, err := parseNode(f.bytes)
		g.nodes = append(g.nodes, n)
		return err
	case graphInitializer:
		name, err := textIn(f.bytes, tensorName)
		if err != nil {
			return err
		}
		if g.tensors[name] != nil {
			return fmt.Errorf("two initializers %q: want one", name)
		}
		g.tensors[name] = f.bytes
	case graphInput:
		name, err := textIn(f.bytes, valueName)
		g.inputs[name] = true
		return err
	case graphOutput:
		name, err := textIn(f.bytes, valueName)
		g.outputs = append(g.outputs, name)
		return err
	}
	return nil
}

// textIn returns the text, or bytes, in a field of a message; "" without the field.
func textIn(message []byte, number protowire.Number) (text string, err error) {
	err = each(message, func(f field) error {
		if f.number == number {
			text = string(f.bytes)
		}
		return nil
	})
	return text, err
}

// parseNode reads a NodeProto.
func parseNode(message []byte) (n node, err error) {
	domain := ""
	err = each(message, func(f field) error {
		switch f.number {
		case nodeInput:
			n.inputs = append(n.inputs, string(f.bytes))
		case nodeOutput:
			n.outputs = append(n.outputs, string(f.bytes))
		case nodeName:
			n.name = string(f.bytes)
		case nodeOp:
			n.op = string(f.bytes)
		case nodeDomain:
			domain = string(f.bytes)
		case nodeAttribute:
			a, err := parseAttribute(f.bytes)
			if err != nil {
				return err
			}
			n.attributes = append(n.attributes, a)
		}
		if max(len(n.inputs), len(n.outputs), len(n.attributes)) > maxParts {
			return fmt.Errorf("a node with more than %d inputs, outputs or attributes: want dense layers", maxParts)
		}
		return nil
	})
	if !own(domain) {
		n.op = domain + "." + n.op
	}
	return n, err
}

// parseAttribute reads an AttributeProto.
func parseAttribute(message []byte) (a attribute, err error) {
	err = each(message, func(f field) error {
		switch f.number {
		case attributeName:
			a.name = string(f.bytes)
		case attributeFloat:
			a.float = math.Float32frombits(uint32(f.value))
		case attributeInt:
			a.int = int64(f.value)
		case attributeTensor:
			a.tensor = f.bytes
		case attributeInts:
			numbers, err := f.numbers()
			for _, number := range numbers {
				a.ints = append(a.ints, int64(number))
			}
			if len(a.ints) > maxParts {
				return fmt.Errorf("attribute %s of more than %d numbers: want dense layers", a.name, maxParts)
			}
			return err
		}
		return nil
	})
	return a, err
}

// onnxTypes are the names of types, by TensorProto.DataType.
var onnxTypes = map[uint64]string{
	tensorFloat: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", tensorInt: "int64",
	8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
}

// parseTensor reads a TensorProto of float32.
func parseTensor(message []byte) (a array, err error) {
	var kind uint64
	var raw, numbers []byte
	err = each(message, func(f field) error {
		switch f.number {
		case tensorDims:
			dims, err := f.numbers()
			for _, dim := range dims {
				a.shape = append(a.shape, int(min(dim, math.MaxInt32)))
			}
			if len(a.shape) > maxParts {
				return fmt.Errorf("more than %d dimensions", maxParts)
			}
			return err
		case tensorType:
			kind = f.value
		case tensorRaw:
			raw = f.bytes
		case tensorFloats:
			if f.kind == protowire.Fixed32Type {
				numbers = binary.LittleEndian.AppendUint32(numbers, uint32(f.value))
			} else {
				numbers = append(numbers, f.bytes...)
			}
		case tensorExternal, tensorLocation:
			if len(f.bytes) > 0 || f.value > 0 {
				return errors.New("its numbers are in another file: want them in this one, as torch.onnx.export(…, external_data=False) or onnx.save_model(…, save_as_external_data=False) writes it")
			}
		}
		return nil
	})
	if err != nil {
		return a, err
	}
	if kind != tensorFloat {
		name, ok := onnxTypes[kind]
		if !ok {
			name = fmt.Sprintf("number %d", kind)
		}
		return a, fmt.Errorf("numbers of type %s: want float32", name)
	}
	if raw == nil {
		raw = numbers
	}
	if len(raw)%4 != 0 {
		return a, fmt.Errorf("%d bytes: want 4 for each number", len(raw))
	}
	a.values = floats(raw)
	return a, a.check()
}

// field is a field of a protocol buffer.
type field struct {
	number protowire.Number
	kind   protowire.Type
	value  uint64 // of a number
	bytes  []byte // of a string, bytes, a message or a packed list
}

// numbers returns the integers in a field of a repeated integer, packed or not. It stops
// after maxParts + 1.
func (f field) numbers() ([]uint64, error) {
	if f.kind != protowire.BytesType {
		return []uint64{f.value}, nil
	}
	var values []uint64
	for packed := f.bytes; len(packed) > 0 && len(values) <= maxParts; {
		value, n := protowire.ConsumeVarint(packed)
		if n < 0 {
			return nil, damaged(n)
		}
		values, packed = append(values, value), packed[n:]
	}
	return values, nil
}

// damaged returns the error of a protowire error code.
func damaged(code int) error {
	return fmt.Errorf("the file is damaged or truncated: %w", protowire.ParseError(code))
}

// each calls visit with each field of a message.
func each(message []byte, visit func(field) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return damaged(n)
		}
		message = message[n:]
		f := field{number: number, kind: kind}
		switch kind {
		case protowire.VarintType:
			f.value, n = protowire.ConsumeVarint(message)
		case protowire.Fixed32Type:
			var value uint32
			value, n = protowire.ConsumeFixed32(message)
			f.value = uint64(value)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return damaged(n)
		}
		message = message[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}
