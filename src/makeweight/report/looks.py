"""How often the test images were opened, and for what, in words and as a table."""

from __future__ import annotations

from collections import Counter

from makeweight.html import Column, Table
from makeweight.store.looks import Looks
from makeweight.wording import plural


def looks_sentences(looks: Looks) -> tuple[str, ...]:
    """Say how often the test images were opened, for what, and how many choices preceded the study."""
    purposes = Counter[str]()
    for look in looks.made:
        purposes[look.purpose] += look.times
    listed = ", ".join(f"{times} × {purpose}" for purpose, times in purposes.most_common())
    words = [
        f"The test images of these data were opened {plural(looks.times, 'time')} in this store, "
        f"{plural(looks.own, 'time')} by this study ({listed or 'none'}).",
        _preceded(looks),
    ]
    if looks.unread:
        words.append(f"Not counted, because they cannot be read: {', '.join(looks.unread)}.")
    return tuple(words)


def _preceded(looks: Looks) -> str:
    parts = []
    if looks.earlier:
        trainings = sum(look.times for look in looks.earlier)
        parts.append(f"{trainings} scores of {plural(len(looks.earlier), 'other study')}")
    if looks.trials:
        tunings = plural(len(looks.trials), "tuning")
        parts.append(f"{sum(looks.trials.values())} trials of {tunings}, on validation images alone")
    if not parts:
        return "No other study or tuning of this store had seen results on these data before."
    return f"Known before its first score: {'; '.join(parts)}. What was chosen by them makes its accuracies too good."


def looks_table(looks: Looks) -> Table:
    """One row for each study and purpose."""
    columns = (
        Column("study", False), Column("purpose", False), Column("times", True),
        Column("first, UTC", False, 2), Column("last, UTC", False, 1),
    )  # fmt: skip
    rows = tuple(
        (look.study, look.purpose, str(look.times), look.first[:16].replace("T", " "), look.last[:16].replace("T", " "))
        for look in looks.made
    )
    return Table("looks", "Looks at the test images", columns, rows, looks_sentences(looks))
