package exchange

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sae/nn"
	"sae/nn/experiment"
)

// tfjsGroup describes the weights in some files.
type tfjsGroup struct {
	Paths   []string     `json:"paths"`
	Weights []tfjsWeight `json:"weights"`
}

type tfjsWeight struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	Type  string `json:"dtype"`

	// Written only by other programs:
	Group        string    `json:"group,omitempty"` // "optimizer" for weights that belong to no layer
	Quantization *struct{} `json:"quantization,omitempty"`
}

func writeTFJS(z *zip.Writer, model source) error {
	switch {
	case model.settings.Sparsity == experiment.TopK:
		return errors.New("export: sparsity topk: want l1 for TensorFlow.js, whose layers cannot keep the k largest; ONNX runs in browsers and takes this model")
	case model.whitening != nil:
		return errors.New("export: whiten true: want false for TensorFlow.js, whose layers cannot put a patch's own mean aside and back; ONNX runs in browsers and takes this model")
	}
	encoder, decoder := model.Encoder.Layers, model.Decoder.Layers
	groups := []tfjsGroup{tfjsWeights("encoder.bin", encoder), tfjsWeights("decoder.bin", decoder)}
	for _, part := range []struct {
		file, name string
		layers     []*nn.Dense
		groups     []tfjsGroup
		training   string
	}{
		{"model.json", "auto", model.Layers(), groups, tfjsTraining(model.settings)},
		{"encoder.json", "encoder", encoder, groups[:1], ""},
		{"decoder.json", "decoder", decoder, groups[1:], ""},
	} {
		manifest, err := json.Marshal(part.groups)
		if err != nil {
			return err
		}
		text := fmt.Appendf(nil, `{"format": "layers-model", "generatedBy": "sae", "convertedBy": "", "modelTopology": {"keras_version": "2.15.0", "backend": "tensorflow", "model_config": %s%s}, "weightsManifest": %s}
`, tfjsSequential(part.name, part.layers), part.training, manifest)
		if err := add(z, part.file, text); err != nil {
			return err
		}
	}
	for i, layers := range [][]*nn.Dense{encoder, decoder} {
		var values []byte
		for _, layer := range layers {
			values = appendFloats(appendFloats(values, layer.Kernel), layer.Bias)
		}
		if err := add(z, groups[i].Paths[0], values); err != nil {
			return err
		}
	}
	return nil
}

func tfjsWeights(file string, layers []*nn.Dense) tfjsGroup {
	group := tfjsGroup{Paths: []string{file}}
	for _, layer := range layers {
		group.Weights = append(group.Weights,
			tfjsWeight{Name: layer.Name + "/kernel", Shape: []int{layer.In, layer.Out}, Type: "float32"},
			tfjsWeight{Name: layer.Name + "/bias", Shape: []int{layer.Out}, Type: "float32"})
	}
	return group
}

// tfjsSequential describes layers as Keras does, but without the activity
// regularisation, which TensorFlow.js cannot read.
func tfjsSequential(name string, layers []*nn.Dense) string {
	var classes []string
	input := fmt.Sprintf(`, "batch_input_shape": [null, %d]`, layers[0].In) // of the first layer
	for _, layer := range layers {
		classes = append(classes, fmt.Sprintf(`{"class_name": "Dense", "config": {"name": %q%s, "trainable": true, "dtype": "float32", "units": %d, "activation": "%v", "use_bias": true, "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": null}}, "bias_initializer": {"class_name": "Zeros", "config": {}}}}`,
			layer.Name, input, layer.Out, layer.Activation))
		input = ""
	}
	return fmt.Sprintf(`{"class_name": "Sequential", "config": {"name": %q, "layers": [%s]}}`, name, strings.Join(classes, ", "))
}

// tfjsTraining returns the configuration with which TensorFlow.js continues training. It
// differs from this program's: see nn.Adam for ε, and there is no activity regularisation.
func tfjsTraining(settings experiment.Settings) string {
	loss := "binary_crossentropy"
	if settings.Loss == nn.MSE.String() {
		loss = "mean_squared_error"
	}
	adam := nn.DefaultAdam
	return fmt.Sprintf(`, "training_config": {"loss": %q, "metrics": [], "optimizer_config": {"class_name": "Adam", "config": {"learning_rate": %g, "beta_1": %g, "beta_2": %g, "epsilon": %g, "decay": 0}}}`,
		loss, settings.LR, adam.Beta1, adam.Beta2, adam.Epsilon)
}
