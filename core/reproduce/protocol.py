"""What is agreed before the first run, sealed by its own digest.

    <store>/.reproductions/<key>/<number>.json      {"protocol": {...}, "digest": "..."}

A protocol says which images, splits, seeds and settings, what is shortened, by which rule a verdict falls and with
which margin, and what is claimed.  The digest is that of its text, so an edit by hand shows; it stands in every table,
and in the name of the sweep that trains the runs, which each of them keeps.  Cells may be added later, in a further
file that names the one before; anything else that changes has to be asked for, and the table says so.
"""

import functools
import hashlib
import importlib.metadata
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.errors import DamagedRun, WrongRequest
from core.reproduce.cells import Cell, in_what
from core.reproduce.tables import Table
from core.reproduce.verdict import LEVEL, POWER
from core.runs import files, store
from core.sweeps.grid import NAME as SWEEP_NAME

FORMAT = 1
SHORT = 8  # digits of a digest where it stands in a name
LIBRARIES = ("torch", "numpy", "scikit-learn")
RULE = (
    "reproduced: the interval of the difference to the published figure holds 0 and is no wider than the margin to "
    "either side. not reproduced: it doesn't hold 0. not decidable: it is too wide, runs or images are missing, the "
    "images or the metric are others, or a shortened training differs."
)


@dataclass(frozen=True)
class Protocol:
    """A sealed protocol.  content: what was agreed.  digest: as it was sealed."""

    content: Mapping[str, Any]
    digest: str
    path: Path

    @property
    def key(self) -> str:
        return self.path.parent.name

    @property
    def short(self) -> str:
        return self.digest[:SHORT]

    @property
    def whole(self) -> bool:
        """Whether it reads as it was sealed."""
        return digest_of(self.content) == self.digest

    @property
    def broken(self) -> str:
        """Why it can't be relied on, or an empty text."""
        if self.whole:
            return ""
        return (
            f"{self.path.name} of {self.key} was edited after it was sealed: its text has the digest "
            f"{digest_of(self.content)[:SHORT]}, its seal says {self.short}. Put the sealed file back, or start anew "
            "with --anew; finished runs are kept."
        )

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(Cell.from_json(each) for each in self.content["cells"])

    @property
    def runs(self) -> int:
        """How many runs its cells need, each counted once."""
        return len({spec.hash for cell in self.cells for row in cell.specs for spec in row})

    @property
    def sweep(self) -> str:
        """The name of the sweep that trains its runs; each of them keeps it, and with it the digest."""
        return f"{self.key[: 59 - SHORT]}-{self.short}"

    @property
    def sealed(self) -> float:
        return float(self.content["sealed"])

    def to_json(self) -> dict[str, Any]:
        return {"protocol": dict(self.content), "digest": self.digest}


def digest_of(content: Mapping[str, Any]) -> str:
    """Sixty-four hex digits, the same for the same content whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def drawn_up(
    table: Table, found: Sequence[Cell], scale: str, seeds: int, dataset: str = "", epochs: int | None = None
) -> dict[str, Any]:
    """The content of a protocol, not sealed yet.  found: the cells that it is about.  The others as in `cells`."""
    specs = [spec for cell in found for row in cell.specs for spec in row]
    split = (
        "every seed has a split of its own"
        if table.drawn
        else "one split, of seed 0; the official one where the scenario has it"
    )
    shortened = {cell.line: list(cell.shortened) for cell in found if cell.shortened}
    return {
        "format": FORMAT,
        "table": table.name,
        "title": table.title,
        "paper": table.paper,
        "notes": list(table.notes),
        "scale": scale,
        "dataset": dataset,
        "data": {spec.dataset: spec.images for spec in specs},
        "split": split,
        "seeds": list(range(seeds)),
        "epochs": epochs,
        "shortened": shortened,
        "deviations": {cell.line: {str(n): text for n, text in in_what(cell).items()} for cell in found},
        "rule": RULE,
        "margin": table.margin,
        "level": LEVEL,
        "power": POWER,
        "versions": versions(),
        "cells": [cell.to_json() for cell in found],
    }


def versions() -> dict[str, str]:
    """Of the libraries that decide a result, as installed here."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


# --- the files ------------------------------------------------------------------------------------------------------


def root() -> Path:
    return store.root() / ".reproductions"


def key_of(table: str, scale: str, dataset: str = "") -> str:
    """The folder of a table's protocols."""
    return "-".join(filter(None, [table, scale, re.sub(r"[^a-z0-9]+", "-", dataset.lower()).strip("-")]))


def started() -> list[Protocol]:
    """The newest protocol of every table that was started here, the newest first; those that can't be read left out."""
    folder = root()
    keys = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    found = [each for each in map(_readable, keys) if each]
    return sorted(found, key=lambda each: -each.sealed)


def _readable(key: str) -> Protocol | None:
    try:
        found = newest(key)
        return found if found and found.cells is not None and found.sealed else None
    except (DamagedRun, KeyError, TypeError, ValueError):
        return None


def newest(key: str) -> Protocol | None:
    """The protocol that holds for a table, or None where none was sealed.  Raises DamagedRun."""
    paths = sorted((root() / key).glob("[0-9]*.json"))
    return read(paths[-1]) if paths else None


