import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from core.reproduce.readings import READINGS


@pytest.fixture
def judged():
    rng = np.random.default_rng(3)
    novel = (rng.random(400) < 0.3).astype(np.uint8)
    return rng.normal(novel * -0.8), novel, 0.2


def test_flipping_hides_a_ranking_the_wrong_way_round(judged):
    scores, novel, threshold = judged
    true = roc_auc_score(novel, scores)
    found = READINGS["flipped"].read(scores, novel, threshold)
    assert true < 0.4 and found["value"] == pytest.approx(1 - true)
    assert found["low"] < found["value"] < found["high"]
    assert READINGS["flipped"].read(-scores, novel, threshold)["value"] == pytest.approx(1 - true)


def test_the_auroc_of_a_hard_decision_is_a_balanced_accuracy(judged):
    scores, novel, threshold = judged
    found = READINGS["balanced-accuracy"].read(scores, novel, threshold)
    assert found["value"] == pytest.approx(balanced_accuracy_score(novel, scores > threshold))
    assert found["value"] == pytest.approx(roc_auc_score(novel, (scores > threshold).astype(float)))


def test_the_inverted_row_is_the_published_one():
    """719 of 800 normal images and all 25 novel ones rejected: the row that was printed as P, R and F1."""
    scores = np.concatenate([np.ones(719), np.zeros(81), np.ones(25)])
    novel = np.concatenate([np.zeros(800), np.ones(25)]).astype(np.uint8)
    found = [READINGS[f"inverted-{name}"].read(scores, novel, 0.5)["value"] for name in ("precision", "recall", "f1")]
    assert found == pytest.approx([0.9664, 0.8988, 0.9313], abs=1e-4)


def test_nothing_rejected_leaves_precision_undefined():
    found = READINGS["inverted-precision"].read(np.zeros(10), np.arange(10) % 2, 0.5)
    assert found["value"] is None
