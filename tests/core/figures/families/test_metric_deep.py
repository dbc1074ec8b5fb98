"""Three dimensions: every kind keeps a look of its own, balls are circles of their radius, nothing is translucent."""

import numpy as np
import pytest

from core.figures import Kinds
from core.figures.families import metric_deep
from core.figures.kinds import NORMAL_KIND, SYMBOLS, TRAINING


def test_a_shade_is_a_mixture_with_black_or_white():
    assert metric_deep.shaded("#C864FF", 0) == "#C864FF"
    assert metric_deep.shaded("#C864FF", -0.5) == "#643280"
    assert metric_deep.shaded("#C864FF", 1) == "#FFFFFF"


def test_seven_kinds_differ_in_colour_or_shape():
    source = np.array(["normal", "novel", "other classes", "a", "b", "c", "d"])
    role = np.array(["normal", "novelty", "seen", *["anomaly"] * 4])
    kinds = Kinds.of_test(source != "normal", source, role)
    looks = [metric_deep.points(np.zeros((2, 3)), kind).marker for kind in (TRAINING, *kinds.kinds)]
    assert len({(each.color, each.symbol) for each in looks}) == 8
    assert metric_deep.SHAPES.keys() >= {symbol for some in SYMBOLS.values() for symbol in some}


def test_points_are_cheap_to_draw_and_lie_where_they_are(rng):
    at = rng.normal(size=(5, 3))
    layer = metric_deep.points(at, NORMAL_KIND, name="normal")
    np.testing.assert_allclose(np.stack([layer.x, layer.y, layer.z], 1), at, rtol=1e-6)
    assert layer.marker.opacity is None and layer.opacity is None
    assert {shape for shape, _ in metric_deep.SHAPES.values()} == {"square", "diamond"}


def test_balls_are_circles_of_their_radius_around_each_mean(rng):
    centres = rng.normal(size=(4, 3)) * 9
    lines = metric_deep.balls(centres, 2.5)
    at = np.stack([lines.x, lines.y, lines.z], 1).reshape(4, 3, metric_deep.CORNERS + 1, 3)
    assert np.isnan(at[:, :, -1]).all()
    apart = np.linalg.norm(at[:, :, :-1] - centres[:, None, None], axis=-1)
    assert apart == pytest.approx(2.5, rel=1e-5)
    flat = np.ptp(at[:, :, :-1], axis=2)  # each circle lies in one plane, and no two of a ball in the same
    np.testing.assert_array_equal((flat < 1e-5).sum((1, 2)), 3)
    np.testing.assert_array_equal((flat < 1e-5).any(1), True)