def read(path: Path) -> Protocol:
    """A protocol as it lies on disk, whole or not.  Raises DamagedRun where it can't be read."""
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError):
        raise DamagedRun(
            f"{path.name} of {path.parent.name} is no protocol any more. Put the sealed file back, or start anew with "
            "--anew; finished runs are kept."
        ) from None


@functools.lru_cache(maxsize=32)
def _read(path: Path, changed: int) -> Protocol:
    content = json.loads(path.read_text(encoding="utf-8"))
    return Protocol(content["protocol"], str(content["digest"]), path)


def history(protocol: Protocol) -> list[Protocol]:
    """The protocols that it follows, the oldest first, itself last; those that can't be read left out."""
    found = []
    for path in sorted(protocol.path.parent.glob("[0-9]*.json")):
        if path.name <= protocol.path.name:
            try:
                found.append(read(path))
            except DamagedRun:
                continue
    return found


def settled(content: Mapping[str, Any], anew: bool = False) -> Protocol:
    """The protocol to go by: the sealed one where it says the same, else a new one.

    Cells that the sealed one lacks, or had no images for, are added in a further file.  anew: whether anything else may
    change too, or a broken file be left behind.  Raises WrongRequest where it may not, with what has changed.
    """
    key = key_of(content["table"], content["scale"], content["dataset"])
    try:
        before = newest(key)
    except DamagedRun:
        if not anew:
            raise
        before = None
    if before is None or anew:
        return _seal(key, content, before, changes(before, content) if before and before.whole else [])
    if before.broken:
        raise WrongRequest(before.broken)
    told = changes(before, content)
    if told:
        raise WrongRequest(
            f"The protocol {before.short} was sealed before the first run and says otherwise: {'; '.join(told)}. "
            "Ask for the same, or seal another with --anew; the table will say that there were two."
        )
    known = {cell.key for cell in before.cells if cell.specs}
    added = [
        cell for cell in content["cells"] if cell["key"] not in known and (cell["specs"] or not _has(before, cell))
    ]
    if not added:
        return before
    fresh = {cell["key"] for cell in added}
    kept = [cell for cell in before.content["cells"] if cell["key"] not in fresh]
    merged = {**before.content, "cells": [*kept, *added]}
    for part in ("data", "shortened", "deviations"):
        merged[part] = {**before.content[part], **content[part]}
    return _seal(key, merged, before, [f"{len(added)} cells were added"])


def _has(before: Protocol, cell: Mapping[str, Any]) -> bool:
    return any(each.key == cell["key"] for each in before.cells)


def _seal(key: str, content: Mapping[str, Any], before: Protocol | None, told: list[str]) -> Protocol:
    folder = root() / key
    content = {
        **content,
        "sealed": time.time(),
        "follows": before.digest if before else "",
        "changed": told,
    }
    plain = json.loads(json.dumps(content))  # as it will be read: no tuples, keys as text
    sealed = digest_of(plain)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{len(list(folder.glob('[0-9]*.json'))) + 1:03}.json"
        files.write_json(path, {"protocol": plain, "digest": sealed})
    except OSError as error:
        raise WrongRequest(
            f"The folder for protocols, {folder}, can't be written ({error.strerror}). Set NOVELTY_CHECKPOINTS to "
            "another."
        ) from None
    assert SWEEP_NAME.fullmatch(Protocol(plain, sealed, path).sweep)
    return Protocol(plain, sealed, path)


# --- what has changed -------------------------------------------------------------------------------------------------

SAID = {
    "margin": "a margin of",
    "level": "an interval of level",
    "power": "a power of",
    "seeds": "the seeds",
    "epochs": "epochs",
    "rule": "the rule",
}


def changes(before: Protocol, content: Mapping[str, Any]) -> list[str]:
    """What differs between a sealed protocol and what is asked now, in words; cells that only one has aren't told."""
    told = [
        f"{words} {_shown(before.content.get(name))}, now {_shown(content[name])}"
        for name, words in SAID.items()
        if before.content.get(name) != json.loads(json.dumps(content[name]))
    ]
    for name, digest in content["data"].items():
        sealed = before.content["data"].get(name, digest)
        if sealed != digest:
            told.append(f"the images of {name} had the digest {sealed[:SHORT]}, now {digest[:SHORT]}")
    now = {cell["key"]: Cell.from_json(cell) for cell in content["cells"]}
    for cell in before.cells:
        if cell.key in now and cell.specs and (differs := _differs(cell, now[cell.key])):
            told.append(f"{cell.key} {differs}")
    return told if len(told) <= 6 else [*told[:5], f"and {len(told) - 5} more"]


def _differs(cell: Cell, other: Cell) -> str:
    """In what two cells of one key differ, of what decides a verdict; an empty text where in nothing."""
    if cell.claim != other.claim:
        return f"claimed {cell.claim and cell.claim.value}, now {other.claim and other.claim.value}"
    if cell.other_images != other.other_images or cell.not_comparable != other.not_comparable:
        return "is compared otherwise"
    if not other.specs:
        return "has no images any more"
    if [[spec.hash for spec in row] for row in cell.specs] == [[spec.hash for spec in row] for row in other.specs]:
        return ""
    one, two = cell.specs[0][0], other.specs[0][0]
    names = [name for name, value in one.knobs.items() if two.knobs.get(name) != value]
    what = ", ".join(f"{name} {one.knobs[name]}, now {two.knobs.get(name)}" for name in names[:3])
    return f"had {what}" if what else "had other runs"


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "as published" if value is None else str(value)
