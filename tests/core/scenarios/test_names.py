"""Rows of names: what is written is read again."""

from dataclasses import replace

import pytest

from core import data
from core.errors import WrongRequest
from core.scenarios.names import class_name, class_names, quoted, row, split, words

ODD = ("red, round", "a: b; c", 'say "x"', " left", "5", "", "two\nlines", 'ends"', "plain name")


def test_only_names_with_marks_stand_in_quotes():
    assert [quoted(name) for name in ("cat", "T-shirt/top", "a, b", 'a"b', " a")] == [
        *("cat", "T-shirt/top", '"a, b"', '"a""b"', '" a"')
    ]


@pytest.mark.parametrize("marks", [",", ",:;"])
def test_a_row_is_read_as_it_was_written(rng, marks):
    alphabet = list(',:;" ab\n')
    for _ in range(300):
        names = ["".join(rng.choice(alphabet, rng.integers(0, 6))) for _ in range(rng.integers(2, 5))]
        assert list(split(row(names), marks)) == [*((name, ",") for name in names[:-1]), (names[-1], "")], names


def test_space_around_names_is_left_out_and_quotes_within_them_stay():
    found = [('5" disc', ","), ("a, b", ","), ("", ","), ("c d", "")]
    assert list(split(' 5" disc ,"a, b" , ,  c d ')) == found


@pytest.fixture
def odd() -> data.Entry:
    return replace(data.entry("digits"), title="Odd", classes=ODD)


def test_classes_are_found_by_name_number_or_row(odd):
    assert class_name(odd, "5") == "5" and class_name(odd, "1") == "a: b; c"
    assert class_names(odd, ["red, round"]) == ("red, round",)
    assert class_names(odd, ['plain name, "red, round", 2, plain name']) == ("plain name", "red, round", 'say "x"')
    for names in (ODD[:4], ODD[6:], ODD[:1]):
        assert class_names(odd, [row(names)]) == class_names(odd, names) == names
    with pytest.raises(WrongRequest, match="Odd has no class '9'. Choose from red, round, a: b; c, "):
        class_name(odd, "9")
    with pytest.raises(WrongRequest, match="no class '²'"):
        class_name(odd, "²")


def test_where_names_are_numbers_a_number_is_a_name(odd):
    entry = replace(odd, classes=("1", "2", "10"))
    assert class_names(entry, ["1", "10"]) == ("1", "10")
    with pytest.raises(WrongRequest, match="no class '0'. Choose from 1, 2, 10: here a number is a class's name"):
        class_name(entry, "0")


def test_names_of_sets_stand_once_each_without_space():
    assert words(" shapes, gaussian-noise,,shapes ") == ("shapes", "gaussian-noise")
    assert words(" ") == ()
