import numpy as np
import pytest

from core.data.layouts import matlab
from core.data.layouts.tree import File, Tree
from core.errors import WrongRequest
from tests.core.data.layouts.miniatures import images, mat


def tree(files):
    return Tree("x", tuple(File((name,), len(data), lambda data=data: data) for name, data in files.items()))


def test_rows_columns_colours_images_become_images_colours_rows_columns():
    pixels, labels = images(32, 32, 3, 4), np.array([[10], [1], [2], [10]], np.uint8)
    understood = matlab.recognise(tree({"train_32x32.mat": mat(X=pixels, y=labels), "extra_32x32.mat": b""}))
    np.testing.assert_array_equal(understood.arrays.images, pixels.transpose(3, 2, 0, 1))
    assert understood.arrays.classes == ("0", "1", "2") and understood.arrays.labels.tolist() == [0, 1, 2, 0]
    assert "Not used: extra_32x32.mat." in understood.sentence and not understood.halved


def test_too_much_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(matlab, "MOST_BYTES", 1000)
    with pytest.raises(WrongRequest, match="unpacks to 0.0 GB"):
        matlab.recognise(tree({"a.mat": mat(X=np.zeros((32, 32, 3, 1), np.uint8), y=np.zeros((1, 1)))}))


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.zeros((3, 1), np.uint8)}, "3 labels for 2 images"),
        ({"X": np.zeros((5, 7), np.uint8), "y": np.zeros((5, 1))}, r"shape \(5, 7\)"),
        ({"X": np.zeros((32, 32, 3, 2)), "y": np.zeros((2, 1))}, "not bytes X with y"),
    ],
)
def test_other_arrays_are_refused(arrays, says):
    with pytest.raises(WrongRequest, match=says):
        matlab.recognise(tree({"train.mat": mat(**arrays)}))


def test_no_matlab_file():
    assert matlab.recognise(tree({"a.png": b""})) is None
