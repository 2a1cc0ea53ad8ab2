// Package experiment defines the experiments and the table of settings. The form, the
// page's API, the URL and the validation follow from the table.
//
// The three experiments of the exercise differ in two settings:
//
//	experiment          decoder                          penalty on the latent
//	1 Base              straight from latent to output   none (λ = 0)
//	2 L1 sparsity       straight from latent to output   λ > 0
//	3 Mirrored decoder  encoder's hidden layers reversed λ > 0 (0 switches it off)
//	4 Tuned             any                              any
//
// The fourth shows what the same kind of network can do if it is set up with care: it
// starts from the principal components of the training images, its latent layer is
// linear and its learning rate decays.
//
// The number of the experiment follows from the settings: it is 4 if init, activation or
// decay has a value that the exercise does not use; otherwise mirrored and lambda decide.
package experiment

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sae/nn"
)

// Settings configures a run. The zero value is invalid: start from [Default] or
// [Preset] and change it by [Settings.With].
type Settings struct {
	Experiment int     `json:"experiment"` // 1, 2, 3 or 4
	Hidden     string  `json:"hidden"`     // widths of the encoder's hidden layers, "512,128"; "" for none
	Latent     int     `json:"latent"`     // units of the latent layer
	Lambda     float64 `json:"lambda"`     // λ of the L1 activity regularisation
	Mirrored   bool    `json:"mirrored"`   // the decoder repeats the hidden layers in reverse
	Epochs     int     `json:"epochs"`     // passes over the training images
	Batch      int     `json:"batch"`      // images per step
	LR         float64 `json:"lr"`         // Adam's initial learning rate
	Decay      float64 `json:"decay"`      // factor of the learning rate per epoch
	Seed       int     `json:"seed"`       // of the initial kernels and the shuffling
	Init       string  `json:"init"`       // initialiser of the kernels: PCA or one of nn.InitializerNames
	Activation string  `json:"activation"` // of the latent layer, as Keras names it
	Workers    string  `json:"workers"`    // team size: Auto, "1", "2", "4" or "8"
	Subset     int     `json:"subset"`     // training images used; 0 for all
}

const (
	// Auto measures which number of workers is fastest.
	Auto = "auto"
	// PCA starts from the principal components of the training images.
	PCA = "pca"
)

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
		Decay:      1,
		Seed:       1,
		Init:       "glorot",
		Activation: nn.ReLU.String(),
		Workers:    Auto,
	}
}

// Preset returns the default settings of the given experiment, 1 to 4.
func Preset(number int) (Settings, error) {
	return Default().With(map[string]string{"experiment": strconv.Itoa(number)})
}

// Names are the names of the experiments, by number.
var Names = map[int]string{1: "Base", 2: "L1 sparsity", 3: "Mirrored decoder", 4: "Tuned"}

// choose sets what the experiment with the given number fixes and keeps the rest,
// including a λ above 0 between experiments with a penalty.
func (s *Settings) choose(number int) {
	first := Default()
	if number == 4 {
		s.Experiment = 4
		s.Hidden, s.Mirrored, s.Lambda = "512,256", true, 0
		s.Init, s.Activation = PCA, nn.Linear.String()
		s.Batch, s.LR, s.Decay = 32, 1e-4, 0.85
		return
	}
	if s.tuned() {
		s.Hidden, s.Lambda = first.Hidden, first.Lambda
		s.Init, s.Activation = first.Init, first.Activation
		s.Batch, s.LR, s.Decay = first.Batch, first.LR, first.Decay
	}
	s.Experiment = number
	s.Mirrored = number == 3
	switch {
	case number == 1:
		s.Lambda = 0
	case s.Lambda == 0:
		s.Lambda = first.Lambda
	}
}

// tuned reports whether the settings use something that the exercise does not.
func (s Settings) tuned() bool {
	return s.Init == PCA || s.Activation != nn.ReLU.String() || s.Decay != 1
}

// classify returns the number of the experiment that the settings describe.
func (s Settings) classify() int {
	switch {
	case s.tuned():
		return 4
	case s.Mirrored:
		return 3
	case s.Lambda > 0:
		return 2
	}
	return 1
}

// With returns the settings with changes, by name, that are checked against [Table]. The
// experiment is applied first. If it is not among the changes, it follows from them. The
// error joins a [*FieldError] for each invalid change; then, With returns s.
func (s Settings) With(changes map[string]string) (Settings, error) {
	changed := s
	var errs []error
	for name := range changes {
		if _, ok := Lookup(name); !ok {
			errs = append(errs, &FieldError{Name: name, Value: changes[name], Want: "one of the settings " + strings.Join(FieldNames(), ", ")})
		}
	}
	for _, field := range Table { // experiment comes first
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
			Want: fmt.Sprintf("%d, which lambda %s, mirrored %t, init %s, activation %s and decay %s describe", got,
				FormatLambda(changed.Lambda), changed.Mirrored, changed.Init, changed.Activation, formatNumber(changed.Decay)),
		}
	}
	return changed, nil
}

