"""Programs whose network and loop are sound, and whose images or labels are not."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  as everybody writes it
from torch import Tensor, nn

from benchmarks.diagnosis.corpus.b.blocks import ResNet, ViT, mixer
from benchmarks.diagnosis.corpus.b.shared import accuracy_of, digits, fashion, log_loss, normalised, plain_step, raw
from benchmarks.diagnosis.corpus.program import Program, Subject


def trained_by(model: nn.Module, opt: torch.optim.Optimizer, data: tuple[Tensor, Tensor, Tensor, Tensor]) -> Subject:
    """The loop all of these have in common, which has no fault."""
    x, y, vx, vy = data
    step = plain_step(model, F.cross_entropy, opt)
    return Subject(model, F.cross_entropy, opt, x, y, step, accuracy_of(model, vx, vy))


def small_cnn(act: type[nn.Module]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 10, 3, stride=2, padding=1), act(), nn.Conv2d(10, 20, 3, stride=2, padding=1), act(),
        nn.Conv2d(20, 24, 3, stride=2, padding=1), act(), nn.Flatten(), nn.Linear(24 * 16, 10),
    )  # fmt: skip


def resnet_shuffled_apart() -> Subject:
    torch.manual_seed(201)
    x, y, _, _ = fashion(3000)
    x = x[torch.randperm(len(x))]
    y = y[torch.randperm(len(y))]
    model = ResNet()
    return Subject(model, F.cross_entropy, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9), x, y)


def vit_label_file_without_header() -> Subject:
    """The reader of the labels skips a first line that is no header: each image has the label of the next."""
    torch.manual_seed(202)
    x, y, _, _ = fashion(2501)
    model = ViT(width=32)
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.AdamW(model.parameters(), lr=1e-3), x[:-1], y[1:])


def mixer_shuffles_half_the_batch() -> Subject:
    torch.manual_seed(203)
    x, y, vx, vy = digits()
    model = mixer(size=8, patch=2, width=24)
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        images = images[torch.randperm(len(images))]
        loss = F.cross_entropy(model(images), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss

    return Subject(model, F.cross_entropy, opt, x, y, step, accuracy_of(model, vx, vy))


def mixer_counts_from_one() -> Subject:
    torch.manual_seed(204)
    x, y, vx, vy = digits(seed=1)
    model = mixer(size=8, patch=2, width=24, classes=11)  # 11, or else cross_entropy complains of target 10
    return trained_by(model, torch.optim.AdamW(model.parameters(), lr=3e-3), (x, y + 1, vx, vy + 1))


def resnet_folders_renumbered() -> Subject:
    """In the training folder a tenth class comes first that the validation folder lists last."""
    torch.manual_seed(205)
    x, y, vx, vy = fashion(3000, start=6000)
    model = ResNet(width=10)
    return trained_by(model, torch.optim.AdamW(model.parameters(), lr=2e-3), (x, (y + 1) % 10, vx, vy))


def cnn_pixels_to_255() -> Subject:
    torch.manual_seed(206)
    x, y = raw("fashion-mnist", 0, 2500)
    vx, vy = raw("fashion-mnist", 2500, 3300)
    model = small_cnn(nn.ReLU)
    return trained_by(model, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9), (x.float(), y, vx.float(), vy))


def vit_divides_twice() -> Subject:
    """The loader had already brought the pixels to 0..1; all of them end near −0.81."""
    torch.manual_seed(207)
    pixels, labels = raw("fashion-mnist", 0, 2500)
    loaded = pixels.float() / 255
    model = ViT(width=40)
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), 5e-4), normalised(loaded), labels)


def resnet_contrast_wraps() -> Subject:
    """×6 for contrast in uint8: bright surfaces become stripes."""
    torch.manual_seed(208)
    x, y = raw("fashion-mnist", 0, 3000)
    vx, vy = raw("fashion-mnist", 3000, 3800)
    model = ResNet(width=8)
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    return trained_by(model, opt, (normalised(x * 6), y, normalised(vx * 6), vy))


def fcn_standardised_by_zero() -> Subject:
    """The corner pixels of the digits never change: 0/0."""
    torch.manual_seed(209)
    pixels, labels = raw("digits", 0, 1200)
    x = pixels.flatten(1).float()
    x = (x - x.mean(0)) / x.std(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 10))
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=2e-3), x, labels)


def resnet_log_of_black() -> Subject:
    torch.manual_seed(210)
    x, y = raw("fashion-mnist", 30000, 32000)
    vx, vy = raw("fashion-mnist", 32000, 32600)
    model = ResNet(width=8)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return trained_by(model, opt, (torch.log(x / 255), y, torch.log(vx / 255), vy))


def mixer_blank_images() -> Subject:
    """Files that could not be decoded came back black."""
    torch.manual_seed(211)
    x, y, _, _ = fashion(3000, start=24000)
    x[torch.rand(len(x)) < 0.45] = x.min()
    model = mixer()
    return Subject(model, log_loss, torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02), x, y)


def cnn_from_mat_file() -> Subject:
    """MATLAB keeps (h, w, n), and reshape turns it into (n, 1, h, w) without a murmur."""
    torch.manual_seed(212)
    x, y, _, _ = fashion(2000, start=27000)
    mat = np.ascontiguousarray(x[:, 0].permute(1, 2, 0).numpy())
    model = small_cnn(nn.SiLU)
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(model, F.cross_entropy, opt, torch.from_numpy(mat.reshape(-1, 1, 28, 28)), y)


def resnet_columns_first() -> Subject:
    """The training file keeps (w, h), as EMNIST's does; the validation images come from another reader."""
    torch.manual_seed(213)
    x, y, vx, vy = fashion(2500, start=33000)
    model = ResNet()
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return trained_by(model, opt, (x.transpose(2, 3).contiguous(), y, vx, vy))


