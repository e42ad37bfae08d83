#!/usr/bin/env python3
"""Write docs/study-file.md and docs/store.md from the code: fields with the comments beside them, and the schema.

Usage: scripts/write_reference.py [FOLDER]   (by default docs)
"""

from __future__ import annotations

import ast
import inspect
import re
import sqlite3
import sys
import textwrap
from pathlib import Path

from makeweight.store import migrations
from makeweight.studies.spec import StudySpec
from makeweight.training.recipe import Recipe

ROOT = Path(__file__).parents[1]
WRITTEN = "<!-- Written by scripts/write_reference.py: run make docs. -->"
FILES_OF_A_STUDY = """\
| file | what it is |
|---|---|
| `study.db` | the store below, SQLite in WAL mode; readers never block the writer |
| `weights/KEY.safetensors` | a training's weights; its SHA-256 stands in `result` |
| `weights/KEY.test.safetensors` | logits and labels of the test images |
| `weights/KEY.EPOCH.checkpoint.safetensors` | where a training that was stopped goes on |
| `tuning.db` | trials of `makeweight tune`: Optuna's own tables |
| `report.html` | what `makeweight report` wrote |

Only the runner writes ([what survives a kill](house.md#what-survives-a-kill)). A released step of the schema never
changes; an older store is backed up and migrated in one transaction, a newer one is refused. To read it elsewhere:

```bash
sqlite3 -readonly studies/fashion/study.db "select family, budget, test_accuracy from job join result on job = key"
```
"""


def fields_of(record: type) -> list[tuple[str, str, str]]:
    """Return name, default and comment of each field of a class, which stands beside or above it."""
    source = textwrap.dedent(inspect.getsource(record))
    lines = source.splitlines()
    [node] = ast.parse(source).body
    assert isinstance(node, ast.ClassDef)
    return [
        (field.target.id, _default(field), _comment(lines, field))
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    ]


def _default(field: ast.AnnAssign) -> str:
    text = ast.unparse(field.value) if field.value else ""
    return "" if text == "None" or "Field(" in text else f"`{_CONSTANTS.get(text, text)}`"


_CONSTANTS = {"DEFAULT_VALIDATION": str(Recipe().validation)}


def _comment(lines: list[str], field: ast.AnnAssign) -> str:
    beside = lines[field.end_lineno - 1].partition("  # ")[2]  # type: ignore[operator]
    above = lines[field.lineno - 2].strip()
    return beside or (above.removeprefix("# ") if above.startswith("# ") else "")


def table(heading: str, rows: list[tuple[str, str, str]], second: str) -> str:
    cells = [f"| `{name}` | {middle} | {text.replace('|', chr(92) + '|')} |" for name, middle, text in rows]
    return "\n".join([f"| {heading} | {second} | meaning |", "|---|---|---|", *cells])


def study_file() -> str:
    example = (ROOT / "examples" / "augmented.toml").read_text(encoding="utf-8")
    return f"""# The study file

{WRITTEN}

`makeweight study FILE.toml` reads a study from TOML; options of the command line win over it. With `--dry-run` it
checks the file, and says what it would do. An unknown key or a value that breaks a rule is an error that names both.

```toml
{example.strip()}
```

## Keys

{table("key", fields_of(StudySpec), "default")}

## [recipe]

Fields for all families; those in `[recipe.FAMILY]` for one. Families have defaults of their own for some, and small
data sets get more epochs; [recipes.md](recipes.md) has both.

{table("field", fields_of(Recipe), "default")}

## [vary]

Options of the families (`makeweight train --help` lists them) and fields of the recipe, each with the values to try.
The study has every combination.

```toml
{(ROOT / "examples" / "kernels.toml").read_text(encoding="utf-8").strip()}
```
"""


def store() -> str:
    memory = sqlite3.connect(":memory:")
    for statement in (statement for step in migrations.STEPS for statement in step):
        memory.execute(statement)
    tables = memory.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall()
    parts = [
        f"## {name}\n\n{_about(sql)}{table('column', _columns(memory, name, sql), 'type')}" for name, sql in tables
    ]
    return f"# The store\n\n{WRITTEN}\n\n{FILES_OF_A_STUDY}\n" + "\n\n".join(parts) + "\n"


def _about(sql: str) -> str:
    about = sql.splitlines()[0].partition("-- ")[2].strip()
    return f"{about[:1].upper()}{about[1:]}.\n\n" if about else ""


def _columns(memory: sqlite3.Connection, name: str, sql: str) -> list[tuple[str, str, str]]:
    comments = {**_beside_columns(sql), **_beside_added(name)}
    return [
        (column, f"{kind}{'' if required or key else ', or NULL'}", comments.get(column, ""))
        for _, column, kind, required, _, key in memory.execute(f"PRAGMA table_info({name})")
    ]


def _beside_columns(sql: str) -> dict[str, str]:
    return dict(re.findall(r"^\s+(\w+) [A-Z].*?-- (.+)$", sql, flags=re.MULTILINE))


def _beside_added(name: str) -> dict[str, str]:
    """Return the comments of columns that a later step added; they stand in Python."""
    source = inspect.getsource(migrations)
    return dict(re.findall(rf"ALTER TABLE {name} ADD COLUMN (\w+) .*?# (.+)$", source, flags=re.MULTILINE))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs"
    (folder / "study-file.md").write_text(study_file(), encoding="utf-8")
    (folder / "store.md").write_text(store(), encoding="utf-8")


if __name__ == "__main__":
    main()
