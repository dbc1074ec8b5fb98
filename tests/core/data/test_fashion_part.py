import numpy as np

from core import data
from core.data.fashion_part import IN_TEST, IN_TRAIN, part_of


def test_each_class_has_400_images_in_both_halves_and_the_licence_is_named():
    part = data.load("fashion-part")
    assert part.shape == (1, 28, 28) and part.classes == data.entry("fashion-mnist").classes
    for label in range(10):
        places = part.class_indices(label)
        assert (len(places), part.is_test[places].sum()) == (IN_TRAIN + IN_TEST, IN_TEST)
    assert "MIT licence" in part.note and data.entry("fashion-part").origin == "built in"
    assert len(np.unique(part.images.reshape(len(part.images), -1), axis=0)) == 4_000


def test_the_file_is_what_the_whole_set_gives(data_root):
    data.set_roots([data_root])
    try:
        made = part_of(data.load("fashion-mnist"))
    finally:
        data.set_roots([])
    part = data.load("fashion-part")
    np.testing.assert_array_equal(np.concatenate([made["train_images"], made["test_images"]]), part.images[:, 0])
    np.testing.assert_array_equal(np.concatenate([made["train_labels"], made["test_labels"]]), part.labels)
