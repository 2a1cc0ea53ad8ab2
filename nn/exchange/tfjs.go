package exchange

import (
	"archive/zip"
	"encoding/json"

	"sae/nn"
	"sae/nn/experiment"
)

// tfjsModel is a model.json in TensorFlow.js's layers format.
type tfjsModel struct {
	Format      string       `json:"format"`
	GeneratedBy string       `json:"generatedBy"`
	ConvertedBy string       `json:"convertedBy"`
	Topology    tfjsTopology `json:"modelTopology"`
	Manifest    []tfjsGroup  `json:"weightsManifest"`
}

type tfjsTopology struct {
	KerasVersion string     `json:"keras_version"`
	Backend      string     `json:"backend"`
	Model        kerasClass `json:"model_config"`
	Training     any        `json:"training_config,omitempty"`
}

// kerasClass is an object, as Keras serialises it.
type kerasClass struct {
	Class  string `json:"class_name"`
	Config any    `json:"config"`
}

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

func writeTFJS(z *zip.Writer, auto *nn.Autoencoder, settings experiment.Settings) error {
	encoder, decoder := auto.Encoder.Layers, auto.Decoder.Layers
	groups := []tfjsGroup{tfjsWeights("encoder.bin", encoder), tfjsWeights("decoder.bin", decoder)}
	for _, model := range []struct {
		file, name string
		layers     []*nn.Dense
		groups     []tfjsGroup
		training   any
	}{
		{"model.json", "auto", auto.Layers(), groups, tfjsTraining(settings)},
		{"encoder.json", "encoder", encoder, groups[:1], nil},
		{"decoder.json", "decoder", decoder, groups[1:], nil},
	} {
		text, err := json.MarshalIndent(tfjsModel{
			Format:      "layers-model",
			GeneratedBy: "sae",
			Topology: tfjsTopology{
				KerasVersion: "2.15.0",
				Backend:      "tensorflow",
				Model:        tfjsSequential(model.name, model.layers),
				Training:     model.training,
			},
			Manifest: model.groups,
		}, "", " ")
		if err != nil {
			return err
		}
		if err := add(z, model.file, text); err != nil {
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
func tfjsSequential(name string, layers []*nn.Dense) kerasClass {
	var classes []kerasClass
	for i, layer := range layers {
		config := map[string]any{
			"name":               layer.Name,
			"trainable":          true,
			"dtype":              "float32",
			"units":              layer.Out,
			"activation":         layer.Activation.String(),
			"use_bias":           true,
			"kernel_initializer": kerasClass{"GlorotUniform", map[string]any{"seed": nil}},
			"bias_initializer":   kerasClass{"Zeros", map[string]any{}},
		}
		if i == 0 {
			config["batch_input_shape"] = []any{nil, layer.In}
		}
		classes = append(classes, kerasClass{"Dense", config})
	}
	return kerasClass{"Sequential", map[string]any{"name": name, "layers": classes}}
}

// tfjsTraining returns the configuration with which TensorFlow.js continues training. It
// differs from this program's: see nn.Adam for ε, and there is no activity regularisation.
func tfjsTraining(settings experiment.Settings) any {
	adam := nn.DefaultAdam
	loss := "binary_crossentropy"
	if settings.Loss == nn.MSE.String() {
		loss = "mean_squared_error"
	}
	return map[string]any{
		"loss":    loss,
		"metrics": []string{},
		"optimizer_config": kerasClass{"Adam", map[string]any{
			"learning_rate": settings.LR,
			"beta_1":        adam.Beta1,
			"beta_2":        adam.Beta2,
			"epsilon":       adam.Epsilon,
			"decay":         0,
		}},
	}
}
