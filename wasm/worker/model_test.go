package worker

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"sae/data"
	"sae/nn/baseline"
	"sae/nn/exchange"
	"sae/nn/fit"
	"sae/wasm/protocol"
)

// export returns the model in a format.
func (p *page) export(format string) []byte {
	p.t.Helper()
	return p.must(protocol.TypeExport, protocol.Export{Format: format}).File.([]byte)
}

// importFile imports a model from a file.
func (p *page) importFile(file []byte, run int, changes map[string]string) protocol.Message {
	p.t.Helper()
	m := protocol.New(protocol.TypeImport, protocol.Import{Run: run, Settings: settings(p.t, changes)})
	m.File = file
	return p.await(p.send(m))
}

// A run that is exported within an epoch and imported by another worker ends like an
// uninterrupted one, bit for bit, with its whole history.
func TestResumeElsewhere(t *testing.T) {
	first := newPage(t)
	first.start(nil)
	for range 5 { // of 4 batches each
		first.must(protocol.TypeStep, nil)
	}
	file := first.export("checkpoint")
	first.must(protocol.TypePlay, nil)
	_, history, points := first.until(isDone)
	want := first.export("checkpoint")

	second := newPage(t)
	second.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceSynthetic})
	second.must(protocol.TypeWatch, protocol.Watch{Images: []int{0}})
	reply := second.importFile(file, 7, map[string]string{"latent": "3"})
	if reply.Error != "" {
		t.Fatal(reply.Error)
	}
	imported, err := protocol.Decode[protocol.Imported](reply)
	if err != nil {
		t.Fatal(err)
	}
	if imported.Settings != settings(t, nil) || imported.Frame.Status != protocol.StatusPaused || !imported.Same || imported.Kernel != "go" {
		t.Errorf("imported %+v", imported)
	}
	frame := imported.Frame // only the reply contains the history
	if frame.Run != 7 || frame.Epoch != 1 || frame.Batch != 1 || frame.Initial == nil || len(frame.Points) != 5 {
		t.Errorf("frame %+v", frame)
	}
	second.must(protocol.TypePlay, nil)
	_, epochs, curve := second.until(isDone)
	if !slices.Equal(epochs, history) || !slices.Equal(curve, points) {
		t.Errorf("history %+v with curve %v, want %+v with %v", epochs, curve, history, points)
	}
	if got := second.export("checkpoint"); !bytes.Equal(got, want) {
		t.Error("the resumed run ends with another checkpoint")
	}
	if reply := second.do(protocol.TypePlay, nil); !strings.Contains(reply.Error, "the run is done after 2 epochs") {
		t.Errorf("playing a finished run: %q", reply.Error)
	}
}

