"""Knobs: what one declaration gives to forms, command line, validation and presets."""

from dataclasses import dataclass

import pytest

from core.errors import WrongRequest
from core.knobs import before, changed, knob, knobs_of, parse_assignments, preset, values

TINY, LARGE = (1, 8, 8), (3, 32, 32)


@dataclass(frozen=True)
class Settings:
    epochs: int = knob(lambda shape: 60 if shape == TINY else 10, 200, label="Epochs", help="Passes.", low=1, high=500)
    rate: float = knob(1e-3, label="Rate", help="Step size.", group="Network", low=0.0)
    best: bool = knob(True, label="Best", help="Keep the best.", after=True)
    kind: str = knob("a", "b", label="Kind", help="Which one.", choices=("a", "b"))
    free: int = knob(-3, label="Free", help="Any number.")
    untold: int = 5  # no knob: neither form nor command line shows it


def test_knobs_come_in_the_order_of_the_fields_with_what_each_was_told():
    described = {each.name: each for each in knobs_of(Settings)}
    assert list(described) == ["epochs", "rate", "best", "kind", "free"]
    assert [each.kind for each in described.values()] == [int, float, bool, str, int]
    assert [each.group for each in described.values()] == ["Training", "Network", "Training", "Training", "Training"]
    assert [name for name, each in described.items() if each.after] == ["best"]


def test_a_preset_may_depend_on_the_image_shape():
    assert values(preset(Settings, "quick", TINY)) == {
        "epochs": 60,
        "rate": 1e-3,
        "best": True,
        "kind": "a",
        "free": -3,
    }
    assert preset(Settings, "quick", LARGE).epochs == 10
    assert preset(Settings, "paper", TINY) == Settings(epochs=200, kind="b")
    with pytest.raises(WrongRequest, match="no preset 'slow'. Choose from quick, paper"):
        preset(Settings, "slow", TINY)


@pytest.mark.parametrize(
    ("name", "given", "parsed"),
    [
        ("epochs", "7", 7),
        ("epochs", "1e2", 100),
        ("epochs", 7.0, 7),
        ("epochs", 500, 500),
        ("rate", "1e-4", 1e-4),
        ("rate", 0, 0.0),
        ("best", "No", False),
        ("best", True, True),
        ("best", "1", True),
        ("kind", "b", "b"),
        ("free", "-9", -9),
    ],
)
def test_a_value_is_parsed_to_the_type_of_its_knob(name, given, parsed):
    settings = changed(Settings(), {name: given})
    assert getattr(settings, name) == parsed
    assert type(getattr(settings, name)) is type(parsed)
    assert changed(settings, values(settings)) == settings


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("epochs", "0", "epochs can't be 0. Choose a whole number from 1 to 500."),
        ("epochs", 501, "epochs can't be 501. Choose a whole number from 1 to 500."),
        ("epochs", "2.5", "epochs can't be '2.5'. Choose a whole number from 1 to 500."),
        ("epochs", "many", "epochs can't be 'many'. Choose a whole number from 1 to 500."),
        ("epochs", True, "epochs can't be True. Choose a whole number from 1 to 500."),
        ("epochs", "inf", "epochs can't be 'inf'. Choose a whole number from 1 to 500."),
        ("epochs", None, "epochs can't be None. Choose a whole number from 1 to 500."),
        ("rate", "-1", "rate can't be -1. Choose a number of at least 0."),
        ("rate", "nan", "rate can't be 'nan'. Choose a number of at least 0."),
        ("rate", "1e999", "rate can't be '1e999'. Choose a number of at least 0."),
        ("best", "maybe", "best can't be 'maybe'. Choose true or false."),
        ("kind", "c", "kind can't be c. Choose from a, b."),
        ("free", "x", "free can't be 'x'. Choose a whole number."),
        ("untold", 6, "There is no setting 'untold' here. Choose from epochs, rate, best, kind, free."),
    ],
)
def test_a_value_out_of_range_is_refused_in_one_sentence(name, given, sentence):
    with pytest.raises(WrongRequest) as refused:
        changed(Settings(), {name: given})
    assert str(refused.value) == sentence


def test_assignments_are_split_at_the_first_equals_sign():
    assert parse_assignments(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    with pytest.raises(WrongRequest, match="'depth' is not a setting. Write it as name=value."):
        parse_assignments(["depth"])


def test_a_later_knob_says_what_runs_did_that_lack_it():
    @dataclass(frozen=True)
    class Later(Settings):
        width: int = knob(16, 64, label="Width", help="Channels.", before=64)

    assert before(Settings) == {}
    assert before(Later) == {"width": 64}
    assert Later().width == 64
    assert preset(Later, "quick", TINY).width == 16
