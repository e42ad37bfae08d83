"""The catalogue is consistent, and names are found or refused with help."""

from __future__ import annotations

import re

import pytest

from makeweight.data.catalog import CATALOG, find
from makeweight.errors import InvalidValue


@pytest.mark.parametrize("name", CATALOG)
def test_entry_is_consistent(name: str) -> None:
    entry = find(name)
    assert entry.name == name
    assert len(entry.class_names) == len(set(entry.class_names)) == entry.classes
    assert entry.train_images > entry.test_images > 0
    assert entry.licence
    assert entry.source
    assert all(mirror.startswith(("https://", "http://")) and mirror.endswith("/") for mirror in entry.mirrors)
    assert not entry.mirrors or entry.mirrors[0].startswith("https://")
    for file in entry.files:
        for checksum in (file.checksum, *file.also):
            assert re.fullmatch(r"sha256:[0-9a-f]{64}", checksum)
        assert file.size_bytes > 1000


def test_no_checksum_stands_for_two_files() -> None:
    checksums = [c for entry in CATALOG.values() for file in entry.files for c in (file.checksum, *file.also)]
    assert len(checksums) == len(set(checksums))


def test_emnist_balanced_has_its_47_classes_in_order() -> None:
    names = find("emnist-balanced").class_names
    assert (names[0], names[10], names[35], names[36], names[46]) == ("0", "A", "Z", "a", "t")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("fashion_mnist", "fashion-mnist"), ("FashionMNIST", "fashion-mnist"), ("cifar10", "cifar-10")],
)
def test_misspelt_name_gets_a_hint(wrong: str, meant: str) -> None:
    with pytest.raises(InvalidValue, match=f"Did you mean '{meant}'") as caught:
        find(wrong)
    assert all(name in str(caught.value) for name in CATALOG)


@pytest.mark.parametrize("name", ["", "../mnist", "imagenet", "a" * 10_000])
def test_unknown_name_is_refused_in_one_short_line(name: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        find(name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
