"""Confidence scores and ODIN's step: by hand, on linear networks, image by image."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp, softmax
from torch import nn

from core.algorithms import odin
from core.errors import RunFailed

SHAPE = (2, 4, 4)
DEVIATION = torch.tensor([0.25, 0.5])


@pytest.fixture
def logits(rng) -> torch.Tensor:
    return torch.from_numpy(5 * rng.normal(size=(50, 7))).float()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(6, *SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    layers = (nn.Conv2d(2, 5, 3), nn.BatchNorm2d(5), nn.ELU(), nn.Flatten(), nn.Linear(20, 4))
    return nn.Sequential(*layers).eval()


def linear(weights: torch.Tensor) -> nn.Module:
    layer = nn.Linear(weights.shape[1], len(weights), bias=False)
    layer.weight.data = weights
    return nn.Sequential(nn.Flatten(), layer).eval()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 10.0, 1000.0])
def test_scores_against_scipy(logits, temperature):
    values = logits.double().numpy()
    expected = -np.log(softmax(values / temperature, axis=1).max(1))
    np.testing.assert_allclose(odin.unconfidence(logits, temperature), expected, rtol=1e-8, atol=1e-14)
    expected = -temperature * logsumexp(values / temperature, axis=1)
    np.testing.assert_allclose(odin.energy(logits, temperature), expected, rtol=1e-10)
    np.testing.assert_array_equal(odin.negative_logit(logits), -values.max(1))


def test_scores_take_any_leading_axes(logits):
    grid = logits[:48].view(12, 4, 7)
    for score in (odin.unconfidence, odin.energy, odin.negative_logit):
        assert torch.equal(score(grid).flatten(), score(logits[:48]))


def test_neither_heat_nor_certainty_drowns_the_ranking():
    """In float32, 1 - max softmax is one value for all of these."""
    gaps = torch.arange(1.0, 60.0)
    sure = torch.stack([gaps + 10, torch.zeros_like(gaps), torch.zeros_like(gaps)], 1)
    assert (odin.unconfidence(sure).diff() < 0).all() and float(odin.unconfidence(sure)[-1]) > 0
    tiny = torch.stack([1 + 1e-6 * gaps, torch.zeros_like(gaps)], 1)
    assert (odin.unconfidence(tiny, 1000.0).diff() < 0).all()
    assert odin.unconfidence(torch.zeros(1, 5)).item() == pytest.approx(np.log(5))


def test_without_a_step_odin_is_temperature_scaling_and_at_one_max_softmax(network, images):
    plain = network(images).detach()
    for temperature in (1.0, 1000.0):
        grid = odin.logits_on_grid(network, images, (0.0, 0.01), temperature, DEVIATION)
        assert torch.equal(odin.unconfidence(grid[:, 0], temperature), odin.unconfidence(plain, temperature))
    softmax_score = -torch.log_softmax(plain.double(), 1).amax(1)
    torch.testing.assert_close(odin.unconfidence(grid[:, 0]), softmax_score)


@pytest.mark.parametrize("temperature", [1.0, 1000.0])
def test_the_step_of_a_linear_network_is_known(images, temperature):
    weights = torch.randn(3, 32, generator=torch.Generator().manual_seed(1))
    direction, logits = odin.ascent(linear(weights), images, temperature)
    soft = torch.softmax(logits.double() / temperature, 1)
    expected = weights[logits.argmax(1)].double() - soft @ weights.double()
    assert torch.equal(direction.flatten(1), expected.sign().float())
    moved = odin.stepped(images, direction, 0.02, DEVIATION)
    step = (moved - images) * direction
    np.testing.assert_allclose(step[:, 0], 0.02 / 0.25, rtol=1e-4)  # in units of the standardised image
    np.testing.assert_allclose(step[:, 1], 0.02 / 0.5, rtol=1e-4)


def test_gradients_of_a_batch_are_those_of_each_image(network, images):
    direction, logits = odin.ascent(network, images, 1000.0)
    alone = [odin.ascent(network, image[None], 1000.0) for image in images]
    assert torch.equal(direction, torch.cat([each for each, _ in alone]))
    torch.testing.assert_close(logits, torch.cat([each for _, each in alone]))


@pytest.mark.parametrize("temperature", [1.0, 1000.0])
def test_a_small_step_raises_every_confidence(network, images, temperature):
    grid = odin.logits_on_grid(network, images, (0.0, 0.001), temperature, DEVIATION)
    still, moved = odin.unconfidence(grid, temperature).unbind(1)
    assert (moved < still).all()


def test_a_grid_is_each_step_by_itself(network, images):
    epsilons = (0.02, 0.0, 0.005)
    grid = odin.logits_on_grid(network, images, epsilons, 10.0, DEVIATION)
    assert grid.shape == (6, 3, 4) and not grid.requires_grad
    direction, _ = odin.ascent(network, images, 10.0)
    for place, epsilon in enumerate(epsilons):
        torch.testing.assert_close(grid[:, place], network(odin.stepped(images, direction, epsilon, DEVIATION)))
    again = odin.after_steps(network, images, direction, grid[:, 1], epsilons, DEVIATION)
    assert torch.equal(again, grid)  # of a direction that is known already


def test_a_grid_costs_one_gradient_and_no_pass_for_a_step_of_zero(network, images):
    passes = []
    network.register_forward_hook(lambda *_: passes.append(torch.is_grad_enabled()))
    odin.logits_on_grid(network, images, (0.0, 0.01, 0.02), 10.0, DEVIATION)
    assert passes == [True, False, False]


def test_a_flat_gradient_moves_nothing(images):
    dead = linear(torch.zeros(3, 32))
    direction, _ = odin.ascent(dead, images, 1.0)
    assert not direction.any()
    assert torch.equal(odin.stepped(images, direction, 0.5, DEVIATION), images)
    half = torch.zeros(2, 32)
    half[0, :16] = 1.0  # only the first channel is looked at
    direction, _ = odin.ascent(linear(half), images, 1.0)
    assert direction[:, 0].all() and not direction[:, 1].any()


def test_a_network_that_has_diverged_is_said(images):
    with pytest.raises(RunFailed, match="not a number: .* Choose a smaller learning rate"):
        odin.ascent(linear(torch.full((2, 32), torch.nan)), images, 1.0)


def test_no_weight_and_no_image_keeps_a_gradient(network, images):
    with torch.no_grad():
        odin.logits_on_grid(network, images, (0.0, 0.01), 10.0, DEVIATION)
    assert not images.requires_grad and all(weight.grad is None for weight in network.parameters())


def test_the_surest_step_has_the_highest_mean_confidence(rng):
    grid = torch.from_numpy(rng.normal(size=(30, 4, 5)))
    grid[:, 2, 0] += 3
    place, mean = odin.surest(grid, 2.0)
    np.testing.assert_allclose(mean, softmax(grid.numpy() / 2, axis=2).max(2).mean(0), rtol=1e-10)
    assert place == 2
    assert odin.surest(grid[:, [2, 2, 0]], 2.0)[0] == 0  # the smaller of equals
