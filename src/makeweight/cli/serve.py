"""``makeweight serve``: the dashboard in a browser."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from makeweight.cli import options
from makeweight.cli.output import examples, print_json, put, remark
from makeweight.cli.running import check_extra
from makeweight.errors import InvalidValue
from makeweight.face import folders

if TYPE_CHECKING:
    from makeweight.web.server import Server

EXAMPLES = examples(
    "makeweight serve",
    "makeweight serve fashion --port 8080",
    "makeweight serve --host 0.0.0.0 --allow-remote --port 8080",
    "makeweight serve --port 8080 --allow-host hub.example.org --root-path /user/anna/proxy/8080",
)


def serve(
    studies: Annotated[
        list[str] | None, typer.Argument(help="Names of studies to show; by default all.", show_default=False)
    ] = None,
    store: options.StoreFolder = Path("studies"),
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Let other machines connect; they need the token, too.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Name of the proxy that browsers see, as hub.example.org; repeatable.", show_default="none"),
    ] = None,
    root_path: Annotated[
        str, typer.Option(help="Path that the proxy puts before the dashboard's.", show_default="none")
    ] = "",
    as_json: options.Json = False,
    open_at: Annotated[str | None, typer.Option(hidden=True, help="Study that its URL leads to.")] = None,
    with_parent: Annotated[bool, typer.Option(hidden=True, help="End with the process that started it.")] = False,
) -> None:
    """Open the dashboard: studies as they run, networks side by side, and what they see. Ctrl-C ends it.

    Its URL admits one browser; once used, the next URL is printed. Studies started there go on when the dashboard ends.
    """
    check_extra()
    from makeweight.web.server import Address, listen, make_server

    names = tuple(studies or ())
    for name in names:
        if folders.find_study(store, name).parent != store:
            raise InvalidValue(f"{name!r} is not in {store}: give the folder that holds it as --store.")
    hosts = tuple(name.lower() for name in allow_host or ())
    address = Address(host, port, allow_remote, hosts, root_path.rstrip("/"))
    listener = listen(address)

    def announce(url: str) -> None:
        url = f"{url}&study={quote(open_at)}" if open_at else url
        if as_json:
            print_json({"url": url})
        else:
            put(f"dashboard: {url}")

    if not with_parent:
        remark("Ctrl-C ends the dashboard; studies keep running.")
    server = make_server(store.resolve(), names, address, announce, listener)
    if with_parent:
        threading.Thread(target=_end_with, args=(os.getppid(), server), daemon=True).start()
    server.run([listener])


def _end_with(parent: int, server: Server) -> None:
    """Stop the server when the process that started it has ended, however it did."""
    while os.getppid() == parent:
        time.sleep(0.5)
    server.should_exit = True
