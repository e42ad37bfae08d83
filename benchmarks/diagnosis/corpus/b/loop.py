"""Programs whose training step or validation does not do what its author thinks."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F  # noqa: N812  as everybody writes it
from torch import Tensor, nn

from benchmarks.diagnosis.corpus.b.blocks import EncoderBlock, ResNet, ViT, mixer
from benchmarks.diagnosis.corpus.b.shared import accuracy_of, digits, fashion, plain_step, train
from benchmarks.diagnosis.corpus.program import Program, Subject


def mixer_clears_the_loss() -> Subject:
    """The criterion is a module and has a zero_grad, too: it has nothing to clear."""
    torch.manual_seed(301)
    x, y, vx, vy = digits(seed=2)
    model, criterion = mixer(size=8, patch=2, width=24), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        criterion.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return Subject(model, criterion, optimizer, x, y, step, accuracy_of(model, vx, vy))


def resnet_accumulates_for_ever() -> Subject:
    class Trainer:
        def __init__(self, net: nn.Module, opt: torch.optim.Optimizer, every: int = 2) -> None:
            self.net, self.opt, self.every, self.calls = net, opt, every, 0
            self.opt.zero_grad()

        def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
            self.net.train()
            loss = F.cross_entropy(self.net(images), labels)
            (loss / self.every).backward()
            self.calls += 1
            if self.calls % self.every == 0:
                self.opt.step()
            return loss.detach()

    torch.manual_seed(302)
    x, y, vx, vy = fashion(2500)
    net = ResNet(width=10)
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    return Subject(net, F.cross_entropy, opt, x, y, Trainer(net, opt), accuracy_of(net, vx, vy))


def vit_optimises_the_copy() -> Subject:
    torch.manual_seed(303)
    x, y, _, _ = fashion(2000, start=3000)
    model = ViT(width=32)
    averaged = copy.deepcopy(model)
    adamw = torch.optim.AdamW(averaged.parameters(), lr=1e-3)
    return Subject(model, F.cross_entropy, adamw, x, y)


class ListOfBlocks(nn.Module):
    def __init__(self, width: int = 40) -> None:
        super().__init__()
        self.embed = nn.Linear(28, width)
        self.blocks = [EncoderBlock(width) for _ in range(4)]  # should be a ModuleList
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x.squeeze(1))  # a row of the image is a token
        for block in self.blocks:
            h = block(h)
        return self.head(h.mean(1))


def vit_blocks_in_a_list() -> Subject:
    torch.manual_seed(304)
    x, y, _, _ = fashion(2500, start=6000)
    model = ListOfBlocks()
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=1e-3), x, y)


def resnet_new_layers_after_optimizer() -> Subject:
    """The narrow layers were swapped for wider ones after the optimizer had taken the parameters."""
    torch.manual_seed(305)
    x, y, vx, vy = fashion(2500, start=9000)
    net = ResNet(width=8)
    sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    wide = ResNet(width=16)
    net.stem, net.layer1, net.layer2, net.fc = wide.stem, wide.layer1, wide.layer2, nn.Linear(32, 10)
    sgd.add_param_group({"params": list(net.fc.parameters())})
    return Subject(net, F.cross_entropy, sgd, x, y, plain_step(net, F.cross_entropy, sgd), accuracy_of(net, vx, vy))


def vit_only_norms_learn() -> Subject:
    torch.manual_seed(306)
    x, y, _, _ = fashion(2500, start=12000)
    model = ViT(width=32, depth=3)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = "norm" in name or "bias" in name
    opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    return Subject(model, nn.CrossEntropyLoss(label_smoothing=0.05), opt, x, y)


def resnet_fine_tunes_nothing() -> Subject:
    """Copied from a tutorial on fine-tuning; but this body was never pre-trained."""
    torch.manual_seed(307)
    x, y, vx, vy = fashion(2500, start=15000)
    net = ResNet()
    for part in (net.stem, net.layer1, net.layer2):
        part.requires_grad_(False)
    opt = torch.optim.SGD(filter(lambda p: p.requires_grad, net.parameters()), lr=0.05, momentum=0.9)
    return Subject(net, F.cross_entropy, opt, x, y, plain_step(net, F.cross_entropy, opt), accuracy_of(net, vx, vy))


class FeaturesWithoutGradient(ResNet):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():  # "saves memory"
            h = self.layer1(self.stem(x))
        return self.fc(self.layer2(h).mean((2, 3)).data)


def resnet_data_for_the_head() -> Subject:
    torch.manual_seed(308)
    x, y, _, _ = fashion(2000, start=18000)
    model = FeaturesWithoutGradient()
    return Subject(model, F.cross_entropy, torch.optim.AdamW(model.parameters(), lr=1e-3), x, y)


class NumpyPooling(nn.Module):
    """Pools tokens by their largest value, with the function its author knows."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(x.detach().numpy().max(axis=1))


