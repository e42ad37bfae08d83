"""How fast this machine multiplies matrices, and which share of that a training reaches.

The peak is that of a product of two square matrices in torch, C = A·B, which costs 2·n³ operations: the best over the
sizes of the median over the repetitions of one size, in each precision and number of threads.

A training's operations for one image are counted exactly, where M is a network's MACs and F those of its first layer
with weights: 2·M forward, 2·M for the gradients of the weights, and 2·(M − F) for the gradients of the layers' inputs,
because nobody needs the gradient of the images. Everything else that a step does (normalisation, activations, pooling,
dropout, the optimiser, picking the images) costs time and counts as no operation, so 100 % cannot be reached.

Run as a program it prints the peaks as JSON, so that the benchmark itself need not import torch.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.machine import processors
from benchmarks.settings import ROOT

if TYPE_CHECKING:
    from makeweight.designs.cost import Cost

SIZES = (1_024, 2_048, 4_096)
QUICK_SIZES = (256,)
REPETITIONS = 7
WARM_UP = 2  # products before the clock starts

Peaks = dict[str, dict[str, float]]  # GFLOP/s by precision and number of threads


def operations_per_image(cost: Cost) -> int:
    """Floating-point operations of a training step, for one image."""
    first = next(layer.macs for layer in cost.layers if layer.macs)
    return 2 * cost.macs + 2 * cost.macs + 2 * (cost.macs - first)


def measure_peaks(quick: bool) -> Peaks:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.peak", *(["--quick"] if quick else [])]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    peaks: Peaks = json.loads(found.stdout)
    return peaks


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    sizes = QUICK_SIZES if parser.parse_args().quick else SIZES
    peaks: Peaks = {}
    for precision in ("fp32", "bf16"):
        by_threads = {threads: max(_gflops(n, precision, threads) for n in sizes) for threads in _threads()}
        peaks[precision] = {str(threads): round(peak, 1) for threads, peak in by_threads.items()}
    sys.stdout.write(json.dumps(peaks))


def _threads() -> list[int]:
    return sorted({1, processors()})


def _gflops(n: int, precision: str, threads: int) -> float:
    import torch

    torch.set_num_threads(threads)
    a, b = (torch.randn(n, n).to(torch.bfloat16 if precision == "bf16" else torch.float32) for _ in range(2))
    times = []
    for _ in range(WARM_UP + REPETITIONS):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return 2 * n**3 / statistics.median(times[WARM_UP:]) / 1e9


if __name__ == "__main__":
    _main()
