"""What is fuzzed: for each parser its seeds, how they are damaged, and what is done with the result."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import numpy as np
import onnx
import safetensors.numpy
import torch
from PIL import Image
from starlette.testclient import TestClient

from benchmarks.reliability import mutate
from benchmarks.reliability.scenarios import study_plan, train_here
from makeweight.data.dataset import prepare
from makeweight.data.form import Form, choose_shape
from makeweight.data.sources.registry import open_source
from makeweight.designs.architecture import Task
from makeweight.designs.families import FAMILIES, family_named
from makeweight.designs.solver import fit
from makeweight.designs.stored import read_architecture
from makeweight.errors import DataNotFound, MakeweightError
from makeweight.export.classifier import from_file
from makeweight.export.deployment import Deployable, Deployment
from makeweight.export.facts import Facts
from makeweight.export.onnx import onnx_model
from makeweight.nets.build import build
from makeweight.store.weights import tensors_in
from makeweight.studies.plan import plan
from makeweight.studies.session import Machine, run_study
from makeweight.studies.spec import make_spec, read_study_file
from makeweight.web.app import build as build_app
from makeweight.web.app import routes
from makeweight.web.dashboard import Dashboard
from makeweight.web.keys import Keys, stored_secret
from makeweight.web.security import Door
from makeweight.web.shelf import Shelf

RNG = np.random.default_rng(0)
LABELS = np.arange(24, dtype=np.uint8) % 3
IMAGES = RNG.integers(0, 256, (24, 6, 6), dtype=np.uint8)
Use = Callable[[bytes, Path], object]


@dataclass(frozen=True)
class Target:
    """A parser that is fuzzed."""

    name: str
    seeds: Callable[[], Sequence[bytes]]
    mutations: Sequence[mutate.Mutation]
    use: Use  # gets the damaged content and an empty folder; any error but one of ours is a finding


def read_all(path: Path) -> None:
    """Read images as preparing does."""
    form = Form(workers=1)
    source = open_source(path, form)
    survey = source.survey(lambda what, done, total: None)
    for _ in source.read(choose_shape(survey, form), lambda what, done, total: None):
        pass


def _file(name: str, others: Callable[[], dict[str, bytes]] = dict) -> Use:
    def use(content: bytes, folder: Path) -> None:
        for other, kept in others().items():
            (folder / other).write_bytes(kept)
        path = folder / name
        path.write_bytes(content)
        read_all(folder if others() else path)

    return use


# ---- seeds --------------------------------------------------------------------------------------------------------


def idx(array: np.ndarray) -> bytes:
    """Write an array as IDX."""
    header = bytes((0, 0, 8, array.ndim)) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


@cache
def _other_idx() -> dict[str, bytes]:
    return {
        "train-labels-idx1-ubyte": idx(LABELS),
        "t10k-images-idx3-ubyte": idx(IMAGES),
        "t10k-labels-idx1-ubyte": idx(LABELS),
    }


def _npz() -> list[bytes]:
    seeds = []
    for arrays in ({"images": IMAGES, "labels": LABELS}, {"x_train": IMAGES / 255, "y_train": LABELS.astype(float)}):
        for save in (np.savez, np.savez_compressed):
            packed = io.BytesIO()
            save(packed, **arrays)
            seeds.append(packed.getvalue())
    return seeds


def _csv() -> list[bytes]:
    rows = [[str(label), *map(str, image.ravel())] for label, image in zip(LABELS, IMAGES, strict=True)]
    plain = "\n".join(map(",".join, rows))
    header = ",".join(["label", *(f"pixel{i}" for i in range(36))])
    packed = [f"a{row[0]},{' '.join(row[1:])}" for row in rows]
    return [f"{header}\n{plain}\n".encode(), plain.encode(), "\n".join(["label,pixels", *packed]).encode()]


def _png(seed: int, kind: str = "PNG") -> bytes:
    packed = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(packed, kind)
    return packed.getvalue()


@cache
def _pictures() -> dict[str, bytes]:
    return {f"{part}/{name}/{i}.png": _png(i) for part in ("train", "test") for name in "ab" for i in range(2)}


def _archives() -> list[bytes]:
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        for name, content in _pictures().items():
            archive.writestr(name, content)
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        for name, content in _pictures().items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return [zipped.getvalue(), tarred.getvalue(), gzip.compress(tarred.getvalue(), 1, mtime=0)]


def _archive(content: bytes, folder: Path) -> None:
    ending = ".zip" if content[:2] == b"PK" else ".tar.gz" if content[:2] == b"\x1f\x8b" else ".tar"
    _file(f"images{ending}")(content, folder)


def _folder(content: bytes, folder: Path) -> None:
    for place in ("a", "b"):
        (folder / place).mkdir(exist_ok=True)
        (folder / place / "1.png").write_bytes(_png(1))
    (folder / "a" / "2").write_bytes(content)
    (folder / "a" / "3.png").write_bytes(content)
    read_all(folder)


STUDY = b"""dataset = "digits"
families = ["fcn", "cnn"]
budgets = ["2K", 3000]
seeds = 2
split_seed = 1
max_macs = "1M"
[recipe]
epochs = 4
batch_size = 64
learning_rate = 0.01
precision = "fp32"
class_weight = "balanced"
[recipe.cnn]
ema = 0.9
flip = true
[vary]
kernel = [3, 5]
"""


def _toml(content: bytes, folder: Path) -> None:
    path = folder / "study.toml"
    path.write_bytes(content)
    spec = make_spec(read_study_file(path), str(path))
    # Planning grids of thousands of networks takes long and is no fault.
    if spec.dataset == "digits" and len(spec.families) <= 2 and spec.seeds <= 10 and not spec.vary:
        with suppress(DataNotFound):
            plan(spec, prepare("digits"))


def _architectures() -> list[bytes]:
    seeds = []
    for family in FAMILIES.values():
        with suppress(MakeweightError):
            seeds.append(fit(family, Task((1, 28, 28), 10), 20_000).architecture.to_json().encode())
    return seeds


def _architecture(content: bytes, folder: Path) -> None:
    read_architecture(content.decode(errors="replace"))


def _safetensors() -> list[bytes]:
    numbers = RNG.random((3, 4), np.float32), np.zeros(5, np.int64), np.array([[1.0]], np.float16)
    tensors: dict[str, np.ndarray] = dict(zip("abc", numbers, strict=True))
    return [safetensors.numpy.save(tensors), safetensors.numpy.save({})]


def _onnx() -> list[bytes]:
    """Networks with random weights."""
    return [_onnx_of(family).SerializeToString() for family in ("fcn", "cnn")]


def _onnx_of(family: str) -> onnx.ModelProto:
    task = Task((1, 8, 8), 3)
    facts = Facts(
        makeweight="0", network="NET", run="0" * 12, seed=0, dataset="noise", data_digest="0" * 64,
        image_shape=task.input_shape, class_names=("a", "b", "c"), border=1.0, budget=2_000, weights=2_000,
    )  # fmt: skip
    network = build(fit(family_named(family), task, 2_000).architecture, torch.Generator().manual_seed(0)).eval()
    images = RNG.integers(0, 256, (8, *task.input_shape), dtype=np.uint8)
    return onnx_model(Deployment(Deployable(network).eval(), facts, images))


def _model(content: bytes, folder: Path) -> None:
    path = folder / "model.onnx"
    path.write_bytes(content)
    from_file(path).answer(np.zeros((1, 1, 8, 8), np.uint8))


# ---- the dashboard ------------------------------------------------------------------------------------------------

NEVER = re.compile("events|train|stop|resume|diagnosis")  # endless, or they start processes


def _requests() -> list[bytes]:
    """Return a request to each route: its method, address and body on a line each."""
    names = {"study": "small", "name": "dom.js", "network": "fcn-2k", "seed": "0", "number": "0", "dataset": "digits"}
    queries = ("?layer=stem&filter=0", "?sort=weights&page=1", "?study=small&networks=fcn-2k,cnn-2k&n=fcn-2k", "")
    found = []
    for route in routes():
        for method in sorted((route.methods or set()) - {"HEAD"}):
            path = re.sub(r"{(\w+)}", lambda m: names[m[1]], route.path)
            body = json.dumps({"pixels": [0] * 64, "image": [[0] * 8] * 8}) if method == "POST" else ""
            found += [f"{method}\n{path}{query}\n{body}".encode() for query in queries if not NEVER.search(path)]
    return found


@cache
def _client() -> TestClient:
    store = Path(tempfile.mkdtemp(prefix="fuzzed-"))
    train_here()
    for _ in run_study(study_plan(store, prepare("digits")), Machine()):
        pass
    keys = Keys(stored_secret(store), lambda token: None)
    door = Door(keys, "makeweight-8000", False)
    client = TestClient(build_app(Dashboard(Shelf(store, ()), door)), "http://127.0.0.1:8000", follow_redirects=False)
    client.get(f"/enter?token={keys.token}")
    assert client.get("/studies/small").status_code == 200
    return client


def _request(content: bytes, folder: Path) -> None:
    method, path, body = (*content.split(b"\n", 2), b"", b"")[:3]
    address = "/" + path.decode("latin-1").lstrip("/")
    if not NEVER.search(address):
        headers = {"Origin": "http://127.0.0.1:8000", "Content-Type": "application/json"}
        with suppress(httpx.InvalidURL):  # the client's own refusal
            known = method.decode("latin-1") in ("GET", "POST")
            answer = _client().request(
                "POST" if known and method == b"POST" else "GET", address, content=body, headers=headers
            )
            assert answer.status_code < 500, answer.status_code


TARGETS = {
    target.name: target
    for target in (
        Target("idx", lambda: [idx(IMAGES)], (*mutate.BYTES, mutate.number),
               _file("train-images-idx3-ubyte", _other_idx)),
        Target("idx-gz", lambda: [gzip.compress(idx(IMAGES), 1, mtime=0)],
               (mutate.gzipped, mutate.gzipped, mutate.flip), _file("train-images-idx3-ubyte.gz", _other_idx)),
        Target("npz", _npz, (mutate.zipped, mutate.zipped, *mutate.BYTES), _file("images.npz")),
        Target("csv", _csv, mutate.TEXT, _file("images.csv")),
        Target("folder", lambda: [_png(5), _png(6, "JPEG"), _png(7, "GIF"), _png(8, "BMP"), _png(9, "TIFF")],
               mutate.BYTES, _folder),
        Target("archive", _archives, (mutate.zipped, mutate.gzipped, *mutate.BYTES), _archive),
        Target("toml", lambda: [STUDY], mutate.TEXT, _toml),
        Target("architecture", _architectures, (mutate.leaf, mutate.leaf, mutate.words, mutate.flip), _architecture),
        Target("safetensors", _safetensors, (*mutate.BYTES, mutate.words),
               lambda content, folder: tensors_in(content, folder / "x", "")),
        Target("onnx", _onnx, (mutate.protobuf, mutate.protobuf, *mutate.BYTES), _model),
        Target("routes", _requests, mutate.TEXT, _request),
    )
}  # fmt: skip
