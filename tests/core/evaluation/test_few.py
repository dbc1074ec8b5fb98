from statistics import NormalDist

import numpy as np
import pytest

from core import evaluation
from core.evaluation import few
from core.evaluation.intervals import levels, resampled
from core.evaluation.metrics import RANKING


def test_wilson_solves_the_score_equation(rng):
    for share, trials in zip(rng.random(20), rng.integers(1, 200, 20), strict=True):
        for bound in few.wilson(share, trials):
            assert abs(share - bound) == pytest.approx(few.Z * np.sqrt(bound * (1 - bound) / trials), abs=1e-9)
    assert few.wilson(1.0, 8) == pytest.approx((1 / (1 + few.Z**2 / 8), 1.0))
    assert few.wilson(0.0, 8)[0] == 0.0


def test_the_interval_of_an_auroc_ends_where_the_value_is_1_96_errors_away():
    for value, normals, novels in ((0.7, 30, 20), (0.95, 8, 100), (0.5, 10, 10)):
        for true in few.auroc_interval(value, normals, novels):
            mean = (normals + novels) / 2
            variance = true * (1 - true) * (1 + (mean - 1) * ((1 - true) / (2 - true) + true / (1 + true)))
            assert abs(value - true) == pytest.approx(few.Z * np.sqrt(variance / (normals * novels)), abs=1e-3)


def test_perfect_separation_of_few_images_is_not_certain():
    low, high = few.auroc_interval(1.0, 8, 8)
    assert (low, high) == (pytest.approx(0.756, abs=0.001), 1.0)
    scores, novel = np.arange(16.0), np.repeat([0, 1], 8)
    measured = evaluation.metrics(scores, novel, 7.5)
    for name in evaluation.METRICS:
        estimate = measured[name]
        assert estimate["high"] - estimate["low"] > 0.1, name
        assert estimate["low"] <= estimate["value"] <= estimate["high"]
    assert measured["auroc"]["low"] == pytest.approx(low)
    gap = evaluation.paired_difference(scores, scores**2, novel)
    assert gap["value"] == 0 and gap["low"] == pytest.approx(low - 1) and gap["high"] == pytest.approx(1 - low)


def test_where_errors_are_not_rare_the_bootstrap_stands(rng):
    scores, novel = np.r_[rng.normal(size=200), rng.normal(1, 1, 200)], np.repeat([0, 1], 200)
    level = levels(scores)[1]
    draws = [block for block in resampled(level, novel.astype(bool), draws=200, seed=0)]
    area = np.concatenate([RANKING["auroc"](block) for block in draws])
    measured = evaluation.metrics(scores, novel, 0.5, draws=200)["auroc"]
    assert (measured["low"], measured["high"]) == pytest.approx(tuple(np.quantile(area, [0.025, 0.975])))


@pytest.mark.parametrize(("images", "area"), [(8, 0.9), (8, 0.99), (25, 0.97), (50, 0.99)])
def test_the_interval_of_an_auroc_holds_the_true_value_as_often_as_it_says(rng, images, area):
    """Gaussian scores: their AUROC is Phi(d / sqrt 2). The bootstrap alone covers 0.79, 0.25, 0.85 and 0.89 of them."""

    apart, novel, covered = NormalDist().inv_cdf(area) * np.sqrt(2), np.repeat([0, 1], images), 0
    for _ in range(200):
        scores = np.r_[rng.normal(size=images), rng.normal(apart, 1, images)]
        found = evaluation.metrics(scores, novel, 1.0, draws=60)["auroc"]
        covered += found["low"] <= area <= found["high"]
    assert covered >= 186  # 95 % of 200 less two standard errors of that count, and one for 60 draws


@pytest.mark.parametrize("chance", [0.5, 0.9, 0.98])
def test_recall_and_f1_of_few_images_hold_the_true_value(rng, chance):
    """Novel images are caught with this chance, normal ones rejected with a tenth."""
    covered = {"recall": 0, "f1": 0}
    true = {"recall": chance, "f1": 2 * chance / (1 + chance + 0.1)}  # as many normal as novel images
    novel = np.repeat([0, 1], 15)
    for _ in range(200):
        scores = np.r_[rng.random(15) < 0.1, rng.random(15) < chance].astype(float)
        found = evaluation.metrics(scores, novel, 0.5, draws=60)
        for name in covered:
            covered[name] += found[name]["low"] <= true[name] <= found[name]["high"]
    assert min(covered.values()) >= 180


def test_f1_is_a_function_of_the_share_of_hits():
    caught, missed, alarms = 9, 3, 2
    share, f1 = caught / (caught + missed + alarms), 2 * caught / (2 * caught + missed + alarms)
    low, high = few.wilson(share, caught + missed + alarms)
    assert few.f1_interval(f1, caught + missed + alarms) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))


def test_few_images_are_said_role_by_role():
    assert few.few_images({"train": 1_000, "valid": 300, "normal": 300, "novel": 300}) == ""
    assert few.few_images({"train": 1_000, "valid": 8, "normal": 300, "novel": 0}) == (
        "Few images: only 8 set the threshold. With others the figures may come out quite differently."
    )
    assert "only 30 train it, 8 normal ones test it, 8 novel ones test it." in few.few_images(
        {"train": 30, "valid": 100, "normal": 8, "novel": 8}
    )


def test_an_auroc_below_a_half_says_what_it_means():
    assert few.inverted("NAP", {"value": 0.5, "low": 0.4, "high": 0.6}) == ""
    assert few.inverted("NAP", {"value": None}) == ""
    assert few.inverted("NAP", {"value": 0.26, "low": 0.2, "high": 0.3}) == (
        "NAP ranks novel images as more normal: AUROC 0.260, below 0.5."
    )
    assert "though its interval reaches guessing" in few.inverted("NAP", {"value": 0.45, "low": 0.3, "high": 0.55})
