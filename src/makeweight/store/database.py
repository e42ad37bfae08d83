"""The connection to a store's database: transactions, and SQLite's errors in one clear line."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from makeweight.errors import StoreError
from makeweight.files import whole, writing_to
from makeweight.store.migrations import migrate, require_current

BUSY_SECONDS = 30.0  # a writer holds the file for milliseconds, so waiting this long means a fault


class Database:
    """An open database; every method turns SQLite's errors into a StoreError."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self._connection = path, connection

    @staticmethod
    def for_writing(path: Path) -> Database:
        """Open for writing; create or migrate the schema if needed.

        Raises
        ------
        StoreError
            If it cannot be written, or is newer than this makeweight, or damaged.
        """
        with readable(path), writing_to(path):
            if not path.exists():
                _make(path)
            return Database(path, _connect(path))

    @staticmethod
    def for_reading(path: Path) -> Database:
        """Open an existing database.

        Raises
        ------
        StoreError
            If there is none, or it is of another version, or damaged.
        """
        if not path.is_file():
            folder = path.parent
            raise StoreError(f"there is no study in {folder}. Run one with: makeweight study --name {folder.name}")
        with readable(path):
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
            try:
                require_current(connection, path)
                connection.execute("SELECT count(*) FROM job").fetchone()
            except BaseException:
                connection.close()
                raise
        return Database(path, connection)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return all rows."""
        with readable(self.path):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write everything in the block, or nothing."""
        with readable(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself rolls back if the disk is full
                    self._connection.execute("ROLLBACK")
                raise


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        migrate(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    """Create an empty store under another name first: readers must see none or a whole one."""
    with whole(path) as unfinished:
        _connect(unfinished).close()
        # SQLite doesn't say so if it couldn't switch to WAL, but needs this journal to undo what it began.
        if unfinished.with_name(f"{unfinished.name}-journal").exists():
            raise sqlite3.OperationalError("the last write failed; the disk may be full")


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into one clear line."""
    try:
        yield
    except sqlite3.OperationalError as error:
        remedy = (
            "Free some room and run the same command again; what is stored stays valid."
            if "full" in str(error)
            else "Check that the folder can be read and written, and that no other program holds the file."
        )
        raise StoreError(f"cannot use {path}: {error}. {remedy}") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter from names in a damaged schema
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> StoreError:
    """Return the error for a store that can't be read."""
    return StoreError(
        f"{path} is not a makeweight store, or is damaged: {error}. "
        "Bring it back from a copy, or start again in another folder with store=DIR."
    )
