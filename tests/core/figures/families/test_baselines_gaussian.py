import numpy as np
import pytest

from core.figures.families import baselines_gaussian as gaussian

IMAGE = np.zeros((1, 2, 2), np.uint8)


def test_pixels_that_make_up_half_of_the_distance_are_counted():
    picture = gaussian.pixels(np.array([[0.4, 0.35], [0.45, -0.2]]), IMAGE)
    assert picture.sentence.startswith(
        "Half of the squared distance comes from 2 of 4 pixels; row 1, column 0 adds most, 45 %"
    )
    assert list(picture.table["share"]) == [0.4, 0.35, 0.45, -0.2]


def test_an_image_equal_to_the_mean_has_no_share_to_draw():
    assert gaussian.pixels(np.zeros((2, 2)), IMAGE).table["share"].sum() == 0


def test_narrow_directions_are_told_against_normal_images():
    shares, normal = np.full(10, 0.1), np.zeros((9, 10))
    normal[:, 0], normal[:, 9] = 0.75, 0.25
    picture = gaussian.directions({"by_axis": shares, "normal_by_axis": normal})
    assert picture.sentence.startswith(
        "50 % of it comes from the narrower half of the directions (for normal images 25 %)"
    )
    np.testing.assert_allclose(picture.table["image"], 10)
    assert "(for normal" not in gaussian.directions({"by_axis": shares}).sentence


def test_why_takes_half_precision():
    shares = np.full((8, 8), 1 / 64, np.float16)
    image = np.zeros((1, 8, 8), np.uint8)
    pixels, by_direction = gaussian.why({"shares": shares, "by_axis": np.full(10, 0.1, np.float32)}, image)
    assert pixels.table["share"].dtype == np.float64 and by_direction.name == "distance-by-direction"


def test_the_widest_directions_have_their_standard_deviations(rng):
    picture = gaussian.widest(rng.normal(size=(20, 1, 2, 2)), np.full((1, 2, 2), 0.5), np.arange(20, 0, -1.0) ** 2)
    assert list(picture.figure.layout.xaxis.ticktext)[:3] == ["mean", "1<br>20", "2<br>19"]
    assert len(picture.table["direction"]) == 12


def test_the_spectrum_has_a_floor_where_a_sphere_is_mixed_in():
    variances = np.array([4.0, 1.0, 0.01])
    picture = gaussian.spectrum(variances, 0.1)
    assert picture.sentence.startswith("The widest direction is 20 times as wide as the narrowest. 10 % of a sphere")
    assert picture.figure.layout.shapes[0].y0 == pytest.approx(0.1 * variances.mean())
    assert not gaussian.spectrum(variances, 0.0).figure.layout.shapes
