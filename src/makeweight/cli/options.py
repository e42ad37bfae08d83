"""Options that several commands share, alone or in groups that a command takes as one record."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from makeweight.data.catalog import DEFAULT, find

if TYPE_CHECKING:
    from makeweight.data.dataset import PreparedDataset
    from makeweight.designs.limits import Limits
    from makeweight.studies.session import Machine

Dataset = Annotated[
    str | None,
    typer.Option("--dataset", "-d", help="Name of a data set; see: makeweight data list", show_default="fashion-mnist"),
]
Files = Annotated[
    Path | None, typer.Option("--data", help="Folder with the data set's original files; also MAKEWEIGHT_DATA.")
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Your own images: a folder of pictures, an archive, .npz, .npy, CSV, Parquet, IDX or CIFAR files. With "
        "--dataset the folder with its original files; also MAKEWEIGHT_DATA.",
    ),
]
ImageSize = Annotated[
    str | None,
    typer.Option(
        metavar="SIDE|HxW",
        help="Size that your own images are scaled to.",
        show_default="their common size up to 96 pixels, else 32",
    ),
]
Scale = Annotated[
    str | None,
    typer.Option(
        metavar="LOW..HIGH|standardised",
        help="The numbers of black and white in your arrays and tables, as in 0..16 or -1..1.",
        show_default="0..255, or 0..1 of floats",
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        metavar="LEVEL/LEVEL",
        help="What each level of your folders is: part, class or *, as in part/class.",
        show_default="recognised, or asked for",
    ),
]
Label = Annotated[str | None, typer.Option(help="The column of your table that has the labels.")]
FollowLinks = Annotated[bool, typer.Option("--follow-links", help="Follow links out of your folder of pictures.")]
Channels = Annotated[
    int | None, typer.Option(help="Channels of your own images: 1 (gray) or 3.", show_default="3 if any has colour")
]
SkipUnreadable = Annotated[
    bool,
    typer.Option("--skip-unreadable", help="Skip those of your own images that can't be read or have no label."),
]
Invert = Annotated[
    bool | None,
    typer.Option(
        "--invert/--no-invert",
        help="Invert every picture, or none.",
        show_default="gray pictures that are dark on bright, if the training images are bright on dark",
    ),
]
StoreFolder = Annotated[Path, typer.Option("--store", help="Folder that holds the studies.")]
ZooFolder = Annotated[
    Path | None, typer.Option("--zoo", help="Folder of the zoo.", show_default="the one that ships with makeweight")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe; repeatable."),
]
Vary = Annotated[
    list[str] | None,
    typer.Option(
        "--vary",
        metavar="NAME=VALUE,VALUE",
        help="Try each value of a family's option or a recipe's field, as in kernel=3,5,7; if repeated, every "
        "combination.",
    ),
]
Workers = Annotated[int | None, typer.Option(help="Trainings at a time; by default one per processor.")]
Threads = Annotated[int | None, typer.Option(help="Threads per training.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Executor = Annotated[str, typer.Option(help="local, or ray for a Ray cluster (docs/cluster.md).")]
RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="auto|HOST:PORT",
        help="Ray cluster that this machine belongs to.",
        show_default="starts Ray on this machine",
    ),
]
Precision = Annotated[str | None, typer.Option(help="auto (measured), fp32 or bf16.", show_default="auto")]
FigureFormat = Annotated[str, typer.Option("--format", help="png, svg or pdf.")]
Theme = Annotated[str, typer.Option(help="light or dark.")]

Width = Annotated[
    str | None,
    typer.Option(help="Exact widths, for all layers or one each: 223 or 16,24,48. Then nothing fills the budget."),
]

# Limits besides the weights.
MaxMacs = Annotated[str | None, typer.Option(help="Multiply-accumulates per image: 5M.", show_default="no limit")]
MaxRam = Annotated[
    str | None,
    typer.Option(
        "--max-ram",
        "--ram",
        help="RAM of the exported C program, in bytes: image, buffer and output. 64K is 65,536.",
        show_default="no limit",
    ),
]
Chip = Annotated[
    str | None,
    typer.Option(
        metavar="CORE@MHz",
        help="Core that the int8 program is for, and its clock: cortex-m4@80MHz.",
        show_default="none",
    ),
]
MaxFlash = Annotated[
    str | None,
    typer.Option(
        "--max-flash", "--flash", help="Flash of weights and code on the chip: 256K.", show_default="no limit"
    ),
]
MaxMs = Annotated[
    str | None, typer.Option(help="Milliseconds for one image on the chip: 100.", show_default="no limit")
]
RamType = Annotated[  # None: a study file may say it
    str | None,
    typer.Option(help="Number type of the C program that --max-ram limits: int8 or fp32.", show_default="int8"),
]
Budget = Annotated[str | None, typer.Option("--budget", "-b", help="Weights: 100K, 0.1M, 100_000.", show_default=False)]
Study = Annotated[str | None, typer.Argument(help="Name or folder; by default the study changed last.")]


@dataclass(frozen=True)
class Images:
    """A data set of the catalogue, or the user's own images and the form they get."""

    dataset: Dataset = None
    data: Data = None
    image_size: ImageSize = None
    channels: Channels = None
    scale: Scale = None
    layout: Layout = None
    label: Label = None
    follow_links: FollowLinks = False
    skip_unreadable: SkipUnreadable = False

    def ready(self, workers: int | None = None, seed: int = 0) -> PreparedDataset:
        """Prepare the data set, or open it if it was prepared before.

        ``--data`` alone is the user's own; with ``--dataset`` it is the folder with that one's original files.
        """
        from makeweight.face.data import load_data

        return load_data(
            self.data if self.data and not self.dataset else find(self.dataset or DEFAULT).name,
            files=self.data if self.dataset else None,
            image_size=self.image_size,
            channels=self.channels,
            scale=self.scale,
            layout=self.layout,
            label=self.label,
            follow_links=self.follow_links,
            skip_unreadable=self.skip_unreadable,
            workers=workers,
            seed=seed,
        )


@dataclass(frozen=True)
class LimitOptions:
    """Limits besides the weights."""

    max_macs: MaxMacs = None
    max_ram: MaxRam = None
    ram_type: RamType = None
    chip: Chip = None
    max_flash: MaxFlash = None
    max_ms: MaxMs = None

    def parsed(self) -> Limits:
        """Read them."""
        from makeweight.designs.limits import parse_limits

        return parse_limits(**{**asdict(self), "ram_type": self.ram_type or "int8"})

    def each(self) -> dict[str, Any]:
        """Read them one by one, for a study whose file may have more of them."""
        from makeweight.designs.limits import parse_each

        return parse_each(asdict(self))


@dataclass(frozen=True)
class MachineOptions:
    """How much of which machine to use."""

    workers: Workers = None
    threads: Threads = None
    device: Device = "auto"
    executor: Executor = "local"
    ray_address: RayAddress = None

    def checked(self) -> Machine:
        """Check them."""
        from makeweight.studies.session import Machine

        return Machine(self.workers, self.threads, self.device, self.executor, self.ray_address)


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a flag for each field of the records among its arguments, which must all be keywords."""
    own = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {name: p.annotation for name, p in own.parameters.items() if is_dataclass(p.annotation)}

    @functools.wraps(command)
    def run(**arguments: Any) -> None:
        records = {
            name: group(**{field.name: arguments.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**arguments, **records)

    flags = {name: _flags(group) for name, group in groups.items()}
    parameters = [flag for name, p in own.parameters.items() for flag in flags.get(name, [p])]
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer's
    return run


def _flags(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name])
        for f in fields(group)
    ]
