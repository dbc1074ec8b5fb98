"""Runs as operating-system processes: submit, cancel, resume, the queue.

There is no dispatcher: each process waits for its slot.
"""

import os
import signal
import subprocess
import sys
import threading
import time

from core.errors import WrongRequest
from core.mlflow import mirror
from core.runs import store
from core.runs.spec import RunSpec
from core.runs.store import Run

CANCEL_GRACE = 0.8  # seconds that a training has to see the cancel file


def submit(spec: RunSpec) -> Run:
    """A new run in its own detached process.  Raises WrongRequest where the store can't be written."""
    run = store.create(spec)
    _spawn(run)
    mirror.start()
    return run


def resume(run: Run) -> Run:
    """Go on with an interrupted, cancelled or failed run from its last checkpoint, in its own process.

    Raises WrongRequest for a run in another state.
    """
    ready(run)
    _spawn(run)
    mirror.start()
    return run


def ready(run: Run) -> None:
    """Queue an ended run again.  Raises WrongRequest for one that is live, finished or shipped."""
    state = run.state
    if run.shipped or state not in (store.INTERRUPTED, store.CANCELLED, store.FAILED):
        raise WrongRequest(
            f"{run.id} is {'shipped' if run.shipped else state}; "
            "only an interrupted, cancelled or failed run can be resumed."
        )
    (run.folder / "cancel").unlink(missing_ok=True)
    store.mark(run, store.QUEUED)


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
    mark = run.mark
    if mark["state"] == store.QUEUED and "pid" not in mark:
        # Its process is still starting; it will find the cancel file before it trains.
        store.mark(run, store.CANCELLED)
        return
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
    """Start `python -m core job` in a session of its own, so that it outlives the server; its words go to log.txt."""
    environment = os.environ | {"NOVELTY_CHECKPOINTS": str(run.folder.parent)}
    with (run.folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "core", "job", run.id],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=store.PROJECT,
            env=environment,
            start_new_session=True,
        )
    # A finished child must be reaped, or it stays a zombie while the server lives.
    threading.Thread(target=process.wait, daemon=True).start()
