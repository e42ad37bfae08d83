"""Programs with one setting far off: learning rate, schedule, weight decay, length, size against data."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  as everybody writes it
from torch import Tensor, nn

from benchmarks.diagnosis.corpus.b.blocks import ResNet, ViT, mixer
from benchmarks.diagnosis.corpus.b.shared import accuracy_of, digits, fashion, plain_step, train
from benchmarks.diagnosis.corpus.program import Program, Subject


def vit_adam_at_sgd_rate() -> Subject:
    torch.manual_seed(401)
    x, y, _, _ = fashion(3000)
    model = ViT(width=40)
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=0.1), x, y)


def resnet_rmsprop_too_fast() -> Subject:
    torch.manual_seed(402)
    x, y, vx, vy = fashion(2500, start=3000)
    net = ResNet(width=10)
    opt = torch.optim.RMSprop(net.parameters(), lr=0.3, momentum=0.9)
    return Subject(net, F.cross_entropy, opt, x, y, plain_step(net, F.cross_entropy, opt), accuracy_of(net, vx, vy))


def fcn_sgd_lr_3() -> Subject:
    torch.manual_seed(403)
    x, y, vx, vy = fashion(2500, start=6000)
    x, vx = x.flatten(1), vx.flatten(1)
    net = nn.Sequential(nn.Linear(784, 96), nn.LeakyReLU(), nn.Linear(96, 96), nn.LeakyReLU(), nn.Linear(96, 10))
    opt = torch.optim.SGD(net.parameters(), lr=3.0)
    step = plain_step(net, F.cross_entropy, opt)
    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


def resnet_divided_by_1e5() -> Subject:
    torch.manual_seed(404)
    x, y, _, _ = fashion(2500, start=9000)
    net = ResNet()
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr=1e-5, momentum=0.9), x, y)


def mixer_eternal_warm_up() -> Subject:
    """The warm-up lasts a million steps, which the program never makes."""
    torch.manual_seed(405)
    x, y, vx, vy = digits(seed=11)
    model = mixer(size=8, patch=2, width=24)
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
    warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda t: min(1.0, (t + 1) / 1_000_000))
    plain = plain_step(model, F.cross_entropy, opt)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = plain(images, labels)
        warm.step()
        return loss

    return Subject(model, F.cross_entropy, opt, x, y, step, accuracy_of(model, vx, vy))


def vit_epochs_taken_for_steps() -> Subject:
    """StepLR(10) was meant in epochs; `step` is called for each batch."""
    torch.manual_seed(406)
    x, y, vx, vy = fashion(3000, start=12000)
    vit = ViT(width=32)
    adam = torch.optim.AdamW(vit.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(adam, step_size=10, gamma=0.3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        vit.train()
        adam.zero_grad()
        loss = F.cross_entropy(vit(images), labels)
        loss.backward()
        adam.step()
        scheduler.step()
        return loss

    train(step, x, y, 120)
    return Subject(vit, F.cross_entropy, adam, x, y, step, accuracy_of(vit, vx, vy))


def resnet_polynomial_to_zero() -> Subject:
    """The schedule was written for 30 steps, from a trial run, and the training then goes on for thousands."""
    torch.manual_seed(407)
    x, y, vx, vy = fashion(2500, start=15000)
    net = ResNet(width=8)
    opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    poly = torch.optim.lr_scheduler.PolynomialLR(opt, total_iters=30, power=1.0)
    plain = plain_step(net, F.cross_entropy, opt)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = plain(images, labels)
        poly.step()
        return loss

    train(step, x, y, 200, batch=32)
    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


def mixer_decay_twenty() -> Subject:
    torch.manual_seed(408)
    x, y, _, _ = digits(seed=12)
    model = mixer(size=8, patch=2, width=24)
    adamw = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=20.0)
    return Subject(model, nn.CrossEntropyLoss(), adamw, x, y)


def vit_decay_by_sgd() -> Subject:
    torch.manual_seed(409)
    x, y, vx, vy = fashion(2500, start=18000)
    vit = ViT(width=32)
    opt = torch.optim.SGD(vit.parameters(), lr=0.05, momentum=0.9, weight_decay=0.3)
    return Subject(vit, F.cross_entropy, opt, x, y, plain_step(vit, F.cross_entropy, opt), accuracy_of(vit, vx, vy))


def resnet_two_epochs() -> Subject:
    torch.manual_seed(410)
    x, y, vx, vy = fashion(4000, start=21000)
    net = ResNet(width=10)
    opt = torch.optim.SGD(net.parameters(), lr=0.02)
    step = plain_step(net, F.cross_entropy, opt)
    train(step, x, y, 60)
    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


def vit_stopped_early() -> Subject:
    torch.manual_seed(411)
    x, y, vx, vy = digits(seed=13)
    vit = ViT(size=8, patch=2, width=32)
    opt = torch.optim.AdamW(vit.parameters(), lr=5e-4)
    step = plain_step(vit, F.cross_entropy, opt)
    train(step, x, y, 100)
    return Subject(vit, F.cross_entropy, opt, x, y, step, accuracy_of(vit, vx, vy))


def fcn_by_heart() -> Subject:
    """Half a million weights, a thousand images, no regularisation."""
    torch.manual_seed(412)
    x, y, vx, vy = fashion(1000, held_out=1500, start=24000)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 384), nn.ReLU(), nn.Linear(384, 384), nn.ReLU(), nn.Linear(384, 10)
    )
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    step = plain_step(net, F.cross_entropy, opt)
    train(step, x, y, 450)
    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


def mixer_by_heart() -> Subject:
    torch.manual_seed(413)
    x, y, vx, vy = fashion(1000, held_out=1500, start=27000)
    net = mixer(patch=7, width=56, depth=2)
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.0)
    step = plain_step(net, F.cross_entropy, opt)
    train(step, x, y, 350)
    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


def fcn_through_two_units() -> Subject:
    torch.manual_seed(414)
    x, y, vx, vy = fashion(3000, start=30000)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 2), nn.Tanh(), nn.Linear(2, 10))
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    step = plain_step(net, F.cross_entropy, opt)
    train(step, x, y, 2500)
    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


def resnet_three_channels() -> Subject:
    """Small everywhere: three channels from the first layer to the last."""

    class Thin(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(1, 3, 3, 2, 1)
            self.branches = nn.ModuleList(nn.Sequential(nn.Conv2d(3, 3, 3, 1, 1), nn.ReLU()) for _ in range(2))
            self.fc = nn.Linear(3, 10)

        def forward(self, x: Tensor) -> Tensor:
            h = F.max_pool2d(torch.relu(self.stem(x)), 2)
            for branch in self.branches:
                h = h + branch(h)
            return self.fc(h.mean((2, 3)))

    torch.manual_seed(415)
    x, y, vx, vy = fashion(3000, start=33000)
    net = Thin()
    opt = torch.optim.Adam(net.parameters(), lr=1e-2)
    step = plain_step(net, F.cross_entropy, opt)
    train(step, x, y, 900)
    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


PROGRAMS = (
    Program("vit-adam-at-sgd-rate", "transformer", vit_adam_at_sgd_rate, "learning-rate-too-high", "lr"),
    Program("resnet-rmsprop-too-fast", "residual", resnet_rmsprop_too_fast, "learning-rate-too-high", "lr"),
    Program("fcn-sgd-lr-3", "fcn", fcn_sgd_lr_3, "learning-rate-too-high", "lr"),
    Program("resnet-divided-by-1e5", "residual", resnet_divided_by_1e5, "learning-rate-too-low", "lr"),
    Program("mixer-eternal-warm-up", "mixer", mixer_eternal_warm_up, "learning-rate-too-low", "lr"),
    Program("vit-epochs-taken-for-steps", "transformer", vit_epochs_taken_for_steps, "schedule-ends-early", "lr"),
    Program("resnet-polynomial-to-zero", "residual", resnet_polynomial_to_zero, "schedule-ends-early", "lr"),
    Program("mixer-decay-twenty", "mixer", mixer_decay_twenty, "weight-decay-too-strong", "weight_decay"),
    Program("vit-decay-by-sgd", "transformer", vit_decay_by_sgd, "weight-decay-too-strong", "weight_decay"),
    Program("resnet-two-epochs", "residual", resnet_two_epochs, "undertrained"),
    Program("vit-stopped-early", "transformer", vit_stopped_early, "undertrained"),
    Program("fcn-by-heart", "fcn", fcn_by_heart, "overfitting"),
    Program("mixer-by-heart", "mixer", mixer_by_heart, "overfitting"),
    Program("fcn-through-two-units", "fcn", fcn_through_two_units, "underfitting"),
    Program("resnet-three-channels", "residual", resnet_three_channels, "underfitting"),
)
