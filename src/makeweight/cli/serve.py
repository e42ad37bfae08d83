"""``makeweight serve``: the dashboard in a browser."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from makeweight.cli import options
from makeweight.cli.output import print_json, remark
from makeweight.errors import InvalidValue, MissingExtra

if TYPE_CHECKING:
    from makeweight.web.server import Server

EXAMPLES = (
    "Examples: makeweight serve   |   makeweight serve report --port 8080   |   "
    "makeweight serve --host 0.0.0.0 --allow-remote --port 8080"
)


def serve(
    studies: Annotated[
        list[str] | None, typer.Argument(help="Names of studies to show; by default all.", show_default=False)
    ] = None,
    store: options.StoreFolder = Path("studies"),
    port: Annotated[int, typer.Option(help="Port; 0 takes any that is free.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Let other machines come; they need the token too.")
    ] = False,
    as_json: options.Json = False,
    open_at: Annotated[str | None, typer.Option(hidden=True, help="Study that its URL leads to.")] = None,
    with_parent: Annotated[bool, typer.Option(hidden=True, help="End with the process that started it.")] = False,
) -> None:
    """Open the dashboard: studies as they run, networks side by side, and what they see. Ctrl-C ends it.

    Its URL lets one browser in; the next one is printed when it has been used. Studies that are started there go on
    when the dashboard ends.
    """
    check_extra()
    from makeweight.web.server import Address, listen, make_server

    names = tuple(studies or ())
    for name in names:
        if options.find_study(store, name).parent != store:
            raise InvalidValue(f"{name!r} is not in {store}: give the folder that holds it as --store, and its name.")
    if not store.is_dir():
        raise InvalidValue(f"there is no folder {store}. Run a study first: makeweight study; or give --store DIR.")
    address = Address(host, port, allow_remote)
    listener = listen(address)

    def announce(url: str) -> None:
        url = f"{url}&study={quote(open_at)}" if open_at else url
        if as_json:
            print_json({"url": url})
        else:
            print(f"dashboard: {url}", flush=True)

    if not with_parent:
        remark("Ctrl-C ends the dashboard; studies go on.")
    server = make_server(store.resolve(), names, address, announce, listener)
    if with_parent:
        threading.Thread(target=_end_with, args=(os.getppid(), server), daemon=True).start()
    server.run([listener])


@contextmanager
def serving(store: Path, study: str, port: int) -> Iterator[None]:
    """Have the dashboard open while a study runs, in a process of its own, and then until Ctrl-C on a terminal.

    Raises
    ------
    MissingExtra
        If its packages are not installed.
    InvalidValue
        If the port is taken.
    """
    check_extra()
    from makeweight.web.server import Address, listen

    store.mkdir(parents=True, exist_ok=True)
    listen(Address(port=port)).close()  # before anything is trained, if the port is taken
    arguments = ["serve", "--store", str(store), "--port", str(port), "--open-at", study, "--with-parent"]
    # A session of its own: the first Ctrl-C is for the study, which can be watched while it stops.
    command = [sys.executable, "-m", "makeweight", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True)
    try:
        yield
        if sys.stderr.isatty() and process.poll() is None:
            remark("The dashboard stays open; Ctrl-C ends it.")
            with suppress(KeyboardInterrupt):
                process.wait()
    finally:
        process.terminate()
        process.wait()


def _end_with(parent: int, server: Server) -> None:
    """Stop the server when the process that started it has ended, however it did."""
    while os.getppid() == parent:
        time.sleep(0.5)
    server.should_exit = True


def check_extra() -> None:
    """Say in one line what is missing where the extra is not installed.

    Raises
    ------
    MissingExtra
        If it is not.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtra(
            f"the dashboard needs {error.name}, which is not installed. Run: pip install 'makeweight[web]'"
        ) from error
