"""Who is timed: makeweight and its peers, one file each, written as the peer's own documentation does it.

A peer's file has a function ``trainer(setting) -> Trainer``. Its imports happen in its own process only.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from benchmarks.peers.setting import Setting, Trainer

OURS = "makeweight"


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody to compare with."""

    module: str  # in this folder
    label: str  # in tables and figures
    how: str  # it trains, in a line
    plain_only: bool = False  # can only express Linear and ReLU


PEERS: dict[str, Peer] = {
    OURS: Peer(
        "ours",
        "makeweight",
        "its own train(): resident images, the precision measured to be fastest, freed memory kept as its workers do",
    ),
    "torch-pil": Peer(
        "torch_pil",
        "torch, DataLoader of PIL images",
        "DataLoader over PIL images, each made a tensor and normalised when asked for; num_workers=0; fp32",
    ),
    "torch-tensors": Peer(
        "torch_tensors",
        "torch, DataLoader of tensors",
        "DataLoader over a TensorDataset of float32 images that are normalised already, shuffle=True; fp32",
    ),
    "keras": Peer("keras_fit", "Keras on TensorFlow", "model.fit on float32 arrays, compiled by default; fp32"),
    "jax": Peer(
        "jax_flax",
        "JAX with Flax and Optax",
        "float32 images resident; FCN: one jitted lax.scan over the steps of an epoch; CNN: one jitted step; fp32",
    ),
    "skorch": Peer("skorch_fit", "skorch", "NeuralNetClassifier.partial_fit, an epoch a call, on float32 arrays; fp32"),
    "sklearn": Peer(
        "sklearn_mlp",
        "scikit-learn",
        "MLPClassifier.partial_fit: one epoch a call, in shuffled mini-batches, on float32 arrays; fp32",
        plain_only=True,
    ),
}


def trainer_of(name: str, setting: Setting) -> Trainer:
    """Import a peer and let it build its network."""
    module = importlib.import_module(f"benchmarks.peers.{PEERS[name].module}")
    made: Trainer = module.trainer(setting)
    return made
