"""What killed processes leave in the store: half-written files, which are cleared, and finished runs that lack a part.

A run is finished once its scores are on disk.  Control lines and the map follow; state.json names those still to come,
so that whatever starts next, the app or a training, can have them computed in the background.
"""

import contextlib
import shutil
import time
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import DamagedRun
from core.runs import locks, store
from core.runs.process import detached, worker
from core.runs.store import Run

OLD = 600.0  # seconds after which nobody is still writing a temporary file
FOLDERS = (".import-", ".new-", ".deleted-")


def look_after() -> None:
    """Clear what is old, and start a process that computes what is missing, where something is.

    Never raises: nobody has asked for it.
    """
    with contextlib.suppress(OSError):
        clear()
        if unfinished():
            with (store.root() / ".rest.log").open("ab") as log:
                detached.start(["rest"], log)


def complete() -> None:
    """Compute what is missing, run after run; ends at once where another process does so."""
    lock = FileLock(store.root() / ".rest.lock", is_singleton=False)
    with contextlib.suppress(Timeout), lock.acquire(timeout=0):
        for run in unfinished():
            with contextlib.suppress(DamagedRun):  # deleted meanwhile
                worker.complete(run)


def unfinished() -> list[Run]:
    """Finished runs that lack a part which no process is computing."""
    return store.those(
        lambda run: not run.shipped and bool(run.mark.get("follows")) and not locks.held(run.folder / locks.NAME)
    )


def clear() -> None:
    """Remove temporary files and folders that are old, and folders of runs that never began."""
    before = time.time() - OLD
    for path in _children(store.root()):
        if not path.is_dir() or path == store.shipped_root():
            continue
        if path.name.startswith(FOLDERS):
            if _changed(path) < before:
                shutil.rmtree(path, ignore_errors=True)
        elif not path.name.startswith("."):
            _clear_run(path, before)


def _clear_run(folder: Path, before: float) -> None:
    kept = _children(folder)
    if not kept and _changed(folder) < before:
        with contextlib.suppress(OSError):  # somebody has just put something there
            folder.rmdir()
    if locks.held(folder / locks.NAME):
        return
    for path in (*kept, *_children(folder / "snapshots")):
        if path.name.startswith(".") and path.is_file() and _changed(path) < before:
            path.unlink(missing_ok=True)


def _children(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(folder.iterdir())
    return []


def _changed(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return time.time()
