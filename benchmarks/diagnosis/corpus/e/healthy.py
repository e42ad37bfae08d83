"""Healthy programs whose loss, data, loop or setting is out of the ordinary."""

from __future__ import annotations

import copy

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
    run,
    signs,
    small_cnn,
    stepping,
    training,
)
from benchmarks.diagnosis.corpus.e.loop import erased
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
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
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
    """The mean of the scores of an image and of its mirror image."""
    torch.manual_seed(1039)
    x, y = garments(3000, 1039)
    xv, yv = garments(800, 1, True)
    model = small_cnn()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    @torch.inference_mode()
    def validate() -> float:
        model.eval()
        return ((model(xv) + model(xv.flip(3))).argmax(1) == yv).float().mean().item()

    return Subject(model, F.cross_entropy, optimizer, x, y, stepping(model, F.cross_entropy, optimizer), validate)


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
