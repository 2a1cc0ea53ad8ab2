package experiment

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"sae/nn"
	"sae/nn/pca"
)

func ExamplePreset() {
	for number := 1; number <= len(Names); number++ {
		settings, err := Preset(number)
		if err != nil {
			panic(err)
		}
		architecture := settings.Architecture(3072)
		fmt.Println(number, Names[number], architecture.EncoderHidden, architecture.LatentDims, architecture.DecoderHidden, FormatLambda(architecture.Lambda), architecture.Latent)
	}
	// Output:
	// 1 Base [512 128] 64 [] 0 relu
	// 2 L1 sparsity [512 128] 64 [] 1e-5 relu
	// 3 Mirrored decoder [512 128] 64 [128 512] 1e-5 relu
	// 4 Tuned [512 256] 64 [256 512] 0 linear
	// 5 TopK [] 128 [] 0 relu
	// 6 Patches [] 512 [] 0 relu
}

func ExampleSettings_With() {
	settings, err := Default().With(map[string]string{"latent": "0", "hidden": "512,,x"})
	fmt.Println(settings == Default())
	fmt.Println(err)
	// Output:
	// true
	// latent "0": want a whole number from 1 to 1024
	// hidden "512,,x": want at most 6 widths from 1 to 4096 separated by commas, such as 512,128
}

func TestDefaultIsConsistent(t *testing.T) {
	settings := Default()
	all := map[string]string{}
	for _, field := range Table {
		all[field.Name] = field.Format(settings)
	}
	same, err := settings.With(all)
	if err != nil {
		t.Fatal(err)
	}
	if same != settings {
		t.Errorf("formatting and parsing the defaults gives %+v, want %+v", same, settings)
	}
}

func TestTableNotches(t *testing.T) {
	for _, field := range Table {
		settings := Default()
		if field.Name == "k" {
			settings, _ = Preset(5)
		}
		for _, notch := range field.Notches {
			text := FormatLambda(notch)
			if _, err := settings.With(map[string]string{field.Name: text}); err != nil {
				t.Errorf("notch %v of %s: %v", notch, field.Name, err)
			}
		}
	}
}

// The experiment follows from lambda and mirrored, and they from it.
func TestExperimentFollows(t *testing.T) {
	tests := []struct {
		from    int
		changes map[string]string
		want    int
		lambda  float64
	}{
		{2, map[string]string{"experiment": "1"}, 1, 0},
		{1, map[string]string{"experiment": "3"}, 3, 1e-5},
		{1, map[string]string{"lambda": "3e-6"}, 2, 3e-6},
		{2, map[string]string{"lambda": "0"}, 1, 0},
		{3, map[string]string{"lambda": "0"}, 3, 0},
		{3, map[string]string{"mirrored": "false"}, 2, 1e-5},
		{1, map[string]string{"mirrored": "true"}, 3, 0},
		{1, map[string]string{"experiment": "2", "lambda": "1e-4"}, 2, 1e-4},
		{2, map[string]string{"latent": "32"}, 2, 1e-5},
		{2, map[string]string{"experiment": "4"}, 4, 0},
		{4, map[string]string{"experiment": "2"}, 2, 1e-5},
		{4, map[string]string{"experiment": "1"}, 1, 0},
		{4, map[string]string{"lambda": "1e-4"}, 4, 1e-4},
		{4, map[string]string{"init": "he"}, 4, 0},
		{4, map[string]string{"init": "he", "activation": "relu", "decay": "1"}, 3, 0},
		{3, map[string]string{"decay": "0.9"}, 4, 1e-5},
		{1, map[string]string{"activation": "linear"}, 4, 0},
		{2, map[string]string{"warmup": "10"}, 4, 1e-5},
		{2, map[string]string{"experiment": "5"}, 5, 0},
		{5, map[string]string{"experiment": "2"}, 2, 1e-5},
		{5, map[string]string{"experiment": "4"}, 4, 0},
		{4, map[string]string{"sparsity": "topk"}, 5, 0},
		{2, map[string]string{"sparsity": "topk"}, 5, 0},
		{2, map[string]string{"loss": "mse"}, 5, 1e-5},
		{2, map[string]string{"unit": "true"}, 5, 1e-5},
		{2, map[string]string{"init": "tied", "hidden": ""}, 5, 1e-5},
		{5, map[string]string{"sparsity": "l1", "lambda": "1e-3", "loss": "bce", "unit": "false", "init": "he", "decay": "1", "warmup": "0"}, 2, 1e-3},
		{5, map[string]string{"sparsity": "l1", "loss": "bce", "unit": "false", "init": "he"}, 4, 0},
		{5, map[string]string{"k": "7", "latent": "9", "mirrored": "true"}, 5, 0},
		{2, map[string]string{"experiment": "6"}, 6, 0},
		{6, map[string]string{"experiment": "2"}, 2, 1e-5},
		{6, map[string]string{"experiment": "5"}, 5, 0},
		{6, map[string]string{"patch": "0"}, 5, 0},
		{6, map[string]string{"patch": "16"}, 6, 0},
		{6, map[string]string{"loss": "bce"}, 6, 0},
		{3, map[string]string{"patch": "8"}, 6, 1e-5},
	}
	for _, test := range tests {
		settings, err := Preset(test.from)
		if err != nil {
			t.Fatal(err)
		}
		got, err := settings.With(test.changes)
		if err != nil {
			t.Errorf("experiment %d with %v: %v", test.from, test.changes, err)
			continue
		}
		if got.Experiment != test.want || got.Lambda != test.lambda || test.want < 4 && got.Mirrored != (test.want == 3) {
			t.Errorf("experiment %d with %v: experiment %d, lambda %g, mirrored %t; want experiment %d, lambda %g",
				test.from, test.changes, got.Experiment, got.Lambda, got.Mirrored, test.want, test.lambda)
		}
	}
}

