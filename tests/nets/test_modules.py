"""The modules that layers become, against torch's own and against arithmetic."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from makeweight.designs import layers as design
from makeweight.nets.modules import Activation, BatchNorm, Conv2d, Dropout, GlobalPool, Linear, Pool, Residual

BOTH = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(16, 5), (8, 5, 4, 3)], ids=["vector", "map"])
@pytest.mark.parametrize(("scale", "shift"), [(False, False), (False, True), (True, False), (True, True)])
def test_batch_norm_is_torchs_with_the_missing_scale_one_and_shift_zero(
    shape: tuple[int, ...], scale: bool, shift: bool
) -> None:
    ours = BatchNorm(5, scale, shift)
    reference = nn.BatchNorm1d(5) if len(shape) == 2 else nn.BatchNorm2d(5)
    with torch.no_grad():
        for own, other in ((ours.weight, reference.weight), (ours.bias, reference.bias)):
            if own is not None:
                own.copy_(_random(5, seed=1))
                other.copy_(own)
    for step in range(3):
        x = 3 * _random(*shape, seed=step) + 2
        torch.testing.assert_close(ours(x), reference(x))
    torch.testing.assert_close(ours.running_mean, reference.running_mean)
    torch.testing.assert_close(ours.running_var, reference.running_var)
    x = _random(*shape, seed=9)
    torch.testing.assert_close(ours.eval()(x), reference.eval()(x))


def test_statistics_stay_in_float32_while_the_images_are_bfloat16() -> None:
    norm = BatchNorm(5, scale=True, shift=True)
    y = norm(_random(8, 5, 4, 4).bfloat16())
    assert y.dtype == torch.bfloat16
    assert norm.running_mean.dtype == norm.running_var.dtype == torch.float32
    assert bool((norm.running_mean != 0).all())


@pytest.mark.parametrize("function", design.ACTIVATIONS)
@BOTH
def test_activations_are_their_formulas(function: design.ActivationName, dtype: torch.dtype) -> None:
    x = _random(4, 6, 3, 3).to(dtype)
    slope = 0.2
    wanted = {
        "relu": x.clamp(min=0),
        "leaky_relu": torch.maximum(x, x * slope),
        "prelu": torch.where(x > 0, x, x * slope),
        "gelu": x * 0.5 * (1 + torch.erf(x.double() / 2**0.5)).to(dtype),
    }[function]
    y = Activation(design.Activation("act", function, slope), 6)(x.clone())
    assert y.dtype == dtype
    torch.testing.assert_close(y, wanted, rtol=2e-2 if dtype == torch.bfloat16 else 1e-5, atol=1e-2)


def test_prelu_learns_a_slope_for_each_channel() -> None:
    module = Activation(design.Activation("act", "prelu", 0.25), 3)
    assert module.weight is not None
    assert module.weight.tolist() == [0.25] * 3
    module(-torch.ones(2, 3, 4, 4)).sum().backward()
    assert module.weight.grad is not None
    assert module.weight.grad.tolist() == [-32.0] * 3


@pytest.mark.parametrize("module", [Linear(4, 3), Linear(4, 3, bias=False)])
def test_linear_layers_compute_in_the_precision_of_their_input(module: Linear) -> None:
    _check_precision(module, _random(5, 4))


@pytest.mark.parametrize("module", [Conv2d(2, 3, 3, 2, 1), Conv2d(2, 3, 3, bias=False)])
def test_convolutions_compute_in_the_precision_of_their_input(module: Conv2d) -> None:
    _check_precision(module, _random(5, 2, 7, 6))


def _check_precision(module: Linear | Conv2d, x: torch.Tensor) -> None:
    with torch.no_grad():
        for i, parameter in enumerate(module.parameters()):
            parameter.copy_(_random(*parameter.shape, seed=i))
    exact = module(x)
    assert exact.dtype == torch.float32
    rounded = module(x.bfloat16())
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded.float(), exact, rtol=0.05, atol=0.1)
    rounded.float().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in module.parameters())


def test_pools_are_maxima_and_means() -> None:
    x = _random(2, 3, 7, 5)
    windows = x[:, :, :6, :4].unfold(2, 2, 2).unfold(3, 2, 2)
    torch.testing.assert_close(Pool("max", 2)(x), windows.amax((4, 5)))
    torch.testing.assert_close(Pool("average", 2)(x), windows.mean((4, 5)))
    torch.testing.assert_close(GlobalPool("max")(x), x.amax((2, 3)))
    torch.testing.assert_close(GlobalPool("average")(x), x.mean((2, 3)))


def test_a_residual_adds_its_input() -> None:
    x = _random(2, 3, 4, 4)
    torch.testing.assert_close(Residual(nn.Tanh())(x), x + torch.tanh(x))


def test_an_activation_in_place_within_a_branch_leaves_the_kept_input_alone() -> None:
    body = nn.Sequential(Conv2d(3, 3, 1, bias=False), Activation(design.Activation("act"), 3))
    nn.init.dirac_(body[0].weight)
    x = _random(2, 3, 4, 4)
    torch.testing.assert_close(Residual(body)(x.clone()), x + functional.relu(x))


@given(rate=st.floats(0.01, 0.99), seed=st.integers(0, 1_000))
def test_dropout_drops_about_its_rate_and_keeps_the_mean(rate: float, seed: int) -> None:
    dropout = Dropout(rate)
    dropout.generator = torch.Generator().manual_seed(seed)
    y = dropout(torch.ones(100, 401))
    dropped = float((y == 0).double().mean())
    # 1/512 for the rounding of the rate to a byte, and six standard deviations of 40,100 draws
    assert abs(dropped - rate) < 1 / 512 + 6 * (rate * (1 - rate) / y.numel()) ** 0.5
    kept = y[y != 0]
    assert kept.min() == kept.max()
    assert float(kept[0]) == pytest.approx(1 / (1 - round(256 * rate) / 256), rel=1e-5)


@pytest.mark.parametrize("rate", [0.0, 0.0005, 0.998, 0.9999])
def test_dropout_of_an_extreme_rate_stays_finite(rate: float) -> None:
    dropout = Dropout(rate)
    dropout.generator = torch.Generator().manual_seed(0)
    y = dropout(torch.ones(7, 1_001))
    assert torch.isfinite(y).all()
    assert float((y == 0).double().mean()) == pytest.approx(rate, abs=0.01)


@pytest.mark.parametrize("shape", [(1,), (3, 5), (2, 3, 5, 7)])
@BOTH
def test_dropout_of_any_shape_keeps_shape_and_type(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    dropout = Dropout(0.5)
    dropout.generator = torch.Generator().manual_seed(4)
    y = dropout(torch.ones(shape, dtype=dtype))
    assert y.shape == shape
    assert y.dtype == dtype
    assert set(y.flatten().tolist()) <= {0.0, 2.0}


def test_dropout_draws_each_place_and_each_time_anew() -> None:
    dropout = Dropout(0.5)
    dropout.generator = torch.Generator().manual_seed(5)
    x = torch.ones(64, 64)
    first, second = dropout(x) != 0, dropout(x) != 0
    # Agreement of independent halves is one half, here within six standard deviations.
    for one, other in (
        (first, second),
        (first[:, :-1], first[:, 1:]),
        (first[:-1], first[1:]),
        (first[:32], first[32:]),
    ):
        assert float((one == other).double().mean()) == pytest.approx(0.5, abs=0.07)


def test_dropout_draws_from_its_own_generator_only() -> None:
    x = torch.ones(50, 50)
    before = torch.get_rng_state()
    outputs = []
    for seed in (1, 1, 2):
        dropout = Dropout(0.3)
        dropout.generator = torch.Generator().manual_seed(seed)
        outputs.append(dropout(x))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_does_nothing_outside_training() -> None:
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()
    dropout = Dropout(0.5).eval()
    dropout.generator = generator
    x = _random(4, 4)
    assert torch.equal(dropout(x), x)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(28, 3, 2), (15, 3, 2), (14, 5, 2), (9, 7, 3), (12, 4, 4)])
def test_a_strided_depthwise_filter_trains_as_it_answers(size: int, kernel: int, stride: int) -> None:
    """Training computes it another way, which is faster on a CPU."""
    generator = torch.Generator().manual_seed(0)
    layer = Conv2d(6, 6, kernel, stride, kernel // 2, groups=6)
    with torch.no_grad():
        layer.weight.normal_(generator=generator)
        layer.bias.normal_(generator=generator)  # type: ignore[union-attr]
    images = torch.randn(4, 6, size, size, generator=generator).contiguous(memory_format=torch.channels_last)
    found = []
    for training in (True, False):
        x = images.clone().requires_grad_()
        output = layer.train(training)(x)
        gradients = torch.autograd.grad((output**2).sum(), [x, *layer.parameters()])
        found.append((output, *gradients))
    for trained, answered in zip(*found, strict=True):
        torch.testing.assert_close(trained, answered, rtol=1e-4, atol=1e-4)
