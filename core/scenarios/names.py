"""Names of classes as a person writes them: in a row, by name or number, in double quotes where they hold marks."""

import re
from collections.abc import Iterable, Iterator, Sequence

from core.data import Entry
from core.errors import WrongRequest

MARKS = ",:;"  # that divide names here or in groups


def quoted(name: str) -> str:
    """The name as it can stand between marks: `"red, round"`, a quote inside doubled; one without marks as it is."""
    plain = name == name.strip() and name and not set(name) & {*MARKS, '"'}
    return name if plain else '"' + name.replace('"', '""') + '"'


def row(names: Sequence[str]) -> str:
    """Names in one text, which `split` and so `--target` read again; one alone stands as it is."""
    return names[0] if len(names) == 1 else ",".join(map(quoted, names))


def split(text: str, marks: str = ",") -> Iterator[tuple[str, str]]:
    """Each name of a text, without quotes and the space around it, and the mark that ends it; the last ends with ""."""
    ends = rf"([{marks}]|\Z)"
    token = re.compile(rf'\s*"((?:[^"]|"")*)"\s*{ends}|\s*([^{marks}]*?)\s*{ends}')
    place, mark = 0, marks
    while mark:
        found = token.match(text, place)
        assert found, "the second form takes whatever stands before a mark or the end"
        if found[1] is None:
            name, mark = found[3], found[4]
        else:
            name, mark = found[1].replace('""', '"'), found[2]
        place = found.end()
        yield name, mark


def class_name(entry: Entry, word: str) -> str:
    """The class of this name, or else of this number, counted from 0.

    Raises WrongRequest with the classes there are, also for a number that is no name where all names are numbers: a
    person would mean the name.
    """
    if word in entry.classes:
        return word
    listing = ", ".join(entry.classes[:12]) + (", ..." if len(entry.classes) > 12 else "")
    if entry.classes and all(name.isdecimal() for name in entry.classes):
        raise WrongRequest(
            f"{entry.title} has no class {word!r}. Choose from {listing}: here a number is a class's name."
        )
    if word.isdecimal() and int(word) < len(entry.classes):
        return entry.classes[int(word)]
    raise WrongRequest(
        f"{entry.title} has no class {word!r}. Choose from {listing}, or a number from 0 to {len(entry.classes) - 1}."
    )


def class_names(entry: Entry, words: Iterable[str]) -> tuple[str, ...]:
    """The classes that are meant, each once, in the order asked for; a word that is no class may be a row of them.

    Raises WrongRequest for an unknown one.
    """
    parts = (part for word in words for part in ([word] if word in entry.classes else _parts(word)))
    return tuple(dict.fromkeys(class_name(entry, part) for part in parts))


def _parts(word: str) -> list[str]:
    return [name for name, _ in split(word) if name]


def words(text: str) -> tuple[str, ...]:
    """The names of sets in a text with commas, each once."""
    return tuple(dict.fromkeys(word for each in text.split(",") if (word := each.strip())))
