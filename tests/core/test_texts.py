import pytest

from core.texts import cell, harmless


def test_control_characters_become_marks_and_letters_stay():
    assert harmless("a\x1b[31mb\r\x07\x9b\u202e\n\tä – é") == "a\ufffd[31mb\ufffd\ufffd\ufffd\ufffd\n\tä – é"


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-a", "@x", "  =1", "\t=1"])
def test_formulas_become_texts(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["a=1", "", "-0.5", "+3", -0.5, None, "0-1"])
def test_everything_else_stays(value):
    assert cell(value) == value
