package exchange

import (
	"bytes"
	"reflect"
	"testing"

	"sae/nn/experiment"
	"sae/tools/bounds"
)

// readBound is how many bytes reading a file of n bytes may allocate: an archive unpacks
// to maxGrowth times its size, and slices grow by doubling.
func readBound(n int) int { return 16<<20 + 100*maxGrowth*n }

// FuzzRead verifies that a file is rejected, or gives a model that all formats preserve.
func FuzzRead(f *testing.F) {
	c := checkpoint(f, nil)
	top := checkpoint(f, map[string]string{"experiment": "5", "k": "2"})
	for _, format := range Formats {
		f.Add(export(f, format.Name, c))
		if format.Name != "tfjs" {
			f.Add(export(f, format.Name, top))
		}
	}
	f.Add(newOther("linear").onnx())
	f.Fuzz(func(t *testing.T, file []byte) { readBounded(t, file) })
}

// FuzzArchive is FuzzRead with valid archives, because random changes hardly ever hit the
// right checksums. The content is that of one file: a kernel of a .npz, auto.onnx, or
// model.json with the weights beside it.
func FuzzArchive(f *testing.F) {
	c := checkpoint(f, nil)
	content := func(format, name string) []byte { return member(f, export(f, format, c), name) }
	f.Add("", npy(ramp(dims*3), dims, 3), []byte{})
	f.Add(`{"latent":3}`, npy64(ramp(dims*3), dims, 3), []byte{})
	f.Add("", content("onnx", "auto.onnx"), []byte{})
	f.Add("", member(f, export(f, "onnx", checkpoint(f, map[string]string{"experiment": "5", "k": "2"})), "auto.onnx"), []byte{})
	f.Add("", member(f, export(f, "onnx", patches(f, onWhitened)), "auto.onnx"), []byte{})
	f.Add("", content("tfjs", "model.json"), content("tfjs", "encoder.bin"))
	topology := func(o *other) []byte {
		topology, list, _ := o.tfjs()
		layers := topology["config"].(object)["layers"].([]object)
		nested := functional("auto", functional("encoder", layers[:3]...), functional("decoder", layers[3:]...))
		return toJSON(f, object{"modelTopology": nested, "weightsManifest": []object{{"paths": []string{"encoder.bin"}, "weights": list}}})
	}
	for _, latent := range []string{"relu", "linear"} {
		o := newOther(latent)
		_, _, weights := o.tfjs()
		f.Add("", topology(o), weights)
		o.transB, o.packed = true, true
		f.Add("", o.onnx(), []byte{})
		o.gemm, o.transpose, o.transB, o.constants, o.packed, o.numbers = false, true, false, true, false, true
		f.Add("", o.onnx(), []byte{})
	}
	f.Fuzz(func(t *testing.T, comment string, main, weights []byte) {
		if len(comment) > 65535 {
			return // there is no such archive
		}
		for _, files := range [][]any{
			{"a.npy", main, "b.npy", npy(ramp(3), 3), "c.npy", npy(ramp(3*dims), 3, dims), "d.npy", npy(ramp(dims), dims)},
			{"auto.onnx", main},
			{"model.json", main, "encoder.bin", weights, "decoder.bin", weights},
		} {
			readBounded(t, zipped(t, comment, files...))
		}
	})
}

func readBounded(t *testing.T, file []byte) {
	bounds.Hold(t, readBound(len(file)), func() {
		c, err := read(file, experiment.Default(), dims)
		if err != nil {
			return
		}
		for _, format := range Formats {
			var again bytes.Buffer
			if err := format.Write(&again, c); err != nil {
				if format.Name == "tfjs" && (c.Settings.K > 0 || c.Settings.Whiten) {
					continue
				}
				t.Fatal(err)
			}
			same, err := read(again.Bytes(), experiment.Default(), dims)
			if err != nil && format.Name == "checkpoint" && c.Data.Train == 0 {
				continue // weights without a run
			}
			if err != nil || same.Settings != c.Settings || !reflect.DeepEqual(same.Parameters, c.Parameters) {
				t.Errorf("written as %s, a model of %+v becomes one of %+v: %v", format.Name, c.Settings, same, err)
			}
		}
	})
}
