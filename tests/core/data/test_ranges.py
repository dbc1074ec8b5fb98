import numpy as np
import pytest

from core.data.ranges import range_of, said, scaled


def test_the_range_of_several_arrays(rng):
    arrays = [rng.normal(size=(3, 4)), rng.normal(size=5) + 9]
    both = np.concatenate([array.ravel() for array in arrays])
    assert range_of(arrays) == (both.min(), both.max())


@pytest.mark.parametrize("array", [np.array([1.0, np.nan]), np.array([np.inf]), np.zeros(0)])
def test_what_has_no_range(array):
    with pytest.raises(ValueError, match="not numbers"):
        range_of([array])


def test_scaled_clips_and_counts():
    pixels, outside = scaled(np.array([0, 100, 150, 200, 300], np.uint16), (100, 200))
    assert pixels.tolist() == [0, 0, 128, 255, 255] and outside == 0.4
    assert scaled(np.full(3, 7.0), (7.0, 7.0)) == (pytest.approx([0, 0, 0]), 0.0)


def test_said():
    assert said((0, 4095)) == "Values 0 to 4,095 became 0 to 255, by one range for the whole set."
