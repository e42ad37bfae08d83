"""What training yields."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One pass over the training images."""

    epoch: int  # counted from 1
    training_loss: float  # mean over the images, as trained: with label smoothing, dropout and augmentation
    validation_loss: float  # mean cross-entropy, without label smoothing; NaN where nothing is held out
    validation_accuracy: float  # 0 to 1; NaN where nothing is held out
    learning_rate: float  # at the last step
    images: int  # trained on in this epoch
    train_seconds: float  # the training steps alone
    validation_seconds: float

    @property
    def images_per_second(self) -> float:
        """Training throughput."""
        return self.images / self.train_seconds


def training_seconds(epochs: tuple[EpochRecord, ...]) -> float:
    """Wall-clock seconds of all epochs, the validation after each included."""
    return sum(epoch.train_seconds + epoch.validation_seconds for epoch in epochs)


def images_per_second(epochs: tuple[EpochRecord, ...]) -> float:
    """Training throughput over all epochs, validation apart."""
    return sum(epoch.images for epoch in epochs) / sum(epoch.train_seconds for epoch in epochs)
