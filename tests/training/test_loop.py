"""Training: it learns, repeats itself bit by bit, and explains when it cannot go on."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable

import numpy as np
import pytest
import torch

from makeweight.designs.architecture import Architecture
from makeweight.errors import TrainingDiverged
from makeweight.training import images as images_module
from makeweight.training.evaluate import logits_of, loss_and_accuracy
from makeweight.training.images import Images, TrainingData
from makeweight.training.loop import train
from makeweight.training.precision import Hardware, Precision
from makeweight.training.recipe import FIRST, Recipe
from makeweight.training.records import EpochRecord, images_per_second, training_seconds
from makeweight.training.state import TrainingState, begin

Design = Callable[..., Architecture]

RECIPE = Recipe(epochs=3, batch_size=32, learning_rate=0.01, precision="fp32")
# Everything that draws at random.
BUSY = dataclasses.replace(RECIPE, ema=0.9, flip=True, crop=1, erase=0.5, skip_easy=0.5)


def _begin(
    architecture: Architecture, recipe: Recipe = RECIPE, seed: int = 0, precision: Precision = "fp32"
) -> TrainingState:
    return begin(architecture, recipe, seed, Hardware("cpu", precision, threads=1))


def _train(
    architecture: Architecture, recipe: Recipe, data: TrainingData, seed: int = 0, precision: Precision = "fp32"
) -> tuple[TrainingState, list[EpochRecord]]:
    state = _begin(architecture, recipe, seed, precision)
    return state, list(train(state, recipe, data))


def _same_weights(one: TrainingState, other: TrainingState) -> bool:
    first, second = one.result.state_dict(), other.result.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("family", ["fcn", "cnn", "lenet", "mobile"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_network_learns(family: str, precision: Precision, digits: TrainingData, digit_network: Design) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=10)
    _, records = _train(digit_network(family), recipe, digits, precision=precision)
    assert records[-1].training_loss < 0.6 * records[0].training_loss
    assert records[-1].validation_loss < records[0].validation_loss
    assert records[-1].validation_accuracy > 0.7  # chance is 0.1


@pytest.mark.parametrize("changes", [{"optimizer": "sgd"}, {"ema": 0.9}, {"crop": 1, "erase": 0.3}, {"final": 0.0}])
def test_other_recipes_learn_too(changes: dict[str, object], digits: TrainingData, digit_network: Design) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=12, learning_rate=0.03, **changes)  # type: ignore[arg-type]
    _, records = _train(digit_network("fcn"), recipe, digits)
    assert records[-1].validation_accuracy > 0.6


@pytest.mark.parametrize("family", ["fcn", "cnn"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    family: str, precision: Precision, digits: TrainingData, digit_network: Design
) -> None:
    architecture = digit_network(family, dropout=0.2)
    one, other, another = (_train(architecture, BUSY, digits, seed, precision)[0] for seed in (7, 7, 8))
    assert _same_weights(one, other)
    assert not _same_weights(one, another)


def test_global_random_states_are_neither_read_nor_changed(digits: TrainingData, digit_network: Design) -> None:
    architecture = digit_network("fcn", dropout=0.2)
    results = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        np.random.seed(global_seed)
        random.seed(global_seed)
        before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
        results.append(_train(architecture, BUSY, digits)[0])
        after = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
        assert torch.equal(before[0], after[0])
        assert before[1:] == after[1:]
    assert _same_weights(*results)


def test_records_say_what_happened(digits: TrainingData, digit_network: Design) -> None:
    state, records = _train(digit_network("fcn"), RECIPE, digits)
    assert [record.epoch for record in records] == [1, 2, 3]
    assert state.epoch == 3
    assert all(record.images == 320 for record in records)
    assert all(record.train_seconds > 0 and record.validation_seconds > 0 for record in records)
    assert 0 < records[-1].learning_rate < records[0].learning_rate <= RECIPE.learning_rate
    assert training_seconds(tuple(records)) == pytest.approx(
        sum(record.train_seconds + record.validation_seconds for record in records)
    )
    slowest, fastest = (pick(record.images_per_second for record in records) for pick in (min, max))
    assert slowest <= images_per_second(tuple(records)) <= fastest


def test_the_validation_recorded_is_that_of_the_result(digits: TrainingData, digit_network: Design) -> None:
    recipe = dataclasses.replace(RECIPE, ema=0.9)
    state, records = _train(digit_network("cnn"), recipe, digits)
    validation = Images(state.result, digits.images, digits.labels, digits.validation, "cpu", torch.float32)
    loss, accuracy = loss_and_accuracy(logits_of(state.result, validation), validation.labels)
    assert (records[-1].validation_loss, records[-1].validation_accuracy) == (loss, accuracy)
    assert accuracy == round(100 * accuracy) / 100


def test_a_caller_may_stop_after_any_epoch(digits: TrainingData, digit_network: Design) -> None:
    state = _begin(digit_network("fcn"))
    assert next(train(state, RECIPE, digits)).epoch == 1
    assert state.epoch == 1
    assert [record.epoch for record in train(state, RECIPE, digits)] == [2, 3]
    assert list(train(state, RECIPE, digits)) == []


def test_a_caller_may_use_the_network_between_epochs(digits: TrainingData, digit_network: Design) -> None:
    undisturbed, _ = _train(digit_network("cnn"), RECIPE, digits)
    state = _begin(digit_network("cnn"))
    for _ in train(state, RECIPE, digits):
        state.network.eval()
    assert _same_weights(state, undisturbed)


def test_training_sees_the_training_rows_only(digits: TrainingData, digit_network: Design) -> None:
    changed = digits.images.copy()
    changed[digits.validation] = 255 - changed[digits.validation]
    others = dataclasses.replace(digits, images=changed, labels=np.array(digits.labels))
    others.labels[digits.validation] = 0
    one, records = _train(digit_network("cnn"), RECIPE, digits)
    other, other_records = _train(digit_network("cnn"), RECIPE, others)
    assert _same_weights(one, other)
    assert records[-1].training_loss == other_records[-1].training_loss
    assert records[-1].validation_loss != other_records[-1].validation_loss


def test_a_set_larger_than_memory_trains_to_the_same_bits(
    digits: TrainingData, digit_network: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident, _ = _train(digit_network("cnn"), BUSY, digits)
    monkeypatch.setattr(images_module, "RESIDENT_BYTES", 0)
    streamed, _ = _train(digit_network("cnn"), BUSY, digits)
    assert _same_weights(resident, streamed)


@pytest.mark.parametrize("family", ["fcn", "cnn", "lenet", "mobile"])
@pytest.mark.parametrize(("images", "batch_size"), [(320, 300), (65, 32), (64, 32), (3, 2), (20, 500)])
def test_any_number_of_images_trains(
    family: str, images: int, batch_size: int, digits: TrainingData, digit_network: Design
) -> None:
    data = dataclasses.replace(digits, train=digits.train[:images])
    recipe = dataclasses.replace(RECIPE, epochs=2, batch_size=batch_size)
    state, records = _train(digit_network(family), recipe, data)
    assert [record.images for record in records] == [images, images]
    assert all(torch.isfinite(tensor).all() for tensor in state.result.state_dict().values())


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_loss_that_is_no_number_ends_the_training_with_epoch_and_step(
    optimizer: str, digits: TrainingData, digit_network: Design
) -> None:
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer, learning_rate=1e30, weight_decay=0)  # type: ignore[arg-type]
    state = _begin(digit_network("fcn", norm="none"), recipe)
    with pytest.raises(
        TrainingDiverged, match=r"loss became (nan|inf) in epoch [1-3], step \d+ of 10\. Use a smaller learning rate"
    ):
        list(train(state, recipe, digits))
    assert TrainingDiverged.exit_code == 1


def test_the_epoch_and_step_named_are_those_where_it_happened(digits: TrainingData, digit_network: Design) -> None:
    state = _begin(digit_network("fcn", norm="none"))
    epochs = train(state, RECIPE, digits)
    next(epochs)
    with torch.no_grad():
        next(state.network.parameters()).fill_(math.nan)
    with pytest.raises(TrainingDiverged, match=r"became nan in epoch 2, step 1 of 10\."):
        next(epochs)
    assert state.epoch == 1


@pytest.mark.parametrize("recipe", [RECIPE, dataclasses.replace(RECIPE, optimizer="sgd")], ids=["adamw", "sgd"])
def test_weight_decay_is_for_kernels_alone(recipe: Recipe, digit_network: Design) -> None:
    recipe = dataclasses.replace(recipe, weight_decay=10.0, learning_rate=0.01)
    state = _begin(digit_network("cnn", activation="prelu"), recipe)
    with torch.no_grad():
        for parameter in state.network.parameters():
            parameter.fill_(1.0)
            parameter.grad = torch.zeros_like(parameter)
    state.optimizer.step()
    for name, parameter in state.network.named_parameters():
        if parameter.ndim > 1:
            assert bool((parameter < 1).all()), name
        else:
            assert bool((parameter == 1).all()), name
    assert {parameter.ndim > 1 for parameter in state.network.parameters()} == {True, False}


def test_the_learning_rate_follows_the_schedule(digits: TrainingData, digit_network: Design) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=5, batch_size=320, warmup=0.4, final=0.1)
    state = _begin(digit_network("fcn"), recipe)
    rates = []
    for record in train(state, recipe, digits):  # one step an epoch
        assert {group["lr"] for group in state.optimizer.param_groups} == {record.learning_rate}
        rates.append(record.learning_rate / recipe.learning_rate)
    assert rates == pytest.approx([FIRST, 0.5, 1.0, 0.7, 0.4])


@pytest.mark.parametrize("label_smoothing", [0.0, 0.3])
def test_the_training_loss_of_a_step_by_hand(
    label_smoothing: float, digits: TrainingData, digit_network: Design
) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=1, batch_size=320, label_smoothing=label_smoothing)
    architecture = digit_network("fcn", dropout=0.0, input_dropout=0.0)
    _, (record,) = _train(architecture, recipe, digits)
    network = _begin(architecture, recipe).network
    pixels = torch.from_numpy(digits.images[digits.train].astype(np.float32))
    shares = network((pixels - pixels.mean()) / pixels.std(correction=0)).log_softmax(1)
    right = shares[torch.arange(320), torch.from_numpy(digits.labels[digits.train])]
    by_hand = -((1 - label_smoothing) * right + label_smoothing * shares.mean(1)).mean()
    assert record.training_loss == pytest.approx(by_hand.item(), rel=1e-4)


def test_every_weight_is_trained(digits: TrainingData, digit_network: Design) -> None:
    # Over a whole map the largest normalised value is hardly ever negative, where a slope would be asked for.
    state = _begin(digit_network("cnn", activation="prelu", head="average"))
    before = {name: parameter.detach().clone() for name, parameter in state.network.named_parameters()}
    next(train(state, RECIPE, digits))
    assert all(not torch.equal(before[name], parameter) for name, parameter in state.network.named_parameters())


def test_without_an_average_the_network_itself_is_the_result(digit_network: Design) -> None:
    state = _begin(digit_network("fcn"))
    assert state.average is None
    assert state.result is state.network


def test_the_average_follows_the_network(digits: TrainingData, digit_network: Design) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=1, ema=0.8)
    initial = _begin(digit_network("cnn"), recipe)
    state, _ = _train(digit_network("cnn"), recipe, digits)
    assert state.average is not None
    assert state.result is state.average
    start, end, averaged = (network.state_dict() for network in (initial.network, state.network, state.average))
    for name in ("layers.logits.weight", "layers.stage2_conv_norm.running_mean"):
        lag = torch.linalg.vector_norm(averaged[name] - end[name])
        assert 0 < lag < torch.linalg.vector_norm(start[name] - end[name])


@pytest.mark.parametrize("ema", [0.05, 0.5])
def test_the_average_of_two_steps_by_hand(ema: float, digits: TrainingData, digit_network: Design) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=2, batch_size=320, ema=ema)
    state = _begin(digit_network("fcn"), recipe)
    assert state.average is not None
    name = "layers.logits.weight"
    wanted = state.network.state_dict()[name].clone()
    for step, _ in enumerate(train(state, recipe, digits)):  # one step an epoch
        decay = min(ema, (1 + step) / (10 + step))
        wanted = decay * wanted + (1 - decay) * state.network.state_dict()[name]
        torch.testing.assert_close(state.average.state_dict()[name], wanted)
    assert not any(parameter.requires_grad for parameter in state.average.parameters())


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_leaves_the_network_as_it_was(
    training: bool, digits: TrainingData, digit_network: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = _begin(digit_network("cnn", dropout=0.5))
    network = state.network.train(training)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    images = Images(network, digits.images, digits.labels, digits.train, "cpu", torch.float32)
    logits = logits_of(network, images)
    assert network.training is training
    assert all(module.training is training for module in network.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert logits.shape == (320, 10)
    assert not logits.requires_grad
    monkeypatch.setattr("makeweight.training.evaluate.BATCH", 7)
    torch.testing.assert_close(logits_of(network, images), logits, rtol=1e-4, atol=1e-5)


def test_loss_and_accuracy_by_hand() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    loss, accuracy = loss_and_accuracy(logits, torch.tensor([0, 0, 0]))
    by_hand = math.log(1 + math.exp(-2)) + math.log(2) + math.log(1 + math.exp(1))
    assert loss == pytest.approx(by_hand / 3)
    assert accuracy == pytest.approx(2 / 3)


@pytest.mark.parametrize("family", ["fcn", "cnn"])
def test_weights_of_one_change_nothing(family: str, digits: TrainingData, digit_network: Design) -> None:
    weighted = dataclasses.replace(digits, weights=np.ones(len(digits.labels), dtype=np.float32))
    one, other = (_train(digit_network(family), BUSY, data)[0] for data in (digits, weighted))
    assert _same_weights(one, other)


def test_without_held_out_images_validation_is_nan(digits: TrainingData, digit_network: Design) -> None:
    data = dataclasses.replace(digits, validation=digits.validation[:0])
    state, records = _train(digit_network("cnn"), RECIPE, data)
    assert all(math.isnan(record.validation_loss + record.validation_accuracy) for record in records)
    assert _same_weights(state, _train(digit_network("cnn"), RECIPE, digits)[0])


def test_a_network_ruined_by_the_last_step_is_refused_without_held_out_images_too(
    digits: TrainingData, digit_network: Design
) -> None:
    data = dataclasses.replace(digits, validation=digits.validation[:0])
    recipe = dataclasses.replace(RECIPE, epochs=1, batch_size=320, optimizer="sgd", learning_rate=1e38)
    with pytest.raises(TrainingDiverged, match=r"loss after training became (nan|inf) in epoch 1"):
        _train(digit_network("fcn", norm="none"), recipe, data)


def test_balanced_classes_learn_the_rare_ones(digits: TrainingData, digit_network: Design) -> None:
    rare = np.flatnonzero(digits.labels[digits.train] == 8)[3:]
    kept = np.delete(digits.train, rare)
    few = dataclasses.replace(digits, train=kept)
    recalls = []
    for class_weight in ("none", "balanced"):
        recipe = dataclasses.replace(RECIPE, epochs=8, class_weight=class_weight, label_smoothing=0.0)
        state, _ = _train(digit_network("fcn"), recipe, few)
        network = state.result if isinstance(state, TrainingState) else state
        eights = digits.validation[digits.labels[digits.validation] == 8]
        images = Images(network, digits.images, digits.labels, eights, "cpu", torch.float32)
        recalls.append(float((logits_of(network, images).argmax(1) == 8).float().mean()))
    assert recalls[1] > recalls[0]
    weights = images_module.balanced(few).weights
    assert weights is not None
    sums = np.bincount(few.labels[kept], weights=weights[kept])
    np.testing.assert_allclose(sums, len(kept) / 10, rtol=1e-5)
