"""The line: rates with either positive class, what needs no detector, what a share of impurities makes of it."""

import numpy as np
import pytest

from core import evaluation
from core.evaluation import Confusion, Impurities
from core.figures import Kinds
from core.figures.families import vae_line

PUBLISHED = Confusion(caught=12, missed=13, false_alarms=5, accepted=795)


@pytest.fixture
def kinds() -> Kinds:
    return Kinds.of_test(np.repeat([0, 1], [800, 25]))


@pytest.fixture
def scores() -> np.ndarray:
    """At 0.5 the counts are the published ones: 795 normals kept, 12 of 25 novel images caught."""
    low, high = np.linspace(0.1, 0.4, 795), np.linspace(0.6, 0.9, 5)
    return np.concatenate([low, high, np.linspace(0.2, 0.45, 13), np.linspace(0.55, 0.95, 12)])


@pytest.fixture
def learned(rng) -> tuple[np.ndarray, np.ndarray]:
    return rng.gamma(3, size=400), rng.gamma(3, size=100)


def test_rates_of_the_published_counts():
    normal = {name: float(vae_line.rate(PUBLISHED, name, "normal")) for name in ("precision", "recall", "f1", "fpr")}
    assert normal == pytest.approx({"precision": 0.98391, "recall": 0.99375, "f1": 0.98881, "fpr": 0.52}, abs=5e-6)
    novel = {name: float(vae_line.rate(PUBLISHED, name, "novel")) for name in ("precision", "recall", "f1", "fpr")}
    assert novel == pytest.approx({"precision": 12 / 17, "recall": 0.48, "f1": 0.57143, "fpr": 5 / 800}, abs=5e-6)


def test_what_needs_no_detector(kinds):
    assert vae_line.trivial_f1(kinds, "normal") == pytest.approx(0.98462, abs=5e-6)
    assert vae_line.trivial_f1(kinds, "normal") == evaluation.accept_everything(kinds.novel).normal_f1
    everything = evaluation.confusion(np.zeros(825), kinds.novel, -np.inf)
    assert vae_line.trivial_f1(kinds, "novel") == pytest.approx(float(everything.f1))


def test_the_table_has_the_counts_beside_every_f1(scores, kinds):
    table = vae_line.table({"this line": 0.5}, scores, kinds, "normal")
    assert table["line"] == ["this line", "accepting everything"]
    assert table["F1"] == ["0.9888", "0.9846"] and table["FPR"] == ["0.5200", "1.0000"]
    assert table["counts"] == ["795 rightly, 13 wrongly, 5 not", "800 rightly, 25 wrongly, 0 not"]
    novel = vae_line.table({"this line": 0.5, "none": 2.0}, scores, kinds, "novel")
    assert novel["F1"] == ["0.5714", "0.0000", "0.0588"] and novel["precision"][1] == "undefined"
    assert novel["counts"][0] == "12 rightly, 5 wrongly, 13 not"


