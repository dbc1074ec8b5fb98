import numpy as np
import pytest
from scipy.stats import percentileofscore

from core.errors import WrongRequest
from core.evaluation import collapse, percentile
from core.evaluation.scores import finite, labelled, ordered


def test_nan_scores_are_refused_with_their_number():
    with pytest.raises(WrongRequest, match="2 of 3 scores are not numbers"):
        ordered([np.nan, 1.0, np.nan])


def test_scores_of_a_wrong_shape_are_refused():
    with pytest.raises(WrongRequest, match=r"\(2, 1\)"):
        ordered([[1.0], [2.0]])


@pytest.mark.parametrize(
    ("scores", "words"), [([], "no scores of mine"), ([1, np.inf, -np.inf], "2 of 3 scores of mine")]
)
def test_finite_refuses(scores, words):
    with pytest.raises(WrongRequest, match=words):
        finite(scores, "scores of mine")


@pytest.mark.parametrize(
    ("scores", "novel", "words"),
    [([1, 2], [0], "2 scores meet labels of shape"), ([], [], "no scores"), ([1, 2, 3], [0, 1, -1], "not -1")],
)
def test_labelled_refuses(scores, novel, words):
    with pytest.raises(WrongRequest, match=words):
        labelled(scores, novel)


def test_labelled_takes_booleans_and_infinite_scores():
    scores, novel = labelled([1, np.inf], [False, True])
    assert scores.tolist() == [1, np.inf]
    assert novel.tolist() == [False, True]


def test_collapse_is_silent_for_healthy_scores(rng):
    assert collapse(rng.normal(size=1000)) is None
    assert collapse(1e-9 * rng.random(1000)) is None, "small scores are no collapse"
    assert collapse([-np.inf, 0, 1, np.inf]) is None
    assert collapse([3.0]) is None


def test_collapse_names_scores_without_spread(rng):
    assert "all 500 images have nearly the same score (7" in collapse(np.full(500, 7.0))
    assert "nearly the same" in collapse(7 + 1e-7 * rng.random(500)), "distinct by rounding only"


def test_collapse_starts_below_one_percent_of_distinct_values():
    assert "1,000 images share only 9 distinct" in collapse(np.arange(1000) % 9)
    assert collapse(np.arange(1000) % 10) is None


def test_collapse_refuses_nan():
    with pytest.raises(WrongRequest, match="1 of 2"):
        collapse([np.nan, 1])


def test_percentile_is_the_mid_rank(rng):
    reference, scores = rng.integers(0, 20, size=300), rng.integers(-2, 23, size=50)
    expected = [percentileofscore(reference, score, kind="mean") for score in scores]
    np.testing.assert_allclose(percentile(scores, reference), expected)


def test_percentile_at_the_edges():
    np.testing.assert_array_equal(percentile([-np.inf, 1, 2, 3, np.inf], [2, 2]), [0, 0, 50, 100, 100])
    with pytest.raises(WrongRequest, match="no normal validation scores"):
        percentile([1], [])
