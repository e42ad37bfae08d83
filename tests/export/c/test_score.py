"""Running a written file: the wrong images, and no compiler or a broken one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from makeweight.errors import InvalidValue
from makeweight.export.c import score
from makeweight.export.c.compiler import NotCompiled
from makeweight.export.c.score import Compiled, compile_program, run_c


def test_many_images_are_answered_in_parts(trained, answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = trained.write(tmp_path).source
    whole = answers(source, trained.images[:50])
    monkeypatch.setattr(score, "CHUNK", 7 * 64)  # bytes: seven images
    parts = answers(source, trained.images[:50])
    assert np.array_equal(whole.probabilities, parts.probabilities)


def test_images_of_another_size_are_refused(trained, answers, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="images of 64 bytes are needed"):
        answers(trained.write(tmp_path).source, np.zeros((2, 1, 4, 4), np.uint8))


def test_without_images_there_is_nothing_to_run(trained, answers, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="no images"):
        answers(trained.write(tmp_path).source, trained.images[:0])


def test_without_a_compiler_the_files_are_written_and_that_is_said(
    trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    files = trained.write(tmp_path)
    assert files.source.is_file()
    assert files.code is None
    found = run_c(files.source, trained.images)
    assert isinstance(found, NotCompiled)
    assert found.reason.startswith("not compiled: no C compiler.")


def test_a_program_is_compiled_once_for_many_questions(trained, answers, tmp_path: Path) -> None:
    source = trained.write(tmp_path).source
    program = compile_program(source)
    assert isinstance(program, Compiled)
    assert program.compiler.endswith(" -O2")
    for path in (source, source.with_suffix(".h")):
        path.unlink()
    found = [program.answer(trained.images[start : start + 9]) for start in (0, 9)]
    expected = answers(trained.write(tmp_path).source, trained.images[:18])
    assert np.array_equal(np.concatenate(found), expected.probabilities)


def test_a_folder_whose_programs_may_not_run_is_told(
    trained, answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where /tmp is mounted noexec."""
    program = compile_program(trained.write(tmp_path).source)
    monkeypatch.setattr(Path, "chmod", lambda self, mode: None)
    with pytest.raises(InvalidValue, match=r"cannot be run in .*: Permission denied\. Set TMPDIR"):
        program.answer(trained.images[:1])


def test_what_a_broken_compiler_says_is_passed_on(trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = trained.write(tmp_path)
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho 'model.c:1: error: no such luck' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = run_c(files.source, trained.images)
    assert isinstance(found, NotCompiled)
    assert found.reason == "not compiled: cc refused it: model.c:1: error: no such luck"
