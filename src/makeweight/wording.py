"""Numbers and lists as people read them: the one place that says how a count, a share or a duration is written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

UNKNOWN = "–"  # stands for a number that there is none of
_UNITS = (("T", 10**12), ("G", 10**9), ("M", 10**6), ("K", 10**3))


def compact(count: float) -> str:
    """Write a count with three significant digits.

    >>> compact(1_744_000), compact(98_704), compact(999_950), compact(512)
    ('1.74M', '98.7K', '1.00M', '512')
    """
    count = float(f"{count:.3g}")  # first, so that 999,950 is a million and not 1,000K
    unit, size = next(((unit, size) for unit, size in _UNITS if count >= size), ("", 1))
    return f"{count / size:#.3g}".removesuffix(".") + unit if unit else f"{count:.3g}"


def tick(value: float) -> str:
    """Write a value beside an axis: three significant digits at most.

    >>> tick(1_000_000), tick(20_000), tick(200_000), tick(1_500), tick(0.5)
    ('1M', '20K', '200K', '1.5K', '0.5')
    """
    return re.sub(r"\.0*(?=[TGMK])|(?<=\.[1-9])0(?=[TGMK])", "", compact(value))


def abbreviate(count: int) -> str:
    """Write a count the short way where that loses nothing.

    >>> abbreviate(100_000), abbreviate(2_000_000), abbreviate(1_500), abbreviate(2_049)
    ('100K', '2M', '1.5K', '2,049')
    """
    for unit, size in (("M", 1_000_000), ("K", 1_000)):
        if count >= size and count * 10 % size == 0:
            return f"{count / size:.1f}".removesuffix(".0") + unit
    return f"{count:,}"


def number(value: float) -> str:
    """Write a measured number: three significant digits, or all that are before the point, and a real minus.

    >>> number(-0.012345), number(12_345.6), number(20)
    ('−0.0123', '12,346', '20')
    """
    return _minus(f"{value:,.0f}" if 1_000 <= round(abs(value)) < 1e15 else f"{value:.3g}")


def value_text(value: object) -> str:
    """Write the value of an option or a hyperparameter.

    >>> value_text(True), value_text(0.030000001), value_text(128), value_text("adamw"), value_text((3, 5))
    ('yes', '0.03', '128', 'adamw', '3, 5')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def percentage(share: float | None, decimals: int = 2) -> str:
    """Write a share for a column that says %.

    >>> percentage(0.93604), percentage(0.5, 0), percentage(None), percentage(math.nan)
    ('93.60', '50', '–', '–')
    """
    return UNKNOWN if share is None or math.isnan(share) else _minus(f"{100 * share:z.{decimals}f}")


def percent(share: float | None, decimals: int = 2) -> str:
    """Write a share with its unit.

    >>> percent(0.93604), percent(0.1234, 0), percent(None)
    ('93.60 %', '12 %', '–')
    """
    written = percentage(share, decimals)
    return written if written == UNKNOWN else f"{written} %"


def points(share: float, decimals: int | None = None, *, signed: bool = False) -> str:
    """Write a difference of shares in points: by default one decimal, or two where one would say 0.

    >>> points(0.0123), points(-0.0004, signed=True), points(0.0123, 2, signed=True), points(-1e-9)
    ('1.2', '−0.04', '+1.23', '0.00')
    """
    if decimals is None:
        decimals = 1 if abs(share) >= 0.000_95 else 2
    return _minus(f"{100 * share:{'+' if signed else ''}z.{decimals}f}")


def signed_points(share: float) -> str:
    """Write a difference of shares in points, with its sign and two decimals.

    >>> signed_points(-0.0123)
    '−1.23'
    """
    return points(share, 2, signed=True)


def span(low: float, high: float, write: Callable[[float], str] = percentage) -> str:
    """Write two ends; with a word between them where a sign would be read as the dash.

    >>> span(0.893, 0.9019), span(-0.001, 0.003, points)
    ('89.30–90.19', '−0.1 to 0.3')
    """
    ends = write(low), write(high)
    return (" to " if any(end[0] in "+−" for end in ends) else "–").join(ends)


def confidence(low: float, high: float, write: Callable[[float], str] = percentage) -> str:
    """Write a confidence interval.

    >>> confidence(0.893, 0.9019), confidence(0.003, 0.008, points)
    ('95 % CI 89.30–90.19', '95 % CI 0.3–0.8')
    """
    return f"95 % CI {span(low, high, write)}"


def duration(seconds: float | None, decimals: int = 0) -> str:
    """Write seconds as people say them; decimals are for less than a minute.

    >>> duration(42), duration(4.24, 1), duration(59.7), duration(150), duration(8_000), duration(None)
    ('42 s', '4.2 s', '1 min', '2 min 30 s', '2 h 13 min', 'not known yet')
    """
    if seconds is None:
        return "not known yet"
    if round(seconds, decimals) < 60:
        return f"{seconds:.{decimals}f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min" + f" {rest} s" * bool(rest)
    return f"{minutes // 60} h" + f" {minutes % 60} min" * bool(minutes % 60)


def plural(count: int, noun: str) -> str:
    """Write how many there are of a thing.

    >>> plural(1, "thread"), plural(2_000, "thread"), plural(3, "study"), plural(2, "batch"), plural(0, "epoch")
    ('1 thread', '2,000 threads', '3 studies', '2 batches', '0 epochs')
    """
    if count == 1:
        return f"1 {noun}"
    ending = "es" if re.search(r"(s|x|sh|tch)$", noun) else "s"
    stem = re.sub(r"(?<=[^aeiou])y$", "ie", noun)
    return f"{count:,} {stem}{ending}"


def article(name: str) -> str:
    """Put "a" or "an" before a name, which may be an abbreviation that is spelled.

    >>> article("FCN 20K"), article("CNN"), article("ankle boot"), article("LeNet")
    ('an FCN 20K', 'a CNN', 'an ankle boot', 'a LeNet')
    """
    word = re.split(r"\W", name, maxsplit=1)[0]
    spelled = len(word) > 1 and word.isupper()
    return f"{'an' if word[:1] in ('AEFHILMNORSX8' if spelled else 'aeiouAEIOU8') and word else 'a'} {name}"


def join_words(items: Iterable[str], last: str = "and", most: int | None = None) -> str:
    """Write a list as a sentence has it; of more than `most` items, count the rest.

    >>> join_words(["a", "b", "c"]), join_words(["a", "b"], "or"), join_words("a"), join_words("abcde", most=3)
    ('a, b and c', 'a or b', 'a', 'a, b, c and 2 more')
    """
    *others, final = [*items] or [""]
    if most is not None and len(others) >= most:
        others, final = others[:most], f"{len(others) + 1 - most} more"
    return f"{', '.join(others)} {last} {final}" if others else final


def dimensions(sizes: Iterable[int]) -> str:
    """Write a shape.

    >>> dimensions((1, 28, 28))
    '1×28×28'
    """
    return "×".join(map(str, sizes))


def _minus(written: str) -> str:
    return written.replace("-", "−")
