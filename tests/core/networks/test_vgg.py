"""The VGG-like networks: the published number of weights and start, dropout that drops, no batch normalisation."""

import pytest
import torch
from torch import nn

from core.networks import vgg


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_published_network_has_the_published_number_of_weights():
    assert weights(vgg.network((3, 32, 32), 10, 0.2)) == 9_935_434


WIDTHS = [  # of convolutions, then dense layers, by side and first width
    (32, 0, [64, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 10]),
    (32, 16, [16, 16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 10]),
    (28, 0, [16, 16, 32, 32, 64, 64, 128, 128, 10]),
    (28, 4, [4, 4, 8, 8, 16, 16, 32, 32, 10]),
    (16, 0, [16, 16, 32, 32, 64, 64, 128, 128, 10]),
    (48, 0, [16, 16, 32, 32, 64, 64, 128, 128, 128, 128, 10]),
    (64, 4, [4, 4, 8, 8, 16, 16, 32, 32, 32, 32, 10]),
    (8, 0, [128, 128, 10]),
    (8, 2, [16, 16, 10]),
]


@pytest.mark.parametrize(("side", "first", "widths"), WIDTHS)
def test_one_number_makes_all_of_it_narrower(side, first, widths):
    built = vgg.network((3, side, side), 10, 0.2, first)
    assert [len(layer.weight) for layer in built if isinstance(layer, nn.Conv2d | nn.Linear)] == widths
    assert built(torch.rand(2, 3, side, side)).shape == (2, 10)


@pytest.mark.parametrize("side", [8, 28, 32])
def test_no_width_is_the_usual_one_with_the_same_weights(side):
    usual = []
    for first in (0, vgg.usual_first(side)):
        torch.manual_seed(0)
        usual.append(vgg.network((1, side, side), 10, 0.2, first).state_dict())
    assert all(torch.equal(usual[0][name], usual[1][name]) for name in usual[0] | usual[1])


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 8, 8), (1, 28, 28), (3, 28, 28), (1, 32, 32), (3, 32, 32), (3, 50, 50)]
)
def test_shapes(shape):
    network = vgg.network(shape, 7, 0.2)
    assert network(torch.rand(4, *shape)).shape == (4, 7)
    assert not any(isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d) for layer in network.modules())
    pooled = [type(layer) for layer in network if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d)]
    assert pooled == [] or pooled == [nn.MaxPool2d] * (len(pooled) - 1) + [nn.AvgPool2d]


def test_a_larger_network_starts_by_telling_images_apart():
    """With torch's own start, whose layers shrink what they pass on, the logits hardly differ."""
    torch.manual_seed(0)
    images = torch.rand(20, 3, 1, 1) * torch.ones(64, 64)
    spread = {side: vgg.network((3, side, side), 10, 0.0)(images[..., :side, :side]).std(0).mean() for side in (48, 64)}
    assert min(spread.values()) > 0.001, spread  # 0.01 and 0.02; by torch's own start 0.00001


def test_dropout_is_the_share_that_is_dropped():
    """The code's 0.8 is what it keeps."""
    torch.manual_seed(0)
    dropped = vgg.network((1, 8, 8), 10, 0.2)[3]
    assert isinstance(dropped, nn.Dropout)
    assert (dropped(torch.ones(100_000)) == 0).float().mean().item() == pytest.approx(0.2, abs=0.01)


def test_the_published_start():
    torch.manual_seed(0)
    network = vgg.network((3, 32, 32), 10, 0.2)
    convolution, dense = network[2], network[26]
    bound = (6 / (64 * 9 + 64 * 9)) ** 0.5
    assert convolution.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert (convolution.bias == 0.1).all()
    assert dense.weight.std().item() == pytest.approx(0.1, rel=0.02)
    assert dense.bias.std().item() == pytest.approx(0.1, rel=0.15)


@pytest.mark.parametrize("side", [8, 28, 32])
def test_hes_start(side):
    """Weights N(0, 2 / inputs) and no bias, so that strength is kept from layer to layer."""
    torch.manual_seed(0)
    network = vgg.network((3, side, side), 10, 0.0, he=True)
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            inputs = layer.weight[0].numel()
            assert layer.weight.std().item() == pytest.approx((2 / inputs) ** 0.5, rel=0.15)
            assert (layer.bias == 0).all()
    assert vgg.last_layer((3, side, side), 512, 7, he=True).weight.std().item() == pytest.approx(0.0625, rel=0.1)


def test_images_are_told_apart_at_hes_start_and_hardly_at_the_published_one():
    torch.manual_seed(0)
    images = torch.rand(64, 3, 32, 32) * torch.rand(64, 3, 1, 1)
    spread = {}
    for he in (False, True):
        codes = vgg.network((3, 32, 32), 10, 0.0, he=he).eval()(images).detach()
        spread[he] = float(codes.std(0).mean() / codes.norm(dim=1).mean())
    assert spread[True] > 10 * spread[False], spread
