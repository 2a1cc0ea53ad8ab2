package experiment

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"sae/nn"
)

// Kind is the type of a field's values. It determines the control in the form.
type Kind int

const (
	Integer Kind = iota // whole numbers from Min to Max
	Number              // finite numbers from Min to Max
	Widths              // layer widths separated by commas
	Choice              // one of Choices
	Toggle              // true or false
)

// Field describes a setting.
type Field struct {
	Name     string              // in JSON, the URL and attributes
	Label    string              // on the page
	Help     string              // what the setting does
	Kind     Kind                // of its values
	Min, Max float64             // bounds of Integer and Number, and of each width
	Choices  []string            // values of a Choice
	Notches  []float64           // positions of the field's slider; nil if it has none
	Machine  bool                // whether it depends on the machine, and not on what is trained
	applies  func(Settings) bool // nil for always
	Format   func(Settings) string
	set      func(*Settings, value)
}

// value is a parsed and checked value of a field.
type value struct {
	number float64
	text   string
	flag   bool
}

// Limits of the memory that the largest network takes.
const (
	maxHiddenLayers = 6
	maxWidth        = 4096
)

// defaultK is the k of a latent layer that becomes a TopK layer.
const defaultK = 32

// Table lists the settings, in the order of the form.
var Table = []Field{
	{
		Name: "experiment", Label: "Experiment", Kind: Choice, Choices: []string{"1", "2", "3", "4", "5", "6"},
		Help:   "1 is the plain autoencoder. 2 adds an L1 penalty on the latent layer. 3 also gives the decoder the encoder's hidden layers in reverse. 4 starts from principal components, with a linear latent layer and a decaying learning rate. 5 keeps only the largest of many latent activations and trains the squared error. 6 does so on whitened patches, and finds edges.",
		Format: func(s Settings) string { return strconv.Itoa(s.Experiment) },
		set:    func(s *Settings, v value) { s.choose(int(v.text[0] - '0')) },
	},
	{
		Name: "sparsity", Label: "Sparsity", Kind: Choice, Choices: []string{L1, TopK},
		Help:   "What keeps codes sparse: l1 is a penalty on the latent activations, topk keeps the k largest of each picture and sets the others to 0.",
		Format: func(s Settings) string { return s.Sparsity },
		set: func(s *Settings, v value) {
			if v.text == s.Sparsity {
				return
			}
			if s.Sparsity = v.text; v.text == TopK {
				s.K, s.Lambda, s.Activation = min(defaultK, s.Latent), 0, nn.ReLU.String()
			} else {
				s.K, s.Aux = 0, 0
			}
		},
	},
	{
		Name: "lambda", Label: "Sparsity λ", Kind: Number, Min: 0, Max: 1,
		Notches: []float64{0, 1e-7, 3e-7, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4},
		Help:    "The weight of the L1 penalty: the loss includes λ times the sum of the latent activations. A larger λ leaves fewer units active.",
		Format:  func(s Settings) string { return FormatLambda(s.Lambda) },
		set:     func(s *Settings, v value) { s.Lambda = v.number },
		applies: func(s Settings) bool { return s.Sparsity == L1 },
	},
	{
		Name: "latent", Label: "Latent size", Kind: Integer, Min: 1, Max: 1024,
		Notches: []float64{8, 16, 32, 64, 128, 256, 512, 1024},
		Help:    "The number of units in the latent layer: the length of an image's code.",
		Format:  func(s Settings) string { return strconv.Itoa(s.Latent) },
		set: func(s *Settings, v value) {
			s.Latent = int(v.number)
			s.K = min(s.K, s.Latent)
		},
	},
	{
		Name: "k", Label: "Active units k", Kind: Integer, Min: 0, Max: 1024,
		Notches: []float64{4, 8, 16, 32, 64, 128},
		Help:    "With topk, the number of latent units that are active on a picture, those with the largest activations; otherwise 0.",
		Format:  func(s Settings) string { return strconv.Itoa(s.K) },
		set:     func(s *Settings, v value) { s.K = int(v.number) },
		applies: func(s Settings) bool { return s.Sparsity == TopK },
	},
	{
		Name: "hidden", Label: "Hidden layers", Kind: Widths, Min: 1, Max: maxWidth,
		Help:   "The widths of the encoder's hidden layers, from the input to the latent layer, separated by commas; empty for none.",
		Format: func(s Settings) string { return s.Hidden },
		set:    func(s *Settings, v value) { s.Hidden = v.text },
	},
	{
		Name: "mirrored", Label: "Mirrored decoder", Kind: Toggle,
		Help:   "Gives the decoder the encoder's hidden layers in reverse; otherwise it is a single layer.",
		Format: func(s Settings) string { return strconv.FormatBool(s.Mirrored) },
		set:    func(s *Settings, v value) { s.Mirrored = v.flag },
	},
	{
		Name: "loss", Label: "Loss", Kind: Choice, Choices: []string{nn.BCE.String(), nn.MSE.String()},
		Help:   "What training minimises: the binary cross-entropy of a sigmoid output (bce), or the mean squared error of a linear output (mse).",
		Format: func(s Settings) string { return s.Loss },
		set: func(s *Settings, v value) {
			if s.Loss = v.text; v.text != nn.MSE.String() {
				s.Aux, s.Whiten = 0, false
			}
		},
	},
	{
		Name: "unit", Label: "Unit directions", Kind: Toggle,
		Help:   "Keeps the decoder's weights of each latent unit at length 1, so that its activation alone says how much the unit contributes.",
		Format: func(s Settings) string { return strconv.FormatBool(s.Unit) },
		set:    func(s *Settings, v value) { s.Unit = v.flag },
	},
	{
		Name: "aux", Label: "AuxK weight", Kind: Number, Min: 0, Max: 1000,
		Help:   "With topk and mse, the weight of a second loss that revives dead units: they learn to reconstruct what the others miss. 0 for none.",
		Format: func(s Settings) string { return formatNumber(s.Aux) },
		set:    func(s *Settings, v value) { s.Aux = v.number },
		applies: func(s Settings) bool {
			return s.Sparsity == TopK && s.Loss == nn.MSE.String() && (s.Hidden == "" || !s.Mirrored)
		},
	},
	{
		Name: "patch", Label: "Patches", Kind: Choice, Choices: []string{"0", "8", "16"},
		Help:   "The side, in pixels, of the patches that pictures are cut into: the autoencoder learns from single patches. 0 for whole pictures.",
		Format: func(s Settings) string { return strconv.Itoa(s.Patch) },
		set: func(s *Settings, v value) {
			s.Patch, _ = strconv.Atoi(v.text)
			s.Whiten = s.Whiten && s.Patch == whitened
		},
	},
	{
		Name: "whiten", Label: "Whitened", Kind: Toggle,
		Help:    "With patches of 8 and mse: subtracts each patch's mean and makes its values uncorrelated (ZCA), so that fine edges count as much as large areas.",
		Format:  func(s Settings) string { return strconv.FormatBool(s.Whiten) },
		set:     func(s *Settings, v value) { s.Whiten = v.flag },
		applies: func(s Settings) bool { return s.Patch == whitened && s.Loss == nn.MSE.String() },
	},
	{
		Name: "epochs", Label: "Epochs", Kind: Integer, Min: 1, Max: 10_000,
		Help:   "The number of passes through the training images.",
		Format: func(s Settings) string { return strconv.Itoa(s.Epochs) },
		set:    func(s *Settings, v value) { s.Epochs = int(v.number) },
	},
	{
		Name: "batch", Label: "Batch size", Kind: Integer, Min: 1, Max: 4096,
		Help:   "The number of images per training step.",
		Format: func(s Settings) string { return strconv.Itoa(s.Batch) },
		set:    func(s *Settings, v value) { s.Batch = int(v.number) },
	},
	{
		Name: "lr", Label: "Learning rate", Kind: Number, Min: 1e-8, Max: 10,
		Help:   "The step size of Adam, the optimiser.",
		Format: func(s Settings) string { return formatNumber(s.LR) },
		set:    func(s *Settings, v value) { s.LR = v.number },
	},
	{
		Name: "warmup", Label: "Warm-up", Kind: Integer, Min: 0, Max: 1e6,
		Help:   "The number of steps in which the learning rate rises from 0 to its value; 0 for none.",
		Format: func(s Settings) string { return strconv.Itoa(s.Warmup) },
		set:    func(s *Settings, v value) { s.Warmup = int(v.number) },
	},
	{
		Name: "decay", Label: "Decay", Kind: Number, Min: 0.1, Max: 1,
		Help:   "The factor by which the learning rate shrinks per epoch, gradually; 1 keeps it constant.",
		Format: func(s Settings) string { return formatNumber(s.Decay) },
		set:    func(s *Settings, v value) { s.Decay = v.number },
	},
	{
		Name: "activation", Label: "Latent activation", Kind: Choice, Choices: []string{nn.ReLU.String(), nn.Linear.String()},
		Help:    "The activation of the latent layer: relu gives codes of zeros and positive numbers, linear any numbers.",
		Format:  func(s Settings) string { return s.Activation },
		set:     func(s *Settings, v value) { s.Activation = v.text },
		applies: func(s Settings) bool { return s.Sparsity == L1 },
	},
	{
		Name: "init", Label: "Initial kernels", Kind: Choice, Choices: append(nn.InitializerNames(), PCA, Tied),
		Help:   "How the kernels start: random by Glorot (Keras's default) or He (made for ReLU), from the principal components of the training images (pca), or, without hidden layers, as random directions that encoder and decoder share (tied), where the encoder learns from pictures without their mean.",
		Format: func(s Settings) string { return s.Init },
		set:    func(s *Settings, v value) { s.Init = v.text },
	},
	{
		Name: "seed", Label: "Seed", Kind: Integer, Min: 0, Max: math.MaxUint32,
		Help:   "The seed for the initial kernels and the shuffling. The same seed and settings give the same run.",
		Format: func(s Settings) string { return strconv.Itoa(s.Seed) },
		set:    func(s *Settings, v value) { s.Seed = int(v.number) },
	},
	{
		Name: "workers", Label: "Workers", Kind: Choice, Choices: []string{Auto, "1", "2", "4", "8"}, Machine: true,
		Help:   "The number of web workers that train together; auto measures which is fastest. The result is the same, bit for bit.",
		Format: func(s Settings) string { return s.Workers },
		set:    func(s *Settings, v value) { s.Workers = v.text },
	},
	{
		Name: "device", Label: "Device", Kind: Choice, Choices: []string{Auto, "cpu", "gpu"}, Machine: true,
		Help:   "What trains: the processor (cpu), or the graphics card by WebGPU (gpu), which computes the same to the last digits; auto takes the card if it is faster.",
		Format: func(s Settings) string { return s.Device },
		set:    func(s *Settings, v value) { s.Device = v.text },
	},
	{
		Name: "subset", Label: "Training images", Kind: Integer, Min: 0, Max: 1e6,
		Help:   "The number of training images to use; 0 for all.",
		Format: func(s Settings) string { return strconv.Itoa(s.Subset) },
		set:    func(s *Settings, v value) { s.Subset = int(v.number) },
	},
}