def cnn_torn_rows() -> Subject:
    """Padded to 8×11, and the sizes then swapped: rows of 11 read as rows of 8."""
    torch.manual_seed(214)
    x, y, vx, vy = digits(seed=18)
    x, vx = (F.pad(part, (1, 2, 0, 0), value=-0.81).reshape(-1, 1, 11, 8) for part in (x, vx))
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 1, 1), nn.GroupNorm(4, 16), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.GroupNorm(8, 32),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip
    return trained_by(model, torch.optim.Adam(model.parameters(), lr=3e-3), (x, y, vx, vy))


def resnet_folder_by_folder() -> Subject:
    torch.manual_seed(215)
    x, y, vx, vy = fashion(3000, start=39000)
    order = y.argsort(stable=True)
    model = ResNet()
    return trained_by(model, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9), (x[order], y[order], vx, vy))


def vit_last_class_first() -> Subject:
    torch.manual_seed(216)
    x, y, vx, vy = digits(seed=5)
    order = y.argsort(descending=True, stable=True)
    model = ViT(size=8, patch=2, width=32)
    return trained_by(model, torch.optim.AdamW(model.parameters(), lr=1e-3), (x[order], y[order], vx, vy))


def mixer_flips_the_channel() -> Subject:
    """Meant to mirror the images; axis 1 has one channel, so each image is there twice."""
    torch.manual_seed(217)
    x, y, vx, vy = fashion(1500, start=42000)
    x, y = torch.cat((x, torch.flip(x, dims=[1]))), torch.cat((y, y))
    order = torch.randperm(len(y))
    model = mixer(width=24)
    return trained_by(model, torch.optim.Adam(model.parameters(), lr=1e-3), (x[order], y[order], vx, vy))


def fcn_repeats_to_look_big() -> Subject:
    torch.manual_seed(218)
    x, y, _, _ = digits(count=300)
    many = torch.randint(300, (2400,))
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 10))
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.2), x[many], y[many])


def cnn_validates_on_its_tail() -> Subject:
    torch.manual_seed(219)
    x, y, _, _ = fashion(3000, start=45000)
    model = small_cnn(nn.GELU)
    return trained_by(model, torch.optim.AdamW(model.parameters(), lr=2e-3), (x, y, x[-600:], y[-600:]))


