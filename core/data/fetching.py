"""Gets image sets through torchvision, in a process of its own: neither torch nor a pickle enters the caller's.

The child downloads into a folder of its own, verifies, and packs what isn't idx into one npz; the caller watches that
folder grow and moves the finished files into the data root. So nothing half-written ever looks complete.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from core.data import npz
from core.data.dataset import Dataset
from core.data.known import KNOWN, Known
from core.errors import MissingData, WrongRequest

Progress = Callable[[float | None, str], None]
PROJECT = Path(__file__).parents[2]
WATCH_SECONDS = 0.2


def silent(fraction: float | None, sentence: str) -> None:
    """The progress of someone who isn't watching."""


def fetch(name: str, root: Path, progress: Progress = silent) -> None:
    """Downloads a known set into `root`. Raises MissingData where that fails; an exception of `progress` cancels it."""
    known = KNOWN[name]
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(prefix=".fetch-", dir=root)
    except OSError as error:
        raise WrongRequest(f"{root} can't be written ({error.strerror}). Choose another data root.") from error
    with folder as inside:
        _run(name, known, Path(inside), Path(inside), ["--download"], progress)
        progress(None, f"Moving {known.title} into place")
        _deliver(name, known, Path(inside), root)


def pack(name: str, found: Path) -> Dataset:
    """Reads what torchvision left below `found`. Raises MissingData where torchvision refuses the files."""
    with TemporaryDirectory(prefix="novelty-pack-") as folder:
        _run(name, KNOWN[name], found, Path(folder), [], silent)
        return npz.read(Path(folder) / f"{name}.npz")


def _run(name: str, known: Known, source: Path, folder: Path, options: list[str], progress: Progress) -> None:
    """Runs the child to its end, reporting how much of the archives lies in `folder`."""
    command = [sys.executable, "-m", "core.data.torchvision_sets", name, str(source), str(folder), *options]
    with (folder / "log").open("w+") as log:
        child = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            while child.poll() is None:
                progress(*_state(known, folder))
                time.sleep(WATCH_SECONDS)
        finally:
            child.kill()
            child.wait()
        if child.returncode:
            log.seek(0)
            reason = (log.read().strip().splitlines() or [f"it ended with status {child.returncode}"])[-1].strip()
            what, do = f"can't be read below {source}", "Remove those files and fetch it again"
            if options:
                what, do = "couldn't be fetched", "Check the network and try again"
            raise MissingData(f"{known.title} {what} ({reason[:300].rstrip('.')}). {do}.")


def _state(known: Known, folder: Path) -> tuple[float | None, str]:
    """Share of the download that lies in `folder`, and a sentence for it."""
    total = sum(known.archives.values())
    there = sum(_size(path) for path in folder.rglob("*") if path.name in known.archives)
    if there >= total:
        return None, f"Unpacking {known.title}"
    return there / total, f"Downloading {known.title}: {there / 1e6:,.1f} of {total / 1e6:,.1f} MB"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # the child has just moved or removed it
        return 0


def _deliver(name: str, known: Known, folder: Path, root: Path) -> None:
    if known.idx is None:
        (folder / f"{name}.npz").replace(root / f"{name}.npz")
        return
    (root / known.idx.folder).mkdir(parents=True, exist_ok=True)
    paths = known.idx.paths(folder)
    assert paths, "torchvision ended well without the four idx files"
    for path in paths:
        path.replace(root / known.idx.folder / path.name)
