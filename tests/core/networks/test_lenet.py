"""The LeNets of Deep SVDD: the published layer sizes, and no way to a constant output."""

import pytest
import torch
from torch import nn

from core.networks import lenet

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 28, 28), (1, 32, 32), (3, 32, 32)]
SHAPES += [(1, 16, 16), (3, 31, 31), (1, 48, 48), (3, 50, 50), (3, 64, 64)]


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("shape", "down", "up"), [((1, 28, 28), 7_272, 1_200), ((3, 32, 32), 520_544, 284_000)])
def test_weight_counts_of_the_published_networks(shape, down, up):
    assert weights(lenet.encoder(shape, 0.01)) == down
    assert weights(lenet.decoder(shape, 0.01)) == up


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape):
    images = torch.rand(4, *shape)
    embedding = lenet.encoder(shape, 0.1)(images)
    assert embedding.shape == (4, lenet.embedding_size(shape))
    redrawn = lenet.decoder(shape, 0.1)(embedding)
    assert redrawn.shape == images.shape
    assert redrawn.min() >= 0 and redrawn.max() <= 1


@pytest.mark.parametrize(("side", "sides"), [(16, [8, 4]), (30, [15, 7]), (48, [24, 12, 6]), (64, [32, 16, 8, 4])])
def test_the_decoder_grows_to_the_sides_that_the_encoder_had(side, sides):
    down, up, told = lenet.encoder((1, side, side), 0.1), lenet.decoder((1, side, side), 0.1), []
    for layer in (*down[: len(sides)], *up):
        if isinstance(layer, nn.Sequential):
            layer.register_forward_hook(lambda *call: told.append(call[2].shape[-1]))
    up(down(torch.rand(2, 1, side, side)))
    assert told == [*sides, *reversed([side, *sides[:-1]])]


def test_the_network_for_64_puts_a_narrow_level_before_the_published_ones():
    shapes = [tuple(weight.shape) for weight in lenet.encoder((3, 64, 64), 0.1).parameters()]
    assert shapes == [(16, 3, 5, 5), (32, 16, 5, 5), (64, 32, 5, 5), (128, 64, 5, 5), (128, 128 * 4 * 4)]


@pytest.mark.parametrize("shape", SHAPES)
def test_no_bias_and_no_learned_shift(shape):
    for network in (lenet.encoder(shape, 0.01), lenet.decoder(shape, 0.01)):
        assert all(
            parameter.dim() > 1 for parameter in network.parameters()
        )  # a bias, scale or shift is one-dimensional
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                assert not layer.affine and layer.eps == 1e-4
    # With nothing but zeros to look at and neutral statistics, a network without shifts gives zeros.
    assert not lenet.encoder(shape, 0.01).eval()(torch.zeros(1, *shape)).any()


def test_a_dark_input_leaks_as_asked():
    for leak in (0.01, 0.1):
        slopes = {
            layer.negative_slope
            for layer in lenet.encoder((1, 28, 28), leak).modules()
            if isinstance(layer, nn.LeakyReLU)
        }
        assert slopes == {leak}


def test_colour_networks_start_from_xavier_and_grey_ones_from_torch_s_default():
    torch.manual_seed(0)
    colour = lenet.encoder((3, 32, 32), 0.01)
    first = colour[0][0].weight
    default = float(first.detach().abs().max())
    lenet.initialise(colour, (3, 32, 32))
    gain = (2 / (1 + 0.01**2)) ** 0.5
    bound = gain * (6 / (3 * 25 + 32 * 25)) ** 0.5
    assert 0.95 * bound < float(first.detach().abs().max()) <= bound
    assert abs(bound - default) > 0.001  # so the two can be told apart
    grey = lenet.encoder((1, 28, 28), 0.01)
    before = [parameter.clone() for parameter in grey.parameters()]
    lenet.initialise(grey, (1, 28, 28))
    assert all(torch.equal(a, b) for a, b in zip(before, grey.parameters(), strict=True))
