"""The guard before every route: host, path, origin, token, size and time of bodies, and the headers of every answer.

It stands around the whole application, so that no route can be added without it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import socket
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from makeweight.web.answers import refusal
from makeweight.web.keys import Keys

ENTER = "/enter"  # the only route without a token: it takes the one-time token
PICTURE = "/picture"  # the end of the routes that take a picture
MOST_JSON_BYTES = 64 * 1024
MOST_PICTURE_BYTES = 16 * 2**20
BODY_SECONDS = 10.0
SAFE = ("GET", "HEAD")
METHODS = (*SAFE, "POST")

# Segments as the server itself writes them: of ASCII only what needs no escape, and "+".
_SEGMENT = re.compile(rb"(?:[A-Za-z0-9._~-]|\+|%2[Bb]|%[89A-Fa-f][0-9A-Fa-f])+")
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
    """What a request must have to come in."""

    keys: Keys
    cookie: str  # its name; cookies do not know ports, so it has the server's
    remote: bool = False  # whether other machines may come


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
        status, words = self._judge(scope)
        if status:
            await refusal(scope, status, words)(scope, receive, answer.send)
            return
        try:
            await self._app(scope, _Body(receive, _most_bytes(scope)).receive, answer.send)
        except TooLarge as error:
            await answer.instead(refusal(scope, 413, str(error)), scope, receive)
        except TimeoutError:
            words = f"the request's body did not come within {BODY_SECONDS:.0f} s."
            await answer.instead(refusal(scope, 408, words), scope, receive)
        except Exception:  # here, or the answer would go out without the headers
            log.exception("%s %s failed", scope["method"], scope["path"])
            await answer.instead(refusal(scope, 500, BROKEN), scope, receive)

    def _judge(self, scope: Scope) -> tuple[int, str]:
        """Return the status and the words of a refusal; 0 lets the request in."""
        headers, method = Headers(scope=scope), scope["method"]
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not is_own_host(hosts[0], self._door.remote):
            return 403, "this address is not the dashboard's own. Open the URL that makeweight serve printed."
        if not _is_plain(scope.get("raw_path") or scope["path"].encode()):
            return 404, "there is no such page."
        if method not in METHODS:
            return 405, f"{method} is not possible here."
        own = f"{scope['scheme']}://{hosts[0]}"
        if (origins or method not in SAFE) and origins != [own]:
            return 403, "this request comes from another page than the dashboard's own."
        if not self._is_known(headers) and scope["path"] != ENTER:
            return 401, "open the URL with the token that makeweight serve printed: it lets this browser in."
        if int(headers.get("content-length", "0")) > _most_bytes(scope):  # the server has checked that it is a number
            return 413, _too_large(_most_bytes(scope))
        return 0, ""

    def _is_known(self, headers: Headers) -> bool:
        cookies: SimpleCookie = SimpleCookie()
        try:
            for line in headers.getlist("cookie"):
                cookies.load(line)
        except CookieError:
            return False
        found = cookies.get(self._door.cookie)
        return found is not None and self._door.keys.knows(found.value)


class _Body:
    """A request's body: so many bytes, and within some seconds in all."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most = receive, most
        self._bytes, self._whole = 0, False
        self._deadline = asyncio.get_running_loop().time() + BODY_SECONDS

    async def receive(self) -> Message:
        if self._whole:  # what is still to come is that the client has gone
            return await self._receive()
        async with asyncio.timeout_at(self._deadline):
            message = await self._receive()
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._bytes > self._most:
            raise TooLarge(_too_large(self._most))
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

    async def instead(self, answer: ASGIApp, scope: Scope, receive: Receive) -> None:
        """Answer with a refusal, unless the route has begun to answer; then the server breaks the connection off."""
        if not self._begun:
            await answer(scope, receive, self.send)


def is_own_host(host: str, remote: bool) -> bool:
    """Say whether a Host header names this machine.

    A page elsewhere can have its own name resolved to this machine (DNS rebinding), but cannot make the browser send
    another name than its own. Addresses and our own names are safe; ports do not matter, and a tunnel changes them.
    """
    name = re.sub(r":\d{1,5}$", "", host).lower()
    if name in ("localhost", "127.0.0.1", "[::1]"):
        return True
    if not remote:
        return False
    return _is_address(name.strip("[]")) or name in (socket.gethostname().lower(), socket.getfqdn().lower())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_plain(raw_path: bytes) -> bool:
    """Say whether a path is written as the server itself would: no escapes of ASCII, no ".", "..", ";" or backslash."""
    path = raw_path.partition(b"?")[0]
    if path == b"/":
        return True
    first, *segments = path.split(b"/")
    return not first and all(_SEGMENT.fullmatch(segment) and segment.strip(b".") for segment in segments)


def _most_bytes(scope: Scope) -> int:
    return MOST_PICTURE_BYTES if scope["path"].endswith(PICTURE) else MOST_JSON_BYTES


def _too_large(most: int) -> str:
    return f"the request has more than the {most:,} bytes that are possible here."
