"""The sweep store: one folder a sweep, beside the runs that are trained for it.

    <store>/.sweeps/<name>/
        sweep.json      format, grid, its cells with the requests of their runs, when it was made
        state.json      running, finished, failed, cancelled, since when, whose process, what went wrong
        lock            held from submission on, by who submits and then by the sweep's process; so `interrupted` is
                        derived, never written
        tries/          a file for each request that was begun: its run, and how often its process has died
        cancel          asks it to stop;  log.txt: what its detached process said

What came of a sweep is in the folders of its runs, which are found by the hash of their request: one that was trained
by hand counts, and nothing is noted twice.  Shipped sweeps lie in `checkpoints/shipped/.sweeps/`; they may hold rows
alone (rows.json), without the folders of their runs.
"""

import contextlib
import shutil
import socket
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import DamagedRun, WrongRequest
from core.runs import files, folders, locks, store
from core.runs.living import CANCELLED, ENDED, FAILED, FINISHED, INTERRUPTED, LIVE, QUEUED, RUNNING, Living
from core.sweeps.cells import Cell
from core.sweeps.grid import NAME, Grid, read

__all__ = ["CANCELLED", "FAILED", "FINISHED", "INTERRUPTED", "LIVE", "QUEUED", "RUNNING", "Sweep"]
FORMAT = 1
PATIENCE = 2.0  # seconds that a sweep which has just ended may still hold its lock


class Sweep(Living):
    """A sweep on disk.  Reading never changes it; one that failed may have finished some of its runs."""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def shipped(self) -> bool:
        return self.folder.parent == shipped_root()

    @property
    def about(self) -> dict[str, Any]:
        """sweep.json.  Raises DamagedRun."""
        content = _json(self.folder / "sweep.json", _mtime(self.folder / "sweep.json"))
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise DamagedRun(f"sweep.json of the sweep {self.name} is damaged. Start the sweep again from its file.")
        return content

    @property
    def grid(self) -> Grid:
        """What was asked; checked again, since methods may have changed.  Raises WrongRequest, DamagedRun."""
        return read(self.about["grid"])

    @property
    def created(self) -> float:
        return float(self.about["created"])

    @property
    def cells(self) -> tuple[Cell, ...]:
        return _cells(self.folder / "sweep.json", _mtime(self.folder / "sweep.json"))

    @property
    def mark(self) -> dict[str, Any]:
        """state.json as its process last wrote it; shipped rows without one are finished."""
        path = self.folder / "state.json"
        if not path.exists():
            return {"state": FINISHED, "since": self.created}
        content = _json(path, _mtime(path))
        if not isinstance(content, dict) or content.get("state") not in (*LIVE, *ENDED):
            raise DamagedRun(f"state.json of the sweep {self.name} is damaged. Start the sweep again from its file.")
        return content

    @property
    def cancelling(self) -> bool:
        return (self.folder / "cancel").exists()

    @property
    def version(self) -> int:
        """Changes whenever the grid or the state does."""
        return max(_mtime(self.folder / name) for name in ("sweep.json", "state.json", "rows.json"))

    def log(self, most: int = 20_000) -> str:
        """The end of its log."""
        path = self.folder / "log.txt"
        return path.read_text(encoding="utf-8", errors="replace")[-most:] if path.exists() else ""


def root() -> Path:
    """The folder of the user's own sweeps."""
    return store.root() / ".sweeps"


def shipped_root() -> Path:
    return folders.shipped_root() / ".sweeps"


