"""The zoo: networks that ship with makeweight, as a mapping by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makeweight.errors import MakeweightError, UnknownNetwork
from makeweight.face.console import counting
from makeweight.face.console import remark as say
from makeweight.face.folders import checked_name, study_folder
from makeweight.html import Column, Table, lines_html
from makeweight.jobs.network import NetworkId, slug
from makeweight.shipped.record import ZOO, ShippedNetwork, names_in, read_network
from makeweight.wording import compact, join_words, percent, percentage, points

if TYPE_CHECKING:
    from makeweight.export.classifier import Classifier, Prediction
    from makeweight.face.runs import Network
    from makeweight.nets.build import Network as Module

COLUMNS = (
    Column("name", False),
    Column("weights", True),
    Column("MACs", True, 1),
    Column("test accuracy %", True),
    Column("sd of seeds", True, 2),
    Column("seeds", True, 3),
    Column("validation %", True, 4),
    Column("method", False, 5),
)
ABOUT = "Test accuracy: mean over the seeds, scored once when training ended. To score again: makeweight verify"


@dataclass(frozen=True, repr=False)
class ZooNetwork:
    """A network of the zoo: it predicts by itself, and :meth:`copy` makes a study of it for everything else."""

    record: ShippedNetwork = field(repr=False)  # all that is stored

    @property
    def name(self) -> str:
        """Its name in the zoo."""
        return self.record.name

    @property
    def weights(self) -> int:
        """Trainable weights."""
        return self.record.weights

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return self.record.macs

    @property
    def accuracy(self) -> float:
        """Share of the test images classified correctly, mean over the seeds, 0 to 1."""
        return self.record.test_accuracy

    @property
    def command(self) -> str:
        """What makes it again."""
        return self.record.command

    @cached_property
    def network(self) -> Module:
        """The training of the best validation accuracy, as a torch module in float32, in evaluation mode."""
        return self.record.module(self.record.best)

    @property
    def classifier(self) -> Classifier:
        """Its network as a classifier of pictures, with class names; the data set isn't needed."""
        from makeweight.export.classifier import Classifier
        from makeweight.export.deployment import Deployable

        record, answer = self.record, Deployable(self.network).eval().answer
        name = f"{self.name}, seed {record.best.seed}"
        return Classifier(name, record.architecture.input_shape, record.class_names, record.border, answer)

    def predict(self, pictures: Any, *, top: int = 3, invert: bool | None = None) -> list[Prediction]:
        """Classify pictures; see :meth:`makeweight.Run.predict`."""
        from makeweight.face.runs import predictions

        return predictions(self.classifier, pictures, top, invert)

    def copy(self, store: str | Path = "studies", name: str | None = None) -> Network:
        """Make a study of it, scored again on the test images, and return its network there.

        Raises
        ------
        InvalidValue
            If there is another study of that name.
        """
        from makeweight.face.runs import networks_of
        from makeweight.shipped.score import copy_to_study

        folder = study_folder(Path(store), name or self.name)
        copy_to_study(self.record, folder, say)
        return networks_of(folder)[0]

    def table(self) -> Table:
        """Each training, and how to make it again."""
        record = self.record
        heads = ("seed", "validation %", "test accuracy %", "test % in float32", "precision", "processor")
        columns = tuple(Column(head, right=i < 4, rank=i) for i, head in enumerate(heads))
        rows = tuple(
            (
                str(run.seed),
                percentage(run.result.validation_accuracy),
                percentage(run.result.test_accuracy),
                percentage(run.correct / run.result.test_images),
                run.result.environment.precision,
                run.result.environment.processor,
            )
            for run in record.runs
        )
        note = [record.note] if record.note else []
        versions = dict.fromkeys(f"torch {run.result.environment.torch}" for run in record.runs)
        notes = (repr(self), *note, f"Trained with {join_words(versions)}.", f"Makes it again: {record.command}")
        return Table("zoo", record.label, columns, rows, notes)

    def __repr__(self) -> str:
        record = self.record
        spread = "" if record.test_sd is None else f" ± {points(record.test_sd, 2)}"
        return (
            f"{self.name} ({record.method}): {self.weights:,} weights, {self.macs:,} MACs, test "
            f"{percent(self.accuracy)}{spread} on {record.dataset}, seeds "
            f"{', '.join(str(run.seed) for run in record.runs)}"
        )

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


class Zoo(Mapping[str, ZooNetwork]):
    """The networks of a folder, read on access; by default those that ship with makeweight."""

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder or ZOO)

    def __getitem__(self, name: str) -> ZooNetwork:
        [folder] = self.folders([name])
        return ZooNetwork(read_network(folder))

    def __iter__(self) -> Iterator[str]:
        return iter(names_in(self.folder))

    def __len__(self) -> int:
        return len(names_in(self.folder))

    def readable(self) -> tuple[list[ZooNetwork], list[str]]:
        """Return the networks that are whole, and a line for each that isn't."""
        whole, problems = list[ZooNetwork](), list[str]()
        for name in self:
            try:
                whole.append(self[name])
            except MakeweightError as error:
                problems.append(f"{name}: {error}")
        return whole, problems

    def folders(self, names: Sequence[str] | None = None) -> list[Path]:
        """Return the folders of networks, by default of all, whole or damaged.

        Raises
        ------
        UnknownNetwork
            If one isn't in the zoo, or the zoo is empty.
        """
        present = list(self)
        for name in names or ([] if present else ["*"]):
            if slug(name) not in present:
                known = ", ".join(present) or f"none in {self.folder}"
                raise UnknownNetwork(f"there is no network {name!r} in the zoo. There are: {known}.")
        return [self.folder / slug(name) for name in names or present]

    def table(self) -> Table:
        """Accuracy and cost of each network."""
        networks, problems = self.readable()
        return Table("zoo", "The zoo", COLUMNS, tuple(map(_row, networks)), (ABOUT, *problems))

    def __repr__(self) -> str:
        return repr(self.table()) if len(self) else f"The zoo in {self.folder} is empty. Add to it: makeweight zoo add"

    def _repr_html_(self) -> str:
        return self.table()._repr_html_() if len(self) else lines_html([repr(self)])


def _row(network: ZooNetwork) -> tuple[str, ...]:
    record = network.record
    return (
        network.name,
        f"{network.weights:,}",
        compact(network.macs),
        percentage(network.accuracy),
        "–" if record.test_sd is None else points(record.test_sd, 2),
        str(len(record.runs)),
        percentage(record.validation_accuracy),
        record.method,
    )


zoo = Zoo()


def add(
    network: Network,
    folder: Path,
    *,
    name: str | None = None,
    method: str = "plain",
    note: str = "",
    command: str | None = None,
) -> ZooNetwork:
    """Write a network of a study into a zoo's folder; see :func:`makeweight.shipped.add.add_network`."""
    from makeweight.inspection.data import study_data
    from makeweight.shipped.add import PURPOSE, add_network
    from makeweight.store.store import Store
    from makeweight.studies.looks import record_look

    job = network.rows[0].job
    target = folder / checked_name(slug(name or NetworkId(job.family, job.budget).label), "network")
    with Store.open(network.folder) as store, counting() as view:
        data = study_data(store.study(), None, say)
        added = add_network(
            store, network.rows, data, target, method=method, note=note, command=command, say=say, progress=view.say
        )
    record_look(network.folder, [row.job.key for row in network.rows], say, PURPOSE)
    return ZooNetwork(added)
