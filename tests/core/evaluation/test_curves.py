import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_curve

from core.errors import WrongRequest
from core.evaluation import auroc, confusion, pr_points, roc_points

PIXEL = 0.001  # of the axis: a figure is drawn about a thousand pixels wide


def sample(rng, normals, novels):
    return np.concatenate([rng.normal(size=normals), rng.normal(1.5, 1, novels)]), np.repeat([0, 1], [normals, novels])


def farthest(x, y, kept_x, kept_y):
    """Greatest distance from the points (every fifth, for speed) to the polyline through those that were kept."""
    points, corners = (x + 1j * y)[::5, None], kept_x + 1j * kept_y
    starts, sides = corners[:-1], np.diff(corners)
    along = np.clip(((points - starts) * sides.conj()).real / np.abs(sides) ** 2, 0, 1)
    return np.abs(points - starts - along * sides).min(axis=1).max()


def test_roc_keeps_every_corner_where_there_is_room(rng):
    scores, novel = sample(rng, 80, 60)
    fpr, tpr, _ = roc_curve(novel, scores, drop_intermediate=False)
    steps = np.diff(fpr), np.diff(tpr)
    turns = steps[0][:-1] * steps[1][1:] != steps[0][1:] * steps[1][:-1]
    corners = np.concatenate([[True], turns, [True]])
    points = roc_points(scores, novel)
    np.testing.assert_allclose((points["fpr"], points["tpr"]), (fpr[corners], tpr[corners]))


def test_roc_thresholds_are_strict(rng):
    scores, novel = sample(rng, 80, 60)
    points = roc_points(np.round(scores), novel)
    assert (points["threshold"][0], points["threshold"][-1]) == (np.round(scores).max(), -np.inf)
    counts = confusion(np.round(scores), novel, points["threshold"])
    np.testing.assert_array_equal(points["fpr"], counts.false_alarm_rate)
    np.testing.assert_array_equal(points["tpr"], counts.recall)


def test_thinned_roc_is_the_same_picture(rng):
    scores, novel = sample(rng, 10_000, 5_000)
    fpr, tpr, _ = roc_curve(novel, scores, drop_intermediate=False)
    points = roc_points(scores, novel, most=400)
    assert len(points["fpr"]) == 400
    assert (points["fpr"][0], points["tpr"][0], points["fpr"][-1], points["tpr"][-1]) == (0, 0, 1, 1)
    assert np.trapezoid(points["tpr"], points["fpr"]) == pytest.approx(auroc(scores, novel), abs=1e-4)
    assert farthest(fpr, tpr, points["fpr"], points["tpr"]) < PIXEL


def test_a_sharp_corner_survives_any_thinning():
    scores = np.concatenate([np.linspace(0, 1, 500), np.linspace(2, 3, 500)])
    points = roc_points(scores, np.repeat([0, 1], 500), most=3)
    assert list(zip(points["fpr"], points["tpr"], strict=True)) == [(0, 0), (0, 1), (1, 1)]


def test_roc_of_equal_scores_is_the_diagonal():
    points = roc_points(np.zeros(5), [0, 0, 0, 1, 1])
    assert list(zip(points["fpr"], points["tpr"], strict=True)) == [(0, 0), (1, 1)]


def test_pr_equals_sklearn_without_its_invented_point(rng):
    scores, novel = sample(rng, 80, 60)
    precision, recall, _ = precision_recall_curve(novel, scores)
    points = pr_points(scores, novel, most=1000)
    assert np.isfinite(points["precision"]).all()
    assert points["recall"][0] > 0
    expected = dict(zip(recall[:-1][::-1], precision[:-1][::-1], strict=True))  # the last precision at each recall
    for value in np.unique(points["recall"]):
        assert points["precision"][points["recall"] == value][-1] == pytest.approx(expected[value])


def test_thinned_pr_is_the_same_picture(rng):
    scores, novel = sample(rng, 10_000, 5_000)
    precision, recall, _ = precision_recall_curve(novel, scores)
    points = pr_points(scores, novel, most=400)
    assert len(points["recall"]) == 400
    assert (np.diff(points["recall"]) >= 0).all()
    assert farthest(recall[:-1], precision[:-1], points["recall"], points["precision"]) < PIXEL


def test_pr_of_equal_scores_is_one_point():
    points = pr_points(np.zeros(5), [0, 0, 0, 1, 1])
    assert (points["recall"].tolist(), points["precision"].tolist()) == ([1], [0.4])


@pytest.mark.parametrize("points", [roc_points, pr_points])
def test_curves_refuse_one_class_and_too_few_points(points):
    with pytest.raises(WrongRequest, match="all of one kind"):
        points([1, 2], [1, 1])
    with pytest.raises(WrongRequest, match="not 1"):
        points([1, 2], [0, 1], most=1)
