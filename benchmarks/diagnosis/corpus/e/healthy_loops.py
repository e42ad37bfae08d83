"""Healthy programs whose loop or validation is out of the ordinary."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.diagnosis.corpus.e.kit import (
    LeNet,
    TinyResNet,
    accuracy,
    digit_rows,
    garments,
    mlp,
    run,
    signs,
    small_cnn,
    stepping,
    training,
)
from benchmarks.diagnosis.corpus.e.validation import erased
from benchmarks.diagnosis.corpus.program import Program, Subject


def heavily_augmented() -> Subject:
    """A fifth of each training image is erased, and there's noise on the rest."""
    torch.manual_seed(1027)
    x, y = signs(2000, 1027)
    model = TinyResNet(3, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(erased(images, 14)), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, signs(600, 1)))


def mixed_up() -> Subject:
    """Mixup: two images and two labels at a time."""
    torch.manual_seed(1028)
    x, y = garments(3000, 1028)
    model = LeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    beta = torch.distributions.Beta(0.4, 0.4)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        share, other = beta.sample(), torch.randperm(len(images))
        out = model(share * images + (1 - share) * images[other])
        loss = share * F.cross_entropy(out, labels) + (1 - share) * F.cross_entropy(out, labels[other])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, garments(1000, 1, True)))


def four_pieces() -> Subject:
    """Gradients of four parts of a batch add up before the step."""
    torch.manual_seed(1029)
    x, y = garments(3000, 1029)
    model = small_cnn()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        total = torch.zeros(())
        for part, target in zip(images.chunk(4), labels.chunk(4), strict=True):
            loss = F.cross_entropy(model(part), target) / 4
            loss.backward()
            total += loss.detach()
        optimizer.step()
        return total

    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, garments(1000, 1, True)))


def every_second_batch() -> Subject:
    """A step and zero_grad() after every second batch."""
    torch.manual_seed(1030)
    x, y = signs(2000, 1030)
    model = TinyResNet(3, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    seen = 0

    def step(images: Tensor, labels: Tensor) -> Tensor:
        nonlocal seen
        model.train()
        loss = F.cross_entropy(model(images), labels)
        (loss / 2).backward()
        seen += 1
        if seen % 2 == 0:
            optimizer.step()
            optimizer.zero_grad()
        return loss.detach()

    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, signs(600, 1)))


def cleared_at_the_end() -> Subject:
    """zero_grad() follows the step."""
    torch.manual_seed(1031)
    x, y, xv, yv = digit_rows()
    model, criterion = mlp(64, 64, 10), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        model.zero_grad()
        return loss.detach()

    return Subject(model, criterion, optimizer, x / 8 - 1, y, step, accuracy(model, (xv / 8 - 1, yv)))


def two_optimizers() -> Subject:
    """Adam for the head, SGD for the body."""
    torch.manual_seed(1032)
    x, y = signs(2000, 1032)
    model = TinyResNet(3, 5)
    body = torch.optim.SGD([p for n, p in model.named_parameters() if "fc" not in n], lr=0.05, momentum=0.9)
    head = torch.optim.Adam(model.fc.parameters(), lr=3e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        body.zero_grad()
        head.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        body.step()
        head.step()
        return loss.detach()

    return Subject(model, F.cross_entropy, body, x, y, step, accuracy(model, signs(600, 1)))


def clipped_at_one() -> Subject:
    torch.manual_seed(1033)
    x, y = garments(3000, 1033)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        return loss.detach()

    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, garments(1000, 1, True)))


def moving_average() -> Subject:
    """Validation takes an average of the weights, with batch norm's statistics."""
    torch.manual_seed(1034)
    x, y = garments(2500, 1034)
    model = TinyResNet()
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.95), use_buffers=True
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    step = stepping(model, F.cross_entropy, optimizer, lambda: average.update_parameters(model))
    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(average, garments(800, 1, True)))


def pretrained_and_frozen() -> Subject:
    """Body from six classes, frozen, in evaluation mode; a new head for the other four."""
    torch.manual_seed(1035)
    model = TinyResNet(classes=6)
    before = garments(3000, 1035, classes=range(6))
    run(training(model, before, before, torch.optim.Adam(model.parameters(), lr=3e-3)), 120)
    for p in model.parameters():
        p.requires_grad = False
    model.fc = nn.Linear(96, 4)
    optimizer = torch.optim.Adam(model.fc.parameters(), lr=1e-2)
    x, y = garments(1500, 1036, classes=range(6, 10))

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.eval()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, garments(800, 1, True, range(6, 10))))


