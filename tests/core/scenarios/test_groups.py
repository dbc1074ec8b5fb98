"""Groups of a person's own: one text, whatever the names; and what can't be."""

from dataclasses import replace

import pytest

from core import data
from core.errors import WrongRequest
from core.scenarios.groups import canonical, normal_group, parsed, super_categories, written


@pytest.fixture
def digits() -> data.Entry:
    return data.entry("digits")


@pytest.fixture
def odd(digits) -> data.Entry:
    return replace(digits, title="Odd", classes=("red, round", "a: b; c", 'say "x"', "plain"), groupings={})


def test_groups_are_read_as_they_were_written(rng):
    alphabet = list(',:;" ab')
    for _ in range(300):
        groups = [
            (
                "".join(rng.choice(alphabet, rng.integers(1, 6))),
                tuple("".join(rng.choice(alphabet, rng.integers(1, 5))) for _ in range(rng.integers(0, 4))),
            )
            for _ in range(rng.integers(1, 4))
        ]
        assert parsed(written(groups)) == groups, written(groups)


def test_a_person_may_write_them_with_any_space_and_a_last_semicolon():
    assert parsed(" curly:0,3 ,8;straight : 1, 4;") == [("curly", ("0", "3", "8")), ("straight", ("1", "4"))]
    assert parsed("") == parsed("  ; ") == []


def test_the_same_groups_have_one_text(digits, odd):
    text = "straight: 1, 4, 7; curly: 0, 3, 8"
    assert canonical(digits, text) == "curly: 0, 3, 8; straight: 1, 4, 7"
    for same in (canonical(digits, text), " curly:8,3,0,0 ;straight: 7,4,1;", '"straight":7, 1,4;curly: 0,8,3'):
        assert canonical(digits, same) == canonical(digits, text)
    assert canonical(digits, text.replace("7", "9")) != canonical(digits, text)
    assert canonical(odd, "b: 3, 0; a: 2, 1") == 'b: "red, round", plain; a: "a: b; c", "say ""x"""'


def test_the_dataset_s_own_groups_need_no_text(digits):
    assert canonical(digits, "") == canonical(digits, " ") == ""
    assert canonical(digits, "MIX: 9, 6, 5, 2; CUR: 0, 3, 8; STR: 1, 4, 7") == ""
    assert canonical(digits, "MIX: 9, 6, 5; CUR: 0, 3, 8; STR: 1, 4, 7") != ""
    assert list(super_categories(digits)) == ["CUR", "STR", "MIX"]
    assert super_categories(digits, "a: 1, 2; b: 3") == {"a": ("1", "2"), "b": ("3",)}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 0, 1; b: 2, 12", "scikit-learn digits has no class '12'. Choose from 0, 1, 2"),
        (
            "a: 0, 1; b: 1, 2",
            "The class 1 of scikit-learn digits is in the groups 'a' and 'b'. Leave it in one of them.",
        ),
        ("a: 0, 1; a: 3, 2", "Two groups are called 'a'. Give each a name of its own."),
        ("a: 0, 1; b:", "The group 'b' has no class yet. Choose its classes, or leave it out."),
        (": 0, 1; b: 2", "A group has no name. Give it one."),
        ("a: 0, 1, 2", "'a' is the only group, so nothing is left to be novel. Make a second one."),
        ("0, 1; 2, 3", "groups can't be '0, 1; 2, 3'. Write them as name: class, class; name: class, and names"),
        ("a: b: 0; c: 1", "groups can't be 'a: b: 0; c: 1'. Write them as"),
        ("a", "groups can't be 'a'. Write them as"),
        ("a: 0, 1; b", "groups can't be 'a: 0, 1; b'. Write them as"),
    ],
)
def test_groups_that_can_t_be_are_refused_in_one_sentence(digits, text, sentence):
    with pytest.raises(WrongRequest) as refused:
        canonical(digits, text)
    assert str(refused.value).startswith(sentence)


def test_the_normal_group_hides_at_least_two_classes(digits, odd):
    assert normal_group(digits, "", ["CUR"]) == normal_group(digits, "", [" CUR "]) == "CUR"
    assert normal_group(digits, '"a, b": 1, 2; c: 3', ["a, b"]) == "a, b"
    with pytest.raises(WrongRequest, match="The group 'c' has only one class, 3. Add another, or choose .*unimodal"):
        normal_group(digits, "a: 1, 2; c: 3", ["c"])
    with pytest.raises(WrongRequest, match="no super-category 'CUR'. Choose one of a, c."):
        normal_group(digits, "a: 1, 2; c: 3", ["CUR"])
    with pytest.raises(
        WrongRequest, match="Odd has no super-categories. Make groups of your own as groups=name: class"
    ):
        normal_group(odd, "", ["CUR"])
