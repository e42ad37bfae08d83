"""From rows and a budget to a trained network: what the classifiers of all families share."""

from __future__ import annotations

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
from makeweight.designs import solver
from makeweight.designs.architecture import Task
from makeweight.designs.budget import parse_budget
from makeweight.designs.families import Family
from makeweight.designs.limits import NumberType, parse_limits
from makeweight.estimators.arguments import NO_AUGMENTATION, RECIPE
from makeweight.estimators.display import as_html
from makeweight.estimators.images import flattened, shape_of_rows
from makeweight.estimators.predict import logits_alone
from makeweight.estimators.rows import Shape, Standardiser, checked_weights, merged, with_class_weights
from makeweight.nets.load import load_network
from makeweight.training.images import TrainingData
from makeweight.training.precision import choose_device, hardware_here
from makeweight.training.recipe import default_recipe
from makeweight.training.session import training

DTYPES = (np.float64, np.float32, np.uint8)  # that rows keep; others become the first
# A feature may differ by less than the 8 bits of bf16.
_VECTORS: dict[str, Any] = {"precision": "fp32", **NO_AUGMENTATION}


class BudgetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Fits the network that fills a budget; :func:`~makeweight.estimators.classifiers.classifier` makes each family's.

    There is no ``partial_fit``: the recipe plans a whole training, with a learning rate that rises and falls over a
    known number of epochs, on data standardised by the statistics of all rows. A part of the data tells neither.
    """

    _family: ClassVar[Family]

    # What every constructor stores, and image_shape for families of images.
    budget: int | str
    max_macs: int | str | None
    max_ram: int | str | None
    ram_type: NumberType
    image_shape: Any
    validation: float
    class_weight: Any
    random_state: Any

    def _rows(self, X: Any) -> tuple[Any, Shape | None]:  # noqa: N803 - scikit-learn's name
        """Rows (n, f) of X, and the shape (c, h, w) of its images, if any."""
        return (X, None) if self._family.takes_vectors else flattened(X)

    def _shape(self, features: int, seen: Shape | None) -> Shape:
        """Shape (c, h, w) that a row of features has for the network."""
        if self._family.takes_vectors:
            return features, 1, 1
        return shape_of_rows(features, self.image_shape, seen)

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
            raise ValueError(
                f"y has 1 class, {self.classes_[0]!r}: a classifier needs at least 2 classes. Add another."
            )
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
            raise ValueError(f"X has images of {seen}, but the network was fitted to {self._standardiser.shape}.")
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
        trained, held_out = rows, rows[:0]
        if self.validation:
            split = split_indices(labels, self.validation, seed)
            trained, held_out = split.train, split.validation
        if len(trained) < 2:
            raise ValueError(
                f"validation={self.validation} leaves 1 of {len(rows)} different rows to train on, and batch "
                "normalisation needs 2. Hold out fewer."
            )
        weights = weights / weights[trained].mean()
        fixed = _VECTORS if self._family.takes_vectors else {}
        recipe = default_recipe(self._family.name, len(trained), fixed | self._given(RECIPE))
        task = Task(self._standardiser.shape, len(self.classes_))
        limits = parse_limits(self.max_macs, self.max_ram, self.ram_type)
        # The budget is only a limit here: with few features and classes no network may fill it.
        options = self._given(tuple(info.name for info in self._family.infos))
        design = solver.fit(self._family, task, parse_budget(self.budget), options, limits, least=0)
        hardware = hardware_here(choose_device(), torch.get_num_threads())
        data = TrainingData(images, labels, trained, held_out, weights.astype(np.float32))
        self.architecture_ = design.architecture
        with training(design.architecture, recipe, seed, hardware, data) as (state, epochs):
            self.history_ = tuple(epochs)
        self.network_ = state.result.eval().cpu()

    def _given(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Arguments that aren't None, as plain Python numbers: grid searches pass NumPy's."""
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
