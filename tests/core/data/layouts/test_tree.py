import zipfile

import pytest

from core.data.layouts.tree import opened
from core.errors import WrongRequest
from tests.core.data.test_folders import laid_out


def test_files_of_a_folder_and_of_a_zip_are_the_same(tmp_path):
    files = {"a/b/1.PNG": b"one", "a/2.txt": b"two", ".hidden/3.png": b"three"}
    listings = []
    for place in ("x", "x.zip"):
        with opened(laid_out(files, tmp_path / place)) as tree:
            listings.append([(file.name, file.size, file.is_picture, file.read()) for file in tree.files])
            assert tree.name == "x" and [name for name, _ in tree.skipped] == [".hidden/3.png"]
    assert listings[0] == listings[1] == [("a/2.txt", 3, False, b"two"), ("a/b/1.PNG", 3, True, b"one")]


def test_one_file_of_arrays_is_a_tree_though_it_is_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "mnist.npz", "w") as archive:
        archive.writestr("x.npy", b"")
    with opened(tmp_path / "mnist.npz") as tree:
        assert [file.parts for file in tree.files] == [("mnist.npz",)] and tree.name == "mnist"


def test_what_vanishes_while_it_is_read_is_a_sentence(tmp_path):
    with opened(laid_out({"1.png": b"one"}, tmp_path / "x")) as tree:
        (tmp_path / "x/1.png").unlink()
        with pytest.raises(WrongRequest, match="1.png can't be read"):
            tree.files[0].read()


def test_anything_else_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(WrongRequest, match="neither a folder nor a zip"), opened(tmp_path / "a.txt"):
        pass
