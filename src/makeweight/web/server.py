"""The server: a socket, a URL with a one-time token, and an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from makeweight.errors import InvalidValue
from makeweight.web.app import build
from makeweight.web.dashboard import Dashboard
from makeweight.web.keys import Keys, stored_secret
from makeweight.web.live import Hub
from makeweight.web.security import Door
from makeweight.web.store import Studies

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OPENING_SECONDS = 10.0  # in which a connection must send its first request's head
READING_SECONDS = 120.0  # in which a client must take what waits for it: 1.5 MB of script on a slow line
MOST_CONNECTIONS = 512
CLOSING_SECONDS = 2  # for answers under way when the server stops


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str = "127.0.0.1"
    port: int = 0  # 0: any that is free
    remote: bool = False  # whether other machines may come

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise InvalidValue(f"port {self.port} is not possible: give 1 to 65,535, or 0 for any that is free.")
        if self.host not in LOOPBACK and not self.remote:
            raise InvalidValue(
                f"host {self.host} would let other machines in: add --allow-remote if that is meant. "
                "They need the token too, but what is sent can be read on the way."
            )


def listen(address: Address) -> socket.socket:
    """Open the socket.

    Raises
    ------
    InvalidValue
        If the port is taken, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # Only of a socket that says TCP does asyncio turn off Nagle's algorithm, which holds each answer back for 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except (OSError, OverflowError, UnicodeError) as error:
        listener.close()
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise InvalidValue(
                f"port {address.port} is taken by another program. Give another --port, or 0 for any that is free."
            ) from error
        reason = getattr(error, "strerror", None) or error
        raise InvalidValue(f"cannot listen on {address.host}, port {address.port}: {reason}.") from error
    listener.listen(128)
    return listener


def make_server(
    store: Path, only: tuple[str, ...], address: Address, announce: Callable[[str], None], listener: socket.socket
) -> Server:
    """Make the server of a store's studies; it runs until SIGINT or SIGTERM.

    Parameters
    ----------
    store : pathlib.Path
    only : tuple of str
        Names of the studies to show; all when empty.
    announce : callable
        Gets each URL that lets a browser in.
    """
    shown = address.host if address.host not in ("0.0.0.0", "::") else socket.gethostname()
    port = listener.getsockname()[1]
    base = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
    keys = Keys(stored_secret(store), lambda token: announce(f"{base}/enter?token={token}"))
    door = Door(keys, f"makeweight-{port}", address.remote)
    board = Dashboard(Studies(store, only), door)
    announce(f"{base}/enter?token={keys.token}")
    return Server(_config(build(board)), board.hub)


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=CLOSING_SECONDS,
        lifespan="off",
    )


class Server(uvicorn.Server):
    """A server that lets its event streams go when it is asked to stop, and then just returns."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, streams first."""
        self._hub.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Catch both signals while it runs; uvicorn would raise them again afterwards."""
        try:
            before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not the main thread, which keeps its own
            yield
            return
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; at once when asked again."""
        self.force_exit = self.should_exit
        self.should_exit = True


class Protocol(H11Protocol):
    """HTTP for clients that speak and listen: one that does neither would hold its place, and its answer, for ever."""

    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock."""
        super().connection_made(transport)
        self._opening = self.loop.call_later(OPENING_SECONDS, self._close_if_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._opening.cancel()
        self._heard()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start another clock: the client has not taken what was sent to it."""
        super().pause_writing()
        self._unread = self.loop.call_later(READING_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop it."""
        self._heard()
        super().resume_writing()

    def _heard(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _close_if_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()
