import pytest

from core.data.layouts.gtsrb import recognise
from core.data.layouts.tree import File, Tree
from core.errors import WrongRequest


def tree(*names):
    return Tree("x", tuple(File(tuple(name.split("/")), 9, lambda: b"Filename;Width\n00001.ppm;3\n") for name in names))


def test_tracks_are_groups_and_test_images_need_their_table():
    names = ["T/00014/00003_00000.ppm", "T/00014/00003_00001.ppm", "Final_Test/00001.ppm", "GT-final_test.test.csv"]
    understood = recognise(tree(*names))
    assert [(p.label, p.half, p.group) for p in understood.pictures] == [("Stop", "", "00014/00003")] * 2
    assert understood.left_out == {"test images without a class": 1}
    assert "Test images need GT-final_test.csv" in understood.sentence


def test_kaggle_s_names_hold_sign_track_and_frame():
    names = ["Train/14/00014_00003_00000.png", "Train/14/00014_00003_00001.png", "Test/00000.png", "Meta/14.png"]
    understood = recognise(tree(*names))
    assert [(p.label, p.half, p.group) for p in understood.pictures] == [("Stop", "", "14/00003")] * 2
    assert understood.left_out == {"test images without a class": 1, "drawings of the signs": 1}
    assert "Test images need Test.csv with a column ClassId." in understood.sentence
    table = File(("Test.csv",), 99, lambda: b"Width,ClassId,Path\n9,1,Test/00000.png\n9,99,Test/00001.png\n")
    with_table = recognise(Tree("x", (*tree(*names, "Test/00001.png").files, table)))
    assert [(p.label, p.half) for p in with_table.pictures[2:]] == [("Speed limit 30", "test")]
    assert with_table.left_out["test images without a class"] == 1 and "Not used" not in with_table.sentence


def test_a_copy_in_small_letters_is_no_second_set():
    with pytest.raises(WrongRequest, match="twice, in Train, train"):
        recognise(tree("Train/0/00000_00000_00000.png", "train/0/00000_00000_00000.png"))
    with pytest.raises(WrongRequest, match="a folder 43; the signs of GTSRB go to 42"):
        recognise(tree("Train/43/00043_00000_00000.png"))


def test_two_places_or_an_unknown_sign_are_refused():
    with pytest.raises(WrongRequest, match="twice, in A, B"):
        recognise(tree("A/00000/00000_00000.ppm", "B/00000/00000_00000.ppm"))
    with pytest.raises(WrongRequest, match="go to 00042"):
        recognise(tree("A/00043/00000_00000.ppm"))


def test_other_folders_are_another_layout():
    assert recognise(tree("00000/a.ppm")) is None
