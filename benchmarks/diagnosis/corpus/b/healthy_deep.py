"""Healthy residual networks, transformers and mixers; some look odd at first sight, on purpose."""

from __future__ import annotations

import math
from copy import deepcopy

import torch
import torch.nn.functional as F  # noqa: N812  as everybody writes it
from torch import Tensor, nn

from benchmarks.diagnosis.corpus.b.blocks import BasicBlock, ResNet, ViT, mixer
from benchmarks.diagnosis.corpus.b.shared import accuracy_of, digits, fashion, log_loss, plain_step, train
from benchmarks.diagnosis.corpus.program import Program, Subject


def resnet_sgd_nesterov() -> Subject:
    torch.manual_seed(701)
    x, y, vx, vy = fashion(4000)
    net = ResNet()
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    plain = plain_step(net, F.cross_entropy, opt)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        mirrored = torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, images.flip(3), images)
        return plain(mirrored, labels)

    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


class PreActivation(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.GroupNorm(4, width), nn.ReLU(), nn.Conv2d(width, width // 2, 1), nn.GroupNorm(4, width // 2), nn.ReLU(),
            nn.Conv2d(width // 2, width // 2, 3, padding=1), nn.ReLU(), nn.Conv2d(width // 2, width, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def resnet_bottlenecks() -> Subject:
    torch.manual_seed(702)
    x, y, _, _ = fashion(4000, start=4000)
    net = nn.Sequential(
        nn.Conv2d(1, 24, 3, 2, 1), PreActivation(24), nn.Conv2d(24, 48, 2, stride=2), PreActivation(48),
        PreActivation(48), nn.GroupNorm(4, 48), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 10),
    )  # fmt: skip
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.05), x, y)


def resnet_zero_gamma() -> Subject:
    """Each block starts as the identity: the scale of its last norm is 0 (Goyal et al. 2017)."""
    torch.manual_seed(703)
    x, y, vx, vy = fashion(4000, start=8000)
    net = nn.Sequential(
        nn.Conv2d(1, 12, 3, 2, 1), BasicBlock(12, 12), BasicBlock(12, 24, 2), BasicBlock(24, 24),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(24, 10),
    )  # fmt: skip
    for module in net.modules():
        if isinstance(module, BasicBlock):
            nn.init.zeros_(module.bn2.weight)
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    return Subject(net, criterion, opt, x, y, plain_step(net, criterion, opt), accuracy_of(net, vx, vy))


class SkipInit(nn.Module):
    """No norm; a scalar that starts at 0 decides how much of the branch is heard (De & Smith 2020)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.alpha * self.conv2(F.silu(self.conv1(F.silu(x))))


def resnet_skip_init() -> Subject:
    torch.manual_seed(704)
    x, y, vx, vy = digits(seed=30)
    net = nn.Sequential(nn.Conv2d(1, 20, 3, padding=1), *(SkipInit(20) for _ in range(4)), nn.SiLU(), nn.MaxPool2d(2),
                        nn.Flatten(), nn.Linear(320, 10))  # fmt: skip
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = F.cross_entropy(net(images), labels)
        for p in net.parameters():
            p.grad = None
        loss.backward()
        opt.step()
        return loss

    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


class ConvNeXtBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)
        self.scale = nn.Parameter(torch.full((width,), 1e-3))  # layer scale: small at the start

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + (self.scale * self.down(F.gelu(self.up(h)))).permute(0, 3, 1, 2)


def resnet_convnext() -> Subject:
    torch.manual_seed(705)
    x, y, _, _ = fashion(4000, start=12000)
    net = nn.Sequential(nn.Conv2d(1, 32, 4, stride=4), ConvNeXtBlock(32), ConvNeXtBlock(32), nn.AdaptiveAvgPool2d(1),
                        nn.Flatten(), nn.LayerNorm(32), nn.Linear(32, 10))  # fmt: skip
    decayed = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    opt = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}], lr=4e-3
    )
    return Subject(net, log_loss, opt, x, y)


class Dense(nn.Module):
    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x, self.conv(F.relu(self.norm(x)))), 1)


def resnet_dense_every_second_call() -> Subject:
    """Gradients of two calls are added on purpose, and cleared after the optimizer's step."""
    torch.manual_seed(706)
    x, y, vx, vy = digits(seed=31)
    net = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), Dense(12, 8), Dense(20, 8), nn.MaxPool2d(2), Dense(28, 8),
                        nn.BatchNorm2d(36), nn.ReLU(), nn.Flatten(), nn.Linear(36 * 16, 10))  # fmt: skip
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
    calls = 0

    def step(images: Tensor, labels: Tensor) -> Tensor:
        nonlocal calls
        net.train()
        loss = F.cross_entropy(net(images), labels)
        (loss / 2).backward()
        calls += 1
        if calls % 2 == 0:
            opt.step()
            opt.zero_grad()
        return loss.detach()

    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


