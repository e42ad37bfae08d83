"""Healthy programs again: trained half-way or to their end, or with unusual but sound habits."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.diagnosis.corpus.c.blocks import accuracy, digits, fashion, standard, train
from benchmarks.diagnosis.corpus.program import Program, Subject


class EarlyStopping:
    """An engineer's trainer: keeps the best weights and stops when three checks bring nothing better."""

    def __init__(self, model, optimizer, data, held, patience=3):
        self.model, self.optimizer, self.data, self.held = model, optimizer, data, held
        self.criterion = nn.CrossEntropyLoss()
        self.patience, self.best, self.weights = patience, 0.0, None

    def step(self, x, y):
        self.model.train()
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss

    def validate(self):
        return accuracy(self.model, *self.held)

    def fit(self, checks=25):
        waited = 0
        for check in range(checks):
            train(self.step, *self.data, steps=80, batch=64, seed=check)
            reached = self.validate()
            if reached > self.best:
                self.best, waited = reached, 0
                self.weights = {name: value.clone() for name, value in self.model.state_dict().items()}
            elif (waited := waited + 1) == self.patience:
                break
        self.model.load_state_dict(self.weights)


def early_stopping():
    torch.manual_seed(371)
    raw, labels, raw_held, held_labels = fashion(371, 6000)
    images, held = standard(raw.flatten(1), raw_held.flatten(1))
    model = nn.Sequential(
        nn.Dropout(0.1), nn.Linear(784, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.4), nn.Linear(64, 10)
    )
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.95)
    trainer = EarlyStopping(model, optimizer, (images, labels), (held, held_labels))
    trainer.fit()
    return Subject(model, trainer.criterion, optimizer, images, labels, trainer.step, trainer.validate)


def digits_convolved():
    torch.manual_seed(372)
    raw, labels, raw_held, held_labels = digits(372)
    images, held = standard(raw, raw_held)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ELU(), nn.Conv2d(16, 24, 2, stride=2), nn.ELU(), nn.Flatten(),
        nn.Dropout(0.25), nn.Linear(384, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def step(x, y):
        model.train()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    def validate():
        model.eval()
        with torch.no_grad():
            return (model(held).argmax(1) == held_labels).float().mean().item()

    train(step, images, labels, steps=400, batch=64)
    return Subject(model, functional.cross_entropy, optimizer, images, labels, step, validate)


def two_thousand_weights():
    """As small as may be: 1,800 weights are enough for the digits. Trained to its end."""
    torch.manual_seed(373)
    raw, labels, raw_held, held_labels = digits(373)
    images, held = standard(raw.flatten(1), raw_held.flatten(1))
    model = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)

    def step(x, y):
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    train(step, images, labels, steps=1500, batch=32)
    return Subject(model, criterion, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels))


def accumulated():
    """A batch in four parts, one update: group norm does not mind."""
    torch.manual_seed(376)
    raw, labels, raw_held, held_labels = fashion(376, 3000)
    images, held = standard(raw, raw_held)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.GroupNorm(4, 16), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.GroupNorm(4, 32),
        nn.ReLU(), nn.Flatten(), nn.Linear(1568, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)

    def step(x, y):
        optimizer.zero_grad()
        total = torch.zeros(())
        for part_x, part_y in zip(x.chunk(4), y.chunk(4), strict=True):
            loss = functional.cross_entropy(model(part_x), part_y, reduction="sum") / len(y)
            loss.backward()
            total += loss.detach()
        optimizer.step()
        return total

    return Subject(
        model, functional.cross_entropy, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels)
    )


def sharpness_aware():
    """SAM: climb to the worst point near by, take the gradient there, and step from where one stood."""
    torch.manual_seed(377)
    raw, labels, raw_held, held_labels = fashion(377, 3000)
    images, held = standard(raw.flatten(1), raw_held.flatten(1))
    model = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    rho = 0.02

    def step(x, y):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        with torch.no_grad():
            norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm() + 1e-12
            climbs = [rho * p.grad / norm for p in model.parameters()]
            for p, climb in zip(model.parameters(), climbs, strict=True):
                p.add_(climb)
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        with torch.no_grad():
            for p, climb in zip(model.parameters(), climbs, strict=True):
                p.sub_(climb)
        optimizer.step()
        return loss.detach()

    return Subject(
        model, functional.cross_entropy, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels)
    )