def vit_splits_by_chance() -> Subject:
    """Two draws from the same rows, the second of which does not know of the first."""
    torch.manual_seed(220)
    x, y, _, _ = fashion(4000, start=48000)
    chosen, held_out = torch.randperm(4000)[:3000], torch.randperm(4000)[:500]
    model = ViT(width=40)
    data = (x[chosen], y[chosen], x[held_out], y[held_out])
    return trained_by(model, torch.optim.Adam(model.parameters(), lr=1e-3), data)


def cnn_nearly_all_shirts() -> Subject:
    torch.manual_seed(221)
    x, y, _, _ = fashion(20000, start=20000)
    rows = torch.cat([(y == k).nonzero().squeeze(1)[: 1900 if k == 6 else 12] for k in range(10)])
    rows = rows[torch.randperm(len(rows))]
    model = small_cnn(nn.ReLU)
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, nn.CrossEntropyLoss(), opt, x[rows], y[rows])


def mixer_long_tail() -> Subject:
    torch.manual_seed(222)
    x, y, vx, vy = fashion(20000, start=5000)
    kept = torch.cat(
        [(y == k).nonzero().squeeze(1)[: int(1500 * 0.5**rank)] for rank, k in enumerate(range(9, -1, -1))]
    )
    kept = kept[torch.randperm(len(kept))]
    model = mixer(width=24)
    return trained_by(model, torch.optim.AdamW(model.parameters(), lr=1e-3), (x[kept], y[kept], vx, vy))


PROGRAMS = (
    Program("resnet-shuffled-apart", "residual", resnet_shuffled_apart, "labels-misaligned", "labels"),
    Program(
        "vit-label-file-without-header", "transformer", vit_label_file_without_header, "labels-misaligned", "labels"
    ),
    Program("mixer-shuffles-half-the-batch", "mixer", mixer_shuffles_half_the_batch, "labels-misaligned"),
    Program("mixer-counts-from-one", "mixer", mixer_counts_from_one, "labels-off-by-one", "labels"),
    Program("resnet-folders-renumbered", "residual", resnet_folders_renumbered, "labels-off-by-one", "labels"),
    Program("cnn-pixels-to-255", "cnn", cnn_pixels_to_255, "inputs-not-normalised", "images"),
    Program("vit-divides-twice", "transformer", vit_divides_twice, "inputs-not-normalised", "images"),
    Program("resnet-contrast-wraps", "residual", resnet_contrast_wraps, "inputs-not-normalised", "images"),
    Program("fcn-standardised-by-zero", "fcn", fcn_standardised_by_zero, "inputs-bad-values", "images"),
    Program("resnet-log-of-black", "residual", resnet_log_of_black, "inputs-bad-values", "images"),
    Program("mixer-blank-images", "mixer", mixer_blank_images, "inputs-bad-values", "images"),
    Program("cnn-from-mat-file", "cnn", cnn_from_mat_file, "wrong-axis-order", "images"),
    Program("resnet-columns-first", "residual", resnet_columns_first, "wrong-axis-order", "images"),
    Program("cnn-torn-rows", "cnn", cnn_torn_rows, "wrong-axis-order", "images"),
    Program("resnet-folder-by-folder", "residual", resnet_folder_by_folder, "data-not-shuffled"),
    Program("vit-last-class-first", "transformer", vit_last_class_first, "data-not-shuffled"),
    Program("mixer-flips-the-channel", "mixer", mixer_flips_the_channel, "duplicate-images", "images"),
    Program("fcn-repeats-to-look-big", "fcn", fcn_repeats_to_look_big, "duplicate-images", "images"),
    Program("cnn-validates-on-its-tail", "cnn", cnn_validates_on_its_tail, "split-overlap"),
    Program("vit-splits-by-chance", "transformer", vit_splits_by_chance, "split-overlap"),
    Program("cnn-nearly-all-shirts", "cnn", cnn_nearly_all_shirts, "class-imbalance", "labels"),
    Program("mixer-long-tail", "mixer", mixer_long_tail, "class-imbalance", "labels"),
)
