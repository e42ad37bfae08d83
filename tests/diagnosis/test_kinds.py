"""Kinds of programs that people reported, broken and healthy: what is found in them, and what is not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import makeweight
from makeweight.diagnosis.subject import Clock

Make = Callable[..., dict[str, Any]]
Pictures = tuple[Tensor, Tensor]


def sure(diagnosis: makeweight.Diagnosis) -> list[str]:
    return [f.code for f in diagnosis.findings if f.certainty != "hint"]


def with_validation(given: dict[str, Any], images: Tensor, labels: Tensor, show: Any = None) -> dict[str, Any]:
    """Add a validation on some images, each time as ``show`` changes them."""

    def validate() -> float:
        given["model"].eval()
        with torch.no_grad():
            outputs = given["model"](images if show is None else show(images))
        given["model"].train()
        return float((outputs.argmax(1) == labels).float().mean())

    return {**given, "validate": validate}


def model_of(*layers: nn.Module) -> dict[str, Any]:
    model = nn.Sequential(nn.Flatten(), *layers)
    return {"model": model, "optimizer": torch.optim.Adam(model.parameters(), lr=0.005)}


# The machine.


def test_the_probes_run_on_one_thread_and_the_users_number_comes_back(sound: Make) -> None:
    threads = set()

    def step(images: Tensor, labels: Tensor) -> float:
        threads.add(torch.get_num_threads())
        return 1.0

    torch.set_num_threads(2)
    makeweight.diagnose(**sound(step=step))
    assert threads == {1}
    assert torch.get_num_threads() == 2


def test_time_in_which_others_work_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = [0.0]
    clock = Clock(10)
    monkeypatch.setattr("time.monotonic", lambda: clock._begun + wall[0])
    wall[0] = 30.0  # a busy machine: others had the processor
    assert clock.left > 9
    wall[0] = 41.0
    assert clock.left < 0


def test_a_diagnosis_that_is_cut_short_says_so_and_finds_nothing_sound(sound: Make) -> None:
    diagnosis = makeweight.diagnose(**sound(seconds=0.01))
    assert "of 60 training steps" in diagnosis.cut_short
    assert diagnosis.verdict.startswith("Cut short after")
    assert f"time: cut short after {diagnosis.cut_short}" in diagnosis.checked
    assert diagnosis.to_json()["cut_short"] == diagnosis.cut_short
    assert makeweight.diagnose(**sound(seconds=60)).cut_short == ""


# Imbalanced data.


def skewed(pictures: Pictures, shuffled: bool) -> Pictures:
    """Digit 3 against the others, 1 : 12, with labels of their own or anybody's."""
    images, labels = pictures[0], (pictures[1] == 3).long()
    rare = (labels == 1).nonzero()[:, 0][:75]
    kept = torch.cat([(labels == 0).nonzero()[:, 0], rare])
    kept = kept[torch.randperm(len(kept), generator=torch.Generator().manual_seed(0))]
    order = (
        torch.randperm(len(kept), generator=torch.Generator().manual_seed(1)) if shuffled else torch.arange(len(kept))
    )
    return images[kept], labels[kept][order]


@pytest.mark.parametrize("shuffled", [False, True])
def test_labels_of_imbalanced_data_are_judged_class_by_class(sound: Make, pictures: Pictures, shuffled: bool) -> None:
    torch.manual_seed(0)
    images, labels = skewed(pictures, shuffled)
    given = sound(images=images, labels=labels, **model_of(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 2)))
    certainty = {f.code: f.certainty for f in makeweight.diagnose(**given).findings}.get("labels-misaligned")
    assert certainty == ("likely" if shuffled else None)


# Healthy programs that look broken.


def test_the_squared_error_of_one_hot_targets_is_a_hint(sound: Make) -> None:
    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        return functional.mse_loss(outputs, functional.one_hot(labels, 10).float())

    diagnosis = makeweight.diagnose(**sound(loss_fn=loss))
    assert sure(diagnosis) == []
    assert "wrong-loss" in [f.code for f in diagnosis.findings]


