"""Scores that a setting has moved."""

import numpy as np
import pytest

from core.evaluation import Quantile
from core.figures import moved


def test_a_window_has_threshold_percentiles_and_metrics_of_the_shown_score(rng):
    novel = np.arange(80) % 2
    tested = {name: rng.normal(size=80) + shift * novel for name, shift in (("sap", 0.5), ("nap", 2.0))}
    normal = {name: rng.normal(size=50) for name in tested}
    at = moved.Moved(tested, normal, "nap", Quantile(0.9))
    np.testing.assert_array_equal(at.scores, tested["nap"])
    assert (normal["nap"] <= at.threshold).sum() == 46 and at.threshold in normal["nap"]  # ceil(0.9 * 49) + 1
    least, most = tested["nap"].argmin(), tested["nap"].argmax()
    below = [(normal["nap"] < tested["nap"][place]).mean() * 100 for place in (least, most)]
    assert [at.percentiles[least], at.percentiles[most]] == pytest.approx(below)
    pairs = {name: each[novel == 1][:, None] - each[novel == 0] for name, each in tested.items()}
    for name, known in at.aurocs(novel).items():
        assert known == {"auroc": {"value": pytest.approx((pairs[name] > 0).mean())}}
    metrics = at.metrics(novel)
    assert metrics["auroc"]["low"] < metrics["auroc"]["value"] == pytest.approx((pairs["nap"] > 0).mean())
    assert metrics["recall"]["value"] == pytest.approx((tested["nap"][novel == 1] > at.threshold).mean())


def test_many_images_get_fewer_draws_and_that_is_said(monkeypatch):
    assert moved.draws_in_words(4_999) == ""
    assert moved.draws_in_words(5_000) == "(from 200 draws)"
    asked = []
    monkeypatch.setattr(moved.evaluation, "metrics", lambda *_, draws: asked.append(draws) or {})
    for count in (10, 5_000):
        moved.Moved({"nap": np.zeros(count)}, {"nap": np.zeros(9)}, "nap", Quantile()).metrics(np.arange(count) % 2)
    assert asked == [1_000, 200]
