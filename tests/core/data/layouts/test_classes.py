from core.data.layouts.classes import recognise
from core.data.layouts.tree import File, Tree


def tree(*names):
    return Tree("own", tuple(File(tuple(name.split("/")), 1, lambda: b"") for name in names))


def test_lower_folders_are_said():
    understood = recognise(tree("top/dog/old/1.png", "top/dog/new/2.png", "top/cat/3.png"))
    assert [picture.label for picture in understood.pictures] == ["dog", "dog", "cat"]
    assert "Folders below a class (new, old) don't divide it." in understood.sentence


def test_masks_are_no_class_unless_there_is_nothing_else():
    understood = recognise(tree("good/1.png", "bad/1.png", "ground_truth/bad/1.png"))
    assert {picture.label for picture in understood.pictures} == {"good", "bad"} and understood.left_out == {"masks": 1}
    assert [picture.label for picture in recognise(tree("masks/1.png")).pictures] == ["masks"]


def test_pictures_of_the_source_itself_are_called_like_it():
    assert [picture.label for picture in recognise(tree("1.png", "2.png")).pictures] == ["own", "own"]


def test_pictures_outside_the_classes_are_counted():
    understood = recognise(tree("1.png", "2.png", "cat/1.png", "dog/1.png", "readme.md"))
    assert understood.left_out == {"pictures outside the folders of classes": 2}
    assert [picture.label for picture in understood.pictures] == ["cat", "dog"]
