package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"sae/data"
	"sae/nn/experiment"
	"sae/nn/fit"
)

// exported returns the file of sae.export in a format.
func exported(p *page, format string) []byte {
	p.tb.Helper()
	text := evaluate[string](p, fmt.Sprintf(`sae.export(%q).then((buffer) => new Promise((done) => {
		const reader = new FileReader();
		reader.onload = () => done(reader.result.split(",")[1]);
		reader.readAsDataURL(new Blob([buffer]));
	}))`, format))
	file, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		p.tb.Fatal(err)
	}
	return file
}

// unpack writes the files of an archive, and the image, to a folder.
func unpack(t *testing.T, archive []byte, image []float64) (folder string) {
	t.Helper()
	folder = t.TempDir()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		write(f.Name, content)
	}
	text, err := json.Marshal(image)
	if err != nil {
		t.Fatal(err)
	}
	write("image.json", text)
	return folder
}

// outputs are the results of another program for an image.
type outputs struct{ Code, Decoded, Reconstruction, Losses []float64 }

func runNode(t *testing.T, script, folder string) (result outputs) {
	t.Helper()
	command := exec.Command("node", filepath.Join("testdata", script), folder)
	var stderr strings.Builder
	command.Stderr = &stderr
	text, err := command.Output()
	if err == nil {
		lines := bytes.Split(bytes.TrimSpace(text), []byte("\n")) // TensorFlow.js prints a greeting first
		err = json.Unmarshal(lines[len(lines)-1], &result)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s\n%s", script, err, text, stderr.String())
	}
	return result
}

func largestDifference(t *testing.T, got, want []float64) (largest float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d numbers, want %d", len(got), len(want))
	}
	for i := range got {
		largest = max(largest, math.Abs(got[i]-want[i]))
	}
	return largest
}

// A model that was trained in the page has the same outputs in ONNX Runtime and in
// TensorFlow.js, which can continue training it.
func TestOtherProgramsAgree(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	for _, changes := range []string{
		`{experiment: 3, hidden: "64,32", latent: 16, epochs: 2, lambda: 1e-5}`,
		`{experiment: 4, hidden: "64", latent: 16, epochs: 1}`,
	} {
		evaluate[chromedp.Void](p, fmt.Sprintf(`sae.set(%s).then(() => sae.play())`, changes))
		waitFor[bool](p, `sae.state().status === "done"`)
		evaluate[chromedp.Void](p, `window.image = Uint8Array.from({length: 3072}, (_, i) => 128 + 90 * Math.sin(i / 400) + 30 * Math.cos(i / 7)); 0`)
		image := evaluate[[]float64](p, `Array.from(image, (value) => value / 255)`)
		code := evaluate[[]float64](p, `sae.encode(image).then((code) => Array.from(code))`)
		reconstruction := evaluate[[]float64](p, `sae.reconstruct(image).then((image) => Array.from(image, (value) => value / 255))`)
		decoded := evaluate[[]float64](p, `sae.encode(image).then(sae.decode).then((image) => Array.from(image, (value) => value / 255))`)
		if len(code) != 16 || largestDifference(t, decoded, reconstruction) > 0 {
			t.Errorf("%s: a code of %d, or decoding it is not reconstructing", changes, len(code))
		}
		want := precise(t, exported(p, "checkpoint"), image)
		if d := largestDifference(t, reconstruction, want.Reconstruction); d > 0.5/255+1e-4 {
			t.Errorf("%s: the page's reconstruction differs from the checkpoint's by %g", changes, d)
		}
		for format, script := range map[string]string{"onnx": "onnx.mjs", "tfjs": "tfjs.mjs"} {
			got := runNode(t, script, unpack(t, exported(p, format), image))
			differences := []float64{
				largestDifference(t, got.Code, want.Code),
				largestDifference(t, got.Decoded, want.Reconstruction),
				largestDifference(t, got.Reconstruction, want.Reconstruction),
			}
			t.Logf("%s of %s: largest differences %.1e", format, changes, differences)
			for _, d := range differences[1:] {
				if d > 1e-4 {
					t.Errorf("%s: reconstructions differ by %g, want at most 1e-4", format, d)
				}
			}
			if d := differences[0]; d > 1e-3 { // codes are larger than 1
				t.Errorf("%s: codes differ by %g", format, d)
			}
			if format == "tfjs" {
				if n := len(got.Losses); n != 5 || got.Losses[4] >= got.Losses[0] {
					t.Errorf("TensorFlow.js continues with losses %v, want five that fall", got.Losses)
				}
			}
		}
	}
}

