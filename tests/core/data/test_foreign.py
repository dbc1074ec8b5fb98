import numpy as np
import pytest

from core.data.foreign import Part, parts, read, summary


class Named(dict):
    """Arrays in memory, as `foreign` looks at them."""

    def names(self):
        return self.keys()

    def header(self, name):
        return self[name].shape, self[name].dtype

    def read(self, name):
        return self[name]


def images(rng, count, *shape, dtype=np.uint8):
    return rng.integers(0, 256, (count, *shape)).astype(dtype)


@pytest.mark.parametrize(
    ("names", "halves"),
    [
        ("x_train y_train x_test y_test", ["train", "test"]),
        ("train_images train_labels val_images val_labels test_images test_labels", ["train", "train", "test"]),
        ("X_train y_train X_val y_val", ["train", "test"]),
        ("images labels", ["train"]),
        ("x_train x_test y_test", ["test"]),
        ("something else", []),
    ],
)
def test_which_arrays_are_the_halves(names, halves):
    assert [part.half for part in parts(names.split())] == halves


def test_parts_name_their_arrays():
    assert parts(["y", "X", "z"]) == [Part("train", "X", "y")]


def test_labels_become_classes_in_the_order_of_numbers(rng):
    source = Named(
        x_train=images(rng, 4, 5, 6),
        y_train=np.array([10, 2, 2, 9]),
        x_test=images(rng, 2, 5, 6),
        y_test=np.array([9, 2]),
    )
    dataset = read(source, "a")
    assert dataset.classes == ("2", "9", "10") and dataset.labels.tolist() == [2, 0, 0, 1, 1, 0]
    assert dataset.train_count == 4 and dataset.value_range is None
    np.testing.assert_array_equal(dataset.images[:, 0], np.concatenate([source["x_train"], source["x_test"]]))
    about = summary(source)
    assert (about.classes, about.shape, about.train_count, about.test_count) == (dataset.classes, (1, 5, 6), 4, 2)


def test_words_as_labels_and_channels_first_or_last(rng):
    last = images(rng, 3, 5, 6, 3)
    labels = np.array(["cat", "dog, small", "cat"])
    for array in (last, last.transpose(0, 3, 1, 2)):
        dataset = read(Named(images=array, labels=labels), "a")
        np.testing.assert_array_equal(dataset.images, last.transpose(0, 3, 1, 2))
        assert dataset.classes == ("cat", "dog, small")


def test_values_of_more_than_8_bits_share_one_range(rng):
    train, test = rng.normal(size=(3, 4, 4)), rng.normal(size=(2, 4, 4)) * 5
    source = Named(x_train=train, y_train=np.zeros(3, int), x_test=test, y_test=np.ones(2, int))
    dataset = read(source, "a")
    both = np.concatenate([train, test])
    assert dataset.value_range == (both.min(), both.max()) and "one range" in dataset.note
    np.testing.assert_array_equal(dataset.images[:, 0], np.rint((both - both.min()) / np.ptp(both) * 255))


def test_all_that_is_wrong_is_said_at_once(rng):
    source = Named(x_train=images(rng, 3, 5), y_train=np.zeros((3, 4)), x_test=images(rng, 2, 5, 5), y_test=np.zeros(3))
    with pytest.raises(ValueError, match=r"x_train is .*; y_train is .*; y_test is float64 \[3\]"):
        summary(source)


@pytest.mark.parametrize("labels", [np.array([0.5, 1, 2]), np.array([True, None, 3], object)])
def test_labels_that_name_no_class_are_refused(rng, labels):
    with pytest.raises(ValueError, match="labels"):
        read(Named(images=images(rng, 3, 5, 5), labels=labels), "a")
