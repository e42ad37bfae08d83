"""The zoo: networks that ship with makeweight, as a mapping by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from makeweight.face.console import counting
from makeweight.face.console import remark as say
from makeweight.face.folders import checked_name
from makeweight.jobs.network import NetworkId
from makeweight.store.store import Store

if TYPE_CHECKING:
    from makeweight.face.runs import Network
    from makeweight.shipped.record import ShippedNetwork


def add(
    network: Network,
    folder: Path,
    *,
    name: str | None = None,
    method: str = "plain",
    note: str = "",
    command: str | None = None,
) -> ShippedNetwork:
    """Write a network of a study into a zoo's folder; see :func:`makeweight.shipped.add.add_network`."""
    from makeweight.inspection.data import study_data
    from makeweight.shipped.add import PURPOSE, add_network
    from makeweight.studies.looks import record_look

    job = network.rows[0].job
    target = folder / checked_name(name or NetworkId(job.family, job.budget).slug, "network")
    with Store.open(network.folder) as store, counting() as view:
        data = study_data(store.study(), None, say)
        added = add_network(
            store, network.rows, data, target, method=method, note=note, command=command, say=say, progress=view.say
        )
    record_look(network.folder, [row.job.key for row in network.rows], say, PURPOSE)
    return added
