"""A sweep as an operating-system process of its own: started detached, asked to stop, started again."""

import time

from core.errors import WrongRequest
from core.runs import locks
from core.runs.process import detached
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
    """Start `python -m core sweep --go-on NAME`, which inherits the sweep's lock; its words go to log.txt."""
    more = ["--jobs", str(jobs)] if jobs else []
    with (one.folder / "log.txt").open("ab") as log, locks.handed_over(one.folder) as lock:
        detached.start(["sweep", "--go-on", one.name, "--yes", "--lock", str(lock), *more], log, lock)
