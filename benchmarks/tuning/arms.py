"""Who searches, and what sets each apart from the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from benchmarks.tuning.ledger import Ledger

BUDGET = 100_000  # weights of a network, at most
OURS = "makeweight"

# Free widths: the range that somebody who does not think of the budget gives, and one where nearly all networks fit,
# because 127 neurons behind 784 pixels are 100K weights already.
NARROWEST, WIDE, NARROW = 16, 512, 128


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to search."""

    module: str  # in this folder, with a function ``search(arm, repeat, ledger)``
    label: str  # in tables and figures
    how: str  # it searches, in a line
    warm: bool = False  # begins with the default recipe
    random: bool = False  # points at random, none is pruned
    widest: int | None = None  # neurons of a layer, where widths are searched; None: makeweight's solver finds them


ARMS: dict[str, Arm] = {
    OURS: Arm(
        "solved",
        "makeweight tune",
        "TPE and successive halving on networks that the solver made; the default recipe is the first point",
        warm=True,
    ),
    "cold": Arm("solved", "the same, cold start", "the same without that first point"),
    "random": Arm("solved", "random, solver", "random points of the same space, nothing pruned", random=True),
    "optuna": Arm(
        "free",
        f"Optuna, widths {NARROWEST}–{WIDE}",
        "as cold, but each layer's width is searched; a network that is too large is told as pruned, untrained",
        widest=WIDE,
    ),
    "optuna-narrow": Arm(
        "free", f"Optuna, widths {NARROWEST}–{NARROW}", "the same, where nearly every network fits", widest=NARROW
    ),
    "keras": Arm(
        "hyperband",
        f"KerasTuner, widths {NARROWEST}–{WIDE}",
        "Hyperband with max_model_size, Keras on torch",
        widest=WIDE,
    ),
    "keras-narrow": Arm(
        "hyperband",
        f"KerasTuner, widths {NARROWEST}–{NARROW}",
        "the same, where nearly every network fits",
        widest=NARROW,
    ),
}  # fmt: skip


def search_of(name: str) -> Callable[[Arm, int, Ledger], None]:
    """Import an arm's search; what it imports stays in its own process."""
    search: Callable[[Arm, int, Ledger], None] = import_module(f"benchmarks.tuning.{ARMS[name].module}").search
    return search
