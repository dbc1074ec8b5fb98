import json
import math
import time

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from core import evaluation
from core.errors import WrongRequest
from core.evaluation import LOWER_IS_BETTER, METRICS, TITLES, confusion, metrics, of_normal_images, paired_difference
from core.evaluation.intervals import levels, resampled
from core.evaluation.metrics import RANKING

HAND = np.array([1, 2, 3, 4, 3.5, 5, 6]), np.array([0, 0, 0, 0, 1, 1, 1])  # small enough to count on paper
HAND_VALUES = {
    "auroc": 11 / 12,
    "aupr_novel": (1 + 1 + 3 / 4) / 3,
    "aupr_normal": (1 + 1 + 1 + 4 / 5) / 4,
    "fpr95_normal": 1 / 3,
    "fpr95_novel": 1 / 4,
    "detection_error": 0.125,
}


def sample(rng, normals=240, novels=100, distinct=None):
    """Scores that overlap, novel ones higher on average; `distinct` rounds them so that there are ties."""
    scores = np.concatenate([rng.normal(0, 1, normals), rng.normal(1.2, 1, novels)])
    novel = np.repeat([0, 1], [normals, novels])
    order = rng.permutation(len(novel))
    return (np.round(scores * distinct) if distinct else scores)[order], novel[order]


def oracle(scores, novel):
    """The same numbers from scikit-learn's ROC with all its points."""
    fpr, tpr, _ = roc_curve(novel, scores, drop_intermediate=False)
    accepted_fpr, accepted_tpr, _ = roc_curve(1 - novel, -scores, drop_intermediate=False)
    return {
        "auroc": roc_auc_score(novel, scores),
        "aupr_novel": average_precision_score(novel, scores),
        "aupr_normal": average_precision_score(1 - novel, -scores),
        "fpr95_normal": accepted_fpr[np.argmax(accepted_tpr >= 0.95)],
        "fpr95_novel": fpr[np.argmax(tpr >= 0.95)],
        "detection_error": np.min((fpr + 1 - tpr) / 2),
    }


@pytest.mark.parametrize("name", RANKING)
def test_metrics_counted_by_hand(name):
    assert getattr(evaluation, name)(*HAND) == pytest.approx(HAND_VALUES[name])


@pytest.mark.parametrize("distinct", [None, 10, 1])
@pytest.mark.parametrize("sizes", [(240, 100), (20, 20), (100, 1), (1, 60), (19, 21), (21, 19), (7, 3)])
def test_metrics_equal_sklearn(rng, distinct, sizes):
    scores, novel = sample(rng, *sizes, distinct)
    found = {name: getattr(evaluation, name)(scores, novel) for name in RANKING}
    assert found == pytest.approx(oracle(scores, novel))


@pytest.mark.parametrize("name", RANKING)
def test_metrics_of_equal_scores(name):
    expected = {"auroc": 0.5, "aupr_novel": 0.25, "aupr_normal": 0.75, "detection_error": 0.5}.get(name, 1.0)
    assert getattr(evaluation, name)(np.zeros(8), np.repeat([0, 1], [6, 2])) == expected


@pytest.mark.parametrize("name", RANKING)
def test_metrics_are_nan_without_one_of_the_classes(name):
    assert math.isnan(getattr(evaluation, name)([1, 2], [0, 0]))
    assert math.isnan(getattr(evaluation, name)([1, 2], [1, 1]))


def test_infinite_scores_have_their_place():
    assert evaluation.auroc([-np.inf, 0, np.inf], [0, 1, 1]) == 1


def test_pairs_do_not_overflow(rng):
    """50,000 by 50,000 images are more pairs than 32 bits hold."""
    scores, novel = sample(rng, 50_000, 50_000)
    assert evaluation.auroc(scores, novel) == pytest.approx(roc_auc_score(novel, scores))


AT_THRESHOLD = ("f1", "precision", "recall", "normal_f1", "normal_precision", "normal_recall")


def test_every_metric_has_a_title_and_a_direction():
    assert tuple(TITLES) == METRICS and set(METRICS) > LOWER_IS_BETTER


def test_report_holds_every_metric_as_json(rng):
    scores, novel = sample(rng)
    report = json.loads(json.dumps(metrics(scores, novel, threshold=1.0, draws=50)))
    assert tuple(report) == METRICS
    counts = confusion(scores, novel, 1.0)
    expected = oracle(scores, novel) | {name: getattr(counts, name) for name in AT_THRESHOLD}
    assert {name: entry["value"] for name, entry in report.items()} == pytest.approx(expected)
    for entry in report.values():
        assert entry["low"] < entry["value"] < entry["high"]


