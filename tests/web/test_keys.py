"""The secret, the token and the cookie."""

from __future__ import annotations

import stat
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from makeweight.web import keys
from makeweight.web.keys import KEY_FILE, Keys, stored_secret


def test_the_secret_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    secret = stored_secret(tmp_path)
    assert stored_secret(tmp_path) == secret
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_a_secret_that_others_could_read_or_a_link_is_not_used(tmp_path: Path) -> None:
    secret = stored_secret(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    assert stored_secret(tmp_path) != secret
    (tmp_path / KEY_FILE).unlink()
    (tmp_path / "elsewhere").write_bytes(secret)
    (tmp_path / KEY_FILE).symlink_to(tmp_path / "elsewhere")
    assert stored_secret(tmp_path) != secret


def test_where_nothing_can_be_written_the_secret_is_this_processs_own(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert len(stored_secret(missing)) == keys.KEY_BYTES
    assert stored_secret(missing) != stored_secret(missing)


def test_a_cookie_is_known_after_a_restart_and_not_by_another_secret() -> None:
    one = Keys(b"a" * 32)
    cookie = one.exchange(one.token)
    assert cookie is not None
    assert Keys(b"a" * 32).knows(cookie)
    assert not Keys(b"b" * 32).knows(cookie)
    assert one.exchange("wrong") is None


def test_a_cookie_ends_after_a_week(monkeypatch) -> None:
    one = Keys(b"a" * 32)
    cookie = one.exchange(one.token)
    now = time.time()
    monkeypatch.setattr(keys.time, "time", lambda: now + keys.COOKIE_SECONDS - 60)
    assert one.knows(cookie)
    monkeypatch.setattr(keys.time, "time", lambda: now + keys.COOKIE_SECONDS + 60)
    assert not one.knows(cookie)


@given(st.text(max_size=100))
def test_nothing_made_up_is_known(text: str) -> None:
    assert not Keys(b"a" * 32).knows(text)
