import numpy as np
import pytest

from core.data.layouts.numpy_files import recognise
from core.data.layouts.tree import File, Tree
from core.data.layouts.understood import SeveralSets
from core.errors import WrongRequest
from tests.core.data.layouts.miniatures import npz

CONTENT = npz(images=np.arange(32, dtype=np.uint8).reshape(2, 4, 4), labels=np.array([3, 1]))


def tree(*names, content=CONTENT):
    return Tree("x", tuple(File(tuple(name.split("/")), 9, lambda: content) for name in names))


def test_one_of_several():
    with pytest.raises(SeveralSets) as several:
        recognise(tree("a.npz", "b/c.npz"))
    assert several.value.parts == ("a", "c")
    understood = recognise(tree("a.npz", "b/c.npz"), "c")
    assert understood.arrays.classes == ("1", "3") and understood.sentence.startswith("Arrays of c.npz.")


def test_a_damaged_file_is_named():
    with pytest.raises(WrongRequest, match="a.npz can't be used: File is not a zip file"):
        recognise(tree("a.npz", content=b"hello"))
    with pytest.raises(WrongRequest, match="neither train_images nor test_images with labels, but a, b"):
        recognise(tree("a.npz", content=npz(a=np.zeros(3), b=np.zeros(3))))


def test_pictures_are_another_layout():
    assert recognise(tree("a.npz", "1.png")) is None and recognise(tree("1.txt")) is None
