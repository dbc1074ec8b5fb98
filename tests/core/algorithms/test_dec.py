"""Deep embedded clustering, against numpy and the closed-form gradient of the paper."""

import numpy as np
import pytest
import torch

from core.algorithms import dec


@pytest.fixture
def codes(rng) -> np.ndarray:
    return rng.normal(size=(40, 3)) + 5 * rng.normal(size=(4, 3))[rng.integers(4, size=40)]


@pytest.fixture
def centres(rng) -> np.ndarray:
    return 5 * rng.normal(size=(4, 3))


def student(codes: np.ndarray, centres: np.ndarray, alpha: float) -> np.ndarray:
    kernel = (1 + np.square(codes[:, None] - centres).sum(2) / alpha) ** (-(alpha + 1) / 2)
    return kernel / kernel.sum(1, keepdims=True)


@pytest.mark.parametrize("alpha", [1.0, 2.5])
def test_assignment_target_and_divergence_against_numpy(codes, centres, alpha):
    q = student(codes, centres, alpha)
    sharper = q**2 / q.sum(0)
    p = sharper / sharper.sum(1, keepdims=True)
    log_q = dec.log_soft_assignment(torch.from_numpy(codes), torch.from_numpy(centres), alpha)
    np.testing.assert_allclose(log_q.exp(), q, rtol=1e-10)
    wanted = dec.target(log_q.exp())
    np.testing.assert_allclose(wanted, p, rtol=1e-10)
    np.testing.assert_allclose(wanted.sum(1), 1, rtol=1e-12)
    np.testing.assert_allclose(dec.divergence(wanted, log_q), (p * np.log(p / q)).sum(1), rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("alpha", [1.0, 2.5])
def test_gradients_are_the_paper_s_closed_forms(codes, centres, alpha):
    z, mu = (torch.from_numpy(each).requires_grad_() for each in (codes, centres))
    log_q = dec.log_soft_assignment(z, mu, alpha)
    wanted = dec.target(log_q.exp())
    assert not wanted.requires_grad
    dec.divergence(wanted, log_q).sum().backward()
    apart = codes[:, None] - centres  # [N, K, D]
    pull = (wanted.numpy() - log_q.exp().detach().numpy()) / (1 + np.square(apart).sum(2) / alpha)
    each = (alpha + 1) / alpha * pull[..., None] * apart
    np.testing.assert_allclose(mu.grad, -each.sum(0), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(z.grad, each.sum(1), rtol=1e-8, atol=1e-12)


def test_a_code_on_its_centre_has_a_finite_gradient():
    z = torch.tensor([[0.0, 0.0], [1.0, 1.0]], requires_grad=True)
    log_q = dec.log_soft_assignment(z, torch.tensor([[0.0, 0.0], [4.0, 0.0]]))
    dec.divergence(dec.target(log_q.exp()), log_q).sum().backward()
    assert torch.isfinite(z.grad).all()


def test_two_clusters_of_equal_size_only_sharpen():
    q = torch.tensor([[0.8, 0.2], [0.2, 0.8], [0.6, 0.4], [0.4, 0.6]], dtype=torch.float64)
    np.testing.assert_allclose(dec.target(q), q**2 / (q**2).sum(1, keepdim=True), rtol=1e-12)


def test_the_target_is_fair_to_small_clusters():
    q = torch.tensor([[0.6, 0.4]] + [[0.9, 0.1]] * 20)
    assert float(dec.target(q)[0, 1]) > 0.4  # squared alone it would fall to 0.31


def test_a_target_of_zero_and_an_empty_cluster_stay_finite():
    q = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    wanted = dec.target(q)
    assert torch.isfinite(wanted).all() and not wanted[:, 2].any() and wanted[0].tolist() == [1, 0, 0]
    log_q = dec.log_soft_assignment(torch.zeros(2, 2), torch.tensor([[0.0, 0], [0, 0], [3, 0]]))
    assert torch.isfinite(dec.divergence(wanted, log_q)).all()
    assert log_q[:, 0].tolist() == log_q[:, 1].tolist()  # two clusters with one centre share


def test_distances_far_from_the_origin_are_not_lost_to_rounding():
    """|a|^2 + |b|^2 - 2ab in float32 is blind to distances of 0.1 at 1,000 from the origin."""
    codes = torch.full((64, 3), 1000.0) + 0.125 * torch.eye(3)[torch.arange(64) % 3]
    centres = torch.full((30, 3), 1000.0) + 0.125 * torch.arange(30)[:, None]
    expected = student(codes.double().numpy(), centres.double().numpy(), 1.0)
    np.testing.assert_allclose(dec.log_soft_assignment(codes, centres).exp(), expected, rtol=1e-4)


def test_the_share_of_changed_labels():
    assert dec.changed(torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 2, 0])) == 0.25
    assert dec.changed(torch.tensor([0, 1]), torch.tensor([0, 1])) == 0


def test_no_cluster_is_starved():
    fed = dec.without_starved(torch.arange(3).repeat(10), torch.eye(3))
    assert fed.into.tolist() == fed.kept.tolist() == [0, 1, 2] and fed.sentence is None
    exactly = dec.without_starved(torch.tensor([0] * 199 + [1]), torch.eye(2))  # 0.5 % is enough
    assert exactly.kept.tolist() == [0, 1]


def test_starved_clusters_join_their_nearest_neighbour():
    centres = torch.tensor([[0.0], [10.0], [11.0], [1.0]])
    labels = torch.tensor([0] * 500 + [1] * 1 + [2] * 497 + [3] * 2)
    fed = dec.without_starved(labels, centres)
    assert fed.kept.tolist() == [0, 2] and fed.into.tolist() == [0, 1, 1, 0]
    assert fed.sentence == "2 of 4 clusters hold less than 0.5% of the images and joined the nearest; 2 are left."


def test_two_starved_neighbours_make_a_cluster_that_is_fed():
    centres = torch.tensor([[0.0], [10.0], [10.1], [30.0]])
    labels = torch.tensor([0] * 500 + [1] * 3 + [2] * 4 + [3] * 493)
    fed = dec.without_starved(labels, centres)
    assert fed.kept.tolist() == [0, 2, 3] and fed.into.tolist() == [0, 1, 1, 2]
    assert fed.sentence.startswith("1 of 4 clusters holds less")


def test_an_empty_cluster_is_not_kept():
    fed = dec.without_starved(torch.tensor([0, 0, 2, 2]), torch.tensor([[0.0], [1], [5]]))
    assert fed.kept.tolist() == [0, 2] and fed.into.tolist() == [0, 0, 1]
    alone = dec.without_starved(torch.zeros(4, dtype=torch.int64), torch.zeros(3, 2))
    assert alone.kept.tolist() == [0] and alone.into.tolist() == [0, 0, 0] and alone.sentence.endswith("1 is left.")


def test_a_collapse_is_called_one():
    assert dec.collapse(torch.tensor([0] * 95 + [1] * 5)) is None
    assert "one of 2 clusters holds 96.0% of the images" in dec.collapse(torch.tensor([0] * 4 + [1] * 96))
    assert "all images lie in one cluster" in dec.collapse(torch.full((10,), 3))
