import numpy as np
import pytest

from core.errors import WrongRequest
from core.evaluation import Impurities, Quantile, rule_from_json


@pytest.mark.parametrize("count", [1, 2, 19, 20, 21, 100, 101, 4950])
@pytest.mark.parametrize("share", [0, 0.5, 0.95, 1])
def test_the_quantile_rule_is_the_higher_quantile_of_validation_scores_alone(rng, count, share):
    scores = rng.normal(size=count)
    threshold = Quantile(share).threshold(rng.normal(size=7) + 100, scores)
    assert threshold == np.quantile(scores, share, method="higher")
    assert np.mean(scores <= threshold) >= share


@pytest.mark.parametrize(
    ("scores", "share", "words"), [([], 0.95, "no validation"), ([1, np.inf], 0.95, "1 of 2"), ([1, 2], 95, "not 95")]
)
def test_the_quantile_rule_refuses(scores, share, words):
    with pytest.raises(WrongRequest, match=words):
        Quantile(share).threshold(None, scores)


@pytest.mark.parametrize(("trained", "held_out", "share"), [(80, 20, 0.03), (4125, 825, 150 / 4950), (71, 29, 0.29)])
def test_the_impurities_rule_flags_all_but_one_of_the_k_strangest_pooled_images(rng, trained, held_out, share):
    train, valid = np.split(rng.permutation(trained + held_out) / 7, [trained])
    threshold = Impurities(share).threshold(train, valid)
    k = round(share * (trained + held_out))
    pooled = np.concatenate([train, valid])
    assert np.count_nonzero(pooled > threshold) == k - 1 and threshold in pooled


def test_no_impurities_flag_no_image(rng):
    train, valid = rng.normal(size=30), rng.normal(size=10)
    assert Impurities(0).threshold(train, valid) == max(train.max(), valid.max())


@pytest.mark.parametrize(
    ("train", "share", "words"),
    [
        (None, 0.03, "no training scores"),
        ([1.0, 2.0], 1, "not 1"),
        ([np.nan, 1.0], 0.1, "NaN"),
        ([], 0.1, "no training"),
    ],
)
def test_the_impurities_rule_refuses(train, share, words):
    with pytest.raises(WrongRequest, match=words):
        Impurities(share).threshold(train, [1.0, 2.0])


def test_ties_are_never_novel():
    assert Impurities(0.5).threshold([2.0] * 5, [2.0] * 5) == Quantile(0.5).threshold(None, [2.0] * 5) == 2.0


def test_an_interval_holds_its_threshold(rng):
    train, valid = rng.normal(size=900), rng.normal(size=300)
    for rule in (Quantile(0.9), Impurities(0.1)):
        told = rule.interval(train, valid)
        assert told["value"] == rule.threshold(train, valid)
        assert told["low"] < told["value"] < told["high"]


def test_the_same_share_by_validation_scores_alone(rng):
    valid = rng.normal(size=500)
    assert Quantile(0.9).held_out() == Quantile(0.9)
    assert Impurities(0.03).held_out().threshold(None, valid) == np.quantile(valid, 0.97, method="higher")


def test_a_rule_survives_json():
    for rule in (Quantile(0.9), Impurities(0.04)):
        assert rule_from_json(rule.to_json()) == rule
    for wrong in (None, {}, {"rule": "best", "share": 0.1}, {"rule": "quantile", "share": "much"}):
        with pytest.raises(WrongRequest, match="no threshold rule"):
            rule_from_json(wrong)