@pytest.mark.parametrize("pretrained", [True, False])
def test_a_frozen_body_is_a_fault_unless_it_has_learned(sound: Make, pretrained: bool) -> None:
    given = sound(**model_of(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10)))
    if pretrained:
        for _ in range(400):
            rows = torch.randint(0, 1_000, (64,))
            given["optimizer"].zero_grad()
            functional.cross_entropy(given["model"](given["images"][rows]), given["labels"][rows]).backward()
            given["optimizer"].step()
    body, head = given["model"][1].requires_grad_(False), nn.Linear(16, 10)
    model = nn.Sequential(nn.Flatten(), body, nn.ReLU(), head)
    given |= {"model": model, "optimizer": torch.optim.Adam(head.parameters(), lr=0.005)}
    diagnosis = makeweight.diagnose(**given)
    assert sure(diagnosis) == ([] if pretrained else ["frozen-parameters"])
    assert "model[1].requires_grad_(True)" in diagnosis.findings[0].fix


def test_an_optimizer_of_the_last_layer_is_not_blamed_for_gradients_that_it_does_not_hold(sound: Make) -> None:
    given = sound()
    given["optimizer"] = torch.optim.Adam(list(given["model"].modules())[-1].parameters(), lr=0.005)
    assert sure(makeweight.diagnose(**given)) == ["parameters-not-optimised"]


def test_classes_that_come_late_in_a_short_training_are_no_fault(sound: Make) -> None:
    given = sound(**model_of(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)))
    given["optimizer"] = torch.optim.SGD(given["model"].parameters(), lr=0.02, momentum=0.5)
    with makeweight.Watch(given["model"], given["optimizer"]) as watch:
        for _ in range(2):
            for number, rows in enumerate(torch.randperm(1_000).split(50)):
                loss = functional.cross_entropy(given["model"](given["images"][rows]), given["labels"][rows])
                (loss / 4).backward()
                if number % 4 == 3:
                    given["optimizer"].step()
                    given["optimizer"].zero_grad()
    assert "dead-classes" not in sure(watch.diagnosis)
    assert "missing-zero-grad" not in sure(watch.diagnosis)


def test_imbalance_is_a_hint_where_the_rare_class_is_learned(sound: Make, pictures: Pictures) -> None:
    torch.manual_seed(0)
    images, labels = skewed(pictures, shuffled=False)
    diagnosis = makeweight.diagnose(
        **sound(images=images, labels=labels, **model_of(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 2)))
    )
    assert sure(diagnosis) == []
    assert "class-imbalance" in [f.code for f in diagnosis.findings]


def test_a_network_like_lenet_gets_no_hint_of_its_balance(sound: Make) -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(256, 60), nn.ReLU(), nn.Linear(60, 10),
    )  # fmt: skip
    given = sound(model=model, optimizer=torch.optim.Adam(model.parameters(), lr=0.003))
    assert "budget-imbalance" not in [f.code for f in makeweight.diagnose(**given).findings]


# What was missed.


class Dropping(nn.Module):
    """A dense network with a functional dropout that stays on, or is switched off."""

    def __init__(self, stays: bool) -> None:
        super().__init__()
        self.first, self.last, self.stays = nn.Linear(64, 48), nn.Linear(48, 10), stays

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.first(x.flatten(1)))
        return self.last(functional.dropout(hidden, 0.3, training=self.training or self.stays))


@pytest.mark.parametrize("stays", [True, False])
def test_a_dropout_that_stays_on_is_found(sound: Make, stays: bool) -> None:
    model = Dropping(stays)
    given = sound(model=model, optimizer=torch.optim.Adam(model.parameters(), lr=0.005))
    assert sure(makeweight.diagnose(**given))[:1] == (["dropout-in-evaluation"] if stays else [])


