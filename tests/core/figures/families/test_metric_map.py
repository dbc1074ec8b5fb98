import numpy as np
import plotly.graph_objects as go
import pytest

from core.figures import Kinds
from core.figures.families import metric_deep, metric_map
from core.figures.families.metric_map import BALLS, MEANS, Space

NAMES = np.array(["2", "6"])


def kinds_of(*counts: int) -> Kinds:
    """Normal, novelty, seen and noise images, so many each."""
    source = np.repeat(["normal", "novel", "other classes", "gaussian-noise"], counts)
    kind = np.repeat(["normal", "novelty", "seen", "anomaly"], counts)
    return Kinds.of_test(source != "normal", source, kind)


@pytest.fixture
def kinds() -> Kinds:
    return kinds_of(20, 10, 10, 10)


@pytest.fixture
def plane(rng):
    """A run's projection of a 5-dimensional embedding."""
    return {
        "embedding": rng.normal(size=(40, 5)) * [3, 2, 1, 0.1, 0.1],
        "umap/train": rng.normal(size=(40, 2)),
        "umap/test": rng.normal(size=(30, 2)),
        "test_of": np.arange(0, 30),
    }


@pytest.fixture
def test(rng):
    return rng.normal(size=(50, 5))


def flat(test, plane, name="pca", deep=False):
    return metric_map.space(name, deep, test, plane["embedding"][:2], plane)


def traces(picture) -> dict[str, go.Scatter]:
    return {trace.name.partition(",")[0].partition(" (")[0]: trace for trace in picture.figure.data if trace.name}


def drawn(at, kinds, shown=None, radius=1.0, **options):
    shown = metric_map.layers(kinds, at) if shown is None else shown
    return metric_map.embedding_map(at, kinds, np.repeat("2", len(kinds)), NAMES, radius, shown, **options)


@pytest.mark.parametrize("size", [2, 3])
def test_axes_are_those_of_largest_variance(plane, size):
    rows = plane["embedding"]
    mean, axes, ratio = metric_map.principal(rows, size)
    _, scale, right = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs(np.sum(axes * right[:size], 1)), 1, atol=1e-9)
    np.testing.assert_allclose(ratio, (scale**2 / (scale**2).sum())[:size])
    assert (np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1) > 0).all()
    np.testing.assert_allclose(mean, rows.mean(0))


def test_own_axes_show_the_embedding_itself_only_where_it_is_small(test, plane):
    assert "own" not in metric_map.offered(5, plane) and "own" in metric_map.offered(3, plane)
    assert "umap" not in metric_map.offered(5, {})
    small = {**plane, "embedding": plane["embedding"][:, :3]}
    at = metric_map.space("own", True, test[:, :3], test[:2, :3], small)
    np.testing.assert_array_equal(at.test, test[:, :3])
    assert at.deep and at.share == 1
    two = metric_map.space("own", False, test[:, :3], test[:2, :3], small)
    np.testing.assert_array_equal(two.test, test[:, :2])
    variance = small["embedding"].var(0)
    assert two.share == pytest.approx(variance[:2].sum() / variance.sum())


def test_umap_has_no_balls_and_is_flat_in_older_runs(test, plane, kinds):
    at = flat(test, plane, "umap", deep=True)
    assert not at.deep and len(at.places) == 30
    assert BALLS not in metric_map.layers(kinds, at)
    picture = drawn(at, kinds)
    assert not picture.figure.layout.shapes and "no ball can be drawn" in picture.sentence
    assert len(picture.table["image"]) == 30


def test_umap_of_three_axes_where_the_run_has_it(test, plane, kinds):
    three = {"umap3/train": np.arange(120.0).reshape(40, 3), "umap3/test": np.arange(90.0).reshape(30, 3)}
    at = flat(test, plane | three, "umap", deep=True)
    assert at.deep and at.places is plane["test_of"] and BALLS not in metric_map.layers(kinds, at)
    np.testing.assert_array_equal(at.test, three["umap3/test"])
    picture = drawn(at, kinds)
    assert "no ball can be drawn" in picture.sentence and not picture.figure.layout.scene.xaxis.showticklabels
    assert drawn(flat(test, plane, deep=True), kinds).figure.layout.scene.xaxis.showticklabels
    assert not flat(test, plane | three, "umap").deep


