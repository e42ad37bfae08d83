"""Who may come in: the one-time token of a printed URL is exchanged for a cookie that scripts cannot read."""

from __future__ import annotations

import hmac
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

COOKIE_SECONDS = 7 * 24 * 3_600
KEY_FILE = ".dashboard.key"  # in the store's folder, so that open pages stay logged in when the server restarts
KEY_BYTES = 32


class Keys:
    """Makes one-time tokens and cookies, and recognises its own."""

    def __init__(self, secret: bytes, announce: Callable[[str], None] = lambda _: None) -> None:
        self._secret, self._announce = secret, announce
        self._token = secrets.token_urlsafe(24)

    @property
    def token(self) -> str:
        """The token that lets one browser in."""
        return self._token

    def exchange(self, token: str) -> str | None:
        """Return a cookie's value for a token, which is then used up; None for a wrong token.

        The next token is announced, for another browser.
        """
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return None
        self._token = secrets.token_urlsafe(24)
        self._announce(self._token)
        expires = int(time.time()) + COOKIE_SECONDS
        return f"{expires}.{self._sign(expires)}"

    def knows(self, cookie: str) -> bool:
        """Say whether a cookie is ours and hasn't expired."""
        expires, _, signature = cookie.partition(".")
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
            return False
        valid = hmac.compare_digest(signature.encode(), self._sign(int(expires)).encode())
        return valid and int(expires) > time.time()

    def _sign(self, expires: int) -> str:
        return hmac.new(self._secret, f"dashboard {expires}".encode(), "sha256").hexdigest()


def stored_secret(folder: Path) -> bytes:
    """Return the store's secret, made at the first call; in a read-only folder it lasts as long as this process."""
    path, fresh = folder / KEY_FILE, secrets.token_bytes(KEY_BYTES)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(fresh)
        return fresh
    except FileExistsError:
        kept = _read(path)
        return kept if kept is not None and len(kept) == KEY_BYTES else fresh
    except OSError:
        return fresh


def _read(path: Path) -> bytes | None:
    try:
        # A link could make another user's file the secret, and a file that others can read isn't secret.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        private = os.name != "posix" or os.fstat(descriptor).st_mode & 0o077 == 0
        return file.read(KEY_BYTES + 1) if private else None