@pytest.mark.parametrize("behind", [True, False])
def test_dropout_on_the_logits_is_found(sound: Make, behind: bool) -> None:
    last = (nn.Linear(48, 10), nn.Dropout(0.3)) if behind else (nn.Dropout(0.3), nn.Linear(48, 10))
    diagnosis = makeweight.diagnose(**sound(**model_of(nn.Linear(64, 48), nn.ReLU(), *last)))
    assert sure(diagnosis)[:1] == (["dropout-on-logits"] if behind else [])


def shifted(images: Tensor) -> Tensor:
    return torch.roll(images, (1, 1), (2, 3))


def noisy(images: Tensor) -> Tensor:
    return images.flip(3) + 0.05 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("change", [shifted, noisy], ids=["shifted", "mirrored and noisy"])
def test_augmented_copies_across_the_split_are_found(sound: Make, pictures: Pictures, change: Any) -> None:
    images, labels = pictures
    given = sound(images=images[:600], labels=labels[:600])
    copied = with_validation(given, change(images[:300]), labels[:300])
    assert "split-overlap" in sure(makeweight.diagnose(**copied))
    apart = with_validation(sound(images=images[:600], labels=labels[:600]), images[600:900], labels[600:900])
    assert sure(makeweight.diagnose(**apart)) == []


@pytest.mark.parametrize("how", ["random", "shuffled", "fixed"])
def test_validation_images_that_are_changed_at_random_are_found(sound: Make, pictures: Pictures, how: str) -> None:
    images, labels = pictures

    def show(some: Tensor) -> Tensor:
        if how == "random":
            return torch.roll(
                some, (int(torch.randint(-1, 2, ())), int(torch.randint(-1, 2, ()))), (2, 3)
            ) + 0.1 * torch.randn(some.shape)
        return some

    torch.manual_seed(3)
    given = with_validation(sound(images=images[:600], labels=labels[:600]), images[600:], labels[600:], show)
    if how == "shuffled":
        order = [torch.randperm(400), torch.randperm(400)]
        given = with_validation(given, images[600:], labels[600:], lambda some: some[order.pop()] if order else some)
    assert ("random-validation" in sure(makeweight.diagnose(**given))) == (how == "random")


@pytest.mark.parametrize("momentum", [0.001, 0.1])
def test_running_averages_that_lag_are_found(sound: Make, momentum: float) -> None:
    layers = nn.Linear(64, 48), nn.BatchNorm1d(48, momentum=momentum), nn.ReLU(), nn.Linear(48, 10)
    given = sound(**model_of(*layers))
    given["images"] = 3 + 2 * given["images"]  # the initial averages are far from the truth
    diagnosis = makeweight.diagnose(**given)
    assert ("stale-batch-statistics" in sure(diagnosis)) == (momentum == 0.001)


def test_an_accuracy_over_all_values_is_found(sound: Make, pictures: Pictures) -> None:
    given = sound()

    def validate() -> float:
        given["model"].eval()
        with torch.no_grad():
            best = given["model"](pictures[0][:300]).argmax()
        given["model"].train()
        return float((best == pictures[1][:300]).sum())

    assert "wrong-accuracy" in sure(makeweight.diagnose(**given, validate=validate))


def test_classes_in_another_order_in_validation_are_named(sound: Make, pictures: Pictures) -> None:
    images, labels = pictures
    as_text = torch.tensor(np.argsort(np.argsort([str(n) for n in range(5, 15)])))  # 10 before 5
    given = with_validation(sound(images=images[:600], labels=labels[:600]), images[600:], as_text[labels[600:]])
    [found] = [f for f in makeweight.diagnose(**given).findings if f.code == "labels-misaligned"]
    assert found.certainty == "definite"
    assert "their order differs from that in training" in found.evidence
    assert "Shuffle" not in found.fix


