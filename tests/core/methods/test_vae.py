"""VAE threshold: losses and scores against numpy, posterior choices, plane, checkpoint, collapse."""

import dataclasses

import numpy as np
import pytest
import torch

from core import data
from core.errors import WrongRequest
from core.evaluation import Impurities
from core.methods import vae
from core.methods.base import build, from_state
from core.methods.cards.vae import Knobs
from core.training import Progress, TaskTensors

QUICK = Knobs(latent=4, epochs=3, batch_size=32)


@pytest.fixture(scope="module")
def task() -> TaskTensors:
    digits = data.load("digits")
    images = torch.from_numpy(digits.images[digits.labels == 3])
    return TaskTensors(images[:120], images[120:150])


@pytest.fixture(scope="module")
def trained(task) -> vae.VAEThreshold:
    return build(vae.VAEThreshold, QUICK, task.shape, 0).fit(task)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


# --- losses and scores ------------------------------------------------------------------------------------------------


def test_cross_entropy_is_the_sum_over_pixels(rng):
    images, logits = rng.random((5, 2, 3, 3)), 3 * rng.normal(size=(5, 2, 3, 3))
    redrawn = sigmoid(logits)
    expected = -(images * np.log(redrawn) + (1 - images) * np.log(1 - redrawn)).sum((1, 2, 3))
    found = vae.cross_entropy(torch.from_numpy(images), torch.from_numpy(logits))
    np.testing.assert_allclose(found, expected)


def test_cross_entropy_of_sure_pixels_stays_finite():
    logits = torch.tensor([-200.0, 200.0]).view(1, 1, 1, 2)
    right, wrong = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2), torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    assert float(vae.cross_entropy(right, logits)) == 0 and float(vae.cross_entropy(wrong, logits)) == 400


def test_kl_divergence_is_the_integral_of_its_definition(rng):
    mean, log_variance = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    z = np.linspace(-40, 40, 400_001)
    expected = np.zeros((4, 3))
    for place in np.ndindex(4, 3):
        deviation = np.exp(log_variance[place] / 2)
        log_q = -0.5 * np.square((z - mean[place]) / deviation) - np.log(deviation)
        density = np.exp(log_q) / np.sqrt(2 * np.pi)
        expected[place] = np.trapezoid(density * (log_q + 0.5 * np.square(z)), z)
    found = vae.kl_divergence(torch.from_numpy(mean), torch.from_numpy(log_variance))
    np.testing.assert_allclose(found, expected.sum(1), rtol=1e-6)


def test_kl_divergence_at_its_edges():
    assert float(vae.kl_divergence(torch.zeros(1, 5), torch.zeros(1, 5))) == 0
    assert float(vae.kl_divergence(torch.ones(1, 5), torch.zeros(1, 5))) == 2.5  # half a nat a unit


def test_the_penalty_has_no_factor_one_half(rng):
    kernels = [torch.nn.Parameter(torch.from_numpy(rng.normal(size=shape))) for shape in ((3, 4), (2, 2, 3, 3))]
    expected = 0.01 * sum(np.square(kernel.detach().numpy()).sum() for kernel in kernels)
    assert float(vae.penalty(kernels, 0.01).detach()) == pytest.approx(expected)


@pytest.mark.parametrize(("sampling", "power"), [("consistent", 0.5), ("published", 1.0)])
def test_a_draw_spreads_as_it_says(rng, sampling, power):
    mean, log_variance, noise = (rng.normal(size=(6, 3)) for _ in range(3))
    found = vae.drawn(*(torch.from_numpy(each) for each in (mean, log_variance, noise)), sampling)
    np.testing.assert_allclose(found, mean + np.exp(log_variance) ** power * noise)


@pytest.mark.parametrize("posterior", ["mean", "sample", "published"])
def test_scores_are_those_of_numpy_on_what_the_network_decodes(trained, task, posterior):
    detector = from_state(
        vae.VAEThreshold, dataclasses.replace(QUICK, posterior=posterior), task.shape, trained.state()
    )
    images = task.valid[:6]
    pixels = images.numpy() / 255.0
    with torch.inference_mode():
        mean, log_variance = detector.networks.eval().encode(detector.pixels(images))
        noise, deviation = detector.noise, (log_variance / 2).exp()
        latents = {
            "mean": [mean],
            "sample": [mean + deviation * each for each in noise],
            "published": [mean + deviation.square() * noise[0]],
        }[posterior]
        logits = [detector.networks.decode(latent).double().numpy() for latent in latents]
    redrawn = [sigmoid(each) for each in logits]
    error = np.mean([np.square(pixels - each).mean((1, 2, 3)) for each in redrawn], axis=0)
    entropy = np.mean([-(pixels * np.log(r) + (1 - pixels) * np.log(1 - r)).sum((1, 2, 3)) for r in redrawn], axis=0)
    mu, lv = mean.double().numpy(), log_variance.double().numpy()
    divergence = -0.5 * (1 + lv - mu**2 - np.exp(lv)).sum(1)
    scores = detector.score(images)
    np.testing.assert_allclose(scores["error"], error, rtol=1e-4)
    np.testing.assert_allclose(scores["kl"], divergence, rtol=1e-4)
    np.testing.assert_allclose(scores["elbo"], entropy + divergence, rtol=1e-4)
    explained = detector.explain(images)
    np.testing.assert_allclose(explained["bce"], entropy, rtol=1e-4)
    assert np.abs(explained["reconstruction"] - 255 * np.mean(redrawn, axis=0)).max() <= 0.51


