"""What an export wrote, and what became of it on the test set."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from makeweight.export.c.check import OnChip
from makeweight.export.facts import Answer, Facts, Precision
from makeweight.measuring.latency import Timing
from makeweight.stats.classes import ClassScores
from makeweight.stats.compare import Difference
from makeweight.stats.intervals import Interval

# Of probabilities. Runtimes add up in another order: up to 1e-6 was seen over all families; a wrong layer makes tenths.
MAX_APART = 1e-3


@dataclass(frozen=True)
class Memory:
    """What a network takes on a device that computes without an operating system."""

    flash_bytes: int  # of constant arrays: weights, biases and tables; exact, and the same for every compiler
    ram_bytes: int  # static, for image, values and output: what the linker reserves; the stack comes on top
    code_bytes: int | None  # of compiled functions, on this machine; None where they could not be measured
    code_compiler: str | None  # "gcc -Os, x86_64"
    weights: int

    @property
    def bytes_per_weight(self) -> float:
        """Flash for one trainable weight."""
        return self.flash_bytes / self.weights

    def against(self, budget: int) -> str:
        """Say the flash beside the weights and their budget."""
        return (
            f"{self.flash_bytes:,} bytes of flash for {self.weights:,} weights of a budget of {budget:,}: "
            f"{self.bytes_per_weight:.2f} a weight"
        )


@dataclass(frozen=True)
class Artefact:
    """A file that was written, and how it answers."""

    files: tuple[Path, ...]  # the first is the one to use
    precision: Precision
    engine: str  # what answers: "ONNX Runtime 1.32.0"
    answer: Answer = field(repr=False)
    timed: bool = True  # whether one call is one inference, so that its time says something
    memory: Memory | None = None  # where it is written for a device
    quantisation: str = ""  # how int8 was made, where there was a choice: ranges, bits, fine-tuning


@dataclass(frozen=True)
class Verification:
    """How a file, or PyTorch itself, does on the whole test set."""

    name: str  # of the file; "PyTorch" for the network as it is in the store
    precision: Precision
    engine: str
    size_bytes: int | None  # of all its files; None for PyTorch
    sha256: str | None  # of the first file
    accuracy: Interval
    change: Difference  # its accuracy minus that of PyTorch in float32, on the same images
    same_class: float  # share of the test images that get PyTorch's class
    largest_difference: float  # of a probability from PyTorch's
    latency: Timing | None  # one image on one thread, from uint8 pixels to probabilities
    beside: tuple[str, ...] = ()  # further files that belong to it, such as a header
    memory: Memory | None = None
    quantisation: str = ""  # how int8 was made, where there was a choice: ranges, bits, fine-tuning

    @property
    def faithful(self) -> bool:
        """Whether a float32 file computes what the network does; int8 is judged by its verdict."""
        return self.precision == "int8" or self.largest_difference <= MAX_APART


@dataclass(frozen=True)
class Int8Verdict:
    """Whether the quantised file is the one to use."""

    wins: bool | None  # None where too little is known to advise for or against it
    rule: str  # that was applied
    sentences: tuple[str, ...]  # one for each part of the rule
    change: Difference  # accuracy of int8 minus that of float32

    @property
    def headline(self) -> str:
        """Say it in a sentence."""
        if self.wins is None:
            return "int8 is neither recommended nor advised against."
        return f"int8 is {'' if self.wins else 'not '}recommended."


@dataclass(frozen=True)
class Origin:
    """The run that was exported."""

    seeds: int  # finished runs of the network that were chosen from
    family: str
    macs: int
    validation_accuracy: float  # 0 to 1
    trained_in: str  # precision: bf16
    accuracy: Interval  # that the run was given at its end
    same_class: float  # share of the test images where PyTorch in float32 has the class that the run had


@dataclass(frozen=True)
class ExportReport:
    """All that is known of an export."""

    folder: Path
    facts: Facts
    origin: Origin
    test_images: int
    pytorch: Verification
    files: tuple[Verification, ...]  # float32 first
    int8: Int8Verdict | None
    classes: tuple[ClassScores, ...] = field(repr=False)  # of the file that is recommended
    confused: tuple[tuple[int, int, int], ...] = field(
        repr=False
    )  # (true class, predicted class, images), the most frequent
    overconfidence: float  # mean probability minus accuracy, of the file that is recommended; from −1 to 1
    conditions: str  # machine and versions, one line
    on_chip: OnChip | None = None  # where a chip is chosen
    others: tuple[str, ...] = ()  # further files in the folder, such as those of a project in C

    @property
    def recommended(self) -> Verification:
        """The file to use."""
        return self.files[-1] if self.int8 and self.int8.wins else self.files[0]

    @property
    def faithful(self) -> bool:
        """Whether all files do what the network does."""
        return all(file.faithful for file in self.files) and (self.on_chip is None or self.on_chip.agrees)
