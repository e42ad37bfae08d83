"""The schema, step by step; ``PRAGMA user_version`` says how many steps a file has taken."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from makeweight.errors import StoreError

# A released step never changes; a later one changes what it made.
STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE study (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            name TEXT NOT NULL,
            spec TEXT NOT NULL,             -- JSON, as planned
            dataset TEXT NOT NULL,
            data_digest TEXT NOT NULL,      -- SHA-256 of the prepared data
            created TEXT NOT NULL           -- UTC, ISO 8601
        ) STRICT""",
        """CREATE TABLE job (
            key TEXT PRIMARY KEY,
            position INTEGER NOT NULL,      -- order of running
            family TEXT NOT NULL,
            budget INTEGER NOT NULL,        -- weights allowed
            seed INTEGER NOT NULL,
            split_seed INTEGER NOT NULL,
            data_digest TEXT NOT NULL,
            architecture TEXT NOT NULL,     -- canonical JSON
            recipe TEXT NOT NULL,           -- canonical JSON
            weights INTEGER NOT NULL,
            macs INTEGER NOT NULL,
            activation_bytes INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'done', 'failed')),
            attempts INTEGER NOT NULL DEFAULT 0,
            reason TEXT,                    -- why it failed
            checkpoint_epoch INTEGER NOT NULL DEFAULT 0,
            checkpoint_sha256 TEXT          -- of weights/KEY.EPOCH.checkpoint.safetensors
        ) STRICT""",
        """CREATE TABLE epoch (
            job TEXT NOT NULL REFERENCES job (key) ON DELETE CASCADE,
            epoch INTEGER NOT NULL,
            training_loss REAL NOT NULL,
            validation_loss REAL NOT NULL,
            validation_accuracy REAL NOT NULL,
            learning_rate REAL NOT NULL,
            images INTEGER NOT NULL,
            train_seconds REAL NOT NULL,
            validation_seconds REAL NOT NULL,
            PRIMARY KEY (job, epoch)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE result (
            job TEXT PRIMARY KEY REFERENCES job (key) ON DELETE CASCADE,
            validation_accuracy REAL NOT NULL,
            test_accuracy REAL NOT NULL,
            test_images INTEGER NOT NULL,
            train_seconds REAL NOT NULL,
            images_per_second REAL NOT NULL,
            environment TEXT NOT NULL,      -- JSON
            weights_sha256 TEXT NOT NULL,   -- of weights/KEY.safetensors
            test_sha256 TEXT NOT NULL,      -- of weights/KEY.test.safetensors: logits and labels
            finished TEXT NOT NULL          -- UTC, ISO 8601
        ) STRICT""",
        """CREATE TABLE test_access (        -- every opening of the test images
            id INTEGER PRIMARY KEY,
            job TEXT NOT NULL,
            purpose TEXT NOT NULL,
            opened TEXT NOT NULL            -- UTC, ISO 8601
        ) STRICT""",
        """CREATE TABLE session (            -- every run of the runner
            id INTEGER PRIMARY KEY,
            started TEXT NOT NULL,          -- UTC, ISO 8601
            wall_seconds REAL NOT NULL      -- by the monotonic clock
        ) STRICT""",
    ),
    (
        "ALTER TABLE study ADD COLUMN class_names TEXT NOT NULL DEFAULT '[]'",  # JSON, by label
        "ALTER TABLE study ADD COLUMN data_path TEXT NOT NULL DEFAULT ''",  # of the prepared data, when last planned
        """CREATE TABLE score (              -- of the kept network, on images that are not the test's
            job TEXT NOT NULL REFERENCES job (key) ON DELETE CASCADE,
            split TEXT NOT NULL CHECK (split IN ('training', 'validation')),
            images INTEGER NOT NULL,
            accuracy REAL NOT NULL,
            loss REAL NOT NULL,
            loss_sd REAL NOT NULL,
            PRIMARY KEY (job, split)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE measurement (        -- what a network costs to use; NULL is "not measured"
            job TEXT PRIMARY KEY REFERENCES job (key) ON DELETE CASCADE,
            latency_p50_ms REAL NOT NULL,
            latency_p95_ms REAL NOT NULL,
            latency_repeats INTEGER NOT NULL,
            batch_images INTEGER NOT NULL,
            batch_latency_p50_ms REAL NOT NULL,
            batch_latency_p95_ms REAL NOT NULL,
            batch_repeats INTEGER NOT NULL,
            peak_activation_bytes INTEGER,
            file_bytes INTEGER NOT NULL,
            load_ms REAL NOT NULL,
            energy_mj REAL,
            energy_source TEXT,
            measured TEXT NOT NULL,         -- UTC, ISO 8601
            environment TEXT NOT NULL       -- JSON
        ) STRICT""",
    ),
    ("ALTER TABLE job ADD COLUMN variant TEXT NOT NULL DEFAULT '{}'",),  # JSON: settings that are part of its name
)
VERSION = len(STEPS)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a store to this version's schema, in one transaction, after a backup.

    Raises
    ------
    StoreError
        If the store was written by a newer makeweight; it is left untouched.
    """
    version = schema_version(connection, path)
    if version == VERSION:
        return
    if version > 0:
        _back_up(connection, path.with_name(f"{path.name}.v{version}.bak"))
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in STEPS[schema_version(connection, path) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself rolls back where the disk is full
            connection.execute("ROLLBACK")
        raise


def schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return how many steps the store has taken.

    Raises
    ------
    StoreError
        If it is more than this version knows.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise StoreError(
            f"{path} has schema {version}, and this makeweight knows up to {VERSION}. "
            "Use the makeweight that wrote it, or a newer one."
        )
    return version


def require_current(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a store with another schema, for readers, which can't migrate it.

    Raises
    ------
    StoreError
        If the store is newer or older.
    """
    version = schema_version(connection, path)
    if version < VERSION:
        raise StoreError(
            f"{path} has schema {version}, and this makeweight reads {VERSION}. "
            "Run its study command again: that brings it up to date and keeps its results."
        )


def _back_up(connection: sqlite3.Connection, path: Path) -> None:
    with sqlite3.connect(path) as copy:
        connection.backup(copy)
    copy.close()