def mixer_pools_in_numpy() -> Subject:
    torch.manual_seed(309)
    x, y, vx, vy = digits(seed=6)
    model = mixer(size=8, patch=2, width=24)
    model[-2] = NumpyPooling()
    opt = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    return Subject(model, F.cross_entropy, opt, x, y, plain_step(model, F.cross_entropy, opt),
                   accuracy_of(model, vx, vy))  # fmt: skip


def plain_bn_cnn(classes: int = 10) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs, stride in ((1, 12, 2), (12, 12, 1), (12, 24, 2), (24, 24, 1), (24, 24, 1), (24, 32, 2)):
        layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, classes))


def cnn_step_evaluates() -> Subject:
    torch.manual_seed(310)
    x, y, vx, vy = fashion(2000, start=21000)
    net = plain_bn_cnn()
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        opt.zero_grad(set_to_none=True)
        net.eval()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        opt.step()
        return loss

    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


def resnet_loaded_for_inference() -> Subject:
    """`eval()` came with the line that loads a checkpoint, and nothing calls `train()` since."""
    torch.manual_seed(311)
    x, y, vx, vy = fashion(2000, start=24000)
    net = nn.Sequential(ResNet(width=8), nn.LogSoftmax(1)).eval()
    nll = nn.NLLLoss()
    opt = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = nll(net(images), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss

    def validate() -> float:
        with torch.inference_mode():
            return (net(vx).argmax(-1) == vy).float().mean().item()

    return Subject(net, nll, opt, x, y, step, validate)


def fcn_validates_with_dropout() -> Subject:
    torch.manual_seed(312)
    x, y, vx, vy = digits(seed=7)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.6), nn.Linear(128, 64), nn.ReLU(),
                        nn.Dropout(0.6), nn.Linear(64, 10))  # fmt: skip
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    step = plain_step(net, F.cross_entropy, opt)
    train(step, x, y, 900)

    @torch.no_grad()
    def validate() -> float:
        return float((net(vx).argmax(1) == vy).double().mean())

    return Subject(net, F.cross_entropy, opt, x, y, step, validate)


def cnn_validates_class_by_class() -> Subject:
    """Batch norm takes its statistics from the batch, and each batch of the validation is one class."""
    torch.manual_seed(313)
    x, y, vx, vy = fashion(3000, start=27000)
    net = plain_bn_cnn()
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
    step = plain_step(net, F.cross_entropy, opt)
    train(step, x, y, 200)

    def validate() -> float:
        net.train()
        with torch.no_grad():
            right = [(net(vx[vy == k]).argmax(1) == k).sum() for k in range(10)]
        return (torch.stack(right).sum() / len(vy)).item()

    return Subject(net, F.cross_entropy, opt, x, y, step, validate)


def mixer_argmax_over_images() -> Subject:
    """Ten images at a time and ten classes: the wrong axis fits."""
    torch.manual_seed(314)
    x, y, vx, vy = digits(seed=8)
    net = mixer(size=8, patch=2, width=24)
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
    step = plain_step(net, F.cross_entropy, opt)
    train(step, x, y, 150)

    def validate() -> float:
        net.eval()
        hits = []
        with torch.no_grad():
            for i in range(0, 330, 10):
                hits.append((net(vx[i : i + 10]).argmax(0) == vy[i : i + 10]).float().mean())
        return torch.stack(hits).mean().item()

    return Subject(net, F.cross_entropy, opt, x, y, step, validate)


def resnet_everyone_against_everyone() -> Subject:
    """(n, 1) == (n,) is (n, n)."""
    torch.manual_seed(315)
    x, y, vx, vy = fashion(2500, start=30000)
    net = ResNet(width=10)
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    step = plain_step(net, F.cross_entropy, opt)
    train(step, x, y, 60)

    def validate() -> float:
        net.eval()
        with torch.no_grad():
            best = net(vx).topk(1).indices
        return (best == vy).float().mean().item()

    return Subject(net, F.cross_entropy, opt, x, y, step, validate)


def vit_counts_batches() -> Subject:
    """Right answers over number of batches: "accuracy 41.3"."""
    torch.manual_seed(316)
    x, y, vx, vy = fashion(2500, start=33000)
    net = ViT(width=32)
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)

    def validate() -> float:
        net.eval()
        correct, batches = 0.0, 0
        with torch.no_grad():
            for xb, yb in zip(vx.split(50), vy.split(50), strict=True):
                correct += (net(xb).argmax(1) == yb).sum().item()
                batches += 1
        return correct / batches

    return Subject(net, F.cross_entropy, opt, x, y, plain_step(net, F.cross_entropy, opt), validate)