func TestBadSettings(t *testing.T) {
	tests := []struct {
		changes map[string]string
		want    string
	}{
		{map[string]string{"latent": "0"}, `latent "0": want a whole number from 1 to 1024`},
		{map[string]string{"latent": "1.5"}, `latent "1.5": want a whole number`},
		{map[string]string{"latent": "many"}, `latent "many": want a whole number`},
		{map[string]string{"hidden": "512,,x"}, `hidden "512,,x": want at most 6 widths`},
		{map[string]string{"hidden": "0"}, `hidden "0": want`},
		{map[string]string{"hidden": "1,1,1,1,1,1,1"}, `want at most 6 widths`},
		{map[string]string{"lr": "NaN"}, `lr "NaN": want a number from 1e-8 to 10`},
		{map[string]string{"lr": "0"}, `lr "0": want`},
		{map[string]string{"lambda": "-1"}, `lambda "-1": want a number from 0 to 1`},
		{map[string]string{"lambda": "Inf"}, `lambda "Inf": want`},
		{map[string]string{"mirrored": "perhaps"}, `mirrored "perhaps": want true or false`},
		{map[string]string{"init": "zeros"}, `init "zeros": want one of`},
		{map[string]string{"experiment": "7"}, `experiment "7": want one of 1, 2, 3, 4, 5`},
		{map[string]string{"experiment": "1", "lambda": "1e-4"}, `experiment "1": want 2, which lambda 1e-4, mirrored false, init glorot`},
		{map[string]string{"lambada": "1"}, `lambada "1": want one of the settings experiment, sparsity, lambda`},
		{map[string]string{"k": "5"}, `k "5": want 0, because sparsity is l1; with topk, 1 to the latent size`},
		{map[string]string{"sparsity": "topk", "k": "0"}, `k "0": want 1 to the latent size, 64, because sparsity is topk`},
		{map[string]string{"sparsity": "topk", "k": "65"}, `k "65": want 1 to the latent size, 64`},
		{map[string]string{"experiment": "5", "latent": "8", "k": "9"}, `k "9": want 1 to the latent size, 8`},
		{map[string]string{"patch": "7"}, `patch "7": want one of 0, 8, 16`},
		{map[string]string{"whiten": "true"}, `whiten "true": want false, or patch 8 and loss mse`},
		{map[string]string{"experiment": "6", "patch": "16", "whiten": "true"}, `whiten "true": want false, or patch 8 and loss mse`},
		{map[string]string{"experiment": "3", "patch": "8"}, `experiment "3": want 6`},
		{map[string]string{"patch": "8", "init": "pca"}, `init "pca": want another, because the components are of whole images`},
		{map[string]string{"experiment": "5", "k": "1025"}, `k "1025": want a whole number from 0 to 1024`},
		{map[string]string{"sparsity": "l0"}, `sparsity "l0": want one of l1, topk`},
		{map[string]string{"sparsity": "topk", "lambda": "1e-3"}, `lambda "0.001": want 0, because sparsity is topk; l1 has a penalty`},
		{map[string]string{"experiment": "5", "activation": "linear"}, `activation "linear": want relu, because sparsity is topk`},
		{map[string]string{"aux": "1"}, `aux "1": want 0, or sparsity topk, loss mse, and mirrored false`},
		{map[string]string{"experiment": "5", "loss": "bce", "aux": "1"}, `aux "1": want 0, or`},
		{map[string]string{"experiment": "5", "init": "he", "hidden": "9", "mirrored": "true"}, `aux "8": want 0, or`},
		{map[string]string{"init": "tied"}, `init "tied": want one of glorot, he, pca, because there are hidden layers`},
		{map[string]string{"experiment": "2", "loss": "mse"}, `experiment "2": want 5, which lambda 1e-5`},
		{map[string]string{"seed": "-1"}, `seed "-1": want a whole number from 0 to 4294967295`},
	}
	for _, test := range tests {
		got, err := Default().With(test.changes)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: error %v, want %q", test.changes, err, test.want)
		}
		if got != Default() {
			t.Errorf("%v: the settings changed to %+v", test.changes, got)
		}
		if field := (*FieldError)(nil); !errors.As(err, &field) {
			t.Errorf("%v: error %T, want a *FieldError", test.changes, err)
		}
	}
}

