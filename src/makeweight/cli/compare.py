"""``makeweight compare``: whether one network is better than another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.output import examples, print_json, say, stdout
from makeweight.cli.tables import print_records
from makeweight.errors import InvalidValue
from makeweight.face import folders
from makeweight.face.references import GRAMMAR, find_network
from makeweight.wording import plural

if TYPE_CHECKING:
    from makeweight.report.analysis import Comparison
    from makeweight.report.summary import NetworkSummary

EXAMPLES = examples(
    "makeweight compare cnn-10k fcn-200k",
    "makeweight compare fashion",
    "makeweight compare fashion/cnn-10k#0 other/cnn-10k#0 --json",
)


def compare(
    a: Annotated[str, typer.Argument(help=f"A network: {GRAMMAR}. Alone: a study, to compare all its pairs.")],
    b: Annotated[str | None, typer.Argument(help="The network to compare it with.", show_default=False)] = None,
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
) -> None:
    """Compare two networks, or all pairs of a study, image by image over the same test images.

    Several seeds: t-test over seeds and images. With one or two, a spread of the seeds is assumed. p-values are
    corrected for all pairs (Holm); "detectable" is the smallest detectable difference, at a power of 80 %. Two
    trainings of one network are never called better and worse.
    """
    from makeweight.report.analysis import compare_all
    from makeweight.report.side_by_side import in_one_line
    from makeweight.report.statistics_tables import comparisons_table
    from makeweight.report.verdict import in_words

    comparisons = compare_all(_networks_of_study(store, a)) if b is None else (_two(store, a, b),)
    if as_json:
        print_json({"comparisons": [_record(comparison) for comparison in comparisons]})
        return
    print_records(stdout(), comparisons_table(comparisons))
    if b is not None:
        say(f"What differs: {in_one_line(comparisons[0].a, comparisons[0].b)}.")
        say(in_words(comparisons[0]))


def _networks_of_study(store: Path, name: str) -> tuple[NetworkSummary, ...]:
    from makeweight.report.summary import summarise

    if not folders.is_study(store, name) and not (Path(name) / "study.db").is_file():
        raise InvalidValue(f"{name!r} is not a study in {store}. Give a study, or two networks, as {GRAMMAR}.")
    networks = summarise(folders.find_study(store, name)).networks
    if len(networks) < 2:
        raise InvalidValue(
            f"the study {name!r} has {plural(len(networks), 'network')} with a result: at least two are needed."
        )
    return networks


def _two(store: Path, *texts: str) -> Comparison:
    from makeweight.face import studies

    networks = [find_network(store, text) for text in texts]
    return studies.compare(*(n.runs[0] if "#" in text else n for text, n in zip(texts, networks, strict=True)))


def _record(comparison: Comparison) -> dict[str, Any]:
    from makeweight.report.side_by_side import differences

    d = comparison.difference
    return {
        "a": comparison.a.label,
        "b": comparison.b.label,
        "what_differs": {other.name: list(other.values) for other in differences(comparison.a, comparison.b)},
        "difference": d.mean,
        "ci95": [d.low, d.high],
        "p_value": d.p_value,
        "p_holm": comparison.p_holm,
        "shown": comparison.shown,
        "smallest_detectable": comparison.smallest,
        "method": d.method,
        "covers": d.covers,
        "seeds": [len(comparison.a.runs), len(comparison.b.runs)],
        "test_images": len(comparison.a.labels),
    }
