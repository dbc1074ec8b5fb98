import numpy as np
import pytest

from core.figures.families import metric_pairs

MARGIN = 10.0


@pytest.fixture
def portrait(rng):
    """Two pairs of each kind, hard and easy."""
    apart = np.array([[[8.0, 6.0], [0.5, 1.0]], [[4.0, 9.0], [15.0, 14.0]], [[11.0, 12.0], [18.0, 17.0]]])
    images = rng.integers(0, 256, (3, 2, 2, 2, 1, 4, 4), np.uint8)
    return {"pair_kinds": np.arange(3), "pair_distances": apart, "pair_images": images}


@pytest.mark.parametrize("power", [1, 2])
def test_the_cost_of_a_pair_is_that_of_the_loss(rng, power):
    torch = pytest.importorskip("torch")
    from core.algorithms.contrastive import losses

    apart = rng.uniform(0, 20, 50)
    for kind, labels in ((0, (1, 1)), (1, (1, 2)), (2, (1, -1))):
        left, right = (torch.full((50,), label) for label in labels)
        expected = losses(torch.from_numpy(apart), left, right, MARGIN, power)
        np.testing.assert_allclose(metric_pairs.cost(apart, kind, MARGIN, power), expected)


def test_pairs_are_shown_with_distance_and_cost(portrait):
    same, other, seen = metric_pairs.gallery(portrait, MARGIN, 2)
    assert list(same.table["pair"]) == ["hardest", "hardest", "easiest", "easiest"]
    np.testing.assert_allclose(same.table["cost"], [64, 36, 0.25, 1])
    np.testing.assert_allclose(other.table["cost"], [36, 1, 0, 0])
    assert "the hardest are 8 apart" in same.sentence and "the hardest, 4 apart, is within it" in other.sentence
    assert "is not even within it" in seen.sentence
    below = other.figure.layout.xaxis.ticktext
    assert below[0] == "4 apart<br>costs 36" and below[2] == "15 apart<br>no gradient"
    assert {each.name for each in (same, other, seen)} == {"pairs-positive", "pairs-negative", "pairs-seen"}


def test_bars_are_shares_of_their_kind_and_the_sentence_counts_those_within_the_margin():
    counts = np.array([[4, 0, 0, 0], [1, 2, 3, 2], [0, 0, 0, 0]])
    picture = metric_pairs.distance_histogram(counts, np.linspace(0, 20, 5), MARGIN, "now")
    same, other = picture.figure.data  # without seen pairs there are no bars of them
    assert list(same.y) == [100, 0, 0, 0] and list(other.y) == [12.5, 25, 37.5, 25]
    assert picture.figure.layout.shapes[0].x0 == MARGIN
    assert picture.sentence == "Within the margin, where they still push, lie 37.5 % of the pairs of two classes."
    counts[2] = [5, 5, 0, 0]
    assert (
        "and 100 % of the pairs known and seen"
        in metric_pairs.distance_histogram(counts, np.linspace(0, 20, 5), MARGIN, "now").sentence
    )


def test_active_shares_by_epoch():
    progress = [
        {"epoch": 1, "curves": {"loss": 9.0, "distance positive": 1, "distance negative": 2, "active negative": 1.0}},
        {
            "epoch": 2,
            "curves": {
                **{"loss": 2.0, "distance positive": 2, "distance negative": 12, "active negative": 0.25},
                **{"distance seen": 8, "active seen": 0.5},
            },
        },
    ]
    picture = metric_pairs.learning(progress, 2, MARGIN)
    assert "100 % lie within the margin in the first epoch and 25 % in the last" in picture.sentence
    assert "known and seen, 50 % and 50 %" in picture.sentence
    assert np.isnan(picture.table["active seen"][0])
    names = [(trace.name, list(trace.y)) for trace in picture.figure.data if trace.name == "of two classes"]
    assert names == [("of two classes", [2, 12]), ("of two classes", [1, 0.25])]


def test_the_twin_s_curves():
    progress = [{"epoch": e, "curves": {"cross-entropy": 1 / e, "accuracy": 1 - 0.5 / e}} for e in (1, 2)]
    picture = metric_pairs.classifier_curves(progress, 1)
    assert "from 1 to 0.5" in picture.sentence and "75 % of the training images" in picture.sentence