// Models with TopK, of whole pictures and of whitened patches, have the same outputs in ONNX
// Runtime, and the page opens their files again. TensorFlow.js is refused with the reason.
func TestSparseModelsElsewhere(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	for _, changes := range []string{
		`{experiment: 5, latent: 64, k: 8, epochs: 1, subset: 512}`,
		`{experiment: 6, latent: 64, epochs: 1, subset: 256}`,
	} {
		evaluate[chromedp.Void](p, fmt.Sprintf(`sae.set(%s).then(() => sae.play())`, changes))
		waitFor[bool](p, `sae.state().status === "done"`)
		patches := evaluate[bool](p, `sae.state().settings.patch > 0`)
		// A picture whose 16 patches are all the same.
		evaluate[chromedp.Void](p, `window.image = Uint8Array.from({length: 3072}, (_, i) => 128 + 90 * Math.sin((i / 3 & 7) / 3) + 30 * Math.cos((i / 96 & 7) + i % 3)); 0`)
		const patch = `.filter((_, i) => i % 96 < 24 && i < 8 * 96)`
		const scaled = `((image) => Array.from(image, (value) => value / 255))`
		cut := ""
		if patches {
			cut = patch
		}
		image := evaluate[[]float64](p, `Array.from(image, (value) => value / 255)`+cut)
		code := evaluate[[]float64](p, `sae.encode(image).then((code) => Array.from(code))`)
		want := evaluate[[]float64](p, `sae.reconstruct(image).then(`+scaled+`).then((image) => image`+cut+`)`)
		archive := exported(p, "onnx")
		got := runNode(t, "onnx.mjs", unpack(t, archive, image))
		mean := 0.0
		for i, value := range image {
			if mean += value / float64(len(image)); patches {
				continue
			}
			if got.Decoded[i] != got.Reconstruction[i] {
				t.Fatalf("%s: the decoder's value %d differs from the autoencoder's", changes, i)
			}
		}
		active := 0
		for i := range got.Reconstruction {
			if d := got.Decoded[i] + mean - got.Reconstruction[i]; patches && math.Abs(d) > 1e-5 {
				t.Fatalf("%s: with the patch's mean, the decoder's value %d differs by %g", changes, i, d)
			}
			got.Reconstruction[i] = min(max(got.Reconstruction[i], 0), 1) // as pictures are
		}
		for _, activation := range got.Code {
			if activation != 0 {
				active++
			}
		}
		if d := largestDifference(t, got.Code, code); d > 1e-3 || active == 0 || active > 8 {
			t.Errorf("%s: codes of %d active units differ by %g", changes, active, d)
		}
		if d := largestDifference(t, got.Reconstruction, want); d > 0.5/255+1e-4 {
			t.Errorf("%s: reconstructions differ by %g", changes, d)
		}

		whole := evaluate[string](p, `sae.reconstruct(image).then(String)`)
		settings := evaluate[experiment.Settings](p, `sae.state().settings`)
		for _, format := range []string{"onnx", "safetensors", "npz"} {
			evaluate[chromedp.Void](p, fmt.Sprintf(`sae.export(%q).then((buffer) => { window.kept = buffer; })`, format))
			evaluate[chromedp.Void](p, `sae.set({experiment: 1, hidden: "16", latent: 4})`)
			evaluate[chromedp.Void](p, `sae.import(kept)`)
			if again := evaluate[experiment.Settings](p, `sae.state().settings`); again != settings {
				t.Errorf("%s of %s: settings %+v, want %+v", format, changes, again, settings)
			}
			if again := evaluate[string](p, `sae.reconstruct(image).then(String)`); again != whole {
				t.Errorf("%s of %s: another reconstruction", format, changes)
			}
		}
		if got := rejection(p, `sae.export("tfjs")`); !strings.Contains(got, "export: sparsity topk: want l1 for TensorFlow.js") {
			t.Errorf("TensorFlow.js of %s: %q", changes, got)
		}
	}
}

// precise runs an image through the model of a checkpoint, in native Go.
func precise(t *testing.T, checkpoint []byte, image []float64) (result outputs) {
	t.Helper()
	c, err := fit.ReadCheckpoint(bytes.NewReader(checkpoint))
	if err != nil {
		t.Fatal(err)
	}
	auto, err := c.Autoencoder()
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, len(image))
	for i, value := range image {
		x[i] = float32(value)
	}
	code := auto.Encode(nil, x)
	for _, value := range code {
		result.Code = append(result.Code, float64(value))
	}
	for _, value := range auto.Decode(nil, code) {
		result.Reconstruction = append(result.Reconstruction, float64(value))
	}
	return result
}

