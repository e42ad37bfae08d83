"""Write src/makeweight/studies/tuned.json from finished tunings: python scripts/tuned_recipes.py studies/tune-*"""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from makeweight.designs.families import family_named
from makeweight.report.tuning import TuningSummary, summarise_tuning
from makeweight.studies.tuned import FILE, TunedRecipe
from makeweight.wording import abbreviate


def entry(folder: Path) -> TunedRecipe:
    summary = summarise_tuning(folder)
    assert summary.network is not None, f"{folder} is not finished"
    assert summary.best is not None
    settings, winner, family = summary.tuning.settings, summary.best, summary.network.network_id.family
    assert winner.validation_accuracy is not None
    fields = {field.name for field in dataclasses.fields(family_named(family).options)}
    point = {name.removeprefix(f"{family}."): value for name, value in winner.point.items() if name != "family"}
    kept = {"epochs": summary.network.recipe.epochs, **settings["fixed"]}
    kept |= {name: value for name, value in point.items() if name not in winner.dropped}
    return TunedRecipe(
        dataset=summary.dataset,
        family=family,
        budget=summary.budget,
        options={name: value for name, value in kept.items() if name in fields},
        recipe={name: value for name, value in kept.items() if name not in fields},
        command=_command(summary),
        date=datetime.fromtimestamp((folder / "tuning.db").stat().st_mtime, UTC).date().isoformat(),
        trials=len(summary.trials),
        search_accuracy=winner.validation_accuracy,
        confirmed_accuracies=list(summary.tuning.candidates[winner.number]),
    )


def _command(summary: TuningSummary) -> str:
    trials, seconds = summary.tuning.asked
    effort = summary.tuning.setting("effort")
    limit = f"--time {seconds:.0f}s" if seconds else f"--effort {effort}" + (f" --trials {trials}" if trials else "")
    return f"makeweight tune --family {summary.family} --budget {abbreviate(summary.budget)} {limit}"


if __name__ == "__main__":
    entries = sorted(map(entry, map(Path, sys.argv[1:])), key=lambda e: (e.dataset, e.family != "fcn", e.budget))
    FILE.write_text(json.dumps([dataclasses.asdict(e) for e in entries], indent=1) + "\n")
    print(f"{len(entries)} tuned recipes in {FILE}")