def test_every_kind_is_a_layer_that_can_be_hidden(test, plane, kinds):
    at = flat(test, plane)
    offered = metric_map.layers(kinds, at)
    assert offered == ["training", "normal", "novelty", "seen other classes", "gaussian-noise", MEANS, BALLS]
    for name in offered:
        there = drawn(at, kinds, [name])
        assert list(traces(there)) == ([name] if name != BALLS else []) and bool(there.figure.layout.shapes) == (
            name == BALLS
        )
    assert not drawn(at, kinds, []).figure.data


def test_points_carry_their_places_and_lie_where_the_space_says(test, plane, kinds):
    at = flat(test, plane)
    layer = traces(drawn(at, kinds))["novelty"]
    np.testing.assert_array_equal(layer.customdata, np.flatnonzero(kinds.names == "novelty"))
    np.testing.assert_allclose(np.stack([layer.x, layer.y], 1), at.test[kinds.names == "novelty"], rtol=1e-6)


def test_discs_have_the_radius_of_the_balls_and_are_wholly_shown(test, plane, kinds):
    at = flat(test, plane)
    figure = drawn(at, kinds, radius=7.0).figure
    for shape, (x, y) in zip(figure.layout.shapes, at.centres, strict=True):
        assert (shape.x0, shape.x1, shape.y0, shape.y1) == pytest.approx((x - 7, x + 7, y - 7, y + 7))
        low, high = figure.layout.xaxis.range
        assert low < x - 7 and x + 7 < high
    assert figure.layout.yaxis.scaleanchor == "x"


def test_maps_side_by_side_have_one_scale_that_shows_both(test, plane):
    one = flat(test, plane)
    other = Space(one.train, 3 * one.test, one.places, 3 * one.centres - 5, one.axes, one.share)
    low, high = metric_map.common_frame([one, other], 2.0)
    apart = [metric_map.common_frame([each], 2.0) for each in (one, other)]
    np.testing.assert_array_equal(low, np.minimum(apart[0][0], apart[1][0]))
    np.testing.assert_array_equal(high, np.maximum(apart[0][1], apart[1][1]))
    assert (low < other.centres.min(0) - 2).all() and (high > other.centres.max(0) + 2).all()


def test_in_three_dimensions_balls_are_drawn_of_lines(test, plane, kinds):
    at = flat(test, plane, deep=True)
    figure = drawn(at, kinds, radius=2.0).figure
    lines = traces(drawn(at, kinds, radius=2.0))["balls"]
    middle = np.nanmean(np.stack([lines.x, lines.y, lines.z], 1).reshape(2, -1, 3)[:, :-1], axis=1)
    np.testing.assert_allclose(middle, at.centres, atol=0.1)
    assert {trace.type for trace in figure.data} == {"scatter3d"}
    assert "balls" not in traces(drawn(at, kinds, [MEANS], radius=2.0))


def test_the_sentence_counts_who_lies_within_a_ball_kind_by_kind(test, plane, kinds):
    inside = np.zeros(50, bool)
    inside[:15], inside[20:23], inside[30], inside[40:42] = True, True, True, True
    sentence = drawn(flat(test, plane), kinds, inside=inside).sentence
    assert "15 of 20 images of known classes and 6 of 30 novel ones (novelty 3 of 10, seen other classes 1" in sentence
    assert "of the variance: outside a disc means outside its ball" in sentence
    whole = Space(test[:, :2], test[:, :2], np.arange(50), test[:2, :2], ("a", "b"), 1.0)
    assert "Nothing is hidden here" in drawn(whole, kinds, inside=inside).sentence
    assert "their differences decide" in drawn(whole, kinds, radius=None).sentence


def test_a_picked_image_is_ringed(test, plane, kinds):
    at = flat(test, plane)
    ring = traces(drawn(at, kinds, picked=23))["test image 23"]
    assert (ring.x[0], ring.y[0]) == pytest.approx(tuple(at.test[23]))
    assert "test image 23" in traces(drawn(flat(test, plane, deep=True), kinds, picked=23))
    assert "test image 45" not in traces(drawn(flat(test, plane, "umap"), kinds, picked=45))  # not on this map


