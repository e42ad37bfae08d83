"""makeweight: its own loop, one epoch record a pass, as its workers run it.

Its seconds are ``EpochRecord.train_seconds``, the whole pass without the validation after it. The peers do not
validate at all. It trains on every image in every pass, as the peers do: the recipe's way of skipping easy images is
off, and a leg that trained on fewer images fails. With more than one thread it computes a CNN's batch in a
slice for each, and batch normalisation works within a slice; the peers' works over the whole batch.
"""

from __future__ import annotations

import torch

from benchmarks.peers.setting import LEARNING_RATE, Outcome, Setting, Trainer
from benchmarks.workloads import TRAINING_IMAGES
from makeweight.nets.build import trainable_weights
from makeweight.training.images import TrainingData
from makeweight.training.loop import train
from makeweight.training.memory import keep_freed_memory
from makeweight.training.precision import Hardware, choose_device, fastest_precision
from makeweight.training.recipe import default_recipe
from makeweight.training.state import begin

EPOCHS = 10_000  # more than any benchmark reaches
VALIDATION = 100  # images: few, because two processes side by side are timed with their validation


def trainer(setting: Setting) -> Trainer:
    """Begin a training whose generator is pulled once a pass."""
    keep_freed_memory()
    torch.set_num_threads(setting.threads)
    device = choose_device()
    hardware = Hardware(device, fastest_precision(device), setting.threads)
    architecture = setting.architecture
    changes = {
        "batch_size": setting.batch_size,
        "epochs": EPOCHS,
        "learning_rate": LEARNING_RATE,
        "warmup": 0.0,
        "label_smoothing": 0.0,
        "skip_easy": 0.0,
        "flip": False,
        "crop": 0,
        "erase": 0.0,
    }
    recipe = default_recipe(architecture.family, TRAINING_IMAGES, changes)
    state = begin(architecture, recipe, 0, hardware)
    labelled = setting.labelled
    data = TrainingData(labelled.images, labelled.labels, setting.rows, setting.unseen[:VALIDATION])
    epochs = train(state, recipe, data)

    def leg() -> Outcome:
        records = [next(epochs) for _ in range(setting.passes)]
        _require_all_images(sum(record.images for record in records), setting.passes * len(setting.rows))
        return Outcome(records[-1].training_loss, sum(record.train_seconds for record in records))

    return Trainer(trainable_weights(state.network), hardware.precision, leg)


def _require_all_images(trained: int, wanted: int) -> None:
    if trained != wanted:
        raise ValueError(
            f"a leg trained on {trained:,} images, and everybody must train on {wanted:,}. "
            "Switch off what skips images in the recipe of this benchmark."
        )