def resnet_trained_digits() -> Subject:
    """Trained to the end of its cosine, the learning rate of which therefore is small."""
    torch.manual_seed(707)
    x, y, vx, vy = digits(seed=32)
    net = ResNet(width=8, stem_stride=1)
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    step = plain_step(net, F.cross_entropy, opt)
    for epoch in range(16):
        for group in opt.param_groups:
            group["lr"] = 0.01 + 0.09 * (1 + math.cos(math.pi * epoch / 16)) / 2
        train(step, x, y, len(y) // 64, seed=epoch)
    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


class ClassToken(ViT):
    """A class token in place of the mean; positions are sines and stay as they are, as in MAE."""

    def __init__(self, patch: int, width: int) -> None:
        super().__init__(patch=patch, width=width)
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        place = torch.arange((28 // patch) ** 2)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
        self.position = nn.Parameter(torch.cat((place.sin(), place.cos()), 1)[None], requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat((self.token.expand(len(x), -1, -1), self.tokens(x)), 1)
        return self.head(self.norm(self.blocks(x))[:, 0])


def vit_class_token() -> Subject:
    torch.manual_seed(708)
    x, y, vx, vy = fashion(4000, start=16000)
    net = ClassToken(7, 48)
    opt = torch.optim.AdamW((p for p in net.parameters() if p.requires_grad), lr=1e-3, weight_decay=0.05)
    warm = torch.optim.lr_scheduler.LinearLR(opt, 0.05, 1.0, total_iters=60)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 20_000)
    scheduler = torch.optim.lr_scheduler.SequentialLR(opt, [warm, cosine], [60])

    def step(images: Tensor, labels: Tensor) -> Tensor:
        net.train()
        opt.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)
        opt.step()
        scheduler.step()
        return loss.detach()

    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


class RowsAsTokens(nn.Module):
    def __init__(self, width: int = 48) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(width, 4, 96, 0.1, "gelu", batch_first=True, norm_first=True)
        self.embed, self.place = nn.Linear(28, width), nn.Embedding(28, width)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x.squeeze(1)) + self.place.weight
        return self.head(self.norm(self.encoder(h)).amax(1))


def vit_rows_as_tokens() -> Subject:
    torch.manual_seed(709)
    x, y, _, _ = fashion(4000, start=20000)
    net = RowsAsTokens()
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.AdamW(net.parameters(), lr=1e-3), x, y)


class Gated(nn.Module):
    """RMS norm, attention by hand, SwiGLU, no biases: a block of a language model."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(2 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in self.qkv(self.norm1(x)).chunk(3, -1))
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        gate, value = self.up(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * value)


def vit_like_a_language_model() -> Subject:
    torch.manual_seed(710)
    x, y, vx, vy = digits(seed=33)
    net = ViT(size=8, patch=2, width=32)
    net.blocks = nn.Sequential(Gated(32, 4), Gated(32, 4))
    opt = torch.optim.Adam(net.parameters(), lr=2e-3, betas=(0.9, 0.95))
    return Subject(net, log_loss, opt, x, y, plain_step(net, log_loss, opt), accuracy_of(net, vx, vy))


class Compact(ViT):
    """Convolutions make the tokens, and a learned average takes them together (CCT)."""

    def __init__(self) -> None:
        super().__init__(patch=4, width=40, depth=1, dropout=0.1)
        self.embed = nn.Sequential(nn.Conv2d(1, 20, 3, 2, 1), nn.ReLU(), nn.Conv2d(20, 40, 3, 2, 1), nn.ReLU())
        self.weigh = nn.Linear(40, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.blocks(self.tokens(x)))
        return self.head((self.weigh(h).softmax(1) * h).sum(1))


def vit_compact() -> Subject:
    torch.manual_seed(711)
    x, y, vx, vy = fashion(3000, start=24000)
    net = Compact()
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.03)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        """Mixes each image with another, and their losses alike."""
        net.train()
        opt.zero_grad()
        share, other = 0.8 + 0.2 * torch.rand(()), torch.randperm(len(images))
        out = net(share * images + (1 - share) * images[other])
        loss = share * F.cross_entropy(out, labels) + (1 - share) * F.cross_entropy(out, labels[other])
        loss.backward()
        opt.step()
        return loss.detach()

    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


def mixer_averaged() -> Subject:
    """Validates with the running average of its weights, which no optimizer knows."""
    torch.manual_seed(712)
    x, y, vx, vy = fashion(4000, start=28000)
    net = mixer(width=40)
    average = deepcopy(net).requires_grad_(False)
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    plain = plain_step(net, F.cross_entropy, opt)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = plain(images, labels)
        for kept, new in zip(average.parameters(), net.parameters(), strict=True):
            kept.lerp_(new.detach(), 0.05)
        return loss

    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(average, vx, vy))


class SpatialGate(nn.Module):
    """gMLP: the gate's matrix starts near 0 and its bias at 1."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.inner, self.spatial = nn.LayerNorm(width), nn.Linear(tokens, tokens)
        nn.init.normal_(self.spatial.weight, std=1e-3)
        nn.init.ones_(self.spatial.bias)

    def forward(self, x: Tensor) -> Tensor:
        u, v = F.gelu(self.up(self.norm(x))).chunk(2, -1)
        return x + self.down(u * self.spatial(self.inner(v).transpose(1, 2)).transpose(1, 2))


