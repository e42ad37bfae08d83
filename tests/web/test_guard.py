"""The guard: it walks the route list, so that a new route without it fails here."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makeweight.web import security, server
from makeweight.web.app import routes
from makeweight.web.security import ENTER, HEADERS, MAX_JSON_BYTES, is_own_host

FILLED = {
    "study": "small", "name": "dom.js", "network": "fcn-2k", "seed": "0", "layer": "stem", "filter": "0",
    "number": "0", "dataset": "digits", "what": "pdf",
}  # fmt: skip
ALL = [
    (method, re.sub(r"{(\w+)(?::\w+)?}", lambda m: FILLED[m[1]], route.path))
    for route in routes()
    for method in sorted(route.methods or ())
]
GUARDED = [(method, path) for method, path in ALL if path != ENTER]


def send(client: httpx.Client, method: str, path: str, **headers: str) -> httpx.Response:
    content = b"" if method in ("GET", "HEAD") else b"{}"
    with client.stream(method, path, headers=headers, content=content) as answer:
        return answer  # without its body, which of an event stream that was let through would never end


def test_every_route_is_walked() -> None:
    assert len(ALL) > 10
    assert {method for method, _ in ALL} == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize(("method", "path"), ALL)
def test_another_host_is_refused_on_every_route(client: httpx.Client, served: Any, method: str, path: str) -> None:
    for host in (
        "evil.example",
        f"evil.example:{served.base.rpartition(':')[2]}",
        "localhost.evil.example",
        "127.0.0.1.evil",
    ):
        answer = send(client, method, path, Host=host)
        assert answer.status_code == 403, host


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_no_token_no_answer(stranger: httpx.Client, served: Any, method: str, path: str) -> None:
    assert send(stranger, method, path, Origin=served.base).status_code == 401
    forged = f"{security_cookie(served)}={int(time.time()) + 1000}.{'0' * 64}"
    assert send(stranger, method, path, Origin=served.base, Cookie=forged).status_code == 401


def security_cookie(served: Any) -> str:
    return f"makeweight-{served.base.rpartition(':')[2]}"


@pytest.mark.parametrize(("method", "path"), ALL)
def test_another_origin_is_refused_on_every_route(client: httpx.Client, method: str, path: str) -> None:
    for origin in ("http://evil.example", "null", "http://localhost:1", "https://127.0.0.1"):
        assert send(client, method, path, Origin=origin).status_code == 403, origin


@pytest.mark.parametrize("path", [path for method, path in GUARDED if method == "POST"])
def test_a_post_without_an_origin_is_refused(client: httpx.Client, served: Any, path: str) -> None:
    with httpx.Client(base_url=served.base, cookies=client.cookies) as plain:
        assert plain.post(path, content=b"{}").status_code == 403


@pytest.mark.parametrize(("method", "path"), ALL)
def test_every_answer_has_the_headers_and_none_opens_the_door_to_others(
    stranger: httpx.Client, served: Any, method: str, path: str
) -> None:
    headers = send(stranger, method, path, Origin=served.base).headers
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert not [name for name in headers if name.startswith("access-control")]


def test_the_policy_lets_no_inline_script_run(client: httpx.Client) -> None:
    policy = client.get("/").headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    for path in ("/", "/studies/small", "/studies/hostile"):
        page = client.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), path
        assert not re.search(r"\son\w+=", page), path


def test_a_token_lets_in_once_and_the_next_is_announced(served: Any) -> None:
    first = served.token
    with httpx.Client(base_url=served.base) as browser:
        answer = browser.get("/enter", params={"token": first})
        cookie = answer.headers["set-cookie"].lower()
        assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/"))
        assert browser.get("/").status_code == 200
        assert browser.get("/enter", params={"token": "x"}).status_code == 303  # it is in already
    assert served.token != first
    with httpx.Client(base_url=served.base) as other:
        assert other.get("/enter", params={"token": first}).status_code == 401
        assert other.get("/enter").status_code == 401
        assert other.get("/").status_code == 401


ODD = ["/studies/%252e%252e", "/studies/..%2f..%2fetc", "/studies/a;b", "/studies/a\\b", "/studies/%5c", "/studies/..",
       "/studies/%2e%2e/x", "//studies", "/studies//small", "/studies/small%00", "/%", "/studies/small/", "/nothing",
       "/static/../app.py", "/static/.dashboard.key", "/studies/.dashboard.key", "/studies/'%20OR%201=1--"]  # fmt: skip


@pytest.mark.parametrize("path", ODD)
def test_odd_paths_are_not_there(client: httpx.Client, served: Any, path: str) -> None:
    """On the wire as they are: the client would tidy them up."""
    assert raw(client, served, f"GET {path} HTTP/1.1").startswith(b"HTTP/1.1 404")


@given(st.text(max_size=30))
def test_no_study_name_finds_what_is_no_study(client: httpx.Client, name: str) -> None:
    path = f"/studies/{httpx.URL('http://x').copy_with(params={'a': name}).query.decode()[2:]}" if name else "/studies/"
    assert client.get(path.replace("+", "%20")).status_code in (200, 404)
    if name not in ("small", "hostile", "broken"):
        assert client.get(path.replace("+", "%20")).status_code == 404


def raw(client: httpx.Client, served: Any, line: str, *headers: str, body: bytes = b"", wait: float = 5) -> bytes:
    host, _, port = served.base.removeprefix("http://").partition(":")
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    head = [line, f"Host: {host}:{port}", f"Cookie: {cookie}", f"Origin: {served.base}", "Connection: close", *headers]
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
        return answer


STOP = "POST /studies/small/stop HTTP/1.1"


def test_bodies_that_are_too_large_or_lie_about_it_are_refused(client: httpx.Client, served: Any) -> None:
    large = str(MAX_JSON_BYTES + 1)
    assert raw(client, served, STOP, f"Content-Length: {large}").startswith(b"HTTP/1.1 413")
    chunk = f"{MAX_JSON_BYTES + 1:x}\r\n".encode() + b" " * (MAX_JSON_BYTES + 1) + b"\r\n0\r\n\r\n"
    chunked = ("Transfer-Encoding: chunked", "Content-Type: application/json")
    assert raw(client, served, STOP, *chunked, body=chunk).startswith(b"HTTP/1.1 413")
    for length in ("-1", "1e9", "0x10", ""):
        assert raw(client, served, STOP, f"Content-Length: {length}").startswith(b"HTTP/1.1 400"), length


def test_a_body_that_does_not_come_is_not_waited_for(
    client: httpx.Client, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "BODY_SECONDS", 0.3)
    headers = ("Content-Length: 10", "Content-Type: application/json")
    assert raw(client, served, STOP, *headers, body=b"{").startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400), (b"[" * 60_000, 400), (b'{"a": NaN}', 400), (b'{"a": 1, "a": 2}', 400), (b"\xff", 400), (b"", 400),
        (json.dumps({"a": 1}).encode(), 400), (b"[]", 400), (b'"x"', 400), (("[" * 20 + "]" * 20).encode(), 400),
        (b"{}", 409),
    ],
)  # fmt: skip
def test_only_strict_json_is_read(client: httpx.Client, content: bytes, status: int) -> None:
    answer = client.post("/studies/small/stop", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["error"]


def test_other_types_of_bodies_and_other_methods_are_refused(client: httpx.Client) -> None:
    assert client.post("/studies/small/stop", data={"a": "1"}).status_code == 415
    assert client.put("/studies/small").status_code == 405
    assert client.post("/studies/small", content=b"{}").status_code == 405


def test_which_hosts_are_ours() -> None:
    assert all(is_own_host(host, remote=False) for host in ("127.0.0.1:80", "localhost", "[::1]:9", "LOCALHOST:1"))
    others = ("10.0.0.1", "192.168.1.7:80", "example.org", "", "127.0.0.1.nip.io", "localhost:x", "[::2]")
    assert not any(is_own_host(host, remote=False) for host in others)
    assert is_own_host("192.168.1.7:8080", remote=True)
    assert not is_own_host("example.org", remote=True)


def test_a_fault_of_our_own_is_answered_with_all_headers_and_without_its_words(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("makeweight.web.shelf.Shelf.listed", broken)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "a secret of the inside" in caplog.text


def connect(served: Any, seconds: float = 10) -> socket.socket:
    host, _, port = served.base.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=seconds)


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: 127"])
def test_a_client_that_does_not_finish_its_request_is_let_go(
    served: Any, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.3)
    with connect(served) as connection:
        connection.sendall(said)
        assert connection.recv(100) == b""


def test_dripping_a_second_request_keeps_no_connection(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.5)
    with connect(served) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(9_000).startswith(b"HTTP/1.1 401")
        connection.settimeout(0.1)
        drips = 0
        for drips in range(100):
            try:
                connection.sendall(b"G" if drips == 0 else b"E")
                if connection.recv(9_000) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    assert 0 < drips < 99


def test_strangers_leave_places_for_browsers_that_are_let_in(
    client: httpx.Client, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_STRANGERS", 3)
    monkeypatch.setattr(served.server.config, "limit_concurrency", 8)
    with ExitStack() as open_ones:
        strangers = [open_ones.enter_context(connect(served)) for _ in range(12)]
        assert client.get("/").status_code == 200
        assert strangers[0].recv(1) == b""


def test_a_client_that_does_not_read_its_answer_is_let_go(
    client: httpx.Client, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "READING_SECONDS", 0.3)
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    head = f"GET /static/plotly.min.js HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    whole = int(client.get("/static/plotly.min.js").headers["content-length"])
    read = []
    for pause in (0.0, 1.5):
        with connect(served) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            connection.sendall(head.encode())
            time.sleep(pause)
            read.append(drain(connection))
    assert read[0] > whole
    assert read[1] < whole


def drain(connection: socket.socket) -> int:
    """Read what comes, and count it."""
    read = 0
    try:
        while part := connection.recv(262_144):
            read += len(part)
    except ConnectionResetError:
        pass
    return read
