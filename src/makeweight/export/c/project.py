"""What makes a folder of C files a project: CMake, ESP-IDF, Zephyr, Arduino, PlatformIO, and main of the self-test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import makeweight
from makeweight.export.c import text
from makeweight.export.c.render import render
from makeweight.export.facts import Shape
from makeweight.files import make_folder, write_whole

FILES = {  # by template; Zephyr and Arduino look for theirs in folders of these names
    "main.c": "main.c",
    "CMakeLists.txt": "CMakeLists.txt",
    "idf_component.yml": "idf_component.yml",
    "module.yml": "zephyr/module.yml",
    "library.properties": "library.properties",
    "library.json": "library.json",
    "selftest.ino": "examples/selftest/selftest.ino",
}


def write_project(folder: Path, names: Sequence[str], shape: Shape, about: str, images: int) -> None:
    """Write the files of a project, and ``NAME_input.h`` of the first name, which fills images from a camera's frames.

    Parameters
    ----------
    folder : pathlib.Path
        With ``NAME.c``, ``NAME.h`` and ``NAME_selftest.h`` of each name.
    names : sequence of str
        Of the networks; the first is the project's name.
    shape : (c, h, w)
        Of the images.
    about : str
        The network in a few words, such as "CNN 10K for FashionMNIST"; unsafe characters become _.
    images : int
        How many each self-test has.

    Raises
    ------
    StoreError
        If a file cannot be written.
    """
    values = {
        "name": names[0],
        "upper": names[0].upper(),
        "names": names,
        "shape": shape,
        "sources": [f"{name}.c" for name in names],
        "about": text.comment(about),
        "version": makeweight.__version__,
        "images": images,
    }
    camera = {"input.h": f"{names[0]}_input.h"} if shape[0] in (1, 3) else {}
    for template, name in {**FILES, **camera}.items():
        path = folder / name
        make_folder(path.parent)
        write_whole(path, render(template, values))