func TestFit(t *testing.T) {
	tests := []struct {
		batch, subset, available int
		want                     string
	}{
		{128, 0, 2000, ""},
		{2000, 0, 2000, ""},
		{2001, 0, 2000, `batch "2001": want at most the 2000 training images in use`},
		{128, 100, 2000, `batch "128": want at most the 100 training images in use`},
		{128, 2001, 2000, `subset "2001": want at most the 2000 training images of the data set, or 0 for all`},
	}
	for _, test := range tests {
		settings := Default()
		settings.Batch, settings.Subset = test.batch, test.subset
		var got string
		if err := settings.Fit(test.available); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("batch %d, subset %d of %d: error %q, want %q", test.batch, test.subset, test.available, got, test.want)
		}
	}
}

func TestResets(t *testing.T) {
	settings := Default()
	for _, field := range Table {
		var text string
		switch field.Kind {
		case Toggle:
			text = "true"
		case Choice:
			text = field.Choices[len(field.Choices)-1]
		case Widths:
			text = "7"
		default:
			text = "1"
		}
		changes := map[string]string{field.Name: text}
		switch field.Name { // cannot change alone
		case "k", "aux":
			changes["sparsity"], changes["loss"], changes["lambda"] = TopK, "mse", "0"
		case "init":
			changes["hidden"] = ""
		case "whiten":
			changes["patch"], changes["loss"] = "8", "mse"
		}
		changed, err := settings.With(changes)
		if err != nil {
			t.Fatal(err)
		}
		want := field.Name != "epochs" && field.Name != "workers" && field.Name != "device" && field.Format(settings) != text
		if got := settings.Resets(changed); got != want {
			t.Errorf("%s to %s: Resets is %t, want %t", field.Name, text, got, want)
		}
	}
}

// The largest network that the table allows is valid for nn.
func TestLargestNetworkIsAccepted(t *testing.T) {
	settings, err := Default().With(map[string]string{"hidden": "4096,4096", "latent": "1024", "experiment": "3"})
	if err != nil {
		t.Fatal(err)
	}
	var architecture nn.Architecture = settings.Architecture(3072)
	if err := architecture.Validate(); err != nil {
		t.Error(err)
	}
}

// Choosing experiment 4 or 5 and then another restores the settings of the exercise.
func TestBackFromTuned(t *testing.T) {
	for _, number := range []string{"1", "2", "3", "4"} {
		for _, other := range []string{"4", "5"} {
			first, err := Default().With(map[string]string{"experiment": number, "seed": "7"})
			if err != nil {
				t.Fatal(err)
			}
			tuned, err := first.With(map[string]string{"experiment": other})
			if err != nil {
				t.Fatal(err)
			}
			back, err := tuned.With(map[string]string{"experiment": number})
			if err != nil {
				t.Fatal(err)
			}
			if back != first || strconv.Itoa(tuned.Experiment) != other {
				t.Errorf("experiment %s, %s and back: %+v, want %+v", number, other, back, first)
			}
		}
	}
}

// Settings that an earlier version wrote are read.
func TestOlderSettings(t *testing.T) {
	text, err := json.Marshal(Default())
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sparsity", "k", "loss", "unit", "aux", "warmup"} {
		delete(all, name)
	}
	if text, err = json.Marshal(all); err != nil {
		t.Fatal(err)
	}
	settings, err := Preset(5)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &settings); err != nil || settings != Default() {
		t.Errorf("read %+v, %v; want %+v", settings, err, Default())
	}
}

