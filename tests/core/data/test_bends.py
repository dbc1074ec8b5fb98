import numpy as np
import pytest
from PIL import Image

from core.data.bends import RANGES, bend, bend_path
from core.errors import WrongRequest


@pytest.fixture(params=[1, 3])
def image(rng, request):
    return rng.integers(0, 256, (request.param, 12, 16), np.uint8)


def test_nothing_bent_is_the_image_itself(image):
    np.testing.assert_array_equal(bend(image), image)
    for knob in RANGES:
        np.testing.assert_array_equal(bend_path(image, knob, [0])[0], image)


def test_rotation_is_counter_clockwise(rng):
    image = rng.integers(0, 256, (3, 9, 9), np.uint8)
    np.testing.assert_array_equal(bend(image, rotate=90), np.rot90(image, 1, axes=(1, 2)))
    np.testing.assert_array_equal(bend(image, rotate=-90), np.rot90(image, -1, axes=(1, 2)))
    np.testing.assert_array_equal(bend(image, rotate=180), image[:, ::-1, ::-1])


def test_rotation_uncovers_the_edges_median():
    image = np.full((1, 20, 20), 40, np.uint8)
    image[:, 5:15, 5:15] = 200
    turned = bend(image, rotate=45)
    assert turned[0, 0, 0] == 40 and turned[0, 10, 10] == 200


def test_blur_spreads_a_point_by_its_standard_deviation():
    image = np.zeros((1, 41, 41), np.uint8)
    image[:, 18:23, 18:23] = 255
    blurred = bend(image, blur=3)[0].astype(float)
    places = np.arange(41) - 20
    variance = (blurred.sum(0) * places**2).sum() / blurred.sum()
    assert abs(variance - (3**2 + 2)) < 0.7  # 2 is the variance of the five pixels themselves
    assert abs(blurred.sum() / image.sum() - 1) < 0.03


def test_brightness_shifts_and_clips(image):
    np.testing.assert_array_equal(bend(image, brightness=0.2), np.clip(image.astype(int) + 51, 0, 255))
    assert bend(image, brightness=-1).max() == 0 and bend(image, brightness=1).min() == 255


def test_noise_has_its_standard_deviation_and_repeats():
    image = np.full((3, 64, 64), 128, np.uint8)
    noisy = bend(image, noise=0.1, seed=3)
    assert abs((noisy.astype(float) - 128).std() / 255 - 0.1) < 0.003
    np.testing.assert_array_equal(bend(image, noise=0.1, seed=3), noisy)
    assert (bend(image, noise=0.1, seed=4) != noisy).any()


def test_occlusion_hides_its_share_and_keeps_its_place():
    image = np.zeros((3, 40, 40), np.uint8)
    for share in (0.04, 0.25, 1.0):
        assert (bend(image, occlude=share) == 128).mean() == share
    small, large = (bend(image, occlude=share, seed=5)[0] == 128 for share in (0.04, 0.25))
    assert (small & large).sum() > 0.5 * small.sum()


def test_invert(image):
    np.testing.assert_array_equal(bend(image, invert=True), 255 - image)


def test_knobs_act_in_the_order_that_is_documented(image):
    steps = bend(bend(bend(image, invert=True), rotate=30), brightness=0.1)
    np.testing.assert_array_equal(bend(image, invert=True, rotate=30, brightness=0.1), steps)


def test_a_path_is_one_bend_for_each_strength(image):
    path = bend_path(image, "rotate", [0, 10, 20])
    assert path.shape == (3, *image.shape) and path.dtype == np.uint8
    np.testing.assert_array_equal(path[2], bend(image, rotate=20))
    np.testing.assert_array_equal(bend_path(image, "invert", [0, 1])[1], 255 - image)


def test_rotation_equals_pillows(image):
    picture = Image.fromarray(image[0])
    edge = np.concatenate([image[0, 0], image[0, -1], image[0, 1:-1, 0], image[0, 1:-1, -1]])
    expected = picture.rotate(17, Image.Resampling.BILINEAR, fillcolor=int(np.median(edge)))
    np.testing.assert_array_equal(bend(image[:1], rotate=17)[0], np.asarray(expected))


@pytest.mark.parametrize("knob", sorted(RANGES))
def test_strengths_out_of_range_are_refused(image, knob):
    low, high = RANGES[knob]
    for strength in (low - 0.1, high + 0.1, float("nan")):
        with pytest.raises(WrongRequest, match=f"{knob} can't be .* Choose from {low:g} to {high:g}"):
            bend_path(image, knob, [strength])
    with pytest.raises(WrongRequest, match="can't be bent by 'shear'. Choose from rotate, blur"):
        bend_path(image, "shear", [0])
