"""``makeweight figure``: single figures of a study."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from makeweight.cli import options, texts
from makeweight.cli.output import examples, print_json, put, remark, stdout
from makeweight.cli.tables import print_table
from makeweight.errors import InvalidValue
from makeweight.face import folders
from makeweight.html import Column

if TYPE_CHECKING:
    from makeweight.report.contents import Contents
    from makeweight.report.figures.style import Drawing

EXAMPLES = examples(
    "makeweight figure --list",
    "makeweight figure curves-cnn-10k",
    "makeweight figure 'accuracy-*' fashion --format pdf --output figures",
    "makeweight figure all --theme dark",
)
ALL = "all"


def figure(
    name: Annotated[
        str | None,
        typer.Argument(help="Name of a figure, with * as a wildcard, or all; see --list.", show_default=False),
    ] = None,
    study: options.Study = None,
    listed: Annotated[
        bool, typer.Option("--list", help="List the figures of the study: makeweight figure --list STUDY.")
    ] = False,
    output: Annotated[Path, typer.Option(help="Folder for the files.")] = Path(),
    format_: options.FigureFormat = "png",
    theme: options.Theme = "light",
    store: options.StoreFolder = Path("studies"),
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Draw figures of a study: curves, costs, comparisons, confusion, mistakes. Feature maps: makeweight features."""
    from makeweight.face.gather import gather, with_images
    from makeweight.report.figures.catalogue import drawings
    from makeweight.report.figures.style import make_folder, save_drawing

    texts.check_figure(format_, theme)
    if listed and study is None:
        name, study = None, name  # --list takes no figure: a single argument is the study
    if name is None and not listed:
        raise InvalidValue("name is missing: give the name of a figure, or all; makeweight figure --list names them.")
    folder = folders.find_study(store, study)
    contents = gather(folder)
    if listed or _shows_images(contents, name or ALL):
        contents = with_images(contents, folder, remark, data)
    every = drawings(contents)
    chosen = every if name is None else _choose(every, name, folder)
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
        print_table(stdout(), [Column("name", False), Column("figure", False)], [(d.name, d.title) for d in chosen])
    else:
        put(*files)


def _shows_images(contents: Contents, name: str) -> bool:
    """Whether a figure that is asked for shows test images; the others need no data."""
    from makeweight.report.figures.catalogue import mistakes_name

    names = [mistakes_name(network.label) for network in contents.analysis.summary.networks]
    return name == ALL or any(fnmatchcase(shown, name.lower()) for shown in names)


def _choose(every: tuple[Drawing, ...], name: str, folder: Path) -> tuple[Drawing, ...]:
    chosen = tuple(d for d in every if name == ALL or fnmatchcase(d.name, name.lower()))
    if not chosen:
        known = ", ".join(d.name for d in every) or "none, for no training is done yet"
        raise InvalidValue(f"there is no figure {name!r} of the study {folder}. There are: {known}.")
    return chosen
