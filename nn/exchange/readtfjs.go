package exchange

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"sae/nn"
)

const (
	// maxTopology is the largest model.json, in bytes. The largest network that the
	// settings allow takes 10,000.
	maxTopology = 1 << 16
	// maxNesting is the deepest nesting of models: an encoder in an autoencoder is 2.
	maxNesting = 3
)

// tfjsSizes are the sizes of the types of weights, in bytes. Layers have only float32;
// optimisers also have others.
var tfjsSizes = map[string]float64{"float32": 4, "int32": 4, "complex64": 8, "uint8": 1, "bool": 1}

// tfjs reads a model.json and the weights that it lists, from the same folder.
func (u *unpacker) tfjs(name string, doubt error) (*model, error) {
	return u.read(name, doubt, func(text []byte) (*model, error) {
		if len(text) > maxTopology {
			return nil, fmt.Errorf("%d bytes: want at most %d", len(text), maxTopology)
		}
		var file struct {
			Topology struct {
				kerasLayer
				Model *kerasLayer `json:"model_config"` // what tensorflowjs_converter wraps it into
			} `json:"modelTopology"`
			Manifest []tfjsGroup `json:"weightsManifest"`
		}
		if err := json.Unmarshal(text, &file); err != nil {
			return nil, err
		}
		t := topology{weights: map[string]array{}}
		if err := u.weights(file.Manifest, path.Dir(name), t.weights); err != nil {
			return nil, err
		}
		if file.Topology.Model == nil {
			file.Topology.Model = &file.Topology.kerasLayer
		}
		if file.Topology.Model.Class == "" {
			return nil, errors.New("no class_name in modelTopology: want a layers model, as model.save() of TensorFlow.js writes it")
		}
		if err := t.add(*file.Topology.Model, 0); err != nil {
			return nil, err
		}
		if left := slices.Sorted(maps.Keys(t.weights)); len(left) > 0 {
			return nil, fmt.Errorf("weights %s belong to no layer: want a Dense layer of that name", left[0])
		}
		return &model{layers: t.layers}, nil
	})
}

// weights reads the weights of layers, by their names. It skips those of an optimiser.
func (u *unpacker) weights(manifest []tfjsGroup, folder string, weights map[string]array) error {
	for _, group := range manifest {
		var data []byte
		for _, name := range group.Paths {
			content, err := u.file(path.Join(folder, name))
			if err != nil {
				return err
			}
			data = append(data, content...)
		}
		for _, w := range group.Weights {
			if w.Quantization != nil {
				return fmt.Errorf("%s is quantised: want float32, as tensorflowjs_converter writes without --quantize", w.Name)
			}
			size, ok := tfjsSizes[w.Type]
			skipped := w.Group == "optimizer"
			if !ok || !skipped && w.Type != "float32" {
				return fmt.Errorf("%s of type %q: want float32", w.Name, w.Type)
			}
			for _, dim := range w.Shape {
				size *= float64(dim) // a float, because an int could overflow
			}
			if !(size >= 1) || size > float64(len(data)) {
				return fmt.Errorf("%s of shape %v: want %.0f bytes, but %v has %d left", w.Name, w.Shape, size, group.Paths, len(data))
			}
			content := data[:int(size)]
			if data = data[int(size):]; skipped {
				continue
			}
			name := strings.TrimSuffix(w.Name, ":0")
			if _, ok := weights[name]; ok {
				return fmt.Errorf("weights %s are listed twice: want them once", name)
			}
			a := array{name, w.Shape, floats(content)}
			if err := a.check(); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			weights[name] = a
		}
		if len(data) > 0 {
			return fmt.Errorf("%v: %d bytes more than the manifest lists: want none", group.Paths, len(data))
		}
	}
	return nil
}

// topology collects the layers of a Keras model.
type topology struct {
	weights map[string]array // not yet part of a layer
	layers  []layer
}

// kerasLayer is a layer or a model, as Keras serialises it.
type kerasLayer struct {
	Name    string          `json:"name"` // in a functional model
	Class   string          `json:"class_name"`
	Config  json.RawMessage `json:"config"`
	Inbound json.RawMessage `json:"inbound_nodes"`
}

// add adds a layer or a model to the layers before it. Unknown classes and options are
// errors, because ignoring them would change the model.
func (t *topology) add(k kerasLayer, nesting int) error {
	var config struct {
		Name       string          `json:"name"`
		Units      int             `json:"units"`
		Activation json.RawMessage `json:"activation"`
		UseBias    *bool           `json:"use_bias"`
		MaxValue   any             `json:"max_value"`
		Slope      any             `json:"negative_slope"`
		Threshold  any             `json:"threshold"`
	}
	switch k.Class {
	case "Sequential", "Functional", "Model":
		if nesting >= maxNesting {
			return fmt.Errorf("models are nested too deeply: want at most %d levels", maxNesting)
		}
		layers, err := k.inner()
		if err != nil {
			return err
		}
		for _, l := range layers {
			if err := t.add(l, nesting+1); err != nil {
				return err
			}
		}
		return nil
	case "InputLayer":
		return nil
	case "Dense", "Activation", "ReLU":
		if err := json.Unmarshal(k.Config, &config); err != nil {
			return fmt.Errorf("a layer of class %s: %w", k.Class, err)
		}
	default:
		return fmt.Errorf("layer %q of class %q: want Dense, in a Sequential or functional model", cmp.Or(k.Name, k.configName()), k.Class)
	}
	name := cmp.Or(config.Name, k.Name)
	activation, err := kerasActivation(config.Activation)
	if err != nil {
		return fmt.Errorf("layer %q: %w", name, err)
	}
	if k.Class == "Dense" {
		return t.dense(name, config.Units, activation, config.UseBias == nil || *config.UseBias)
	}
	if k.Class == "ReLU" {
		for _, option := range []any{config.MaxValue, config.Slope, config.Threshold} {
			if text := fmt.Sprint(option); option != nil && text != "0" && text != "[0]" {
				return fmt.Errorf("layer %q: a ReLU with an option of %v: want a plain one", name, option)
			}
		}
		activation = nn.ReLU.String()
	}
	if len(t.layers) == 0 || t.layers[len(t.layers)-1].activation != nn.Linear.String() {
		return fmt.Errorf("layer %q does not follow a dense layer without an activation: want one activation per layer", name)
	}
	t.layers[len(t.layers)-1].activation = activation
	return nil
}

