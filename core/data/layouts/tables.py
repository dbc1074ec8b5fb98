"""Tables in text files beside the pictures: which file is of which class or half."""

import csv
import io
from collections.abc import Iterator

from core.data.layouts.tree import File
from core.errors import WrongRequest

MOST_BYTES = 50_000_000


def text(file: File) -> str:
    """The whole text. Raises WrongRequest where it is too large or can't be read."""
    if file.size > MOST_BYTES:
        raise WrongRequest(f"{file.name} has {file.size / 1e6:,.0f} MB, a table may have {MOST_BYTES / 1e6:,.0f}.")
    return file.read().decode("utf-8-sig", "replace").replace("\0", "")


def rows(file: File, separator: str) -> Iterator[dict[str, str]]:
    """The rows of a table with a head, by column. Raises WrongRequest where it can't be read as one."""
    try:
        for row in csv.DictReader(io.StringIO(text(file)), delimiter=separator):
            yield {
                name: value or ""
                for name, value in row.items()
                if isinstance(name, str) and not isinstance(value, list)
            }
    except csv.Error as error:
        raise WrongRequest(f"{file.name} isn't a table that can be read ({error}).") from error


def columns(file: File) -> list[list[str]]:
    """The cells of a table without a head, separated by tabs."""
    return [line.split("\t") for line in text(file).splitlines() if line.strip()]