// Applies reports whether the setting has an effect beside the others, or must have its
// neutral value.
func (f Field) Applies(s Settings) bool { return f.applies == nil || f.applies(s) }

// Lookup returns the field with the given name.
func Lookup(name string) (Field, bool) {
	i := slices.IndexFunc(Table, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return Table[i], true
}

// FieldNames returns the names of the settings in the order of the table.
func FieldNames() []string {
	names := make([]string, len(Table))
	for i, field := range Table {
		names[i] = field.Name
	}
	return names
}

// FieldError reports an invalid value of a setting.
type FieldError struct {
	Name  string // of the setting
	Value string // as given
	Want  string // what is expected instead
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("%s %q: want %s", e.Name, e.Value, e.Want)
}

// Want describes the valid values, for error messages and the form's hints.
func (f Field) Want() string {
	switch f.Kind {
	case Integer:
		return fmt.Sprintf("a whole number from %s to %s", formatNumber(f.Min), formatNumber(f.Max))
	case Number:
		return fmt.Sprintf("a number from %s to %s", formatNumber(f.Min), formatNumber(f.Max))
	case Widths:
		return fmt.Sprintf("at most %d widths from %s to %s separated by commas, such as 512,128", maxHiddenLayers, formatNumber(f.Min), formatNumber(f.Max))
	case Choice:
		return "one of " + strings.Join(f.Choices, ", ")
	}
	return "true or false"
}

// parse checks text and stores it in s.
func (f Field) parse(s *Settings, text string) error {
	bad := &FieldError{Name: f.Name, Value: text, Want: f.Want()}
	var v value
	switch f.Kind {
	case Integer, Number:
		grouped, ok := parseGrouped(text)
		if ok && (f.Kind == Integer || !strings.Contains(text, ".")) {
			bad.Want += f.written(grouped, parseDecimal(text))
			return bad
		}
		v.number = parseDecimal(text)
		if !f.takes(v.number) {
			return bad
		}
	case Widths:
		widths, err := parseHidden(text)
		if err != nil {
			if grouped, ok := parseGrouped(text); ok {
				bad.Want += f.written(grouped)
			}
			return bad
		}
		v.text = formatHidden(widths)
	case Choice:
		if !slices.Contains(f.Choices, text) {
			return bad
		}
		v.text = text
	case Toggle:
		flag, err := strconv.ParseBool(text)
		if err != nil {
			return bad
		}
		v.flag = flag
	}
	f.set(s, v)
	return nil
}

// takes reports whether a number is valid for an Integer, a Number or Widths. NaN is not.
func (f Field) takes(number float64) bool {
	return number >= f.Min && number <= f.Max && (f.Kind == Number || number == math.Trunc(number))
}

// written returns a hint how to write those of the numbers that are valid, or "".
func (f Field) written(numbers ...float64) string {
	var texts []string
	for _, number := range numbers {
		if f.takes(number) {
			texts = append(texts, formatNumber(number))
		}
	}
	if len(texts) == 0 {
		return ""
	}
	return ", written as " + strings.Join(texts, " or ")
}

// parseDecimal parses a number with a decimal point or, as in many languages, a decimal
// comma. It returns NaN for other text.
func parseDecimal(text string) float64 {
	if strings.Count(text, ",") == 1 && !strings.Contains(text, ".") {
		text = strings.Replace(text, ",", ".", 1)
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return number
}

// parseGrouped parses a whole number with thousands separators: 1,000, 1.000, 1 000 or
// 1'000, by language. The first two are ambiguous: in other languages they mean 1.
func parseGrouped(text string) (number float64, ok bool) {
	separator := strings.IndexFunc(text, func(r rune) bool { return strings.ContainsRune(".,'’ \u00a0\u202f", r) })
	if separator < 0 {
		return 0, false
	}
	_, size := utf8.DecodeRuneInString(text[separator:])
	groups := strings.Split(text, text[separator:separator+size])
	for i, group := range groups {
		if _, err := strconv.ParseUint(group, 10, 16); err != nil || i > 0 && len(group) != 3 {
			return 0, false
		}
	}
	if len(groups[0]) > 3 || groups[0][0] == '0' {
		return 0, false
	}
	number, err := strconv.ParseFloat(strings.Join(groups, ""), 64)
	return number, err == nil
}

func parseHidden(text string) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	parts := strings.Split(text, ",")
	if len(parts) > maxHiddenLayers {
		return nil, fmt.Errorf("%d layers", len(parts))
	}
	widths := make([]int, len(parts))
	for i, part := range parts {
		part = strings.TrimSpace(part)
		width, err := strconv.Atoi(part)
		if err != nil {
			return nil, err
		}
		if width < 1 || width > maxWidth || part[0] == '0' { // 1,024 may mean one width
			return nil, fmt.Errorf("width %s", part)
		}
		widths[i] = width
	}
	return widths, nil
}

func formatHidden(widths []int) string {
	parts := make([]string, len(widths))
	for i, width := range widths {
		parts[i] = strconv.Itoa(width)
	}
	return strings.Join(parts, ",")
}

// FormatLambda formats λ as the form does: 0, 1e-5, 3e-7, 0.01.
func FormatLambda(lambda float64) string { return formatNumber(lambda) }

// formatNumber returns the shortest text that parses back to x, with a plain
// exponent: 1e-5 instead of Go's 1e-05.
func formatNumber(x float64) string {
	if x != 0 && math.Abs(x) < 1e-3 {
		text := strconv.FormatFloat(x, 'e', -1, 64)
		return strings.Replace(text, "e-0", "e-", 1)
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}
