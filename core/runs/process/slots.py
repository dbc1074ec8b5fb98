"""Who may train now: a lock file per slot, the oldest queued run first; the system frees the lock of a dead process."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import Cancelled
from core.runs import store
from core.runs.process import machine
from core.runs.store import Run


def slots() -> list[Path]:
    """The lock files of all slots: one per GPU, else NOVELTY_SLOTS (default 1) on the CPU."""
    count = int(os.environ.get("NOVELTY_SLOTS") or len(machine.gpus()) or 1)
    folder = store.root() / ".slots"
    folder.mkdir(parents=True, exist_ok=True)
    return [folder / f"{number}.lock" for number in range(count)]


def _open_to_this_process() -> list[tuple[int, Path]]:
    """Number and lock file of the slots that it may take: once it has trained on one of several GPUs, those on it."""
    cards, numbered = len(machine.gpus()), list(enumerate(slots()))
    mine = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    fitting = [each for each in numbered if str(each[0] % max(cards, 1)) == mine] if cards > 1 else []
    return fitting or numbered


@contextlib.contextmanager
def slot(run: Run) -> Iterator[None]:
    """Hold a slot; wait while all are taken or an older run waits.  Raises Cancelled."""
    from core.runs.process.jobs import waiting

    while True:
        if (run.folder / "cancel").exists():
            raise Cancelled
        older = [each.id for each in waiting()]
        if not older or older[0] == run.id or run.id not in older:
            for number, path in _open_to_this_process():
                lock = FileLock(path, is_singleton=False)
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    continue
                cards = len(machine.gpus())
                if cards > 1:  # each slot has a GPU of its own; torch reads this when it is imported, later
                    os.environ.setdefault("CUDA_VISIBLE_DEVICES", str(number % cards))
                try:
                    yield
                finally:
                    lock.release()
                return
        time.sleep(0.25)