def sweeps() -> list[Sweep]:
    """All sweeps that can be read: the user's own, newest first, then the shipped ones by name."""
    found = []
    for folder in (root(), shipped_root()):
        here = [Sweep(path) for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []
        readable = [each for each in here if not each.name.startswith(".") and _readable(each)]
        found += readable if folder == shipped_root() else sorted(readable, key=lambda each: -each.created)
    return found


def _readable(sweep: Sweep) -> bool:
    try:
        return bool(sweep.state and sweep.cells is not None and sweep.created >= 0)
    except Exception:  # whatever is wrong with one folder, it must not take the others from the list
        return False


def find(name: str) -> Sweep:
    """The sweep of this name, one's own before a shipped one.  Raises WrongRequest, DamagedRun."""
    for folder in (root(), shipped_root()):
        if NAME.fullmatch(name) and (folder / name).is_dir():
            sweep = Sweep(folder / name)
            _ = sweep.about, sweep.mark
            return sweep
    raise WrongRequest(f"There is no sweep {name!r}. `python -m core sweeps` lists them.")


def keep(grid: Grid, cells: list[Cell]) -> Sweep:
    """The sweep of this name with this grid: a new one, or one that ended before and gets what has changed.

    It is queued, and this process keeps its lock until it trains it or hands it over.  Raises WrongRequest where it is
    running, or the store can't be written.
    """
    sweep = Sweep(root() / grid.name)
    known = (sweep.folder / "sweep.json").exists()
    if known and sweep.state in LIVE:
        raise WrongRequest(f"The sweep {grid.name} is {sweep.state}. Wait until it has ended, or cancel it.")
    content = {"format": FORMAT, "grid": grid.to_json(), "created": sweep.created if known else time.time()}
    try:
        (sweep.folder / "tries").mkdir(parents=True, exist_ok=True)
        with _queued(sweep):
            files.write_json(sweep.folder / "sweep.json", content | {"cells": [each.to_json() for each in cells]})
    except OSError as error:
        raise WrongRequest(
            f"The folder for sweeps, {root()}, can't be written ({error.strerror}). Set NOVELTY_CHECKPOINTS to another."
        ) from None
    return sweep


def mark(sweep: Sweep, state: str, **more: Any) -> None:
    """Write the state.  Only the process that owns the sweep calls this, or one that just made it."""
    files.write_json(sweep.folder / "state.json", {"state": state, "since": time.time(), **more})


def ready(sweep: Sweep) -> None:
    """Queue an ended sweep; this process keeps its lock until it trains it or hands it over.

    Raises WrongRequest for one that is live or shipped.
    """
    if sweep.shipped or sweep.state in LIVE:
        state = "shipped" if sweep.shipped else sweep.state
        raise WrongRequest(f"The sweep {sweep.name} is {state}; only one that has ended can go on.")
    with _queued(sweep):
        pass


@contextlib.contextmanager
def _queued(sweep: Sweep) -> Iterator[None]:
    """Take the lock, which nobody has since the sweep has ended, and write that it is queued after the block."""
    if not locks.kept(sweep.folder) and not locks.keep(sweep.folder, PATIENCE):
        raise WrongRequest(f"The sweep {sweep.name} has just been started by another process.")
    try:
        yield
        (sweep.folder / "cancel").unlink(missing_ok=True)
        mark(sweep, QUEUED, host=socket.gethostname())
        (sweep.folder / "heartbeat").touch()
    except BaseException:
        locks.let_go(sweep.folder)
        raise


def delete(sweep: Sweep, with_runs: bool = False) -> None:
    """Remove an ended sweep, and with it, if asked, those of its runs that were trained for it.

    Raises WrongRequest for one that is live or shipped.
    """
    if sweep.shipped:
        raise WrongRequest(f"{sweep.name} is a shipped sweep and read-only.")
    if sweep.state in LIVE:
        raise WrongRequest(f"The sweep {sweep.name} is {sweep.state}. Cancel it before you delete it.")
    for run in store.runs() if with_runs else ():
        if not run.shipped and run.about.get("sweep") == sweep.name and run.state in ENDED:
            store.delete(run)
    trash = sweep.folder.with_name(f".deleted-{sweep.name}-{time.time_ns()}")
    with contextlib.suppress(FileNotFoundError):
        sweep.folder.rename(trash)
    shutil.rmtree(trash, ignore_errors=True)


def _mtime(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=64)
def _json(path: Path, mtime: int) -> Any:
    return files.read_json(path)


@lru_cache(maxsize=16)
def _cells(path: Path, mtime: int) -> tuple[Cell, ...]:
    return tuple(Cell.from_json(each) for each in _json(path, mtime)["cells"])
