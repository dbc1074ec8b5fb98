import numpy as np
import pytest

from core.data.layouts.cifar_files import recognise
from core.data.layouts.tree import File, Tree
from core.errors import WrongRequest
from tests.core.data.layouts.miniatures import images


def tree(files):
    return Tree("x", tuple(File((name,), len(data), lambda data=data: data) for name, data in files.items()))


def test_cifar_100_has_two_labels_of_which_the_fine_one_counts():
    pixels = images(3, 3072)
    record = np.hstack([np.array([[9, 1], [9, 0], [9, 1]], np.uint8), pixels]).tobytes()
    understood = recognise(tree({"train.bin": record, "test.bin": record, "fine_label_names.txt": b"apple\nbee\n\n"}))
    assert understood.arrays.classes == ("apple", "bee") and understood.arrays.labels.tolist() == [1, 0, 1] * 2
    np.testing.assert_array_equal(understood.arrays.images[:3].reshape(3, -1), pixels)
    assert understood.halved and "CIFAR-100" in understood.sentence


@pytest.mark.parametrize("data", [b"", b"x" * 3072])
def test_a_file_of_another_size_is_refused(data):
    with pytest.raises(WrongRequest, match="no number of CIFAR's images"):
        recognise(tree({"data_batch_1.bin": data}))


def test_pickles_are_refused_unread():
    files = (File(("data_batch_1",), 1, lambda: pytest.fail("it was read")), File(("test_batch",), 1, lambda: b""))
    with pytest.raises(WrongRequest, match="can run code and are never opened"):
        recognise(Tree("x", files))
