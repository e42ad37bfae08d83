"""What training yields."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One pass over the training images."""

    epoch: int  # from 1
    training_loss: float  # mean over the images, with label smoothing, dropout and augmentation
    validation_loss: float  # mean cross-entropy, without label smoothing; NaN if nothing is held out
    validation_accuracy: float  # 0 to 1; NaN if nothing is held out
    learning_rate: float  # at the last step
    images: int  # trained on in this epoch
    train_seconds: float  # the training steps alone
    validation_seconds: float

    @property
    def images_per_second(self) -> float:
        """Training throughput."""
        return self.images / self.train_seconds


def training_seconds(epochs: tuple[EpochRecord, ...]) -> float:
    """Wall-clock seconds of all epochs, including validation."""
    return sum(epoch.train_seconds + epoch.validation_seconds for epoch in epochs)


def images_per_second(epochs: tuple[EpochRecord, ...]) -> float:
    """Training throughput over all epochs, without validation."""
    return sum(epoch.images for epoch in epochs) / sum(epoch.train_seconds for epoch in epochs)
