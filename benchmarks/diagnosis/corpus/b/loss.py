"""Programs whose loss is not the one their network needs."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  as everybody writes it
from torch import Tensor, nn

from benchmarks.diagnosis.corpus.b.blocks import ResNet, ViT, mixer
from benchmarks.diagnosis.corpus.b.shared import accuracy_of, digits, fashion, plain_step, train
from benchmarks.diagnosis.corpus.program import Program, Subject


def vit_head_ends_in_softmax() -> Subject:
    torch.manual_seed(101)
    images, labels, _, _ = fashion(3000)
    vit = ViT(width=40)
    vit.head = nn.Sequential(vit.head, nn.Softmax(dim=-1))
    optimizer = torch.optim.AdamW(vit.parameters(), lr=1e-3, weight_decay=0.01)
    return Subject(vit, nn.CrossEntropyLoss(label_smoothing=0.1), optimizer, images, labels)


def mixer_softmax_in_lambda() -> Subject:
    torch.manual_seed(102)
    x, y, vx, vy = digits()
    net = mixer(size=8, patch=2, width=24)
    loss_fn = lambda out, target: F.cross_entropy(torch.softmax(out, 1), target)  # noqa: E731  as its author has it
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    return Subject(net, loss_fn, opt, x, y, plain_step(net, loss_fn, opt), accuracy_of(net, vx, vy))


def resnet_returns_probabilities() -> Subject:
    class Probabilities(ResNet):
        def forward(self, x: Tensor) -> Tensor:
            return F.softmax(self.fc(self.features(x)), dim=1)

    torch.manual_seed(103)
    x, y, vx, vy = fashion(2500, start=9000)
    model = Probabilities()
    criterion = nn.CrossEntropyLoss()
    sgd = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    step = plain_step(model, criterion, sgd)
    train(step, x, y, 25)
    return Subject(model, criterion, sgd, x, y, step, accuracy_of(model, vx, vy))


def resnet_nll_on_logits() -> Subject:
    torch.manual_seed(104)
    x, y, vx, vy = fashion(2000, start=3000)
    net = ResNet(width=10)
    nll = nn.NLLLoss()
    adam = torch.optim.Adam(net.parameters(), lr=2e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        net.train()
        loss = nll(net(images), labels)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss

    return Subject(net, nll, adam, x, y, step, accuracy_of(net, vx, vy))


def vit_forgot_the_minus() -> Subject:
    def likelihood(scores: Tensor, labels: Tensor) -> Tensor:
        return scores.log_softmax(1).gather(1, labels.unsqueeze(1)).mean()

    torch.manual_seed(105)
    images, labels, _, _ = fashion(2000, classes=(0, 1, 5, 7, 8))
    model = ViT(width=32, classes=5)
    return Subject(model, likelihood, torch.optim.AdamW(model.parameters(), lr=5e-4), images, labels)


def mixer_expected_class() -> Subject:
    """The class number is regressed: a sandal (5) counts as the middle of trousers (1) and ankle boots (9)."""

    def squared_error(out: Tensor, labels: Tensor) -> Tensor:
        classes = torch.arange(out.shape[1], dtype=out.dtype)
        return F.mse_loss(out.softmax(1) @ classes, labels.to(out.dtype))

    torch.manual_seed(106)
    x, y, vx, vy = fashion(3000, start=12000)
    model = mixer(width=32)
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, squared_error, opt, x, y, plain_step(model, squared_error, opt), accuracy_of(model, vx, vy))


def fcn_l1_to_one_hot() -> Subject:
    """Nine of ten targets are 0, and the median of each output therefore is."""
    torch.manual_seed(107)
    x, y, _, _ = digits(seed=3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.SiLU(), nn.Linear(96, 48), nn.SiLU(), nn.Linear(48, 10))
    l1 = nn.L1Loss()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return Subject(model, lambda out, t: l1(out, F.one_hot(t, 10).float()), sgd, x, y)


def resnet_relu_on_scores() -> Subject:
    class Rectified(ResNet):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(super().forward(x))

    torch.manual_seed(118)
    x, y, vx, vy = fashion(2500, start=15000)
    model = Rectified(width=8)
    opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    step = plain_step(model, F.cross_entropy, opt)
    return Subject(model, F.cross_entropy, opt, x, y, step, accuracy_of(model, vx, vy))


def mixer_sigmoid_scores() -> Subject:
    torch.manual_seed(109)
    x, y, _, _ = fashion(2500, start=18000)
    body = mixer(width=28)
    model = nn.Sequential()
    model.add_module("body", body)
    model.add_module("squash", nn.Sigmoid())
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.RMSprop(model.parameters(), lr=5e-4), x, y)


def cnn_summed_loss() -> Subject:
    torch.manual_seed(110)
    x, y, _, _ = fashion(3000, start=21000)
    net = nn.Sequential(
        nn.Conv2d(1, 12, 5, 2, 2), nn.LeakyReLU(0.1), nn.Conv2d(12, 24, 3, 2, 1), nn.LeakyReLU(0.1),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24 * 9, 10),
    )  # fmt: skip
    criterion = nn.CrossEntropyLoss(reduction="sum")
    opt = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9)
    return Subject(net, criterion, opt, x, y)


def vit_mean_of_the_mean() -> Subject:
    torch.manual_seed(111)
    x, y, _, _ = digits(seed=4)
    vit = ViT(size=8, patch=2, width=32)

    def loss_fn(logits: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(logits, target) / logits.shape[0]

    opt = torch.optim.SGD(vit.parameters(), lr=0.05, momentum=0.9)
    return Subject(vit, loss_fn, opt, x, y)


PROGRAMS = (
    Program("vit-head-ends-in-softmax", "transformer", vit_head_ends_in_softmax, "softmax-before-loss", "head"),
    Program("mixer-softmax-in-lambda", "mixer", mixer_softmax_in_lambda, "softmax-before-loss", "loss_fn"),
    Program("resnet-returns-probabilities", "residual", resnet_returns_probabilities, "softmax-before-loss"),
    Program("resnet-nll-on-logits", "residual", resnet_nll_on_logits, "wrong-loss", "loss_fn"),
    Program("vit-forgot-the-minus", "transformer", vit_forgot_the_minus, "wrong-loss", "loss_fn"),
    Program("mixer-expected-class", "mixer", mixer_expected_class, "wrong-loss", "loss_fn"),
    Program("fcn-l1-to-one-hot", "fcn", fcn_l1_to_one_hot, "wrong-loss", "loss_fn"),
    Program("resnet-relu-on-scores", "residual", resnet_relu_on_scores, "output-activation"),
    Program("mixer-sigmoid-scores", "mixer", mixer_sigmoid_scores, "output-activation", "squash"),
    Program("cnn-summed-loss", "cnn", cnn_summed_loss, "loss-reduction", "loss_fn"),
    Program("vit-mean-of-the-mean", "transformer", vit_mean_of_the_mean, "loss-reduction", "loss_fn"),
)
