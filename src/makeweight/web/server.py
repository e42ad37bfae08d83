"""The server: a socket, a URL with a one-time token, and an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
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
from makeweight.web.security import KNOWN, Door
from makeweight.web.shelf import Shelf

LOOPBACK = ("127.0.0.1", "localhost", "::1")
HEAD_SECONDS = 10.0  # for a connection to send the head of its next request
READING_SECONDS = 120.0  # for a client to read what was sent: 1.5 MB of script on a slow line
MAX_CONNECTIONS = 512
MAX_STRANGERS = 256  # of them without the key: the other places are kept for browsers that are let in
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_ROOT = re.compile(r"(/[A-Za-z0-9._~@%+=-]*[A-Za-z0-9_~@%+=-])+")
CLOSING_SECONDS = 2  # for answers under way when the server stops


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str = "127.0.0.1"
    port: int = 0  # 0: any free port
    remote: bool = False  # whether other machines are let in
    hosts: tuple[str, ...] = ()  # names of a proxy before it
    root: str = ""  # the path that the proxy puts before ours

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise InvalidValue(f"port {self.port} is not possible: give 1 to 65,535, or 0 for any that is free.")
        for name in self.hosts:
            if not _HOST.fullmatch(name):
                raise InvalidValue(
                    f"allow_host={name[:80]!r} is not possible: give a host's name alone, as hub.example.org."
                )
        if self.root and not _ROOT.fullmatch(self.root):
            raise InvalidValue(
                f"root_path={self.root[:80]!r} is not possible: give the path that the proxy puts before the "
                "dashboard's, as /user/anna/proxy/8080."
            )
        if self.host not in LOOPBACK and not self.remote:
            raise InvalidValue(
                f"host {self.host} would let other machines in: add allow_remote=True if that is meant. "
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
    # asyncio turns off Nagle's algorithm, which delays answers by 40 ms, only for sockets created as TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except (OSError, OverflowError, UnicodeError) as error:
        listener.close()
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise InvalidValue(
                f"port {address.port} is taken by another program. Give another port, or port=0 for any that is free."
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
    if address.hosts:
        base = f"https://{address.hosts[0]}"
    base += address.root
    keys = Keys(stored_secret(store), lambda token: announce(f"{base}/enter?token={token}"))
    door = Door(keys, f"makeweight-{port}", address.remote, address.hosts, address.root)
    board = Dashboard(Shelf(store, only), door)
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
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=CLOSING_SECONDS,
        lifespan="off",
    )


class Server(uvicorn.Server):
    """A server that ends its event streams when asked to stop, and then returns."""

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
        except ValueError:  # only the main thread can
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
    """HTTP with limits that uvicorn lacks: nobody keeps a connection for ever, and strangers not all of them."""

    _unread: asyncio.TimerHandle | None = None
    _known = False  # whether a request came with the key

    def connection_made(self, transport: Any) -> None:
        """Start the clock, and let the oldest stranger go if there are too many."""
        super().connection_made(transport)
        self._begun = self.loop.time()
        self._head = self._clock()
        strangers = [other for other in self.connections if isinstance(other, Protocol) and not other._known]
        # All that are too many: of a burst, those let go before are still listed.
        for stranger in sorted(strangers, key=lambda stranger: stranger._begun)[:-MAX_STRANGERS]:
            stranger.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._head.cancel()
        self._heard()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Stop the clock once the head of a request is whole; bytes alone don't."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._head.cancel()

    def on_response_complete(self) -> None:
        """Start the clock for the next request."""
        self._known = self._known or KNOWN in self.scope
        self._head.cancel()
        self._head = self._clock()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Start another clock: the client hasn't read what was sent."""
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

    def _clock(self) -> asyncio.TimerHandle:
        return self.loop.call_later(HEAD_SECONDS, self._let_go)

    def _let_go(self) -> None:
        self.transport.close()
        self.loop.call_later(READING_SECONDS, self.transport.abort)  # if the last answer is never read
