import gzip

import numpy as np
import pytest

from core.data.layouts.idx_files import recognise
from core.data.layouts.tree import File, Tree
from core.errors import WrongRequest
from tests.core.data.layouts.miniatures import idx


def tree(files):
    return Tree(
        "x", tuple(File(tuple(name.split("/")), len(data), lambda data=data: data) for name, data in files.items())
    )


IMAGES, LABELS = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4), np.array([5, 7, 5], np.uint8)


def test_emnist_is_turned_upright_and_mnist_is_not():
    files = {"train-images-idx3-ubyte": idx(IMAGES), "train-labels-idx1-ubyte.gz": gzip.compress(idx(LABELS))}
    plain = recognise(tree(files)).arrays
    np.testing.assert_array_equal(plain.images[:, 0], IMAGES)
    assert plain.classes == ("5", "7") and plain.labels.tolist() == [0, 1, 0]
    turned = recognise(tree({f"emnist-digits-{name}": data for name, data in files.items()})).arrays
    np.testing.assert_array_equal(turned.images[:, 0], IMAGES.transpose(0, 2, 1))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"train-images-idx3-ubyte": idx(IMAGES)}, "lacks the idx file of the train labels"),
        ({"train-images-idx3-ubyte": idx(IMAGES), "train-labels-idx1-ubyte": idx(LABELS[:2])}, "3 images .* 2 labels"),
        ({"train-images-idx3-ubyte": idx(IMAGES)[:-1], "train-labels-idx1-ubyte": idx(LABELS)}, "don't fit its shape"),
        ({"train-images-idx3-ubyte": b"hello", "train-labels-idx1-ubyte": idx(LABELS)}, "isn't an idx file"),
    ],
)
def test_what_is_missing_or_damaged_is_named(files, says):
    with pytest.raises(WrongRequest, match=says):
        recognise(tree(files))


def test_other_names_are_another_layout():
    assert recognise(tree({"train-images.png": b"", "notes": b""})) is None