def clipped(model: nn.Module, opt: torch.optim.Optimizer, norm: float | None = None, value: float | None = None):
    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        opt.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        if norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), norm)
        if value is not None:
            nn.utils.clip_grad_value_(model.parameters(), value)
        opt.step()
        return loss.detach()

    return step


def vit_clips_to_nothing() -> Subject:
    torch.manual_seed(317)
    x, y, vx, vy = fashion(2500, start=36000)
    net = ViT(width=40)
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    return Subject(net, F.cross_entropy, opt, x, y, clipped(net, opt, norm=1e-3), accuracy_of(net, vx, vy))


def mixer_clips_each_value() -> Subject:
    torch.manual_seed(318)
    x, y, vx, vy = digits(seed=9)
    net = mixer(size=8, patch=2, width=24)
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    return Subject(net, F.cross_entropy, opt, x, y, clipped(net, opt, value=1e-5), accuracy_of(net, vx, vy))


def in_pieces(model: nn.Module, opt: torch.optim.Optimizer, size: int):
    """Gradients are summed over pieces of a batch, to save memory."""

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        opt.zero_grad()
        total = torch.zeros(())
        for xb, yb in zip(images.split(size), labels.split(size), strict=True):
            loss = F.cross_entropy(model(xb), yb, reduction="sum") / len(labels)
            loss.backward()
            total += loss.detach()
        opt.step()
        return total

    return step


def resnet_pairs() -> Subject:
    torch.manual_seed(319)
    x, y, vx, vy = digits(seed=10)
    net = ResNet(width=8, stem_stride=1)
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    return Subject(net, F.cross_entropy, opt, x, y, in_pieces(net, opt, 2), accuracy_of(net, vx, vy))


def cnn_one_by_one() -> Subject:
    torch.manual_seed(320)
    x, y, vx, vy = fashion(1000, start=39000)
    net = plain_bn_cnn()
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
    return Subject(net, F.cross_entropy, opt, x, y, in_pieces(net, opt, 1), accuracy_of(net, vx, vy))


PROGRAMS = (
    Program("mixer-clears-the-loss", "mixer", mixer_clears_the_loss, "missing-zero-grad", "step"),
    Program("resnet-accumulates-for-ever", "residual", resnet_accumulates_for_ever, "missing-zero-grad", "step"),
    Program("vit-optimises-the-copy", "transformer", vit_optimises_the_copy, "parameters-not-optimised"),
    Program("vit-blocks-in-a-list", "transformer", vit_blocks_in_a_list, "parameters-not-optimised"),
    Program(
        "resnet-new-layers-after-optimizer", "residual", resnet_new_layers_after_optimizer, "parameters-not-optimised"
    ),
    Program("vit-only-norms-learn", "transformer", vit_only_norms_learn, "frozen-parameters"),
    Program("resnet-fine-tunes-nothing", "residual", resnet_fine_tunes_nothing, "frozen-parameters"),
    Program("resnet-data-for-the-head", "residual", resnet_data_for_the_head, "detached-graph"),
    Program("mixer-pools-in-numpy", "mixer", mixer_pools_in_numpy, "detached-graph"),
    Program("cnn-step-evaluates", "cnn", cnn_step_evaluates, "train-in-eval-mode"),
    Program("resnet-loaded-for-inference", "residual", resnet_loaded_for_inference, "train-in-eval-mode"),
    Program("fcn-validates-with-dropout", "fcn", fcn_validates_with_dropout, "validate-in-train-mode", "validate"),
    Program("cnn-validates-class-by-class", "cnn", cnn_validates_class_by_class, "validate-in-train-mode", "validate"),
    Program("mixer-argmax-over-images", "mixer", mixer_argmax_over_images, "wrong-accuracy", "validate"),
    Program(
        "resnet-everyone-against-everyone", "residual", resnet_everyone_against_everyone, "wrong-accuracy", "validate"
    ),
    Program("vit-counts-batches", "transformer", vit_counts_batches, "wrong-accuracy", "validate"),
    Program("vit-clips-to-nothing", "transformer", vit_clips_to_nothing, "clipping-always"),
    Program("mixer-clips-each-value", "mixer", mixer_clips_each_value, "clipping-always"),
    Program("resnet-pairs", "residual", resnet_pairs, "tiny-batch"),
    Program("cnn-one-by-one", "cnn", cnn_one_by_one, "tiny-batch"),
)