def test_float16_weights_are_named_before_their_symptoms(sound: Make) -> None:
    given = sound(**model_of(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10)))
    model = given["model"].half()
    given |= {"images": given["images"].half(), "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3)}
    assert sure(makeweight.diagnose(**given))[:1] == ["half-precision"]


# One output for two classes.


def binary(given: dict[str, Any], *last: nn.Module, loss: Any = None) -> dict[str, Any]:
    """Digits below 5 against the others."""
    torch.manual_seed(0)
    with_logits = nn.BCEWithLogitsLoss()
    return {
        **given, "labels": (given["labels"] < 5).long(), "loss_fn": loss or with_logits,
        **model_of(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1), *last),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("last", "loss", "code"),
    [
        ((), nn.BCEWithLogitsLoss(), None),
        ((nn.Sigmoid(),), nn.BCELoss(), None),
        ((nn.Flatten(0),), nn.BCEWithLogitsLoss(), None),
        ((nn.Sigmoid(),), nn.BCEWithLogitsLoss(), "output-activation"),
        ((nn.Dropout(0.5),), nn.BCEWithLogitsLoss(), "dropout-on-logits"),
        ((), nn.CrossEntropyLoss(), "wrong-loss"),
    ],
    ids=["logits", "probabilities", "one axis", "sigmoid twice", "dropout behind", "cross-entropy"],
)
def test_networks_of_one_output(sound: Make, last: tuple[nn.Module, ...], loss: Any, code: str | None) -> None:
    diagnosis = makeweight.diagnose(**binary(sound(), *last, loss=loss))
    assert sure(diagnosis)[:1] == ([code] if code else [])
    if code == "output-activation":
        assert "Remove model[4], a Sigmoid" in diagnosis.findings[0].fix


def test_the_validation_of_one_output_is_done_again(sound: Make) -> None:
    given = binary(sound())
    images, labels = given["images"], given["labels"]
    given |= {"images": images[200:], "labels": labels[200:]}

    def validate(factor: float = 1.0) -> float:
        given["model"].eval()
        with torch.no_grad():
            predicted = torch.sigmoid(given["model"](images[:200])).round().flatten()
        given["model"].train()
        return factor * float((predicted == labels[:200].float()).float().mean())

    assert sure(makeweight.diagnose(**given, validate=validate)) == []
    assert sure(makeweight.diagnose(**given, validate=lambda: validate(0.5))) == ["wrong-accuracy"]


@pytest.mark.parametrize("clear", [True, False])
def test_watch_sees_a_training_of_one_output(sound: Make, clear: bool) -> None:
    given = binary(sound())
    with makeweight.Watch(given["model"], given["optimizer"]) as watch:
        for _ in range(3):
            for rows in torch.randperm(1_000).split(50):
                if clear:
                    given["optimizer"].zero_grad()
                logits = given["model"](given["images"][rows])[:, 0]
                functional.binary_cross_entropy_with_logits(logits, given["labels"][rows].float()).backward()
                given["optimizer"].step()
    assert sure(watch.diagnosis)[:1] == ([] if clear else ["missing-zero-grad"])


def test_labels_of_0_and_2_are_no_labels_of_one_output(sound: Make) -> None:
    given = binary(sound())
    given["labels"] = 2 * given["labels"]
    first = makeweight.diagnose(**given).findings[0]
    assert first.code == "labels-off-by-one"
    assert "labels == 2" in first.fix


# Advice in the user's own names.


def test_a_loss_that_is_always_0_ends_in_a_verdict(sound: Make, pictures: Pictures) -> None:
    """Cross-entropy of one output takes a column of floats for probabilities of one class."""
    images, labels = pictures
    given = sound(**model_of(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 1)))

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(outputs, targets.float().unsqueeze(1))

    found = makeweight.diagnose(**{**given, "loss_fn": loss, "images": images, "labels": (labels > 4).long()})
    assert "wrong-loss" in sure(found)