def fine_tuned_slowly() -> Subject:
    """A network that is trained already goes on with a small step."""
    torch.manual_seed(1037)
    data, held_out = signs(2000, 1037), signs(600, 1)
    model = small_cnn(3, 5)
    run(training(model, data, held_out, torch.optim.Adam(model.parameters(), lr=3e-3)), 150)
    return training(model, data, held_out, torch.optim.Adam(model.parameters(), lr=2e-4))


def taught() -> Subject:
    """Half of the loss is the divergence from a larger network that was trained before."""
    torch.manual_seed(1038)
    data = garments(3000, 1038)
    teacher = LeNet()
    run(training(teacher, data, data, torch.optim.Adam(teacher.parameters(), lr=2e-3)), 120)
    teacher.requires_grad_(False).eval()
    model = mlp(784, 64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        optimizer.zero_grad()
        out = model(images)
        with torch.no_grad():
            wanted = F.softmax(teacher(images) / 2, dim=1)
        divergence = F.kl_div(F.log_softmax(out / 2, dim=1), wanted, reduction="batchmean")
        loss = 0.5 * F.cross_entropy(out, labels) + 2 * divergence
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Subject(model, F.cross_entropy, optimizer, *data, step, accuracy(model, garments(1000, 1, True)))


def mirrored_in_validation() -> Subject:
    """The mean of the scores of an image and of its mirror image; in training, each is mirrored at random."""
    torch.manual_seed(1039)
    x, y = garments(3000, 1039)
    xv, yv = garments(800, 1, True)
    model = small_cnn()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        optimizer.zero_grad()
        mirrored = torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, images.flip(3), images)
        loss = F.cross_entropy(model(mirrored), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    @torch.inference_mode()
    def validate() -> float:
        model.eval()
        return ((model(xv) + model(xv.flip(3))).argmax(1) == yv).float().mean().item()

    return Subject(model, F.cross_entropy, optimizer, x, y, step, validate)


def shuffled_validation() -> Subject:
    """A DataLoader that shuffles in validation too; labels come with their images."""
    torch.manual_seed(1040)
    x, y = signs(2000, 1040)
    held_out = torch.utils.data.TensorDataset(*signs(600, 1))
    loader = torch.utils.data.DataLoader(held_out, batch_size=50, shuffle=True)
    model = LeNet(3, 32, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def validate() -> float:
        model.eval()
        predicted, wanted = [], []
        with torch.no_grad():
            for images, labels in loader:
                predicted += model(images).argmax(-1).tolist()
                wanted += labels.tolist()
        return sum(p == w for p, w in zip(predicted, wanted, strict=True)) / len(wanted)

    return Subject(model, F.cross_entropy, optimizer, x, y, stepping(model, F.cross_entropy, optimizer), validate)


def best_weights_kept() -> Subject:
    """The best weights so far are copied in each validation, and given back to nobody."""
    torch.manual_seed(1041)
    x, y, xv, yv = digit_rows()
    x, xv = x / 16, xv / 16
    model = mlp(64, 96, 10)
    optimizer = torch.optim.NAdam(model.parameters(), lr=3e-3)
    measure, kept = accuracy(model, (xv, yv)), [copy.deepcopy(model.state_dict())]
    best = 0.0

    def validate() -> float:
        nonlocal best
        now = measure()
        if now > best:
            best, kept[0] = now, copy.deepcopy(model.state_dict())
        return now

    return Subject(model, F.cross_entropy, optimizer, x, y, stepping(model, F.cross_entropy, optimizer), validate)


PROGRAMS = (
    Program("heavily-augmented", "residual", heavily_augmented),
    Program("mixed-up", "cnn", mixed_up),
    Program("four-pieces", "cnn", four_pieces),
    Program("every-second-batch", "residual", every_second_batch),
    Program("cleared-at-the-end", "fcn", cleared_at_the_end),
    Program("two-optimizers", "residual", two_optimizers),
    Program("clipped-at-one", "cnn", clipped_at_one),
    Program("moving-average", "residual", moving_average),
    Program("pretrained-and-frozen", "residual", pretrained_and_frozen),
    Program("fine-tuned-slowly", "cnn", fine_tuned_slowly),
    Program("taught", "fcn", taught),
    Program("mirrored-in-validation", "cnn", mirrored_in_validation),
    Program("shuffled-validation", "cnn", shuffled_validation),
    Program("best-weights-kept", "fcn", best_weights_kept),
)
