"""FCNClassifier and CNNClassifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from makeweight.design.layers import ActivationName
from makeweight.design.limits import ActivationType
from makeweight.estimators.base import BudgetClassifier
from makeweight.estimators.images import flattened, shape_of_rows
from makeweight.estimators.rows import Shape
from makeweight.training.recipe import OptimizerName, PrecisionName

ClassWeight = Mapping[Any, float] | Literal["balanced"] | None


class FCNClassifier(BudgetClassifier):
    """Fully connected network that uses a budget of weights as far as it can and never exceeds it.

    Parameters
    ----------
    budget : int or str
        Most trainable weights: 100_000, "100K", "0.1M".
    max_macs : int, str or None
        Most multiply–accumulate operations for one row: 5_000_000, "5M". None: no limit.
    max_activation_bytes : int, str or None
        Most memory that the activations of one row need at once: 65_536, "64K". None: no limit.
    activation_type : {"int8", "fp32"}
        What ``max_activation_bytes`` counts: 1 or 4 bytes a value.
    depth, activation, dropout, input_dropout
        Hidden layers, function, and rates, of the family's options. None: the family's default.
    epochs, batch_size, learning_rate, optimizer, momentum, warmup, weight_decay, label_smoothing, skip_easy, ema
        Fields of :class:`~makeweight.training.recipe.Recipe`. None: the family's default for so many rows.
    precision : {"fp32", "bf16", "auto"} or None
        Of training. None: "fp32"; the 8 bits of bf16 are enough for a pixel, but features may differ by less.
    validation : float
        Share of the rows, 0 to below 1, that is held out to be followed in ``history_``. Nothing is chosen by it.
    class_weight : mapping, "balanced" or None
        Factor on the sample weights of each class.
    random_state : int, RandomState or None
        The same integer gives the same weights bit by bit, with the same rows, versions and number of threads.

    Attributes
    ----------
    classes_ : ndarray
        (k,) the classes in the order of ``predict_proba``.
    architecture_ : Architecture
        The network's structure.
    network_ : Network
        The trained module; it takes standardised rows.
    history_ : tuple of EpochRecord
        A record an epoch; validation is NaN where nothing is held out.
    n_features_in_ : int
        Columns of X.

    Notes
    -----
    Each feature is standardised by the training data. See :class:`BudgetClassifier` for why there is no
    ``partial_fit``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = FCNClassifier(budget=500, epochs=20, random_state=0).fit(X, y)
    >>> bool(classifier.score(X, y) > 0.9)
    True
    """

    _family: ClassVar[str] = "fcn"
    _options: ClassVar[tuple[str, ...]] = ("depth", "activation", "dropout", "input_dropout")
    _defaults: ClassVar[dict[str, Any]] = {"precision": "fp32"}

    def __init__(
        self,
        budget: int | str = 100_000,
        *,
        max_macs: int | str | None = None,
        max_activation_bytes: int | str | None = None,
        activation_type: ActivationType = "int8",
        depth: int | None = None,
        activation: ActivationName | None = None,
        dropout: float | None = None,
        input_dropout: float | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        optimizer: OptimizerName | None = None,
        momentum: float | None = None,
        warmup: float | None = None,
        weight_decay: float | None = None,
        label_smoothing: float | None = None,
        skip_easy: float | None = None,
        ema: float | None = None,
        precision: PrecisionName | None = None,
        validation: float = 0.0,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        self.budget = budget
        self.max_macs = max_macs
        self.max_activation_bytes = max_activation_bytes
        self.activation_type = activation_type
        self.depth = depth
        self.activation = activation
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.momentum = momentum
        self.warmup = warmup
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.skip_easy = skip_easy
        self.ema = ema
        self.precision = precision
        self.validation = validation
        self.class_weight = class_weight
        self.random_state = random_state

    def _rows(self, X: Any) -> tuple[Any, Shape | None]:  # noqa: N803 - scikit-learn's name
        return X, None

    def _shape(self, features: int, seen: Shape | None) -> Shape:
        return features, 1, 1


class CNNClassifier(BudgetClassifier):
    """Convolutional network that uses a budget of weights as far as it can and never exceeds it.

    X has the shape (n, c, h, w), (n, h, w), or (n, c·h·w) with its images laid out channel by channel, row by row.

    Parameters
    ----------
    budget : int or str
        Most trainable weights: 100_000, "100K", "0.1M".
    max_macs, max_activation_bytes, activation_type
        As those of :class:`FCNClassifier`, for one image.
    image_shape : (int, int, int) or None
        Channels, height and width of the images of flat X. None: as X shows, or one channel of a square.
    stages, activation, dropout
        Resolutions, function, and rate before the logits, of the family's options. None: the family's default.
    epochs, batch_size, learning_rate, optimizer, momentum, warmup, weight_decay, label_smoothing, skip_easy, ema
        Fields of :class:`~makeweight.training.recipe.Recipe`. None: the family's default for so many images.
    flip, crop, erase
        Augmentation, fields of the recipe as well. What is blanked gets the smallest value of its channel.
    precision : {"fp32", "bf16", "auto"} or None
        Of training. None: "auto", bf16 where the processor is measured to be faster at it.
    validation, class_weight, random_state
        As those of :class:`FCNClassifier`.

    Attributes
    ----------
    classes_, architecture_, network_, history_, n_features_in_
        As those of :class:`FCNClassifier`; ``n_features_in_`` is c·h·w.

    Notes
    -----
    Each channel is standardised by the training data. See :class:`BudgetClassifier` for why there is no
    ``partial_fit``.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = CNNClassifier(budget=2_000, epochs=8, random_state=0).fit(X[:300], y[:300])
    >>> bool(classifier.score(X[:300], y[:300]) > 0.8)
    True
    """

    _family: ClassVar[str] = "cnn"
    _options: ClassVar[tuple[str, ...]] = ("stages", "activation", "dropout")

    def __init__(
        self,
        budget: int | str = 100_000,
        *,
        max_macs: int | str | None = None,
        max_activation_bytes: int | str | None = None,
        activation_type: ActivationType = "int8",
        image_shape: Sequence[int] | None = None,
        stages: int | None = None,
        activation: ActivationName | None = None,
        dropout: float | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        optimizer: OptimizerName | None = None,
        momentum: float | None = None,
        warmup: float | None = None,
        weight_decay: float | None = None,
        label_smoothing: float | None = None,
        skip_easy: float | None = None,
        ema: float | None = None,
        flip: bool | None = None,
        crop: int | None = None,
        erase: float | None = None,
        precision: PrecisionName | None = None,
        validation: float = 0.0,
        class_weight: ClassWeight = None,
        random_state: Any = None,
    ) -> None:
        self.budget = budget
        self.max_macs = max_macs
        self.max_activation_bytes = max_activation_bytes
        self.activation_type = activation_type
        self.image_shape = image_shape
        self.stages = stages
        self.activation = activation
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.momentum = momentum
        self.warmup = warmup
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.skip_easy = skip_easy
        self.ema = ema
        self.flip = flip
        self.crop = crop
        self.erase = erase
        self.precision = precision
        self.validation = validation
        self.class_weight = class_weight
        self.random_state = random_state

    def _rows(self, X: Any) -> tuple[Any, Shape | None]:  # noqa: N803 - scikit-learn's name
        return flattened(X)

    def _shape(self, features: int, seen: Shape | None) -> Shape:
        return shape_of_rows(features, self.image_shape, seen)
