"""Which image sets there are, where they lie, and how to get one into memory.

A set is looked for in every data root: its idx files, then `NAME.npz`, then what torchvision left, then its stand-ins.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import prod
from pathlib import Path
from threading import Lock

import numpy as np

from core.data import cache, fetching, idx, npz
from core.data.dataset import Dataset, Summary
from core.data.fetching import Progress
from core.data.known import KNOWN, Groups, Known
from core.errors import MissingData, WrongRequest

BUILT_IN = Path(__file__).parent
DEFAULT_ROOT = Path("~/.cache/novelty-explorer")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")  # safe as a file name, in a link and in a run's id

CHEAP = 4_000_000  # bytes of images that a page may read on its way, once: a tenth of a second

_reading = Lock()
_digests: dict[tuple[str, "Source", int], str] = {}  # by name, place and stamp of the files


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue. Classes, shape and counts are those of the file found, else the official ones.

    shape: (channels, height, width), None where only the file tells it.  origin: the file or folder, "built in", or "".
    stand_in: the name of the set that is loaded in its place.  download_megabytes: None where it can't be fetched.
    groupings: grouping -> group -> class names.  compression: what its pixels went through at the size that they have,
    such as "JPEG at quality 75" or "no compression"; "" where nobody knows, as of a person's own images.
    part: how many of its official images the file holds, "" where it holds all or nobody counted them.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int] | None
    train_count: int
    test_count: int
    present: bool
    origin: str
    stand_in: str | None = None
    download_megabytes: float | None = None
    note: str = ""
    trouble: str = ""
    normal: str = ""
    groupings: dict[str, Groups] = field(default_factory=dict)
    compression: str = ""
    part: str = ""

    @property
    def other_images(self) -> str:
        """Why figures that were published of this set are not of these images; "" where they are."""
        if self.stand_in:
            return f"{self.stand_in} stands in for {self.title}"
        return f"{self.part} of {self.title}" if self.part else ""


@dataclass(frozen=True)
class Source:
    """Where a set lies. form: "idx" or "torchvision" (path is the data root), or "npz" (path is the file)."""

    form: str
    path: Path
    stand_in: str | None = None

    def changed(self, known: Known) -> int:
        """When what lies there last changed, in ns, so that a cache can tell."""
        files = known.idx.paths(self.path) if self.form == "idx" and known.idx else None
        if self.form == "torchvision" and known.folder:
            files = [self.path / known.folder]
        return max(path.stat().st_mtime_ns for path in files or [self.path])


def set_roots(paths: Sequence[Path]) -> None:
    """Says where image sets lie, to this process and to those it starts; no paths leave it as it is."""
    if paths:
        os.environ["NOVELTY_DATA"] = os.pathsep.join(str(Path(path).expanduser().absolute()) for path in paths)


def roots() -> list[Path]:
    """The data roots: those of NOVELTY_DATA, separated as in PATH, else the default. Fetches go to the first."""
    named = [Path(part) for part in os.environ.get("NOVELTY_DATA", "").split(os.pathsep) if part]
    return [path.expanduser().absolute() for path in named or [DEFAULT_ROOT]]


def catalogue() -> list[Entry]:
    """Every set that is known or lies in a data root, known ones first. Reads names and headers, never an image."""
    files = {path.stem for root in roots() for path in _npz_files(root)}
    known = [name for name in KNOWN if KNOWN[name].shape or name in files]
    return [_entry(name) for name in [*known, *sorted(files - KNOWN.keys(), key=str.lower)]]


def entry(name: str) -> Entry:
    """The catalogue's line on one set. Raises WrongRequest, listing what there is, for a name without one."""
    if name in KNOWN or any(path.stem == name for root in roots() for path in _npz_files(root)):
        return _entry(name)
    present = ", ".join(one.name for one in catalogue() if one.present)
    raise WrongRequest(f"There is no dataset called {name!r}. On this machine there are {present}.")


def load(name: str) -> Dataset:
    """A set in memory, shared with whoever else loads it. The last three sets loaded are kept.

    Raises WrongRequest for an unknown name, MissingData where it isn't on this machine (the sentence says how to get
    it) or where its file is damaged (the sentence names the file).
    """
    about = entry(name)
    source = _source(name)
    if source is None:
        raise MissingData(how_to_get(about))
    with _reading:  # two pages asking at once read it once
        dataset = _read(source.stand_in or name, replace(source, stand_in=None), source.changed(_known(name)))
    return replace(dataset, name=name, title=about.title, note=about.note)


