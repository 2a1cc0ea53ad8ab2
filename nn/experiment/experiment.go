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
//	5 TopK              any                              TopK, or an L1 penalty
//	6 Patches           any                              any, on patches of images
//
// The fourth shows what the same kind of network can do if it is set up with care: it
// starts from the principal components of the training images, its latent layer is
// linear and its learning rate decays. The fifth is a sparse autoencoder as they are built
// to interpret language models: a latent layer of many units, of which TopK keeps a few, and
// a decoder of unit directions, trained by the squared error (L. Gao et al., Scaling and
// evaluating sparse autoencoders, 2024). The sixth is the same on whitened patches, where
// the directions become edges: see package patch.
//
// The number of the experiment follows from the settings: it is 6 if patch is not 0, 5 if
// sparsity, loss, unit, aux or init has a value that only experiment 5 uses, and 4 if init,
// activation, decay or warmup has another value that the exercise does not use; otherwise
// mirrored and lambda decide.
package experiment

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sae/nn"
	"sae/nn/patch"
)

// Settings configures a run. The zero value is invalid: start from [Default] or
// [Preset] and change it by [Settings.With].
type Settings struct {
	Experiment int     `json:"experiment"` // 1 to 6
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
	Device     string  `json:"device"`     // what trains: Auto, "cpu" or "gpu"
	Subset     int     `json:"subset"`     // training images used; 0 for all

	Sparsity string  `json:"sparsity"` // what keeps codes sparse: L1 or TopK
	K        int     `json:"k"`        // latent units that TopK leaves active per image; 0 with L1
	Loss     string  `json:"loss"`     // that trains: "bce" or "mse"
	Unit     bool    `json:"unit"`     // the decoder's directions have unit norm
	Aux      float64 `json:"aux"`      // weight of AuxK; 0 for none
	Warmup   int     `json:"warmup"`   // steps in which the learning rate rises to LR; 0 for none

	Patch  int  `json:"patch"`  // side of the patches that images are cut into, in pixels; 0 for whole images
	Whiten bool `json:"whiten"` // whether patches are whitened
}

// UnmarshalJSON reads settings. What earlier versions did not have, and so do not name, gets
// the values that they used.
func (s *Settings) UnmarshalJSON(text []byte) error {
	type plain Settings // without this method
	first := Default()
	all := plain(*s)
	all.Sparsity, all.K, all.Loss, all.Unit, all.Aux, all.Warmup = first.Sparsity, 0, first.Loss, false, 0, 0
	all.Patch, all.Whiten = 0, false
	all.Device = first.Device
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	*s = Settings(all)
	return nil
}

const (
	// Auto measures which number of workers, or which device, is fastest.
	Auto = "auto"
	// PCA starts from the principal components of the training images.
	PCA = "pca"
	// Tied starts from random unit directions in the decoder, their transpose in the
	// encoder, and the mean of the training images.
	Tied = "tied"
)

// Values of Settings.Sparsity.
const (
	L1   = "l1"   // a penalty with the weight λ
	TopK = "topk" // the K largest latent activations of an image
)

// whitened is the side of the patches that can be whitened: the eigendecomposition for
// larger ones takes seconds, in which the worker answers nothing.
const whitened = 8

// deadAfter is how often a unit is active on average while one that AuxK revives is not.
const deadAfter = 64

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
		Device:     Auto,
		Sparsity:   L1,
		Loss:       nn.BCE.String(),
	}
}

// OnThisMachine returns the settings with those of another that depend on the machine, as
// Field.Machine says.
func (s Settings) OnThisMachine(machine Settings) Settings {
	s.Workers, s.Device = machine.Workers, machine.Device
	return s
}

// Preset returns the default settings of the given experiment, 1 to 6.
func Preset(number int) (Settings, error) {
	return Default().With(map[string]string{"experiment": strconv.Itoa(number)})
}

// Names are the names of the experiments, by number.
var Names = map[int]string{1: "Base", 2: "L1 sparsity", 3: "Mirrored decoder", 4: "Tuned", 5: "TopK", 6: "Patches"}

