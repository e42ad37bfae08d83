"""Stores of other versions: a newer one is left alone, an older one is brought up to date or left as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from makeweight.errors import StoreError
from makeweight.jobs.result import Job
from makeweight.store import migrations
from makeweight.store.migrations import STEPS, VERSION
from makeweight.store.store import Store

BACKUP = f"study.db.v{VERSION}.bak"
GOOD = "ALTER TABLE study ADD COLUMN colour TEXT NOT NULL DEFAULT 'green'"


@pytest.fixture
def folder(store: Store, jobs: list[Job], make_result) -> Path:
    """A closed store of this version with one result."""
    store.finish(jobs[0].key, make_result())
    store.close()
    return store.folder


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(sql).fetchall()
        connection.commit()
        return rows


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "-shm" not in path.name}


def add_step(monkeypatch: pytest.MonkeyPatch, *statements: str) -> None:
    """As if this makeweight were one version further."""
    monkeypatch.setattr(migrations, "STEPS", (*STEPS, statements))
    monkeypatch.setattr(migrations, "VERSION", VERSION + 1)


@pytest.mark.parametrize("use", [Store.create, Store.open])
def test_a_newer_store_is_refused_and_left_untouched(folder: Path, use) -> None:
    query(folder / "study.db", f"PRAGMA user_version = {VERSION + 1}")
    before = contents(folder)
    with pytest.raises(StoreError, match=rf"has schema {VERSION + 1}, and this makeweight knows up to {VERSION}\."):
        use(folder)
    assert {name: content for name, content in contents(folder).items() if content} == before


def test_an_older_store_is_backed_up_and_brought_up_to_date(
    folder: Path, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_step(monkeypatch, GOOD)
    with Store.create(folder) as store:
        assert store.jobs()[0].job == jobs[0]
        assert store.weights(store.jobs()[0])
    path = folder / "study.db"
    assert query(path, "PRAGMA user_version") == [(VERSION + 1,)]
    assert query(path, "SELECT colour FROM study") == [("green",)]
    assert query(folder / BACKUP, "PRAGMA user_version") == [(VERSION,)]
    assert query(folder / BACKUP, "SELECT key FROM job") == query(path, "SELECT key FROM job")
    assert query(folder / BACKUP, "PRAGMA integrity_check") == [("ok",)]


def test_a_migration_that_breaks_off_leaves_the_old_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        add_step(patch, GOOD, "ALTER TABLE missing ADD COLUMN at_all TEXT")
        with pytest.raises(StoreError, match="no such table: missing"):
            Store.create(folder)
    assert query(folder / "study.db", "PRAGMA user_version") == [(VERSION,)]
    assert not any(row[1] == "colour" for row in query(folder / "study.db", "PRAGMA table_info(study)"))
    with Store.create(folder) as store:
        assert store.weights(store.jobs()[0])


def test_readers_do_not_migrate_and_say_what_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_step(monkeypatch, GOOD)
    before = contents(folder)
    with pytest.raises(StoreError, match=rf"has schema {VERSION}, .*reads {VERSION + 1}\. Run its study command again"):
        Store.open(folder)
    assert {name: content for name, content in contents(folder).items() if content} == before


def test_a_current_store_is_not_backed_up(folder: Path) -> None:
    Store.create(folder).close()
    assert not list(folder.glob("*.bak"))
