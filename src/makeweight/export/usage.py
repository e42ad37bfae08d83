"""How a file is run without makeweight: code for the model card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import PurePath

from makeweight.export.facts import INPUT, Facts


@dataclass(frozen=True)
class Usage:
    """What somebody needs who has the file and nothing else."""

    library: str | None  # that runs it, by the name that model hubs know; None where it needs none
    tags: tuple[str, ...]
    before: str  # what to have, one line
    language: str  # of the code
    code: str  # classifies one picture
    shell: str = ""  # what to do with the code, where that is not plain
    after: str = ""


def usage_of(facts: Facts, file: str) -> Usage:
    """Return how to run a file of an export, by its name."""
    if file.endswith(".c"):
        return _in_c(facts, file.removesuffix(".c"))
    library, package, lines = _BY_SUFFIX[PurePath(file).suffix]
    return Usage(
        library=library,
        tags=(library,),
        before=f"With `pip install numpy {package} pillow`, in this folder:",
        language="python",
        code="\n".join(lines(facts, file)),
        after="The normalisation of the pixels is part of the file: give it pixels from 0 to 255 as they are."
        + (f"\n\nOr, with makeweight: `makeweight predict {file} picture.png`" if library == "onnx" else ""),
    )


def _image(facts: Facts, turned: tuple[str, str] = ("[None, None]", ".transpose(2, 0, 1)[None]")) -> str:
    """Read a picture as an array, turned as gray and as colour need it."""
    channels, height, width = facts.image_shape
    mode, end = ("L", turned[0]) if channels == 1 else ("RGB", turned[1])
    return f'numpy.array(PIL.Image.open("picture.png").convert("{mode}").resize(({width}, {height}))){end}'


def _comment(facts: Facts) -> str:
    return f"  # (1, {', '.join(map(str, facts.image_shape))})"


def _onnx_lines(facts: Facts, file: str) -> tuple[str, ...]:
    return (
        "import json, numpy, onnxruntime, PIL.Image",
        f'model = onnxruntime.InferenceSession("{file}")',
        f"image = {_image(facts)}{_comment(facts)}",
        f'[[probabilities]] = model.run(None, {{"{INPUT}": image}})',
        'print(json.loads(model.get_modelmeta().custom_metadata_map["class_names"])[probabilities.argmax()])',
    )


def _torch_lines(facts: Facts, file: str) -> tuple[str, ...]:
    return (
        'import json, numpy, PIL.Image, torch; facts = {"facts.json": ""}',
        f'model = torch.export.load("{file}", extra_files=facts).module()',
        f"image = torch.from_numpy({_image(facts)}){_comment(facts)}",
        "[probabilities] = model(image)",
        'print(json.loads(json.loads(facts["facts.json"])["class_names"])[probabilities.argmax()])',
    )


def _litert_lines(facts: Facts, file: str) -> tuple[str, ...]:
    channels, height, width = facts.image_shape
    return (
        "import json, numpy, PIL.Image; from ai_edge_litert.interpreter import Interpreter",
        f'model = Interpreter("{file}"); model.allocate_tensors()',
        f"image = {_image(facts, ('[None, ..., None]', '[None]'))}  # (1, {height}, {width}, {channels})",
        'model.set_tensor(model.get_input_details()[0]["index"], image); model.invoke()',
        '[probabilities] = model.get_tensor(model.get_output_details()[0]["index"])',
        'print(json.load(open("report.json"))["class_names"][probabilities.argmax()])',
    )


def _in_c(facts: Facts, name: str) -> Usage:
    channels, height, width = facts.image_shape
    return Usage(
        library=None,
        tags=("c", "tinyml", "microcontroller"),
        before=f"On a computer, with these lines as `classify.c` beside `{name}.c` and `{name}.h`:",
        language="c",
        code=_main(name),
        shell=f"gcc -std=c99 -O2 classify.c {name}.c -lm -o classify\n./classify picture.raw",
        after=f"An image is {prod(facts.image_shape):,} bytes, and `picture.raw` holds nothing else: "
        f"{height} × {width} × {channels} numbers from 0 to 255, row by row, the channels of a pixel side by side. "
        f"Their normalisation is part of the file. On a device, let the camera write to `{name}_image()`, and call "
        f"`{name}_predict()` for the class or `{name}_run()` for the probabilities. A call consumes the image, and all "
        "calls share the static memory: one at a time. `main.c` of this folder is a self-test.",
    )


def _main(name: str) -> str:
    lines = (
        "#include <stdio.h>",
        f'#include "{name}.h"',
        "int main(int count, char **arguments)",
        "{",
        '    FILE *file = count > 1 ? fopen(arguments[1], "rb") : NULL;',
        f"    if (!file || !fread({name}_image(), {name.upper()}_INPUT_BYTES, 1, file))",
        "        return 1;",
        f"    puts({name}_class_names[{name}_predict()]);",
        "    return 0;",
        "}",
    )
    return "\n".join(lines)


# Library by the name that model hubs know, package that runs the file, and code.
_BY_SUFFIX: Mapping[str, tuple[str, str, Callable[[Facts, str], tuple[str, ...]]]] = {
    ".onnx": ("onnx", "onnxruntime", _onnx_lines),
    ".pt2": ("pytorch", "torch", _torch_lines),
    ".tflite": ("tflite", "ai-edge-litert", _litert_lines),
}
