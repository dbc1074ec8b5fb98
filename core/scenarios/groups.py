"""Classes in groups, one of which is normal: the dataset's own, or a person's, in one line of text.

The text is `curly: 0, 3, 8; straight: 1, 4, 7`. Classes go by name or number; a name that holds one of the marks stands
in double quotes. Classes that are in no group take no part.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from core.data import Entry
from core.errors import WrongRequest
from core.scenarios.names import MARKS, class_names, quoted, split

Groups = dict[str, tuple[str, ...]]
EXAMPLE = "name: class, class; name: class"


def written(groups: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Groups as text.  groups: each with its name and its classes."""
    return "; ".join(f"{quoted(name)}: {', '.join(map(quoted, classes))}".rstrip() for name, classes in groups)


def parsed(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """The groups of a text, each with its name and its classes as they are written.

    Raises WrongRequest where a group has no colon or more than one.
    """
    groups, words = list[tuple[str, tuple[str, ...]]](), list[str]()
    colons = 0
    for word, mark in split(text, MARKS):
        words.append(word)
        colons += mark == ":"
        if (mark == ":" and len(words) > 1) or (mark == "," and not colons):
            raise _malformed(text)
        if mark in (";", ""):
            if words != [""]:  # nothing after the last semicolon
                if not colons:
                    raise _malformed(text)
                groups.append((words[0], tuple(word for word in words[1:] if word)))
            words, colons = [], 0
    return groups


def _malformed(text: str) -> WrongRequest:
    return WrongRequest(
        f"groups can't be {text!r}. Write them as {EXAMPLE}, and names that hold one of these marks in double quotes."
    )


def canonical(entry: Entry, text: str) -> str:
    """The same text for the same groups: classes by name and in the dataset's order, groups by their first class.

    Empty where they are the dataset's own.  Raises WrongRequest where they are no groups of this dataset: an unknown
    class, one in two groups, a group without a name or a class, or no second one to be novel.
    """
    asked = [(name, class_names(entry, words)) for name, words in parsed(text)]
    if not asked:
        return ""
    _check(entry, asked)
    place = {name: number for number, name in enumerate(entry.classes)}
    groups = [(name, sorted(classes, key=place.__getitem__)) for name, classes in asked]
    groups.sort(key=lambda group: place[group[1][0]])
    own = {name: set(classes) for name, classes in super_categories(entry).items()}
    return "" if {name: set(classes) for name, classes in groups} == own else written(groups)


def _check(entry: Entry, groups: list[tuple[str, tuple[str, ...]]]) -> None:
    names = Counter(name for name, _ in groups)
    if "" in names:
        raise WrongRequest("A group has no name. Give it one.")
    if twice := [name for name, count in names.items() if count > 1]:
        raise WrongRequest(f"Two groups are called {twice[0]!r}. Give each a name of its own.")
    if empty := [name for name, classes in groups if not classes]:
        raise WrongRequest(f"The group {empty[0]!r} has no class yet. Choose its classes, or leave it out.")
    holders = {each: [name for name, classes in groups if each in classes] for _, some in groups for each in some}
    if shared := [(each, found) for each, found in holders.items() if len(found) > 1]:
        each, found = shared[0]
        places = " and ".join(map(repr, found))
        raise WrongRequest(f"The class {each} of {entry.title} is in the groups {places}. Leave it in one of them.")
    if len(groups) < 2:
        raise WrongRequest(f"{groups[0][0]!r} is the only group, so nothing is left to be novel. Make a second one.")


def super_categories(entry: Entry, text: str = "") -> Groups:
    """Super-category -> class names: the groups of a checked text, or else the first grouping of the dataset."""
    return dict(parsed(text)) or next(iter(entry.groupings.values()), {})


def normal_group(entry: Entry, text: str, words: Sequence[str]) -> str:
    """The group that is meant.  text: of `canonical`.

    Raises WrongRequest for one that isn't there, and for one of a single class, which hides none.
    """
    groups, name = super_categories(entry, text), ", ".join(words)
    name = name if name in groups else name.strip()
    if not groups:
        raise WrongRequest(
            f"{entry.title} has no super-categories. Make groups of your own as groups={EXAMPLE}, or choose another "
            "dataset or the scenario several-normal."
        )
    if name not in groups:
        listing = ", ".join(groups)
        raise WrongRequest(f"{entry.title} has no super-category {name!r}. Choose one of {listing}.")
    if len(groups[name]) < 2:
        raise WrongRequest(
            f"The group {name!r} has only one class, {groups[name][0]}. Add another, or choose the scenario unimodal."
        )
    return name
