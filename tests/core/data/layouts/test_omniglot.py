from core.data.layouts.omniglot import recognise
from core.data.layouts.tree import File, Tree


def tree(*names):
    return Tree("x", tuple(File(tuple(name.split("/")), 1, lambda: b"") for name in names))


def test_a_class_for_each_character_and_a_group_for_each_hand():
    understood = recognise(tree("Greek/character01/0001_03.png", "Greek/character02/0002_03.png"))
    assert [(p.label, p.half, p.group) for p in understood.pictures] == [
        ("Greek/character01", "", "Greek/03"), ("Greek/character02", "", "Greek/03")
    ]  # fmt: skip


def test_other_folders_are_another_layout():
    assert recognise(tree("Greek/character01/1.png", "Greek/alpha/2.png")) is None
