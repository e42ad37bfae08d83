"""All that was measured about one subject; the rules read it, and measure nothing."""

from __future__ import annotations

from dataclasses import dataclass

from makeweight.diagnosis.probes.data import DataFacts
from makeweight.diagnosis.probes.network import NetworkFacts
from makeweight.diagnosis.probes.training import TrainingFacts
from makeweight.diagnosis.probes.trials import TrialFacts
from makeweight.diagnosis.subject import Subject


@dataclass(frozen=True)
class Evidence:
    """What the probes found; a part that could not be measured is None."""

    subject: Subject
    data: DataFacts
    network: NetworkFacts | None
    training: TrainingFacts
    trials: TrialFacts
    network_error: str = ""  # why the network could not be run

    @property
    def is_trained(self) -> bool:
        """Whether the network knew something before the diagnosis: far better than always the commonest class."""
        return self.above_chance(self.training.accuracy_before) > 0.16

    def above_chance(self, accuracy: float) -> float:
        """Place an accuracy between that of always the commonest class, 0, and that of no error, 1."""
        return (accuracy - self.data.chance) / max(1e-9, 1 - self.data.chance)

    @property
    def speaks_nats(self) -> bool:
        """Whether the loss is a cross-entropy, so that a guess among k classes costs ln k."""
        call = next((call for call in self.training.seen.losses if call.trains), None)
        if call is None or call.name in ("cross_entropy", "nll_loss"):
            return True
        return call.name.startswith("binary_cross_entropy") and call.input.numel() == len(call.input)
