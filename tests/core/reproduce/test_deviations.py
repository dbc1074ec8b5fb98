import pytest

from core import methods
from core.reproduce.deviations import deviations, numbered

TEXT = """A method.

Differs from the paper's code:
1. One thing,
   on two lines.
2. Another.

3. Not of the list.
"""


def test_the_list_is_read_up_to_its_end():
    assert numbered(TEXT) == {1: "One thing, on two lines.", 2: "Another."}
    assert numbered("A method without a list.") == {}


@pytest.mark.parametrize("method", methods.METHODS)
def test_every_method_says_in_what_it_differs(method):
    found = deviations(method)
    assert list(found) == list(range(1, len(found) + 1)) and found
    assert all(text.endswith(".") for text in found.values())
