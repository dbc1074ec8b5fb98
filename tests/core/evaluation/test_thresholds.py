import json
import math

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from core.errors import WrongRequest
from core.evaluation import (
    Confusion,
    accept_everything,
    alarms_per_thousand,
    confusion,
    threshold_curve,
)
from core.evaluation.thresholds import order_statistic


@pytest.fixture
def tied(rng):
    """300 images whose scores have many ties, and their labels."""
    novel = rng.random(300) < 0.3
    return rng.integers(0, 12, size=300) + 2 * novel, novel.astype(int)


def test_confusion_and_its_rates_equal_sklearn(tied):
    scores, novel = tied
    for threshold in (-0.5, 3, 6.5, 12):
        counts, called = confusion(scores, novel, threshold), scores > threshold
        assert [[counts.accepted, counts.false_alarms], [counts.missed, counts.caught]] == (
            confusion_matrix(novel, called).tolist()
        )
        precision, recall, f1, _ = precision_recall_fscore_support(novel, called, zero_division=np.nan)
        assert counts.precision == pytest.approx(precision[1])
        assert counts.recall == pytest.approx(recall[1])
        assert counts.f1 == pytest.approx(f1[1])
        assert counts.normal_precision == pytest.approx(precision[0], nan_ok=True)
        assert counts.normal_recall == pytest.approx(recall[0])
        assert counts.normal_f1 == pytest.approx(f1[0])
        assert counts.false_alarm_rate == pytest.approx(1 - recall[0])


def test_an_image_at_the_threshold_is_normal():
    assert confusion([1, 2, 3], [0, 1, 1], threshold=2) == Confusion(caught=1, missed=1, false_alarms=0, accepted=1)


def test_the_published_vae_table():
    """795 of 800 normal images kept and 13 of 25 anomalies let through: 0.983 and 0.993, normal positive."""
    counts = Confusion(caught=12, missed=13, false_alarms=5, accepted=795)
    assert counts.normal_precision == pytest.approx(795 / 808)
    assert counts.normal_recall == pytest.approx(795 / 800)


def test_undefined_rates_are_nan_and_f1_of_no_flag_is_zero():
    silent = Confusion(caught=0, missed=3, false_alarms=0, accepted=4)
    assert math.isnan(silent.precision)
    assert silent.recall == silent.f1 == 0
    no_novel = Confusion(caught=0, missed=0, false_alarms=0, accepted=4)
    assert math.isnan(no_novel.recall) and math.isnan(no_novel.f1)
    assert math.isnan(Confusion(2, 1, 0, 0).false_alarm_rate)


def test_counts_and_rates_are_plain_numbers():
    counts = confusion(np.float32([1, 2]), np.int8([0, 1]), np.float32(1.5))
    assert json.dumps([counts.caught, counts.accepted, counts.precision]) == "[1, 1, 1.0]"


def test_confusion_refuses_a_nan_threshold():
    with pytest.raises(WrongRequest, match="NaN"):
        confusion([1, 2], [0, 1], float("nan"))


def test_accept_everything_has_the_f1_of_the_base_rate():
    control = accept_everything([0] * 800 + [1] * 25)
    assert control == Confusion(caught=0, missed=25, false_alarms=0, accepted=800)
    assert control.normal_f1 == pytest.approx(1600 / 1625)


def test_threshold_curve_equals_one_confusion_per_threshold(tied):
    curve = threshold_curve(*tied)
    np.testing.assert_array_equal(curve["threshold"], [-np.inf, *np.unique(tied[0])])
    for position, threshold in enumerate(curve["threshold"]):
        single = confusion(*tied, threshold)
        for rate in curve.keys() - {"threshold"}:
            np.testing.assert_equal(curve[rate][position], getattr(single, rate))


def test_threshold_curve_at_its_ends(tied):
    curve = threshold_curve(*tied)
    assert (curve["recall"][0], curve["false_alarm_rate"][0], curve["normal_recall"][0]) == (1, 1, 0)
    assert np.isnan(curve["normal_precision"][0]), "nothing is accepted"
    assert (curve["recall"][-1], curve["false_alarm_rate"][-1], curve["normal_recall"][-1]) == (0, 0, 1)
    assert np.isnan(curve["precision"][-1]), "nothing is flagged"


def test_alarms_per_thousand():
    counts = Confusion(caught=30, missed=10, false_alarms=5, accepted=95)
    assert alarms_per_thousand(counts, 0.02) == pytest.approx({"false_alarms": 980 * 0.05, "misses": 20 * 0.25})
    with pytest.raises(WrongRequest, match="not 2"):
        alarms_per_thousand(counts, 2)


def test_an_order_statistic_s_interval_equals_the_bootstrap_by_resampling(rng):
    scores = np.sort(rng.gamma(2, size=200))
    resamples = scores[rng.integers(200, size=(20_000, 200))]
    low, high = np.quantile(np.quantile(resamples, 0.95, axis=1, method="higher"), [0.025, 0.975])
    interval = order_statistic(scores, 190, draws=20_000)
    assert interval["value"] == scores[190]
    for end, expected in ((interval["low"], low), (interval["high"], high)):
        assert abs(np.searchsorted(scores, end) - np.searchsorted(scores, expected)) <= 1


def test_an_order_statistic_s_interval_repeats_and_takes_one_score():
    assert order_statistic(np.arange(50.0), 47, seed=3) == order_statistic(np.arange(50.0), 47, seed=3)
    assert order_statistic(np.array([4.0]), 0) == {"value": 4.0, "low": 4.0, "high": 4.0}