def digest(name: str) -> str:
    """What the images of a set are, whatever its name: 16 hex digits from pixels, labels, halves and groups, in order.

    Raises as `load`.
    """
    source = _source(name)
    if source is None:
        raise MissingData(how_to_get(entry(name)))
    return _digest(name, source, source.changed(_known(name)))


def known_digest(name: str, most_bytes: int = CHEAP) -> str | None:
    """The digest where it costs next to nothing: it is known already, or the set is small and lies unpacked.

    most_bytes: of images that may be read for it.  None as well where the set is absent or damaged.
    """
    try:
        source = _source(name)
        if source is None:
            return None
        changed = source.changed(_known(name))
        if (name, source, changed) in _digests or _cheap(name, source, changed, most_bytes):
            return _digest(name, source, changed)
    except (MissingData, OSError):
        pass
    return None


def _cheap(name: str, source: Source, changed: int, most_bytes: int) -> bool:
    if source.form == "torchvision":
        return False
    about = _summary(name, source, changed)
    size = (about.train_count + about.test_count) * prod(about.shape)
    return size <= most_bytes and not (source.form == "npz" and npz.is_jpeg(source.path))


def _digest(name: str, source: Source, changed: int) -> str:
    key = name, source, changed
    if key not in _digests:
        dataset = load(name)
        groups = np.zeros(0, np.int64) if dataset.groups is None else dataset.groups
        numbers = np.array([*dataset.images.shape, dataset.train_count], np.int64)
        _digests[key] = digest_of([numbers, dataset.images, dataset.labels, groups])
    return _digests[key]


def digest_of(parts: Sequence[np.ndarray | str]) -> str:
    """16 hex digits that tell texts and arrays of bytes or whole numbers apart."""
    hashed = hashlib.blake2b(digest_size=8)
    for part in parts:
        content = part.encode() if isinstance(part, str) else np.ascontiguousarray(part).data
        hashed.update(content)
    return hashed.hexdigest()


def fetch(name: str, progress: Progress = fetching.silent) -> Entry:
    """Downloads a set into the first data root through torchvision, which verifies it; one already there is left alone.

    progress: called about five times a second with the share done (0 to 1, None while that can't be known) and a
    sentence; what it raises cancels the fetch.  Raises WrongRequest for a set that can't be fetched, MissingData where
    the download fails; nothing is left that looks complete.
    """
    about = entry(name)
    if about.present and not about.stand_in:
        return about
    if not about.download_megabytes:
        raise WrongRequest(how_to_get(about))
    fetching.fetch(name, roots()[0], progress)
    return entry(name)


def how_to_get(about: Entry) -> str:
    """One sentence for a set that isn't on this machine, or can't be read there."""
    if about.trouble:
        return about.trouble
    where, files = " or ".join(str(root) for root in roots()), places(about.name)
    if about.download_megabytes:
        command = f"python -m core datasets --fetch {about.name}"
        fetched = f"fetch its {about.download_megabytes:,.0f} MB on the Datasets page or by `{command}`"
        return f"{about.title} isn't on this machine: {fetched}, or put it into {where} as {files}."
    return f"{about.title} isn't on this machine and can't be fetched: put {files} into {where}."


def places(name: str) -> str:
    """Which files of a set are looked for in a data root: `MNIST/raw/train-images-idx3-ubyte ... or mnist.npz`."""
    known = _known(name)
    looked = [known.idx.looked_for] if known.idx else []
    looked += [f"{known.folder} as torchvision leaves it"] if known.folder else []
    return " or ".join([*looked, f"{name}.npz"])


def _entry(name: str) -> Entry:
    known = _known(name)
    try:
        source = _source(name)
        summary = _summary(name, source, source.changed(known)) if source else None
    except (MissingData, OSError) as error:
        source, summary, trouble = None, None, str(error)
    else:
        trouble = "" if source else _halfway(known)
    official = Summary(known.classes, known.shape or (0, 0, 0), known.train_count, known.test_count)
    about = summary or official
    part = _part(about, official)
    return Entry(
        name=name,
        title=known.title,
        classes=about.classes,
        shape=about.shape if any(about.shape) else None,
        train_count=about.train_count,
        test_count=about.test_count,
        present=summary is not None,
        origin=_origin(known, source),
        stand_in=source.stand_in if source else None,
        download_megabytes=known.download_megabytes,
        note=trouble or _note(known, source, about, part),
        trouble=trouble,
        normal=about.normal,
        groupings=_groupings(known, about.classes),
        compression=KNOWN[source.stand_in].compression if source and source.stand_in else known.compression,
        part=part,
    )


