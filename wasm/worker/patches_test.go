package worker

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"sae/data"
	"sae/nn/patch"
	"sae/wasm/protocol"
)

// On patches, every picture that the worker sends has the size of an image: reconstructions
// are whole, directions and decoded codes are one patch, enlarged, and a unit shows the patch
// that activates it.
func TestPatches(t *testing.T) {
	p := newPage(t)
	p.start(map[string]string{"experiment": "6", "hidden": "", "latent": "32", "k": "4", "batch": "400"})
	p.must(protocol.TypeStep, nil)
	for range 7 {
		p.must(protocol.TypeStep, nil) // to the end of the epoch: 200 images of 16 patches
	}
	frame, _, _ := p.until(func(f protocol.Frame) bool { return f.Units != nil && f.Epoch == 1 })
	if frame.Batches != 8 {
		t.Errorf("%d batches per epoch, want 8", frame.Batches)
	}
	set := data.Synthetic(200, 50, 1)
	grid := patch.Grid{Width: 32, Height: 32, Channels: 3, Side: 8}
	enlarged := func(picture []byte) bool { // whether it is a patch of 8×8 pixels
		for y := range 32 {
			for x := range 32 {
				at, corner := (y*32+x)*3, (y/4*4*32+x/4*4)*3
				if !bytes.Equal(picture[at:at+3], picture[corner:corner+3]) {
					return false
				}
			}
		}
		return true
	}
	for unit := range 32 {
		if !enlarged(frame.Units.Atoms[unit*data.ImageSize:][:data.ImageSize]) {
			t.Fatalf("what unit %d adds is no patch", unit)
		}
	}
	image := set.Validation.Image(3)
	whole := body[protocol.Pictures](t, p.must(protocol.TypeReconstruct, picture(image))).Pixels
	if len(whole) != data.ImageSize || enlarged(whole) {
		t.Error("the reconstruction is no whole picture")
	}
	code := body[protocol.Codes](t, p.must(protocol.TypeEncode, picture(image)))
	active := 0
	for _, activation := range code.Codes {
		if activation != 0 {
			active++
		}
	}
	if active < 1 || active > 4 {
		t.Errorf("%d units are active on a patch, want at most 4", active)
	}
	if decoded := body[protocol.Pictures](t, p.must(protocol.TypeDecode, code)).Pixels; !enlarged(decoded) {
		t.Error("the decoded code is no patch")
	}
	unit := slices.Index(frame.Units.Activity, slices.Max(frame.Units.Activity))
	detail := body[protocol.UnitDetail](t, p.must(protocol.TypeUnit, protocol.Unit{Unit: unit}))
	if len(detail.Activations) != 50 || len(detail.Top) == 0 || len(detail.Pictures) != len(detail.Top)*data.ImageSize {
		t.Fatalf("unit %d: %d activations, images %v", unit, len(detail.Activations), detail.Top)
	}
	for i, top := range detail.Top {
		shown := detail.Pictures[i*data.ImageSize:][:data.ImageSize]
		patches := patch.Enlarge(grid, patch.Cut(grid, set.Validation.Image(top)))
		if !slices.ContainsFunc(slices.Collect(slices.Chunk(patches, data.ImageSize)), func(part []byte) bool { return bytes.Equal(part, shown) }) {
			t.Errorf("picture %d of unit %d is no patch of image %d", i, unit, top)
		}
	}
	if reply := p.do(protocol.TypeUnusual, picture(image)); !strings.Contains(reply.Error, "unusual: patch 8: want 0") {
		t.Errorf("comparing a picture: %q", reply.Error)
	}
	if reply := p.do(protocol.TypeExport, protocol.Export{Format: "tfjs"}); !strings.Contains(reply.Error, "sparsity topk: want l1 for TensorFlow.js") {
		t.Errorf("exporting whitened patches to TensorFlow.js: %q", reply.Error)
	}
	for _, format := range []string{"checkpoint", "npz"} {
		file := p.export(format)
		if reply := p.importFile(file, 9, nil); reply.Error != "" {
			t.Fatalf("%s: %s", format, reply.Error)
		}
		if got := body[protocol.Pictures](t, p.must(protocol.TypeReconstruct, picture(image))).Pixels; !bytes.Equal(got, whole) {
			t.Errorf("the model imported from %s reconstructs another picture", format)
		}
	}
}
