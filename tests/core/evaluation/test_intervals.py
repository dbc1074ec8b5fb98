import numpy as np
import pytest

from core.errors import WrongRequest
from core.evaluation import intervals
from core.evaluation.intervals import estimate, levels, observed, resampled


def test_estimate_takes_the_middle_95_percent():
    assert estimate(0.5, np.arange(1001) / 1000) == pytest.approx({"value": 0.5, "low": 0.025, "high": 0.975})


def test_estimate_has_none_for_what_is_undefined():
    assert estimate(np.nan, np.array([0.1, 0.2])) == {"value": None, "low": None, "high": None}
    assert estimate(0.5, np.array([np.nan])) == {"value": 0.5, "low": None, "high": None}
    assert estimate(0.5, np.array([np.nan, 0.4, 0.4])) == {"value": 0.5, "low": 0.4, "high": 0.4}


def test_observed_counts_images_per_distinct_score():
    distinct, level = levels(np.array([3.0, 1.0, 3.0, 3.0]))
    histograms = observed(level, np.array([True, False, False, True]))
    assert distinct.tolist() == [1, 3]
    assert histograms.normal.tolist() == [[1, 1]] and histograms.novel.tolist() == [[0, 2]]
    assert histograms.normal_at_most.tolist() == [[1, 2]] and histograms.novel_at_most.tolist() == [[0, 2]]
    assert (histograms.normals, histograms.novels) == (2, 2)


def drawn(level, novel, draws, seed=0):
    blocks = list(resampled(level, novel, draws, seed))
    return np.concatenate([b.normal for b in blocks]), np.concatenate([b.novel for b in blocks])


def test_resamples_are_multinomial_within_each_class(rng):
    novel = np.arange(50) < 20
    normal_counts, novel_counts = drawn(rng.permutation(50), novel, draws=4000)
    for counts, size in ((normal_counts, 30), (novel_counts, 20)):
        assert (counts.sum(axis=1) == size).all(), "every draw keeps the size of its class"
        present = counts[:, counts.any(axis=0)]
        assert present.shape == (4000, size), "every image is drawn now and then, none of the other class"
        np.testing.assert_allclose(present.mean(axis=0), 1, atol=0.08)
        np.testing.assert_allclose(present.var(axis=0), 1 - 1 / size, atol=0.15)
    correlation = np.corrcoef(
        normal_counts[:, normal_counts.any(axis=0)].T, novel_counts[:, novel_counts.any(axis=0)].T
    )
    assert np.abs(correlation[:30, 30:]).max() < 0.08, "the classes are drawn independently"


def test_resamples_do_not_depend_on_the_size_of_the_blocks(rng, monkeypatch):
    level, novel = levels(rng.integers(0, 30, 101))[1], rng.random(101) < 0.4
    at_once = drawn(level, novel, draws=11)
    monkeypatch.setattr(intervals, "CELLS", 3 * 30)
    assert len(list(resampled(level, novel, 11, seed=0))) == 4
    np.testing.assert_array_equal(drawn(level, novel, draws=11), at_once)


def test_two_scores_meet_the_same_resamples(rng):
    novel = rng.random(60) < 0.5
    order = rng.permutation(60)
    for a, b in zip(drawn(np.arange(60), novel, 5), drawn(order, novel, 5), strict=True):
        np.testing.assert_array_equal(a, b[:, order])


def test_resampled_refuses_no_draws():
    with pytest.raises(WrongRequest, match="not 0"):
        next(resampled(np.array([0, 1]), np.array([False, True]), draws=0, seed=0))
