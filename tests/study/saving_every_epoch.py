"""Run a study file with a checkpoint after every epoch, and wait for a line of input after every event."""

from __future__ import annotations

import sys
from pathlib import Path

from makeweight.data.dataset import prepare
from makeweight.jobs.executors.local import LocalExecutor
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.studies.lock import study_lock
from makeweight.studies.plan import plan
from makeweight.studies.runner import Runner
from makeweight.studies.spec import make_spec, read_study_file
from makeweight.training.precision import Hardware


def main(file: Path, folder: Path) -> None:
    spec = make_spec(read_study_file(file), str(file))
    dataset = prepare(spec.dataset)
    with study_lock(folder), Store.create(folder) as store:
        store.plan(StudyRow(folder.name, spec.to_json(), dataset.name, dataset.digest), plan(spec, dataset))
        executor = LocalExecutor(2)
        try:
            runner = Runner(store, executor, dataset.path, Hardware("cpu", "fp32", 1), checkpoint_seconds=0.0)
            for event in runner.run():
                words = (type(event).__name__, *map(str, executor.worker_pids().values()))
                sys.stdout.write(" ".join(words) + "\n")
                sys.stdout.flush()
                sys.stdin.readline()
        finally:
            executor.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