// A start from tied directions reconstructs the mean image from a code of zeros, its
// directions have unit norm, and its encoder is their transpose and sees no mean.
func TestTied(t *testing.T) {
	mean := []float32{0.5, 0.25, 0.75, 0.1}
	for _, loss := range []string{"bce", "mse"} {
		s, err := Preset(5)
		if err != nil {
			t.Fatal(err)
		}
		if s, err = s.With(map[string]string{"latent": "6", "k": "2", "loss": loss}); err != nil {
			t.Fatal(err)
		}
		auto, err := s.Build(4, &pca.PCA{Dims: 4, Mean: mean})
		if err != nil {
			t.Fatal(err)
		}
		for i, y := range auto.Decode(nil, make([]float32, 6)) {
			if math.Abs(float64(y-mean[i])) > 1e-6 {
				t.Errorf("%s: a code of zeros decodes to %g, want the mean %g", loss, y, mean[i])
			}
		}
		encoder, decoder := auto.Encoder.Layers[0], auto.Decoder.Layers[0]
		for unit := range 6 {
			var squares, atMean float64
			for i := range 4 {
				w := decoder.Kernel[unit*4+i]
				if w != encoder.Kernel[i*6+unit] {
					t.Errorf("%s: the encoder is not the decoder's transpose", loss)
				}
				squares += float64(w) * float64(w)
				atMean += float64(w) * float64(mean[i])
			}
			if math.Abs(squares-1) > 1e-6 || math.Abs(atMean+float64(encoder.Bias[unit])) > 1e-6 {
				t.Errorf("%s: direction of norm² %g, sum %g at the mean", loss, squares, atMean+float64(encoder.Bias[unit]))
			}
		}
	}
}

func TestWithLayers(t *testing.T) {
	for _, test := range []struct {
		encoder []int
		latent  int
		decoder []int
		want    string // layers or error
	}{
		{[]int{20, 10}, 5, nil, "[30 20 10 5 30]"},
		{[]int{20, 10}, 5, []int{10, 20}, "[30 20 10 5 10 20 30]"},
		{nil, 5, nil, "[30 5 30]"},
		{[]int{20, 10}, 5, []int{20, 10}, "want none, or the encoder's [20 10] in reverse"},
		{nil, 5, []int{10}, "want none"},
		{[]int{5000}, 5, nil, `hidden "5000": want at most 6 widths from 1 to 4096`},
	} {
		settings, err := Default().WithLayers(test.encoder, test.latent, test.decoder)
		got := fmt.Sprint(settings.Architecture(30).Widths())
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, test.want) {
			t.Errorf("%v, %d, %v: %s, want %s", test.encoder, test.latent, test.decoder, got, test.want)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Settings){
		`latent "0"`:     func(s *Settings) { s.Latent = 0 },
		`batch "-1"`:     func(s *Settings) { s.Batch = -1 },
		`init "zeros"`:   func(s *Settings) { s.Init = "zeros" },
		`lr "NaN"`:       func(s *Settings) { s.LR = math.NaN() },
		`experiment "1"`: func(s *Settings) { s.Experiment = 1 },
		"Hidden:1, 2":    func(s *Settings) { s.Hidden = "1, 2" },
	} {
		settings := Default()
		change(&settings)
		if err := settings.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %s", settings, err, want)
		}
	}
}

// Whatever its layers, an autoencoder that starts from principal components reconstructs
// images in their span, up to the curvature of the sigmoid.
func TestStartFromComponents(t *testing.T) {
	const dims, k, n = 60, 4, 200
	random := rand.New(rand.NewPCG(1, 2))
	basis := make([]float64, k*dims)
	for i := range basis {
		basis[i] = 6 * random.NormFloat64()
	}
	var images []byte
	for range n {
		var z [k]float64
		for j := range z {
			z[j] = max(-2.5, min(2.5, random.NormFloat64())) / float64(j+1)
		}
		for i := range dims {
			x := 128.
			for j := range z {
				x += z[j] * basis[j*dims+i]
			}
			images = append(images, byte(min(max(x, 0), 255)))
		}
	}
	components, err := pca.Fit(images, dims, k, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, len(images))
	for i, value := range images {
		x[i] = float32(value) / 255
	}
	for _, changes := range []map[string]string{
		{"hidden": ""},
		{"hidden": "20", "mirrored": "true"},
		{"hidden": "20,9", "mirrored": "true"},
		{"hidden": "20,9", "mirrored": "false"},
		{"hidden": "20", "mirrored": "true", "activation": "relu"},
		{"hidden": "", "activation": "relu", "latent": "7"},
	} {
		all := map[string]string{"latent": "4", "init": "pca", "activation": "linear"}
		maps.Copy(all, changes)
		settings, err := Default().With(all)
		if err != nil {
			t.Fatal(err)
		}
		auto, err := settings.Build(dims, components)
		if err != nil {
			t.Fatal(err)
		}
		var mse, variance float64
		for i, y := range auto.Reconstruct(nil, x) {
			mse += math.Pow(float64(y-x[i]), 2)
			variance += math.Pow(float64(components.Mean[i%dims]-x[i]), 2)
		}
		if mse > 0.01*variance {
			t.Errorf("%v: %.4f of the variance is left, want at most 0.01", changes, mse/variance)
		}
	}
}

