import numpy as np
import pytest
from scipy.special import softmax

from core.figures import Kinds
from core.figures.families import metric_twin
from core.figures.families.metric_map import Space, principal


@pytest.fixture
def kinds() -> Kinds:
    source = np.repeat(["normal", "novel", "gaussian-noise"], (20, 20, 20))
    return Kinds.of_test(source != "normal", source, np.repeat(["normal", "novelty", "anomaly"], 20))


def test_the_same_points_by_distance_and_by_confidence(kinds, rng):
    points, logits, scores = rng.normal(size=(60, 2)), 4 * rng.normal(size=(60, 3)), rng.uniform(0, 9, 60)
    at = Space(points[:5], points, np.arange(60), points[:2], ("a", "b"), 1.0)
    picture = metric_twin.over_the_plane(at, scores, logits, kinds, 1.5)
    sure = softmax(logits, axis=1).max(1)
    np.testing.assert_allclose(picture.table["distance to the nearest class mean"], np.sqrt(scores))
    np.testing.assert_allclose(picture.table["the twin's confidence"], sure)
    left = [trace for trace in picture.figure.data if trace.xaxis == "x"]
    right = [trace for trace in picture.figure.data if trace.xaxis == "x2"]
    assert len(left) == len(right) == 3
    for trace in right:
        np.testing.assert_allclose(trace.marker.color, sure[trace.customdata])
    out = kinds.novel & (scores > 1.5**2)
    both = out & (sure > 0.99)
    assert (
        f"Of {out.sum()} novel images outside every ball the twin is over 99 % sure of {both.sum()}" in picture.sentence
    )


def test_fields_are_exact_on_the_plane(kinds, rng):
    plane, twin = (
        {"train": rng.normal(size=(40, d)), "test": rng.normal(size=(60, d)), "centres": 3 * rng.normal(size=(3, d))}
        for d in (5, 3)
    )
    picture = metric_twin.fields(plane, twin, kinds, 2.0, 0.9)
    near, sure = [trace for trace in picture.figure.data if trace.type == "heatmap"]
    for trace, of in ((near, plane), (sure, twin)):
        mean, axes, _ = principal(np.concatenate([of["train"], of["centres"]]), 2)
        for row, column in ((0, 0), (7, 60), (89, 33)):
            point = mean + np.array([trace.x[column], trace.y[row]]) @ axes
            nearest = np.linalg.norm(point - of["centres"], axis=1).min()
            expected = nearest if trace is near else softmax(point).max()
            assert trace.z[row][column] == pytest.approx(expected, rel=1e-5)
    shares = (np.asarray(near.z) <= 2).mean(), (np.asarray(sure.z) >= 0.9).mean()
    for share in shares:
        assert f"{share:.0%}".replace("%", " %") in picture.sentence
    edges = [trace.contours.start for trace in picture.figure.data if trace.type == "contour"]
    assert edges == [2.0, 0.9]


def test_confidence_stays_high_far_away_and_distance_grows(kinds):
    """The lesson of the page, on three classes in a plane."""
    centres = 5 * np.array([[1.0, 0.0], [-0.5, 0.9], [-0.5, -0.9]])
    far = 100 * centres
    np.testing.assert_allclose(metric_twin.distance(far, centres), 99 * np.linalg.norm(centres, axis=1))
    assert (metric_twin.confidence(far @ centres.T, 1.0) > 0.999).all()


def test_the_distance_is_that_to_the_nearest_centre(rng):
    points, centres = rng.normal(size=(6, 7, 4)), rng.normal(size=(3, 4))
    expected = np.sqrt(((points[:, :, None] - centres) ** 2).sum(3)).min(2)
    np.testing.assert_allclose(metric_twin.distance(points, centres), expected)
