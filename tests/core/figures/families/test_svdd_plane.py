import numpy as np

from core import figures
from core.figures import Kinds
from core.figures.families import svdd_plane


def plane(radii, **options):
    """Three test images: inside, outside but drawn within the disc of A, outside and drawn so."""
    test, novel, places = np.array([[0.1, 0], [0.5, 0], [3, 3]]), [0, 1, 1], np.array([4, 7, 9])
    centres, out = np.array([[0.0, 0], [10, 0]])[: len(radii)], np.array([False, True, True])
    return svdd_plane.ball_plane(
        np.zeros((5, 2)), test, centres, np.array(radii), Kinds.of_test(novel), places, out, 0.625, **options
    )


def test_a_ball_is_drawn_as_a_disc_of_its_radius_on_equal_axes():
    figure = plane([1.0, 2.0]).figure
    second = figure.layout.shapes[1]
    assert (second.type, second.x0, second.x1, second.y0, second.y1) == ("circle", 8, 12, -2, 2)
    assert figure.layout.yaxis.scaleanchor == "x"
    low, high = figure.layout.xaxis.range
    assert low < -1 and high > 12


def test_the_plane_says_what_a_disc_proves_and_how_many_it_hides():
    sentence = plane([1.0, 2.0]).sentence
    assert sentence.startswith("Outside every ball lie 2 of 2 novel and 0 of 1 normal test images.")
    assert "inside proves nothing: 1 of these images are drawn within a disc" in sentence
    assert "62 % of the variance" in sentence
    assert plane([1.0]).sentence.startswith("Outside the ball lie 2 of 2")
    assert plane([0.0, 0.0]).sentence.startswith("No ball has a radius yet")


def test_points_carry_their_place_in_the_test_set_and_training_images_none():
    traces = {trace.name: trace for trace in plane([1.0]).figure.data}
    assert list(traces["novel, test (2)"].customdata) == [7, 9]
    assert traces["novel, test (2)"].marker.color == figures.NOVEL
    assert traces["training (5)"].customdata is None
    assert traces["training (5)"].hoverinfo == "skip"  # so it can't be clicked either


def test_the_picked_image_is_ringed_where_it_is_drawn():
    ring = plane([1.0], picked=7).figure.data[-1]
    assert (ring.name, list(ring.x), list(ring.y)) == ("test image 7", [0.5], [0])
    assert plane([1.0], picked=5).figure.data[-1].name == "centres"


def test_overlapping_balls_are_named():
    centres = np.array([[0.0, 0], [1, 0], [9, 0]])
    assert "1 of 3 pairs of balls overlap (A and B)" in svdd_plane.overlaps(centres, np.array([0.6, 0.6, 1]))
    assert svdd_plane.overlaps(centres, np.array([0.4, 0.6, 1])) == "No two of the 3 balls overlap."  # they touch
    assert svdd_plane.overlaps(centres[:1], np.array([1.0])) == ""


def test_replay_projects_every_epoch_onto_the_final_axes_and_keeps_the_window(rng):
    axes = np.linalg.qr(rng.normal(size=(4, 2)))[0].T
    projection = {"pca/axes": axes, "pca/mean": np.ones(4), "pca/centres": np.zeros((1, 2))}
    spread = {1: 5.0, 9: 1.0}
    snapshots = {
        epoch: {"embedding": rng.normal(size=(40, 4)) * size, "distances": np.ones((40, 1)), "radii": np.array([0.5])}
        for epoch, size in spread.items()
    }
    novel, places = np.arange(40) % 2, np.arange(40)
    early, late = (
        svdd_plane.replayed_plane(epoch, snapshots, projection, Kinds.of_test(novel), places) for epoch in (1, 9)
    )
    expected = (snapshots[9]["embedding"] - 1) @ axes.T
    np.testing.assert_allclose(late.table["x"], expected[:, 0], rtol=1e-6)
    assert early.figure.layout.xaxis.range == late.figure.layout.xaxis.range
    assert "after epoch 9" in late.figure.layout.title.text
    shown = expected.var(0).sum() / snapshots[9]["embedding"].var(0).sum()
    assert f"{round(100 * shown)} % of the variance" in late.sentence
