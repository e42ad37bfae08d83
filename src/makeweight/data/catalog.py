"""The data sets makeweight knows by name: shapes, classes, files, checksums, licences.

Checksums of the downloads are those published by TensorFlow Datasets
(github.com/tensorflow/datasets, ``tensorflow_datasets/url_checksums/<name>.txt``), read on 2026-11-23.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from makeweight.errors import InvalidValue

ReaderName = Literal["idx", "cifar", "digits"]


@dataclass(frozen=True)
class RemoteFile:
    """One file as its publisher offers it."""

    name: str
    checksum: str  # "algorithm:hexdigest" of the file as downloaded
    role: str  # what it holds, e.g. "train_images"; "archive" where `members` hold the roles
    size_bytes: int  # as published; a download that grows beyond it is cut off
    also: tuple[str, ...] = ()  # checksums of other packings with the same content
    members: tuple[tuple[str, str], ...] = ()  # (role, path inside the archive)


@dataclass(frozen=True)
class CatalogEntry:
    """One data set: what it is, and where its files can be had."""

    name: str
    title: str
    image_shape: tuple[int, int, int]  # (c, h, w)
    classes: int
    class_names: tuple[str, ...]
    train_images: int  # official training part, which makeweight splits into training and validation
    test_images: int
    files: tuple[RemoteFile, ...]
    mirrors: tuple[str, ...]  # base URLs, tried in this order
    reader: ReaderName
    licence: str
    source: str  # citation
    system_folder: str | None = None  # where a package of the operating system puts the files
    system_package: str | None = None  # Debian's name of that package
    transposed: bool = False  # the files hold (w, h) where everybody else holds (h, w)


_DIGITS = tuple("0123456789")
_IDX = (
    ("train_images", "train-images-idx3-ubyte.gz"),
    ("train_labels", "train-labels-idx1-ubyte.gz"),
    ("test_images", "t10k-images-idx3-ubyte.gz"),
    ("test_labels", "t10k-labels-idx1-ubyte.gz"),
)


def _idx_files(*published: tuple[int, str], also: tuple[tuple[str, ...], ...] = ((),) * 4) -> tuple[RemoteFile, ...]:
    """Four MNIST-style files from (size, SHA-256) in the order of `_IDX`."""
    return tuple(
        RemoteFile(name, f"sha256:{digest}", role, size, tuple(f"sha256:{other}" for other in others))
        for (role, name), (size, digest), others in zip(_IDX, published, also, strict=True)
    )


_FASHION_MNIST = CatalogEntry(
    name="fashion-mnist",
    title="Fashion-MNIST",
    image_shape=(1, 28, 28),
    classes=10,
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    train_images=60_000,
    test_images=10_000,
    files=_idx_files(
        (26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        # First the gzip files of Debian's dataset-fashion-mnist (packed again without the name in the
        # header, hence other bytes), then the unpacked content; both computed from that package, and the
        # unpacked MD5 sums agree with those which others published for the original downloads.
        also=(
            (
                "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            ),
            (
                "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
            (
                "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            ),
            (
                "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        ),
    ),
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        # The address in the project's README has no https; the checksum protects the content.
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    reader="idx",
    licence="MIT",
    source="H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST, arXiv:1708.07747, 2017",
    system_folder="/usr/share/datasets/fashion-mnist",
    system_package="dataset-fashion-mnist",
)

_MNIST = CatalogEntry(
    name="mnist",
    title="MNIST",
    image_shape=(1, 28, 28),
    classes=10,
    class_names=_DIGITS,
    train_images=60_000,
    test_images=10_000,
    files=_idx_files(
        (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    reader="idx",
    licence="not stated by its authors (CC BY-SA 3.0 in most copies)",
    source="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning, Proc. IEEE 86(11), 1998",
    system_folder="/usr/share/datasets/mnist",
)

_KMNIST = CatalogEntry(
    name="kmnist",
    title="Kuzushiji-MNIST",
    image_shape=(1, 28, 28),
    classes=10,
    class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    train_images=60_000,
    test_images=10_000,
    files=_idx_files(
        (18_165_135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
        (29_497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
        (3_041_136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
        (5_120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
    ),
    mirrors=(
        "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",  # the address in the project's README
    ),
    reader="idx",
    licence="CC BY-SA 4.0",
    source="T. Clanuwat et al.: Deep Learning for Classical Japanese Literature, arXiv:1812.01718, 2018",
    system_folder="/usr/share/datasets/kmnist",
)

_EMNIST_BALANCED = CatalogEntry(
    name="emnist-balanced",
    title="EMNIST Balanced",
    image_shape=(1, 28, 28),
    classes=47,
    # Order of emnist-balanced-mapping.txt: lower case only where it differs from upper case.
    class_names=tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
    train_images=112_800,
    test_images=18_800,
    files=(
        RemoteFile(
            "gzip.zip",
            "sha256:fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
            "archive",
            561_753_746,
            members=(
                ("train_images", "gzip/emnist-balanced-train-images-idx3-ubyte.gz"),
                ("train_labels", "gzip/emnist-balanced-train-labels-idx1-ubyte.gz"),
                ("test_images", "gzip/emnist-balanced-test-images-idx3-ubyte.gz"),
                ("test_labels", "gzip/emnist-balanced-test-labels-idx1-ubyte.gz"),
            ),
        ),
    ),
    mirrors=(
        "https://biometrics.nist.gov/cs_links/EMNIST/",
        "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",
    ),
    reader="idx",
    licence="not stated by its authors (made from NIST Special Database 19)",
    source="G. Cohen, S. Afshar, J. Tapson, A. van Schaik: EMNIST, arXiv:1702.05373, 2017",
    transposed=True,
)

_CIFAR_10 = CatalogEntry(
    name="cifar-10",
    title="CIFAR-10",
    image_shape=(3, 32, 32),
    classes=10,
    class_names=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
    train_images=50_000,
    test_images=10_000,
    files=(
        RemoteFile(
            "cifar-10-binary.tar.gz",
            "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            "archive",
            170_052_171,
            members=(
                *((f"train_{i}", f"cifar-10-batches-bin/data_batch_{i}.bin") for i in range(1, 6)),
                ("test", "cifar-10-batches-bin/test_batch.bin"),
            ),
        ),
    ),
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    reader="cifar",
    licence="not stated by its authors, who ask for a citation",
    source="A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009",
)

_DIGITS_ENTRY = CatalogEntry(
    name="digits",
    title="Digits (scikit-learn)",
    image_shape=(1, 8, 8),
    classes=10,
    class_names=_DIGITS,
    train_images=1_438,
    test_images=359,
    files=(),
    mirrors=(),
    reader="digits",
    licence="CC BY 4.0",
    source="E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI, 1998 (its test part)",
)

DEFAULT = "fashion-mnist"  # where none is named

CATALOG: Mapping[str, CatalogEntry] = {
    entry.name: entry for entry in (_FASHION_MNIST, _MNIST, _KMNIST, _EMNIST_BALANCED, _CIFAR_10, _DIGITS_ENTRY)
}


def find(name: str) -> CatalogEntry:
    """Return the data set of that name.

    Raises
    ------
    InvalidValue
        When there is none; names the closest one and all of them.
    """
    if name in CATALOG:
        return CATALOG[name]
    close = difflib.get_close_matches(name.lower(), CATALOG, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    raise InvalidValue(f"there is no data set '{name[:60]}'.{hint} Use one of: {', '.join(CATALOG)}.")
