"""What distinguishes the networks of a study, and their names everywhere."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from makeweight.designs.families import described
from makeweight.wording import abbreviate

Setting = bool | int | float | str
Variant = tuple[tuple[str, Setting], ...]


@dataclass(frozen=True, slots=True)
class NetworkId:
    """A network of a study: its runs differ only in their seeds.

    >>> network = NetworkId("cnn", 3_000, (("kernel", 5), ("flip", True)))
    >>> network.label, network.slug, network.line
    ('CNN 3K kernel=5 flip=true', 'cnn-3k-kernel=5-flip=true', 'CNN kernel=5 flip=true')
    """

    family: str
    budget: int  # weights
    variant: Variant = ()  # options of the family and recipe fields that were asked for, in that order

    @property
    def label(self) -> str:
        """Its name in tables, figures and sentences."""
        return f"{self.family.upper()} {self.settings}"

    @property
    def settings(self) -> str:
        """The label without the family, for a point in that family's colour."""
        return " ".join([abbreviate(self.budget), *self._settings])

    @property
    def slug(self) -> str:
        """Its name on the command line, in addresses and in file names."""
        return slug(self.label)

    @property
    def line(self) -> str:
        """The name it shares with networks that differ only in budget."""
        return " ".join([self.family.upper(), *self._settings])

    @property
    def order(self) -> tuple[int, str, int, Variant]:
        """Its place in tables: by its family's rank and name, by budget, then by variant."""
        return described(self.family).rank, self.family, self.budget, self.variant

    @property
    def _settings(self) -> list[str]:
        return [f"{name}={setting_text(value)}" for name, value in self.variant]


def slug(label: str) -> str:
    """Write a label for commands, addresses and files.

    >>> slug("CNN 10K"), slug("cnn_10k"), slug("FCN 2,049 learning_rate=0.01")
    ('cnn-10k', 'cnn-10k', 'fcn-2049-learning-rate=0.01')
    """
    return re.sub(r"[\s_]+", "-", label.strip()).replace(",", "").lower()


def setting_text(value: Setting) -> str:
    """Write a setting's value as the command line takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def variant_to_json(variant: Variant) -> str:
    """One JSON object, in the order of the variant."""
    return json.dumps(dict(variant))
