"""The VGG-like networks: the published number of weights and start, dropout that drops, no batch normalisation."""

import pytest
import torch
from torch import nn

from core.networks import vgg


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_published_network_has_the_published_number_of_weights():
    assert weights(vgg.network((3, 32, 32), 10, 0.2)) == 9_935_434


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (1, 28, 28), (3, 28, 28), (1, 32, 32), (3, 32, 32)])
def test_shapes(shape):
    network = vgg.network(shape, 7, 0.2)
    assert network(torch.rand(4, *shape)).shape == (4, 7)
    assert not any(isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d) for layer in network.modules())
    pooled = [type(layer) for layer in network if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d)]
    assert pooled == [] or pooled == [nn.MaxPool2d] * (len(pooled) - 1) + [nn.AvgPool2d]


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