func (k kerasLayer) configName() string {
	var config struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(k.Config, &config) // best effort, for an error message
	return config.Name
}

// kerasActivation returns the name of an activation.
func kerasActivation(text json.RawMessage) (string, error) {
	name := nn.Linear.String() // the default
	if len(text) > 0 && json.Unmarshal(text, &name) != nil {
		return "", fmt.Errorf("activation %.100s: want its name", text)
	}
	return name, nil
}

// dense adds a dense layer.
func (t *topology) dense(name string, units int, activation string, hasBias bool) error {
	l := layer{name: name, activation: activation}
	var err error
	if l.kernel, err = t.take(name + "/kernel"); err != nil {
		return err
	}
	if hasBias {
		if l.bias, err = t.take(name + "/bias"); err != nil {
			return err
		}
	}
	if shape := l.kernel.shape; len(shape) != 2 || shape[1] != units {
		return fmt.Errorf("%s of shape %v: want a kernel of %d units", l.kernel.name, shape, units)
	}
	t.layers = append(t.layers, l)
	return nil
}

// take removes and returns the weights with a name or, if there are none, with the name in a
// scope: "latent/kernel" also finds "auto/latent/kernel".
func (t *topology) take(name string) (array, error) {
	keys := []string{name}
	if _, ok := t.weights[name]; !ok {
		keys = slices.DeleteFunc(slices.Sorted(maps.Keys(t.weights)), func(key string) bool { return !strings.HasSuffix(key, "/"+name) })
	}
	switch len(keys) {
	case 0:
		return array{}, fmt.Errorf("weights %s are missing", name)
	case 1:
		a := t.weights[keys[0]]
		delete(t.weights, keys[0])
		return a, nil
	}
	return array{}, fmt.Errorf("weights %s and %s: want one for %s", keys[0], keys[1], name)
}

// inner returns the layers of a model from its input to its output.
func (k kerasLayer) inner() ([]kerasLayer, error) {
	var config struct {
		Name    string       `json:"name"`
		Layers  []kerasLayer `json:"layers"`
		Inputs  [][]any      `json:"input_layers"`
		Outputs [][]any      `json:"output_layers"`
	}
	target := any(&config)
	if strings.HasPrefix(strings.TrimSpace(string(k.Config)), "[") {
		target = &config.Layers // as in early versions of Keras
	}
	if err := json.Unmarshal(k.Config, target); err != nil {
		return nil, fmt.Errorf("%s model: %w: want what Keras 2 or TensorFlow.js writes", k.Class, err)
	}
	if k.Class == "Sequential" {
		return config.Layers, nil
	}
	if len(config.Inputs) != 1 || len(config.Outputs) != 1 {
		return nil, fmt.Errorf("model %s of %d inputs and %d outputs: want one of each", config.Name, len(config.Inputs), len(config.Outputs))
	}
	byName := map[string]kerasLayer{}
	for _, l := range config.Layers {
		if _, ok := byName[l.Name]; ok {
			return nil, fmt.Errorf("model %s has two layers %q: want one", config.Name, l.Name)
		}
		byName[l.Name] = l
	}
	var chain []kerasLayer
	input, name := first(config.Inputs), first(config.Outputs)
	for {
		l, ok := byName[name]
		if !ok {
			return nil, fmt.Errorf("model %s has no layer %q", config.Name, name)
		}
		if chain = append(chain, l); len(chain) > len(byName) {
			return nil, fmt.Errorf("layer %q depends on itself", name)
		}
		if name == input {
			break
		}
		var nodes [][][]any
		if err := json.Unmarshal(l.Inbound, &nodes); err != nil {
			return nil, fmt.Errorf("inbound_nodes of layer %q: %w: want what Keras 2 or TensorFlow.js writes", name, err)
		}
		if len(nodes) != 1 || len(nodes[0]) != 1 {
			return nil, fmt.Errorf("layer %q: want one input, from one layer", name)
		}
		name = first(nodes[0])
	}
	slices.Reverse(chain)
	return chain, nil
}

// first returns the name of the layer that the first of the references refers to.
func first(references [][]any) string {
	if len(references[0]) == 0 {
		return ""
	}
	name, _ := references[0][0].(string)
	return name
}
