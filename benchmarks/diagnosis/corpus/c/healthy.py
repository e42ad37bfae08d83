"""Healthy programs that diagnose meets before their training."""

import copy

import torch
from torch import nn
from torch.nn import functional

from benchmarks.diagnosis.corpus.c.blocks import accuracy, digits, fashion, standard
from benchmarks.diagnosis.corpus.program import Program, Subject


class Net(nn.Module):
    """The tutorial everyone has followed: log-softmax in forward, nll_loss outside."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_drop = nn.Dropout2d(0.2)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = functional.relu(functional.max_pool2d(self.conv1(x), 2))
        x = functional.relu(functional.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = x.view(-1, 320)
        x = functional.relu(self.fc1(x))
        return functional.log_softmax(self.fc2(x), dim=1)


def tutorial():
    torch.manual_seed(351)
    raw, labels, raw_held, held_labels = fashion(351, 6000)
    images, held = (raw / 255 - 0.286) / 0.353, (raw_held / 255 - 0.286) / 0.353
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

    def step(data, target):
        model.train()
        optimizer.zero_grad()
        output = model(data)
        loss = functional.nll_loss(output, target)
        loss.backward()
        optimizer.step()
        return loss

    def validate():
        model.eval()
        correct = 0
        with torch.no_grad():
            for data, target in zip(held.split(250), held_labels.split(250), strict=True):
                pred = model(data).argmax(dim=1, keepdim=True)
                correct += pred.eq(target.view_as(pred)).sum().item()
        return correct / len(held)

    return Subject(model, functional.nll_loss, optimizer, images, labels, step, validate)


def plain_mlp():
    torch.manual_seed(352)
    raw, labels, *_ = fashion(352, 5000)
    images = raw.reshape(-1, 784).float() / 255
    images -= images.mean()
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1), images, labels)


def mixup_one_cycle():
    """A Kaggler's mixup, label smoothing and one-cycle rate."""
    torch.manual_seed(353)
    raw, labels, raw_held, held_labels = fashion(353, 6000)
    images, held = standard(raw, raw_held)
    layers, width = [], 1
    for wider in (16, 32, 48):
        layers += [nn.Conv2d(width, wider, 3, padding=1, bias=False), nn.BatchNorm2d(wider), nn.SiLU(), nn.MaxPool2d(2)]
        width = wider
    model = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.1), nn.Linear(48 * 9, 10))
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=20_000, pct_start=0.02)
    beta = torch.distributions.Beta(0.2, 0.2)

    def step(x, y):
        model.train()
        share, partner = beta.sample().item(), torch.randperm(len(y))
        scores = model(share * x + (1 - share) * x[partner])
        loss = share * criterion(scores, y) + (1 - share) * criterion(scores, y[partner])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        scheduler.step()
        return loss.detach()

    return Subject(model, criterion, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels))


class GroupNormNet(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 3, stride=2, padding=1),
            nn.GroupNorm(6, width),
            nn.GELU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.GroupNorm(6, 2 * width),
            nn.GELU(),
            nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1),
            nn.GroupNorm(6, 2 * width),
            nn.GELU(),
        )
        self.head = nn.Linear(2 * width * 16, 10)

    def forward(self, x):
        return self.head(self.body(x).flatten(1))


def averaged_weights():
    """A researcher validates the moving average of the weights, not the weights themselves."""
    torch.manual_seed(354)
    raw, labels, raw_held, held_labels = fashion(354, 4000)
    images, held = standard(raw, raw_held)
    model = GroupNormNet()
    average = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.5e-3, betas=(0.9, 0.98), weight_decay=0.02)

    @torch.no_grad()
    def follow(decay=0.95):
        for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
            slow.lerp_(fast, 1 - decay)

    def step(x, y):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        follow()
        return loss.detach()

    return Subject(
        model, functional.cross_entropy, optimizer, images, labels, step, lambda: accuracy(average, held, held_labels)
    )


def tanh_digits():
    torch.manual_seed(355)
    raw, labels, *_ = digits(355)
    images = raw.flatten(1).float() / 127.5 - 1
    model = nn.Sequential(nn.Linear(64, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, nesterov=True)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, images, labels)


