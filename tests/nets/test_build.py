"""Architecture to network: deterministic, from a generator of its own, ready for any precision."""

from __future__ import annotations

import copy

import pytest
import torch

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.families import FAMILIES, Family
from makeweight.designs.layers import Conv2d, Flatten, Linear
from makeweight.designs.solver import fit
from makeweight.errors import GeometryError
from makeweight.nets.build import Network, build

TASK = Task((3, 12, 10), 10)
every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)


def _built(family: Family, seed: int = 0) -> Network:
    return build(fit(family, TASK, 12_000).architecture, torch.Generator().manual_seed(seed))


def _images(n: int = 4) -> torch.Tensor:
    return torch.randn(n, *TASK.input_shape, generator=torch.Generator().manual_seed(3))


@every_family
def test_the_generator_decides_the_weights(family: Family) -> None:
    first, second, other = (_built(family, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@every_family
def test_building_leaves_the_global_random_state_alone(family: Family) -> None:
    before = torch.get_rng_state()
    _built(family)
    assert torch.equal(torch.get_rng_state(), before)


@every_family
def test_initial_weights_are_as_documented(family: Family) -> None:
    network = build(fit(family, Task((1, 28, 28), 10), 200_000).architecture, torch.Generator().manual_seed(0))
    affine = [m for m in network.modules() if isinstance(m, torch.nn.Linear | torch.nn.Conv2d)]
    for module in affine:
        assert module.bias is None or not module.bias.any()
    *hidden, logits = [module.weight.detach() for module in affine]
    for weight in hidden:
        wanted = (2 / weight[0].numel()) ** 0.5
        # Six standard errors of a normal sample's sd.
        assert float(weight.std()) == pytest.approx(wanted, rel=6 * (2 * weight.numel()) ** -0.5)
    bound = logits[0].numel() ** -0.5
    assert float(logits.abs().max()) <= bound
    assert float(logits.abs().max()) > 0.9 * bound


@every_family
def test_weights_and_images_lie_channels_last(family: Family) -> None:
    network = _built(family)
    filters = [p for p in network.parameters() if p.ndim == 4]
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in filters)
    pixels = torch.zeros(2, *TASK.input_shape, dtype=torch.uint8)
    assert network.normalise(pixels, torch.float32).is_contiguous(memory_format=torch.channels_last)


@every_family
def test_the_memory_format_of_the_images_does_not_matter(family: Family) -> None:
    network, x = _built(family).eval(), _images()
    torch.testing.assert_close(
        network(x), network(x.contiguous(memory_format=torch.channels_last)), rtol=1e-4, atol=1e-5
    )


@every_family
def test_bfloat16_images_give_float32_logits_near_the_exact_ones(family: Family) -> None:
    network, x = _built(family).eval(), _images()
    rounded = network(x.bfloat16())
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, network(x), rtol=0.1, atol=0.1)


@every_family
def test_every_weight_gets_a_gradient_in_bfloat16(family: Family) -> None:
    network = _built(family)
    network.use_generator(torch.Generator().manual_seed(0))
    network.train()(_images(16).bfloat16()).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.dtype == torch.float32
        assert torch.isfinite(parameter.grad).all()


@every_family
def test_images_do_not_influence_each_other_outside_training(family: Family) -> None:
    network, x = _built(family).eval(), _images()
    torch.testing.assert_close(network(x)[1:2], network(x[1:2]), rtol=1e-4, atol=1e-5)


@every_family
def test_the_images_are_left_as_they_are(family: Family) -> None:
    network, x = _built(family), _images()
    before = x.clone()
    network(x)
    assert torch.equal(x, before)


@every_family
def test_a_copy_computes_the_same(family: Family) -> None:
    network = _built(family).eval()
    network.use_generator(torch.Generator().manual_seed(0))
    assert torch.equal(copy.deepcopy(network)(_images()), network(_images()))


def test_images_are_normalised_by_the_networks_own_mean_and_sd() -> None:
    network = _built(FAMILIES["cnn"])
    network.get_buffer("mean").copy_(torch.tensor([10.0, 20.0, 30.0]))
    network.get_buffer("std").copy_(torch.tensor([1.0, 2.0, 4.0]))
    pixels = torch.full((1, *TASK.input_shape), 50, dtype=torch.uint8)
    normalised = network.normalise(pixels, torch.float32)
    assert normalised[0, :, 0, 0].tolist() == [40.0, 15.0, 5.0]
    assert network.normalise(pixels, torch.bfloat16).dtype == torch.bfloat16
    assert "mean" in network.state_dict()


def test_dropout_layers_draw_from_the_generator_given() -> None:
    design = fit(FAMILIES["fcn"], TASK, 12_000, {"dropout": 0.5, "norm": "none"})
    outputs = []
    before = torch.get_rng_state()
    for seed in (1, 1, 2):
        network = build(design.architecture, torch.Generator().manual_seed(0)).train()
        network.use_generator(torch.Generator().manual_seed(seed))
        outputs.append(network(_images()))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    assert torch.equal(torch.get_rng_state(), before)


def test_an_impossible_architecture_is_refused_before_anything_is_built() -> None:
    layers = (Conv2d("conv", 4, 30), Flatten("flatten"), Linear("logits", 10))
    with pytest.raises(GeometryError, match="'conv'"):
        build(Architecture("any", (1, 28, 28), 10, layers), torch.Generator())
