"""``makeweight serve``: the dashboard in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from makeweight.cli import options
from makeweight.cli.output import print_json, remark
from makeweight.errors import InvalidValue, MissingExtra

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
        if as_json:
            print_json({"url": url})
        else:
            print(f"dashboard: {url}", flush=True)

    remark("Ctrl-C ends the dashboard; studies go on.")
    make_server(store.resolve(), names, address, announce, listener).run([listener])


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
