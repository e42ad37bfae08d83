"""Optuna as people use it: an objective that builds a network of any width and trains it with a DataLoader.

Widths, depth, dropout, learning rate, batch size and epochs are searched, by TPE with the median pruner or at random
with none. A network above the budget is told as pruned before it is trained. float32, AdamW, one-cycle learning rate.
The best epoch of all trials is kept.
"""

from __future__ import annotations

import copy

import optuna
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.anytime.images import CLASSES, Asked, Part, asked, test, training_and_validation


def _network(trial: optuna.Trial, family: str) -> nn.Module:
    dropout = trial.suggest_float("dropout", 0.0, 0.4)
    layers: list[nn.Module] = []
    if family == "fcn":
        layers, inputs = [nn.Flatten()], 784
        for i in range(trial.suggest_int("layers", 1, 3)):
            width = trial.suggest_int(f"width{i}", 16, 512, log=True)
            layers += [nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout)]
            inputs = width
    else:
        inputs = 1
        for i in range(stages := trial.suggest_int("stages", 2, 4)):
            for j in range(trial.suggest_int(f"convolutions{i}", 1, 2)):
                width = trial.suggest_int(f"width{i}.{j}", 8, 128, log=True)
                layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
                inputs = width
            if i < stages - 1:
                layers.append(nn.MaxPool2d(2))
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(inputs, CLASSES))


class Searched:
    """The search and its best network so far."""

    def __init__(self, task: Asked) -> None:
        self.task, self.accuracy, self.facts = task, 0.0, dict[str, int]()
        self.best: nn.Module | None = None
        self.training, self.validation = (_tensors(part) for part in training_and_validation())

    def objective(self, trial: optuna.Trial) -> float:
        """Train a network, and keep it if it is the best."""
        network = _network(trial, self.task.family)
        trial.set_user_attr("weights", sum(p.numel() for p in network.parameters()))
        if trial.user_attrs["weights"] > self.task.weights:
            raise optuna.TrialPruned
        epochs = trial.suggest_int("epochs", 3, 40, log=True)
        loader = DataLoader(self.training, trial.suggest_int("batch", 64, 512, log=True), shuffle=True)
        rate = trial.suggest_float("rate", 3e-4, 3e-2, log=True)
        optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, epochs * len(loader))
        for epoch in range(epochs):
            network.train()
            for images, labels in loader:
                if self.task.left() < 0:
                    trial.study.stop()
                    raise optuna.TrialPruned
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(images), labels).backward()
                optimizer.step()
                schedule.step()
            accuracy = _accuracy(network, self.validation)
            if accuracy > self.accuracy:
                self.best, self.accuracy = copy.deepcopy(network), accuracy
                self.facts = {"weights": trial.user_attrs["weights"], "epochs": epoch + 1}
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return accuracy


def _tensors(part: Part) -> TensorDataset:
    return TensorDataset(*map(torch.from_numpy, part))


@torch.inference_mode()
def _accuracy(network: nn.Module, images: TensorDataset) -> float:
    network.eval()
    right = [(network(x).argmax(1) == y).sum().item() for x, y in DataLoader(images, 1_000)]
    return sum(right) / len(images)


def main() -> None:
    """Search until the time is up, then open the test images."""
    task = asked("tpe", "random")
    torch.manual_seed(0)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    chance = task.way == "random"
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=0) if chance else optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.NopPruner() if chance else optuna.pruners.MedianPruner(),
    )
    searched = Searched(task)
    study.optimize(searched.objective, timeout=task.left())
    assert searched.best is not None, "no network was trained for an epoch"
    task.report(
        test_accuracy=_accuracy(searched.best, _tensors(test())),
        validation_accuracy=searched.accuracy,
        **searched.facts,
        trials=sum("epochs" in trial.params for trial in study.trials),
        rejected=sum("epochs" not in trial.params for trial in study.trials),
    )


if __name__ == "__main__":
    main()
