from core.data.layouts.tiny_imagenet import recognise
from core.data.layouts.tree import File, Tree

WORDS = b"n00000001\tcrane, bird\nn00000002\tcrane, machine\nn00000003\tgoldfish, Carassius auratus\n"


def tree(*names):
    return Tree("x", tuple(File(tuple(name.split("/")), 9, lambda: WORDS) for name in names))


def test_first_words_unless_two_classes_share_them():
    names = [f"train/n0000000{at}/images/1.JPEG" for at in (1, 2, 3)]
    understood = recognise(tree(*names, "words.txt"))
    assert [picture.label for picture in understood.pictures] == ["crane, bird", "crane, machine", "goldfish"]
    assert not understood.halved and "no annotated validation images" in understood.sentence


def test_ids_without_words():
    understood = recognise(tree("train/n00000001/images/1.JPEG"))
    assert understood.pictures[0].label == "n00000001" and "no words.txt" in understood.sentence


def test_other_folders_are_another_layout():
    assert recognise(tree("train/cat/1.png")) is None
