"""``makeweight compare``: whether one network is better than another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.output import print_json, print_records, stdout
from makeweight.cli.references import GRAMMAR, find_network
from makeweight.errors import InvalidValue

if TYPE_CHECKING:
    from makeweight.report.analysis import Comparison
    from makeweight.report.summary import NetworkSummary

EXAMPLES = (
    "Examples: makeweight compare cnn-10k fcn-200k   |   makeweight compare report   |   "
    "makeweight compare report/cnn-10k#0 other/cnn-10k#0 --json"
)


def compare(
    a: Annotated[str, typer.Argument(help=f"A network: {GRAMMAR}. Alone: a study, of which all pairs are compared.")],
    b: Annotated[str | None, typer.Argument(help="The network to compare it with.", show_default=False)] = None,
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
) -> None:
    """Compare two networks, or all pairs of a study, image by image over the same test images.

    One seed of each: exact McNemar test. Several: t-test over seeds and images. p-values are corrected for all pairs
    that the command compares (Holm); "could see" is the difference that the test would show four times of five.
    """
    from makeweight.report.analysis import compare_all
    from makeweight.report.statistics_tables import comparisons_table
    from makeweight.report.verdict import in_words

    networks = _networks_of_study(store, a) if b is None else _two(store, a, b)
    comparisons = compare_all(networks)
    if as_json:
        print_json({"comparisons": [_record(comparison) for comparison in comparisons]})
        return
    print_records(stdout(), comparisons_table(comparisons))
    if b is not None:
        print(in_words(comparisons[0]))


def _networks_of_study(store: Path, name: str) -> tuple[NetworkSummary, ...]:
    from makeweight.report.summary import summarise

    if not options.is_study(store, name) and not (Path(name) / "study.db").is_file():
        raise InvalidValue(f"{name!r} is no study in {store}. Give a study, or two networks, as {GRAMMAR}.")
    networks = summarise(options.find_study(store, name)).networks
    if len(networks) < 2:
        raise InvalidValue(f"the study {name!r} has {len(networks)} networks with a result, and two are compared.")
    return networks


def _two(store: Path, a: str, b: str) -> tuple[NetworkSummary, ...]:
    from makeweight.report.side_by_side import side_by_side
    from makeweight.report.summary import summarise_runs

    named = []
    for text in (a, b):
        reference = find_network(store, text)
        network = summarise_runs(reference.folder, reference.rows)
        named.append(replace(network, label=f"{network.label} seed {network.runs[0].seed}") if "#" in text else network)
    return side_by_side(named)


def _record(comparison: Comparison) -> dict[str, Any]:
    d = comparison.difference
    return {
        "a": comparison.a.label,
        "b": comparison.b.label,
        "difference": d.mean,
        "ci95": [d.low, d.high],
        "p_value": d.p_value,
        "p_holm": comparison.p_holm,
        "shown": comparison.shown,
        "smallest_detectable": d.smallest,
        "method": d.method,
        "covers": d.covers,
        "seeds": [len(comparison.a.runs), len(comparison.b.runs)],
        "test_images": len(comparison.a.labels),
    }
