import numpy as np
import pytest

from core import evaluation
from core.errors import WrongRequest
from core.evaluation import selection


def test_auroc_of_marked_images_equals_that_of_those_images_alone(rng):
    scores = rng.integers(0, 12, (60, 4)).astype(float)  # with ties
    novel, used = rng.random(60) < 0.4, rng.random(60) < 0.7
    found = selection._auroc(novel & used, ~novel & used, *selection._ranks(scores))
    expected = [evaluation.auroc(column[used], novel[used]) for column in scores.T]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_choosing_among_columns_of_noise_promises_more_than_it_keeps(rng):
    novel = np.arange(200) % 2
    halves = evaluation.chosen_on_half(rng.normal(size=(200, 30)), novel)
    assert halves["promised"].mean() > 0.56
    assert halves["kept"].mean() < 0.53


def test_a_column_that_is_best_everywhere_keeps_what_it_promises(rng):
    novel = np.arange(100) % 2
    scores = np.stack([rng.normal(size=100), novel + 0.1 * rng.random(100)], 1)
    halves = evaluation.chosen_on_half(scores, novel, halvings=10)
    assert (halves["chosen"] == 1).all()
    assert (halves["promised"] == 1).all() and (halves["kept"] == 1).all()


def test_several_kinds_of_novelty_are_never_on_both_sides(rng):
    """Column k catches only kind k: perfect on the half that chose it, and blind on the other."""
    kinds = np.repeat(["normal", "a", "b"], 20)
    scores = np.stack([kinds == "a", kinds == "b"], 1) + 0.0
    halves = evaluation.chosen_on_half(scores, kinds != "normal", kinds, halvings=20)
    assert (halves["promised"] == 1).all()
    assert (halves["kept"] == 0.5).all()


def test_a_large_test_set_is_thinned_to_the_most_images(rng):
    novel = np.arange(500) % 2
    scores = rng.normal(size=(500, 3))
    thinned = evaluation.chosen_on_half(scores, novel, most=60, halvings=5)
    used = novel[np.random.default_rng(0).permutation(500)[:60]]
    pairs = (used.sum() // 2) * ((1 - used).sum() // 2)  # a share of that many pairs, and of no other number of them
    np.testing.assert_allclose(thinned["promised"] * pairs, np.round(thinned["promised"] * pairs), atol=1e-9)
    again = evaluation.chosen_on_half(scores, novel, most=60, halvings=5)
    np.testing.assert_array_equal(thinned["kept"], again["kept"])


def test_one_novel_image_can_not_be_halved():
    with pytest.raises(WrongRequest, match="at least two"):
        evaluation.chosen_on_half(np.zeros((5, 2)), [0, 0, 0, 0, 1])
