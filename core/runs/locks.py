"""The lock of a run or a sweep: it lives exactly while its lock is held, and nothing else says so.

flock: the system frees it with the process, whatever ends that, and a child inherits it.  So a run is held without a
gap from the moment that its folder appears: by the process that made it, then by the one that trains it.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

NAME = "lock"
LOOK = 0.02  # seconds: others look at a lock by sharing it for a moment, which keeps no taker away for longer

_kept: dict[Path, int] = {}  # descriptors of locks that this process holds for later, by the run's folder


def held(path: Path) -> bool:
    """Whether some process holds this lock file."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def keep(folder: Path, patience: float = 10 * LOOK) -> bool:
    """Hold a run's lock until it is taken, handed over or let go; False where somebody holds it already."""
    descriptor = None if folder in _kept else _open(folder, patience)
    if descriptor is None:
        return False
    _kept[folder] = descriptor
    return True


def kept(folder: Path) -> bool:
    """Whether this process holds the lock for later."""
    return folder in _kept


def moved(before: Path, after: Path) -> None:
    """The folder of a lock that this process keeps has another name now."""
    _kept[after] = _kept.pop(before)


def let_go(folder: Path) -> None:
    """Hold it no longer."""
    if (descriptor := _kept.pop(folder, None)) is not None:
        os.close(descriptor)


def adopt(folder: Path, descriptor: int) -> None:
    """Keep a lock that this process has inherited from the one that started it."""
    os.set_inheritable(descriptor, False)
    _kept[folder] = descriptor


@contextlib.contextmanager
def taken(folder: Path, patience: float = 0.0) -> Iterator[bool]:
    """Hold a run's lock, that which this process keeps or a new one, for the block; False where another one has it."""
    if folder not in _kept and not keep(folder, patience):
        yield False
        return
    try:
        yield True
    finally:
        let_go(folder)


@contextlib.contextmanager
def handed_over(folder: Path) -> Iterator[int]:
    """The descriptor of a lock that this process keeps, for a child to inherit; afterwards it is the child's alone."""
    try:
        yield _kept[folder]
    finally:
        let_go(folder)


def take(descriptor: int) -> bool:
    """Lock an open file for as long as it, or a copy that a child has of it, stays open; False where it is locked."""
    return _locked(descriptor, fcntl.LOCK_EX)


def _open(folder: Path, patience: float) -> int | None:
    descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    deadline = time.monotonic() + patience
    while not _locked(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            os.close(descriptor)
            return None
        time.sleep(LOOK / 4)
    return descriptor


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
