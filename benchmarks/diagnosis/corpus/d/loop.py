"""Faults of the loop: steps, validations and accuracies that people write themselves."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.diagnosis.corpus.d.blocks import (
    BasicBlock,
    PatchMixer,
    PatchTransformer,
    SmallResNet,
    colours,
    digits,
    fashion,
    fashion_of,
    make_step,
    make_validate,
    mobile_net,
    train,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


class FunctionalNet(nn.Module):
    def __init__(self, always: bool):
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)
        self.always = always

    def forward(self, x: Tensor) -> Tensor:
        active = True if self.always else self.training
        x = F.dropout(F.relu(self.fc1(x.flatten(1))), 0.5, training=active)
        x = F.dropout(F.relu(self.fc2(x)), 0.5, training=active)
        return self.fc3(x)


def functional_dropout(always: bool = True) -> Subject:
    torch.manual_seed(740)
    x, y = fashion(3000)
    model, criterion = FunctionalNet(always), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(model, criterion, optimizer, x, y, make_step(model, criterion, optimizer),
                   make_validate(model, *fashion(1000, validation=True)))  # fmt: skip


class TutorialNet(nn.Module):
    """Two convolutions and two layers, with dropout on whole maps."""

    def __init__(self, gated: bool):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 5)
        self.conv2 = nn.Conv2d(16, 32, 3)
        self.fc1 = nn.Linear(288, 64)
        self.fc2 = nn.Linear(64, 6)
        self.gated = gated

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = self.conv2(x)
        x = F.dropout2d(x, 0.4, self.training) if self.gated else F.dropout2d(x, 0.4)
        x = F.max_pool2d(F.relu(x), 2).view(-1, 288)
        return self.fc2(F.relu(self.fc1(x)))


def maps_dropped(gated: bool = False) -> Subject:
    torch.manual_seed(741)
    x, y = colours(2000, 11)
    model = TutorialNet(gated)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return Subject(model, F.cross_entropy, optimizer, x, y, validate=make_validate(model, *colours(600, 12)))


def attention_dropped(drops: str = "always") -> Subject:
    """scaled_dot_product_attention knows nothing of training and evaluation."""
    torch.manual_seed(742)
    x, y = fashion(3000)
    model = PatchTransformer(p=0.4, drops=drops)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    step = make_step(model, F.cross_entropy, optimizer)
    return Subject(model, F.cross_entropy, optimizer, x, y, step,
                   make_validate(model, *fashion(1000, validation=True)))  # fmt: skip


def augment(images: Tensor) -> Tensor:
    """Shift, mirror and erase."""
    down, right = torch.randint(-3, 4, (2,)).tolist()
    images = images.roll((down, right), (2, 3))
    images = torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, images.flip(3), images)
    row, column = torch.randint(0, 18, (2,)).tolist()
    images[:, :, row : row + 10, column : column + 10] = 0
    return images


def validates_augmented(augmented: bool = True) -> Subject:
    """One data set with one transform was split in two."""
    torch.manual_seed(743)
    x, y = fashion(3000)
    xv, yv = fashion(800, validation=True)
    model = SmallResNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(augment(images.clone())), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def validate() -> float:
        model.eval()
        hits = 0
        for images, labels in zip(xv.split(50), yv.split(50), strict=True):
            batch = augment(images.clone()) if augmented else images
            hits += int((model(batch).argmax(1) == labels).sum())
        return hits / len(xv)

    return Subject(model, F.cross_entropy, optimizer, x, y, step, validate)


def validates_with_noise(noise: float = 0.9) -> Subject:
    torch.manual_seed(744)
    x, y, xv, yv = digits()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip
    loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        loss = loss_fn(model(images + 0.9 * torch.randn_like(images)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    def validate() -> float:
        model.eval()
        with torch.no_grad():
            return (model(xv + noise * torch.randn_like(xv)).argmax(1) == yv).float().mean().item()

    return Subject(model, loss_fn, optimizer, x, y, step, validate)


def best_of_all(everything: bool = True) -> Subject:
    """argmax without a dimension."""
    torch.manual_seed(745)
    x, y = fashion(3000)
    xv, yv = fashion(1000, validation=True)
    net = mobile_net()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)

    @torch.no_grad()
    def validate() -> float:
        net.eval()
        correct = 0
        for images, labels in zip(xv.split(50), yv.split(50), strict=True):
            out = net(images)
            predicted = out.argmax() if everything else out.argmax(-1)
            correct += (predicted == labels).sum().item()
        return correct / len(xv)

    return Subject(net, F.cross_entropy, optimizer, x, y, make_step(net, F.cross_entropy, optimizer), validate)


def means_added(added: bool = True) -> Subject:
    torch.manual_seed(746)
    x, y, xv, yv = digits()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.LeakyReLU(0.1), nn.Linear(64, 10))
    loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=3e-3)

    def validate() -> float:
        model.eval()
        acc, batches = 0.0, 0
        with torch.no_grad():
            for i in range(0, len(xv), 32):
                acc += (model(xv[i : i + 32]).argmax(1) == yv[i : i + 32]).float().mean().item()
                batches += 1
        return acc if added else acc / batches

    return Subject(model, loss_fn, optimizer, x, y, make_step(model, loss_fn, optimizer), validate)


def right_a_batch(of_batches: bool = True) -> Subject:
    """Right answers divided by the number of batches instead of images."""
    torch.manual_seed(747)
    x, y = colours(2000, 13)
    xv, yv = colours(640, 14)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(xv, yv), batch_size=64)
    model = SmallResNet(3, classes=6)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def validate() -> float:
        model.eval()
        correct = 0
        with torch.no_grad():
            for images, labels in loader:
                _, predicted = torch.max(model(images), 1)
                correct += (predicted == labels).sum().item()
        return correct / (len(loader) if of_batches else len(loader.dataset))

    return Subject(model, criterion, optimizer, x, y, make_step(model, criterion, optimizer), validate)


def divided_by_training(wrong: bool = True) -> Subject:
    torch.manual_seed(748)
    x, y = fashion(3000)
    xv, yv = fashion(600, validation=True)
    model = PatchMixer()
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.AdamW(model.parameters(), lr=2e-3)

    @torch.no_grad()
    def validate() -> float:
        model.eval()
        hits = sum((model(b).argmax(1) == t).sum().item() for b, t in zip(xv.split(100), yv.split(100), strict=True))
        return hits / len(x if wrong else xv)

    return Subject(model, criterion, optimizer, x, y, make_step(model, criterion, optimizer), validate)


def wrong_dimension(dim: int = 0) -> Subject:
    """With ten images a batch and ten classes, argmax over the images has the right shape."""
    torch.manual_seed(749)
    x, y = fashion(2500)
    xv, yv = fashion(500, validation=True)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def validate() -> float:
        model.eval()
        with torch.no_grad():
            shares = [
                (model(b).argmax(dim) == t).float().mean() for b, t in zip(xv.split(10), yv.split(10), strict=True)
            ]
        return torch.stack(shares).mean().item()

    return Subject(model, F.cross_entropy, optimizer, x, y, make_step(model, F.cross_entropy, optimizer), validate)


def binary_gradients_pile_up(forgets: bool = True) -> Subject:
    torch.manual_seed(750)
    x, y = fashion_of([0, 6], [800, 800])
    xv, yv = fashion_of([0, 6], [300, 300], validation=True)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 1))
    bce = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def loss_fn(out: Tensor, target: Tensor) -> Tensor:
        return bce(out.squeeze(-1), target.float())

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        if not forgets:
            model.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def validate() -> float:
        model.eval()
        return ((torch.sigmoid(model(xv).squeeze(-1)) > 0.5) == yv.bool()).float().mean().item()

    return Subject(model, loss_fn, optimizer, x, y, step, validate)


def accumulates_for_ever(forgets: bool = True) -> Subject:
    """Gradients of four batches are to add up, and go on adding up afterwards."""
    torch.manual_seed(751)
    x, y = fashion(3000)
    model, criterion = SmallResNet(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    done = 0

    def step(images: Tensor, labels: Tensor) -> Tensor:
        nonlocal done
        model.train()
        loss = criterion(model(images), labels)
        (loss / 4).backward()
        done += 1
        if done % 4 == 0:
            optimizer.step()
            if not forgets:
                optimizer.zero_grad()
        return loss.detach()

    validate = make_validate(model, *fashion(1000, validation=True))
    return Subject(model, criterion, optimizer, x, y, step, validate)


class ListNet(nn.Module):
    """Its blocks are in a Python list, or in a ModuleList."""

    def __init__(self, kind: type):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, 2, 1)
        self.convs = kind([nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(16, 32, 3, 2, 1), nn.Conv2d(32, 32, 3, 2, 1)])
        self.head = nn.Linear(32 * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        for conv in self.convs:
            x = F.relu(conv(x))
        return self.head(x.flatten(1))


def layers_in_a_list(kind: type = list) -> Subject:
    torch.manual_seed(752)
    x, y = fashion(3000)
    model, criterion = ListNet(kind), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    validate = make_validate(model, *fashion(1000, validation=True))
    return Subject(model, criterion, optimizer, x, y, make_step(model, criterion, optimizer), validate)


def only_the_head(part: bool = True) -> Subject:
    torch.manual_seed(753)
    x, y = colours(2000, 15)
    model = PatchTransformer(6, channels=3, size=20, patch=4)
    optimizer = torch.optim.AdamW((model.head if part else model).parameters(), lr=2e-3)
    validate = make_validate(model, *colours(600, 16))
    return Subject(model, F.cross_entropy, optimizer, x, y, make_step(model, F.cross_entropy, optimizer), validate)


def pretrained_body(frozen: bool, pretrained: bool) -> Subject:
    """A new head on a body of convolutions."""
    torch.manual_seed(754)
    x, y = fashion(3000)
    model = nn.Sequential()
    model.add_module("body", nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 16, 3, 2, 1),
        nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
    ))  # fmt: skip
    model.add_module("head", nn.Linear(64, 10))
    loss_fn = nn.CrossEntropyLoss()
    if pretrained:
        train(make_step(model, loss_fn, torch.optim.Adam(model.parameters(), lr=4e-3)), x, y, 110)
        model.head = nn.Linear(64, 10)
    for name, p in model.named_parameters():
        if "body" in name:
            p.requires_grad = not frozen
    optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()), lr=4e-3)
    return Subject(model, loss_fn, optimizer, x, y, make_step(model, loss_fn, optimizer),
                   make_validate(model, *fashion(1000, validation=True)))  # fmt: skip


def body_frozen() -> Subject:
    return pretrained_body(frozen=True, pretrained=False)


class FeatureNet(nn.Module):
    def __init__(self, gradients: bool):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 12, 3, 2, 1), nn.ReLU(), BasicBlock(12, 12), BasicBlock(12, 24, 2))
        self.classifier = nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 6))
        self.gradients = gradients

    def forward(self, x: Tensor) -> Tensor:
        with torch.set_grad_enabled(self.gradients and torch.is_grad_enabled()):
            features = self.backbone(x).mean((2, 3))
        return self.classifier(features)


def no_grad_around_backbone(gradients: bool = False) -> Subject:
    torch.manual_seed(755)
    x, y = colours(2000, 17)
    model = FeatureNet(gradients)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, F.cross_entropy, optimizer, x, y, validate=make_validate(model, *colours(600, 18)))


def stays_in_eval(back: bool = False) -> Subject:
    """Validation every 50 steps leaves the network in evaluation mode."""
    torch.manual_seed(756)
    x, y = fashion(3000)
    xv, yv = fashion(800, validation=True)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs in (784, *[64] * 9):
        layers += [nn.Linear(inputs, 64), nn.BatchNorm1d(64), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def validate() -> float:
        model.eval()
        with torch.no_grad():
            return (model(xv).argmax(1) == yv).float().mean().item()

    done = 0

    def step(images: Tensor, labels: Tensor) -> Tensor:
        nonlocal done
        if done % 50 == 0:
            validate()
        if back:
            model.train()
        done += 1
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Subject(model, F.cross_entropy, optimizer, x, y, step, validate)


def forgets_to_evaluate(evaluates: bool = False) -> Subject:
    """Eight images at a time, of one class each, with batch norm and dropout as in training."""
    torch.manual_seed(757)
    x, y = colours(2000, 19)
    xv, yv = colours(600, 20)
    order = yv.argsort()
    xv, yv = xv[order], yv[order]
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32),
        nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Dropout(0.3), nn.Linear(288, 6),
    )  # fmt: skip
    loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=3e-3)
    step = make_step(model, loss_fn, optimizer)
    train(step, x, y, 80)

    def validate() -> float:
        if evaluates:
            model.eval()
        with torch.no_grad():
            hits = sum((model(xv[i : i + 8]).argmax(1) == yv[i : i + 8]).sum().item() for i in range(0, 600, 8))
        return hits / 600

    return Subject(model, loss_fn, optimizer, x, y, step, validate)


PROGRAMS = (
    Program("functional-dropout", "fcn", functional_dropout, "dropout-in-evaluation"),
    Program("maps-dropped", "cnn", maps_dropped, "dropout-in-evaluation"),
    Program("attention-dropped", "transformer", attention_dropped, "dropout-in-evaluation"),
    Program("validates-augmented", "residual", validates_augmented, "random-validation", "validate"),
    Program("validates-with-noise", "cnn", validates_with_noise, "random-validation", "validate"),
    Program("best-of-all", "cnn", best_of_all, "wrong-accuracy", "validate"),
    Program("means-added", "fcn", means_added, "wrong-accuracy", "validate"),
    Program("right-a-batch", "residual", right_a_batch, "wrong-accuracy", "validate"),
    Program("divided-by-training", "mixer", divided_by_training, "wrong-accuracy", "validate"),
    Program("wrong-dimension", "fcn", wrong_dimension, "wrong-accuracy", "validate"),
    Program("binary-gradients-pile-up", "fcn", binary_gradients_pile_up, "missing-zero-grad", "step"),
    Program("accumulates-for-ever", "residual", accumulates_for_ever, "missing-zero-grad", "step"),
    Program("layers-in-a-list", "cnn", layers_in_a_list, "parameters-not-optimised"),
    Program("only-the-head", "transformer", only_the_head, "parameters-not-optimised", "layers"),
    Program("body-frozen", "cnn", body_frozen, "frozen-parameters", "body"),
    Program("no-grad-around-backbone", "residual", no_grad_around_backbone, "detached-graph", "backbone"),
    Program("stays-in-eval", "fcn", stays_in_eval, "train-in-eval-mode", "step"),
    Program("forgets-to-evaluate", "cnn", forgets_to_evaluate, "validate-in-train-mode", "validate"),
)
