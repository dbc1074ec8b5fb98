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


def test_neighbours_are_the_nearest_training_images_of_the_embedding(rng):
    codes, bank = rng.normal(size=(30, 4)), rng.integers(0, 256, (40, 1, 4, 4), np.uint8)
    shown = {"embedding": codes, "train_of": np.arange(0, 60, 2)}
    # The bank holds every training image that is shown, in ascending order, and some more.
    bank_of = np.sort(np.concatenate([shown["train_of"], [61, 63, 65, 67, 69, 71, 73, 75, 77, 79]]))
    images = {"bank": bank, "bank_of": bank_of, "classes": np.array([f"c{each}" for each in bank_of])}
    portrait = {"centres": np.stack([codes[3], codes[5] + 1])}
    reason = {"embedding": codes[9] + 0.01, "nearest": np.array(0), "class_names": np.array(["2", "6"])}
    near, typical = metric.neighbours(reason, shown, images, portrait)
    assert near.labels[0].startswith("class c18 · ") and typical.labels[0] == "class c6 · 0"
    np.testing.assert_array_equal(near.images[0], bank[np.searchsorted(bank_of, 18)])
    assert len(near.images) == metric.IN_A_ROW and "mean of class 2" in typical.title
    far = np.linalg.norm(codes - reason["embedding"], axis=1)
    assert [label.partition(" ")[2].partition(" ")[0] for label in near.labels] == [
        f"c{shown['train_of'][place]}" for place in np.argsort(far)[: metric.IN_A_ROW]
    ]