// choose sets what the experiment with the given number fixes and keeps the rest,
// including a λ above 0 between experiments with a penalty.
func (s *Settings) choose(number int) {
	first, was := Default(), *s
	if number > 3 || was.classify() > 3 { // these set most settings
		*s = first.OnThisMachine(was)
		s.Latent, s.Epochs, s.Seed, s.Subset = was.Latent, was.Epochs, was.Seed, was.Subset
		if was.classify() > 4 {
			s.Latent = first.Latent
		}
	}
	s.Experiment = number
	s.Mirrored = number == 3
	switch number {
	case 1:
		s.Lambda = 0
	case 4:
		s.Hidden, s.Mirrored, s.Lambda = "512,256", true, 0
		s.Init, s.Activation = PCA, nn.Linear.String()
		s.Batch, s.LR, s.Decay = 32, 1e-4, 0.85
	case 5:
		s.Hidden, s.Latent, s.Lambda = "", 128, 0
		s.Sparsity, s.K, s.Loss, s.Unit, s.Aux, s.Init = TopK, 32, nn.MSE.String(), true, 8, Tied
		s.Batch, s.LR, s.Decay, s.Warmup = 64, 3e-3, 0.9, 100
	case 6:
		s.Patch, s.Whiten = whitened, true
		s.Hidden, s.Latent, s.Lambda = "", 512, 0
		s.Sparsity, s.K, s.Loss, s.Unit, s.Aux, s.Init = TopK, 8, nn.MSE.String(), true, 1.0/32, Tied
		s.Batch, s.LR, s.Decay, s.Warmup = 256, 2e-3, 0.9, 50
	default:
		if s.Lambda == 0 {
			s.Lambda = first.Lambda
		}
	}
}

// tuned reports whether the settings use something of experiment 4 that the exercise does
// not.
func (s Settings) tuned() bool {
	return s.Init == PCA || s.Activation != nn.ReLU.String() || s.Decay != 1 || s.Warmup != 0
}

// modern reports whether the settings use something that only experiment 5 does.
func (s Settings) modern() bool {
	return s.Sparsity != L1 || s.Loss != nn.BCE.String() || s.Unit || s.Aux != 0 || s.Init == Tied
}

// check returns a [*FieldError] for the first setting that contradicts others.
func (s Settings) check() error {
	topK := s.Sparsity == TopK
	switch {
	case topK && (s.K < 1 || s.K > s.Latent):
		return &FieldError{"k", strconv.Itoa(s.K), fmt.Sprintf("1 to the latent size, %d, because sparsity is %s", s.Latent, TopK)}
	case !topK && s.K != 0:
		return &FieldError{"k", strconv.Itoa(s.K), fmt.Sprintf("0, because sparsity is %s; with %s, 1 to the latent size", s.Sparsity, TopK)}
	case topK && s.Lambda != 0:
		return &FieldError{"lambda", FormatLambda(s.Lambda), fmt.Sprintf("0, because sparsity is %s; %s has a penalty", TopK, L1)}
	case topK && s.Activation != nn.ReLU.String():
		return &FieldError{"activation", s.Activation, fmt.Sprintf("%v, because sparsity is %s", nn.ReLU, TopK)}
	case s.Aux != 0 && (!topK || s.Loss != nn.MSE.String() || s.Mirrored && s.Hidden != ""):
		return &FieldError{"aux", formatNumber(s.Aux), fmt.Sprintf("0, or sparsity %s, loss %v, and mirrored false", TopK, nn.MSE)}
	case s.Whiten && (s.Patch != whitened || s.Loss != nn.MSE.String()):
		return &FieldError{"whiten", "true", fmt.Sprintf("false, or patch %d and loss %v, because whitened values are not between 0 and 1, and larger patches take seconds to prepare, in which training cannot be paused", whitened, nn.MSE)}
	case s.Init == PCA && s.Patch != 0:
		return &FieldError{"init", s.Init, "another, because the components are of whole images, and patch is not 0"}
	case s.Init == Tied && s.Hidden != "":
		return &FieldError{"init", s.Init, fmt.Sprintf("one of %s, because there are hidden layers", strings.Join(append(nn.InitializerNames(), PCA), ", "))}
	}
	return nil
}

