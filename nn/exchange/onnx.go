package exchange

import (
	"archive/zip"
	"encoding/binary"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"sae/nn"
	"sae/nn/patch"
)

// The versions that are written: an old opset, which many runtimes support, and the IR
// version that was current with it.
const (
	onnxOpset = 13
	onnxIR    = 7
)

// Field numbers of onnx.proto.
const (
	modelIRVersion       = 1
	modelProducer        = 2
	modelProducerVersion = 3
	modelDomain          = 4
	modelVersion         = 5
	modelDoc             = 6
	modelGraph           = 7
	modelOpset           = 8
	opsetDomain          = 1
	opsetVersion         = 2

	graphNode        = 1
	graphName        = 2
	graphInitializer = 5
	graphInput       = 11
	graphOutput      = 12

	nodeInput     = 1
	nodeOutput    = 2
	nodeName      = 3
	nodeOp        = 4
	nodeAttribute = 5
	nodeDomain    = 7

	attributeName   = 1
	attributeFloat  = 2
	attributeInt    = 3
	attributeTensor = 5
	attributeInts   = 8
	attributeType   = 20
	attributeIsInt  = 2 // an AttributeProto.AttributeType
	attributeIsInts = 7

	tensorDims     = 1
	tensorType     = 2
	tensorFloats   = 4
	tensorName     = 8
	tensorRaw      = 9
	tensorExternal = 13
	tensorLocation = 14
	tensorFloat    = 1 // float32, as a TensorProto.DataType
	tensorInt      = 7 // int64

	valueName   = 1
	valueType   = 2
	typeTensor  = 1
	tensorElem  = 1
	tensorShape = 2
	shapeDim    = 1
	dimValue    = 1
	dimParam    = 2
)

func writeONNX(z *zip.Writer, model source) error {
	layers, encoder := model.Layers(), len(model.Encoder.Layers)
	for _, graph := range []struct {
		name, input, output string
		layers              []*nn.Dense
	}{
		{"encoder", "image", "code", layers[:encoder]},
		{"decoder", "code", "reconstruction", layers[encoder:]},
		{"auto", "image", "reconstruction", layers},
	} {
		if err := add(z, graph.name+".onnx", onnxModel(graph.name, graph.input, graph.output, graph.layers, model.whitening)); err != nil {
			return err
		}
	}
	return nil
}

// Parts of graphs, a node in each line: its operator, its outputs and its inputs. In those of
// a layer, @ is its name. ONNX's TopK gives only the largest activations, which
// ScatterElements puts into zeros.
//
// With a whitening, what reads an image first subtracts the patch's own mean and μ, and
// multiplies by W; what gives a reconstruction finally multiplies by the inverse of W and
// adds μ. The own mean is added back where the graph knows it, in the whole autoencoder.
const (
	onnxSums = "Gemm @_sums $input @_kernel @_bias"
	onnxTopK = "TopK @_values,@_indices @_all k\nShape @_shape @_all\nConstantOfShape @_zeros @_shape\nScatterElements $output @_zeros @_indices @_values"

	onnxWhiten  = "ReduceMean own_mean image\nSub contrast image own_mean\nSub centered contrast whitening_mean\nMatMul whitened centered whitening_matrix"
	onnxRestore = "MatMul unwhitened output whitening_inverse\nAdd restored unwhitened whitening_mean"
	onnxOwnMean = "Add reconstruction restored own_mean"
)

var onnxActivations = []string{nn.ReLU: "Relu", nn.Sigmoid: "Sigmoid", nn.Linear: "Identity"}

