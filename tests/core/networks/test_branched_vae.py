"""The branched variational autoencoder: its parameters as published, its sides, poolings, dropouts and L2 kernels."""

import pytest
import torch
from torch import nn

from core.networks.branched_vae import BranchedVAE, Plan, plan_of

PUBLISHED = {2: 130_037, 4: 130_809, 8: 132_353, 16: 135_441, 32: 141_617, 64: 153_969}


@pytest.mark.parametrize(("latent", "count"), PUBLISHED.items())
def test_the_parameters_are_as_many_as_published(latent, count):
    assert sum(each.numel() for each in BranchedVAE((1, 28, 28), latent, 0.5).parameters()) == count


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 16), (1, 28, 28), (3, 32, 32), (1, 40, 40), (3, 64, 64)], ids=str)
@pytest.mark.parametrize("latent", [2, 32])
def test_images_come_back_in_their_shape(shape, latent):
    network = BranchedVAE(shape, latent, 0.0)
    mean, log_variance = network.encode(torch.rand(3, *shape))
    assert mean.shape == log_variance.shape == (3, latent)
    assert network.decode(mean).shape == (3, *shape)


@pytest.mark.parametrize("side", [8, 24, 28, 32, 48])
def test_nine_dropouts_and_fourteen_penalised_kernels(side):
    network = BranchedVAE((1, side, side), 4, 0.3)
    dropouts = [each for each in network.modules() if isinstance(each, nn.Dropout)]
    assert len(dropouts) == 9 and {each.p for each in dropouts} == {0.3}
    kernels = network.penalised()
    assert len(kernels) == 14 and all(each.dim() > 1 for each in kernels)
    free = [network.stem, network.mean, network.log_variance, network.head]
    outside = [each for part in free for each in part.parameters()]
    assert not {id(each) for each in kernels} & {id(each) for each in outside}
    rest = [each for each in network.parameters() if not any(each is other for other in (*kernels, *outside))]
    assert len(rest) == 14 and all(each.dim() == 1 for each in rest)  # their biases
    assert not any(each.any() for each in network.parameters() if each.dim() == 1)


def test_the_maps_have_the_published_sides():
    network, sides = BranchedVAE((1, 28, 28), 2, 0.0), {}
    for name in ("by_maxima", "by_means", "by_convolutions", "by_transposed"):
        told = sides.setdefault(name, [])
        for layer in getattr(network, name):
            layer.register_forward_hook(lambda *call, told=told: told.append(call[2].shape[-1]))
    mean, _ = network.encode(torch.rand(2, 1, 28, 28))
    network.decode(mean)
    assert sides["by_maxima"] == sides["by_means"] == [14, 14, 14, 7, 7, 7, 4]
    assert sides["by_convolutions"] == [4, 4, 8, 8, 16, 14, 14, 28, 28]
    assert sides["by_transposed"] == [6, 6, 12, 14, 14, 28, 28]


def test_plans_of_the_published_side_and_of_ours():
    assert plan_of(28) == Plan(4, True, 0, (2, 2), 3)
    assert plan_of(8) == Plan(2, False, 1, (0, 0), 2) and plan_of(16) == Plan(4, False, 1, (0, 0), 2)
    assert plan_of(32) == Plan(4, True, 1, (2, 4), 3) and plan_of(64) == Plan(8, True, 1, (4, 8), 3)


def test_the_last_pooling_averages_the_pixels_that_are_there():
    pool = BranchedVAE((1, 28, 28), 2, 0.0).by_means[-1]
    image = torch.arange(49.0).view(1, 1, 7, 7)
    pooled = pool(image)[0, 0]
    assert pooled.shape == (4, 4)
    assert float(pooled[3, 3]) == 48 and float(pooled[0, 3]) == (6 + 13) / 2
    assert float(pooled[0, 0]) == pytest.approx((0 + 1 + 7 + 8) / 4)


def test_weights_begin_glorot_uniform():
    kernel = BranchedVAE((1, 28, 28), 2, 0.0).trunk[2].weight.detach()  # 128 to 256
    bound = (6 / (128 + 256)) ** 0.5
    assert float(kernel.abs().max()) <= bound and float(kernel.std()) == pytest.approx(bound / 3**0.5, rel=0.02)
