import numpy as np
import pytest

from core.data.noise import CHUNK, noise
from core.errors import WrongRequest


def test_gaussian_noise_clips_31_percent_at_each_end():
    images = noise("gaussian", 200, (3, 32, 32), seed=1)
    assert images.dtype == np.uint8 and images.shape == (200, 3, 32, 32)
    # P(N(0.5, 1) < 0) = 0.3085, and what rounds to 0 or 255 adds P(0 <= x < 0.5 / 255) = 0.0007
    assert abs(np.mean(images == 0) - 0.3092) < 0.003 and abs(np.mean(images == 255) - 0.3092) < 0.003
    assert abs(images.mean() - 127.5) < 0.5


def test_uniform_noise_is_flat():
    counts = np.bincount(noise("uniform", 200, (1, 32, 32), seed=1).ravel(), minlength=256)
    assert np.square(counts - 800).sum() / 800 < 331  # chi-square with 255 degrees of freedom, 0.999 quantile


@pytest.mark.parametrize("kind", ["gaussian", "uniform"])
def test_noise_repeats_with_its_seed_and_a_longer_draw_begins_alike(kind):
    long = noise(kind, CHUNK + 5, (1, 3, 3), seed=4)
    np.testing.assert_array_equal(noise(kind, 7, (1, 3, 3), seed=4), long[:7])
    assert (noise(kind, 7, (1, 3, 3), seed=5) != long[:7]).any()
    assert (long[CHUNK:] != long[:5]).any()


def test_another_kind_is_refused():
    with pytest.raises(WrongRequest, match="no noise 'pink' with 3 images. Choose gaussian or uniform"):
        noise("pink", 3, (1, 2, 2), seed=0)
