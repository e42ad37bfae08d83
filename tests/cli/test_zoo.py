"""``makeweight zoo`` and ``verify`` on small networks: in, out, and whatever may be wrong with the files."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from makeweight.errors import StoreError, UnknownNetwork
from makeweight.face import zoo as face
from makeweight.face.runs import networks_of
from makeweight.face.zoo import Zoo
from makeweight.shipped.add import PURPOSE
from makeweight.shipped.record import FILE, names_in
from makeweight.store.store import Store


@pytest.fixture(scope="module")
def filled(finished, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zoo of two networks; read it, and copy it before any change."""
    folder = tmp_path_factory.mktemp("zoo")
    study = Path(shutil.copytree(finished.folder, folder / "studies" / "small"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAKEWEIGHT_CACHE", environment["MAKEWEIGHT_CACHE"])
        for network in networks_of(study):
            if "2K" in network.label:
                face.add(network, folder / "zoo", note="a | <b>note</b>")
    with Store.open(study) as store:
        assert all(store.test_accesses(row.job.key)[-1] == PURPOSE for row in store.jobs() if row.job.budget == 2_000)
    return folder / "zoo"


@pytest.fixture
def zoo(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "zoo"))


@pytest.fixture
def study(finished, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.folder, tmp_path / "studies" / "small"))


def change(place: Path, **values: Any) -> None:
    record = json.loads((place / FILE).read_text())
    (place / FILE).write_text(json.dumps({**record, **values}))


def runs(folder: Path, **values: Any) -> list[dict[str, Any]]:
    """The runs of a network, with the first one changed."""
    first, *rest = json.loads((folder / FILE).read_text())["runs"]
    return [{**first, **values}, *rest]


def test_a_network_of_a_study_goes_in(cli: Callable, study: Path, tmp_path: Path) -> None:
    ran = cli("zoo", "add", "small/cnn-2k")
    assert ran.code == 0, ran.err
    folder = tmp_path / "results" / "frontier" / "cnn-2k"
    assert ran.out.splitlines()[0] == "results/frontier/cnn-2k"
    assert {path.name for path in folder.iterdir()} == {FILE, "README.md", "seed-0.safetensors", "seed-1.safetensors"}
    record = json.loads((folder / FILE).read_text())
    with Store.open(study) as store:
        rows = [row for row in store.jobs() if (row.job.family, row.job.budget) == ("cnn", 2_000)]
        assert [run["result"]["test_accuracy"] for run in record["runs"]] == [row.result.test_accuracy for row in rows]
        assert [(folder / f"seed-{row.job.seed}.safetensors").read_bytes() for row in rows] == [
            store.weights_content(row) for row in rows
        ]
    card = (folder / "README.md").read_text()
    assert record["command"] == ran.out.splitlines()[1]
    assert f"| command | `{record['command']}` |" in card
    assert 'mw.zoo["cnn-2k"]' in card
    assert str(tmp_path) not in card + (folder / FILE).read_text()