// classify returns the number of the experiment that the settings describe.
func (s Settings) classify() int {
	switch {
	case s.Patch != 0:
		return 6
	case s.modern():
		return 5
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
	if err := changed.check(); err != nil {
		return s, err
	}
	if _, chosen := changes["experiment"]; !chosen {
		changed.Experiment = changed.classify()
	} else if got := changed.classify(); got != changed.Experiment {
		return s, &FieldError{
			Name:  "experiment",
			Value: strconv.Itoa(changed.Experiment),
			Want: fmt.Sprintf("%d, which lambda %s, mirrored %t, init %s, activation %s, decay %s, warmup %d, sparsity %s, loss %s, unit %t, aux %s and patch %d describe", got,
				FormatLambda(changed.Lambda), changed.Mirrored, changed.Init, changed.Activation, formatNumber(changed.Decay), changed.Warmup,
				changed.Sparsity, changed.Loss, changed.Unit, formatNumber(changed.Aux), changed.Patch),
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
	mirrored, init := s.Mirrored, s.Init
	if init == Tied && len(encoder) > 0 {
		init = Default().Init
	}
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
		"init":     init,
	})
}

func reversed(widths []int) []int {
	result := slices.Clone(widths)
	slices.Reverse(result)
	return result
}

// Grid returns how images are cut into patches. They have 32×32 pixels of three channels.
// It must not be called if Patch is 0.
func (s Settings) Grid() patch.Grid {
	return patch.Grid{Width: 32, Height: 32, Channels: 3, Side: s.Patch}
}

// PerImage returns the number of rows that the autoencoder reads for an image: its patches,
// or 1.
func (s Settings) PerImage() int {
	if s.Patch == 0 {
		return 1
	}
	return s.Grid().PerImage()
}

// Architecture returns the autoencoder's layers for images of inputDims values, which are
// cut into patches unless Patch is 0.
func (s Settings) Architecture(inputDims int) nn.Architecture {
	hidden := s.HiddenLayers()
	architecture := nn.Architecture{
		InputDims:     s.inputDims(inputDims),
		EncoderHidden: hidden,
		LatentDims:    s.Latent,
		Lambda:        s.Lambda,
		K:             s.K,
		Unit:          s.Unit,
		Aux:           s.Aux,
	}
	if s.Loss == nn.MSE.String() {
		architecture.Loss = nn.MSE
	}
	if s.Aux > 0 && s.K > 0 {
		perStep := s.K * s.Batch // activations of all units
		architecture.DeadSteps = (deadAfter*s.Latent + perStep - 1) / perStep
	}
	architecture.Center = s.Init == Tied && architecture.Loss == nn.MSE
	if s.Activation == nn.Linear.String() {
		architecture.Latent = nn.Linear
	}
	if s.Mirrored {
		architecture.DecoderHidden = reversed(hidden)
	}
	return architecture
}

// inputDims returns the values per row that the autoencoder reads, for images of imageDims.
func (s Settings) inputDims(imageDims int) int {
	if s.Patch == 0 {
		return imageDims
	}
	return s.Grid().Dims()
}

// Adam returns the optimiser of a run with the given number of training images.
func (s Settings) Adam(images int) nn.Adam {
	adam := nn.DefaultAdam
	adam.LearningRate, adam.WarmupSteps = s.LR, s.Warmup
	if s.Decay != 1 {
		adam.Decay = s.Decay
		adam.DecaySteps = (images*s.PerImage() + s.Batch - 1) / s.Batch
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
	if used := s.TrainingImages(available) * s.PerImage(); s.Batch > used {
		what := "training images"
		if s.Patch != 0 {
			what = "patches of the training images"
		}
		return &FieldError{"batch", strconv.Itoa(s.Batch), fmt.Sprintf("at most the %d %s in use", used, what)}
	}
	return nil
}

// FitTo returns settings that fit a data set with the given number of training images: a
// subset that is too large becomes 0, and batch is reduced to the images in use.
func (s Settings) FitTo(available int) Settings {
	if s.Subset > available {
		s.Subset = 0
	}
	s.Batch = min(s.Batch, s.TrainingImages(available)*s.PerImage())
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
// except the numbers of epochs and workers, and the device.
func (s Settings) Resets(t Settings) bool {
	s.Epochs = t.Epochs
	return s.OnThisMachine(t) != t
}
