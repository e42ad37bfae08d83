"""What a planned study will take and what it can show, before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from makeweight.wording import duration, plural, points

if TYPE_CHECKING:
    from makeweight.studies.session import Machine, StudyPlan


@dataclass(frozen=True)
class Expected:
    """Time and power of a study."""

    trainings: int
    seconds: float  # by the clock on the wall
    workers: int
    precision: str
    seeds: int
    tested: int  # images
    pairs: int  # of networks
    detectable: float | None  # share of the test images; None without a pair

    def sentences(self) -> tuple[str, ...]:
        """Say it in words."""
        from makeweight.stats.compare import POWER
        from makeweight.stats.planning import PLANNED_ACCURACY

        time = (
            f"{plural(self.trainings, 'training')}, about {duration(self.seconds)} in {self.precision}, "
            f"{self.workers} at a time (from timing a few steps of each network)."
        )
        if self.detectable is None:
            return (time,)
        return time, (
            f"Near {100 * PLANNED_ACCURACY:.0f} % accuracy they show a difference of {points(self.detectable)} points "
            f"between two networks with a probability of {100 * POWER:.0f} % (seeds: {self.seeds}; test images: "
            f"{self.tested:,}; pairs, corrected for: {self.pairs})."
        )


def expect(planned: StudyPlan, machine: Machine) -> Expected:
    """Time a few steps of each network on this machine, and say what the seeds can show."""
    from makeweight.stats.planning import detectable_difference
    from makeweight.studies.estimate import study_seconds
    from makeweight.studies.session import choose_hardware

    jobs, first = planned.jobs, planned.jobs[0]
    workers, hardware = choose_hardware(machine, len(jobs))
    images = len(planned.dataset.split(first.recipe.validation, first.split_seed).train)
    seconds = study_seconds(jobs, images, workers, hardware)
    networks, seeds = len({job.network_id for job in jobs}), len({job.seed for job in jobs})
    tested, pairs = len(planned.dataset.test_images().labels), networks * (networks - 1) // 2
    detectable = detectable_difference(seeds, tested, pairs) if pairs else None
    return Expected(len(jobs), seconds, workers, hardware.precision, seeds, tested, pairs, detectable)
