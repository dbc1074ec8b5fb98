"""Mahalanobis distances and Ledoit-Wolf shrinkage, against scikit-learn and numpy."""

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf

from core.algorithms.gaussian import Gaussian, shrinkage


def correlated(rng, count: int, columns: int) -> np.ndarray:
    """Correlated columns of very different spread, away from the origin."""
    spread = rng.normal(size=(count, columns)) * np.geomspace(2, 0.02, columns)
    return (spread @ np.linalg.qr(rng.normal(size=(columns, columns)))[0] + 3).astype(np.float32)


@pytest.mark.parametrize(("count", "columns"), [(400, 12), (30, 12), (10, 40), (3, 5)])
def test_distances_are_scikit_learn_s(rng, count, columns):
    """Also with fewer images than columns."""
    rows, fresh = correlated(rng, count, columns), correlated(rng, 25, columns)
    expected = LedoitWolf().fit(rows.astype(float))
    gaussian = Gaussian.fit(torch.from_numpy(rows))
    assert gaussian.shrinkage == pytest.approx(expected.shrinkage_, rel=1e-5)
    distances = gaussian.squared_distances(torch.from_numpy(fresh))
    np.testing.assert_allclose(distances, expected.mahalanobis(fresh.astype(float)), rtol=2e-3)


def test_shrinkage_is_the_share_with_the_least_expected_error(rng):
    """b^2 and d^2 from their definitions: outer products of the single images against their mean."""
    rows = rng.normal(size=(15, 4)) * [2, 1, 0.5, 0.1]
    centred = rows - rows.mean(0)
    outer = np.einsum("ni,nj->nij", centred, centred)
    covariance = outer.mean(0)
    distance = np.square(covariance - np.trace(covariance) / 4 * np.eye(4)).sum() / 4
    error = np.square(outer - covariance).sum((1, 2)).mean() / 15 / 4
    given = shrinkage(torch.from_numpy(covariance), float((np.square(centred).sum(1) ** 2).sum()), 15)
    assert given == pytest.approx(error / distance)
    assert shrinkage(torch.eye(3), 9.0, 10) == 1.0  # nothing differs from the identity
    assert shrinkage(torch.diag(torch.tensor([1.0, 2.0])), 1e9, 10) == 1.0  # an error larger than the distance


def test_contributions_add_up_to_the_distance(rng):
    rows, fresh = correlated(rng, 100, 8), torch.from_numpy(correlated(rng, 10, 8))
    gaussian = Gaussian.fit(torch.from_numpy(rows))
    parts = gaussian.contributions(fresh)
    np.testing.assert_allclose(parts.sum(1), gaussian.squared_distances(fresh), rtol=1e-3)
    inverse = np.linalg.inv(((gaussian.axes.T * gaussian.variances) @ gaussian.axes).double().numpy())
    away = fresh.numpy() - rows.mean(0)
    np.testing.assert_allclose(parts, away * (away @ inverse), rtol=0.02, atol=0.02)
    np.testing.assert_allclose(gaussian.coordinates(fresh).square().sum(1), gaussian.squared_distances(fresh))


def test_axes_are_the_principal_ones(rng):
    rows = correlated(rng, 200, 6)
    gaussian = Gaussian.fit(torch.from_numpy(rows))
    np.testing.assert_allclose(gaussian.axes @ gaussian.axes.T, np.eye(6), atol=1e-5)
    assert (gaussian.variances.diff() <= 0).all()
    share = gaussian.shrinkage
    values = np.linalg.eigvalsh(np.cov(rows.T, bias=True))[::-1]
    np.testing.assert_allclose(gaussian.variances, (1 - share) * values + share * values.mean(), rtol=1e-4)


def test_a_change_where_nothing_varies_is_far(rng):
    rows = correlated(rng, 50_000, 3)
    rows = torch.from_numpy(np.concatenate([rows, np.full((50_000, 2), 7, dtype=np.float32)], axis=1))
    gaussian = Gaussian.fit(rows)
    usual, changed = gaussian.squared_distances(torch.stack([rows[0], rows[0] + torch.tensor([0, 0, 0, 1.0, 0])]))
    assert usual < 50 and torch.isfinite(changed) and changed > 1000
    variance = float(rows.double().var(0, correction=0).mean())
    assert gaussian.variances.min() >= 0.99e-6 * variance


def test_two_images_give_a_sphere():
    gaussian = Gaussian.fit(torch.tensor([[0.0, 0.0], [2.0, 0.0]]))
    np.testing.assert_allclose(gaussian.squared_distances(torch.tensor([[1.0, 3.0], [4.0, 0.0]])), [18, 18], rtol=1e-6)


def test_equal_images_give_the_plain_distance():
    gaussian = Gaussian.fit(torch.full((5, 3), 7.0))
    assert gaussian.squared_distances(torch.tensor([[7.0, 7, 7], [8, 7, 9]])).tolist() == [0, 5]
