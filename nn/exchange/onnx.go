package exchange

import (
	"archive/zip"

	"google.golang.org/protobuf/encoding/protowire"

	"sae/nn"
	"sae/nn/experiment"
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

	tensorDims     = 1
	tensorType     = 2
	tensorFloats   = 4
	tensorName     = 8
	tensorRaw      = 9
	tensorExternal = 13
	tensorLocation = 14
	tensorFloat    = 1 // float32, as a TensorProto.DataType

	valueName   = 1
	valueType   = 2
	typeTensor  = 1
	tensorElem  = 1
	tensorShape = 2
	shapeDim    = 1
	dimValue    = 1
	dimParam    = 2
)

func writeONNX(z *zip.Writer, auto *nn.Autoencoder, _ experiment.Settings) error {
	layers, encoder := auto.Layers(), len(auto.Encoder.Layers)
	for _, graph := range []struct {
		name, input, output string
		layers              []*nn.Dense
	}{
		{"encoder", "image", "code", layers[:encoder]},
		{"decoder", "code", "reconstruction", layers[encoder:]},
		{"auto", "image", "reconstruction", layers},
	} {
		if err := add(z, graph.name+".onnx", onnxModel(graph.name, graph.input, graph.output, graph.layers)); err != nil {
			return err
		}
	}
	return nil
}

// onnxModel returns a ModelProto of dense layers, each a Gemm and its
// activation.
func onnxModel(name, input, output string, layers []*nn.Dense) []byte {
	var graph message
	x := input
	for i, layer := range layers {
		sums, y := layer.Name+"_sums", layer.Name
		if i == len(layers)-1 {
			y = output
		}
		op := map[nn.Activation]string{nn.ReLU: "Relu", nn.Sigmoid: "Sigmoid", nn.Linear: "Identity"}[layer.Activation]
		graph.message(graphNode, onnxNode("Gemm", layer.Name+"_gemm", sums, x, layer.Name+"_kernel", layer.Name+"_bias"))
		graph.message(graphNode, onnxNode(op, layer.Name+"_activation", y, sums))
		x = y
	}
	graph.text(graphName, name)
	for _, layer := range layers {
		graph.message(graphInitializer, onnxTensor(layer.Name+"_kernel", layer.Kernel, layer.In, layer.Out))
		graph.message(graphInitializer, onnxTensor(layer.Name+"_bias", layer.Bias, layer.Out))
	}
	graph.message(graphInput, onnxValue(input, layers[0].In))
	graph.message(graphOutput, onnxValue(output, layers[len(layers)-1].Out))

	var opset, model message
	opset.number(opsetVersion, onnxOpset)
	model.number(modelIRVersion, onnxIR)
	model.text(modelProducer, "sae")
	model.text(modelDoc, "Images are rows of numbers from 0 to 1: row by row from the top, pixel by pixel, red, green and blue.")
	model.message(modelGraph, graph)
	model.message(modelOpset, opset)
	return model
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
