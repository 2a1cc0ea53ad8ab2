#!/usr/bin/env python3
"""Experiment $experiment ($name): a sparse autoencoder on CIFAR-10, in Keras.

    python3 autoencoder.py                   trains it, on all graphics cards of this machine
    python3 autoencoder.py autoencoder.npz   loads exported weights instead

Wants TensorFlow 2.15, or Keras 3.14 or later: the versions between do not divide
the activity regularisation by the batch size.
"""
import sys

import numpy as np
import tensorflow as tf
from tensorflow import keras

HIDDEN = [$hidden]
LATENT = $latent
#if sparsity=topk
K = $k
#end
LAMBTHA = $lambda
#if mirrored=true
MIRRORED = True
#if mirrored=false
MIRRORED = False
#end
EPOCHS = $epochs
BATCH = $batch
SEED = $seed
#if patch=0
INPUT = 3072
#if !patch=0
PATCH = $patch
INPUT = PATCH * PATCH * 3
#if sparsity=topk


def topk(z):
    """Is ReLU, of which the K largest remain."""
    z = tf.nn.relu(z)
    return tf.where(z >= tf.math.top_k(z, K).values[:, -1:], z, 0.0)
#if !warmup=0


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises from 0 in the first steps."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        rate = self.rate(step) if callable(self.rate) else self.rate
        return rate * tf.minimum(1.0, (tf.cast(step, tf.float32) + 1) / $warmup)

    def get_config(self):
        return {"rate": self.rate}
#end


def autoencoder(input_dims, hidden_layers, latent_dims, lambtha):
    """Returns the encoder, the decoder and the whole autoencoder."""
    def dense(units, activation, name, **options):
#if unit=true
        if name == ("decoder_1" if MIRRORED and hidden_layers else "output"):
            # Keeps the norm of each unit's direction. Unlike on the page, Adam also sees the
            # part of the gradient along it.
            options["kernel_constraint"] = keras.constraints.UnitNorm(axis=1)
#end
        return keras.layers.Dense(units, activation, kernel_initializer="$uniform", name=name, **options)

    inputs = keras.Input((input_dims,), name="input")
    x = inputs
    for i, units in enumerate(hidden_layers):
        x = dense(units, "relu", f"encoder_{i + 1}")(x)
#if sparsity=topk
    code = dense(latent_dims, topk, "latent")(x)
#if sparsity=l1
    code = dense(latent_dims, "$activation", "latent", activity_regularizer=keras.regularizers.L1(lambtha))(x)
#end
    encoder = keras.Model(inputs, code, name="encoder")

    codes = keras.Input((latent_dims,), name="code")
    x = codes
    for i, units in enumerate(reversed(hidden_layers) if MIRRORED else []):
        x = dense(units, "relu", f"decoder_{i + 1}")(x)
#if loss=bce
    decoder = keras.Model(codes, dense(input_dims, "sigmoid", "output")(x), name="decoder")
#if loss=mse
    decoder = keras.Model(codes, dense(input_dims, "linear", "output")(x), name="decoder")
#end

    auto = keras.Model(inputs, decoder(encoder(inputs)), name="auto")
    return encoder, decoder, auto

#if init=pca

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
    offset = $offset
    same = np.eye(k)
#if init=pca loss=bce
    p = np.clip(mean, 0.01, 0.99)
    slope, middle = p * (1 - p), np.log(p / (1 - p))
#if init=pca loss=mse
    slope, middle = 1, mean
#if init=pca
    for i, layer in enumerate(layers):
        kernel, bias = layer.get_weights()
        from_pairs = i > 0 and i != latent + 1
        to_pairs = i != latent and i < len(layers) - 1
        if i == 0:
            carried, shift = components / deviations, -mean @ (components / deviations)
        elif i == len(layers) - 1:
            kernel[:] = 0
            carried, shift = (deviations * components).T / slope, middle
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

#end

def rows(images):
    """Returns what the autoencoder reads: numbers from 0 to 1."""
#if !patch=0
    side = 32 // PATCH
    images = images.reshape(-1, side, PATCH, side, PATCH, 3).swapaxes(2, 3)
#end
    return images.reshape(-1, INPUT).astype("float32") / 255


def main():
    keras.utils.set_random_seed(SEED)
    (x_train, _), (x_val, _) = keras.datasets.cifar10.load_data()
    x_train, x_val = rows(x_train[:$train]), rows(x_val[:$validation])

    several = len(tf.config.list_physical_devices("GPU")) > 1
    strategy = tf.distribute.MirroredStrategy() if several else tf.distribute.get_strategy()
    with strategy.scope():  # the devices share each batch
        encoder, decoder, auto = autoencoder(INPUT, HIDDEN, LATENT, LAMBTHA)
        rate = $lr
#if !decay=1
        rate = keras.optimizers.schedules.ExponentialDecay(rate, decay_steps=-(-len(x_train) // BATCH), decay_rate=$decay)
#if !warmup=0
        rate = WarmUp(rate)
#end
        auto.compile(keras.optimizers.Adam(rate, epsilon=1e-7), "$objective")
    encoder.summary()
    decoder.summary()
    if len(sys.argv) > 1:
        weights = np.load(sys.argv[1])
        for layer in encoder.layers[1:] + decoder.layers[1:]:
            layer.set_weights([weights[layer.name + "_kernel"], weights[layer.name + "_bias"]])
    else:
#if init=pca
        start_from_components(encoder.layers[1:] + decoder.layers[1:], len(HIDDEN), x_train)
#end
        auto.fit(x_train, x_train, BATCH, EPOCHS, validation_data=(x_val, x_val))

    codes = encoder.predict(x_val)
    mse = np.mean((decoder.predict(codes) - x_val) ** 2)
    print("val_loss", auto.evaluate(x_val, x_val, BATCH))
    print("MSE", mse, "PSNR", -10 * np.log10(mse), "dB")
    print("active units", np.mean(np.sum(codes != 0, axis=1)), "dead units", np.sum(np.all(codes == 0, axis=0)))


if __name__ == "__main__":
    main()
