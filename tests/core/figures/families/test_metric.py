import numpy as np
import pytest
from scipy.special import softmax

from core.figures.families import metric

IMAGE = np.zeros((1, 4, 4), np.uint8)


def test_bars_are_distances_the_nearest_first_and_the_score_is_squared(rng):
    normal = rng.uniform(1, 9, (60, 3))
    reason = {
        "distances": np.array([5.0, 0.5, 2.0]),
        "normal_distances": normal,
        "class_names": np.array(["2", "6", "7"]),
    }
    (picture,) = metric.why(reason, IMAGE)
    bars = picture.figure.data[0]
    assert list(bars.x) == [0.5, 2.0, 5.0] and picture.table["class"] == ["class 6", "class 7", "class 2"]
    assert "Nearest is class 6, at 0.5: a score of 0.25, squared. Next is class 7, at 2." in picture.sentence
    band, median = picture.figure.data[1:]
    own = normal[normal.argmin(1) == 1, 1]
    assert tuple(band.x) == pytest.approx(tuple(np.quantile(own, (0.05, 0.95))))
    assert median.x[0] == pytest.approx(np.median(own)) and "0 % of the held-out images there" in picture.sentence


def test_without_names_and_held_out_images_classes_are_numbered():
    (picture,) = metric.why({"distances": np.array([1.0, 3.0])}, IMAGE)
    assert picture.table["class"] == ["class 1", "class 2"] and len(picture.figure.data) == 1


def test_a_class_that_no_held_out_image_is_near_has_no_band():
    normal = np.array([[1.0, 2.0], [0.5, 3.0]])
    (picture,) = metric.why({"distances": np.array([5.0, 1.0]), "normal_distances": normal}, IMAGE)
    assert len(picture.figure.data) == 1 and "held-out" not in picture.sentence


def test_the_twin_s_bars_are_its_probabilities(rng):
    logits, normal = np.array([1.0, 4.0, 2.0]), rng.normal(size=(50, 3))
    reason = {"embedding": logits, "stepped": logits, "normal_embedding": normal}
    (picture,) = metric.why(reason, IMAGE)
    np.testing.assert_allclose(picture.figure.data[0].x, 100 * np.sort(softmax(logits))[::-1])
    surer = (softmax(normal, axis=1).max(1) < softmax(logits).max()).mean()
    assert f"class 2 ({softmax(logits).max():.1%}".replace("%", " %") in picture.sentence
    assert f"surer than of {surer:.0%}".replace("%", "") in picture.sentence


def test_many_classes_are_cut_to_the_nearest(rng):
    (picture,) = metric.why({"distances": rng.uniform(1, 9, 30)}, IMAGE)
    assert len(picture.table["distance"]) == metric.MOST_BARS
