"""The page of a network: what it answers is what the network gives, whatever image it is shown."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from makeweight.inspection.activations import inspect
from makeweight.inspection.data import chosen_tests
from makeweight.jobs.network import NetworkId
from makeweight.store.store import Store
from makeweight.web.security import MAX_PICTURE_BYTES

CNN = "/studies/small/networks/cnn-3k"
EYE = f"{CNN}/1"
BYTES = {"Content-Type": "application/octet-stream"}


def unpack(content: bytes, about: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray, list[np.ndarray]]:
    """Read an answer as the page does."""
    [length] = struct.unpack_from("<I", content)
    header = json.loads(content[4 : 4 + length])
    rest = np.frombuffer(content[4 + length :], np.uint8)
    parts = []
    for shape in (about["image"], *(layer["shape"] for layer in about["layers"])):
        parts.append(rest[: np.prod(shape)].reshape(shape))
        rest = rest[np.prod(shape) :]
    assert rest.size == 0
    return header, parts[0], parts[1:]


@pytest.fixture(scope="module")
def about(client: httpx.Client) -> dict[str, Any]:
    return client.get(f"{EYE}/eye").json()


def test_the_page_has_facts_layers_and_trainings(client: httpx.Client, store: Path) -> None:
    page = client.get(CNN).text
    with Store.open(store / "small") as opened:
        rows = opened.jobs(NetworkId("cnn", 3_000))
    assert f"{rows[0].weights:,}" in page
    assert ">of budget<" in page
    assert all(row.job.key[:12] in page for row in rows)
    assert client.get(f"{CNN}?seed=1").text.count("selected") == 1
    assert client.get(f"{CNN}/curves").json()["figures"]


def test_a_test_image_gives_what_the_inspection_gives(
    client: httpx.Client, store: Path, digits: Any, about: dict[str, Any]
) -> None:
    header, pixels, maps = unpack(client.get(f"{EYE}/test/5").content, about)
    with Store.open(store / "small") as opened:
        row = next(row for row in opened.jobs(NetworkId("cnn", 3_000)) if row.job.seed == 1)
        looked = inspect(opened, row, digits, chosen_tests(digits, [5]))
    [sample] = looked.samples
    assert np.array_equal(pixels, sample.pixels)
    assert header["truth"] == sample.truth
    assert np.allclose(header["probabilities"], sample.probabilities, atol=1e-4)
    assert [layer["name"] for layer in about["layers"]] == [layer.layer for layer in looked.layers]
    for levels, layer, described, facts in zip(maps, looked.layers, about["layers"], header["layers"], strict=True):
        low, high = described["scale"]
        expected = np.clip((layer.maps[0] - low) / (high - low) * 64, 0, 63)
        assert np.abs(levels - expected).max() <= 1.01
        assert facts["zeros"] == pytest.approx(layer.zeros)


def test_the_same_image_sent_as_bytes_gives_the_same_maps(client: httpx.Client, about: dict[str, Any]) -> None:
    by_number = unpack(client.get(f"{EYE}/test/7").content, about)
    sent = client.post(f"{EYE}/see", content=by_number[1].tobytes(), headers=BYTES)
    by_bytes = unpack(sent.content, about)
    assert by_bytes[0]["probabilities"] == by_number[0]["probabilities"]
    assert by_bytes[0]["truth"] is None
    assert all(np.array_equal(a, b) for a, b in zip(by_bytes[2], by_number[2], strict=True))


@pytest.mark.parametrize("size", [0, 63, 65, 1000])
def test_bytes_that_are_no_image_are_refused(client: httpx.Client, size: int) -> None:
    answer = client.post(f"{EYE}/see", content=bytes(size), headers=BYTES)
    assert answer.status_code == 400
    assert "1 × 8 × 8" in answer.json()["error"]


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_a_picture_is_fitted_and_seen(client: httpx.Client, about: dict[str, Any]) -> None:
    drawn = np.zeros((40, 40), np.uint8)
    drawn[5:35, 15:25] = 255
    answer = client.post(f"{EYE}/picture", content=png(drawn), headers=BYTES)
    assert answer.headers["x-looks-inverted"] == "0"
    _, pixels, _ = unpack(answer.content, about)
    assert pixels[0, 4, 4] > 200
    assert pixels[0, 0].max() < 60
    on_paper = client.post(f"{EYE}/picture?invert=0", content=png(255 - drawn), headers=BYTES)
    assert on_paper.headers["x-looks-inverted"] == "1"
    turned = client.post(f"{EYE}/picture?invert=1", content=png(255 - drawn), headers=BYTES)
    assert np.array_equal(unpack(turned.content, about)[1], pixels)


def bomb() -> bytes:
    """A PNG of some bytes whose header promises ten gigapixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1_000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "words"), [(bomb(), "pixels"), (b"GIF89a", ""), (b"", ""), (b"<svg/>", ""), (b"\x80\x04K\x01.", "")]
)
def test_hostile_pictures_get_a_clear_error(client: httpx.Client, content: bytes, words: str) -> None:
    answer = client.post(f"{EYE}/picture", content=content, headers=BYTES)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert words in error
    assert error.startswith("the picture")
    assert "/tmp" not in error


def test_a_picture_of_too_many_bytes_is_refused(client: httpx.Client) -> None:
    answer = client.post(f"{EYE}/picture", content=bytes(MAX_PICTURE_BYTES + 1), headers=BYTES)
    assert answer.status_code == 413


def test_what_a_filter_responds_to(client: httpx.Client, digits: Any, store: Path, about: dict[str, Any]) -> None:
    layer = about["layers"][1]["name"]
    found = client.get(f"{EYE}/responses", params={"layer": layer, "filter": 0}).json()["images"]
    with Store.open(store / "small") as opened:
        row = next(row for row in opened.jobs(NetworkId("cnn", 3_000)) if row.job.seed == 1)
        [expected] = inspect(opened, row, digits, layers=[layer], filters=[0]).responses
    assert [image["number"] for image in found] == expected.indices[0].tolist()
    assert [image["box"] for image in found] == expected.boxes[0].tolist()
    pixels = np.frombuffer(base64.b64decode(found[0]["pixels"]), np.uint8)
    assert np.array_equal(pixels, digits.test_images().images[found[0]["number"]].reshape(-1))


@pytest.mark.parametrize(
    "path",
    [f"{EYE}/test/100000", f"{EYE}/responses?layer=stem&filter=999", f"{EYE}/responses?layer=x&filter=0"],
)
def test_what_the_network_has_not_is_said(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "path",
    [f"{EYE}/test/-1", f"{EYE}/test/x", f"{EYE}/responses?layer=stem", f"{CNN}/9/eye", f"{CNN}/x/eye",
     "/studies/small/networks/cnn-9k", "/studies/hostile/networks/fcn-2k"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_look_at_the_test_images_is_recorded(client: httpx.Client, store: Path, about: dict[str, Any]) -> None:
    assert about["tests"] > 0
    with Store.open(store / "small") as opened:
        looked = {row.job.seed: opened.test_accesses(row.job.key) for row in opened.jobs(NetworkId("cnn", 3_000))}
    assert "feature maps" in looked[1]


def test_the_first_layers_weights_are_drawn_in_both_themes(client: httpx.Client) -> None:
    assert client.get(f"{EYE}/eye").json()["filters"] is True
    light, dark = (client.get(f"{EYE}/filters", params={"theme": theme}) for theme in ("light", "dark"))
    assert light.headers["content-type"] == dark.headers["content-type"] == "image/svg+xml"
    assert light.text.lstrip().startswith("<?xml") or "<svg" in light.text[:500]
    assert light.text != dark.text
