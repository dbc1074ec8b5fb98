"""Runs as operating-system processes: submit, cancel, resume, the queue.

There is no dispatcher: each process waits for its slot.
"""

import os
import signal
import socket
import time

from core.errors import WrongRequest
from core.mlflow import mirror
from core.runs import locks, store
from core.runs.process import detached, leftovers, warm
from core.runs.spec import RunSpec
from core.runs.store import Run

CANCEL_GRACE = 0.8  # seconds that a training has to see the cancel file


def submit(spec: RunSpec) -> Run:
    """A new run in its own detached process.  Raises WrongRequest where the store can't be written."""
    run = store.create(spec)
    _spawn(run)
    return run


def prepare() -> None:
    """Somebody is about to train: have a process load what the next run needs, without waiting for it."""
    warm.shared.prepare()


def resume(run: Run) -> Run:
    """Go on with an interrupted, cancelled or failed run from its last checkpoint, in its own process.

    Raises WrongRequest for a run in another state.
    """
    ready(run)
    _spawn(run)
    return run


def ready(run: Run) -> None:
    """Queue an ended run again; this process keeps its lock until it trains it or hands it over.

    Raises WrongRequest for one that is live, finished or shipped.
    """
    if run.shipped or not (locks.keep(run.folder) or (locks.kept(run.folder) and run.state in store.ENDED)):
        raise _not_resumable(run, "shipped" if run.shipped else run.state)
    try:
        state = run.mark["state"]  # read under the lock: whatever process had it is gone
        if state == store.FINISHED:
            raise _not_resumable(run, state)
        with store.written():
            (run.folder / "cancel").unlink(missing_ok=True)
            store.mark(run, store.QUEUED, host=socket.gethostname())
    except BaseException:
        locks.let_go(run.folder)
        raise


def _not_resumable(run: Run, state: str) -> WrongRequest:
    return WrongRequest(f"{run.id} is {state}; only an interrupted, cancelled or failed run can be resumed.")


def cancel(run: Run) -> None:
    """Ask a live run to stop; end its process where it doesn't within 0.8 s.

    Raises WrongRequest for one that isn't live.
    """
    if run.state not in store.LIVE:
        raise WrongRequest(f"{run.id} is {run.state}, so there is nothing to cancel.")
    (run.folder / "cancel").touch()
    deadline = time.monotonic() + CANCEL_GRACE
    while time.monotonic() < deadline:
        if run.state not in store.LIVE:
            return
        time.sleep(0.05)
    mark = run.mark  # without a number its process is still starting: it finds the cancel file before it trains
    if mark.get("shared"):  # by a sweep: its process trains others after it, and sees the file within a batch
        return
    # Only a process that still holds this very run's lock is ended: a number alone may by now belong to another.
    if (
        "pid" in mark
        and mark.get("host") == os.uname().nodename
        and store.held(run.folder / "lock")
        and mark["pid"] != os.getpid()
    ):
        os.kill(mark["pid"], signal.SIGTERM)
        deadline = time.monotonic() + 2
        while store.held(run.folder / "lock") and time.monotonic() < deadline:
            time.sleep(0.05)
        if store.held(run.folder / "lock"):
            os.kill(mark["pid"], signal.SIGKILL)
            deadline = time.monotonic() + 5  # a busy machine takes its time to bury a process
            while store.held(run.folder / "lock") and time.monotonic() < deadline:
                time.sleep(0.02)
        if not store.held(run.folder / "lock") and run.mark["state"] in store.LIVE:
            store.mark(run, store.CANCELLED)


def waiting() -> list[Run]:
    """Queued runs that are alive, oldest first."""

    def submitted(run: Run) -> float | None:
        mark = run.mark
        queued = not run.shipped and mark["state"] == store.QUEUED and run.alive
        return mark.get("submitted", mark["since"]) if queued else None

    since = {run: at for run, at in store.answers(submitted).items() if at is not None}
    return sorted(since, key=lambda run: (since[run], run.id))


def _spawn(run: Run) -> None:
    """Give the run to a process that waits for one, else to a new one, `python -m core job`.

    It inherits the run's lock; its words go to log.txt.
    """
    with store.written(), (run.folder / "log.txt").open("ab") as log, locks.handed_over(run.folder) as lock:
        if not warm.shared.train(run, lock, log.fileno()):
            detached.start(["job", run.id, "--lock", str(lock)], log, lock)
    mirror.start()
    leftovers.look_after()
