package exchange

import (
	"fmt"
	"strconv"
	"strings"

	"sae/nn/experiment"
)

// Keras returns a Python program that trains the experiment on CIFAR-10 with Keras, on
// the given numbers of training and validation images. If the program is given an
// exported .npz file, it evaluates its weights instead. It uses Keras's random numbers,
// so losses differ as between two seeds. Settings that the program lacks are an error.
func Keras(s experiment.Settings, train, validation int) (string, error) {
	first := experiment.Default()
	for _, name := range []string{"sparsity", "loss", "unit", "aux", "warmup", "patch", "whiten"} {
		field, _ := experiment.Lookup(name)
		if value, want := field.Format(s), field.Format(first); value != want {
			return "", fmt.Errorf("program in Keras: %s %s: want %s; the program in Go takes these settings", name, value, want)
		}
	}
	if s.Init == experiment.Tied {
		return "", fmt.Errorf("program in Keras: init %s: want another; the program in Go takes these settings", s.Init)
	}
	architecture := s.Architecture(0)
	lr := formatFloat(s.LR)
	if s.Decay != 1 {
		lr = fmt.Sprintf("keras.optimizers.schedules.ExponentialDecay(%s, decay_steps=-(-len(x_train) // BATCH), decay_rate=%s)", lr, formatFloat(s.Decay))
	}
	initializer, start := s.Init+"_uniform", ""
	if s.Init == experiment.PCA {
		initializer, start = "glorot_uniform", "        start_from_components(encoder.layers[1:] + decoder.layers[1:], len(HIDDEN), x_train)\n"
	}
	var text strings.Builder
	fmt.Fprintf(&text, `#!/usr/bin/env python3
"""Experiment %d (%s): a sparse autoencoder on CIFAR-10, in Keras.

    python3 autoencoder.py                   trains it
    python3 autoencoder.py autoencoder.npz   loads exported weights instead

Wants TensorFlow 2.15, or Keras 3.14 or later: the versions between do not divide
the activity regularisation by the batch size.
"""
import sys

import numpy as np
from tensorflow import keras

HIDDEN = %s
LATENT = %d
LAMBTHA = %s
MIRRORED = %s
EPOCHS = %d
BATCH = %d
SEED = %d


def autoencoder(input_dims, hidden_layers, latent_dims, lambtha):
    """Returns the encoder, the decoder and the whole autoencoder."""
    def dense(units, activation, name, **options):
        return keras.layers.Dense(units, activation, kernel_initializer="%s", name=name, **options)

    inputs = keras.Input((input_dims,), name="input")
    x = inputs
    for i, units in enumerate(hidden_layers):
        x = dense(units, "relu", f"encoder_{i + 1}")(x)
    code = dense(latent_dims, "%s", "latent", activity_regularizer=keras.regularizers.L1(lambtha))(x)
    encoder = keras.Model(inputs, code, name="encoder")

    codes = keras.Input((latent_dims,), name="code")
    x = codes
    for i, units in enumerate(reversed(hidden_layers) if MIRRORED else []):
        x = dense(units, "relu", f"decoder_{i + 1}")(x)
    decoder = keras.Model(codes, dense(input_dims, "sigmoid", "output")(x), name="decoder")

    auto = keras.Model(inputs, decoder(encoder(inputs)), name="auto")
    return encoder, decoder, auto

`, s.Experiment, experiment.Names[s.Experiment], pythonList(architecture.EncoderHidden), s.Latent, formatFloat(s.Lambda),
		pythonBool(s.Mirrored), s.Epochs, s.Batch, s.Seed, initializer, s.Activation)
	if s.Init == experiment.PCA {
		fmt.Fprintf(&text, kerasComponents, architecture.Latent.String())
	}
	fmt.Fprintf(&text, `
def main():
    keras.utils.set_random_seed(SEED)
    (x_train, _), (x_val, _) = keras.datasets.cifar10.load_data()
    x_train = x_train[:%d].reshape(-1, 3072).astype("float32") / 255
    x_val = x_val[:%d].reshape(-1, 3072).astype("float32") / 255

    encoder, decoder, auto = autoencoder(3072, HIDDEN, LATENT, LAMBTHA)
    auto.compile(keras.optimizers.Adam(%s, epsilon=1e-7), "binary_crossentropy")
    encoder.summary()
    decoder.summary()
    if len(sys.argv) > 1:
        weights = np.load(sys.argv[1])
        for layer in encoder.layers[1:] + decoder.layers[1:]:
            layer.set_weights([weights[layer.name + "_kernel"], weights[layer.name + "_bias"]])
    else:
%s        auto.fit(x_train, x_train, BATCH, EPOCHS, validation_data=(x_val, x_val))

    codes = encoder.predict(x_val)
    mse = np.mean((decoder.predict(codes) - x_val) ** 2)
    print("val_loss", auto.evaluate(x_val, x_val, BATCH))
    print("MSE", mse, "PSNR", -10 * np.log10(mse), "dB")
    print("active units", np.mean(np.sum(codes != 0, axis=1)), "dead units", np.sum(np.all(codes == 0, axis=0)))


if __name__ == "__main__":
    main()
`, train, validation, lr, start)
	return text.String(), nil
}