def test_the_choice_of_latent_acts_after_training(trained, task):
    fixed = trained.score(task.valid)["error"]
    trained.set_knobs(dataclasses.replace(QUICK, posterior="published"), lambda: task)
    moved = trained.score(task.valid)["error"]
    trained.set_knobs(QUICK, lambda: task)
    assert (moved != fixed).all() and np.array_equal(trained.score(task.valid)["error"], fixed)


def test_the_threshold_flags_all_but_one_of_the_images_assumed_impure(trained, task):
    pooled = [trained.score(images)["error"] for images in (task.train, task.valid)]
    threshold = Impurities(0.1).threshold(*pooled)
    assert sum((each > threshold).sum() for each in pooled) == 15 - 1
    assert (np.concatenate([np.ones(9), np.ones(1)]) > Impurities(0.3).threshold(np.ones(9), np.ones(1))).sum() == 0


# --- training ---------------------------------------------------------------------------------------------------------


def test_a_step_descends_the_gradient_of_the_whole_loss(task):
    """The first step of RMSprop from zero moments is lr g / (sqrt(0.1) |g| + eps), g of the mean loss with penalty."""
    knobs = dataclasses.replace(QUICK, dropout=0.0, l2=0.5)
    detector = build(vae.VAEThreshold, knobs, task.shape, 0)
    (stage,) = detector.stages(task)
    stage.begin(task, Progress())
    kernel = detector.networks.penalised()[2]
    before = kernel.detach().clone()
    batch = torch.arange(8)
    torch.manual_seed(3)
    pixels = task.train[batch].float() / 255
    mean, log_variance = detector.networks.encode(pixels)
    latent = mean + (log_variance / 2).exp() * torch.randn_like(mean)
    redrawn = detector.networks.decode(latent).sigmoid()
    entropy = -(pixels * redrawn.log() + (1 - pixels) * (1 - redrawn).log()).sum() / 8
    divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum() / 8
    loss = entropy + divergence + 0.5 * sum(each.square().sum() for each in detector.networks.penalised())
    (gradient,) = torch.autograd.grad(loss, kernel)
    torch.manual_seed(3)
    told = stage.step(batch)
    step = knobs.learning_rate * gradient / (gradient.abs() * 0.1**0.5 + 1e-7)
    torch.testing.assert_close(kernel.detach(), before - step, rtol=1e-3, atol=1e-6)
    assert float(sum(told.values())) / 8 == pytest.approx(float(loss.detach()), rel=1e-5)


@pytest.mark.parametrize(("weights", "epoch"), [("best", 2), ("last", 3)])
def test_the_weights_of_the_best_epoch_are_scored_where_asked(task, monkeypatch, weights, epoch):
    losses, seen = iter([3.0, 1.0, 2.0]), []

    def validated(self):
        seen.append({name: value.clone() for name, value in self.detector.networks.state_dict().items()})
        return {"validation": next(losses)}

    monkeypatch.setattr(vae.Train, "validated", validated)
    detector = build(vae.VAEThreshold, dataclasses.replace(QUICK, weights=weights), task.shape, 0).fit(task)
    for name, value in detector.networks.state_dict().items():
        assert torch.equal(value, seen[epoch - 1][name]), name


def test_the_validation_loss_is_without_dropout_and_counts_the_penalty(task):
    detector = build(vae.VAEThreshold, dataclasses.replace(QUICK, dropout=0.9, l2=0.01), task.shape, 0)
    (stage,) = detector.stages(task)
    stage.begin(task, Progress())
    torch.manual_seed(1)
    parts = stage.validated()
    torch.manual_seed(1)
    with torch.inference_mode():
        entropy, divergence = (each.mean() for each in detector.training_terms(task.valid))
    held_small = 0.01 * sum(float(each.detach().square().sum()) for each in detector.networks.penalised())
    assert parts["validation bce"] == pytest.approx(float(entropy))
    assert parts["validation"] == pytest.approx(float(entropy + divergence) + held_small)