def mixer_gated() -> Subject:
    torch.manual_seed(713)
    x, y, _, _ = digits(seed=34)
    net = mixer(size=8, patch=2, width=32)
    net[2], net[3] = SpatialGate(16, 32), SpatialGate(16, 32)
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.AdamW(net.parameters(), lr=2e-3), x, y)


class ConvMixer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Sequential(
            nn.Conv2d(width, width, 5, padding=2, groups=width), nn.GELU(), nn.BatchNorm2d(width)
        )
        self.pointwise = nn.Sequential(nn.Conv2d(width, width, 1), nn.GELU(), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(x + self.depthwise(x))


def mixer_convolutional() -> Subject:
    torch.manual_seed(714)
    x, y, _, _ = fashion(4000, start=32000)
    stem = nn.Sequential(nn.Conv2d(1, 40, 4, stride=4), nn.GELU(), nn.BatchNorm2d(40))
    net = nn.Sequential(stem, ConvMixer(40), ConvMixer(40), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(40, 10))
    opt = torch.optim.RMSprop(net.parameters(), lr=2e-3)
    return Subject(net, log_loss, opt, x, y)


class Axial(nn.Module):
    """Mixes along the columns, along the rows and across channels; no patches."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.column, self.row, self.channel = (
            nn.Linear(size, size),
            nn.Linear(size, size),
            nn.Conv2d(3 * width, width, 1),
        )
        self.norm = nn.GroupNorm(1, width)

    def forward(self, x: Tensor) -> Tensor:
        h = F.gelu(self.norm(x))
        return x + self.channel(torch.cat((h, self.row(h), self.column(h.mT).mT), 1))


def mixer_axial_plain_sgd() -> Subject:
    torch.manual_seed(715)
    x, y, _, _ = digits(seed=35)
    net = nn.Sequential(nn.Conv2d(1, 16, 1), Axial(8, 16), Axial(8, 16), nn.GELU(), nn.AvgPool2d(2), nn.Flatten(),
                        nn.Linear(256, 10))  # fmt: skip
    return Subject(net, F.cross_entropy, torch.optim.SGD(net.parameters(), lr=0.1), x, y)


PROGRAMS = (
    Program("resnet-sgd-nesterov", "residual", resnet_sgd_nesterov),
    Program("resnet-bottlenecks", "residual", resnet_bottlenecks),
    Program("resnet-zero-gamma", "residual", resnet_zero_gamma),
    Program("resnet-skip-init", "residual", resnet_skip_init),
    Program("resnet-convnext", "residual", resnet_convnext),
    Program("resnet-dense-every-second-call", "residual", resnet_dense_every_second_call),
    Program("resnet-trained-digits", "residual", resnet_trained_digits),
    Program("vit-class-token", "transformer", vit_class_token),
    Program("vit-rows-as-tokens", "transformer", vit_rows_as_tokens),
    Program("vit-like-a-language-model", "transformer", vit_like_a_language_model),
    Program("vit-compact", "transformer", vit_compact),
    Program("mixer-averaged", "mixer", mixer_averaged),
    Program("mixer-gated", "mixer", mixer_gated),
    Program("mixer-convolutional", "mixer", mixer_convolutional),
    Program("mixer-axial-plain-sgd", "mixer", mixer_axial_plain_sgd),
)
