"""What networks of the zoo lose in few bits: int8 ONNX by each calibration, weights alone, and C of 8, 6 and 4 bits.

    python -m benchmarks.few_bits [NETWORK ...] [--seeds N] [--only calibration|weights|c]

Nothing is chosen by the test images that it opens: which calibration an export takes is decided on training images.
Weights alone: symmetric, one scale for each filter, chosen for the least squared error; activations stay float32.
C: as exported, with 6 and 4 bits once only rounded and once fine-tuned for 5 epochs, which takes minutes a network.
Printed as Markdown, one row a network, means over its seeds. Agreement and divergence are with float32.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.output import show
from makeweight.data.dataset import PreparedDataset
from makeweight.export import quantize
from makeweight.export.deployment import CALIBRATION_IMAGES, Deployable, Deployment, Int8
from makeweight.export.facts import Facts
from makeweight.export.finetune import fine_tune
from makeweight.export.formats import FORMATS
from makeweight.export.onnx import onnx_model
from makeweight.export.verify import answers
from makeweight.nets.build import Network
from makeweight.shipped.record import ZOO, ShippedNetwork, ShippedRun, names_in, read_network
from makeweight.shipped.score import answers_on_test, data_of

BITS = (8, 6, 4)
SHARES = torch.linspace(0.3, 1, 71)  # of the largest weight, as the largest code


def main() -> None:
    """Read the arguments, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=names_in(ZOO), metavar="NETWORK")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=["calibration", "weights", "c"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    networks = [read_network(ZOO / name) for name in arguments.networks]
    data = data_of(networks[0])
    heads = [f"{way}: divergence · 10⁴ | change, points" for way in (*quantize.WAYS, "chosen")]
    bits = [f"{bits} bits: bytes | change, points | % a KB" for bits in (32, *BITS)]
    in_c = [
        "8 bits: flash, bytes | test % | % a KB",
        *(f"{bits} bits: flash, bytes | rounded: test % | fine-tuned: test % | % a KB" for bits in BITS[1:]),
    ]
    tables = {"calibration": (heads, row_of_ways), "weights": (bits, row_of_bits), "c": (in_c, row_in_c)}
    for name, (columns, row) in tables.items():
        if arguments.only in (None, name):
            rows = (row(network, data, arguments.seeds) for network in networks)
            print_table(["network", *" | ".join(columns).split(" | ")], rows)


def print_table(heads: list[str], rows: Iterator[list[str]]) -> None:
    """Print a table in Markdown, each row as soon as it is there."""
    show(f"\n| {' | '.join(heads)} |\n| --- |{' ---: |' * (len(heads) - 1)}")
    for row in rows:
        show(f"| {' | '.join(row)} |")


def row_of_ways(network: ShippedNetwork, data: PreparedDataset, seeds: int) -> list[str]:
    """Divergence on the test images, and change of the accuracy, by each way and by the one that would be chosen."""
    lost = np.mean([lost_by_ways(network, run, data) for run in network.runs[:seeds]], axis=0)
    cells = (f"{1e4 * divergence:.1f} | {100 * change:+.2f}" for divergence, change in lost)
    return [network.label, *" | ".join(cells).replace("-", "−").split(" | ")]


def lost_by_ways(network: ShippedNetwork, run: ShippedRun, data: PreparedDataset) -> list[tuple[float, float]]:
    """Return divergence and change of the accuracy on the test images, by each way and by the chosen one."""
    deployment = deployment_for(network, run, data)
    model, images = onnx_model(deployment), np.asarray(data.test_images().images)
    seen, unseen = deployment.calibration[::2], deployment.calibration[1::2]
    expected, known = quantize.answer_all(model, images), quantize.answer_all(model, unseen)
    labels = np.asarray(data.test_images().labels)
    before, lost, on_training = (expected.argmax(1) == labels).mean(), [], []
    for small in quantize.each_way(model, deployment.facts, seen).values():
        answered = quantize.answer_all(small, images)
        change = float((answered.argmax(1) == labels).mean() - before)
        lost.append((quantize.divergence(expected, answered), change))
        on_training.append(quantize.divergence(known, quantize.answer_all(small, unseen)))
    return [*lost, lost[int(np.argmin(on_training))]]


def deployment_for(network: ShippedNetwork, run: ShippedRun, data: PreparedDataset) -> Deployment:
    """Return what an export of a training starts from."""
    job = network.job(run)
    rows = data.split(job.recipe.validation, job.split_seed).train
    chosen = np.sort(np.random.default_rng(0).permutation(rows)[:CALIBRATION_IMAGES])
    facts = Facts(
        makeweight="0", network=network.label, run=job.key[:12], seed=run.seed, dataset=network.dataset,
        data_digest=data.digest, image_shape=data.image_shape, class_names=data.class_names, border=0.0,
        budget=job.budget, weights=network.weights,
    )  # fmt: skip
    images = np.asarray(data.training_images().images[chosen])
    return Deployment(Deployable(network.module(run)).eval(), facts, images)


def row_of_bits(network: ShippedNetwork, data: PreparedDataset, seeds: int) -> list[str]:
    """Bytes of the weights, change of the accuracy, and accuracy a kilobyte, in float32 and in few bits."""
    scores = np.array([accuracies(network.module(run), data) for run in network.runs[:seeds]]).mean(axis=0)
    module = network.module(network.best)
    cells = []
    for bits, score in zip((32, *BITS), scores, strict=True):
        size = stored_bytes(module, bits)
        cells.append(f"{size:,} | {100 * (score - scores[0]):+.2f} | {100 * score / (size / 1_000):.2f}")
    return [network.label, *" | ".join(cells).replace("-", "−").split(" | ")]


def row_in_c(network: ShippedNetwork, data: PreparedDataset, seeds: int) -> list[str]:
    """Flash and accuracy of the C files, in 8 bits, and in fewer rounded after training and fine-tuned."""
    seen = np.array([scores_in_c(network, run, data) for run in network.runs[:seeds]]).mean(axis=0)  # (ways, 2)
    flash, eight = seen[0]
    cells = [f"{flash:,.0f} | {100 * eight:.2f} | {100 * eight / (flash / 1_000):.2f}"]
    for (flash, rounded), (_, tuned) in zip(seen[1::2], seen[2::2], strict=True):
        cells.append(f"{flash:,.0f} | {100 * rounded:.2f} | {100 * tuned:.2f} | {100 * tuned / (flash / 1_000):.2f}")
    return [network.label, *" | ".join(cells).split(" | ")]


def scores_in_c(network: ShippedNetwork, run: ShippedRun, data: PreparedDataset) -> list[tuple[float, float]]:
    """Return flash in bytes and the share of test images that are right, of each way."""
    deployment, test, scores = deployment_for(network, run, data), data.test_images(), list[tuple[float, float]]()
    for int8 in (Int8(), *(Int8(bits, epochs) for bits in BITS[1:] for epochs in (0, None))):
        copy_of = (
            fine_tune(deployment.module.network, network.job(run), data, int8.bits, int8.fine_tuning)
            if int8.fine_tuning
            else None
        )
        with tempfile.TemporaryDirectory() as folder:
            _, small = FORMATS["c"].write(replace(deployment, int8=int8, fine_tuned=copy_of), Path(folder), True)
            right = answers(small.answer, test.images).argmax(1) == np.asarray(test.labels)
        assert small.memory is not None
        scores.append((small.memory.flash_bytes, float(right.mean())))
    return scores


def accuracies(module: Network, data: PreparedDataset) -> list[float]:
    """Return the share of test images that are right, in float32 and in few bits."""
    scores = []
    for bits in (32, *BITS):
        coarse = copy.deepcopy(module)
        for weights in filters(coarse) if bits < 32 else ():
            weights.data.copy_(rounded(weights.data, bits))
        logits, labels = answers_on_test(coarse, data)
        scores.append(float((logits.argmax(1) == labels).mean()))
    return scores


def filters(module: nn.Module) -> list[Tensor]:
    """All weights that multiply inputs, (o, …); batch normalisation behind them only changes a filter's scale."""
    return [weights for weights in module.parameters() if weights.ndim > 1]


def rounded(weights: Tensor, bits: int) -> Tensor:
    """Round each filter of (o, …) weights to symmetric codes of some bits, at the scale of the least squared error."""
    flat, largest = weights.flatten(1), 2 ** (bits - 1) - 1
    scales = flat.abs().amax(1).clamp(min=1e-12) * SHARES[:, None] / largest  # (shares, o)
    codes = (flat / scales[:, :, None]).round().clamp(-largest, largest)  # (shares, o, …)
    close = codes * scales[:, :, None]
    best = ((close - flat) ** 2).sum(2).argmin(0)  # (o,)
    chosen: Tensor = close[best, torch.arange(len(flat))]
    return chosen.reshape(weights.shape)


def stored_bytes(module: nn.Module, bits: int) -> int:
    """Codes, and for each filter a bias, and below 32 bits a scale, of four bytes."""
    each = [(weights.numel(), len(weights)) for weights in filters(module)]
    return sum(-(-count * bits // 8) + 4 * rows * (1 + (bits < 32)) for count, rows in each)


if __name__ == "__main__":
    main()
