import numpy as np
import pytest

from core import evaluation
from core.figures import Kinds
from core.figures.families import metric_distances

NAMES = np.array(["2", "6", "7"])


@pytest.fixture
def kinds() -> Kinds:
    source = np.repeat(["normal", "novel", "other classes", "gaussian-noise"], (40, 30, 20, 10))
    return Kinds.of_test(
        source != "normal", source, np.repeat(["normal", "novelty", "seen", "anomaly"], (40, 30, 20, 10))
    )


@pytest.fixture
def scores(rng):
    return np.concatenate([rng.uniform(0, 4, 40), rng.uniform(2, 30, 60)])


def test_the_radius_is_the_root_of_the_threshold(rng):
    held_out = rng.uniform(0, 9, 200)
    threshold, radius = metric_distances.radius_of(0.9, held_out)
    assert (held_out <= threshold).mean() == pytest.approx(0.9, abs=0.006) and radius**2 == pytest.approx(threshold)
    assert "radius 2: so 90 %" in metric_distances.shares_in_words(
        2.0, 0.9
    ) and "is 4." in metric_distances.shares_in_words(2.0, 0.9)


def test_each_kind_has_its_own_row_and_share(scores, kinds):
    picture = metric_distances.by_kind(scores, kinds, 4.0, True, "Distance")
    assert len(picture.figure.data) == 4
    for bars, (kind, mask) in zip(picture.figure.data, kinds, strict=True):
        assert bars.y.sum() == pytest.approx(100) and np.sum(bars.customdata) == mask.sum()
        assert picture.table[kind.name].sum() == mask.sum()
    titles = [each.text for each in picture.figure.layout.annotations]
    assert titles[0].endswith(" accepted")
    for title, (kind, mask) in zip(titles, kinds, strict=True):
        share = 100 * (scores[mask] <= 4).mean()
        told = f"<b>{kind.name}</b>, {f'{share:.1f}'.removesuffix('.0')} % of {mask.sum()}"
        assert title.removesuffix(" accepted") == told
    lines = {shape.x0 for shape in picture.figure.layout.shapes}
    assert lines == {2.0}  # distances are drawn, the threshold is one of squares
    worst = max((kinds.novel & False).sum() + (scores[mask] <= 4).mean() for kind, mask in kinds if kind.foreign)
    assert f"{100 * worst:.1f}".removesuffix(".0") in picture.sentence


def test_nothing_novel_passes_a_tight_threshold(scores, kinds):
    assert "and not one novel image" in metric_distances.by_kind(scores, kinds, 1.0, True, "Distance").sentence


def test_the_twin_s_scores_stand_on_a_logarithmic_axis(kinds, rng):
    scores = rng.exponential(size=100) * 10.0 ** rng.integers(-6, 0, 100)
    scores[0] = 0.0
    picture = metric_distances.by_kind(scores, kinds, 1e-3, False, "Max-softmax")
    assert picture.figure.layout.xaxis4.type == "log"
    assert sum(np.sum(bars.customdata) for bars in picture.figure.data) == 100


def test_accuracy_is_of_known_images_alone(kinds):
    nearest, classes = np.zeros(100, int), np.repeat(["2", "6", "9"], (30, 10, 60))
    assert metric_distances.accuracy(nearest, classes, kinds, NAMES) == (30, 40)


def test_nearest_classes_by_class_and_kind(kinds, rng):
    nearest = np.concatenate([np.repeat([0, 1], 20), rng.integers(0, 2, 50), np.full(10, 2)])
    classes = np.array(["2"] * 20 + ["6"] * 20 + ["9"] * 30 + ["4"] * 20 + ["gaussian-noise"] * 10)
    picture = metric_distances.nearest_classes(nearest, classes, kinds, NAMES)
    rows = list(picture.table["images"])
    assert rows == [
        "2, normal (20)",
        "6, normal (20)",
        "9, novelty (30)",
        "4, seen other classes (20)",
        "gaussian-noise (10)",
    ]
    np.testing.assert_array_equal(picture.figure.data[0].z[0], [100, 0, 0])
    np.testing.assert_array_equal(picture.figure.data[0].z[4], [0, 0, 100])
    counts = np.bincount(nearest[40:], minlength=3)
    assert "40 of 40 images of known classes" in picture.sentence
    assert f"class {NAMES[counts.argmax()]} most often, {counts.max()} of 60" in picture.sentence


# --- two runs ---------------------------------------------------------------------------------------------------------


def test_differences_are_of_each_kind_against_the_known_images(scores, kinds, rng):
    other = scores + rng.normal(size=100)
    found = metric_distances.differences(scores, other, kinds)
    assert list(found) == ["novelty", "seen other classes", "gaussian-noise"]
    of = (kinds.names == "novelty") | ~kinds.novel
    assert found["novelty"]["one"]["value"] == evaluation.auroc(scores[of], kinds.novel[of])
    assert found["novelty"]["other"]["fpr"] == evaluation.fpr95_normal(other[of], kinds.novel[of])
    assert found["novelty"]["difference"] == evaluation.paired_difference(scores[of], other[of], kinds.novel[of])


def entry(one, other, low, high):
    return {
        "one": {"value": one, "fpr": 0.1},
        "other": {"value": other, "fpr": 0.2},
        "difference": {"value": one - other, "low": low, "high": high},
    }


def test_the_sentence_says_which_kinds_were_helped(kinds):
    found = {
        "novelty": entry(0.99, 0.97, -0.01, 0.05),
        "seen other classes": entry(0.999, 0.95, 0.02, 0.06),
        "gaussian-noise": entry(0.9, 0.97, -0.1, -0.03),
    }
    picture = metric_distances.against(found, kinds, ("ODM", "metric learning"))
    assert picture.sentence.startswith(
        "ODM is better than metric learning on seen other classes +0.049 (+0.020 to +0.060); ODM is worse than metric "
        "learning on gaussian-noise -0.070 (-0.100 to -0.030); no sure difference on novelty +0.020 (-0.010 to +0.050)."
    )
    assert "only what nobody saw is evidence" in picture.sentence
    one, other = picture.figure.data
    np.testing.assert_allclose(one.x, [0.99, 0.999, 0.9])
    np.testing.assert_allclose(other.x, [0.97, 0.95, 0.97])
    assert picture.figure.layout.annotations[1].text == "+0.049 (+0.020 to +0.060)"
    assert picture.table["difference, low"] == [-0.01, 0.02, -0.1]


def test_several_seeds_tell_more_than_one_pair(kinds):
    def measured(*values):
        sources = ("novel", "other classes", "gaussian-noise")
        return {source: {"auroc": {"value": value}} for source, value in zip(sources, values, strict=True)}

    pairs = [(measured(0.9, 0.99, 0.8), measured(0.8, 0.9, 0.9)), (measured(0.9, 0.97, 0.9), measured(0.92, 0.9, 0.9))]
    assert metric_distances.over_seeds(pairs, kinds, ("ODM", "metric learning")) == (
        "Over the 2 seeds trained both ways, AUROC of ODM minus that of metric learning, mean (lowest to highest): "
        "novelty +0.040 (-0.020 to +0.100), seen other classes +0.080 (+0.070 to +0.090), gaussian-noise -0.050 "
        "(-0.100 to +0.000)."
    )
