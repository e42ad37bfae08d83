"""The guard before every route: host, path, origin, token, limits on bodies, and the headers of every answer.

It wraps the whole application, so no route can be added without it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import re
import socket
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from makeweight.web.answers import UP, refusal
from makeweight.web.keys import Keys

KNOWN = "makeweight.known"  # in a request's scope: it came with the key
ENTER = "/enter"  # the only route without a token: it takes the one-time token
PICTURE = "/picture"  # the end of the routes that take a picture
UPLOAD = "/upload"  # the route that takes a file of images
MAX_JSON_BYTES = 64 * 1024
MAX_PICTURE_BYTES = 16 * 2**20
MAX_UPLOAD_BYTES = 512 * 2**20  # written to disk as they come
BODY_SECONDS = 10.0
UPLOAD_SECONDS = 600.0
SAFE = ("GET", "HEAD")
METHODS = (*SAFE, "POST")

# Segments as the server itself writes them: of ASCII, escapes only of what needs one, "+" and "=", not of NUL, / or \.
_ESCAPE = r"%(?i:0[1-9a-f]|1[0-9a-f]|2[0-9a-c]|3[a-f]|40|5[bde]|60|7[bcdf]|[89a-f][0-9a-f])"
_SEGMENT = re.compile(rf"(?:[A-Za-z0-9._~+=-]|{_ESCAPE})+".encode())
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # "no-referrer" would make the browser send "Origin: null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


BROKEN = "something is wrong in makeweight itself; the terminal has the details."
log = logging.getLogger("makeweight.web")


@dataclass(frozen=True)
class Door:
    """What a request needs to be let in."""

    keys: Keys
    cookie: str  # its name, with the port in it: cookies are shared by all ports
    remote: bool = False  # whether other machines are let in
    hosts: tuple[str, ...] = ()  # of a proxy, under whose name browsers know the dashboard
    root: str = ""  # the path that the proxy puts before ours, as in /user/anna/proxy/8080


class TooLarge(Exception):
    """A body has more bytes than its route takes."""


class Guard:
    """ASGI middleware that refuses what is not from the user's own page."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on with a capped body."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(send)
        bare = self._strip(scope)
        status, words = self._judge(scope)
        if status:
            await refusal(scope, status, words)(scope, receive, answer.send)
            return
        if bare:  # without its last slash, relative links would lead elsewhere
            await RedirectResponse(f"{self._door.root}/")(scope, receive, answer.send)
            return
        try:
            await self._app(scope, _Body(receive, _max_bytes(scope), _seconds(scope)).receive, answer.send)
        except TooLarge as error:
            await answer.instead(refusal(scope, 413, str(error)), scope, receive)
        except TimeoutError:
            words = f"the request's body did not come within {_seconds(scope):.0f} s."
            await answer.instead(refusal(scope, 408, words), scope, receive)
        except asyncio.CancelledError:  # the server stops, and what was started goes on without it
            if not await answer.instead(refusal(scope, 503, "the dashboard is stopping."), scope, receive):
                raise
        except Exception:  # caught here, or the answer would lack the headers
            log.exception("%s %s failed", scope["method"], scope["path"])
            await answer.instead(refusal(scope, 500, BROKEN), scope, receive)

    def _strip(self, scope: Scope) -> bool:
        """Take off what the proxy put before our path, and say whether nothing else was there."""
        raw, root = scope["raw_path"], self._door.root.encode()
        below = bool(root) and (raw + b"/").startswith(root + b"/")
        scope["raw_path"] = (raw[len(root) :] or b"/") if below else raw
        scope["path"] = os.fsdecode(unquote_to_bytes(scope["raw_path"]))  # names of folders need not be UTF-8
        UP.set("../" * (scope["raw_path"].count(b"/") - 1) or "./")
        return below and raw == root

    def _judge(self, scope: Scope) -> tuple[int, str]:
        """Return status and text of a refusal; status 0 lets the request in."""
        headers, method = Headers(scope=scope), scope["method"]
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not is_own_host(hosts[0], self._door.remote, self._door.hosts):
            return 403, "this address is not the dashboard's own. Open the URL that makeweight serve printed."
        if not _is_plain(scope["raw_path"]):
            return 404, "there is no such page."
        if method not in METHODS:
            return 405, f"{method} is not possible here."
        if (origins or method not in SAFE) and origins not in self._own_origins(scope["scheme"], hosts[0]):
            return 403, "this request comes from another page than the dashboard's own."
        if self._is_known(headers):
            scope[KNOWN] = True
        elif scope["path"] != ENTER:
            return 401, "open the URL with the token that makeweight serve printed: it lets this browser in."
        if int(headers.get("content-length", "0")) > _max_bytes(scope):  # the server has checked that it is a number
            return 413, _too_large(_max_bytes(scope))
        return 0, ""

    def _own_origins(self, scheme: str, host: str) -> list[list[str]]:
        """List what our own pages send; a proxy may add or remove the encryption."""
        schemes = ("http", "https") if _plain_host(host) in self._door.hosts else (scheme,)
        return [[f"{scheme}://{host}"] for scheme in schemes]

    def _is_known(self, headers: Headers) -> bool:
        return self._door.keys.knows(cookie_parser("; ".join(headers.getlist("cookie"))).get(self._door.cookie, ""))