def test_many_images_are_thinned_evenly_and_it_is_said(rng, monkeypatch):
    kinds = kinds_of(3000, 3000, 20, 3000)
    chosen = metric_map.thinned(kinds, 1220, keep=8999)
    counts = kinds[chosen].counts
    assert counts["seen other classes"] == 20 and counts["novelty"] == counts["normal"] == 400
    assert 8999 in chosen and len(np.unique(chosen)) == len(chosen) in (1220, 1221)
    assert len(metric_map.thinned(kinds, 9020)) == 9020
    points = rng.normal(size=(9020, 3))
    at = Space(points, points, np.arange(9020), points[:2], ("a", "b", "c"), 1.0)
    picture = drawn(at, kinds)
    assert f"Of 9,020 test images {metric_deep.MOST:,} are drawn" in picture.sentence
    assert f"Of 9,020 training images {metric_deep.MOST_TRAINING} are drawn" in picture.sentence
    assert sum(len(each.x) for each in picture.figure.data if each.customdata is not None) == metric_deep.MOST
    assert len(traces(picture)["training"].x) == metric_deep.MOST_TRAINING


def test_replay_keeps_its_axes_and_marks_the_means_of_the_probe(rng, kinds):
    snapshots = {epoch: {"embedding": (rng.normal(size=(50, 5)) * epoch).astype(np.float16)} for epoch in (1, 8)}
    classes = np.repeat(["2", "6", "", "9"], (8, 8, 4, 30))  # of validation images the class isn't kept
    centres = rng.normal(size=(2, 5))
    pictures = [metric_map.replayed(epoch, snapshots, centres, kinds, classes, NAMES) for epoch in (1, 8)]
    ranges = [(each.figure.layout.xaxis.range, each.figure.layout.yaxis.range) for each in pictures]
    assert ranges[0] == ranges[1]
    last = snapshots[8]["embedding"].astype(np.float64)
    mean, axes, _ = metric_map.principal(np.concatenate([last[:20], centres]), 2)
    cross = traces(pictures[1])["class means"]
    expected = (np.stack([last[:8].mean(0), last[8:16].mean(0)]) - mean) @ axes.T
    np.testing.assert_allclose(np.stack([cross.x, cross.y], 1), expected, rtol=1e-6)
    means = np.stack([last[:8].mean(0), last[8:16].mean(0)])
    apart = np.linalg.norm(last[:, None] - means, axis=2).min(1)
    assert f"{np.median(apart[20:]) / np.median(apart[:20]):.1f} times as far" in pictures[1].sentence


def test_a_flat_embedding_is_replayed_on_its_own_axes(rng, kinds):
    codes = rng.normal(size=(50, 2)).astype(np.float16)
    picture = metric_map.replayed(3, {3: {"embedding": codes}}, codes[:2], kinds, np.repeat("2", 50), NAMES)
    np.testing.assert_allclose(picture.table["axis 1"], codes[:, 0].astype(float))
    assert picture.figure.layout.xaxis.title.text == "Number 1 of the embedding"


def test_a_probe_without_known_classes_says_so(rng, kinds):
    codes = rng.normal(size=(50, 2)).astype(np.float16)
    picture = metric_map.replayed(3, {3: {"embedding": codes}}, codes[:2], kinds, np.repeat("", 50), NAMES)
    assert picture.sentence == "No image of a known class is among the probe."


# --- labels of class means --------------------------------------------------------------------------------------------


def test_means_that_lie_apart_have_their_own_labels():
    centres, pixel = np.array([[0.0, 0], [2, 0], [0, 1]]), np.array([0.01, 0.01])
    assert metric_map.labels(centres, ["deer", "bird", "cat"], pixel) == ["deer", "bird", "cat"]


def test_means_whose_labels_would_touch_share_one():
    centres = np.array([[0.0, 0], [0.5, 0.1], [0.02, 0.05], [5, 5]])
    names, pixel = ["deer", "bird", "cat", "truck"], np.array([0.01, 0.01])
    assert metric_map.labels(centres, names, pixel) == ["deer +2", "", "", "truck"]


def test_a_map_labels_every_class_and_never_two_in_one_place():
    rng = np.random.default_rng(0)
    centres, names = rng.normal(size=(30, 2)), [f"class {place}" for place in range(30)]
    pixel = np.array([0.02, 0.02])
    told = metric_map.labels(centres, names, pixel)
    assert sum(1 + int(each.partition(" +")[2] or 0) for each in told if each) == 30
    boxes = [
        (x, y, x + 10 * len(label) * 0.02, y + 21 * 0.02) for (x, y), label in zip(centres, told, strict=True) if label
    ]
    for place, (left, low, right, high) in enumerate(boxes):
        for a, b, c, d in boxes[:place]:
            assert c <= left or right <= a or d <= low or high <= b
