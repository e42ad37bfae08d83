#!/usr/bin/env python3
"""Score the zoo's networks once more with the mean answer over shifted copies of each test image.

Usage: scripts/measure_shifts.py

Each copy is the image moved by as many pixels as in training, in each direction, with black at the edges: 9 copies for
a shift of one pixel, and so 9 times the MACs. Networks that weren't trained with shifts are left out: which ones are
scored is settled by their recipe, and by no accuracy. Writes docs/results/shifts.json.
"""

import json
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import torch

import makeweight as mw
from makeweight.nets.build import Network
from makeweight.shipped.score import data_of
from makeweight.training.evaluate import logits_of
from makeweight.training.images import Images

FILE = Path(__file__).parents[1] / "docs" / "results" / "shifts.json"


def main() -> None:
    scored = {}
    for name, network in mw.zoo.items():
        record = network.record
        if shift := record.recipe.crop:
            accuracies = [accuracy(record.module(run), data_of(record), shift) for run in record.runs]
            copies = (2 * shift + 1) ** 2
            scored[name] = {"copies": copies, "macs": copies * record.macs, "mean": mean(accuracies),
                            "sd": stdev(accuracies), "seeds": accuracies}  # fmt: skip
            print(f"{name}: {100 * record.test_accuracy:.2f} %, over {copies} copies {100 * mean(accuracies):.2f} %")
    FILE.write_text(json.dumps(scored, indent=1) + "\n", encoding="utf-8")


def accuracy(module: Network, data: mw.Dataset, shift: int) -> float:
    test = data.test_images()
    height, width = test.images.shape[2:]
    padded = np.pad(test.images, ((0, 0), (0, 0), (shift, shift), (shift, shift)))
    probabilities = torch.zeros(len(test.labels), data.classes)
    for y, x in np.ndindex(2 * shift + 1, 2 * shift + 1):
        moved = padded[:, :, y : y + height, x : x + width]
        images = Images(module, moved, test.labels, np.arange(len(test.labels)), "cpu", torch.float32)
        probabilities += logits_of(module, images).softmax(1)
    return float((probabilities.argmax(1).numpy() == test.labels).mean())


main()
