"""KerasTuner as its guide uses it: Hyperband with ``max_model_size`` and early stopping, Keras on torch, float32."""

from __future__ import annotations

import contextlib
import tempfile
import time
from typing import Any

import keras
import keras_tuner
import numpy as np
import torch

from benchmarks.anytime.images import CLASSES, Part, asked, test, training_and_validation
from benchmarks.tuning.hyperband import MAX_EPOCHS, PATIENCE, FullyConnected, TimedHyperband, TimeUpError
from benchmarks.tuning.ledger import Ledger

WIDEST = 512  # neurons; a filter count goes to a quarter of it


class Convolutional(FullyConnected):
    """A convolutional network and its training."""

    def layers(self, hp: keras_tuner.HyperParameters, x: keras.KerasTensor) -> keras.KerasTensor:
        """Stages of convolutions at halving resolutions."""
        for stage in range(stages := hp.Int("stages", 2, 4)):
            for i in range(hp.Int(f"convolutions{stage}", 1, 2)):
                width = hp.Int(f"filters{stage}.{i}", 8, self.widest // 4, sampling="log")
                x = keras.layers.Conv2D(width, 3, padding="same")(x)
                x = keras.layers.Activation("relu")(keras.layers.BatchNormalization()(x))
            x = keras.layers.MaxPooling2D(2)(x) if stage < stages - 1 else x
        x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.layers.Dropout(hp.Float("dropout", 0.0, 0.4, step=0.05))(x)


class WallLedger(Ledger):
    """Counts seconds on the wall."""

    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._wall


def _arrays(part: Part) -> tuple[Any, Any]:
    return part[0].transpose(0, 2, 3, 1).copy(), np.eye(CLASSES, dtype=np.float32)[part[1]]


def main() -> None:
    """Search until the time is up, then open the test images."""
    task = asked("hyperband")
    torch.set_num_threads(1)
    keras.utils.set_random_seed(0)
    training, validation = map(_arrays, training_and_validation())
    ledger = WallLedger(task.left())
    ledger.start()
    with tempfile.TemporaryDirectory() as folder:
        network = FullyConnected(WIDEST) if task.family == "fcn" else Convolutional(WIDEST)
        tuner = TimedHyperband(
            network, ledger, objective="val_accuracy", max_epochs=MAX_EPOCHS, hyperband_iterations=1_000,
            max_model_size=task.weights, max_consecutive_failed_trials=1_000_000, seed=0, directory=folder,
            project_name="anytime",
        )  # fmt: skip
        stopping = keras.callbacks.EarlyStopping("val_loss", patience=PATIENCE)
        with contextlib.suppress(TimeUpError):
            tuner.search(*training, validation_data=validation, callbacks=[stopping], verbose=0)
        [best], [trial] = tuner.get_best_models(1), tuner.oracle.get_best_trials(1)
        _, accuracy = best.evaluate(*_arrays(test()), verbose=0)
    trained = [line for line in ledger.lines if line.state == "complete"]
    task.report(
        test_accuracy=float(accuracy),
        validation_accuracy=float(trial.score),
        weights=best.count_params() - sum(int(np.prod(v.shape)) for v in best.non_trainable_variables),
        epochs=int(trial.hyperparameters.values["tuner/epochs"]),
        trials=len(trained),
        rejected=sum(line.state == "rejected" for line in ledger.lines),
    )


if __name__ == "__main__":
    main()