def test_adding_again_replaces_the_whole_folder_and_a_failure_keeps_it(
    cli: Callable, study: Path, zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (zoo / "cnn-2k" / "stale").touch()
    assert cli("zoo", "add", "small/cnn-2k#1", "--into", zoo, "--method", "new").code == 0
    names = {path.name for path in (zoo / "cnn-2k").iterdir()}
    assert names == {FILE, "README.md", "seed-1.safetensors"}
    monkeypatch.setattr("makeweight.shipped.add.model_card", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli("zoo", "add", "small/cnn-2k", "--into", zoo)
    assert {path.name for path in (zoo / "cnn-2k").iterdir()} == names
    assert names_in(zoo) == ["cnn-2k", "fcn-2k"]


def test_nothing_else_is_replaced(cli: Callable, study: Path, tmp_path: Path) -> None:
    (tmp_path / "results" / "frontier" / "cnn-2k").mkdir(parents=True)
    ran = cli("zoo", "add", "small/cnn-2k")
    assert (ran.code, ran.err.count("isn't a network of the zoo")) == (2, 1)
    assert "network name '../x' is not possible" in cli("zoo", "add", "small/cnn-2k", "--name", "../x").err


def test_networks_of_own_images_are_refused(cli: Callable, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("makeweight.shipped.add.CATALOG", {})
    assert "networks of digits can't be in the zoo" in cli("zoo", "add", "small/cnn-2k").err


def test_the_zoo_is_listed_and_shown(cli: Callable, zoo: Path) -> None:
    change(zoo / "fcn-2k", budget="many")
    ran = cli("zoo", "--zoo", zoo)
    assert ran.code == 0
    assert [line.split()[:2] for line in ran.out.splitlines() if line.startswith("cnn")] == [["cnn-2k", "1,994"]]
    assert f"{zoo}/fcn-2k/{FILE} is damaged: budget is 'many'. Get the network's folder again" in ran.out
    listed = json.loads(cli("zoo", "--zoo", zoo, "--json").out)
    assert [network["name"] for network in listed["networks"]] == ["cnn-2k"]
    assert len(listed["problems"]) == 1
    shown = cli("zoo", "show", "cnn-2k", "--zoo", zoo)
    assert "Makes it again: makeweight study --dataset digits --families cnn" in shown.out
    assert json.loads(cli("zoo", "show", "cnn-2k", "--zoo", zoo, "--json").out) == listed["networks"][0]
    assert (
        "there is no network 'lenet-5' in the zoo. There are: cnn-2k" in cli("zoo", "show", "lenet-5", "--zoo", zoo).err
    )
    assert "come after it" in cli("zoo", "--zoo", zoo, "show", "cnn-2k").err
    assert "is empty" in cli("zoo", "--zoo", zoo / "nothing").out


def test_in_python_it_is_a_mapping(cli: Callable, filled: Path, finished) -> None:
    networks = Zoo(filled)
    assert list(networks) == ["cnn-2k", "fcn-2k"]
    assert "cnn-2k" in networks
    assert networks.get("lenet-5") is None
    with pytest.raises(UnknownNetwork, match=r"^there is no network 'lenet-5' in the zoo"):
        networks["lenet-5"]
    assert issubclass(UnknownNetwork, KeyError)
    network, (original, *_) = networks["CNN 2K"], [n for n in networks_of(finished.folder) if n.label == "CNN 2K"]
    assert (network.weights, network.macs) == (original.best.weights, original.best.macs)
    assert network.accuracy == pytest.approx(original.summary.test_accuracy.mean)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    assert network.predict(pixels) == original.best.predict(pixels)
    assert repr(network).startswith("cnn-2k (plain): 1,994 weights")
    assert "<table" in network._repr_html_()
    assert "<table" in networks._repr_html_()
    assert repr(networks).splitlines()[1].startswith("cnn-2k")


def test_a_copy_is_a_study_on_which_commands_work(cli: Callable, zoo: Path, finished, tmp_path: Path) -> None:
    ran = cli("zoo", "copy", "cnn-2k", "--zoo", zoo)
    assert ran.code == 0, ran.err
    with Store.open(tmp_path / "studies" / "cnn-2k") as copy, Store.open(finished.folder) as store:
        kept = {row.job.key: row for row in store.jobs() if (row.job.family, row.job.budget) == ("cnn", 2_000)}
        copied = {row.job.key: row for row in copy.jobs()}
        assert copied.keys() == kept.keys()
        for key, row in copied.items():
            assert row.result.test_accuracy == kept[key].result.test_accuracy  # trained in float32
            assert copy.epochs(key) == store.epochs(key)
            assert copy.scores(key) == store.scores(key)
    assert cli("zoo", "copy", "cnn-2k", "--zoo", zoo).code == 0  # it is there already
    refused = cli("zoo", "copy", "fcn-2k", "--zoo", zoo, "--name", "cnn-2k")
    assert "studies/cnn-2k exists and isn't this network. Give another name, with --name NAME." in refused.err
    for command in ("show", "report", "resume", "diagnose --seconds 2", "export --format torch"):
        done = cli(*command.split(), "cnn-2k")
        assert done.code == 0, done.err


def test_a_copy_of_damaged_weights_leaves_nothing(zoo: Path, tmp_path: Path, cli: Callable) -> None:
    (zoo / "cnn-2k" / "seed-1.safetensors").write_bytes(b"")
    with pytest.raises(StoreError, match=r"seed-1\.safetensors is damaged"):
        Zoo(zoo)["cnn-2k"].copy(tmp_path / "studies")
    assert list((tmp_path / "studies").iterdir()) == []


def test_weights_that_score_as_stored_are_verified(cli: Callable, zoo: Path) -> None:
    ran = cli("verify", "--zoo", zoo)
    assert ran.code == 0, ran.err
    assert [line.split()[-1] for line in ran.out.splitlines() if line[:3] in ("cnn", "fcn")] == ["equal"] * 4
    record = json.loads(cli("verify", "cnn-2k", "--zoo", zoo, "--json").out)
    assert [(run["network"], run["seed"], run["verdict"]) for run in record["runs"]] == [
        ("cnn-2k", 0, "equal"), ("cnn-2k", 1, "equal"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("images", "code", "verdict"), [(1, 0, "holds, 1 image apart"), (2, 1, "differs, 2 images apart")]
)
def test_one_image_in_a_thousand_may_differ(cli: Callable, zoo: Path, images: int, code: int, verdict: str) -> None:
    [first, *_] = runs(zoo / "cnn-2k")
    change(zoo / "cnn-2k", runs=runs(zoo / "cnn-2k", correct=first["correct"] - images))
    ran = cli("verify", "--zoo", zoo)
    assert ran.code == code
    assert verdict in ran.out


def _other_weights(folder: Path) -> None:
    """Give whole weights of another architecture."""
    import hashlib

    content = (folder.parent / "fcn-2k" / "seed-0.safetensors").read_bytes()
    (folder / "seed-0.safetensors").write_bytes(content)
    [first, *_] = runs(folder)
    result = {**first["result"], "weights_sha256": hashlib.sha256(content).hexdigest()}
    change(folder, runs=runs(folder, result=result))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no record": (lambda folder: (folder / FILE).unlink(), f"{FILE} cannot be opened: No such file"),
    "no JSON": (lambda folder: (folder / FILE).write_text("{"), f"{FILE} is damaged"),
    "no object": (lambda folder: (folder / FILE).write_text("[" * 100_000), f"{FILE} is damaged"),
    "a pickle": (lambda folder: (folder / FILE).write_bytes(pickle.dumps([1])), "pickle, which may run code"),
    "a field missing": (lambda folder: (folder / FILE).write_text("{}"), f"{FILE} is damaged: it lacks 'architecture'"),
    "another field": (lambda folder: change(folder, folder="/etc"), "is damaged: folder is '/etc'"),
    "other weights than its architecture's": (lambda folder: change(folder, weights=5), "is damaged: its architecture"),
    "no runs": (lambda folder: change(folder, runs=[]), "is damaged: it has no run"),
    "a run that is none": (lambda folder: change(folder, runs=[None]), "is damaged"),
    "an accuracy above 1": (lambda folder: change(folder, runs=runs(folder, correct=10**6)), "more correct answers"),
    "another name": (lambda folder: change(folder, name="x" * 1_000), "isn't its folder's name"),
    "class names missing": (lambda folder: change(folder, class_names=["a"]), "its class names aren't 10 texts"),
    "an impossible recipe": (
        lambda folder: change(folder, recipe={"epochs": -1}),
        f"{FILE} is damaged: ",
    ),
    "an unknown data set": (lambda folder: change(folder, dataset="nothing"), "nothing"),
    "other data": (lambda folder: change(folder, data_digest="0" * 64), f"{FILE} was made with digits of digest 000"),
    "weights missing": (lambda folder: (folder / "seed-0.safetensors").unlink(), "seed-0.safetensors cannot be opened"),
    "weights cut": (lambda folder: (folder / "seed-0.safetensors").write_bytes(b"x" * 99), "seed-0.safetensors is dam"),
    "weights of another": (_other_weights, "seed-0.safetensors is refused: the stored weights don't fit"),
}


@pytest.mark.parametrize(("damage", "error"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_named_and_the_others_are_verified(
    cli: Callable, zoo: Path, damage: Callable[[Path], object], error: str
) -> None:
    damage(zoo / "cnn-2k")
    ran = cli("verify", "--zoo", zoo)
    assert ran.code == 1
    assert "Traceback" not in ran.err
    [line] = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert error in line
    assert line.endswith(".")
    verdicts = [line for line in ran.out.splitlines() if line.startswith("fcn-2k")]
    assert [line.split()[-1] for line in verdicts] == ["equal", "equal"]


def test_an_empty_zoo_or_an_unknown_network_cannot_be_verified(cli: Callable, zoo: Path) -> None:
    assert "There are: none in" in cli("verify", "--zoo", zoo / "nothing").err
    ran = cli("verify", "lenet-5", "--zoo", zoo)
    assert (ran.code, ran.out) == (2, "")


def test_names_are_in_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("fcn-50k", "cnn-100k", "cnn-10k", "cnn-2k", ".git", "cnn-1k.tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "README.md").touch()
    assert names_in(tmp_path) == ["cnn-2k", "cnn-10k", "cnn-100k", "fcn-50k"]
