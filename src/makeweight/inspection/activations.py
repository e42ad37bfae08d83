"""Look into a trained network: its maps, its first filters, and the test images that its filters respond to.

Everything is computed in float32 on the processor, whatever the network was trained on and in, so that the same
weights give the same pictures everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch

from makeweight.data.dataset import PreparedDataset
from makeweight.designs.architecture import Architecture
from makeweight.designs.layers import Flatten, Linear, kind_of
from makeweight.designs.receptive import receptive_fields
from makeweight.designs.shapes import place
from makeweight.errors import InvalidValue
from makeweight.inspection.data import first_of_each_class
from makeweight.inspection.records import Filters, InputImage, Inspection, LayerMaps, Sample
from makeweight.inspection.responses import as_maps, find_responses
from makeweight.nets.build import Network
from makeweight.nets.load import load_network
from makeweight.nets.taps import Tap, recorded, tap_named, taps
from makeweight.store.rows import JobRow
from makeweight.store.store import Store

PURPOSE = "feature maps"  # why the test images were opened, for Store.record_test_access
MAX_SUBJECTS = 64


def inspect(
    store: Store,
    row: JobRow,
    data: PreparedDataset,
    subjects: Sequence[InputImage] | None = None,
    layers: Sequence[str] | None = None,
    filters: Sequence[int] | None = None,
) -> Inspection:
    """Look into the network of a finished run. The caller records that test images were opened: see PURPOSE.

    Parameters
    ----------
    store : Store
        Open for reading or writing; nothing is written.
    row : JobRow
        The run.
    data : PreparedDataset
        What the study was trained on; see `makeweight.inspection.data.study_data`.
    subjects : sequence of InputImage, optional
        Images to look at, 64 at most; by default the first test image of each class.
    layers : sequence of str, optional
        Layers whose maps to keep; by default all convolutions, or all hidden layers of a network without any.
    filters : sequence of int, optional
        Filters whose strongest test images to find, in each of `layers`; by default 8 of the first and of the last of
        the layers, or 8 of each layer that was named.

    Raises
    ------
    InvalidValue
        If a layer or a filter is not there, with those that are; or there are no subjects, or too many.
    StoreError
        If the run is not finished, or its file is missing or damaged.
    """
    architecture = row.job.architecture
    chosen = chosen_taps(architecture, layers)
    asked = chosen if layers else tuple(dict.fromkeys((chosen[0], chosen[-1])))
    _check_filters(asked, filters)
    subjects = first_of_each_class(data) if subjects is None else subjects
    if not 1 <= len(subjects) <= MAX_SUBJECTS:
        raise InvalidValue(f"{len(subjects)} images to look at are not possible: give 1 to {MAX_SUBJECTS}.")
    network = load_network(architecture, store.weights(row))
    samples, maps = look(network, subjects, chosen)
    return Inspection(
        network=row.job.network_id.label,
        run=row.job.key[:12],
        seed=row.job.seed,
        class_names=data.class_names,
        samples=samples,
        layers=maps,
        filters=first_filters(network),
        responses=find_responses(network, data.test_images().images, asked, filters),
    )


def default_layers(architecture: Architecture) -> tuple[str, ...]:
    """Name all convolutions; all linear layers but the logits where there are none; the logits where they are alone."""
    known = list(taps(architecture).values())
    convolutions = [tap.layer for tap in known if tap.is_convolution]
    hidden = [tap.layer for tap in known[:-1] if isinstance(tap.record, Linear)]
    return tuple(convolutions or hidden or [tap.layer for tap in known[-1:]])


def first_filters(network: Network) -> Filters | None:
    """Return the weights of the first layer that has any, as images; None where its input has no places.

    They are weights for pixels that are normalised: positive ones answer to what is brighter than the mean.
    """
    for name, parameter in network.named_parameters():
        if name.endswith("weight") and parameter.ndim >= 2:
            break
    else:
        return None
    weights = parameter.detach().numpy().copy()
    first = next(iter(taps(network.architecture)))
    if weights.ndim == 4:
        return Filters(first, weights)
    shape = _flattened(network.architecture)
    if shape is None or prod(shape) != weights.shape[1]:
        return None
    return Filters(first, weights.reshape(len(weights), *shape))


def _flattened(architecture: Architecture) -> tuple[int, ...] | None:
    """(c, h, w) of the first map that is flattened."""
    placed = place(architecture.layers, architecture.input_shape)
    return next((p.input_shape for p in placed if isinstance(p.layer, Flatten)), None)


def chosen_taps(architecture: Architecture, layers: Sequence[str] | None = None) -> tuple[Tap, ...]:
    """Find layers by name, each once; all of `default_layers` where none are named.

    Raises
    ------
    InvalidValue
        If a layer is not there, with those that are.
    """
    names = dict.fromkeys(layers or default_layers(architecture))
    return tuple(tap_named(architecture, name) for name in names)


def _check_filters(asked: Sequence[Tap], filters: Sequence[int] | None) -> None:
    for tap in asked:
        for number in filters or ():
            if not 0 <= number < tap.shape[0]:
                raise InvalidValue(
                    f"filter {number} is not possible: layer {tap.layer!r} has {tap.shape[0]}, "
                    f"from 0 to {tap.shape[0] - 1}."
                )


@torch.inference_mode()
def look(
    network: Network, subjects: Sequence[InputImage], chosen: Sequence[Tap]
) -> tuple[tuple[Sample, ...], tuple[LayerMaps, ...]]:
    """Let a network look at images, and return its answers and the maps of some layers, those of all images in each."""
    pixels = torch.from_numpy(np.stack([subject.pixels for subject in subjects]))
    with recorded(network, [tap.layer for tap in chosen]) as found:
        logits = network(network.normalise(pixels, torch.float32))
    probabilities = logits.softmax(dim=1).numpy()
    samples = tuple(
        Sample(subject.name, subject.pixels, subject.truth, answer)
        for subject, answer in zip(subjects, probabilities, strict=True)
    )
    fields = receptive_fields(network.architecture)
    maps = tuple(
        LayerMaps(tap.layer, kind_of(tap.record), as_maps(found[tap.layer]).numpy(), tap.shown, fields[tap.shown].size)
        for tap in chosen
    )
    return samples, maps
