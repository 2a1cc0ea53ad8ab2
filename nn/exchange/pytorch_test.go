package exchange

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sae/data"
	"sae/nn"
	"sae/nn/experiment"
	"sae/nn/fit"
)

// torch returns a Python that has PyTorch, or skips the test with a line.
func torch(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "js" {
		t.Skip("needs the system's programs")
	}
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import torch").Run() == nil {
			return python
		}
	}
	t.Skip("no PyTorch here: tools/need torch installs it")
	return ""
}

// cifar10 writes the images as cifar-10-binary.tar.gz: five batches, and one for validation.
func cifar10(t *testing.T, folder string, set *data.Dataset) {
	t.Helper()
	var file bytes.Buffer
	z := gzip.NewWriter(&file)
	w := tar.NewWriter(z)
	batch := func(name string, images []byte) {
		var records []byte
		for image := range slices.Chunk(images, data.ImageSize) {
			records = append(records, 0) // the class
			for channel := range 3 {
				for pixel := range data.ImageSize / 3 {
					records = append(records, image[3*pixel+channel])
				}
			}
		}
		if err := w.WriteHeader(&tar.Header{Name: "cifar-10-batches-bin/" + name + ".bin", Mode: 0o644, Size: int64(len(records))}); err != nil {
			t.Fatal(err)
		}
		w.Write(records)
	}
	part := len(set.Train.Images) / 5
	for i := range 5 {
		batch(fmt.Sprintf("data_batch_%d", i+1), set.Train.Images[i*part:][:part])
	}
	batch("test_batch", set.Validation.Images)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, folder, "cifar-10-binary.tar.gz", file.Bytes())
}