// Validate returns an error for settings that With could not return.
func (s Settings) Validate() error {
	texts := map[string]string{}
	for _, field := range Table {
		texts[field.Name] = field.Format(s)
	}
	same, err := s.With(texts)
	if err == nil && same != s {
		err = fmt.Errorf("settings %+v: want %+v", s, same)
	}
	return err
}

// Change is a setting and its new value.
type Change struct{ Name, Value string }

// Changes returns the changes by which [Settings.With] makes the default settings s, the
// experiment first.
func (s Settings) Changes() []Change {
	var changes []Change
	base := Default()
	for _, field := range Table { // experiment comes first, and changes others
		value := field.Format(s)
		if value == field.Format(base) {
			continue
		}
		changes = append(changes, Change{field.Name, value})
		if field.Name == "experiment" {
			base.choose(s.Experiment)
		}
	}
	return changes
}

// WithLayers returns the settings with the given widths: of the encoder's hidden layers,
// the latent layer and the decoder's hidden layers, which must be none or the encoder's
// in reverse.
func (s Settings) WithLayers(encoder []int, latent int, decoder []int) (Settings, error) {
	mirrored := s.Mirrored
	if len(encoder)+len(decoder) > 0 {
		mirrored = len(decoder) > 0
	}
	if mirrored && !slices.Equal(decoder, reversed(encoder)) {
		return s, fmt.Errorf("decoder's hidden layers %v: want none, or the encoder's %v in reverse", decoder, encoder)
	}
	return s.With(map[string]string{
		"hidden":   formatHidden(encoder),
		"latent":   strconv.Itoa(latent),
		"mirrored": strconv.FormatBool(mirrored),
	})
}

func reversed(widths []int) []int {
	result := slices.Clone(widths)
	slices.Reverse(result)
	return result
}

// Architecture returns the autoencoder's layers for images of inputDims values.
func (s Settings) Architecture(inputDims int) nn.Architecture {
	hidden := s.HiddenLayers()
	architecture := nn.Architecture{
		InputDims:     inputDims,
		EncoderHidden: hidden,
		LatentDims:    s.Latent,
		Lambda:        s.Lambda,
	}
	if s.Activation == nn.Linear.String() {
		architecture.Latent = nn.Linear
	}
	if s.Mirrored {
		architecture.DecoderHidden = reversed(hidden)
	}
	return architecture
}

// Adam returns the optimiser of a run with the given number of training images.
func (s Settings) Adam(images int) nn.Adam {
	adam := nn.DefaultAdam
	adam.LearningRate = s.LR
	if s.Decay != 1 {
		adam.Decay = s.Decay
		adam.DecaySteps = (images + s.Batch - 1) / s.Batch
	}
	return adam
}

// HiddenLayers returns Hidden as numbers.
func (s Settings) HiddenLayers() []int {
	widths, err := parseHidden(s.Hidden)
	if err != nil {
		return nil // impossible for valid settings
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

// Fit returns an error if subset or batch exceeds the given number of training
// images of a data set.
func (s Settings) Fit(available int) error {
	if s.Subset > available {
		return &FieldError{"subset", strconv.Itoa(s.Subset), fmt.Sprintf("at most the %d training images of the data set, or 0 for all", available)}
	}
	if used := s.TrainingImages(available); s.Batch > used {
		return &FieldError{"batch", strconv.Itoa(s.Batch), fmt.Sprintf("at most the %d training images in use", used)}
	}
	return nil
}

// FitTo returns settings that fit a data set with the given number of training images: a
// subset that is too large becomes 0, and batch is reduced to the images in use.
func (s Settings) FitTo(available int) Settings {
	if s.Subset > available {
		s.Subset = 0
	}
	s.Batch = min(s.Batch, s.TrainingImages(available))
	return s
}

// Keep returns a [*FieldError] for the first of the named settings, which are locked,
// whose value differs between s and t.
func (s Settings) Keep(names []string, t Settings) error {
	for _, field := range Table {
		if value := field.Format(t); slices.Contains(names, field.Name) && value != field.Format(s) {
			return &FieldError{field.Name, value, field.Format(s) + ", which is locked"}
		}
	}
	return nil
}

// Resets reports whether changing s to t starts a new run. Every setting does,
// except the numbers of epochs and workers.
func (s Settings) Resets(t Settings) bool {
	s.Epochs, s.Workers = t.Epochs, t.Workers
	return s != t
}
