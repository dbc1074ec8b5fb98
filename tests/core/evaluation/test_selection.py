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


def test_both_halves_together_hold_every_image_once(rng):
    """With one novel image a half, the mean over both halves of a perfect and of a reversed column are 1 and 0."""
    novel = np.array([0, 0, 0, 0, 1, 1])
    one, other = evaluation.auroc_on_halves(np.stack([novel, -novel], 1), novel, halvings=5)
    assert one.shape == other.shape == (5, 2)
    assert (one == [1, 0]).all() and (other == [1, 0]).all()


def test_the_best_of_many_columns_of_noise_promises_more_than_it_keeps(rng):
    novel = np.arange(200) % 2
    one, other = evaluation.auroc_on_halves(rng.normal(size=(200, 30)), novel)
    best = one.argmax(1)
    assert one.max(1).mean() > 0.56
    assert other[np.arange(100), best].mean() < 0.53


def test_several_kinds_of_novelty_are_never_on_both_sides():
    """Column k catches only kind k: perfect on the half that holds it, and blind on the other."""
    kinds = np.repeat(["normal", "a", "b"], 20)
    scores = np.stack([kinds == "a", kinds == "b"], 1) + 0.0
    one, other = evaluation.auroc_on_halves(scores, kinds != "normal", kinds, halvings=20)
    assert {(*a, *b) for a, b in zip(one, other, strict=True)} == {(1, 0.5, 0.5, 1), (0.5, 1, 1, 0.5)}


def test_a_large_test_set_is_thinned_and_the_seed_decides(rng):
    novel = np.arange(500) % 2
    scores = rng.normal(size=(500, 3))
    thinned, _ = evaluation.auroc_on_halves(scores, novel, most=60, halvings=5)
    used = novel[np.random.default_rng(0).permutation(500)[:60]]
    pairs = (used.sum() // 2) * ((1 - used).sum() // 2)  # an AUROC without ties is a share of so many pairs
    np.testing.assert_allclose(thinned * pairs, np.round(thinned * pairs), atol=1e-9)
    np.testing.assert_array_equal(thinned, evaluation.auroc_on_halves(scores, novel, most=60, halvings=5)[0])
    assert (thinned != evaluation.auroc_on_halves(scores, novel, most=60, halvings=5, seed=1)[0]).any()


def test_one_novel_image_can_not_be_halved():
    with pytest.raises(WrongRequest, match="at least two"):
        evaluation.auroc_on_halves(np.zeros((5, 2)), [0, 0, 0, 0, 1])