func write(t *testing.T, folder, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// In PyTorch, the program reconstructs from exported weights as the page does and, from the
// same start with the same batches, has the same losses, in every experiment. Under torchrun,
// two processes have the losses and the weights of one, though batches are odd and the last
// one leaves nothing for the second process. The page opens what they write.
func TestPyTorch(t *testing.T) {
	python := torch(t)
	set := data.Synthetic(60, 4, 1)
	tests := []struct {
		number  string
		changes map[string]string
		revives bool // whether AuxK has dead units to revive
		folder  string
		run     *fit.Run
		want    []float32 // reconstructions
	}{
		{number: "5", changes: map[string]string{"latent": "64", "k": "3", "batch": "3", "epochs": "7", "subset": "58", "aux": "0.5", "warmup": "20"}, revives: true},
		{number: "1", changes: map[string]string{"hidden": "40,20"}},
		{number: "2", changes: map[string]string{"hidden": "40", "lambda": "1e-3"}},
		{number: "3", changes: map[string]string{"hidden": "40,20", "latent": "8"}},
		{number: "4", changes: map[string]string{"hidden": "60,40", "latent": "16"}},
		{number: "6", changes: map[string]string{"latent": "256", "k": "2", "batch": "19", "epochs": "3", "aux": "0.5"}, revives: true},
		{number: "5", changes: map[string]string{"hidden": "40", "init": "he", "latent": "48", "k": "3", "batch": "3", "epochs": "6"}, revives: true},
		{number: "5", changes: map[string]string{"latent": "20", "sparsity": "l1", "lambda": "1e-4", "loss": "bce"}},
		{number: "6", changes: map[string]string{"whiten": "false", "aux": "0", "loss": "bce", "patch": "16", "init": "glorot", "hidden": "20", "mirrored": "true", "latent": "10", "k": "5"}},
		{number: "5", changes: map[string]string{"latent": "70", "sparsity": "l1", "init": "pca"}},
	}
	arguments := []string{filepath.Join("testdata", "pytorch.py")}
	for i := range tests {
		test := &tests[i]
		all := map[string]string{"experiment": test.number, "epochs": "2", "batch": "17"}
		for name, value := range test.changes {
			all[name] = value
		}
		s, err := experiment.Default().With(all)
		if err != nil {
			t.Fatal(err)
		}
		test.folder = t.TempDir()
		arguments = append(arguments, test.folder)
		cifar10(t, test.folder, set)
		write(t, test.folder, "autoencoder.py", []byte(PyTorch(s, s.TrainingImages(60), 4)))
		run, err := fit.New(s, fit.NewData(set.Name, data.ImageSize, set.Train.Images, set.Validation.Images), nil)
		if err != nil {
			t.Fatal(err)
		}
		test.run = run
		save := func(name string) {
			c, err := run.Checkpoint("go")
			if err != nil {
				t.Fatal(err)
			}
			write(t, test.folder, name, export(t, "safetensors", c))
		}
		save("initial.safetensors")
		var orders [][]int
		for epoch := range s.Epochs {
			orders = append(orders, slices.Concat(slices.Collect(nn.Batches(run.Rows(), s.Batch, uint64(s.Seed), uint64(epoch)))...))
		}
		write(t, test.folder, "order.json", toJSON(t, orders))
		revived := false
		for !run.Done() {
			if run.Due() {
				_, _, err = run.Evaluate()
			} else {
				_, err = run.Step(1)
			}
			if err != nil {
				t.Fatal(err)
			}
			if c, err := run.Checkpoint("go"); err == nil && c.Idle != nil {
				revived = revived || slices.Max(c.Idle) > 101
			}
		}
		if revived != test.revives {
			t.Errorf("%s %v: dead units %t, want %t", test.number, test.changes, revived, test.revives)
		}
		save("final.safetensors")
		_, want, err := run.Reconstruct(set.Validation.Images)
		if err != nil {
			t.Fatal(err)
		}
		test.want = slices.Clone(want)
	}
	output := execute(t, ".", python, arguments...)
	var lines [][]byte
	for line := range bytes.Lines(output) {
		if text, ok := bytes.CutPrefix(line, []byte("JSON")); ok {
			lines = append(lines, text)
		}
	}
	if len(lines) != len(tests) {
		t.Fatalf("%d results: %s", len(lines), output)
	}
	var first []float64
	for i, test := range tests {
		var got struct{ Reconstruction, Losses, Alone []float64 }
		if err := json.Unmarshal(lines[i], &got); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = got.Alone
		}
		if len(got.Reconstruction) != len(test.want) || len(got.Losses) != len(test.run.History) {
			t.Fatalf("%s %v: %d values, losses %v", test.number, test.changes, len(got.Reconstruction), got.Losses)
		}
		largest, loss := 0.0, 0.0
		for i, x := range test.want {
			largest = max(largest, math.Abs(float64(x)-got.Reconstruction[i]))
		}
		for i, epoch := range test.run.History {
			loss = max(loss, math.Abs(epoch.Loss-got.Losses[i]))
		}
		ours := test.run.History[0].Loss
		t.Logf("%s %v: reconstructions differ by %.1e, losses by %.1e; the first is %.4f from its own start, ours %.4f", test.number, test.changes, largest, loss, got.Alone[0], ours)
		if !(largest <= 1e-4) {
			t.Errorf("%s %v: reconstructions differ by %g, want at most 1e-4", test.number, test.changes, largest)
		}
		if !(loss <= 1e-4) {
			t.Errorf("%s %v: losses %v, want %+v", test.number, test.changes, got.Losses, test.run.History)
		}
		if !(math.Abs(got.Alone[0]-ours) < 0.3*ours) {
			t.Errorf("%s %v: from its own start, the loss is %g, ours %g", test.number, test.changes, got.Alone[0], ours)
		}
	}

	folder := tests[0].folder
	// By default, PyTorch 1.13 fails in Python 3.11, in which loops over flags leave out 0.
	output = execute(t, folder, python, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "--redirects=1", "--tee=1", "autoencoder.py")
	printed := regexp.MustCompile(`epoch \d+: loss ([\d.]+), `).FindAllSubmatch(output, -1)
	if len(printed) != len(first) {
		t.Fatalf("torchrun prints %s", output)
	}
	for i, want := range first {
		if got, err := strconv.ParseFloat(string(printed[i][1]), 64); err != nil || !(math.Abs(got-want) <= 1e-4) {
			t.Errorf("two processes have loss %s in epoch %d, one %g", printed[i][1], i+1, want)
		}
	}
	var models []*fit.Checkpoint
	for _, name := range []string{"alone", "trained"} {
		file, err := os.ReadFile(filepath.Join(folder, name+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := read(file, experiment.Default(), data.ImageSize)
		if err != nil || c.Settings != tests[0].run.Settings {
			t.Fatalf("the page opens what the program has written with %+v: %v", c, err)
		}
		models = append(models, c)
	}
	largest := 0.0
	for i, x := range models[0].Parameters {
		largest = max(largest, math.Abs(float64(x-models[1].Parameters[i]))/(1+math.Abs(float64(x))))
	}
	if t.Logf("one process has losses %v; relative to it, the weights of two differ by %.1e", first, largest); !(largest <= 1e-3) {
		t.Errorf("the weights of two processes differ from those of one by %g", largest)
	}
}

// execute returns the output of a program.
func execute(t *testing.T, folder, name string, arguments ...string) []byte {
	t.Helper()
	command := exec.Command(name, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "CUDA_VISIBLE_DEVICES=")
	var stderr strings.Builder
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s\n%s", name, arguments, err, output, stderr.String())
	}
	return output
}