def test_a_step_that_takes_the_first_image_alone_is_found(sound: Make) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(images[:1]), labels[:1])
        loss.backward()
        optimizer.step()
        return loss.detach()

    found = makeweight.diagnose(**sound(model=model, optimizer=optimizer, step=step))
    assert "tiny-batch" in sure(found)


def test_a_frozen_norm_in_evaluation_mode_is_no_fault(sound: Make) -> None:
    given = sound()
    model, norm = given["model"], given["model"][2]
    norm.requires_grad_(False)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        norm.eval()
        given["optimizer"].zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        given["optimizer"].step()
        return loss.detach()

    assert "train-in-eval-mode" not in sure(makeweight.diagnose(**{**given, "step": step}))


@pytest.mark.parametrize("kind", ["log-softmax twice", "ten questions"])
def test_what_works_in_an_unusual_way_is_a_hint(sound: Make, kind: str) -> None:
    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        if kind == "ten questions":
            return functional.binary_cross_entropy_with_logits(outputs, functional.one_hot(labels, 10).float())
        return functional.cross_entropy(functional.log_softmax(outputs, 1), labels)

    assert sure(makeweight.diagnose(**sound(loss_fn=loss))) == []


def test_a_mean_divided_by_the_data_set_is_found(sound: Make) -> None:
    given = sound()
    given["optimizer"] = torch.optim.SGD(given["model"].parameters(), lr=0.1, momentum=0.9)
    found = makeweight.diagnose(
        **{**given, "loss_fn": lambda outputs, labels: functional.cross_entropy(outputs, labels) / 1_437}
    )
    [finding] = [f for f in found.findings if f.code == "loss-reduction"]
    assert finding.certainty != "hint"
    assert "perhaps all of the data set" in finding.evidence


def test_a_learning_rate_is_given_with_the_users_optimizer_and_what_it_did(sound: Make) -> None:
    given = sound(**model_of(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10)))
    given["optimizer"] = torch.optim.SGD(given["model"].parameters(), lr=30.0)
    [found] = [f for f in makeweight.diagnose(**given).findings if f.code == "learning-rate-too-high"]
    assert "torch.optim.SGD(model.parameters(), lr=3, …)  # tried here: loss" in found.fix


def test_a_diagnosis_can_be_repeated(sound: Make) -> None:
    given = sound()
    first, second = (makeweight.diagnose(**copy.copy(given)).to_json() for _ in range(2))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


# Found by part e of the corpus.


def test_an_activation_whose_result_is_thrown_away_does_nothing(sound: Make) -> None:
    class Thrown(nn.Module):
        def __init__(self, in_place: bool) -> None:
            super().__init__()
            self.first, self.second, self.in_place = nn.Linear(64, 48), nn.Linear(48, 10), in_place

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(x.flatten(1))
            functional.relu(x, inplace=self.in_place)
            output: Tensor = self.second(x)
            return output

    for in_place in (False, True):
        model = Thrown(in_place)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
        found = sure(makeweight.diagnose(**sound(model=model, optimizer=optimizer)))
        assert ("missing-nonlinearity" in found) is not in_place


@pytest.mark.parametrize("weight", [0.0, 0.1])
def test_classes_that_the_loss_ignores_are_named(sound: Make, weight: float) -> None:
    loss = nn.CrossEntropyLoss(weight=torch.tensor([weight] * 2 + [1.0] * 8))
    found = {f.code: f for f in makeweight.diagnose(**sound(loss_fn=loss)).findings if f.certainty != "hint"}
    assert ("dead-classes" in found) is (weight == 0)
    if weight == 0:
        assert "ignores class 0 and 1:" in found["dead-classes"].evidence


def test_the_cross_entropy_of_one_output_comes_first(sound: Make, pictures: Pictures) -> None:
    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(outputs, labels.float()[:, None])

    given = sound(
        labels=(pictures[1] > 4).long(), loss_fn=loss, **model_of(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))
    )
    first = makeweight.diagnose(**given).findings[0]
    assert (first.code, first.certainty) == ("wrong-loss", "definite")
    assert "the cross-entropy of one output is 0 whatever it is" in first.evidence


