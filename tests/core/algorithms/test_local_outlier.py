"""The local outlier factor against scikit-learn, and where many images are copies."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import LocalOutlierFactor

from core.algorithms.local_outlier import LocalOutlier, about_copies, density, distinct, factor
from core.errors import WrongRequest


@pytest.fixture
def rows(rng) -> np.ndarray:
    """A dense kind and a loose one, away from the origin."""
    return np.concatenate([0.1 * rng.normal(size=(150, 8)), 2 * rng.normal(size=(150, 8)) + 5]).astype(np.float32)


@pytest.mark.parametrize("neighbours", [1, 5, 20, 299, 1000])
def test_factors_are_scikit_learn_s(rng, rows, neighbours):
    fresh = np.concatenate([rows[:20] + 0.01, (3 * rng.normal(size=(40, 8)) + 2).astype(np.float32)])
    expected = LocalOutlierFactor(min(neighbours, 299), novelty=True, algorithm="brute").fit(rows.astype(float))
    fitted = LocalOutlier.fit(torch.from_numpy(rows), neighbours)
    np.testing.assert_allclose(
        fitted.score(torch.from_numpy(fresh)), -expected.score_samples(fresh.astype(float)), rtol=2e-5
    )
    assert fitted.neighbours == min(neighbours, 299) and len(fitted.rows) == 300


def test_the_same_with_many_columns(rng):
    """Where most neighbours are found by their short forms."""
    rows = (rng.normal(size=(500, 400)) * 0.98 ** np.arange(400)).astype(np.float32)
    expected = LocalOutlierFactor(10, novelty=True, algorithm="brute").fit(rows[:400].astype(float))
    score = LocalOutlier.fit(torch.from_numpy(rows[:400]), 10).score(torch.from_numpy(rows[400:]))
    np.testing.assert_allclose(score, -expected.score_samples(rows[400:].astype(float)), rtol=2e-5)


def test_density_and_factor_by_hand():
    own = density(torch.tensor([[1.0, 3.0]]), torch.tensor([[2.0, 2.0]]), 0.0)
    np.testing.assert_allclose(own, [1 / 2.5])
    np.testing.assert_allclose(factor(own, torch.tensor([[1.0, 3.0]])), [2 / (1 / 2.5)])
    np.testing.assert_allclose(density(torch.zeros(1, 2), torch.zeros(1, 2), 0.5), [2.0])


def test_copies_count_once(rng, rows):
    fresh = torch.from_numpy((rng.normal(size=(30, 8)) + 1).astype(np.float32))
    plain = LocalOutlier.fit(torch.from_numpy(rows), 5)
    copied = np.concatenate([rows, np.repeat(rows[200:201], 100, axis=0), rows[7:8]])
    many = LocalOutlier.fit(torch.from_numpy(copied), 5)
    np.testing.assert_array_equal(many.score(fresh), plain.score(fresh))
    np.testing.assert_array_equal(many.rows, rows)
    np.testing.assert_array_equal(many.places, np.arange(300))
    # scikit-learn's factor of an image beside the copies is beyond a million.
    beside = torch.from_numpy(rows[200:201] + 0.1)
    other = LocalOutlierFactor(5, novelty=True).fit(copied).score_samples(beside.numpy())
    assert other[0] < -1e6 and many.score(beside) < 5


def test_nearly_equal_images_do_not_give_huge_factors(rng, rows):
    bunch = rows[200] + 1e-6 * rng.normal(size=(100, 8)).astype(np.float32)
    fitted = LocalOutlier.fit(torch.from_numpy(np.concatenate([rows, bunch])), 5)
    beside = torch.from_numpy(rows[200:201] + 0.1)
    reach = float(fitted.compared(beside)[0].mean())
    assert fitted.score(beside).item() == pytest.approx(reach / fitted.floor, rel=1e-3)
    assert fitted.floor == pytest.approx(float(fitted.reaches.median()) / 1000)


def test_equal_images_are_refused_and_two_kinds_are_not():
    with pytest.raises(WrongRequest, match="All training images are equal"):
        LocalOutlier.fit(torch.ones(10, 3))
    two = LocalOutlier.fit(torch.tensor([[0.0], [1.0], [1.0]]), 20)
    np.testing.assert_allclose(two.score(torch.tensor([[0.5], [11.0]])), [1, 10])


def test_distinct_rows(rng):
    rows = torch.from_numpy(rng.integers(0, 3, size=(60, 3)).astype(np.float32))
    _, expected = np.unique(rows.numpy(), axis=0, return_index=True)
    np.testing.assert_array_equal(distinct(rows), np.sort(expected))
    assert distinct(torch.tensor([[0.0], [-0.0]])).tolist() == [0]
    np.testing.assert_array_equal(distinct(rows.byte()), np.sort(expected))


def test_the_sentence_about_copies():
    assert about_copies(401, 300).startswith("101 of 401 training images are copies of another")
    assert about_copies(1301, 1300).startswith("1 of 1,301 training image is a copy of another")
    assert about_copies(300, 300) is None
