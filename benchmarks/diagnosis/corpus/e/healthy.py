"""Healthy programs whose loss or data are out of the ordinary."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.diagnosis.corpus.e.kit import (
    LeNet,
    TinyResNet,
    accuracy,
    accuracy_of_one_output,
    bce,
    digit_rows,
    garment_bytes,
    garments,
    garments_of,
    mlp,
    signs,
    small_cnn,
    stepping,
    training,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def squares_of_one_hot() -> Subject:
    torch.manual_seed(1010)

    def loss_fn(out: Tensor, labels: Tensor) -> Tensor:
        return F.mse_loss(out, F.one_hot(labels, 5).float())

    model = TinyResNet(3, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, signs(2000, 1010), signs(600, 1), optimizer, loss_fn)


def ten_binary_questions() -> Subject:
    """BCE with logits for each class against the rest; the bias begins at the odds of one in ten."""
    torch.manual_seed(1011)
    x, y = garments(3000, 1011)
    model = LeNet()
    nn.init.constant_(model.fc3.bias, -2.2)

    def loss_fn(out: Tensor, labels: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(out, F.one_hot(labels, 10).float())

    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, loss_fn, optimizer, x, y, validate=accuracy(model, garments(1000, 1, True)))


def hinge() -> Subject:
    torch.manual_seed(1012)
    model = mlp(784, 128, 64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return training(model, garments(3000, 1012), garments(1000, 1, True), optimizer, nn.MultiMarginLoss())


def smoothed_three_classes() -> Subject:
    torch.manual_seed(1013)
    x, y = garments(2400, 1013, classes=[2, 4, 6])
    model = small_cnn(1, 3)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.2)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    held_out = garments(900, 1, True, [2, 4, 6])
    return Subject(model, criterion, optimizer, x, y, validate=accuracy(model, held_out))


class LogProbabilities(nn.Module):
    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(self.body(x), dim=-1)


def log_softmax_nll() -> Subject:
    torch.manual_seed(1014)
    model = LogProbabilities(LeNet(3, 32, 5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return training(model, signs(2000, 1014), signs(600, 1), optimizer, nn.NLLLoss())


def log_softmax_cross_entropy() -> Subject:
    """Cross-entropy takes the log-softmax again, which changes nothing."""
    torch.manual_seed(1015)
    x, y, xv, yv = digit_rows()
    model = LogProbabilities(mlp(64, 64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return training(model, (x / 16, y), (xv / 16, yv), optimizer)


class ProbabilitiesInEvaluation(nn.Module):
    """Gives logits in training and probabilities to whoever deploys it."""

    def __init__(self):
        super().__init__()
        self.net = small_cnn()

    def forward(self, x: Tensor) -> Tensor:
        out = self.net(x)
        return out if self.training else out.softmax(1)


def probabilities_in_evaluation() -> Subject:
    torch.manual_seed(1016)
    model = ProbabilitiesInEvaluation()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, garments(3000, 1016), garments(1000, 1, True), optimizer)


def sigmoid_and_bce() -> Subject:
    torch.manual_seed(1017)
    x, y = garments(1600, 1017, classes=[2, 6])
    model = nn.Sequential(*mlp(784, 64, 32, 1), nn.Sigmoid())

    def loss_fn(out: Tensor, labels: Tensor) -> Tensor:
        return F.binary_cross_entropy(out[:, 0], labels.float())

    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    validate = accuracy_of_one_output(model, garments(800, 1, True, [2, 6]), threshold=0.5)
    return Subject(model, loss_fn, optimizer, x, y, stepping(model, loss_fn, optimizer), validate)


def one_output_resnet() -> Subject:
    torch.manual_seed(1018)
    x, y = garments(1600, 1018, classes=[0, 3])
    model = TinyResNet(classes=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    validate = accuracy_of_one_output(model, garments(800, 1, True, [0, 3]))
    return Subject(model, bce, optimizer, x, y, validate=validate)


def positives_weighted() -> Subject:
    """One shirt in ten, with pos_weight."""
    torch.manual_seed(1019)
    x, y = garments_of({0: 1800, 6: 200}, 1019)
    criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(9.0))

    def loss_fn(out: Tensor, labels: Tensor) -> Tensor:
        return criterion(out.squeeze(1), labels.float())

    model = mlp(784, 64, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    validate = accuracy_of_one_output(model, garments_of({0: 400, 6: 400}, 1, True))
    return Subject(model, loss_fn, optimizer, x, y, stepping(model, loss_fn, optimizer), validate)


def four_to_one() -> Subject:
    """Uneven, and nothing is done about it, nor need be."""
    torch.manual_seed(1020)
    x, y = garments_of({1: 1600, 3: 400}, 1020)
    model = small_cnn(1, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, (x, y), garments_of({1: 400, 3: 400}, 1, True), optimizer)


def rare_drawn_more_often() -> Subject:
    """Images of rare classes stand in the list several times: a balanced sample, in the training part alone."""
    torch.manual_seed(1021)
    x, y = garments_of({0: 900, 1: 300, 2: 900, 3: 300, 4: 900}, 1021)
    rows = torch.cat([torch.arange(len(y)), *[torch.where((y == 1) | (y == 3))[0]] * 2])
    rows = rows[torch.randperm(len(rows))]
    model = mlp(784, 96, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, (x[rows], y[rows]), garments_of(dict.fromkeys(range(5), 180), 1, True), optimizer)


def mirrored_copies() -> Subject:
    """Each training image and its mirror image."""
    torch.manual_seed(1022)
    x, y = garments(1500, 1022)
    x, y = torch.cat([x, x.flip(3)]), torch.cat([y, y])
    order = torch.randperm(len(x))
    model = LeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, (x[order], y[order]), garments(1000, 1, True), optimizer)


def grey_in_three_channels() -> Subject:
    """A network for colours gets the same picture three times."""
    torch.manual_seed(1023)
    (x, y), (xv, yv) = garments(2500, 1023), garments(800, 1, True)
    model = TinyResNet(3, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, (x.repeat(1, 3, 1, 1), y), (xv.expand(-1, 3, -1, -1), yv), optimizer)


def nought_to_one() -> Subject:
    """ToTensor() and no Normalize()."""
    torch.manual_seed(1024)
    (x, y), (xv, yv) = garment_bytes(3000, 1024), garment_bytes(1000, 1, True)
    model = mlp(784, 128, 64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, (x.float() / 255, y), (xv.float() / 255, yv), optimizer)


class TakesBytes(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = small_cnn()

    def forward(self, x: Tensor) -> Tensor:
        return self.net((x.float() / 255 - 0.286) / 0.353)


def bytes_inside() -> Subject:
    """The network divides by 255 itself."""
    torch.manual_seed(1025)
    (x, y), (xv, yv) = garment_bytes(3000, 1025), garment_bytes(1000, 1, True)
    model = TakesBytes()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, (x.float(), y), (xv.float(), yv), optimizer)


def three_hundred_digits() -> Subject:
    torch.manual_seed(1026)
    x, y, xv, yv = digit_rows(1026)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    return training(model, (x[:300] / 8 - 1, y[:300]), (xv / 8 - 1, yv), optimizer)


PROGRAMS = (
    Program("squares-of-one-hot", "residual", squares_of_one_hot),
    Program("ten-binary-questions", "cnn", ten_binary_questions),
    Program("hinge", "fcn", hinge),
    Program("smoothed-three-classes", "cnn", smoothed_three_classes),
    Program("log-softmax-nll", "cnn", log_softmax_nll),
    Program("log-softmax-cross-entropy", "fcn", log_softmax_cross_entropy),
    Program("probabilities-in-evaluation", "cnn", probabilities_in_evaluation),
    Program("sigmoid-and-bce", "fcn", sigmoid_and_bce),
    Program("one-output-resnet", "residual", one_output_resnet),
    Program("positives-weighted", "fcn", positives_weighted),
    Program("four-to-one", "cnn", four_to_one),
    Program("rare-drawn-more-often", "fcn", rare_drawn_more_often),
    Program("mirrored-copies", "cnn", mirrored_copies),
    Program("grey-in-three-channels", "residual", grey_in_three_channels),
    Program("nought-to-one", "fcn", nought_to_one),
    Program("bytes-inside", "cnn", bytes_inside),
    Program("three-hundred-digits", "fcn", three_hundred_digits),
)
