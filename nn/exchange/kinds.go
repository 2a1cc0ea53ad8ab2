package exchange

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"sae/nn/fit"
)

// StartSize is the number of bytes of a file that [IsModel] needs.
const StartSize = 4096

// IsModel reports whether a file contains a model, of this program or another. start is
// its first StartSize bytes, or all of a shorter file. Read may still reject it. File
// names do not count, because browsers and systems change them.
func IsModel(start []byte) bool { return kindOf(start) != nil }

// kind is a kind of model file.
type kind struct {
	name    string
	starts  func(start []byte) bool
	read    func(content []byte) (*model, error) // nil for checkpoints and kinds that are not read
	instead string                               // of a kind that is not read: what is wanted; else ""
}

const (
	fromKeras   = `a model of Keras or TensorFlow: want its weights, as np.savez("weights.npz", *model.get_weights()) writes them`
	fromPyTorch = `a model of PyTorch: want ONNX, as torch.onnx.export(model, torch.zeros(1, 3072), "model.onnx") writes it, or safetensors`
)

var kinds = []kind{
	{name: "checkpoint", starts: begins(fit.Magic)},
	{name: "archive", starts: begins("PK"), read: readArchive},
	{name: "ONNX", starts: startsONNX, read: named("ONNX", parseONNX)},
	{name: "safetensors", starts: startsSafetensors, read: named("safetensors", parseSafetensors)},
	{name: "HDF5", starts: begins("\x89HDF\r\n\x1a\n"), instead: fromKeras},
	{name: "PyTorch's pickle", starts: begins("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."), instead: fromPyTorch},
	{name: "TensorFlow Lite", starts: func(start []byte) bool { return len(start) > 8 && string(start[4:8]) == "TFL3" }, instead: fromKeras},
	{name: ".npy", starts: begins("\x93NUMPY"), instead: `one array: want all kernels and biases in an .npz, as np.savez("weights.npz", *model.get_weights()) writes them`},
	{name: "JSON of TensorFlow.js", starts: startsTopology, instead: "a model without its weights: want a zip archive of model.json and the files that it names"},
}

// named prefixes errors with the name of a kind.
func named(name string, parse func([]byte) (*model, error)) func([]byte) (*model, error) {
	return func(content []byte) (*model, error) {
		m, err := parse(content)
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
		return m, err
	}
}

// kindOf returns the kind of a file with the given start; nil if it is no model.
func kindOf(start []byte) *kind {
	for i := range kinds {
		if kinds[i].starts(start) {
			return &kinds[i]
		}
	}
	return nil
}

func begins(magic string) func(start []byte) bool {
	return func(start []byte) bool { return bytes.HasPrefix(start, []byte(magic)) }
}

// startsSafetensors looks for the length of a header and the start of a JSON object.
func startsSafetensors(start []byte) bool {
	return len(start) > 10 && binary.LittleEndian.Uint64(start) <= maxSafetensorsHeader && string(start[8:10]) == `{"`
}

func startsTopology(start []byte) bool {
	return len(start) > 0 && start[0] == '{' &&
		(bytes.Contains(start, []byte(`"modelTopology"`)) || bytes.Contains(start, []byte(`"layers-model"`)) || bytes.Contains(start, []byte(`"weightsManifest"`)))
}

// startsONNX parses a ModelProto up to the first name in the first node of its graph. The
// first byte alone is ambiguous: a batch of CIFAR-10 that begins with a ship has the
// same.
func startsONNX(start []byte) bool {
	path := []map[protowire.Number]bool{ // expected fields, and whether to descend into them
		{modelIRVersion: false, modelProducer: false, modelProducerVersion: false, modelDomain: false, modelVersion: false,
			modelDoc: false, modelOpset: false, modelGraph: true},
		{graphNode: true},
		{nodeInput: true, nodeOutput: true},
	}
	if len(start) == 0 || start[0] != modelIRVersion<<3 {
		return false
	}
	for len(start) > 0 {
		number, kind, n := protowire.ConsumeTag(start)
		leads, known := path[0][number]
		if n < 0 || !known {
			return false
		}
		start = start[n:]
		value, n := protowire.ConsumeVarint(start) // or the length of a BytesType
		if n < 0 {
			return false
		}
		start = start[n:]
		switch {
		case kind == protowire.VarintType:
		case kind != protowire.BytesType || !leads && value > uint64(len(start)):
			return false
		case !leads:
			start = start[value:]
		case len(path) > 1:
			path = path[1:]
		default:
			return value > 0 && value <= uint64(len(start)) && isText(start[:value])
		}
	}
	return false
}

func isText(text []byte) bool {
	return utf8.Valid(text) && !bytes.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}
