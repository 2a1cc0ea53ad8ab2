package exchange

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sae/data"
	"sae/nn/experiment"
	"sae/nn/fit"
)

const dims = 12

func read(file []byte, settings experiment.Settings, inputDims int) (*fit.Checkpoint, error) {
	return Read(bytes.NewReader(file), int64(len(file)), settings, inputDims)
}

func settings(t testing.TB, changes map[string]string) experiment.Settings {
	t.Helper()
	all := map[string]string{"hidden": "9,7", "latent": "4", "batch": "5", "epochs": "2"}
	if changes["experiment"] == "5" {
		all["hidden"] = ""
	}
	for name, value := range changes {
		all[name] = value
	}
	s, err := experiment.Default().With(all)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkpoint returns the checkpoint of a trained model.
func checkpoint(t testing.TB, changes map[string]string) *fit.Checkpoint {
	t.Helper()
	images := make([]byte, 20*dims)
	for i := range images {
		images[i] = byte(i * i * 31 >> 3)
	}
	run, err := fit.New(settings(t, changes), fit.NewData("noise", dims, images, images), nil)
	if err != nil {
		t.Fatal(err)
	}
	for !run.Done() {
		if run.Due() {
			_, _, err = run.Evaluate()
		} else {
			_, err = run.Step(1)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := run.Checkpoint("go")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func export(t testing.TB, name string, c *fit.Checkpoint) []byte {
	t.Helper()
	format, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := format.Write(&file, c); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// Export and import preserve parameters, bit for bit, and settings in every format.
func TestThereAndBack(t *testing.T) {
	other, err := experiment.Preset(1) // the file's settings must replace these
	if err != nil {
		t.Fatal(err)
	}
	for _, changes := range []map[string]string{
		{"experiment": "1"},
		{"lambda": "1e-3", "hidden": ""},
		{"experiment": "3", "hidden": "3"}, // narrower than the latent layer
		{"experiment": "4", "hidden": "9,7", "init": "he"},
		{"experiment": "5", "k": "2"},
		{"loss": "mse", "unit": "true", "hidden": "5"},
	} {
		c := checkpoint(t, changes)
		for _, format := range Formats {
			if format.Name == "tfjs" && c.Settings.K > 0 {
				continue // see TestRefusals
			}
			got, err := read(export(t, format.Name, c), other, dims)
			if err != nil {
				t.Errorf("%s of %v: %v", format.Name, changes, err)
				continue
			}
			if got.Settings != c.Settings || !slices.Equal(got.Parameters, c.Parameters) {
				t.Errorf("%s of %v: settings %+v, want %+v, or other parameters", format.Name, changes, got.Settings, c.Settings)
			}
			if whole := format.Name == "checkpoint"; whole != (len(got.History) == 2) || whole != (got.Moments1 != nil) {
				t.Errorf("%s of %v: history of %d epochs, %d moments", format.Name, changes, len(got.History), len(got.Moments1))
			}
		}
	}
	if _, err := Lookup("h5"); err == nil || !strings.Contains(err.Error(), `format "h5": want one of ["checkpoint" "npz" "safetensors" "onnx" "tfjs"]`) {
		t.Errorf("unknown format: %v", err)
	}
}

// patches returns the checkpoint of a model of patches before its first step.
func patches(t testing.TB, changes map[string]string) *fit.Checkpoint {
	t.Helper()
	s, err := experiment.Default().With(changes)
	if err != nil {
		t.Fatal(err)
	}
	set := data.Synthetic(20, 2, 1)
	run, err := fit.New(s, fit.NewData(set.Name, data.ImageSize, set.Train.Images, set.Validation.Images), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := run.Evaluate(); err != nil {
		t.Fatal(err)
	}
	c, err := run.Checkpoint("go")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var (
	onPatches  = map[string]string{"patch": "8", "hidden": "9"}
	onWhitened = map[string]string{"experiment": "6", "latent": "9"}
)

// Models of patches go there and back with their width and their whitening, also from files
// without settings.
func TestPatches(t *testing.T) {
	for _, changes := range []map[string]string{onPatches, onWhitened} {
		c := patches(t, changes)
		for _, format := range Formats {
			if c.Settings.Whiten && format.Name == "tfjs" {
				continue // see TestRefusals
			}
			file := export(t, format.Name, c)
			bare := file
			switch format.Name {
			case "onnx":
				bare = member(t, file, "auto.onnx")
			case "npz":
				bare = bytes.Replace(file, []byte(`{"experiment"`), []byte(` "experiment"`), 1)
			case "safetensors":
				bare = bytes.Replace(file, []byte(`"settings":"{`), []byte(`"settings":" `), 1)
			}
			like := experiment.Default()
			like.Init = experiment.PCA // of whole images
			for i, file := range [][]byte{file, bare} {
				got, err := read(file, like, data.ImageSize)
				if err != nil {
					t.Errorf("%s of %v: %v", format.Name, changes, err)
					continue
				}
				if i == 0 && got.Settings != c.Settings {
					t.Errorf("%s of %v: settings %+v, want %+v", format.Name, changes, got.Settings, c.Settings)
				}
				if got.Settings.Patch != 8 || got.Settings.Whiten != c.Settings.Whiten || !slices.Equal(got.Parameters, c.Parameters) || got.InputDims != data.ImageSize {
					t.Errorf("%s of %v: settings %+v, or other parameters", format.Name, changes, got.Settings)
				}
				if want, got := c.Whitening, got.Whitening; want != nil && !(slices.Equal(got.Mean, want.Mean) && slices.Equal(got.Matrix, want.Matrix) && slices.Equal(got.Inverse, want.Inverse)) {
					t.Errorf("%s of %v: another whitening", format.Name, changes)
				}
			}
		}
	}
}

// member returns a file of an archive.
func member(t testing.TB, archive []byte, name string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// zipped makes an archive of files: name, content, name, content, ….
func zipped(t testing.TB, comment string, files ...any) []byte {
	t.Helper()
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	if err := z.SetComment(comment); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i].(string)) // compressed
		if err != nil {
			t.Fatal(err)
		}
		switch content := files[i+1].(type) {
		case []byte:
			w.Write(content)
		case string:
			w.Write([]byte(content))
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func ramp(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(math.Sin(float64(i) * 1e3))
	}
	return values
}

// npy64 is npy with float64, NumPy's default.
func npy64(values []float32, shape ...int) []byte {
	file := bytes.Replace(npy(values, shape...), []byte("<f4"), []byte("<f8"), 1)
	file = file[:len(file)-4*len(values)]
	for _, x := range values {
		file = binary.LittleEndian.AppendUint64(file, math.Float64bits(float64(x)))
	}
	return file
}

// Weights saved by np.savez, without names or settings, become a model of the given
// settings with the archive's layers.
func TestForeignWeights(t *testing.T) {
	file := zipped(t, "", "arr_0.npy", npy64(ramp(dims*6), dims, 6), "arr_1.npy", npy64(ramp(6), 6),
		"arr_2.npy", npy(ramp(6*3), 6, 3), "arr_3.npy", npy(ramp(3), 3),
		"arr_4.npy", npy(ramp(3*6), 3, 6), "arr_5.npy", npy(ramp(6), 6),
		"arr_6.npy", npy(ramp(6*dims), 6, dims), "arr_7.npy", npy(ramp(dims), dims))
	c, err := read(file, settings(t, map[string]string{"lambda": "1e-3"}), dims)
	if err != nil {
		t.Fatal(err)
	}
	s := c.Settings
	if s.Hidden != "6" || s.Latent != 3 || !s.Mirrored || s.Experiment != 3 || s.Lambda != 1e-3 || s.Batch != 5 {
		t.Errorf("settings %+v", s)
	}
	if len(c.Parameters) != s.Architecture(dims).Parameters() || c.Parameters[1] != ramp(2)[1] {
		t.Errorf("%d parameters from %v", len(c.Parameters), c.Parameters[:2])
	}
}

func manyTensors(n int) (tensors []message) {
	for i := range n {
		tensors = append(tensors, onnxTensor(fmt.Sprint(i), nil))
	}
	return tensors
}

func TestBadArchives(t *testing.T) {
	c := checkpoint(t, nil)
	comment, err := json.Marshal(c.Settings)
	if err != nil {
		t.Fatal(err)
	}
	kernel, bias := npy(ramp(dims*3), dims, 3), npy(ramp(3), 3)
	out, last := npy(ramp(3*dims), 3, dims), npy(ramp(dims), dims)
	layers := func(change int, file any) []byte {
		files := []any{"a.npy", kernel, "b.npy", bias, "c.npy", out, "d.npy", last}
		files[2*change+1] = file
		return zipped(t, "", files...)
	}
	nan := ramp(3)
	nan[1] = float32(math.NaN())
	for _, test := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "neither a checkpoint nor an archive"},
		{"picture", []byte("\x89PNG"), "neither a checkpoint nor an archive"},
		{"no archive", []byte("PK and so on"), "import: archive: zip: not a valid zip file"},
		{"other files", zipped(t, "", "x.txt", "x"), "no model.json, .onnx or .npy files"},
		{"few arrays", zipped(t, "", "a.npy", kernel, "b.npy", bias), "2 arrays: want a kernel and a bias for each of at least two layers"},
		{"kernel of other width", layers(2, npy(ramp(2*dims), 2, dims)), "c of shape [2 12]: want a kernel of [3, units]"},
		{"bias of other width", layers(1, npy(ramp(2), 2)), "b of shape [2]: want a bias of [3]"},
		{"bias for a kernel", layers(0, bias), "a of shape [3]: want a kernel of [12, units]"},
		{"not finite", layers(1, npy(nan, 3)), "parameter 37 is NaN: want a finite number"},
		{"other output", zipped(t, "", "a.npy", kernel, "b.npy", bias, "c.npy", npy(ramp(6), 3, 2), "d.npy", npy(ramp(2), 2)), "the last layer has 2 units: want 12"},
		{"hostile shape", layers(0, bytes.Replace(kernel, []byte("(12, 3)"), []byte("(99999999999, 99999999999)"), 1)), "shape [99999999999 99999999999] with 40 numbers"},
		{"no shape", layers(0, bytes.Replace(kernel, []byte("shape"), []byte("shade"), 1)), "header without descr or shape"},
		{"whole numbers", layers(0, bytes.Replace(kernel, []byte("<f4"), []byte("<i4"), 1)), `numbers of type "<i4"`},
		{"other width in Fortran's order", layers(0, bytes.Replace(npy(ramp(dims*3), 3, dims), []byte("False"), []byte("True "), 1)), "a of shape [3 12]: want a kernel of [12, units]"},
		{"no npy", layers(0, "abc"), "want .npy version 1.0"},
		{"short npy", layers(0, kernel[:12]), "truncated in its header"},
		{"settings of another model", zipped(t, string(comment), "a.npy", kernel, "b.npy", bias, "c.npy", out, "d.npy", last), "the settings in the file say [12 9 7 4 12]"},
		{"bad settings", zipped(t, `{"latent": 0}`, "a.npy", kernel, "b.npy", bias, "c.npy", out, "d.npy", last), "settings in the file"},
		{"no JSON", zipped(t, "", "model.json", "{"), "model.json: unexpected end"},
		{"no weights", zipped(t, "", "model.json", `{"weightsManifest": [{"paths": ["w.bin"]}]}`), "the archive has no w.bin"},
		{"hostile weights", zipped(t, "", "model.json", `{"weightsManifest": [{"paths": ["w.bin"], "weights": [{"name": "k", "shape": [1000000000, 4], "dtype": "float32"}]}]}`, "w.bin", "1234"), "k of shape [1000000000 4]: want 16000000000 bytes, but [w.bin] has 4 left"},
		{"half the weights", zipped(t, "", "model.json", `{"weightsManifest": [{"paths": ["w.bin"], "weights": [{"name": "k", "shape": [1], "dtype": "float16"}]}]}`, "w.bin", "12"), `k of type "float16"`},
		{"no ONNX", zipped(t, "", "auto.onnx", "abc"), "import: auto.onnx: "},
		{"many weights", zipped(t, "", "model.json", `{"modelTopology": {"class_name": "Sequential", "config": {}}, "weightsManifest": [{"weights": [`+strings.Repeat("{},", 21000)+`{}]}]}`), "of type"},
		{"many layers", zipped(t, "", "model.json", `{"modelTopology": {"class_name": "Sequential", "config": {"layers": [`+strings.Repeat("{},", 21000)+`{}]}}}`), "of class"},
		{"many nodes", zipped(t, "", "auto.onnx", onnxFile(13, "y", slices.Repeat([]message{{}}, 1<<18), nil)), "more than 1000 nodes"},
		{"many initializers", zipped(t, "", "auto.onnx", onnxFile(13, "y", nil, manyTensors(1<<15))), "more than 1000 nodes, tensors"},
		{"many dimensions", zipped(t, "", "auto.onnx", onnxFile(13, "y", []message{onnxNode("Gemm", "", "y", "input.1", "w")}, []message{onnxTensor("w", nil, make([]int, 1<<18)...)})), "more than 16 dimensions"},
		{"a bomb", zipped(t, "", "auto.onnx", make([]byte, 64<<20)), "unpacks to more than 8 times its size"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := read(test.file, experiment.Default(), dims)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > uint64(readBound(len(test.file))) {
			t.Errorf("%s: %d bytes allocated for a file of %d", test.name, allocated, len(test.file))
		}
	}
	for _, format := range Formats {
		good := export(t, format.Name, c)
		for n := 0; n < len(good); n += 1 + len(good)/50 {
			if _, err := read(good[:n], experiment.Default(), dims); err == nil {
				t.Errorf("%s cut off after %d of %d bytes is accepted", format.Name, n, len(good))
			}
		}
		if _, err := read(good, experiment.Default(), dims+3); err == nil || !strings.Contains(err.Error(), "15") {
			t.Errorf("%s for images of another size: %v", format.Name, err)
		}
	}
}

// The Go program compiles, and its history agrees with the run's, bit for bit.
func TestGo(t *testing.T) {
	if testing.Short() || runtime.GOOS == "js" {
		t.Skip("needs the go command")
	}
	set := data.Synthetic(200, 50, 1)
	folder, err := os.MkdirTemp(".", "autoencoder") // in the module
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	compact := filepath.Join(folder, "set.sae")
	var file bytes.Buffer
	if err := set.Write(&file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(compact, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", compact} {
		s, err := experiment.Default().With(map[string]string{"mirrored": "true", "hidden": "8", "latent": "3", "epochs": "2", "decay": "0.9", "workers": "2"})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "main.go"), []byte(Go(s, path, 200, 50)), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := exec.Command("go", "run", "./"+folder).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, got, Go(s, path, 200, 50))
		}
		run, err := fit.New(s, fit.NewData(set.Name, data.ImageSize, set.Train.Images, set.Validation.Images), nil)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintln(run.Auto.Architecture.Summary())
		for !run.Done() {
			if !run.Due() {
				_, err = run.Step(1)
			} else {
				_, epoch, failure := run.Evaluate()
				if err = failure; epoch != nil {
					want += fmt.Sprintf("epoch %d: loss %.6f, val_loss %.6f, MSE %.6f, %.1f units active, %d dead\n",
						epoch.Epoch, epoch.Loss, epoch.ValLoss, epoch.ValMSE, epoch.Active, epoch.Dead)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if string(got) != want {
			t.Errorf("the program prints\n%s\nwant\n%s", got, want)
		}
		if formatted, err := exec.Command("gofmt", "-l", folder).CombinedOutput(); err != nil || len(formatted) > 0 {
			t.Errorf("the program is not formatted: %s %v", formatted, err)
		}
	}
}

// A format or program that cannot hold a model names the setting that it lacks.
func TestRefusals(t *testing.T) {
	format, err := Lookup("tfjs")
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]*fit.Checkpoint{
		"sparsity topk: want l1 for TensorFlow.js":  checkpoint(t, map[string]string{"experiment": "5", "k": "2"}),
		"whiten true: want false for TensorFlow.js": patches(t, map[string]string{"experiment": "6", "latent": "9", "aux": "0", "sparsity": "l1"}),
	} {
		if err := format.Write(io.Discard, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	for name, changes := range map[string]map[string]string{
		"aux 8: want 0":           {"experiment": "5"},
		"whiten true: want false": {"experiment": "6", "aux": "0"},
		"init tied: want another": {"experiment": "5", "aux": "0"},
	} {
		s, err := experiment.Default().With(changes)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Keras(s, 5000, 1000); err == nil || !strings.Contains(err.Error(), "program in Keras: "+name) {
			t.Errorf("%v in Keras: %v, want %q", changes, err, name)
		}
	}
}

// The programs in Python compile, with the settings that they have in them.
func TestPrograms(t *testing.T) {
	var all [][2]string // program and something in it
	for number := 1; number <= 6; number++ {
		s, err := experiment.Preset(number)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, [2]string{PyTorch(s, 5000, 1000), fmt.Sprintf("Experiment %d (%s)", number, experiment.Names[number])}, [2]string{PyTorch(s, 5000, 1000), "[:5000]"})
		script, err := Keras(s, 5000, 1000)
		if err != nil && number < 5 {
			t.Fatal(err)
		}
		for _, want := range []string{"LATENT = 64\n", "LAMBTHA = " + experiment.FormatLambda(s.Lambda) + "\n", "x_train[:5000]", `"` + s.Activation + `", "latent"`, "tf.distribute.MirroredStrategy()"} {
			if err == nil {
				all = append(all, [2]string{script, want})
			}
		}
	}
	for want, changes := range map[string]map[string]string{
		"topk, \"latent\"":                {"sparsity": "topk", "k": "3"},
		"UnitNorm(axis=1)":                {"unit": "true"},
		"\"mean_squared_error\")":         {"loss": "mse"},
		"rate = WarmUp(rate)":             {"warmup": "9", "decay": "0.9"},
		"rows(x_val[:1000])":              {"patch": "8"},
		"slope, middle = 1, mean":         {"init": "pca", "loss": "mse"},
		"kernel_initializer=\"he_uniform": {"init": "he"},
	} {
		script, err := Keras(settings(t, changes), 5000, 1000)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, [2]string{script, want})
	}
	for _, test := range all {
		if !strings.Contains(test[0], test[1]) || strings.Contains(test[0], "$") || strings.Contains(test[0], "#if") {
			t.Errorf("no %q, or a gap, in\n%s", test[1], test[0])
		}
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("no python3: the programs are not compiled")
		return
	}
	folder := t.TempDir()
	for i, test := range all {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("program%d.py", i)), []byte(test[0]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if output, err := exec.Command(python, "-m", "compileall", "-q", folder).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
