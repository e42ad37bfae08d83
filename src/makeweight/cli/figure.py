"""``makeweight figure``: single figures of a study."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from makeweight.cli import options
from makeweight.cli.output import print_json, print_table, remark, stdout
from makeweight.errors import InvalidValue

if TYPE_CHECKING:
    from makeweight.report.contents import Contents
    from makeweight.report.figures.drawing import Drawing

EXAMPLES = (
    "Examples: makeweight figure --list   |   makeweight figure curves-cnn-10k   |   "
    "makeweight figure 'accuracy-*' report --format pdf --output figures   |   makeweight figure all --theme dark"
)
ALL = "all"


def figure(
    name: Annotated[
        str | None, typer.Argument(help="Of a figure, with * for any letters, or all; see --list.", show_default=False)
    ] = None,
    study: Annotated[str | None, typer.Argument(help="Name or folder; by default the study changed last.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the figures of the study.")] = False,
    output: Annotated[Path, typer.Option(help="Folder for the files.")] = Path(),
    format_: options.FigureFormat = "png",
    theme: options.Theme = "light",
    store: options.StoreFolder = Path("studies"),
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Draw figures of a study: curves, costs, comparisons, confusion, mistakes. Feature maps: makeweight features."""
    from makeweight.cli.contents import gather, with_images
    from makeweight.report.figures.catalogue import drawings
    from makeweight.report.figures.style import make_folder, save_drawing

    options.check_figure(format_, theme)
    if name is None and not listed:
        raise InvalidValue("which figure? Give a name, or all; makeweight figure --list says what there is.")
    folder = options.find_study(store, study)
    contents = gather(folder)
    if listed or _shows_images(contents, str(name)):
        contents = with_images(contents, folder, remark, data)
    found = drawings(contents)
    chosen = found if listed else _choose(found, str(name), folder)
    files = [] if listed else [output / f"{drawing.name}.{format_}" for drawing in chosen]
    for number, (drawing, file) in enumerate(zip(chosen, files, strict=False), 1):
        make_folder(output)
        save_drawing(drawing, file, theme)  # type: ignore[arg-type]
        if len(files) > 1:
            remark(f"[{number}/{len(files)}] {drawing.title}")
    if as_json:
        records = [{"name": d.name, "title": d.title, "description": d.description} for d in chosen]
        print_json({"study": str(folder), "figures": records, "files": [str(file) for file in files]})
    elif listed:
        print_table(stdout(), [("name", False), ("figure", False)], [(d.name, d.title) for d in chosen])
    else:
        print(*files, sep="\n")


def _shows_images(contents: Contents, name: str) -> bool:
    """Whether a figure that is asked for shows test images; for the others no data are looked for."""
    from makeweight.report.figures.catalogue import mistakes_name

    names = [mistakes_name(network.label) for network in contents.analysis.summary.networks]
    return name == ALL or any(fnmatchcase(of_one, name.lower()) for of_one in names)


def _choose(found: tuple[Drawing, ...], name: str, folder: Path) -> tuple[Drawing, ...]:
    chosen = tuple(d for d in found if name == ALL or fnmatchcase(d.name, name.lower()))
    if not chosen:
        known = ", ".join(d.name for d in found) or "none, for no training is done yet"
        raise InvalidValue(f"there is no figure {name!r} of the study {folder}. There are: {known}.")
    return chosen