def test_training_learns_to_redraw(task):
    few = TaskTensors(task.train, task.valid)
    long = build(vae.VAEThreshold, dataclasses.replace(QUICK, epochs=30), task.shape, 0).fit(few)
    noise = torch.randint(0, 256, (30, 1, 8, 8), dtype=torch.uint8)
    assert long.score(noise)["error"].mean() > 1.5 * long.score(task.valid)["error"].mean()


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_principal_axes_are_those_of_the_covariance(rng):
    points = rng.normal(size=(300, 5)) * np.array([1, 5, 0.1, 3, 1]) + 7
    centre, axes, ratio = vae.principal_axes(torch.from_numpy(points))
    values, vectors = np.linalg.eigh(np.cov(points.T, bias=True))
    np.testing.assert_allclose(centre, points.mean(0))
    np.testing.assert_allclose(np.abs(axes.numpy()), np.abs(vectors[:, [-1, -2]].T), atol=1e-8)
    np.testing.assert_allclose(ratio, values[[-1, -2]] / values.sum())
    assert (axes.gather(1, axes.abs().argmax(1, keepdim=True)) > 0).all()


def test_two_coordinates_are_a_plane_of_their_own(rng):
    points = rng.normal(size=(50, 2)) @ np.array([[2.0, 1.0], [0.0, 1.0]]) + 3
    centre, axes, ratio = vae.principal_axes(torch.from_numpy(points))
    assert not centre.any() and torch.equal(axes, torch.eye(2, dtype=torch.float64))
    assert float(ratio.sum()) == pytest.approx(1)


@pytest.mark.parametrize("latent", [2, 4])
def test_the_grid_is_what_the_network_draws_there(task, latent):
    detector = build(vae.VAEThreshold, dataclasses.replace(QUICK, latent=latent, epochs=2), task.shape, 0).fit(task)
    portrait = detector.portrait(task)
    assert portrait["grid"].shape == (vae.GRID, vae.GRID, *task.shape) and portrait["nats"].shape == (latent,)
    row, column = 3, 11
    point = portrait["centre"] + np.array([portrait["x"][column], portrait["y"][row]]) @ portrait["axes"]
    with torch.inference_mode():
        expected = detector.networks.decode(torch.from_numpy(point[None].astype(np.float32))).sigmoid()[0]
    assert np.abs(portrait["grid"][row, column] - 255 * expected.numpy()).max() <= 0.51
    mean = detector.explain(task.train)["embedding"]
    seen = (mean - portrait["centre"]) @ portrait["axes"].T
    inside = (seen >= [portrait["x"][0], portrait["y"][0]]) & (seen <= [portrait["x"][-1], portrait["y"][-1]])
    assert inside.mean() > 0.95
    assert portrait["nats"].sum() == pytest.approx(detector.score(task.train)["kl"].mean(), rel=1e-4)


def test_a_latent_that_says_nothing_is_named(task):
    detector = build(vae.VAEThreshold, QUICK, task.shape, 0)
    torch.nn.init.constant_(detector.networks.log_variance.bias, -2)  # 0.57 nats a unit
    assert detector.collapse(task.train) is None
    for part in (detector.networks.mean, detector.networks.log_variance):
        torch.nn.init.zeros_(part.weight), torch.nn.init.zeros_(part.bias)
    assert "the latent carries 0 nats" in detector.collapse(task.train)


def test_a_latent_is_drawn_as_its_image_is_redrawn(trained, task):
    explained = trained.explain(task.valid[:5])
    assert np.abs(trained.decode(explained["embedding"]).astype(int) - explained["reconstruction"]).max() <= 1
    with pytest.raises(WrongRequest, match="A latent has 4 numbers"):
        trained.decode(np.zeros((2, 3), np.float32))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)], ids=str)
def test_larger_and_coloured_images_are_scored_explained_and_drawn(rng, shape):
    images = torch.from_numpy(rng.integers(0, 256, (24, *shape), np.uint8))
    task = TaskTensors(images[:16], images[16:])
    detector = build(vae.VAEThreshold, dataclasses.replace(QUICK, epochs=1, batch_size=8), shape, 0).fit(task)
    scores, explained = detector.score(images), detector.explain(images)
    assert all(np.isfinite(each).all() and len(each) == 24 for each in scores.values())
    redrawn = explained["reconstruction"].astype(float) / 255
    np.testing.assert_allclose(scores["error"], np.square(images.numpy() / 255 - redrawn).mean((1, 2, 3)), rtol=0.02)
    assert detector.portrait(task)["grid"].shape == (vae.GRID, vae.GRID, *shape)
