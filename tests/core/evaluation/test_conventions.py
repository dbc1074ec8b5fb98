"""Each convention against scikit-learn or a plain loop, and on the example that tells them apart."""

import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, precision_recall_curve

from core.errors import WrongRequest
from core.evaluation import METRICS, conventions, metrics
from core.evaluation.conventions import Choice, accuracy, measured

SCORES, NOVEL = np.array([1, 2, 3, 4, 3.5, 5, 6]), np.array([0, 0, 0, 0, 1, 1, 1])


@pytest.fixture
def tied(rng) -> tuple[np.ndarray, np.ndarray]:
    novel = rng.random(900) < 0.3
    return np.round(rng.normal(size=900) + 1.2 * novel, 1), novel.astype(int)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auroc", 11 / 12),
        ("fpr95_normal", 1 / 3),
        ("fpr95_novel", 1 / 4),
        ("detection_error", 0.125),
        ("detection_error_95", 0.025 + 1 / 6),
        ("aupr_novel", 0.91667),
        ("aupr_normal", 0.95),
        ("aupr_novel_rates", 0.93333),
        ("aupr_normal_rates", 0.9375),
    ],
)
def test_the_example_that_tells_conventions_apart(key, value):
    assert measured(SCORES, NOVEL, [key], draws=5)[key]["value"] == pytest.approx(value, abs=6e-6)


def test_the_numbers_of_the_usual_conventions_are_those_of_the_metrics(tied):
    usual = metrics(*tied, threshold=0.0, draws=30)
    keys = [key for key in conventions.CONVENTIONS if key in METRICS]
    assert len(keys) == 6 and measured(*tied, keys, draws=30) == {key: usual[key] for key in keys}


def test_precision_from_rates_weighs_both_kinds_alike(tied):
    scores, novel = tied
    weight = np.where(novel == 1, 1 / novel.sum(), 1 / (1 - novel).sum())
    expected = average_precision_score(novel, scores, sample_weight=weight)
    assert conventions.aupr_rates(scores, novel) == pytest.approx(expected)
    expected = average_precision_score(1 - novel, -scores, sample_weight=weight)
    assert conventions.aupr_rates(scores, novel, "normal") == pytest.approx(expected)


def test_precision_from_rates_doesn_t_depend_on_the_mixture(tied):
    scores, novel = tied
    more = np.concatenate([scores, np.repeat(scores[novel == 1], 4)])
    labels = np.concatenate([novel, np.ones(len(more) - len(scores), int)])
    for positive in ("normal", "novel"):
        once, often = (conventions.aupr_rates(*each, positive) for each in (tied, (more, labels)))
        assert once == pytest.approx(often)
        assert (
            abs(np.subtract(*(metrics(*e, 0, draws=1)["aupr_normal"]["value"] for e in (tied, (more, labels))))) > 0.1
        )


def test_trapezoids_are_those_of_the_area_under_the_points(tied):
    scores, novel = tied
    precision, recall, _ = precision_recall_curve(novel, scores)
    assert conventions.aupr_trapezoid(scores, novel) == pytest.approx(auc(recall, precision))
    precision, recall, _ = precision_recall_curve(1 - novel, -scores)
    assert conventions.aupr_trapezoid(scores, novel, "normal") == pytest.approx(auc(recall, precision))


def grid_mean(scores: np.ndarray, novel: np.ndarray, steps: int, low: float, high: float) -> float:
    """What the published loop finds, each threshold against each image, on confidences."""
    start, end = (-scores).min(), (-scores).max()
    deltas = start + np.arange(steps)[:, None] * ((end - start) / steps)
    accepted = [(-scores[novel == kind] >= deltas).mean(1) for kind in (0, 1)]
    meant = (accepted[0] >= low) & (accepted[0] <= high)
    return float(accepted[1][meant].mean())


def test_the_grid_mean_is_that_of_the_loop_over_thresholds(rng):
    novel = np.arange(300) < 100
    scores = rng.normal(size=300) + 2 * novel
    odin = grid_mean(scores, novel, 100_000, 0.9495, 0.9505)
    assert conventions.fpr95_odin(scores, novel) == pytest.approx(odin) and 0 < odin < 1
    assert conventions.fpr95_lee(scores, novel) == pytest.approx(grid_mean(scores, novel, 200_000, 0.94, 0.96))


def test_the_grid_mean_is_undefined_where_no_threshold_accepts_about_95_percent(rng):
    few = measured(SCORES, NOVEL, ["fpr95_odin"])["fpr95_odin"]
    assert few == {"value": None, "low": None, "high": None}
    assert np.isnan(conventions.fpr95_odin(np.ones(9), np.arange(9) % 2))  # no span for a grid
    assert np.isnan(conventions.fpr95_lee([*np.arange(100.0), np.inf], [0] * 100 + [1]))
    coarse = [*np.arange(100.0), *np.arange(60.0, 160), 1e9]  # one image of a huge score takes the whole grid
    assert np.isnan(conventions.fpr95_odin(coarse, [0] * 100 + [1] * 101))


def test_one_kind_alone_is_undefined():
    for key in conventions.CONVENTIONS:
        assert measured([1.0, 2.0], [1, 1], [key], draws=3)[key]["value"] is None
    assert np.isnan(conventions.detection_error_95([1.0, 2.0], [0, 0]))
    with pytest.raises(WrongRequest, match="not numbers"):
        measured([np.nan, 1.0], [0, 1], ["auroc"])


def test_an_interval_holds_its_value(tied):
    for key, found in measured(*tied, list(conventions.CONVENTIONS)).items():
        assert found["value"] is None or found["low"] <= found["value"] <= found["high"], key
        assert found["value"] is None or found["high"] - found["low"] > 0.005, key


def test_every_measure_has_its_usual_convention_first_and_every_convention_can_be_computed():
    assert Choice().keys == {name: each.conventions[0].key for name, each in conventions.MEASURES.items()}
    assert Choice("fpr95_odin", "detection_error_95", "rates").keys == {
        "fpr95": "fpr95_odin",
        "detection_error": "detection_error_95",
        "auroc": "auroc",
        "aupr_in": "aupr_normal_rates",
        "aupr_out": "aupr_novel_rates",
    }
    assert conventions.CONVENTIONS.keys() == conventions.COMPUTED.keys()


def test_accuracy_is_the_share_of_right_names():
    named, classes = np.repeat([2, 6, 7], 40), np.repeat([2, 6, 6], 40)
    found = accuracy(named, classes)
    assert found["value"] == pytest.approx(2 / 3) and 0.55 < found["low"] < 2 / 3 < found["high"] < 0.77
    assert accuracy(classes, classes) == {
        "value": 1.0,
        "low": pytest.approx(120 / (120 + 1.96**2), abs=1e-4),
        "high": 1.0,
    }
    assert accuracy([], [])["value"] is None
