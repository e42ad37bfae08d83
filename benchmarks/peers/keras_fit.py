"""Keras 3 on TensorFlow: compile once, ``model.fit`` on arrays, channels last."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from benchmarks.peers.setting import LEARNING_RATE, Outcome, Setting, Trainer
from makeweight.designs import layers as design


def trainer(setting: Setting) -> Trainer:
    """Build the network, the optimiser and the arrays."""
    tf.config.threading.set_intra_op_parallelism_threads(setting.threads)
    keras.utils.set_random_seed(0)
    c, h, w = setting.architecture.input_shape
    inputs = keras.Input((h, w, c))
    model = keras.Model(inputs, _apply(setting.architecture.layers, inputs))
    model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    images, labels = setting.normalised().transpose(0, 2, 3, 1).copy(), setting.labels

    def leg() -> Outcome:
        for _ in range(setting.passes):
            history = model.fit(images, labels, batch_size=setting.batch_size, epochs=1, verbose=0)
        return Outcome(float(history.history["loss"][-1]))

    return Trainer(sum(math.prod(v.shape) for v in model.trainable_variables), "fp32", leg)


def _apply(layers: tuple[design.Layer, ...], x: keras.KerasTensor) -> keras.KerasTensor:
    for layer in layers:
        x = keras.layers.Add()([x, _apply(layer.body, x)]) if isinstance(layer, design.Residual) else _layer(layer)(x)
    return x


def _layer(layer: design.Layer) -> keras.layers.Layer:
    match layer:
        case design.Linear(out_features=k, bias=bias):
            return keras.layers.Dense(k, use_bias=bias)
        case design.Conv2d(out_channels=k, kernel=f, stride=s, bias=bias):
            return keras.layers.Conv2D(k, f, strides=s, padding=_padding(layer), use_bias=bias)
        case design.BatchNorm(scale=scale, shift=shift):
            return keras.layers.BatchNormalization(scale=scale, center=shift, momentum=0.9, epsilon=1e-5)
        case design.Activation():
            return _activation(layer)
        case design.Pool(kernel=kernel, kind=kind):
            return keras.layers.MaxPooling2D(kernel) if kind == "max" else keras.layers.AveragePooling2D(kernel)
        case design.GlobalPool(kind=kind):
            return keras.layers.GlobalMaxPooling2D() if kind == "max" else keras.layers.GlobalAveragePooling2D()
        case design.Dropout(rate=rate):
            return keras.layers.Dropout(rate)
        case design.Flatten():
            return keras.layers.Flatten()
    raise TypeError(f"no Keras layer for {type(layer).__name__}")


def _padding(layer: design.Conv2d) -> str:
    if layer.padding == 0:
        return "valid"
    if layer.stride == 1 and 2 * layer.padding == layer.kernel - 1:
        return "same"
    raise ValueError(
        f"convolution {layer.name!r} has padding {layer.padding} with a filter of {layer.kernel} and stride "
        f"{layer.stride}; Keras has 0 and, for stride 1, (filter − 1) / 2. Use a workload with one of these."
    )


def _activation(layer: design.Activation) -> keras.layers.Layer:
    match layer.function:
        case "leaky_relu":
            return keras.layers.LeakyReLU(layer.slope)
        case "prelu":  # one slope a channel
            return keras.layers.PReLU(keras.initializers.Constant(layer.slope), shared_axes=[1, 2])
        case name:
            return keras.layers.Activation(name)
