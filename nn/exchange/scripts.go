package exchange

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"sae/nn/experiment"
)

// The programs in Python. A line "#if NAME=VALUE NAME=VALUE" begins a part that belongs to a
// program if these settings have these values, after ! if they have not; "#end" ends it.
// Other lines have values in place of $NAME.
var (
	//go:embed keras.py
	kerasProgram string
	//go:embed pytorch.py
	pytorchProgram string
)

// program returns what a template says for settings. values are more pairs of a $NAME and
// its value.
func program(template string, s experiment.Settings, values ...string) string {
	settings := " "
	for _, field := range experiment.Table {
		value := field.Format(s)
		settings += field.Name + "=" + value + " "
		values = append(values, "$"+field.Name, value)
	}
	var lines []string
	belongs := true
	for _, line := range strings.SplitAfter(template, "\n") {
		conditions, begins := strings.CutPrefix(line, "#if ")
		if begins || line == "#end\n" {
			belongs = true
			for _, condition := range strings.Fields(conditions) {
				condition, not := strings.CutPrefix(condition, "!")
				if begins && strings.Contains(settings, " "+condition+" ") == not {
					belongs = false
				}
			}
		} else if belongs {
			lines = append(lines, line)
		}
	}
	return strings.NewReplacer(values...).Replace(strings.Join(lines, ""))
}

// python is program with what the programs in Python need.
func python(template string, s experiment.Settings, train, validation int, values ...string) string {
	offset := "0"
	if s.Activation == "relu" && s.Sparsity == experiment.L1 {
		offset = "3"
	}
	text, _ := json.Marshal(s) // has no error
	return program(template, s, append(values, "$experiment", strconv.Itoa(s.Experiment), "$name", experiment.Names[s.Experiment], "$settings", string(text),
		"$train", strconv.Itoa(train), "$validation", strconv.Itoa(validation), "$offset", offset, "$dead", strconv.Itoa(s.Architecture(0).DeadSteps))...)
}

// PyTorch returns a Python program that trains the experiment on CIFAR-10 with PyTorch, on
// the given numbers of training and validation images, also in several processes of torchrun.
// If the program is given an exported .safetensors file, it evaluates that. It uses
// PyTorch's random numbers, so losses differ as between two seeds.
func PyTorch(s experiment.Settings, train, validation int) string {
	return python(pytorchProgram, s, train, validation)
}

// Keras returns a Python program that trains the experiment on CIFAR-10 with Keras, on
// the given numbers of training and validation images. If the program is given an
// exported .npz file, it evaluates its weights instead. It uses Keras's random numbers,
// so losses differ as between two seeds. Settings that the program lacks are an error.
func Keras(s experiment.Settings, train, validation int) (string, error) {
	for _, refused := range [][3]string{
		{"aux", "0", "fit has no second loss for units that are dead"},
		{"whiten", "false", "its layers do not whiten"},
	} {
		field, _ := experiment.Lookup(refused[0])
		if value := field.Format(s); value != refused[1] {
			return "", fmt.Errorf("program in Keras: %s %s: want %s, because %s; the program in PyTorch takes these settings", refused[0], value, refused[1], refused[2])
		}
	}
	if s.Init == experiment.Tied {
		return "", fmt.Errorf("program in Keras: init tied: want another, because fit cannot train the encoder on images without their mean; the program in PyTorch takes these settings")
	}
	initializer := s.Init + "_uniform"
	if s.Init == experiment.PCA {
		initializer = "glorot_uniform"
	}
	objective := "binary_crossentropy"
	if s.Loss == "mse" {
		objective = "mean_squared_error"
	}
	return python(kerasProgram, s, train, validation, "$uniform", initializer, "$objective", objective), nil
}

// Go returns a Go program that trains the experiment. The same data give the same
// history, bit for bit, on the same kernels. dataset is the path of a .sae file; if it is
// empty, the program draws the synthetic data set with the given numbers of images.
func Go(s experiment.Settings, dataset string, train, validation int) string {
	var changes, imports strings.Builder
	s = s.OnThisMachine(experiment.Default()) // only the browser has these settings
	longest := 0
	for _, change := range s.Changes() {
		longest = max(longest, len(change.Name))
	}
	for _, change := range s.Changes() { // aligned as gofmt does
		fmt.Fprintf(&changes, "\t\t%-*s %q,\n", longest+3, strconv.Quote(change.Name)+":", change.Value)
	}
	read := fmt.Sprintf("\tdataset := data.Synthetic(%d, %d, 1)\n", train, validation)
	if dataset != "" {
		imports.WriteString("\t\"os\"\n")
		read = fmt.Sprintf(`	file, err := os.Open(%q)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	dataset, err := data.Read(file)
	if err != nil {
		log.Fatal(err)
	}
`, dataset)
	}
	return fmt.Sprintf(`// Command autoencoder trains experiment %d (%s). Put it in a folder of the
// repository, say autoencoder, and start it from there: go run ./autoencoder
package main

import (
	"fmt"
	"log"
%s
	"sae/data"
	"sae/nn/experiment"
	"sae/nn/fit"
)

func main() {
	settings, err := experiment.Default().With(map[string]string{
%s	})
	if err != nil {
		log.Fatal(err)
	}
%s	run, err := fit.New(settings, fit.NewData(dataset.Name, data.ImageSize, dataset.Train.Images, dataset.Validation.Images), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.Auto.Architecture.Summary())
	for !run.Done() {
		if !run.Due() {
			if _, err := run.Step(1); err != nil {
				log.Fatal(err)
			}
			continue
		}
		_, epoch, err := run.Evaluate()
		if err != nil {
			log.Fatal(err)
		}
		if epoch != nil {
			fmt.Printf("epoch %%d: loss %%.6f, val_loss %%.6f, MSE %%.6f, %%.1f units active, %%d dead\n",
				epoch.Epoch, epoch.Loss, epoch.ValLoss, epoch.ValMSE, epoch.Active, epoch.Dead)
		}
	}
}
`, s.Experiment, experiment.Names[s.Experiment], imports.String(), changes.String(), read)
}
