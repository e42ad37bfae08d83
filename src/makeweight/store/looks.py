"""How often the test images of some data were opened, over all studies of a store."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from makeweight.errors import StoreError
from makeweight.store.database import Database
from makeweight.store.store import DATABASE, FINAL_SCORE
from makeweight.store.trials import TUNING_DATABASE, has_trials


@dataclass(frozen=True, slots=True)
class Look:
    """All openings of one study for one purpose."""

    study: str
    purpose: str
    times: int
    first: str  # UTC, ISO 8601
    last: str


@dataclass(frozen=True, slots=True)
class Looks:
    """Openings of the test images that a study was scored on, and what was chosen on the same data."""

    study: str
    made: tuple[Look, ...]  # by study and purpose, of all studies of the store
    tuned: dict[str, tuple[str, ...]]  # UTC at which trials ended, of each tuning on the same data
    unread: tuple[str, ...]  # studies whose record cannot be read

    @property
    def times(self) -> int:
        """All openings."""
        return sum(look.times for look in self.made)

    @property
    def own(self) -> int:
        """Those by this study."""
        return sum(look.times for look in self.made if look.study == self.study)

    @property
    def earlier(self) -> tuple[Look, ...]:
        """Scores of other studies that were known before this study's first."""
        scores = (look for look in self.made if look.purpose == FINAL_SCORE and look.study != self.study)
        return tuple(look for look in scores if self._was_known(look.first))

    @property
    def trials(self) -> dict[str, int]:
        """Trials of each tuning that had ended before this study's first score."""
        known = {name: sum(map(self._was_known, ended)) for name, ended in self.tuned.items()}
        return {name: count for name, count in known.items() if count}

    def _was_known(self, when: str) -> bool:
        own = (look.first for look in self.made if look.study == self.study and look.purpose == FINAL_SCORE)
        begun = min(own, default=None)
        return begun is None or when < begun


def read_looks(folder: Path, digest: str) -> Looks:
    """Read what the store that a study is in records on the data with this digest; unreadable studies are named."""
    made, tuned, unread = list[Look](), dict[str, tuple[str, ...]](), list[str]()
    for study in sorted(path.parent for path in folder.absolute().parent.glob(f"*/{DATABASE}")):
        try:
            made += _looks(study, digest)
            tuned[study.name] = _trials(study, digest)
        except (StoreError, sqlite3.Error):
            unread.append(study.name)
    return Looks(folder.absolute().name, tuple(made), tuned, tuple(unread))


def _looks(study: Path, digest: str) -> list[Look]:
    with closing(Database.for_reading(study / DATABASE)) as database:
        rows = database.read(
            "SELECT purpose, count(*), min(opened), max(opened) FROM test_access JOIN job ON job.key = test_access.job "
            "WHERE job.data_digest = ? GROUP BY purpose ORDER BY min(opened)",
            digest,
        )
    return [Look(study.name, *row) for row in rows]


def _trials(study: Path, digest: str) -> tuple[str, ...]:
    """When a tuning's trials ended (UTC, ISO 8601), without the second that Optuna takes to start."""
    if not has_trials(study):
        return ()
    with closing(sqlite3.connect(f"{(study / TUNING_DATABASE).as_uri()}?mode=ro", uri=True)) as connection:
        settings = connection.execute("SELECT value_json FROM study_user_attributes WHERE key = 'settings'").fetchone()
        if not settings or _data(settings[0]) != digest:
            return ()
        ended = "SELECT datetime_complete FROM trials WHERE state IN ('COMPLETE', 'PRUNED')"
        return tuple(_utc(when) for (when,) in connection.execute(ended))


def _utc(when: object) -> str:
    """Optuna stores local time."""
    try:
        return datetime.fromisoformat(str(when)).astimezone(UTC).isoformat()
    except ValueError as error:
        raise StoreError("a tuning's trials are damaged") from error


def _data(settings: str) -> object:
    """Return the data's digest in a tuning's settings."""
    try:
        return json.loads(settings).get("data")
    except (ValueError, AttributeError) as error:
        raise StoreError("a tuning's settings are damaged") from error
