"""Texts that come from strangers' file names, made harmless where they are shown."""

from typing import Any


def harmless(text: str) -> str:
    """A text that can't steer a terminal: control characters but the line break and the tab become a mark."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)


def cell(value: Any) -> Any:
    """A value for a table that a spreadsheet opens: a text that it would run as a formula begins with an apostrophe.

    Numbers stay as they are, in texts too.
    """
    if not isinstance(value, str) or not value.lstrip().startswith(("=", "+", "-", "@")):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
