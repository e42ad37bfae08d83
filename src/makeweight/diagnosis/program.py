"""The diagnosis of a file: ``script.py:make_model`` gives a network, with or without all that trains it."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from makeweight.data.dataset import PreparedDataset
from makeweight.diagnosis.subject import MAX_IMAGES, Subject
from makeweight.errors import InvalidValue

ARGUMENTS = ("model", "loss_fn", "optimizer", "images", "labels", "step", "validate")
FORM = (
    "It must return a torch.nn.Module, or a dictionary (or an object, or a tuple in this order) with some of "
    f"{', '.join(ARGUMENTS)}."
)


def load_function(reference: str) -> Callable[[], Any]:
    """Find the function that ``script.py:make_model`` names, and run the file for it.

    Raises
    ------
    InvalidValue
        If there is no such file or function, or the file raises an error.
    """
    path_text, _, name = reference.rpartition(":")
    path = Path(path_text)
    if not path.is_file():
        raise InvalidValue(f"there is no file {path_text!r}. Write FILE.py:FUNCTION, as in script.py:make_model.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InvalidValue(f"{path} is no Python file. Write FILE.py:FUNCTION, as in script.py:make_model.")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)  # dataclasses and pickles of the file look it up
    sys.path.insert(0, str(path.parent.resolve()))  # as `python script.py` does, for what lies beside it
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InvalidValue(f"{path} could not be run: {_said(error)}. Try: python {path}") from error
    finally:
        sys.path.remove(str(path.parent.resolve()))
    function = getattr(module, name, None)
    if not callable(function):
        known = ", ".join(n for n, v in vars(module).items() if inspect.isfunction(v) and v.__module__ == path.stem)
        raise InvalidValue(f"{path} has no function {name!r}. It has: {known or 'none'}.")
    chosen: Callable[[], Any] = function
    return chosen


def subject_of_program(reference: str, dataset: Callable[[], PreparedDataset]) -> Subject:
    """Call the function, and fill in what it leaves out.

    Images and labels are then those of ``dataset``, scaled to mean 0 and standard deviation 1; the loss is
    cross-entropy, and the optimizer AdamW with a learning rate of 0.001.

    Raises
    ------
    InvalidValue
        If the function fails, or returns something else.
    """
    function = load_function(reference)
    try:
        arguments = _arguments(function(), reference)
    except InvalidValue:
        raise
    except Exception as error:  # somebody else's code may raise anything
        raise InvalidValue(f"{reference} failed: {_said(error)}") from error
    model = arguments.get("model")
    if not isinstance(model, nn.Module):
        raise InvalidValue(f"{reference} gave {type(model).__name__} for the model. {FORM}")
    if arguments.get("images") is None or arguments.get("labels") is None:
        arguments["images"], arguments["labels"] = _images(dataset(), model)
    if arguments.get("optimizer") is None:
        trained = [p for p in model.parameters() if p.requires_grad]
        if not trained:
            raise InvalidValue(f"the model of {reference} has no parameter with requires_grad=True to train.")
        arguments["optimizer"] = torch.optim.AdamW(trained, lr=1e-3)
    arguments["loss_fn"] = arguments.get("loss_fn") or nn.CrossEntropyLoss()
    return Subject(**arguments)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]


def _arguments(made: Any, reference: str) -> dict[str, Any]:
    if isinstance(made, nn.Module):
        return {"model": made}
    if isinstance(made, Mapping):
        unknown = [name for name in made if name not in ARGUMENTS]
        if unknown:
            raise InvalidValue(f"{reference} gave {unknown[0]!r}, which is no argument of diagnose. {FORM}")
        return dict(made)
    if isinstance(made, tuple | list):
        return dict(zip(ARGUMENTS, made, strict=False))
    if hasattr(made, "model"):
        return {name: getattr(made, name) for name in ARGUMENTS if hasattr(made, name)}
    raise InvalidValue(f"{reference} gave {type(made).__name__}. {FORM}")


def _images(dataset: PreparedDataset, model: nn.Module) -> tuple[Tensor, Tensor]:
    labelled = dataset.training_images()
    order = torch.randperm(len(labelled.labels), generator=torch.Generator().manual_seed(0))[:MAX_IMAGES].numpy()
    images = torch.from_numpy(labelled.images[order]).float()
    images = (images - images.mean()) / images.std()
    if isinstance(next(_leaves(model), None), nn.Linear):
        images = images.flatten(1)
    return images, torch.from_numpy(labelled.labels[order])


def _leaves(model: nn.Module) -> Any:
    return (m for m in model.modules() if not list(m.children()) and list(m.parameters()))
