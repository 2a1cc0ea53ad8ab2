package experiment

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sae/nn"
)

func ExamplePreset() {
	for number := 1; number <= 3; number++ {
		settings, err := Preset(number)
		if err != nil {
			panic(err)
		}
		settings.Hidden = "512,128"
		architecture := settings.Architecture(3072)
		fmt.Println(number, Names[number], architecture.EncoderHidden, architecture.LatentDims, architecture.DecoderHidden, FormatLambda(architecture.Lambda))
	}
	// Output:
	// 1 Base [512 128] 64 [] 0
	// 2 L1 [512 128] 64 [] 1e-5
	// 3 Mirrored [512 128] 64 [128 512] 1e-5
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
		for _, notch := range field.Notches {
			text := FormatLambda(notch)
			if _, err := Default().With(map[string]string{field.Name: text}); err != nil {
				t.Errorf("notch %v of %s: %v", notch, field.Name, err)
			}
		}
	}
}

// The experiment follows from lambda and mirrored, and the other way round.
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
		if got.Experiment != test.want || got.Lambda != test.lambda || got.Mirrored != (test.want == 3) {
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
		{map[string]string{"experiment": "7"}, `experiment "7": want one of 1, 2, 3`},
		{map[string]string{"experiment": "1", "lambda": "1e-4"}, `experiment "1": want 2, which lambda 1e-4 and mirrored false describe`},
		{map[string]string{"lambada": "1"}, `lambada "1": want one of the settings experiment, lambda`},
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
		changed, err := settings.With(map[string]string{field.Name: text})
		if err != nil {
			t.Fatal(err)
		}
		want := field.Name != "epochs" && field.Name != "workers" && field.Format(settings) != text
		if got := settings.Resets(changed); got != want {
			t.Errorf("%s to %s: Resets is %t, want %t", field.Name, text, got, want)
		}
	}
}

// Every value that the table takes gives a network that nn accepts.
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