// onnxModel returns a ModelProto of dense layers, each a Gemm and its activation.
func onnxModel(name, input, output string, layers []*nn.Dense, whitening *patch.Whitening) []byte {
	var graph message
	var nodes []string
	var k int
	x, last := input, output
	if whitening != nil && input == "image" {
		nodes = append(nodes, onnxWhiten)
		x = "whitened"
	}
	if whitening != nil && output == "reconstruction" {
		last = "output"
	}
	for i, layer := range layers {
		y := layer.Name
		if i == len(layers)-1 {
			y = last
		}
		node := onnxSums + "\n" + onnxActivations[layer.Activation]
		if layer.K == 0 {
			node += " $output @_sums"
		} else {
			node += " @_all @_sums\n" + onnxTopK
			k = layer.K
		}
		nodes = append(nodes, strings.NewReplacer("@", layer.Name, "$input", x, "$output", y).Replace(node))
		x = y
	}
	if last == "output" {
		restore := onnxRestore + "\n" + onnxOwnMean
		if input != "image" {
			restore = strings.Replace(onnxRestore, "restored", output, 1)
		}
		nodes = append(nodes, restore)
	}
	for line := range strings.SplitSeq(strings.Join(nodes, "\n"), "\n") {
		parts := strings.Fields(line)
		outputs := strings.Split(parts[1], ",")
		node := onnxNode(parts[0], outputs[0]+"_"+strings.ToLower(parts[0]), outputs[0], parts[2:]...)
		for _, output := range outputs[1:] {
			node.text(nodeOutput, output)
		}
		switch parts[0] {
		case "ReduceMean":
			node.message(nodeAttribute, onnxAttribute("axes", attributeInts, attributeIsInts))
		case "ScatterElements":
			node.message(nodeAttribute, onnxAttribute("axis", attributeInt, attributeIsInt))
		}
		graph.message(graphNode, node)
	}
	graph.text(graphName, name)
	if k > 0 {
		graph.message(graphInitializer, onnxInt("k", k))
	}
	for _, a := range layerArrays(layers, whitening) {
		graph.message(graphInitializer, onnxTensor(a.name, a.values, a.shape...))
	}
	graph.message(graphInput, onnxValue(input, layers[0].In))
	graph.message(graphOutput, onnxValue(output, layers[len(layers)-1].Out))

	var opset, model message
	opset.number(opsetVersion, onnxOpset)
	model.number(modelIRVersion, onnxIR)
	model.text(modelProducer, "sae")
	model.text(modelDoc, "Images, or patches of them, are rows of numbers from 0 to 1: row by row from the top, pixel by pixel, red, green and blue.")
	model.message(modelGraph, graph)
	model.message(modelOpset, opset)
	return model
}

// onnxAttribute returns an attribute of 1, in the field and of the type of a number or a list.
func onnxAttribute(name string, field protowire.Number, kind uint64) message {
	var attribute message
	attribute.text(attributeName, name)
	attribute.number(field, 1)
	attribute.number(attributeType, kind)
	return attribute
}

// onnxInt returns a tensor of one int64.
func onnxInt(name string, value int) message {
	var tensor message
	tensor.number(tensorDims, 1)
	tensor.number(tensorType, tensorInt)
	tensor.text(tensorName, name)
	tensor.bytes(tensorRaw, binary.LittleEndian.AppendUint64(nil, uint64(value)))
	return tensor
}

func onnxNode(op, name, output string, inputs ...string) message {
	var node message
	for _, input := range inputs {
		node.text(nodeInput, input)
	}
	node.text(nodeOutput, output)
	node.text(nodeName, name)
	node.text(nodeOp, op)
	return node
}

func onnxTensor(name string, values []float32, shape ...int) message {
	var tensor message
	for _, n := range shape {
		tensor.number(tensorDims, uint64(n))
	}
	tensor.number(tensorType, tensorFloat)
	tensor.text(tensorName, name)
	tensor.bytes(tensorRaw, appendFloats(make([]byte, 0, 4*len(values)), values))
	return tensor
}

// onnxValue describes an input or output: float32, [batch, width].
func onnxValue(name string, width int) message {
	var batch, columns, shape, tensor, kind, value message
	batch.text(dimParam, "batch")
	columns.number(dimValue, uint64(width))
	shape.message(shapeDim, batch)
	shape.message(shapeDim, columns)
	tensor.number(tensorElem, tensorFloat)
	tensor.message(tensorShape, shape)
	kind.message(typeTensor, tensor)
	value.text(valueName, name)
	value.message(valueType, kind)
	return value
}

// message is a protocol buffer that is being written.
type message []byte

func (m *message) number(field protowire.Number, value uint64) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), value)
}

func (m *message) bytes(field protowire.Number, value []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), value)
}

func (m *message) text(field protowire.Number, value string) { m.bytes(field, []byte(value)) }

func (m *message) message(field protowire.Number, value message) { m.bytes(field, value) }
