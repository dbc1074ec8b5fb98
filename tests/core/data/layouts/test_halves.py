from core.data.layouts.halves import recognise
from core.data.layouts.tree import File, Tree


def tree(*names):
    return Tree("x", tuple(File(tuple(name.split("/")), 1, lambda: b"") for name in names))


def found(*names):
    understood = recognise(tree(*names))
    return understood and {picture.file.name: (picture.label, picture.half) for picture in understood.pictures}


def test_no_folder_names_a_half():
    assert found("cat/1.png", "dog/1.png") is None


def test_a_class_may_be_called_like_a_half():
    assert found("bus/1.png", "train/1.png", "car/1.png") is None


def test_halves_below_classes():
    assert found("cat/train/1.png", "cat/test/2.png", "dog/train/3.png") == {
        "cat/train/1.png": ("cat", "train"), "cat/test/2.png": ("cat", "test"), "dog/train/3.png": ("dog", "train")
    }  # fmt: skip


def test_validation_is_what_is_missing():
    assert found("val/a/1.png", "test/a/2.png") == {"val/a/1.png": ("a", "train"), "test/a/2.png": ("a", "test")}
    assert found("x/train/a/1.png", "x/val/a/2.png") == {
        "x/train/a/1.png": ("a", "train"), "x/val/a/2.png": ("a", "test")
    }  # fmt: skip


def test_one_half_alone_is_no_half():
    assert found("train/a/1.png", "train/b/2.png") == {"train/a/1.png": ("a", ""), "train/b/2.png": ("b", "")}


def test_unlabelled_test_pictures_are_counted_and_lower_folders_said():
    understood = recognise(tree("train/a/x/1.png", "train/a/y/2.png", "train/b/3.png", "test/4.png", "test/5.png"))
    assert understood.left_out == {"pictures without a class": 2}
    assert "Folders below a class (x, y) don't divide it." in understood.sentence
