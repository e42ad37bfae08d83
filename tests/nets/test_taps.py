"""What comes out of layers on the way: unspoilt by what works in place, and of the layer that is named."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.families import FAMILIES, Family
from makeweight.designs.layers import Activation, BatchNorm, Conv2d, GlobalPool, Layer, Linear, Pool, Residual
from makeweight.designs.solver import fit
from makeweight.errors import InvalidValue
from makeweight.nets.build import Network, build
from makeweight.nets.taps import activations, recorded, taps

TASK = Task((1, 16, 12), 10)
END = (GlobalPool("pool"), Linear("logits", 10))


def images(n: int = 3) -> Tensor:
    return torch.randn(n, *TASK.input_shape, generator=torch.Generator().manual_seed(1))


def network_of(*layers: Layer) -> Network:
    built = build(Architecture("cnn", TASK.input_shape, 10, (*layers, *END)), torch.Generator().manual_seed(0))
    statistics = torch.Generator().manual_seed(2)
    for name, buffer in built.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(generator=statistics)
    return built.eval()


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_layer_of_every_family_comes_out_in_the_shape_of_its_table(family: Family) -> None:
    architecture = fit(family, TASK, 12_000).architecture
    network, known = build(architecture, torch.Generator().manual_seed(0)).eval(), taps(architecture)
    found = activations(network, images(), list(known))
    assert list(found) == list(known)
    assert {name: tuple(tensor.shape[1:]) for name, tensor in found.items()} == {n: t.shape for n, t in known.items()}
    torch.testing.assert_close(found["logits"], network(images()))


def test_maps_are_those_behind_norm_pooling_and_activation_and_before_it_where_there_is_none() -> None:
    body = (
        Conv2d("a", 4, 3, 1, 1),
        BatchNorm("a.norm"),
        Activation("a.act"),
        Conv2d("b", 4, 3, 1, 1),
        BatchNorm("b.n"),
    )
    network = network_of(
        Conv2d("stem", 4, 3, 1, 1), Pool("stem.pool", 2), Activation("stem.act"), Residual("block", body),
        Pool("block.pool", 2), Activation("block.act"), Conv2d("bare", 5, 1),
    )  # fmt: skip
    stem, pool, act, block, block_pool, block_act, bare = list(network.layers)[:7]
    with torch.no_grad():
        x = act(pool(stem(images())))
        a = nn.Sequential(*list(block.body)[:3])(x)
        b = nn.Sequential(*list(block.body)[3:])(a)
        end = block_act(block_pool(b + x))
        expected = {"stem": x, "a": a, "b": b, "block": end, "bare": bare(end)}
    found = activations(network, images(), list(expected))
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, msg=name)
    shown = {name: tap.shown for name, tap in taps(network.architecture).items()}
    assert shown == {
        "stem": "stem.act", "a": "a.act", "b": "b.n", "block": "block.act", "bare": "bare", "logits": "logits",
    }  # fmt: skip


def test_an_activation_in_place_does_not_reach_what_was_kept() -> None:
    network = network_of(Residual("block", (Conv2d("conv", 1, 3, 1, 1), BatchNorm("norm"))), Activation("relu"))
    found = activations(network, images(), ["conv", "block"])
    assert found["conv"].min() < 0
    assert found["block"].min() == 0
    torch.testing.assert_close((found["conv"] + images()).relu(), found["block"])


def test_what_is_kept_is_float32_whatever_it_was_computed_in() -> None:
    network = network_of(Conv2d("conv", 4, 3))
    found = activations(network, images().bfloat16(), ["conv"])
    assert found["conv"].dtype == torch.float32


def test_hooks_are_gone_after_the_block_and_after_an_error() -> None:
    network = network_of(Conv2d("conv", 4, 3))
    with recorded(network, ["conv"]) as found:
        network(images(2))
        with pytest.raises(RuntimeError), recorded(network, ["conv"]) as other:
            network(images()[:, :, :1])  # smaller than the filter
    network(images(3))
    assert len(found["conv"]) == 2
    assert other == {}


def test_a_layer_that_is_not_there_is_refused_with_those_that_are() -> None:
    network = network_of(Conv2d("conv", 4, 3), Activation("act"))
    with pytest.raises(InvalidValue, match=r"no layer 'act' to look at\. There are: conv, logits\."):
        activations(network, images(), ["act"])