def _halfway(known: Known) -> str:
    """Which idx files are missing where others of their set lie; empty where there are none."""
    for root in roots() if known.idx else ():
        if missing := known.idx.missing(root) if known.idx else None:
            return f"{known.title} in {root} lacks {', '.join(missing)}. Put all four of its files together."
    return ""


def _known(name: str) -> Known:
    return KNOWN.get(name, Known(title=name, compression=""))


def _part(found: Summary, official: Summary) -> str:
    """How many of the official images were found, where it isn't all."""
    counts = [(found.train_count, official.train_count, "training"), (found.test_count, official.test_count, "test")]
    return " and ".join(
        f"{there:,} of {all_:,} {kind} images" for there, all_, kind in counts if all_ and there != all_
    )


def _note(known: Known, source: Source | None, found: Summary, part: str) -> str:
    if source is None:
        return known.note
    if source.stand_in:
        return f"{source.stand_in}.npz stands in for it. {KNOWN[source.stand_in].note}"
    return " ".join(note for note in (known.note or found.note, f"Holds {part}." if part else "") if note)


def _groupings(known: Known, classes: tuple[str, ...]) -> dict[str, Groups]:
    """The groupings whose classes are all there: a file of the same name may call them differently."""
    there = set(classes) or {name for groups in known.groupings.values() for names in groups.values() for name in names}
    by_name = {
        group: tuple(name for name in classes if name.startswith(beginning))
        for group, beginning in known.beginnings.items()
    }
    named = known.groupings | ({"by kind": by_name} if by_name else {})
    return {
        title: groups
        for title, groups in named.items()
        if all(names and there.issuperset(names) for names in groups.values())
    }


def _origin(known: Known, source: Source | None) -> str:
    if source is None:
        return ""
    if source.form == "idx" and known.idx:
        return str((known.idx.paths(source.path) or [source.path])[0].parent)
    if source.form == "torchvision" and known.folder:
        return str(source.path / known.folder)
    return "built in" if source.path.parent == BUILT_IN else str(source.path)


def _npz_files(root: Path) -> Iterator[Path]:
    for folder in (root, root / "packed"):
        if folder.is_dir():
            yield from (path for path in folder.glob("*.npz") if NAME.fullmatch(path.stem))


def _source(name: str) -> Source | None:
    """The best place that holds a set, its own before any stand-in's."""
    if (built_in := BUILT_IN / f"{name}.npz").exists():
        return Source("npz", built_in)
    known = _known(name)
    for root in roots():
        if known.idx and known.idx.paths(root):
            return Source("idx", root)
    if file := _npz(name):
        return Source("npz", file)
    for root in roots():
        if known.folder and (root / known.folder).exists():
            return Source("torchvision", root)
    for stand_in in known.stand_ins:
        if file := _npz(stand_in):
            return Source("npz", file, stand_in)
    return None


def _npz(name: str) -> Path | None:
    places = [root / sub / f"{name}.npz" for sub in ("", "packed") for root in roots()]
    return next((path for path in places if path.is_file()), None)


@lru_cache(maxsize=256)
def _summary(name: str, source: Source, changed: int) -> Summary:
    """Summary of what lies at `source`; `changed` is there so that a new file is looked at again."""
    if source.form == "npz":
        return npz.summary(source.path)
    known = KNOWN[name]
    if source.form == "idx" and known.idx:
        return idx.summary(known.idx, source.path, known.classes)
    assert known.shape, f"{name} comes through torchvision, so its shape is known"
    return Summary(known.classes, known.shape, known.train_count, known.test_count)


@lru_cache(maxsize=3)
def _read(name: str, source: Source, changed: int) -> Dataset:
    if source.form == "idx":
        files = KNOWN[name].idx
        assert files
        return idx.read(files, source.path, KNOWN[name].classes)
    if source.form == "torchvision":
        left = source.path / (KNOWN[name].folder or "")
        return cache.kept(left, changed, lambda: fetching.pack(name, source.path))
    if npz.is_jpeg(source.path):
        return cache.kept(source.path, changed, lambda: npz.read(source.path))
    return npz.read(source.path)
