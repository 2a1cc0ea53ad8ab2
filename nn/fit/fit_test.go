package fit

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sae/data"
	"sae/nn/experiment"
)

const dims = 30

func someData(n, m int) Data {
	random := rand.New(rand.NewPCG(5, 6))
	images := func(n int) []byte {
		var result []byte
		for range n {
			base := random.IntN(200)
			for i := range dims {
				result = append(result, byte(base+random.IntN(40)*(i%3)/2))
			}
		}
		return result
	}
	return NewData("random", dims, images(n), images(m))
}

func settings(t testing.TB, changes map[string]string) experiment.Settings {
	t.Helper()
	all := map[string]string{"hidden": "20", "latent": "6", "epochs": "3", "batch": "16"}
	for name, value := range changes {
		all[name] = value
	}
	s, err := experiment.Default().With(all)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newTestRun(t testing.TB, s experiment.Settings, data Data) *Run {
	t.Helper()
	r, err := New(s, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// advance does n evaluations and steps, or all of them if n is negative.
func advance(t testing.TB, r *Run, n int) {
	t.Helper()
	for ; n != 0 && !r.Done(); n-- {
		if err := next(r); err != nil {
			t.Fatal(err)
		}
	}
}

// next evaluates the run or trains on the next batch, whatever is due.
func next(r *Run) error {
	if r.Due() {
		_, _, err := r.Evaluate()
		return err
	}
	_, err := r.Step(1)
	return err
}

// written returns a checkpoint of a run, as a file.
func written(t testing.TB, r *Run) []byte {
	t.Helper()
	c, err := r.Checkpoint("go")
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := c.Write(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// same reports whether two runs are equal bit for bit.
func same(t *testing.T, a, b *Run) bool {
	t.Helper()
	return bytes.Equal(written(t, a), written(t, b))
}

var experiments = []map[string]string{
	{"experiment": "1"},
	{"experiment": "2", "lambda": "1e-3"},
	{"experiment": "3"},
	{"experiment": "4", "hidden": "20"},
	{"experiment": "5", "hidden": "", "latent": "40", "k": "3", "warmup": "2"},
}

// The same settings and data give the same run; another seed gives another.
func TestSameSeedSameRun(t *testing.T) {
	data := someData(50, 20)
	for _, changes := range experiments {
		s := settings(t, changes)
		a, b := newTestRun(t, s, data), newTestRun(t, s, someData(50, 20))
		advance(t, a, -1)
		advance(t, b, -1)
		if !same(t, a, b) {
			t.Errorf("experiment %d: two runs with the same seed differ", s.Experiment)
		}
		s.Seed = 2
		c := newTestRun(t, s, data)
		advance(t, c, -1)
		if a.History[2] == c.History[2] {
			t.Errorf("experiment %d: two runs with different seeds do not differ", s.Experiment)
		}
		if len(a.History) != 3 || a.Epoch != 3 || a.Batches() != 4 || a.Initial == nil || a.Curve[len(a.Curve)-1].Epoch != 3 {
			t.Errorf("experiment %d: %d epochs of %d batches, curve %v", s.Experiment, a.Epoch, a.Batches(), a.Curve)
		}
		if first, last := a.Initial.ValBCE, a.History[2].ValBCE; last >= first {
			t.Errorf("experiment %d: validation BCE %g after training, %g before", s.Experiment, last, first)
		}
	}
}

// A run that is resumed from a checkpoint, taken at any time, ends bit for bit like an
// uninterrupted one.
func TestResume(t *testing.T) {
	data := someData(50, 20)
	for _, changes := range experiments {
		s := settings(t, changes)
		whole := newTestRun(t, s, data)
		advance(t, whole, -1)
		for pause := 0; ; pause++ {
			r := newTestRun(t, s, data)
			advance(t, r, pause)
			file := written(t, r)
			done := r.Done()
			advance(t, r, 3) // must not change the file
			c, err := ReadCheckpoint(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			if c.Kernel != "go" || c.Data != data.Fingerprint() {
				t.Errorf("kernel %q, data %+v", c.Kernel, c.Data)
			}
			resumed, err := Resume(c, data, nil)
			if err != nil {
				t.Fatal(err)
			}
			advance(t, resumed, -1)
			if !same(t, whole, resumed) {
				t.Fatalf("experiment %d: resumed after %d steps and evaluations, the run ends otherwise", s.Experiment, pause)
			}
			if done {
				break
			}
		}
	}
}

// A run starts from its first images alone, so that it need not wait for the others.
func TestStartsFrom(t *testing.T) {
	for name, changes := range map[string]map[string]string{
		"PCA":       {"experiment": "4", "hidden": "8", "latent": "2"},
		"tied":      {"experiment": "5", "hidden": "", "latent": "8", "k": "2"},
		"untouched": {"experiment": "1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings(t, changes)
			data := someData(MaxPCA+100, 10)
			n := StartsFrom(s, MaxPCA+100)
			if want := map[string]int{"PCA": MaxPCA, "tied": MaxPCA}[name]; n != want {
				t.Fatalf("starts from %d images, want %d", n, want)
			}
			a := newTestRun(t, s, data)
			other := slices.Clone(data.Train)
			for i := range other[n*dims:] {
				other[n*dims+i] ^= 255
			}
			if b := newTestRun(t, s, NewData(data.Name, dims, other, data.Validation)); !slices.Equal(a.Auto.Params(), b.Auto.Params()) {
				t.Error("the other images change the start")
			}
		})
	}
}

// The FVU is the squared error of the reconstructions over that of the mean image, also of
// patches. A checkpoint of an earlier version, which lacks it, has it again.
func TestUnexplained(t *testing.T) {
	for name, r := range map[string]*Run{
		"whole images":     newTestRun(t, settings(t, nil), someData(50, 20)),
		"whitened patches": newTestRun(t, onPatches(t, map[string]string{"whiten": "true"}), pictures()),
	} {
		for len(r.History) == 0 {
			advance(t, r, 1)
		}
		dims, validation := r.Data.Dims, r.Data.Validation
		_, outputs, err := r.Reconstruct(validation)
		if err != nil {
			t.Fatal(err)
		}
		n := len(validation) / dims
		var errors, variance float64
		for j := range dims {
			var mean float64
			for i := range n {
				mean += float64(validation[i*dims+j]) / 255 / float64(n)
			}
			for i := range n {
				x, y := float64(validation[i*dims+j])/255, min(max(float64(outputs[i*dims+j]), 0), 1)
				errors += (x - y) * (x - y)
				variance += (x - mean) * (x - mean)
			}
		}
		want := errors / variance
		if got := r.History[0].FVU; math.Abs(got-want) > 1e-4*want {
			t.Errorf("%s: FVU %g, want %g", name, got, want)
		}
		c, err := r.Checkpoint("go")
		if err != nil {
			t.Fatal(err)
		}
		c.History = slices.Clone(c.History)
		c.History[0].FVU = 0
		resumed, err := Resume(c, r.Data, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := resumed.History[0].FVU; got != r.History[0].FVU {
			t.Errorf("%s, resumed: FVU %g, want %g", name, got, r.History[0].FVU)
		}
	}
	same := NewData("same", 2, []byte{0, 9, 0, 9}, []byte{0, 9, 0, 9})
	if got := same.Unexplained(0.1); got != 0 {
		t.Errorf("FVU %g of images that do not differ, want none", got)
	}
}

// On other data, a run keeps its parameters and starts the epoch over.
func TestResumeOnOtherData(t *testing.T) {
	r := newTestRun(t, settings(t, nil), someData(50, 20))
	advance(t, r, 8) // an epoch and two batches
	c, err := r.Checkpoint("go")
	if err != nil {
		t.Fatal(err)
	}
	other, err := Resume(c, someData(80, 10), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Epoch != 1 || r.Batch != 2 || other.Epoch != 1 || other.Batch != 0 {
		t.Errorf("epoch %d, batch %d becomes epoch %d, batch %d", r.Epoch, r.Batch, other.Epoch, other.Batch)
	}
	advance(t, other, -1)
	if !slices.IsSortedFunc(other.Curve, func(a, b Point) int { return cmp.Compare(a.Epoch, b.Epoch) }) || len(r.Curve) != 6 {
		t.Errorf("the curve goes back: %v", other.Curve)
	}
	if _, err := Resume(c, someData(10, 10), nil); err == nil || !strings.Contains(err.Error(), `batch "16": want at most the 10`) {
		t.Errorf("too few images: %v", err)
	}
	small := someData(50, 20)
	small.Dims = 15
	if _, err := Resume(c, small, nil); err == nil || !strings.Contains(err.Error(), "images of 30 numbers") {
		t.Errorf("images of another size: %v", err)
	}
}

func TestDivergenceIsAnError(t *testing.T) {
	s := settings(t, map[string]string{"lr": "10", "epochs": "200"})
	data := someData(50, 20)
	r := newTestRun(t, s, data)
	r.Auto.Params()[0] = float32(math.NaN())
	if _, _, err := r.Evaluate(); err == nil || !strings.Contains(err.Error(), "learning rate 10 is too high") {
		t.Errorf("evaluation of a diverged model: %v", err)
	}

	r = newTestRun(t, s, data)
	var diverged *DivergedError
	for !errors.As(next(r), &diverged) {
		if r.Done() {
			t.Fatalf("a learning rate of 10 trains: %v", r.History[len(r.History)-1])
		}
	}
	if text := diverged.Error(); !strings.HasPrefix(text, "the loss has exploded to ") || !strings.HasSuffix(text, ": the learning rate 10 is too high") {
		t.Errorf("error %q", text)
	}
}

// Pictures of one colour can be reconstructed exactly. The history must still be
// finite, because JSON has no infinity.
func TestExactReconstruction(t *testing.T) {
	white := bytes.Repeat([]byte{255}, 50*dims)
	r := newTestRun(t, settings(t, map[string]string{"lr": "10", "epochs": "60"}), NewData("white", dims, white, white))
	advance(t, r, -1)
	if last := r.History[len(r.History)-1]; last.ValMSE != 0 || last.PSNR != 120 {
		t.Errorf("MSE %g, PSNR %g, want 0 and 120", last.ValMSE, last.PSNR)
	}
	if _, err := json.Marshal(r.History); err != nil {
		t.Error(err)
	}
}

func checkpointFile(t testing.TB) []byte {
	t.Helper()
	r := newTestRun(t, settings(t, nil), someData(50, 20))
	advance(t, r, 7)
	return written(t, r)
}

// withHeader changes the header of a checkpoint and corrects its checksum.
func withHeader(t *testing.T, file []byte, change func(map[string]any)) []byte {
	t.Helper()
	length := binary.LittleEndian.Uint32(file[12:])
	var header map[string]any
	if err := json.Unmarshal(file[16:16+length], &header); err != nil {
		t.Fatal(err)
	}
	change(header)
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	result := slices.Clone(file[:12])
	result = binary.LittleEndian.AppendUint32(result, uint32(len(text)))
	result = append(result, text...)
	result = binary.LittleEndian.AppendUint32(result, crc32.Checksum(text, castagnoli))
	return append(result, file[16+length+4:]...)
}

func TestBadCheckpoints(t *testing.T) {
	good := checkpointFile(t)
	if _, err := ReadCheckpoint(bytes.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	patch := func(at int, bytes ...byte) []byte {
		file := slices.Clone(good)
		if at < 0 {
			at += len(file)
		}
		copy(file[at:], bytes)
		return file
	}
	set := func(path string, value any) []byte {
		return withHeader(t, good, func(header map[string]any) {
			names := strings.Split(path, ".")
			for _, name := range names[:len(names)-1] {
				header = header[name].(map[string]any)
			}
			header[names[len(names)-1]] = value
		})
	}
	nan := slices.Clone(good)
	length := int(binary.LittleEndian.Uint32(good[12:]))
	binary.LittleEndian.PutUint32(nan[20+length+40:], math.Float32bits(float32(math.NaN())))
	for _, test := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "the file ends early, in its first 16 bytes"},
		{"other magic", patch(0, 'X'), `want "SAECKPT\n"`},
		{"other version", patch(8, 9), "version 9: want 1"},
		{"huge header", patch(12, 255, 255, 255, 255), "header of 4294967295 bytes: want at most"},
		{"long header", patch(12, 0, 0, 255, 0), "the file ends early, in its header"},
		{"damaged header", patch(20, 'X'), "checksum of the header"},
		{"damaged weights", patch(-100, 1, 2), "checksum of the arrays"},
		{"longer", append(slices.Clone(good), 0), "continues after its last checksum"},
		{"not finite", nan, "number 10 of the parameters is NaN: want a finite number"},
		{"unknown setting", set("settings.init", "zeros"), `init "zeros": want one of`},
		{"larger layers", set("settings.latent", 7), "the file ends early, in its second moments"},
		{"smaller layers", set("settings.latent", 5), "checksum of the arrays"},
		{"4 GB of layers", set("settings.hidden", "4096,4096,4096,4096"), "the file ends early, in its parameters"},
		{"more than that", set("inputDims", 1<<40), "inputDims 1099511627776: want 1 to 65536"},
		{"no history", set("history", nil), "epoch 1 with a history of 0 epochs"},
		{"late batch", set("batch", 5), "batch 5: want 0 to 4"},
		{"negative steps", set("steps", -1), "-1 steps"},
		{"no initial", set("initial", nil), "initial is missing: want the evaluation"},
		{"no data", set("data.train", 0), "training images"},
		{"note on no unit", set("notes", map[string]string{"6": "x"}), "note on latent unit 6: want one of the 6"},
	} {
		_, err := ReadCheckpoint(bytes.NewReader(test.file))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
	for n := range len(good) {
		if n > 200 && n < len(good)-200 && n%97 != 0 {
			continue
		}
		if _, err := ReadCheckpoint(bytes.NewReader(good[:n])); err == nil || !strings.Contains(err.Error(), "ends early") {
			t.Fatalf("cut off after %d bytes: %v", n, err)
		}
	}
}

// A header that claims a huge model allocates no memory for it.
func TestHostileSize(t *testing.T) {
	file := withHeader(t, checkpointFile(t), func(header map[string]any) {
		header["settings"].(map[string]any)["hidden"] = "4096,4096,4096,4096,4096"
		header["inputDims"] = 4096
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := ReadCheckpoint(bytes.NewReader(file))
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "ends early") {
		t.Errorf("error %v", err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 4<<20 {
		t.Errorf("%d bytes allocated for a file of %d", allocated, len(file))
	}
}

func TestThin(t *testing.T) {
	var points []Point
	for i := range 2001 {
		points = append(points, Point{Epoch: float64(i), Loss: float64(i)})
	}
	thin := Thin(points)
	if len(thin) != 1001 || thin[0] != (Point{Epoch: 1, Loss: 0.5}) || thin[1000].Epoch != 2000 {
		t.Errorf("%d points, from %v to %v", len(thin), thin[0], thin[len(thin)-1])
	}
}

// A run alternates between an evaluation and the batches of an epoch.
func ExampleRun() {
	images := bytes.Repeat([]byte{0, 50, 100, 150, 200, 250}, 10)
	settings, err := experiment.Default().With(map[string]string{"hidden": "8", "latent": "2", "batch": "5", "epochs": "2"})
	if err != nil {
		panic(err)
	}
	run, err := New(settings, NewData("stripes", 6, images, images), nil)
	if err != nil {
		panic(err)
	}
	for !run.Done() {
		if run.Due() {
			if _, _, err := run.Evaluate(); err != nil {
				panic(err)
			}
		} else if _, err := run.Step(1); err != nil {
			panic(err)
		}
	}
	fmt.Println(run.Epoch, "epochs of", run.Batches(), "batches")
	fmt.Println("the loss fell:", run.History[1].ValLoss < run.Initial.ValLoss)
	// Output:
	// 2 epochs of 2 batches
	// the loss fell: true
}

// With its defaults, experiment 5 loses at most 5 % of its units on the built-in data: after
// ten epochs, because later ones take longer than a test may. The number varies from epoch to
// epoch by a few units.
func TestFewDeadUnits(t *testing.T) {
	if runtime.GOOS == "js" || testing.Short() {
		t.Skip("takes ten seconds natively")
	}
	set := data.BuiltIn()
	set.More(set.Train.Len())
	s, err := experiment.Default().With(map[string]string{"experiment": "5", "epochs": "10"})
	if err != nil {
		t.Fatal(err)
	}
	r := newTestRun(t, s, NewData(set.Name, data.ImageSize, set.Train.Images, set.Validation.Images))
	advance(t, r, -1)
	dead := 0
	for _, epoch := range r.History[7:] {
		dead += epoch.Dead
	}
	if mean := float64(dead) / 3; mean > 0.05*float64(s.Latent) {
		t.Errorf("%.1f of %d units are dead in the last epochs, want at most 5 %%", mean, s.Latent)
	}
}
