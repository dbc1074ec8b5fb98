"""A sweep as an operating-system process of its own: started detached, asked to stop, started again."""

import os
import subprocess
import sys
import threading
import time

from core.errors import WrongRequest
from core.runs import store
from core.sweeps import cells, sweep
from core.sweeps.grid import Grid
from core.sweeps.sweep import Sweep

CANCEL_GRACE = 0.8  # seconds that a cancelled sweep is waited for; it ends its runs within a few more


def submit(grid: Grid, jobs: int | None = None) -> Sweep:
    """The sweep of this grid in its own detached process.  What is trained already isn't trained again.

    Raises WrongRequest where no run of the grid is possible, it runs already, or the store can't be written.
    """
    made = sweep.keep(grid, cells.expand(grid))
    _spawn(made, jobs)
    return made


def resume(one: Sweep, jobs: int | None = None) -> Sweep:
    """Go on with an ended sweep in its own process.  Raises WrongRequest for one that is live or shipped."""
    sweep.ready(one)
    _spawn(one, jobs)
    return one


def cancel(one: Sweep) -> None:
    """Ask a live sweep and its runs to stop.  Finished runs stay.  Raises WrongRequest for one that isn't live."""
    if one.state not in sweep.LIVE:
        raise WrongRequest(f"The sweep {one.name} is {one.state}, so there is nothing to cancel.")
    (one.folder / "cancel").touch()
    deadline = time.monotonic() + CANCEL_GRACE
    while one.state in sweep.LIVE and time.monotonic() < deadline:
        time.sleep(0.05)


def _spawn(one: Sweep, jobs: int | None) -> None:
    """Start `python -m core sweep --go-on NAME` in a session of its own, so that it outlives the server."""
    words = [sys.executable, "-m", "core", "sweep", "--go-on", one.name, "--yes"]
    with (one.folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            words + (["--jobs", str(jobs)] if jobs else []),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=store.PROJECT,
            env=os.environ | {"NOVELTY_CHECKPOINTS": str(store.root())},
            start_new_session=True,
        )
    # A finished child must be reaped, or it stays a zombie while the server lives.
    threading.Thread(target=process.wait, daemon=True).start()
