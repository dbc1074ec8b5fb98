import pytest

from core.data.layouts.tree import File, Tree
from core.data.layouts.understood import (
    Picture,
    SeveralSets,
    Understood,
    clean_names,
    listed,
    natural,
    unused_notes,
)  # fmt: skip


def file(name):
    return File(tuple(name.split("/")), 1, lambda: b"")


def test_names_sort_as_a_person_sorts_them():
    names = ["10", "b", "2", "a10", "a9", "A9b", "1"]
    assert sorted(names, key=natural) == ["1", "2", "10", "a9", "A9b", "a10", "b"]


def test_clean_names_stay_apart():
    names = ["x" * 90, "x" * 91, "a\nb", "a_b", "", "  ", "short, name", "x" * 80]
    clean = clean_names(names)
    assert len(set(clean.values())) == len(names) and clean["short, name"] == "short, name"
    assert all(name and name.isprintable() and len(name) <= 80 for name in clean.values())
    assert clean_names(["x" * 1_000_000])["x" * 1_000_000].startswith("xxx")


@pytest.mark.parametrize(("count", "text"), [(2, "0, 1"), (5, "0, 1, 2, 3, 4"), (7, "0, 1, 2, 3, 4 and 2 more")])
def test_listed(count, text):
    assert listed(map(str, range(count))) == text


def test_unused_notes():
    tree = Tree("x", (file("a.csv"), file("b/c.txt"), file("d.png")))
    assert unused_notes(tree) == " Not used: a.csv, b/c.txt."
    assert unused_notes(tree, tree.files[:2]) == ""


def test_halved_needs_both():
    train, test = Picture(file("1.png"), "a", "train"), Picture(file("2.png"), "a", "test")
    assert Understood("", (train, test)).halved and not Understood("", (train,)).halved


def test_several_sets_names_its_parts():
    assert SeveralSets("x", "objects", ["a", "b"]).parts == ("a", "b")