@pytest.mark.parametrize("trained", [False, True])
def test_a_frozen_body_whose_norms_have_moved_was_trained(sound: Make, trained: bool) -> None:
    torch.manual_seed(0)
    given = sound()
    norm = given["model"][2]
    if trained:
        nn.init.normal_(norm.weight, 1.0, 0.1)
    for layer in given["model"][1:3]:
        layer.requires_grad_(False)
    found = {f.code: f.certainty for f in makeweight.diagnose(**given).findings}
    assert found["frozen-parameters"] == ("hint" if trained else "definite")


@pytest.mark.parametrize(("moved", "found"), [(0, False), (100, True)])
def test_bright_objects_before_black_are_no_overflow(
    sound: Make, write_objects: Callable[[int], Pictures], moved: int, found: bool
) -> None:
    images, labels = write_objects(moved)
    diagnosis = makeweight.diagnose(
        **sound(images=images, labels=labels, **model_of(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 2)))
    )
    assert ("inputs-not-normalised" in sure(diagnosis)) is found


@pytest.fixture
def write_objects() -> Callable[[int], Pictures]:
    """Return a function that draws bright, smooth objects of two kinds before black, plus a number in uint8."""

    def draw(moved: int) -> Pictures:
        random = np.random.default_rng(0)
        rows, columns = np.mgrid[:28, :28]
        images, labels = np.zeros((400, 28, 28), np.uint8), np.arange(400) % 2
        for image, label in zip(images, labels, strict=True):
            left, wide = random.integers(2, 8), 8 + 8 * label
            shade = (
                random.integers(130, 180) + 60 * np.sin(rows / random.uniform(2, 5)) + random.integers(-8, 8, (28, 28))
            )
            inside = (columns > left) & (columns < left + wide) & (rows > 2) & (rows < 26)
            image[inside] = shade[inside]
        pixels = torch.from_numpy(images + np.uint8(moved)).float()[:, None]
        return (pixels - pixels.mean()) / pixels.std(), torch.from_numpy(labels)

    return draw


def test_weights_that_are_multiplied_from_the_right_have_a_usual_scale(sound: Make) -> None:
    class Drawn(nn.Module):
        def __init__(self, scale: float) -> None:
            super().__init__()
            self.first, self.second = (nn.Parameter(scale * torch.randn(*s)) for s in ((64, 90), (90, 10)))

        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(x.flatten(1) @ self.first) @ self.second

    for scale, found in ((1.0, True), (0.12, False)):
        torch.manual_seed(0)
        model = Drawn(scale)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        assert ("bad-initialisation" in sure(makeweight.diagnose(**sound(model=model, optimizer=optimizer)))) is found


def test_few_images_known_by_heart_are_said_to_be(sound: Make, pictures: Pictures) -> None:
    images, labels = pictures
    layers = (nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    for count, found in ((40, True), (800, False)):
        given = sound(images=images[:count], labels=labels[:count], **model_of(*copy.deepcopy(layers)))
        diagnosis = makeweight.diagnose(**with_validation(given, images[800:], labels[800:]))
        assert ("overfitting" in [f.code for f in diagnosis.findings]) is found


@pytest.mark.parametrize("piece", [2, 64])
def test_pieces_of_a_batch_add_up(sound: Make, piece: int) -> None:
    """More passes than are kept of a training must not look like fewer images a step."""
    given = model_of(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def step(images: Tensor, labels: Tensor) -> Tensor:
        given["optimizer"].zero_grad()
        total = torch.zeros(())
        for part, marks in zip(images.split(piece), labels.split(piece), strict=True):
            loss = functional.cross_entropy(given["model"](part), marks, reduction="sum") / len(images)
            loss.backward()
            total += loss.detach()
        given["optimizer"].step()
        return total

    assert "tiny-batch" not in sure(makeweight.diagnose(**sound(step=step, **given)))
