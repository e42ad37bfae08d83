"""Sound dense and convolutional programs, most with something in them that looks like a fault and is none."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import lr_scheduler

from benchmarks.diagnosis.corpus.a.blocks import (
    digits,
    fashion,
    fashion_validation,
    only,
    plain_step,
    plain_validate,
    raw_fashion,
    train,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def dense_sgd() -> Subject:
    torch.manual_seed(200)
    x, y = fashion(4000)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
    model.append(nn.Linear(64, 10))
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, loss_fn, opt, x, y)


def log_softmax_with_nll() -> Subject:
    """Log-softmax in the network is right where the loss is NLLLoss."""
    torch.manual_seed(201)
    x, y = fashion(4000)
    x = x.flatten(1)
    model = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10), nn.LogSoftmax(dim=1))
    return Subject(model, nn.NLLLoss(), torch.optim.Adam(model.parameters(), lr=1e-3), x, y)


def softmax_regression() -> Subject:
    """Linear, and meant to be."""
    torch.manual_seed(202)
    x, y, xv, yv = digits()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    step = plain_step(model, functional.cross_entropy, opt)
    return Subject(model, functional.cross_entropy, opt, x, y, step, plain_validate(model, xv, yv))


def tanh_without_eval() -> Subject:
    """Neither dropout nor batch norm, so nobody needs train() and eval()."""
    torch.manual_seed(203)
    x, y, xv, yv = digits()
    x, xv = x.flatten(1), xv.flatten(1)
    model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
    opt = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    model.eval()

    def step(images: Tensor, labels: Tensor) -> Tensor:
        opt.zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        opt.step()
        return loss

    def validate() -> float:
        with torch.no_grad():
            return (model(xv).argmax(1) == yv).double().mean().item()

    return Subject(model, functional.cross_entropy, opt, x, y, step, validate)


def zero_to_one_inputs() -> Subject:
    torch.manual_seed(204)
    x, y = raw_fashion(5000)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.LeakyReLU(0.1), nn.Dropout(0.2), nn.Linear(128, 10))
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    return Subject(model, criterion, torch.optim.Adam(model.parameters(), lr=1e-3), x / 255, y)


def two_steps_an_update() -> Subject:
    """Gradients of two batches are added up on purpose, each halved."""
    torch.manual_seed(205)
    x, y = fashion(4000)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 96), nn.LayerNorm(96), nn.GELU(), nn.Linear(96, 10))
    opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    calls = 0

    def step(images: Tensor, labels: Tensor) -> Tensor:
        nonlocal calls
        loss = functional.cross_entropy(model(images), labels)
        (loss / 2).backward()
        calls += 1
        if calls % 2 == 0:
            opt.step()
            opt.zero_grad()
        return loss.detach()

    return Subject(model, functional.cross_entropy, opt, x, y, step, plain_validate(model, *fashion_validation()))


def trained_dense() -> Subject:
    """Trained to its end with a cosine, which has arrived at zero."""
    torch.manual_seed(206)
    x, y = fashion(6000)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)
    )
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = lr_scheduler.CosineAnnealingLR(opt, 1300)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        opt.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        opt.step()
        if schedule.last_epoch < 1300:
            schedule.step()
        return loss.detach()

    train(step, x, y, 1240)
    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, *fashion_validation()))


class ClosureMlp(nn.Module):
    def __init__(self, n: int = 64, hidden: int = 40, k: int = 10):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(n, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, k)
        for layer in (self.a, self.b):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(self.c.weight)  # all classes alike at first

    def forward(self, x: Tensor) -> Tensor:
        return self.c(functional.relu(self.b(functional.relu(self.a(x)))))


def zero_head_with_closure() -> Subject:
    torch.manual_seed(207)
    x, y, xv, yv = digits()
    model = ClosureMlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        def closure() -> Tensor:
            opt.zero_grad()
            loss = functional.cross_entropy(model(images), labels)
            loss.backward()
            return loss

        return opt.step(closure)

    validate = plain_validate(model, xv.flatten(1), yv)
    return Subject(model, functional.cross_entropy, opt, x.flatten(1), y, step, validate)


class Lenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        return self.fc3(functional.relu(self.fc2(functional.relu(self.fc1(x)))))


def lenet() -> Subject:
    torch.manual_seed(208)
    x, y = fashion(4000)
    model = Lenet()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(model, nn.CrossEntropyLoss(), opt, x, y)


def warm_up_from_nothing() -> Subject:
    """Starts at a hundredth of the learning rate, which is reached after a hundred steps."""
    torch.manual_seed(209)
    x, y = fashion(4000)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(24, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(96, 10),
    )  # fmt: skip
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)

    def factor(t: int) -> float:
        return (t + 1) / 100 if t < 100 else 0.5 * (1 + math.cos(math.pi * min(1, (t - 100) / 3000)))

    schedule = lr_scheduler.LambdaLR(opt, factor)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        opt.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        opt.step()
        schedule.step()
        return loss.detach()

    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, *fashion_validation()))


def depthwise() -> Subject:
    """No activation between depthwise and pointwise, as in Xception; two linear maps, yet wanted."""
    torch.manual_seed(210)
    x, y = fashion(4000)
    layers, c = [nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for width, stride in ((32, 2), (32, 1), (48, 2)):
        layers += [nn.Conv2d(c, c, 3, stride, 1, groups=c, bias=False), nn.Conv2d(c, width, 1, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        c = width
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 10))
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=3e-3), x, y)


def augmented() -> Subject:
    """Flips and shifts in the step, so training images never are the same."""
    torch.manual_seed(211)
    x, y = fashion(3000)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.GroupNorm(4, 16), nn.SiLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.GroupNorm(4, 32),
        nn.SiLU(), nn.Conv2d(32, 32, 3, 1, 1), nn.GroupNorm(4, 32), nn.SiLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(128, 10),
    )  # fmt: skip
    loss_fn, opt = nn.CrossEntropyLoss(label_smoothing=0.05), torch.optim.AdamW(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(1)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        mirrored = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
        images = torch.where(mirrored, images.flip(3), images)
        dy, dx = torch.randint(-1, 2, (2,), generator=generator).tolist()
        images = images.roll((dy, dx), (2, 3))
        opt.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        opt.step()
        return loss.detach()

    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, *fashion_validation()))


def some_classes_unevenly() -> Subject:
    """Five classes, the rarest with half the images of the most frequent."""
    torch.manual_seed(212)
    classes = (1, 3, 5, 7, 9)
    (x, y), (xv, yv) = only(*fashion(6000), classes), only(*fashion_validation(2000), classes)
    kept = torch.rand(len(y)) < torch.tensor([1.0, 0.5, 0.9, 0.7, 0.8])[y]
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5, 2, 2), nn.ReLU(), nn.Conv2d(8, 16, 5, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(784, 5)
    )
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    step = plain_step(model, loss_fn, opt)
    return Subject(model, loss_fn, opt, x[kept], y[kept], step, plain_validate(model, xv, yv))


def micro_batches_without_batch_norm() -> Subject:
    """Pieces of four images do no harm to a group norm."""
    torch.manual_seed(213)
    x, y, xv, yv = digits()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.GroupNorm(4, 32), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        opt.zero_grad()
        total = 0.0
        for a, b in zip(images.split(4), labels.split(4), strict=True):
            loss = functional.cross_entropy(model(a), b, reduction="sum") / len(images)
            loss.backward()
            total += loss.item()
        opt.step()
        return torch.tensor(total)

    return Subject(model, functional.cross_entropy, opt, x, y, step, plain_validate(model, xv, yv))


def trained_convnet() -> Subject:
    torch.manual_seed(214)
    x, y, xv, yv = digits()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.Flatten(), nn.Linear(384, 10),
    )  # fmt: skip
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    step = plain_step(model, loss_fn, opt)
    train(step, x, y, 500)
    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, xv, yv))


PROGRAMS = (
    Program("dense-sgd", "fcn", dense_sgd),
    Program("log-softmax-with-nll", "fcn", log_softmax_with_nll),
    Program("softmax-regression", "fcn", softmax_regression),
    Program("tanh-without-eval", "fcn", tanh_without_eval),
    Program("zero-to-one-inputs", "fcn", zero_to_one_inputs),
    Program("two-steps-an-update", "fcn", two_steps_an_update),
    Program("trained-dense", "fcn", trained_dense),
    Program("zero-head-with-closure", "fcn", zero_head_with_closure),
    Program("lenet", "cnn", lenet),
    Program("warm-up-from-nothing", "cnn", warm_up_from_nothing),
    Program("depthwise", "cnn", depthwise),
    Program("augmented", "cnn", augmented),
    Program("some-classes-unevenly", "cnn", some_classes_unevenly),
    Program("micro-batches-without-batch-norm", "cnn", micro_batches_without_batch_norm),
    Program("trained-convnet", "cnn", trained_convnet),
)