def test_intervals_equal_a_bootstrap_that_lists_the_scores(rng):
    """Every resample written out as scores and handed to scikit-learn."""
    scores, novel = sample(rng, 60, 40, distinct=4)
    distinct, level = levels(scores)
    values = []
    for block in resampled(level, novel == 1, draws=200, seed=5):
        for normal, anomalous in zip(block.normal, block.novel, strict=True):
            listed = np.concatenate([np.repeat(distinct, normal), np.repeat(distinct, anomalous)])
            labels = np.repeat([0, 1], [60, 40])
            counts = confusion(listed, labels, 3.0)
            at_threshold = {name: getattr(counts, name) for name in AT_THRESHOLD}
            values.append(oracle(listed, labels) | at_threshold)
    report = metrics(scores, novel, threshold=3.0, draws=200, seed=5)
    for name in METRICS:
        low, high = np.quantile([value[name] for value in values], [0.025, 0.975])
        assert (report[name]["low"], report[name]["high"]) == pytest.approx((low, high)), name


def test_auroc_interval_has_the_width_of_delong(rng):
    """DeLong, DeLong and Clarke-Pearson, 1988: the variance of AUROC from placements."""
    scores, novel = sample(rng, 800, 400)
    above = (scores[novel == 1][:, None] > scores[novel == 0]).astype(float)
    width = 2 * 1.96 * np.sqrt(above.mean(1).var(ddof=1) / 400 + above.mean(0).var(ddof=1) / 800)
    entry = metrics(scores, novel, threshold=1.0)["auroc"]
    assert entry["high"] - entry["low"] == pytest.approx(width, rel=0.1)


def test_the_seed_decides_the_interval(rng):
    scores, novel = sample(rng)
    first, again, other = (metrics(scores, novel, 1.0, draws=100, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first["auroc"]["low"] != other["auroc"]["low"]


def test_undefined_metrics_are_none():
    undefined = {"value": None, "low": None, "high": None}
    normal_only = metrics([1.0, 2.0, 3.0], [0, 0, 0], threshold=2.5, draws=10)
    assert normal_only["auroc"] == normal_only["detection_error"] == normal_only["recall"] == undefined
    assert normal_only["precision"]["value"] == 0, "one false alarm, nothing caught"
    cleared = of_normal_images(normal_only)
    assert cleared.keys() == normal_only.keys() and cleared["normal_recall"] == normal_only["normal_recall"]
    assert all(cleared[name] == undefined for name in cleared if name != "normal_recall")
    silent = metrics([1.0, 2.0, 3.0], [0, 1, 1], threshold=np.inf, draws=10)
    assert silent["precision"] == undefined
    assert silent["f1"]["value"] == silent["f1"]["low"] == 0.0


def test_by_source_sets_each_source_against_all_normal_images(rng):
    scores, novel = sample(rng)
    source = np.where(novel == 0, "normal", np.where(rng.random(len(novel)) < 0.5, "novel", "noise"))
    report = metrics(scores, novel, 1.0, source, draws=50)
    assert tuple(report) == (*METRICS, "by_source")
    assert report["by_source"].keys() == {"novel", "noise"}
    of = source != "novel"
    assert report["by_source"]["noise"] == metrics(scores[of], novel[of], 1.0, draws=50)


def test_a_single_source_is_not_repeated(rng):
    scores, novel = sample(rng)
    source = np.where(novel == 0, "normal", "noise")
    assert metrics(scores, novel, 1.0, source, draws=10) == metrics(scores, novel, 1.0, draws=10)


def test_metrics_refuse_sources_that_contradict_the_labels():
    with pytest.raises(WrongRequest, match="exactly where its label is 0"):
        metrics([1, 2], [0, 1], 1.0, source=["novel", "novel"])


def test_metrics_refuse_a_nan_threshold():
    with pytest.raises(WrongRequest, match="NaN"):
        metrics([1, 2], [0, 1], float("nan"))


def test_a_thousand_draws_of_20_000_images_take_seconds(rng):
    scores, novel = sample(rng, 10_000, 10_000)
    start = time.process_time()
    metrics(scores, novel, threshold=1.0)
    assert time.process_time() - start < 10  # about one second of one core; a loop over draws takes a minute


def test_paired_difference_of_the_same_order_is_exactly_zero(rng):
    scores, novel = sample(rng)
    assert paired_difference(scores, np.exp(scores), novel) == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_paired_difference_equals_the_difference_and_has_the_width_of_delong(rng):
    scores, novel = sample(rng, 500, 300)
    noisy = scores + rng.normal(0, 0.7, size=800)
    entry = paired_difference(scores, noisy, novel)
    assert entry["value"] == pytest.approx(roc_auc_score(novel, scores) - roc_auc_score(novel, noisy))
    above = [(s[novel == 1][:, None] > s[novel == 0]).astype(float) for s in (scores, noisy)]
    gap = above[0] - above[1]
    width = 2 * 1.96 * np.sqrt(gap.mean(1).var(ddof=1) / 300 + gap.mean(0).var(ddof=1) / 500)
    assert entry["high"] - entry["low"] == pytest.approx(width, rel=0.1)
    swapped = paired_difference(noisy, scores, novel)
    assert (swapped["low"], swapped["high"]) == pytest.approx((-entry["high"], -entry["low"]))


def test_paired_difference_without_novel_images_is_none():
    assert paired_difference([1, 2], [2, 1], [0, 0]) == {"value": None, "low": None, "high": None}