// A run continues from its checkpoint on another visit, bit for bit, with any team. The
// same seed gives the same history.
func TestCheckpointGoesOn(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	const history = `JSON.stringify(sae.state().history)`
	evaluate[chromedp.Void](p, `sae.set({experiment: 2, hidden: "32", latent: 8, epochs: 3, workers: 1})`)
	evaluate[chromedp.Void](p, `sae.play()`)
	waitFor[bool](p, `sae.state().status === "done"`)
	whole := evaluate[string](p, history)
	weights := exported(p, "npz")
	evaluate[chromedp.Void](p, `sae.reset().then(() => sae.play())`)
	waitFor[bool](p, `sae.state().status === "done"`)
	if again := evaluate[string](p, history); again != whole {
		t.Errorf("the same seed gives the history %s, want %s", again, whole)
	}

	evaluate[chromedp.Void](p, `sae.reset().then(() => sae.set({workers: 2}))`)
	for range 20 {
		evaluate[chromedp.Void](p, `sae.step()`)
	}
	evaluate[chromedp.Void](p, `sae.export("checkpoint").then((buffer) => { window.kept = buffer; })`)
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 4, seed: 9, workers: 1}).then(() => sae.step())`)
	evaluate[chromedp.Void](p, `sae.import(kept)`)
	waitFor[bool](p, `sae.state().epoch === 1 && sae.state().batch === 4 && sae.state().history.length === 1`)
	if s := evaluate[experiment.Settings](p, `sae.state().settings`); s.Latent != 8 || s.Hidden != "32" || s.Seed != 1 {
		t.Errorf("settings %+v after the import", s)
	}
	evaluate[chromedp.Void](p, `sae.play()`)
	waitFor[bool](p, `sae.state().status === "done"`)
	if resumed := evaluate[string](p, history); resumed != whole {
		t.Errorf("resumed, the history is %s, want %s", resumed, whole)
	}
	if !bytes.Equal(exported(p, "npz"), weights) {
		t.Error("resumed, the weights differ")
	}

	for call, want := range map[string]string{
		`sae.import("x")`:                 "import: want an ArrayBuffer or a Blob",
		`sae.import(new ArrayBuffer(9))`:  "neither a checkpoint nor an archive",
		`sae.import(kept.slice(0, 5000))`: "checkpoint: the file ends early",
		`sae.export("h5")`:                `export: format "h5": want one of`,
		`sae.encode([1])`:                 "encode: not a Uint8Array: want a Uint8Array of 3072 bytes",
		`sae.decode([1])`:                 "decode: want a Float32Array of 8 activations",
	} {
		if got := rejection(p, call); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", call, got, want)
		}
	}
	if summary := evaluate[[]struct{ Name string }](p, `sae.summary()`); len(summary) != 4 || summary[2].Name != "latent" {
		t.Errorf("summary %v", summary)
	}
}

// The Model panel exports by a click and opens the file again. Other files are rejected
// with a notice.
func TestModelFiles(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 4, epochs: 1}).then(() => sae.step())`)
	evaluate[chromedp.Void](p, catchFiles)
	p.at("model")
	p.do(chromedp.Click(`#model .buttons button:nth-child(2)`))
	parameters := 16*(data.ImageSize+1) + 4*17 + data.ImageSize*5
	if got := waitFor[[]any](p, `window.saved && [saved.name, saved.size]`); got[0] != "sae-2-4-epoch0.npz" || got[1].(float64) < float64(4*parameters) {
		t.Errorf("saved %v, want a file of more than %d bytes", got, 4*parameters)
	}
	file := filepath.Join(t.TempDir(), "model.npz")
	if err := os.WriteFile(file, exported(p, "npz"), 0o644); err != nil {
		t.Fatal(err)
	}
	evaluate[chromedp.Void](p, `sae.set({latent: 5})`)
	p.setFiles("#model-file", file)
	waitFor[bool](p, `sae.state().settings.latent === 4 && sae.state().status === "idle"`)
	bad := filepath.Join(t.TempDir(), "bad.saeckpt")
	if err := os.WriteFile(bad, []byte("SAECKPT\nand nothing more"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.setFiles("#model-file", bad)
	waitFor[bool](p, `document.body.innerText.includes("That model could not be used")`)
	p.screenshot("bad-model")
}

// The page recognises a model by its content. Under any name, dropped or chosen as a data
// set, it is read, or rejected with a hint.
func TestModelsUnderAnyName(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 4, epochs: 1}).then(() => sae.step())`)
	folder := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	onnx := exported(p, "onnx")
	bare, err := os.ReadFile(filepath.Join(unpack(t, onnx, nil), "auto.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	before := evaluate[[]float64](p, `sae.reconstruct(new Uint8Array(3072)).then((image) => Array.from(image))`)
	for _, path := range []string{
		file("x.onnx (1).zip", onnx),
		file("model.zip", exported(p, "tfjs")),
		file("WEIGHTS.NPZ", exported(p, "npz")),
		file("data_batch_1.bin", exported(p, "checkpoint")),
		file("net.onnx", bare),
		file("picture.png", bare),
	} {
		for _, input := range []string{"#file", "#model-file"} {
			evaluate[chromedp.Void](p, `sae.set({latent: 5})`)
			p.setFiles(input, path)
			waitFor[bool](p, `sae.state().settings.latent === 4`)
			after := evaluate[[]float64](p, `sae.reconstruct(new Uint8Array(3072)).then((image) => Array.from(image))`)
			if d := largestDifference(t, after, before); d > 0 {
				t.Errorf("%s in %s: reconstructions differ by %g", path, input, d)
			}
		}
	}

	set := state(p).Dataset
	for _, test := range []struct{ path, want string }{
		{file("model.h5", []byte("\x89HDF\r\n\x1a\n\x00\x00")), "HDF5: a model of Keras or TensorFlow: want its weights, as np.savez("},
		{file("model.safetensors", []byte("\x08\x00\x00\x00\x00\x00\x00\x00{\"a\":{}}")), `a: numbers of type "": want F32`},
		{file("kernel.npy", []byte("\x93NUMPY\x01\x00v\x00{")), "one array: want all kernels and biases in an .npz"},
		{file("cut.onnx", bare[:5000]), "import: ONNX: the file is damaged or truncated"},
	} {
		p.setFiles("#file", test.path)
		if text := p.notice(); !strings.Contains(text, "That model could not be used") || !strings.Contains(text, test.want) {
			t.Errorf("%s: notice %q, want %q", test.path, text, test.want)
		}
		p.screenshot("foreign-model")
		p.dismiss()
	}
	evaluate[chromedp.Void](p, fmt.Sprintf(`window.onnx = Uint8Array.from(atob(%q), (c) => c.charCodeAt(0)); 0`, base64.StdEncoding.EncodeToString(bare)))
	for call, want := range map[string]string{
		`sae.loadDataset(new File([onnx], "ship.bin"))`:                             "ship.bin: contains a model: want a data set",
		`sae.loadDataset(onnx.buffer)`:                                              "data set: contains a model: want a data set",
		`sae.import(new Blob(["SAEDATA\n"]))`:                                       "a data set is opened by sae.loadDataset",
		`sae.import(new Blob([new Uint8Array([137, 72, 68, 70, 13, 10, 26, 10])]))`: "HDF5: a model of Keras",
	} {
		if got := rejection(p, call); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", call, got, want)
		}
	}
	evaluate[chromedp.Void](p, `sae.set({latent: 5}).then(() => sae.import(onnx.buffer))`)
	if s := state(p); s.Settings.Latent != 4 || s.Dataset != set {
		t.Errorf("the imported model is %+v", s)
	}
}

// A sweep over λ stores its runs and ends with the λ of the settings. A stored run can be
// restored, and a reset undone.
func TestRuns(t *testing.T) {
	t.Parallel()
	useSite(t, false)
	p := openDemo(t, desktop)
	button := func(label string) {
		evaluate[chromedp.Void](p, fmt.Sprintf(`[...document.querySelectorAll("button")].find((b) => b.innerText === %q || b.ariaLabel === %q).click()`, label, label))
	}
	evaluate[chromedp.Void](p, `sae.set({hidden: "16", latent: 8, epochs: 1, subset: 256, workers: 1})`)
	p.at("compare")
	button("Sweep λ")
	waitFor[bool](p, `document.querySelectorAll("#runs tbody tr").length === 9 && sae.state().status === "done"`)
	if lambda := evaluate[float64](p, `sae.state().settings.lambda`); lambda != experiment.Default().Lambda {
		t.Errorf("λ is %g after the sweep", lambda)
	}
	evaluate[chromedp.Void](p, `document.querySelector("#runs input[type=checkbox]").click()`)
	p.screenshot("runs")
	waitFor[bool](p, `[...document.querySelectorAll("#runs .actions button:first-child")].every((b) => !b.disabled)`)
	loss := evaluate[float64](p, `sae.state().history[0].valLoss`)
	button("Restore Run 1")
	waitFor[bool](p, `sae.state().settings.lambda === 3e-4 && sae.state().status === "done"`)
	button("Restore Run 9")
	waitFor[bool](p, fmt.Sprintf(`sae.state().history[0]?.valLoss === %v`, loss))
	evaluate[chromedp.Void](p, `sae.reset()`)
	waitFor[bool](p, `sae.state().history.length === 0 && !document.querySelector(".toast").hidden`)
	p.screenshot("toast")
	button("Undo")
	waitFor[bool](p, fmt.Sprintf(`sae.state().history[0]?.valLoss === %v`, loss))
	axe(p, "runs")
}
