"""A scikit-learn classifier of every family: ``CNNClassifier`` is ``classifier("cnn")``, and so on."""

from __future__ import annotations

from typing import Any

from makeweight.designs.families import FAMILIES, Family, family_named
from makeweight.estimators.arguments import class_name, document, signature
from makeweight.estimators.base import BudgetClassifier

_MADE: dict[str, type[BudgetClassifier]] = {}  # by the name of the family


def classifier(family: str) -> type[BudgetClassifier]:
    """Return a family's classifier, a class whose constructor takes the family's options and the recipe's fields.

    Parameters
    ----------
    family : str
        Name of a family; one of your own must be registered.

    Raises
    ------
    InvalidValue
        If there is none of this name.

    Examples
    --------
    >>> from sklearn.datasets import load_digits, load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> network = classifier("fcn")(budget=500, epochs=20, random_state=0).fit(X, y)
    >>> bool(network.score(X, y) > 0.9)
    True
    >>> X, y = load_digits(return_X_y=True)
    >>> network = classifier("cnn")(budget=2_000, epochs=8, random_state=0).fit(X[:300], y[:300])
    >>> bool(network.score(X[:300], y[:300]) > 0.8)
    True
    """
    record = family_named(family)
    if family not in _MADE or _MADE[family]._family is not record:
        _MADE[family] = _class_of(record)
    return _MADE[family]


def _class_of(family: Family) -> type[BudgetClassifier]:
    takes = signature(family)

    def __init__(*args: Any, **kwargs: Any) -> None:  # noqa: N807 - it becomes the class's
        bound = takes.bind(*args, **kwargs)
        bound.apply_defaults()
        self, *values = bound.arguments.values()
        for name, value in zip(list(takes.parameters)[1:], values, strict=True):
            setattr(self, name, value)

    __init__.__signature__ = takes  # type: ignore[attr-defined]  # what scikit-learn reads parameters from
    name = class_name(family)
    members = {"__init__": __init__, "__doc__": document(family), "__module__": __name__, "_family": family}
    return type(name, (BudgetClassifier,), members)


def __getattr__(name: str) -> type[BudgetClassifier]:
    """Find a classifier by the name of its class, as imports and pickles do."""
    for family in FAMILIES.values():
        if name == class_name(family):
            return classifier(family.name)
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}. It has a classifier of every registered family: "
        f"{', '.join(map(class_name, FAMILIES.values()))}."
    )
