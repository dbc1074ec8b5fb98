"""The latent plane, what is drawn on it, and the way between two images."""

import numpy as np
import pytest

from core.figures import INK, Kinds
from core.figures.families import vae_latent

SIDE = 5


@pytest.fixture
def portrait(rng) -> dict[str, np.ndarray]:
    axes, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    grid = np.zeros((SIDE, SIDE, 1, 8, 8), np.uint8)
    grid[:] = (10 * np.arange(SIDE)).reshape(1, SIDE, 1, 1, 1)  # one column is 10 brighter than the last
    ends = np.linspace(-2, 2, SIDE)
    return {
        "centre": rng.normal(size=4),
        "axes": axes[:2],
        "ratio": np.array([0.4, 0.2]),
        "x": ends,
        "y": 2 * ends,
        "grid": grid,
        "nats": np.array([0.01, 2.0, 1.0, 0.0]),
    }


def test_the_plane_s_own_points_keep_their_coordinates(portrait, rng):
    at = rng.normal(size=(7, 2))
    beside = np.linalg.qr(np.vstack([portrait["axes"], rng.normal(size=(1, 4))]).T)[0][:, 2]  # at right angles to it
    latents = portrait["centre"] + at @ portrait["axes"] + 5 * beside
    np.testing.assert_allclose(vae_latent.on_plane(latents, portrait), at, atol=1e-9)


def test_the_way_is_straight_and_has_both_ends(rng):
    first, last = rng.normal(size=(2, 4)).astype(np.float32)
    route = vae_latent.way(first, last, 5)
    assert route.dtype == np.float32 and np.array_equal(route[[0, -1]], [first, last])
    np.testing.assert_allclose(route[2], (first + last) / 2, rtol=1e-5)
    np.testing.assert_allclose(np.diff(route, axis=0), np.tile((last - first) / 4, (4, 1)), rtol=1e-4, atol=1e-6)


@pytest.fixture
def points() -> np.ndarray:
    """50 normal images in the unit square and two novel ones, one of them within."""
    normal = np.stack(np.meshgrid(np.linspace(0, 1, 10), np.linspace(0, 1, 5)), -1).reshape(-1, 2)
    return np.vstack([normal, [[0.5, 0.5], [3, 3]]])


def test_a_point_of_the_plane_says_its_place_and_novel_ones_in_the_crowd_are_counted(points):
    kinds, places = Kinds.of_test(np.repeat([0, 1], [50, 2])), np.arange(52) + 100
    picture = vae_latent.plane(points[:9], points, kinds, places, ("a", "b"), "A note.", picked=(101, 150))
    training, normal, novel, first, second = picture.figure.data
    assert len(training.x) == 9 and training.customdata is None
    assert normal.customdata.tolist() == places[:50].tolist() and novel.customdata.tolist() == [150, 151]
    assert (first.x[0], second.x[0]) == (points[1, 0], 0.5) and first.marker.color == INK
    assert picture.sentence.startswith("1 of 2 novel images lie within") and picture.sentence.endswith("A note.")


def test_points_can_have_the_colour_of_their_score(points):
    kinds, scores = Kinds.of_test(np.repeat([0, 1], [50, 2])), np.arange(52.0)
    picture = vae_latent.plane(points[:0], points, kinds, np.arange(52), ("a", "b"), "", scores)
    assert picture.figure.data[0].marker.color.tolist() == scores[:50].tolist()
    assert [bool(trace.marker.colorbar.thickness) for trace in picture.figure.data] == [True, False]
    assert len({trace.marker.cmax for trace in picture.figure.data}) == 1


def test_the_plane_says_what_it_hides():
    ratio = np.array([0.4, 0.2])
    assert "60 % of the variance of 16 units" in vae_latent.plane_note(ratio, 16)
    assert "40 %" in vae_latent.axis_names(ratio, 16)[0] and "20 %" in vae_latent.axis_names(ratio, 16)[1]
    assert "nothing is hidden" in vae_latent.plane_note(ratio, 2)
    assert vae_latent.axis_names(ratio, 2) == ("First latent unit", "Second latent unit")


def test_the_grid_lies_where_it_was_decoded(portrait):
    picture = vae_latent.manifold(portrait, {7: np.array([1.0, -4.0])})
    (image,) = picture.figure.layout.images
    assert (image.x, image.x + image.sizex) == (-2.5, 2.5) and (image.y, image.y - image.sizey) == (5.0, -5.0)
    assert (picture.figure.data[0].x[0], picture.figure.data[0].y[0]) == (1.0, -4.0)
    assert f"differ by {100 * 10 / 255:.1f} %" in picture.sentence
    bright = picture.table["mean brightness"][np.asarray(picture.table["x"]) == 2]
    np.testing.assert_allclose(bright, 40 / 255)
    assert len(vae_latent.manifold(portrait, {}).figure.data) == 1


def test_the_grid_has_the_largest_y_on_top(portrait):
    import base64
    import io

    from PIL import Image

    grid = portrait["grid"].copy()
    grid[-1, 0] = 255  # largest y, smallest x
    (image,) = vae_latent.manifold(portrait | {"grid": grid}, {}).figure.layout.images
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(image.source.partition(",")[2]))))
    assert pixels[0, 0, 0] == 255 and pixels[-1, 0, 0] == 0


def test_the_way_begins_with_a_usual_and_ends_with_a_strange_image():
    kinds = Kinds.of_test([0, 1, 0, 0, 1])
    scores = np.array([5.0, 2, 1, 3, 4])
    assert vae_latent.most_usual(scores, kinds) == 3 and vae_latent.strangest(scores, kinds) == 4


def test_a_morph_has_both_images_at_its_ends_and_names_the_largest_change(rng):
    images = rng.integers(0, 256, (4, 1, 8, 8), np.uint8)
    drawn = np.zeros((9, 1, 8, 8), np.uint8)
    drawn[4:] = 200
    kinds, classes = Kinds.of_test([0, 0, 1, 0]), np.array(["2", "2", "7", "2"])
    picture = vae_latent.morph((0, 2), images, classes, kinds, drawn, rng.normal(size=(4, 3)))
    assert "most between steps 4 and 5 of 9" in picture.sentence
    np.testing.assert_allclose(picture.table["mean change"], np.eye(8)[3] * 200 / 255)
    below = picture.figure.layout.xaxis.ticktext
    assert len(below) == 11 and "7 · novel" in below[-1] and below[1] == "0 %" and below[-2] == "100 %"


def test_units_are_counted_that_say_something(portrait):
    picture = vae_latent.units(portrait["nats"])
    assert picture.table["unit"].tolist() == [1, 2, 0, 3]
    assert "2 of 4 units say more than 0.05 nats of a training image: the others" in picture.sentence
    assert "a larger latent might be used too" in vae_latent.units(np.ones(4)).sentence
