"""The finished study, open for reading, with its data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from makeweight.store.rows import JobRow
from makeweight.store.store import Store


@pytest.fixture(scope="module")
def store(finished) -> Iterator[Store]:
    with Store.open(finished.folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def rows(store: Store) -> dict[str, JobRow]:
    """The first run of each family, of 2,000 weights."""
    first = [row for row in store.jobs() if (row.job.budget, row.job.seed) == (2_000, 0)]
    return {row.job.family: row for row in first}
