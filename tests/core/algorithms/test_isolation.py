"""Isolation forest against scikit-learn, and its walk against a tree that is known."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import IsolationForest as Reference

from core.algorithms.isolation import IsolationForest, anomaly, expected_cuts


@pytest.fixture
def rows(rng) -> np.ndarray:
    """Pixels in steps of a grey level, two columns constant."""
    rows = rng.integers(0, 256, size=(400, 9)).astype(np.float32) / 255
    rows[:, 2], rows[:, 5] = 0.0, 1.0
    return rows


@pytest.mark.parametrize(("trees", "draw"), [(100, 256), (7, 400), (30, 10_000), (5, 2)])
def test_scores_are_scikit_learn_s(rng, rows, trees, draw):
    tested = np.concatenate([rows, rng.normal(size=(50, 9)).astype(np.float32)])
    expected = Reference(n_estimators=trees, max_samples=min(draw, 400), random_state=4).fit(rows)
    forest = IsolationForest.fit(torch.from_numpy(rows), trees, draw, seed=4)
    np.testing.assert_allclose(forest.score(torch.from_numpy(tested)), -expected.score_samples(tested), rtol=1e-12)


def test_path_lengths_are_the_depths_that_scikit_learn_s_trees_report(rows):
    expected = Reference(n_estimators=20, random_state=1).fit(rows)
    lengths = IsolationForest.fit(torch.from_numpy(rows), 20, 256, seed=1).path_lengths(torch.from_numpy(rows))
    assert lengths.shape == (400, 20)
    for place, each in enumerate(expected.estimators_):
        cuts = np.asarray(each.decision_path(rows).sum(1))[:, 0] - 1
        left = torch.from_numpy(each.tree_.n_node_samples[each.apply(rows)])
        np.testing.assert_allclose(lengths[:, place], cuts + expected_cuts(left).numpy())


def test_two_images_are_parted_by_one_cut():
    forest = IsolationForest.fit(torch.tensor([[0.0, 3.0], [1.0, 3.0]]), 10, 256)
    assert (forest.features == 0).all()
    assert (forest.path_lengths(torch.tensor([[-5.0, 9.0], [0.2, -9.0]])) == 1).all() and forest.expected == 1
    np.testing.assert_allclose(forest.score(torch.zeros(1, 2)), 0.5)


@pytest.mark.parametrize("count", [1, 5])
def test_equal_images_are_never_parted(count):
    """So nothing is more novel than anything else."""
    forest = IsolationForest.fit(torch.ones(count, 4), 10, 256)
    assert forest.depth == 0
    np.testing.assert_allclose(forest.score(torch.tensor([[1.0] * 4, [9.0] * 4])), [0.5, 0.5])


def test_expected_cuts_are_the_mean_over_all_ways_to_cut():
    """A cut leaves i of n images on one side, each i from 1 to n - 1 as likely; i of n images follow it there."""
    exact = [0.0, 0.0]
    for count in range(2, 40):
        exact.append(1 + 2 * sum(i * exact[i] for i in range(1, count)) / (count * (count - 1)))
    given = expected_cuts(torch.arange(40)).numpy()
    assert given[:3].tolist() == exact[:3] == [0, 0, 1]
    # The harmonic number is taken as ln i + 0.5772..., which is too small by less than 1 / (2 i).
    short = np.array(exact[3:]) - given[3:]
    assert (short > 0).all() and (short < 1 / (np.arange(3, 40) - 1)).all()


def test_more_cuts_are_less_novel():
    scores = anomaly(torch.tensor([1.0, 5.0, 10.0]), 5.0)
    np.testing.assert_allclose(scores, [2**-0.2, 0.5, 0.25])


def test_scores_do_not_depend_on_the_block(rows, monkeypatch):
    forest, images = IsolationForest.fit(torch.from_numpy(rows), 20), torch.from_numpy(rows)
    whole = forest.score(images)
    monkeypatch.setattr("core.algorithms.isolation.WALKERS", 20 * 7)
    np.testing.assert_array_equal(forest.score(images), whole)
