"""KerasTuner as its guide uses it: a HyperModel, Hyperband with ``max_model_size``, early stopping, ``model.fit``.

Constant learning rate, AdamW, float32; widths of their own for each layer. A trial's score is that of its best epoch,
and promoted trials go on from that epoch's weights: both are KerasTuner's own way.
"""

from __future__ import annotations

import math
import tempfile
from typing import Any

import keras
import keras_tuner
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.peers.setting import pixel_statistics
from benchmarks.tuning.arms import BUDGET, NARROWEST, Arm
from benchmarks.tuning.ledger import Ledger
from makeweight.data.dataset import prepare
from makeweight.data.split import split_indices

# One sweep over Hyperband's three brackets is 226 epochs then, about what 240 seconds are enough for.
MAX_EPOCHS = 20
PATIENCE = 5  # epochs, of KerasTuner's guide
CLASSES = 10
# KerasTuner draws each value with the seed of the one before plus one: repeats must not begin side by side.
SEEDS_A_REPEAT = 100_000
OVERSIZED = "Oversized model"  # how KerasTuner says it

Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]  # images (n, h, w, 1), labels (n, k)


class FullyConnected(keras_tuner.HyperModel):
    """A fully connected network and its training."""

    def __init__(self, widest: int) -> None:
        super().__init__()
        self.widest = widest
        self.weights = 0  # of the last network

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Build and compile."""
        x = inputs = keras.Input((28, 28, 1))
        if hp.Boolean("flip"):
            x = keras.layers.RandomFlip("horizontal")(x)
        x = self.layers(hp, x)
        model = keras.Model(inputs, keras.layers.Dense(CLASSES)(x))
        model.compile(
            optimizer=keras.optimizers.AdamW(
                hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"),  # the guide's range
                weight_decay=hp.Float("weight_decay", 1e-4, 1e-1, sampling="log"),
            ),
            loss=keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=hp.Float("label_smoothing", 0.0, 0.2, step=0.05)
            ),
            metrics=["accuracy"],
        )
        self.weights = sum(math.prod(v.shape) for v in model.trainable_weights)
        return model

    def layers(self, hp: keras_tuner.HyperParameters, x: keras.KerasTensor) -> keras.KerasTensor:
        """All between the image and the last layer."""
        x = keras.layers.Flatten()(x)
        x = keras.layers.Dropout(hp.Float("input_dropout", 0.0, 0.3, step=0.05))(x)
        activation = hp.Choice("activation", ["relu", "leaky_relu", "gelu"])
        batch_norm = hp.Boolean("batch_norm")
        dropout = hp.Float("dropout", 0.0, 0.4, step=0.05)
        for layer in range(1, hp.Int("layers", 1, 4) + 1):
            x = keras.layers.Dense(hp.Int(f"units{layer}", NARROWEST, self.widest, sampling="log"))(x)
            x = keras.layers.BatchNormalization()(x) if batch_norm else x
            x = keras.layers.Dropout(dropout)(keras.layers.Activation(activation)(x))
        return x

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """Train with a batch size that is searched, too."""
        return model.fit(*args, batch_size=hp.Choice("batch_size", [128, 256, 512, 1024]), **kwargs)


class TimeUpError(keras_tuner.errors.FatalError):
    """The seconds are spent; KerasTuner passes only fatal errors on."""


class TimedHyperband(keras_tuner.Hyperband):
    """Hyperband that writes its trials and ends when the seconds are spent."""

    def __init__(self, hypermodel: FullyConnected, ledger: Ledger, **settings: Any) -> None:
        self._network, self._ledger = hypermodel, ledger
        super().__init__(hypermodel, **settings)

    def on_trial_begin(self, trial: Any) -> None:
        """Begin no trial without time."""
        self._end_in_time()
        super().on_trial_begin(trial)

    def on_epoch_end(self, trial: Any, model: keras.Model, epoch: int, logs: Any = None) -> None:
        """Go on only while there is time."""
        super().on_epoch_end(trial, model, epoch, logs)
        if epoch + 1 < trial.hyperparameters.values["tuner/epochs"]:  # a trial at its end is complete
            self._end_in_time()

    def on_trial_end(self, trial: Any) -> None:
        """Write the trial."""
        super().on_trial_end(trial)
        point = dict(trial.hyperparameters.values)
        if trial.status == "COMPLETED":
            self._ledger.add("complete", point, float(trial.score), self._network.weights)
            return
        reason = (trial.message or "").strip().splitlines()[-1:]
        rejected = OVERSIZED in (trial.message or "")
        self._ledger.add("rejected" if rejected else "failed", point, None, self._network.weights, "".join(reason))

    def _end_in_time(self) -> None:
        if self._ledger.left() <= 0:
            raise TimeUpError


def search(arm: Arm, repeat: int, ledger: Ledger) -> None:
    """Search until the seconds are spent."""
    torch.set_num_threads(1)
    keras.utils.set_random_seed(repeat)
    training, validation = _arrays()
    ledger.facts |= {"precision": keras.config.floatx(), "backend": keras.config.backend(), "max_epochs": MAX_EPOCHS}
    with tempfile.TemporaryDirectory() as folder:
        ledger.start()
        tuner = TimedHyperband(
            FullyConnected(arm.widest or NARROWEST),
            ledger,
            objective="val_accuracy",
            max_epochs=MAX_EPOCHS,
            hyperband_iterations=1_000,  # until the time is up
            max_model_size=BUDGET,
            # By default the third network in a row that is too large ends the search with an error.
            max_consecutive_failed_trials=1_000_000,
            seed=(repeat + 1) * SEEDS_A_REPEAT,
            directory=folder,
            project_name="tuning",
        )
        stopping = keras.callbacks.EarlyStopping("val_loss", patience=PATIENCE)
        try:
            tuner.search(*training, validation_data=validation, callbacks=[stopping], verbose=0)
        except TimeUpError:
            pass
        else:
            raise RuntimeError(f"Hyperband ended {ledger.left():.0f} s before its time")


def _arrays() -> tuple[Arrays, Arrays]:
    """Return the same 54,000 and 6,000 images as for all, normalised by the former."""
    labelled = prepare("fashion-mnist").training_images()
    split = split_indices(labelled.labels, seed=0)
    mean, std = pixel_statistics(np.asarray(labelled.images[split.train]))

    def of(rows: NDArray[np.int64]) -> Arrays:
        images = (labelled.images[rows].astype(np.float32) - mean) / std
        return images.transpose(0, 2, 3, 1).copy(), np.eye(CLASSES, dtype=np.float32)[labelled.labels[rows]]

    return of(split.train), of(split.validation)