// AuxK revives a unit that is idle while others are active 64 times on average, whatever the
// latent size, k and batch.
func TestDeadSteps(t *testing.T) {
	for want, changes := range map[int]map[string]string{
		4:  {"experiment": "5"},
		16: {"experiment": "6"},
		32: {"experiment": "5", "latent": "1024"},
		64: {"experiment": "5", "k": "2"},
		1:  {"experiment": "5", "batch": "4096"},
		0:  {"experiment": "5", "aux": "0"},
	} {
		settings, err := Default().With(changes)
		if err != nil {
			t.Fatal(err)
		}
		if got := settings.Architecture(3072).DeadSteps; got != want {
			t.Errorf("%v: %d dead steps, want %d", changes, got, want)
		}
	}
}

func ExampleSettings_Changes() {
	settings, err := Default().With(map[string]string{"experiment": "4", "latent": "32", "lambda": "1e-6"})
	fmt.Println(settings.Changes(), err)
	// Output: [{experiment 4} {lambda 1e-6} {latent 32}] <nil>
}

func TestChanges(t *testing.T) {
	for number := 1; number <= len(Names); number++ {
		settings, err := Preset(number)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range Table {
			for _, value := range []string{"1", "true", "8,4", "he", "pca", "linear", "0.5"} {
				changed, err := settings.With(map[string]string{field.Name: value})
				if err != nil {
					continue
				}
				changes := map[string]string{}
				for _, change := range changed.Changes() {
					changes[change.Name] = change.Value
				}
				if same, err := Default().With(changes); err != nil || same != changed {
					t.Errorf("%+v: its changes %v make %+v, error %v", changed, changes, same, err)
				}
			}
		}
	}
}

// A number with an ambiguous point or comma is rejected instead of misread.
func TestPointsAndCommas(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{ // want is the value, or how to write it
		{"lr", "0,005", "0.005"},
		{"lr", "0.005", "0.005"},
		{"lr", "0,500", "0.5"},
		{"lr", "1,5", "1.5"},
		{"lr", "1,5e-3", "0.0015"},
		{"lr", "1.125", "1.125"}, // as links have it
		{"lr", "1,125", ", written as 1.125"},
		{"lr", "1,000", ", written as 1"},
		{"lr", "0,000,5", ""},
		{"lr", "1.000,5", ""},
		{"lr", "1,2,3", ""},
		{"lambda", "0,00001", "1e-5"},
		{"lambda", ",5", "0.5"},
		{"decay", "0,85", "0.85"},
		{"epochs", "1.000", ", written as 1000 or 1"},
		{"epochs", "1,000", ", written as 1000 or 1"},
		{"epochs", "1.500", ", written as 1500"},
		{"epochs", "1 000", ", written as 1000"},
		{"epochs", "1\u202f000", ", written as 1000"},
		{"epochs", "1'000", ", written as 1000"},
		{"epochs", "20,0", "20"},
		{"epochs", "20.0", "20"},
		{"epochs", "12,5", ""},
		{"epochs", "1e3", "1000"},
		{"epochs", "20.", "20"},
		{"epochs", "-1.000", ""},
		{"latent", "64.000", ", written as 64"},
		{"seed", "4.000.000.000", ", written as 4000000000"},
		{"subset", "1,000,000", ", written as 1000000"},
		{"subset", "1.000,000", ""},
		{"hidden", "1,024", ", written as 1024"},
		{"hidden", "1.024", ", written as 1024"},
		{"hidden", "512.128", ""},
		{"hidden", "512, 128", "512,128"},
		{"hidden", "512,064", ""},
	} {
		s, err := Default().With(map[string]string{test.name: test.text})
		field, _ := Lookup(test.name)
		if test.want != "" && test.want[0] != ',' {
			if got := field.Format(s); err != nil || got != test.want {
				t.Errorf("%s %q: %s, %v; want %s", test.name, test.text, got, err, test.want)
			}
			continue
		}
		if want := fmt.Sprintf("%s %q: want %s%s", test.name, test.text, field.Want(), test.want); err == nil || err.Error() != want {
			t.Errorf("%s %q: error %v, want %s", test.name, test.text, err, want)
		}
	}
}
