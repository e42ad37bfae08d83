"""From rows and a budget to a trained network: what the classifiers of both families share."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin  # type: ignore[import-untyped]
from sklearn.utils import check_random_state  # type: ignore[import-untyped]
from sklearn.utils.multiclass import check_classification_targets  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted, validate_data  # type: ignore[import-untyped]

from makeweight.data.split import split_indices
from makeweight.design import solver
from makeweight.design.architecture import Task
from makeweight.design.budget import parse_budget
from makeweight.design.families import family_named
from makeweight.design.limits import ActivationType, parse_limits
from makeweight.estimators.display import as_html
from makeweight.estimators.predict import logits_alone
from makeweight.estimators.rows import Shape, Standardiser, checked_weights, merged, with_class_weights
from makeweight.nets.load import load_network
from makeweight.training.images import TrainingData
from makeweight.training.loop import train
from makeweight.training.precision import Hardware, choose_device, fastest_precision
from makeweight.training.recipe import Recipe, default_recipe
from makeweight.training.state import begin

DTYPES = (np.float64, np.float32, np.uint8)  # that rows keep; others become the first of them
_RECIPE = tuple(field.name for field in dataclasses.fields(Recipe) if field.name != "validation")


class BudgetClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """Fits the network that fills a budget; each family's classifier says what rows are to it.

    There is no ``partial_fit``: the recipe plans a whole training, a learning rate that rises and comes down over a
    known number of epochs, on data standardised by the statistics of all rows. A part of the data cannot know either.
    """

    _family: ClassVar[str]
    _options: ClassVar[tuple[str, ...]]  # constructor arguments that are options of the family
    _defaults: ClassVar[dict[str, Any]] = {}  # recipe fields whose default is another here

    # What every constructor stores.
    budget: int | str
    max_macs: int | str | None
    max_activation_bytes: int | str | None
    activation_type: ActivationType
    validation: float
    class_weight: Any
    random_state: Any

    @abstractmethod
    def _rows(self, X: Any) -> tuple[Any, Shape | None]:  # noqa: N803 - scikit-learn's name
        """Rows (n, f) of X, and the shape (c, h, w) of its images where X has one."""

    @abstractmethod
    def _shape(self, features: int, seen: Shape | None) -> Shape:
        """Shape (c, h, w) that a row of features has for the network."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Design the network, standardise the rows and train.

        Parameters
        ----------
        X : array-like
            (n, f) numbers of any scale.
        y : array-like
            (n,) classes.
        sample_weight : array-like, optional
            (n,) weights of at least 0. A weight of 3 is the same as the row three times, 0 the same as no row.

        Raises
        ------
        ValueError
            If the data break a rule.
        InvalidValue, InfeasibleBudget, InfeasibleLimits
            If an argument of the constructor does, or the smallest network is larger than the budget or a limit.
        TrainingDiverged
            If the loss becomes NaN or infinite.
        """
        X, seen = self._rows(X)  # noqa: N806
        X, y = validate_data(self, X, y, dtype=DTYPES)  # noqa: N806
        check_classification_targets(y)
        weights = checked_weights(sample_weight, len(y))
        kept = np.flatnonzero(weights)
        self.classes_, labels = np.unique(y[kept], return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has 1 class, {self.classes_[0]!r}: a classifier needs 2 classes or more. Add another.")
        shape = self._shape(X.shape[1], seen)
        first, weights = merged(X[kept], labels, weights[kept])
        rows, labels = X[kept[first]], labels[first]
        self._standardiser = Standardiser.of(rows, weights, shape)
        weights = with_class_weights(weights, self.classes_, labels, self.class_weight)
        self._train(self._images(rows), labels, weights)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """(n, f) rows to (n, k) probabilities, in the order of ``classes_``."""
        check_is_fitted(self)
        X, seen = self._rows(X)  # noqa: N806
        X = validate_data(self, X, dtype=DTYPES, reset=False)  # noqa: N806
        if seen is not None and seen != self._standardiser.shape:
            raise ValueError(
                f"X has images of {seen}, and the network was fitted to {self._standardiser.shape}. Give those."
            )
        logits = logits_alone(self.network_, self._images(X))
        probabilities: NDArray[np.float64] = logits.double().softmax(1).numpy()
        return probabilities

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """(n, f) rows to (n,) classes."""
        probabilities = self.predict_proba(X)
        classes: NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return classes

    def _images(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """(n, f) rows to (n, c, h, w) standardised images."""
        return self._standardiser.apply(rows)

    def _train(self, images: NDArray[np.float32], labels: NDArray[np.int64], weights: NDArray[np.float64]) -> None:
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        rows = np.arange(len(labels))
        training, held_out = rows, rows[:0]
        if self.validation:
            split = split_indices(labels, self.validation, seed)
            training, held_out = split.train, split.validation
        if len(training) < 2:
            raise ValueError(
                f"validation={self.validation} leaves 1 of {len(rows)} different rows to train on, and batch "
                "normalisation needs 2. Hold out fewer."
            )
        weights = weights / weights[training].mean()
        recipe = default_recipe(self._family, len(training), self._defaults | self._given(_RECIPE))
        device = choose_device()
        precision = fastest_precision(device) if recipe.precision == "auto" else recipe.precision
        task = Task(self._standardiser.shape, len(self.classes_))
        limits = parse_limits(self.max_macs, self.max_activation_bytes, self.activation_type)
        # A budget is a limit here: few features and classes may leave no network that fills it.
        design = solver.fit(
            family_named(self._family), task, parse_budget(self.budget), self._given(self._options), limits, least=0
        )
        state = begin(design.architecture, recipe, seed, Hardware(device, precision, torch.get_num_threads()))
        data = TrainingData(images, labels, training, held_out, weights.astype(np.float32))
        self.architecture_ = design.architecture
        self.history_ = tuple(train(state, recipe, data))
        self.network_ = state.result.eval().cpu()

    def _given(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Arguments that were given, as plain Python numbers: a search over a grid hands over NumPy's."""
        values = {name: getattr(self, name, None) for name in names}
        return {name: v.item() if isinstance(v, np.generic) else v for name, v in values.items() if v is not None}

    def __getstate__(self) -> dict[str, Any]:
        """Weights as safetensors, so that a pickle does not depend on how torch pickles modules."""
        state = dict(super().__getstate__())
        if "network_" in state:
            tensors = {name: tensor.contiguous() for name, tensor in self.network_.state_dict().items()}
            state["network_"] = safetensors.torch.save(tensors)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in state:
            self.network_ = load_network(self.architecture_, safetensors.numpy.load(state["network_"]))

    def _repr_html_inner(self) -> str:
        return as_html(self)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        return {**bundle, "text/html": as_html(self)} if "text/html" in bundle else bundle