class _Body:
    """A request's body, limited in bytes and in seconds."""

    def __init__(self, receive: Receive, max_bytes: int, seconds: float) -> None:
        self._receive, self._max = receive, max_bytes
        self._bytes, self._whole = 0, False
        self._deadline = asyncio.get_running_loop().time() + seconds

    async def receive(self) -> Message:
        if self._whole:  # only a disconnect can follow
            return await self._receive()
        async with asyncio.timeout_at(self._deadline):
            message = await self._receive()
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._bytes > self._max:
            raise TooLarge(_too_large(self._max))
        return message


class _Answer:
    """An answer on its way out, with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send, self._begun = send, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)

    async def instead(self, answer: ASGIApp, scope: Scope, receive: Receive) -> bool:
        """Answer with a refusal, unless the route has begun to answer; then the server closes the connection."""
        if self._begun:
            return False
        await answer(scope, receive, self.send)
        return True


def is_own_host(host: str, remote: bool, hosts: tuple[str, ...] = ()) -> bool:
    """Say whether a Host header names this machine, or the proxy before it.

    A page elsewhere can have its own name resolved to this machine (DNS rebinding), but can't make the browser send
    any other name. Addresses and our own names are safe; ports don't matter, and a tunnel changes them.
    """
    name = _plain_host(host)
    if name in ("localhost", "127.0.0.1", "[::1]", *hosts):
        return True
    if not remote:
        return False
    return _is_address(name.strip("[]")) or name in (socket.gethostname().lower(), socket.getfqdn().lower())


def _plain_host(host: str) -> str:
    return re.sub(r":\d{1,5}$", "", host).lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_plain(raw_path: bytes) -> bool:
    """Say whether a path is written as the server itself would: no needless escapes, no ".", "..", ";" or backslash."""
    if raw_path == b"/":
        return True
    first, *segments = raw_path.split(b"/")
    return not first and all(_SEGMENT.fullmatch(segment) and segment.strip(b".") for segment in segments)


def _max_bytes(scope: Scope) -> int:
    if scope["path"] == f"/data{UPLOAD}":
        return MAX_UPLOAD_BYTES
    return MAX_PICTURE_BYTES if scope["path"].endswith(PICTURE) else MAX_JSON_BYTES


def _seconds(scope: Scope) -> float:
    return UPLOAD_SECONDS if scope["path"] == f"/data{UPLOAD}" else BODY_SECONDS


def _too_large(max_bytes: int) -> str:
    return f"the request has more than {max_bytes:,} bytes, the most that is possible here."