// Weights without a run become the start of one. An invalid file changes nothing.
func TestImportWeights(t *testing.T) {
	p := newPage(t)
	p.start(nil)
	p.must(protocol.TypeStep, nil)
	image := data.Synthetic(10, 1, 9).Validation.Images
	reconstruct := func() []byte {
		return body[protocol.Pictures](t, p.must(protocol.TypeReconstruct, picture(image))).Pixels
	}
	want := reconstruct()
	code := body[protocol.Codes](t, p.must(protocol.TypeEncode, picture(image)))
	if decoded := body[protocol.Pictures](t, p.must(protocol.TypeDecode, code)); !bytes.Equal(decoded.Pixels, want) {
		t.Error("decoding the code of an image is not its reconstruction")
	}
	for _, format := range exchange.Formats {
		file := p.export(format.Name)
		if reply := p.importFile(file[:len(file)-9], 2, nil); reply.Error == "" {
			t.Errorf("half a %s file is accepted", format.Name)
		}
		if got := reconstruct(); !bytes.Equal(got, want) {
			t.Errorf("after half a %s file, the model is another", format.Name)
		}
		p.must(protocol.TypeConfigure, protocol.Configure{Run: 3, Settings: settings(t, map[string]string{"seed": "5"})})
		reply := p.importFile(file, 4, nil)
		if reply.Error != "" {
			t.Fatal(reply.Error)
		}
		if got := reconstruct(); !bytes.Equal(got, want) {
			t.Errorf("the model from a %s file is another", format.Name)
		}
		imported, err := protocol.Decode[protocol.Imported](reply)
		if err != nil {
			t.Fatal(err)
		}
		if whole := format.Name == "checkpoint"; whole != (imported.Frame.Status == protocol.StatusPaused) {
			t.Errorf("%s: status %q", format.Name, imported.Frame.Status)
		}
	}
	p.must(protocol.TypeStep, nil)
	large := map[string]string{"batch": "200"}
	p.must(protocol.TypeConfigure, protocol.Configure{Run: 5, Settings: settings(t, large)})
	file := p.export("checkpoint")
	c, err := fit.ReadCheckpoint(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	c.Data.Train, c.Settings.Batch = 5000, 300
	var other bytes.Buffer
	if err := c.Write(&other); err != nil {
		t.Fatal(err)
	}
	if reply := p.importFile(other.Bytes(), 6, nil); !strings.Contains(reply.Error, `batch "300": want at most the 200 training images in use`) {
		t.Errorf("a run with too large a batch: %q", reply.Error)
	}
}

func TestPCA(t *testing.T) {
	p := newPage(t)
	p.start(nil)
	var last baseline.Quality
	for _, k := range []int{4, 16} {
		reply := p.must(protocol.TypePCA, protocol.PCA{K: k, Images: 200})
		var quality baseline.Quality
		if err := json.Unmarshal(reply.Body, &quality); err != nil {
			t.Fatal(err)
		}
		if quality.MSE <= 0 || quality.BCE <= 0 || last.MSE > 0 && (quality.MSE >= last.MSE || quality.BCE >= last.BCE) {
			t.Errorf("%d components: %+v, fewer %+v", k, quality, last)
		}
		last = quality
	}
	// The curve has the same components as a single number of them.
	reply := p.must(protocol.TypePCACurve, protocol.PCA{K: 16, Images: 200})
	var curve []baseline.Components
	if err := json.Unmarshal(reply.Body, &curve); err != nil {
		t.Fatal(err)
	}
	if len(curve) != 5 || curve[0].K != 1 || curve[4] != (baseline.Components{K: 16, Quality: last}) {
		t.Errorf("curve %+v, want 1, 2, 4, 8 and 16 components, the last with %+v", curve, last)
	}
	for i, point := range curve[1:] {
		if point.MSE >= curve[i].MSE {
			t.Errorf("%d components have an MSE of %g, %d have %g", point.K, point.MSE, curve[i].K, curve[i].MSE)
		}
	}
}

// anyFile opens any file as the data set.
type anyFile struct{ *storage }

func (s anyFile) Open(protocol.Load, any, func(protocol.Loading) error) (Opened, error) {
	return Opened{Dataset: s.set}, nil
}

// A file cannot change locked settings: neither a model with other settings nor a data set
// with too few images for them.
func TestFilesUnderLock(t *testing.T) {
	p := newPlatformPage(t, func(platform *Platform) {
		platform.Storage = anyFile{newStorage()}
	})
	p.start(map[string]string{"latent": "8"})
	p.must(protocol.TypeStep, nil)
	open := func(format string, changes map[string]string, locked ...string) string {
		m := protocol.New(protocol.TypeImport, protocol.Import{Run: 2, Settings: settings(t, changes), Locked: locked})
		m.File = p.export(format)
		return p.await(p.send(m)).Error
	}
	for _, format := range exchange.Formats {
		if got := open(format.Name, map[string]string{"latent": "4"}, "latent"); !strings.Contains(got, `latent "8": want 4, which is locked`) {
			t.Errorf("%s with another latent size than the one that is locked: %q", format.Name, got)
		}
		if got := open(format.Name, map[string]string{"latent": "4", "seed": "9"}, "batch"); got != "" {
			t.Errorf("%s that changes nothing that is locked: %s", format.Name, got)
		}
	}
	if reply := p.do(protocol.TypeLoad, protocol.Load{Source: protocol.SourceFile, Name: "few.bin", Least: 201}); !strings.Contains(reply.Error, "few.bin: has 200 training images: want at least 201") {
		t.Errorf("a data set that is too small: %q", reply.Error)
	}
	p.must(protocol.TypeStep, nil) // the run is still there
	p.must(protocol.TypeLoad, protocol.Load{Source: protocol.SourceFile, Least: 200})
}
