"""What a layout was understood as: which picture is of which class and half, what is left out, and a sentence."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from core.data.dataset import Dataset
from core.data.layouts.tree import File, Tree
from core.errors import WrongRequest

TRAIN, TEST = "train", "test"
LONGEST = 80  # characters of a class name; a longer one is shortened to that, with a mark that keeps it apart
NAMED = 5  # things listed in a sentence
NOTES = {".csv", ".txt", ".json", ".xml", ".tsv", ".yaml", ".yml"}  # files that may divide or label a set


class SeveralSets(WrongRequest):
    """The source holds several image sets, of which one must be chosen. parts: their names."""

    def __init__(self, name: str, kind: str, parts: Sequence[str]):
        super().__init__(
            f"{name} holds {len(parts)} sets ({kind}): {listed(parts)}. Choose one of them, or give its folder alone."
        )
        self.parts = tuple(parts)


@dataclass(frozen=True)
class Picture:
    """One file that is an image of a class. half: train, test, or empty where the layout has no halves.

    group: pictures that share a name here belong on one side of every split; empty for one that stands for itself.
    """

    file: File
    label: str
    half: str = ""
    group: str = ""


@dataclass(frozen=True, eq=False)
class Understood:
    """A layout that was recognised: its pictures, or its images themselves where files hold them as arrays.

    sentence: what it was taken for and what became of its parts.  left_out: what -> how many files.
    """

    sentence: str
    pictures: tuple[Picture, ...] = ()
    arrays: Dataset | None = None
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def halved(self) -> bool:
        """Whether it says itself what is for training and what for testing."""
        if self.arrays:
            return 0 < self.arrays.train_count < len(self.arrays.labels)
        return {TRAIN, TEST} <= {picture.half for picture in self.pictures}


def listed(names: Iterable[str]) -> str:
    """`a, b, c and 4 more`."""
    names = list(names)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """Sorts names with numbers in them as a person does: 2 before 10."""
    pieces = re.split(r"(\d{1,18})", name.casefold())
    return *((0, int(piece)) if piece.isdecimal() else (1, piece) for piece in pieces if piece), (1, name)


def clean_names(names: Iterable[str]) -> dict[str, str]:
    """Class names as they can be shown, by the name of the folder: no control characters, not too long, all different.

    A name that had to be shortened, or would become equal to another, ends in a mark of its own.
    """
    wanted = {
        name: "".join(sign if sign.isprintable() else "_" for sign in name).strip() or "unnamed" for name in names
    }
    taken = [clean[:LONGEST] for clean in wanted.values()]
    return {
        name: clean
        if len(clean) <= LONGEST and taken.count(clean) == 1
        else f"{clean[: LONGEST - 7]}~{blake2b(name.encode('utf-8', 'replace'), digest_size=3).hexdigest()}"
        for name, clean in wanted.items()
    }


def unused_notes(tree: Tree, used: Iterable[File] = ()) -> str:
    """A sentence that names the files of text or tables that the layout makes no use of; empty without any."""
    names = [file.name for file in tree.files if file.suffix in NOTES and file not in set(used)]
    return f" Not used: {listed(names)}." if names else ""