// kerasComponents is experiment.Settings.Build in Python.
const kerasComponents = `
def start_from_components(layers, latent, x):
    """Makes the autoencoder reconstruct from principal components.

    Hidden layers carry a position z along a component as max(0, z) and max(0, -z);
    layers[latent] is the latent layer.
    """
    mean = x.mean(axis=0, dtype="float64")
    variances, vectors = np.linalg.eigh(np.cov(x, rowvar=False, bias=True))
    k = min([LATENT, *(units // 2 for units in HIDDEN)])
    components = vectors[:, ::-1][:, :k]
    components *= np.sign(components[np.abs(components).argmax(axis=0), np.arange(k)])
    deviations = np.sqrt(variances[::-1][:k])
    offset = 3 if "%s" == "relu" else 0
    same = np.eye(k)
    p = np.clip(mean, 0.01, 0.99)
    for i, layer in enumerate(layers):
        kernel, bias = layer.get_weights()
        from_pairs = i > 0 and i != latent + 1
        to_pairs = i != latent and i < len(layers) - 1
        if i == 0:
            carried, shift = components / deviations, -mean @ (components / deviations)
        elif i == len(layers) - 1:
            kernel[:] = 0
            carried, shift = (deviations * components).T / (p * (1 - p)), np.log(p / (1 - p))
        else:
            carried, shift = same, np.zeros(k)
        if from_pairs:
            carried = np.concatenate([carried, -carried])
        if to_pairs:
            carried, shift = np.concatenate([carried, -carried], axis=1), np.concatenate([shift, -shift])
        kernel[:, :carried.shape[1]] = 0
        kernel[:carried.shape[0], :carried.shape[1]] = carried
        bias[:len(shift)] = shift
        if i == latent:
            bias[:k] += offset
        if i == latent + 1:
            bias -= offset * kernel[:k].sum(axis=0)
        layer.set_weights([kernel, bias])

`

// Go returns a Go program that trains the experiment. The same data give the same
// history, bit for bit, on the same kernels. dataset is the path of a .sae file; if it is
// empty, the program draws the synthetic data set with the given numbers of images.
func Go(s experiment.Settings, dataset string, train, validation int) string {
	var changes, imports strings.Builder
	s.Workers, s.Device = experiment.Auto, experiment.Auto // only the browser has these
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

func pythonList(widths []int) string {
	var texts []string
	for _, width := range widths {
		texts = append(texts, strconv.Itoa(width))
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func pythonBool(b bool) string {
	text := strconv.FormatBool(b)
	return strings.ToUpper(text[:1]) + text[1:]
}

func formatFloat(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