def pooled_with_warm_up():
    """2x2-pooled images, layer norm, and a rate that starts at a hundredth: low at first is not too low."""
    torch.manual_seed(356)
    raw, labels, raw_held, held_labels = fashion(356, 5000)
    images, held = (functional.avg_pool2d(x, 2).flatten(1) for x in standard(raw, raw_held))
    model = nn.Sequential(
        nn.Linear(196, 96),
        nn.LayerNorm(96),
        nn.GELU(),
        nn.Linear(96, 96),
        nn.LayerNorm(96),
        nn.GELU(),
        nn.Linear(96, 10),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=100)

    def step(x, y):
        model.train()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        warm_up.step()
        return loss

    def validate():
        return accuracy(model, held, held_labels)

    return Subject(model, functional.cross_entropy, optimizer, images, labels, step, validate)


def separable_in_colour():
    """Tinted to three channels; depthwise and pointwise convolutions; NAdam."""
    torch.manual_seed(357)
    raw, labels, *_ = fashion(357, 4000)
    tint = 0.6 + 0.4 * torch.rand(len(raw), 3, 1, 1)
    images = raw.float() / 255 * tint
    images = (images - images.mean((0, 2, 3), keepdim=True)) / images.std((0, 2, 3), keepdim=True)

    def separable(fan_in, fan_out, stride):
        return nn.Sequential(
            nn.Conv2d(fan_in, fan_in, 3, stride, 1, groups=fan_in, bias=False),
            nn.Conv2d(fan_in, fan_out, 1, bias=False),
            nn.BatchNorm2d(fan_out),
            nn.Hardswish(),
        )

    stem = nn.Sequential(nn.Conv2d(3, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.Hardswish())
    body = nn.Sequential(separable(24, 48, 2), separable(48, 48, 1), separable(48, 96, 2), separable(96, 96, 2))
    model = nn.Sequential(stem, body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(96, 10))
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.NAdam(model.parameters(), lr=2e-3), images, labels)


def le_net():
    """1998, padded to 32x32, tanh and average pooling, with today's loss."""
    torch.manual_seed(358)
    raw, labels, raw_held, held_labels = fashion(358, 6000)
    images, held = (functional.pad(x.float(), (2, 2, 2, 2)).div(255).sub(0.22).div(0.32) for x in (raw, raw_held))
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)

    def step(x, y):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Subject(
        model, functional.cross_entropy, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels)
    )


def narrow_crop():
    """28 rows, and the 20 columns in which garments are."""
    torch.manual_seed(359)
    raw, labels, *_ = fashion(359, 4000)
    images, _ = standard(raw[..., 4:24], raw)
    model = nn.Sequential(
        nn.Conv2d(1, 20, 3, padding=1), nn.LeakyReLU(0.05), nn.MaxPool2d(2), nn.Conv2d(20, 40, 3, padding=1),
        nn.LeakyReLU(0.05), nn.MaxPool2d((2, 1)), nn.Conv2d(40, 40, 3, stride=2), nn.LeakyReLU(0.05), nn.Flatten(),
        nn.Linear(480, 10),
    )  # fmt: skip
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.Adamax(model.parameters(), lr=3e-3), images, labels)


def two_classes():
    """Sandals against sneakers, as a problem of two classes with two scores."""
    torch.manual_seed(362)
    raw, labels, *_ = fashion(362, 2000, classes=(5, 7))
    images = (raw.float() / 255 - 0.15) / 0.28
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(576, 2),
    )
    return Subject(model, functional.cross_entropy, torch.optim.Adam(model.parameters(), lr=1e-3), images, labels)


PROGRAMS = (
    Program("c-ok-tutorial", "cnn", tutorial),
    Program("c-ok-plain-mlp", "fcn", plain_mlp),
    Program("c-ok-mixup-one-cycle", "cnn", mixup_one_cycle),
    Program("c-ok-averaged-weights", "cnn", averaged_weights),
    Program("c-ok-tanh-digits", "fcn", tanh_digits),
    Program("c-ok-pooled-with-warm-up", "fcn", pooled_with_warm_up),
    Program("c-ok-separable-in-colour", "cnn", separable_in_colour),
    Program("c-ok-le-net", "cnn", le_net),
    Program("c-ok-narrow-crop", "cnn", narrow_crop),
    Program("c-ok-two-classes", "cnn", two_classes),
)
