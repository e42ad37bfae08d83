"""Behind a proxy: its name, its path, its encryption; and nothing more than before for anybody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from makeweight.errors import InvalidValue
from makeweight.web.server import Address

HUB, ROOT = "hub.example.org", "/user/anna/proxy/8080"


@pytest.fixture(scope="module")
def proxied(store: Path, serve: Any) -> Iterator[tuple[str, httpx.Client]]:
    """A dashboard behind a proxy, entered as a browser does that only knows the proxy's name."""
    with serve(store, hosts=(HUB,), root=ROOT) as served:
        assert served.urls[0].startswith(f"https://{HUB}{ROOT}/enter?token=")
        headers = {"Host": HUB, "Origin": f"https://{HUB}"}
        answer = httpx.get(f"{served.base}{ROOT}/enter", params={"token": served.token}, headers=headers)
        assert answer.status_code == 303
        assert urljoin(f"https://{HUB}{ROOT}/enter", answer.headers["location"]) == f"https://{HUB}{ROOT}/"
        assert f"Path={ROOT};" in answer.headers["set-cookie"], "no other user's program of this hub gets the key"
        cookie = answer.headers["set-cookie"].partition(";")[0]
        with httpx.Client(base_url=served.base, timeout=30, headers={**headers, "Cookie": cookie}) as client:
            yield served.base, client


@pytest.mark.parametrize("root", [ROOT, ""])  # some proxies take their path off, others don't
def test_every_link_of_a_page_leads_to_a_page(proxied: tuple[str, httpx.Client], root: str) -> None:
    _, client = proxied
    for place in ("/", "/studies/small", "/studies/small/networks/fcn-2k", "/data", "/playground"):
        text = client.get(f"{root}{place}").text
        links = re.findall(r'(?:href|src|data-base)="([^"#]+)', text)
        assert len(links) > 5
        assert not [link for link in links if link.startswith(("/", "http"))], "all are relative"
        for link in {link for link in links if "/events" not in link}:
            path = urljoin(f"{root}{place}", link)
            assert path.startswith(f"{root}/")
            assert client.get(path, follow_redirects=False).status_code in (200, 303), (place, link)


def test_the_proxys_path_without_a_slash_leads_to_the_first_page(proxied: tuple[str, httpx.Client]) -> None:
    answer = proxied[1].get(ROOT)
    assert (answer.status_code, answer.headers["location"]) == (307, f"{ROOT}/")


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [(HUB, f"https://{HUB}", 400), (HUB, f"http://{HUB}", 400), (HUB, "https://evil.example", 403),
     (HUB, None, 403), ("evil.example", "https://evil.example", 403), (f"evil.{HUB}", f"https://evil.{HUB}", 403),
     ("127.0.0.1", "https://127.0.0.1", 403)],
)  # fmt: skip
def test_only_the_proxys_own_pages_may_change_something(
    proxied: tuple[str, httpx.Client], host: str, origin: str | None, status: int
) -> None:
    base, client = proxied
    headers = {"Host": host, "Cookie": client.headers["Cookie"], **({"Origin": origin} if origin else {})}
    assert httpx.post(f"{base}{ROOT}/start", json={}, headers=headers).status_code == status


@pytest.mark.parametrize("wrong", [{"hosts": ("https://hub",)}, {"hosts": ("*",)}, {"root": "proxy"}, {"root": "/a b"}])
def test_what_is_no_name_and_no_path_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=r"allow_host=|root_path="):
        Address(**wrong)
