"""In what a method differs from its paper: the numbered list at the top of its file, read without loading torch."""

import ast
import re
from functools import cache
from pathlib import Path

import core
from core import methods

HEADING = re.compile(r"^Differs from .*:$", re.MULTILINE)
ITEM = re.compile(r"^(\d+)\. ", re.MULTILINE)


@cache
def deviations(method: str) -> dict[int, str]:
    """Number -> what differs, as one line each; empty where the file has no such list.  Raises WrongRequest."""
    module = methods.method(method).detector.partition(":")[0]
    path = Path(core.__file__).parent.joinpath(*module.split(".")[1:]).with_suffix(".py")
    return numbered(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")


def numbered(text: str) -> dict[int, str]:
    """The numbered list below `Differs from the paper:`, up to the next empty line."""
    heading = HEADING.search(text)
    if not heading:
        return {}
    listed = text[heading.end() :].strip("\n").split("\n\n")[0]
    parts = ITEM.split(listed)[1:]
    return {int(number): " ".join(words.split()) for number, words in zip(parts[::2], parts[1::2], strict=True)}
