// Package experiment names the experiments of the exercise and holds the one
// table of settings that drives the form, the page's API, the URL and the
// validation.
//
// The three experiments of the exercise differ in two settings:
//
//	experiment   decoder                       penalty on the latent
//	1 Base       straight from latent to output  none (λ = 0)
//	2 L1         straight from latent to output  λ > 0
//	3 Mirrored   encoder's hidden layers reversed λ > 0 (0 switches it off)
//
// so the number of the experiment follows from mirrored and lambda, and a
// change of either moves to the experiment that it describes.
package experiment

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sae/nn"
)

// Settings configures one run. The zero value is not valid: start from
// [Default] or [Preset] and change it by [Settings.With].
type Settings struct {
	Experiment int     `json:"experiment"` // 1, 2 or 3
	Hidden     string  `json:"hidden"`     // widths of the encoder's hidden layers, "512,128"; "" for none
	Latent     int     `json:"latent"`     // units of the latent layer
	Lambda     float64 `json:"lambda"`     // λ of the L1 activity regularisation
	Mirrored   bool    `json:"mirrored"`   // the decoder repeats the hidden layers in reverse
	Epochs     int     `json:"epochs"`     // passes over the training images
	Batch      int     `json:"batch"`      // images per step
	LR         float64 `json:"lr"`         // Adam's learning rate
	Seed       int     `json:"seed"`       // of the initial kernels and the shuffling
	Init       string  `json:"init"`       // initialiser of the kernels, as nn names it
	Workers    string  `json:"workers"`    // of the team that trains: Auto, or one of the table's numbers
	Subset     int     `json:"subset"`     // training images used; 0 for all
}

// Auto leaves the number of workers to measurement.
const Auto = "auto"

// Default returns the settings of a first visit: experiment 2.
func Default() Settings {
	return Settings{
		Experiment: 2,
		Hidden:     "512,128",
		Latent:     64,
		Lambda:     1e-5,
		Epochs:     20,
		Batch:      128,
		LR:         1e-3,
		Seed:       1,
		Init:       "glorot",
		Workers:    Auto,
	}
}

// Preset returns the default settings with those of the given experiment,
// 1, 2 or 3.
func Preset(number int) (Settings, error) {
	return Default().With(map[string]string{"experiment": strconv.Itoa(number)})
}

// Names of the experiments by their number.
var Names = map[int]string{1: "Base", 2: "L1", 3: "Mirrored"}

// choose sets what the experiment with the given number fixes and leaves the
// rest: a λ that was chosen before survives a visit to another experiment
// with a penalty.
func (s *Settings) choose(number int) {
	s.Experiment = number
	s.Mirrored = number == 3
	switch {
	case number == 1:
		s.Lambda = 0
	case s.Lambda == 0:
		s.Lambda = Default().Lambda
	}
}

// classify returns the number of the experiment that mirrored and lambda
// describe.
func (s Settings) classify() int {
	switch {
	case s.Mirrored:
		return 3
	case s.Lambda > 0:
		return 2
	}
	return 1
}

// With returns the settings with the named changes applied, each checked
// against [Table]: first the experiment, then the rest. When there is no
// experiment among the changes, it follows from mirrored and lambda. The
// error joins one [*FieldError] per bad change; the settings returned with
// it are s unchanged.
func (s Settings) With(changes map[string]string) (Settings, error) {
	changed := s
	var errs []error
	for name := range changes {
		if _, ok := Lookup(name); !ok {
			errs = append(errs, &FieldError{Name: name, Value: changes[name], Want: "one of the settings " + strings.Join(fieldNames(), ", ")})
		}
	}
	for _, field := range Table { // experiment stands first
		text, ok := changes[field.Name]
		if !ok {
			continue
		}
		if err := field.parse(&changed, strings.TrimSpace(text)); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return s, errors.Join(errs...)
	}
	if _, chosen := changes["experiment"]; !chosen {
		changed.Experiment = changed.classify()
	} else if got := changed.classify(); got != changed.Experiment {
		return s, &FieldError{
			Name:  "experiment",
			Value: strconv.Itoa(changed.Experiment),
			Want:  fmt.Sprintf("%d, which lambda %s and mirrored %t describe", got, FormatLambda(changed.Lambda), changed.Mirrored),
		}
	}
	return changed, nil
}

// Architecture returns the autoencoder's layers for images of inputDims
// numbers.
func (s Settings) Architecture(inputDims int) nn.Architecture {
	hidden := s.HiddenLayers()
	architecture := nn.Architecture{
		InputDims:     inputDims,
		EncoderHidden: hidden,
		LatentDims:    s.Latent,
		Lambda:        s.Lambda,
	}
	if s.Mirrored {
		for i := range hidden {
			architecture.DecoderHidden = append(architecture.DecoderHidden, hidden[len(hidden)-1-i])
		}
	}
	return architecture
}

// HiddenLayers returns the widths in Hidden.
func (s Settings) HiddenLayers() []int {
	widths, err := parseHidden(s.Hidden)
	if err != nil {
		return nil // cannot happen for settings that With returned
	}
	return widths
}

// TrainingImages returns how many of the available images a run uses.
func (s Settings) TrainingImages(available int) int {
	if s.Subset == 0 {
		return available
	}
	return min(s.Subset, available)
}

// Fit reports whether a data set with the given number of training images
// suffices: subset and batch must not exceed it.
func (s Settings) Fit(available int) error {
	if s.Subset > available {
		return &FieldError{"subset", strconv.Itoa(s.Subset), fmt.Sprintf("at most the %d training images of the data set, or 0 for all", available)}
	}
	if used := s.TrainingImages(available); s.Batch > used {
		return &FieldError{"batch", strconv.Itoa(s.Batch), fmt.Sprintf("at most the %d training images in use", used)}
	}
	return nil
}

// Resets reports whether changing s to t asks for a new run: everything does
// but the number of epochs and that of workers.
func (s Settings) Resets(t Settings) bool {
	s.Epochs, s.Workers = t.Epochs, t.Workers
	return s != t
}
