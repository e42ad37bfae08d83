"""One key, one result: fresh processes, other numbers of workers, and every point to go on from give the same bits.

python -m benchmarks.reliability.determinism [--into FILE]
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.output import progress
from makeweight.data.dataset import PreparedDataset, prepare
from makeweight.designs.architecture import Task
from makeweight.designs.families import family_named
from makeweight.designs.solver import fit
from makeweight.jobs.executors.base import EpochDone, Finished
from makeweight.jobs.executors.local import LocalExecutor
from makeweight.jobs.job import Assignment
from makeweight.jobs.result import Job, Result
from makeweight.studies.plan import job_for
from makeweight.training.precision import Hardware
from makeweight.training.records import EpochRecord

EPOCHS = 4
FRESH = 8  # processes that do nothing else
WORKERS = (2, 3, 4)  # at once, with other seeds beside it; twice each
AGAIN = 2  # times that a training goes on from each epoch


def all_that_draws(data: PreparedDataset) -> Job:
    """Return a training that uses all that a checkpoint must hold: order, dropout, augmentation, average."""
    design = fit(family_named("cnn"), Task(data.image_shape, data.classes), 3_000, {"dropout": 0.1})
    changes = {
        "epochs": EPOCHS, "batch_size": 256, "precision": "fp32", "ema": 0.9, "crop": 1, "flip": True, "erase": 0.5,
    }  # fmt: skip
    return job_for(design, data, changes, split_seed=0, seed=0)


def train(
    job: Job, data: PreparedDataset, workers: int, after: tuple[EpochDone, ...] = ()
) -> tuple[str, list[EpochDone]]:
    """Train in new processes, perhaps from a checkpoint; return the digest of the result and the epochs."""
    executor, epochs = LocalExecutor(workers), list[EpochDone]()
    assignment = Assignment(job, data.path, Hardware("cpu", "fp32", 1), checkpoint_seconds=0.0)
    if after:
        records: tuple[EpochRecord, ...] = tuple(epoch.record for epoch in after)
        assignment = replace(assignment, checkpoint=after[-1].checkpoint, epochs_before=records)
    try:
        for seed in range(1, workers):
            executor.submit(replace(assignment, job=replace(job, seed=seed), checkpoint=None, epochs_before=()))
        executor.submit(assignment)
        while True:
            for event in executor.events(1.0):
                if event.key == job.key and isinstance(event, EpochDone):
                    epochs.append(event)
                if event.key == job.key and isinstance(event, Finished):
                    assert isinstance(event.result, Result)
                    return digest(event.result), epochs
    finally:
        executor.close()


def digest(result: Result) -> str:
    """SHA-256 of weights and test predictions."""
    content = hashlib.sha256(result.test_logits.tobytes())
    for name in sorted(result.weights):
        content.update(name.encode() + result.weights[name].tobytes())
    return content.hexdigest()


def ways(job: Job, data: PreparedDataset) -> Iterator[tuple[str, str]]:
    """Yield each way to train, and the digest of what came out."""
    epochs = list[EpochDone]()
    for _ in range(FRESH):
        found, epochs = train(job, data, 1)
        yield "a fresh process", found
    for workers in WORKERS:
        for _ in range(2):
            yield f"{workers} workers", train(job, data, workers)[0]
    for epoch in range(1, EPOCHS):
        for _ in range(AGAIN):
            yield f"from the checkpoint after epoch {epoch}", train(job, data, 1, tuple(epochs[:epoch]))[0]


def main() -> None:
    """Train in all ways, say what was found, and write it to a file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability.determinism")
    parser.add_argument("--into", type=Path)
    options = parser.parse_args()
    data = prepare("digits")
    found: list[tuple[str, str]] = []
    for way, bits in ways(all_that_draws(data), data):
        found.append((way, bits))
        progress(f"{way}: {bits[:12]}")
    record = {
        "ways": [way for way, _ in found],
        "same": sum(bits == found[0][1] for _, bits in found),
        "of": len(found),
    }
    if options.into:
        options.into.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    raise SystemExit(record["same"] != record["of"])


if __name__ == "__main__":
    main()
