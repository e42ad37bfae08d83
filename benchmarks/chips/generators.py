"""What each generator makes of a trained network: a program for the emulator, or the reason why there is none.

All programs start from an image in bytes and give the class with the largest probability; CMSIS-NN stops at the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.chips import vendor
from makeweight.data.dataset import PreparedDataset
from makeweight.export.c.emulate import Firmware, command
from makeweight.export.c.lower import lower
from makeweight.export.c.steps import Filter, Pixels, Program
from makeweight.export.deployment import Deployment, deployment_of
from makeweight.face.runs import Run
from makeweight.store.store import Store

Bytes = NDArray[np.uint8]
IMAGES = 50  # test images
STACK = 2**20  # bytes: emx-onnx-cgen keeps all values there
CLASSIFY = """\
{head}
static int classify(void)
{{
    {call}
    int k, best = 0;
    for (k = 1; k < {classes}; k++)
        if (scores[k] > scores[best])
            best = k;
    return best;
}}
"""
ONNX = """\
#include "net.c"
static uint8_t pixels[{size}] __attribute__((aligned(4)));
static float scores[{classes}];
"""
EMLEARN = """\
#include "net.h"
static uint8_t pixels[{size}];
static float features[{size}];
static int classify(void)
{{
    for (int k = 0; k < {size}; k++)
        features[k] = pixels[k];
    return net_predict(features, {size});
}}
"""
# A fitted MLPClassifier has these attributes, which is all that is read; so scikit-learn isn't needed there.
CONVERT = """\
import sys, types, emlearn, numpy
arrays = numpy.load(sys.argv[1])
count = len(arrays.files) // 2
model = types.SimpleNamespace(n_layers_=count + 1, activation="relu", out_activation_="softmax",
    coefs_=[arrays[f"w{n}"] for n in range(count)], intercepts_=[arrays[f"b{n}"] for n in range(count)])
emlearn.convert(model, kind="MLPClassifier").save(file=sys.argv[2], name="net")
print(emlearn.includedir)
"""


@dataclass(frozen=True)
class Subject:
    """A trained network, its files, and the images that it is given."""

    name: str
    run: Run
    data: PreparedDataset
    folder: Path

    @cached_property
    def images(self) -> Bytes:
        """The first test images, (n, c, h, w)."""
        return np.array(self.data.test_images().images[:IMAGES])

    @cached_property
    def deployment(self) -> Deployment:
        """The network in float32, with the images that its int8 files are calibrated on."""
        with Store.open(self.run.folder) as store:
            return deployment_of(store, self.run.row, self.data)

    @property
    def program(self) -> Program:
        """Its steps, in which the normalisation is folded in."""
        return lower(self.deployment.module.network)

    def export(self) -> None:
        """Write its files, as a user would."""
        for format_ in ("onnx", "c"):
            self.run.export(format_, int8=True, folder=self.folder / format_)

    def fill(self, text: str, **more: str) -> str:
        """Fill the image's size and the number of classes in."""
        return text.format(size=self.images[0].size, classes=self.data.classes, **more)


@dataclass(frozen=True)
class Generated:
    """A program in C, in a folder."""

    folder: Path
    firmware: Firmware
    images: Bytes  # (n, …) as it reads them
    options: tuple[str, ...] = ()
    kernels: Path | None = None  # sources of the library that it is linked with


Generator = Callable[[Subject, bool, Path], Generated | str]  # whether in int8, and where the tool is; or why not


def ours(subject: Subject, int8: bool, _: Path) -> Generated | str:
    """Take the export in C."""
    name = "model_int8" if int8 else "model"
    code = subject.fill(CLASSIFY, head=f'#include "{name}.c"', call=f"const float *scores = {name}_run();")
    firmware = Firmware(code, f"{name}_image()", "classify", stack=STACK)
    return Generated(subject.folder / "c", firmware, _channels_last(subject))


def cmsis_nn(subject: Subject, int8: bool, sources: Path) -> Generated | str:
    """Call CMSIS-NN's kernels, with buffers of our own."""
    if not int8:
        return "has integer kernels only"
    deployment = subject.deployment
    code = vendor.program(deployment.module.network, deployment.calibration)
    (subject.folder / "vendor.c").write_text(code, encoding="utf-8")
    firmware = Firmware('#include "vendor.c"', "values[0]", vendor.PREDICT, stack=STACK)
    images = _channels_last(subject) ^ np.uint8(0x80)
    return Generated(subject.folder, firmware, images, (vendor.include(sources),), sources)


def onnx2c(subject: Subject, int8: bool, program: Path) -> Generated | str:
    """Translate the export in ONNX."""
    code = command([str(program), "-l0", "-d", "batch:1", _onnx(subject, int8)])
    (subject.folder / "net.c").write_text(code, encoding="utf-8")
    return _of_onnx(subject, "entry")


def emx(subject: Subject, int8: bool, python: Path) -> Generated | str:
    """Translate it with all weights in the source, as its page says for firmware, and without a heap."""
    options = ("--input-dim", "batch=1", "--large-weight-threshold", "0", "--large-temp-threshold", "0")
    files = ("--model-name", "net", _onnx(subject, int8), str(subject.folder / "net.c"))
    command([str(python), "-m", "emx_onnx_cgen", "compile", *options, *files])
    return _of_onnx(subject, "net")


def emlearn(subject: Subject, int8: bool, python: Path) -> Generated | str:
    """Convert dense layers, which it takes as an MLPClassifier of scikit-learn."""
    if int8:
        return "has no int8, and its fixed point doesn't compile"
    arrays: dict[str, Any] = {}
    for n, step in enumerate(subject.program.steps):
        if not isinstance(step, Pixels | Filter) or (n and step.weights[0, 0].size > 1):
            return "takes dense layers only"
        if step.rule and step.rule.function != "relu":
            return f"takes no {step.rule.function}"
        weights = step.weights.reshape(len(step.weights), -1)
        mean = step.mean[0] if isinstance(step, Pixels) else 0.0
        arrays |= {f"w{n}": weights.T, f"b{n}": step.bias - mean * weights.sum(1)}
    layers = subject.folder / "layers.npz"
    np.savez(layers, **arrays)
    convert = [str(python), "-c", CONVERT, str(layers), str(subject.folder / "net.h")]
    headers = command(convert, subject.folder).splitlines()[-1]  # there, since it also compiles in ./tmp
    firmware = Firmware(subject.fill(EMLEARN), "pixels", "classify", stack=STACK)
    return Generated(subject.folder, firmware, _channels_last(subject), (f"-I{headers}",))


GENERATORS: Mapping[str, Generator] = {
    "makeweight": ours,
    "CMSIS-NN": cmsis_nn,
    "onnx2c": onnx2c,
    "emx-onnx-cgen": emx,
    "emlearn": emlearn,
}


def _onnx(subject: Subject, int8: bool) -> str:
    return str(subject.folder / "onnx" / ("model-int8.onnx" if int8 else "model.onnx"))


def _of_onnx(subject: Subject, function: str) -> Generated:
    call = f"{function}((const void *)pixels, (void *)scores);"
    code = subject.fill(CLASSIFY, head=subject.fill(ONNX), call=call)
    firmware = Firmware(code, "pixels", "classify", stack=STACK)
    return Generated(subject.folder, firmware, subject.images)


def _channels_last(subject: Subject) -> Bytes:
    return subject.images.transpose(0, 2, 3, 1)
