"""Global contrast normalisation against numpy, and its edges."""

import numpy as np
import torch

from core.algorithms.contrast import contrast_normalised, into_unit_range


def test_mean_and_mean_magnitude(rng):
    images = rng.integers(0, 256, size=(5, 3, 4, 6), dtype=np.uint8)
    pixels = images.reshape(5, -1) / 255
    centred = pixels - pixels.mean(1, keepdims=True)
    expected = centred / np.abs(centred).mean(1, keepdims=True)
    given = contrast_normalised(torch.from_numpy(images)).flatten(1)
    np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(given.abs().mean(1), 1, rtol=1e-5)


def test_brightness_and_contrast_do_not_count(rng):
    image = rng.integers(0, 100, size=(1, 1, 5, 5), dtype=np.uint8)
    twice = contrast_normalised(torch.from_numpy(np.concatenate([image, 2 * image + 50])))
    np.testing.assert_allclose(twice[0], twice[1], atol=1e-5)


def test_a_constant_image_becomes_zeros():
    assert not contrast_normalised(torch.full((1, 1, 2, 2), 9, dtype=torch.uint8)).any()


def test_bounds_become_0_and_1():
    assert into_unit_range(torch.tensor([-1.0, 1.0, 3.0, 5.0]), (-1.0, 3.0)).tolist() == [0, 0.5, 1, 1.5]
    assert into_unit_range(torch.zeros(2), (0.0, 0.0)).tolist() == [0, 0]
