"""Decoded copies of image sets, kept where caches are: looking at a set writes nothing beside a person's own files."""

import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from core.data import npz
from core.data.dataset import Dataset
from core.errors import MissingData

DEFAULT = Path("~/.cache/novelty-explorer/decoded")


def folder() -> Path:
    """Where the copies lie: NOVELTY_CACHE, else below the home folder. It needn't exist yet."""
    return Path(os.environ.get("NOVELTY_CACHE") or DEFAULT).expanduser().absolute()


def kept(source: Path, changed: int, make: Callable[[], Dataset]) -> Dataset:
    """The set that `make` gives, from its copy where there is one, else made and copied.

    source: what it is made of.  changed: when that last changed, in ns; copies of older content are removed.  Where no
    copy can be written, it is made again the next time.
    """
    beginning = f"{source.stem}-{blake2b(os.fsencode(source), digest_size=6).hexdigest()}-"
    copy = folder() / f"{beginning}{changed}.npz"
    if copy.is_file():
        with suppress(MissingData):  # a damaged copy is made anew
            return npz.read(copy)
    dataset = make()
    if npz.writable(folder()):
        with suppress(OSError):  # a full disk costs the next start a few seconds, nothing else
            npz.write(copy, dataset)
            for old in folder().glob(f"{beginning}*.npz"):
                if old != copy:
                    old.unlink()
    return dataset


def size() -> int:
    """Bytes of all copies."""
    return sum(path.stat().st_size for path in _copies())


def empty() -> None:
    """Removes all copies, and nothing else."""
    for path in _copies():
        path.unlink(missing_ok=True)


def _copies() -> list[Path]:
    return list(folder().glob("*.npz")) if folder().is_dir() else []