@pytest.mark.parametrize("positive", vae_line.POSITIVE)
def test_every_line_has_the_rates_of_its_threshold(scores, kinds, positive):
    picture = vae_line.by_threshold(scores, kinds, positive, 0.5, "Squared error")
    for place in (0, len(picture.table["threshold"]) // 2, -2):
        counts = evaluation.confusion(scores, kinds.novel, picture.table["threshold"][place])
        for name in ("precision", "recall", "f1", "fpr"):
            np.testing.assert_allclose(picture.table[name][place], float(vae_line.rate(counts, name, positive)))
    assert {"normal": "F1 is 0.989, 0.004 above accepting everything (0.985)", "novel": "F1 is 0.571, 0.513 above"}[
        positive
    ] in picture.sentence
    assert [shape.x0 for shape in picture.figure.layout.shapes if shape.x0 == shape.x1] == [0.5]


def test_a_line_that_accepts_everything_is_no_better_than_that(scores, kinds):
    assert "the same as accepting everything" in vae_line.by_threshold(scores, kinds, "normal", 2.0, "x").sentence


def test_the_line_of_a_share_is_the_rule_s(learned, scores, kinds):
    picture = vae_line.by_contamination(*learned, 10 * scores, kinds, "novel", 0.03, 0.05)
    for share, threshold in zip(picture.table["assumed share"], picture.table["threshold"], strict=True):
        assert threshold == Impurities(share).threshold(*learned)
    falling = np.diff(picture.table["threshold"])
    assert (falling <= 0).all() and picture.table["recall"][-1] >= picture.table["recall"][0]
    upright = [shape.x0 for shape in picture.figure.layout.shapes if shape.x0 == shape.x1]
    assert upright == pytest.approx([3, 5])


def test_share_and_line_are_each_other_s_inverse(learned):
    for share in (0.002, 0.03, 0.2, 0.5):
        threshold = vae_line.line_of(*learned, share)
        assert vae_line.share_above(*learned, threshold) == pytest.approx(int(round(share * 500, 6)) / 500)
    assert vae_line.line_of(*learned, 1.0) == vae_line.line_of(*learned, 0.99)
    assert vae_line.line_of(*learned, 0) == max(each.max() for each in learned)


def test_the_true_share_counts_hidden_classes():
    tested = {
        "classes": np.array(["a", "b", "a"]),
        "novel": np.array([0, 1, 0]),
        "valid_novel": np.array([0, 1]),
    }
    assert vae_line.true_share(tested, np.array(["a", "a", "a", "b", "c", "a"])) == 3 / 8


def test_the_rule_is_told_with_what_is_true():
    words = vae_line.impurities_in_words(Impurities(0.03031), 4950, 150 / 4950)
    assert "assumes that 3 % of the 4,950" in words and "so that 150 lie on it or above" in words
    assert "In truth 150 are (3 %)" in words
    assert "so that 1 lie on it or above" in vae_line.impurities_in_words(Impurities(0.0), 4950, 0.0)


def test_scores_of_training_and_validation_are_found():
    stored = {"train/error": np.ones(2), "valid/error": np.zeros(3), "test/error": np.zeros(4)}
    assert [len(each) for each in vae_line.learned_from(stored, "error")] == [2, 3]


def test_the_axis_is_logarithmic_where_the_desk_s_is(kinds, scores):
    assert not vae_line.long_tailed(scores, kinds, 0.5)
    assert vae_line.long_tailed(np.where(kinds.novel, 100 * scores, scores), kinds, 0.5)


@pytest.mark.parametrize(("gap", "words"), [(0.0, "so the line holds"), (1.0, "lies too low for new ones")])
def test_new_images_are_compared_with_fitted_ones(rng, kinds, gap, words):
    trained, held_out = rng.gamma(3, size=2000), rng.gamma(3, size=400)
    scores = np.where(kinds.novel, 50, rng.gamma(3, size=825) + gap)
    threshold = Impurities(0.05).threshold(trained, held_out)
    picture = vae_line.fitted_and_new(trained, held_out, scores, kinds, threshold, "Squared error")
    above = (scores[~kinds.novel] > threshold).mean()
    assert f"{100 * above:.1f}".rstrip("0").rstrip(".") + " % of the normal test images" in picture.sentence
    assert words in picture.sentence
    of = np.array(picture.table["images"]) == "training"
    at, share = np.array(picture.table["score"])[of], np.array(picture.table["share above"])[of]
    np.testing.assert_allclose(share, [(trained > value).mean() for value in at])


def test_classes_that_slip_through_come_first():
    classes = np.array(["n", "n", *"aaaa", *"bbb"])
    kinds = Kinds.of_test(classes != "n")
    scores = np.array([0, 9, 0, 0, 0, 9, 9, 9, 9.0])
    picture = vae_line.by_class(scores, classes, kinds, 5.0)
    assert picture.table["class"].tolist() == ["a", "b"] and picture.table["caught"].tolist() == [1, 3]
    assert "Class a slips through most, 1 of 4 caught; class b least, 3 of 3" in picture.sentence
    assert "So few images" in picture.sentence
    many = vae_line.by_class(np.tile(scores, 20), np.tile(classes, 20), kinds[np.tile(np.arange(9), 20)], 5.0)
    assert "So few images" not in many.sentence
