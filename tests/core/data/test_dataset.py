import numpy as np
import pytest

from core.data.dataset import Dataset
from core.errors import WrongRequest


@pytest.fixture
def dataset() -> Dataset:
    images = np.zeros((5, 3, 4, 6), np.uint8)
    return Dataset("pets", "Pets", ("cat", "dog"), images, np.array([0, 1, 1, 0, 1]), train_count=3)


def test_shape_is_channels_height_width(dataset):
    assert dataset.shape == (3, 4, 6)


def test_training_images_come_first(dataset):
    np.testing.assert_array_equal(dataset.is_test, [False, False, False, True, True])


def test_class_indices(dataset):
    np.testing.assert_array_equal(dataset.class_indices(1), [1, 2, 4])
    with pytest.raises(WrongRequest, match="Pets has no class number 2. Choose from 0 to 1"):
        dataset.class_indices(2)


def test_arrays_are_read_only_because_they_are_shared(dataset):
    with pytest.raises(ValueError, match="read-only"):
        dataset.images[0] = 1