def augmented():
    """Flips and shifts of up to one pixel, made within the step; half-way through the training."""
    torch.manual_seed(378)
    raw, labels, raw_held, held_labels = fashion(378, 5000)
    images, held = standard(raw, raw_held)
    black = images.min().item()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 5, 2, 2), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 24, 3, 2, 1), nn.BatchNorm2d(24),
        nn.ReLU(), nn.Flatten(), nn.Linear(1176, 10),
    )  # fmt: skip
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=1e-3)

    def augment(x):
        flip = torch.rand(len(x)) < 0.5
        x = torch.where(flip[:, None, None, None], x.flip(-1), x)
        top, left = torch.randint(3, (2,)).tolist()
        return functional.pad(x, (1, 1, 1, 1), value=black)[..., top : top + 28, left : left + 28]

    def step(x, y):
        model.train()
        optimizer.zero_grad()
        loss = criterion(model(augment(x)), y)
        loss.backward()
        optimizer.step()
        return loss

    train(step, images, labels, steps=550, batch=64)
    return Subject(model, criterion, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels))


def focal():
    """Focal loss, which weighs what is already right a little less; otherwise as always."""
    torch.manual_seed(380)
    raw, labels, *_ = fashion(380, 4000)
    (images,) = standard(raw.flatten(1))

    def focal_loss(logits, target, gamma=1.0):
        log_p = functional.log_softmax(logits, dim=-1).gather(1, target.unsqueeze(1)).squeeze(1)
        return -((1 - log_p.exp()) ** gamma * log_p).mean()

    model = nn.Sequential(nn.Linear(784, 96), nn.CELU(), nn.Linear(96, 48), nn.CELU(), nn.Linear(48, 10))
    return Subject(model, focal_loss, torch.optim.Adam(model.parameters(), lr=1e-3), images, labels)


def seven_digits():
    """The digits without 5, 8 and 9: few images, few weights."""
    torch.manual_seed(382)
    raw, labels, *_ = digits(382)
    kept = torch.tensor([0, 1, 2, 3, 4, 6, 7])
    rows = torch.isin(labels, kept)
    images, labels = raw[rows].flatten(1) / 255.0 - 0.3, torch.searchsorted(kept, labels[rows])
    model = nn.Sequential(nn.Linear(64, 32), nn.Softplus(), nn.Linear(32, 7))
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=3e-3), images, labels)


def half_a_million():
    """A wide layer on purpose, held by dropout and decay, clipped at a norm that it seldom reaches."""
    torch.manual_seed(383)
    raw, labels, raw_held, held_labels = fashion(383, 6000)
    images, held = standard(raw.flatten(1), raw_held.flatten(1))
    model = nn.Sequential(
        nn.Linear(784, 320), nn.LayerNorm(320), nn.ReLU(), nn.Dropout(0.4), nn.Linear(320, 320), nn.LayerNorm(320),
        nn.ReLU(), nn.Dropout(0.4), nn.Linear(320, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-3)

    def step(x, y):
        model.train()
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=5.0)
        optimizer.step()
        return loss.detach()

    train(step, images, labels, steps=350, batch=64)
    return Subject(
        model, functional.cross_entropy, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels)
    )


def closure_style():
    """optimizer.step(closure), as the documentation of L-BFGS has it, with Adagrad."""
    torch.manual_seed(384)
    raw, labels, raw_held, held_labels = fashion(384, 4000)
    images, held = standard(raw, raw_held)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(1152, 10)
    )
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adagrad(model.parameters(), lr=0.01)

    def step(x, y):
        def closure():
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            return loss

        return optimizer.step(closure)

    return Subject(model, criterion, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels))


PROGRAMS = (
    Program("c-ok-early-stopping", "fcn", early_stopping),
    Program("c-ok-digits-convolved", "cnn", digits_convolved),
    Program("c-ok-two-thousand-weights", "fcn", two_thousand_weights),
    Program("c-ok-accumulated", "cnn", accumulated),
    Program("c-ok-sharpness-aware", "fcn", sharpness_aware),
    Program("c-ok-augmented", "cnn", augmented),
    Program("c-ok-focal", "fcn", focal),
    Program("c-ok-seven-digits", "fcn", seven_digits),
    Program("c-ok-half-a-million", "fcn", half_a_million),
    Program("c-ok-closure-style", "cnn", closure_style),
)
