"""Per-pixel errors against sums by hand, and what the picture says of greyness."""

import numpy as np
import pytest

from core.figures import percent
from core.figures.families import vae_pixels


@pytest.fixture
def pair(rng):
    return rng.integers(0, 256, (3, 5, 4), np.uint8), rng.integers(0, 256, (3, 5, 4), np.uint8)


def test_errors_are_those_of_each_pixel(pair):
    image, redrawn = pair
    x, y = image[:, 2, 1] / 255, redrawn[:, 2, 1] / 255
    assert vae_pixels.squared_errors(*pair)[2, 1] == pytest.approx(((x - y) ** 2).sum())
    assert vae_pixels.cross_entropies(*pair)[2, 1] == pytest.approx(
        sum(-a * np.log(b) - (1 - a) * np.log(1 - b) for a, b in zip(x, y, strict=True))
    )


def test_black_and_white_have_no_entropy_and_the_best_redrawing_of_grey_costs_it():
    flat = np.array([[[0, 255]]], np.uint8)
    assert vae_pixels.own_entropy(flat) == 0
    grey = np.full((1, 2, 2), 102, np.uint8)  # 0.4
    expected = 4 * -(0.4 * np.log(0.4) + 0.6 * np.log(0.6))
    assert vae_pixels.own_entropy(grey) == pytest.approx(expected)
    assert vae_pixels.cross_entropies(grey, grey).sum() == pytest.approx(expected)
    assert np.isfinite(vae_pixels.cross_entropies(flat, 255 - flat)).all()


def test_a_grey_pixel_that_is_redrawn_well_counts_for_the_cross_entropy_alone():
    image = np.array([[[128, 255], [0, 0]]], np.uint8)
    redrawn = np.array([[[128, 128], [0, 0]]], np.uint8)
    picture = vae_pixels.apart(image, redrawn)
    squared, entropy, difference = (each.z for each in picture.figure.data)
    assert squared[0][1] == pytest.approx(1) and difference[0][0] > 0.4 > 0 > difference[0][1]
    np.testing.assert_allclose(np.sum(entropy), 1)
    share = 100 * np.abs(difference).sum() / 2
    assert picture.sentence.startswith(f"{share:.1f} % of the weight lies on other pixels")
    greyness = vae_pixels.own_entropy(image) / vae_pixels.cross_entropies(image, redrawn).sum()
    assert f"{percent(greyness)} is the greyness of the image itself" in picture.sentence
    assert len(picture.table["row"]) == 4


def test_an_image_that_is_redrawn_exactly_has_a_picture():
    blank = np.zeros((1, 8, 8), np.uint8)
    assert vae_pixels.apart(blank, blank).sentence.endswith("to pay, too.")
