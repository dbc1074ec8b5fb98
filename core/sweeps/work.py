"""The running of a sweep: what is left to train, who trains it, and what happens when a worker dies.

A run is trained where no run of an equal request is finished, so a sweep that was killed goes on where it stood, and
one run more costs one run. All that workers find is in the folders of their runs; the sweep reads it there.
"""

import contextlib
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from filelock import FileLock, Timeout

from core.errors import NoveltyError, RunFailed, WrongRequest
from core.mlflow import mirror
from core.runs.process import machine
from core.runs.run import CANCELLED, FAILED, FINISHED, LIVE, RUNNING, Run
from core.runs.spec import RunSpec
from core.sweeps import backends, cells, rows, sweep, training
from core.sweeps.rows import Row
from core.sweeps.sweep import Sweep

LOOK_SECONDS = 1.0
MOST_STRANGE = 3  # deaths of workers in a row that no run can be blamed for
GRACE_SECONDS = 5.0  # that runs have to see that they are cancelled


@dataclass(frozen=True)
class Standing:
    """How far a sweep is: runs by state, and about how many seconds are left, None where that can't be known.

    underway: the parts, 0 to 1, of the runs that are in training.
    """

    runs: int
    finished: int
    failed: int
    refused: int
    underway: tuple[float, ...] = ()
    left: float | None = None

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        asked = self.runs - self.refused
        return min((self.finished + self.failed + sum(self.underway)) / asked, 1.0) if asked else 1.0


Listen = Callable[[Standing], None]


def quiet(standing: Standing) -> None:
    """Tell nobody."""


def standing(found: list[Row], began: float | None = None, before: int = 0) -> Standing:
    """How far it is by its rows.

    began: when this start of it began, in seconds since 1970; before: how many runs were finished then.
    """
    states = [row.state for row in found]
    finished, failed = states.count(FINISHED), states.count(FAILED)
    underway = tuple(float(row.share or 0.0) for row in found if row.state == RUNNING)
    done = finished - before + sum(underway)
    waiting = len(found) - finished - failed - states.count(rows.REFUSED) - sum(underway)
    left = (time.time() - began) / done * waiting if began and done > 0 else None
    return Standing(len(found), finished, failed, states.count(rows.REFUSED), underway, left)


def longest_first(specs: list[RunSpec]) -> list[RunSpec]:
    """In the order in which to train them: the longest first, so that none of them is last; of one length by task.

    What nobody has trained yet counts as long.
    """
    took = cells.seconds(specs) if len(specs) <= cells.MOST_ESTIMATED else [None] * len(specs)
    pairs = sorted(
        zip(specs, took, strict=True), key=lambda pair: (pair[1] is not None, -(pair[1] or 0.0), pair[0].task.hash)
    )
    return [spec for spec, _ in pairs]


def go_on(
    one: Sweep, listen: Listen = quiet, backend: str = "loky", jobs: int | None = None, cluster: str = ""
) -> Sweep:
    """Train what is left of a sweep, in this process's workers; ends in one of the end states.

    listen: told about once a second how far it is.  Raises WrongRequest where another process has the sweep, and as
    `backends.workers` does.
    """
    try:
        lock = FileLock(one.folder / "lock", is_singleton=False).acquire(timeout=2)
    except Timeout:
        raise WrongRequest(f"The sweep {one.name} is already running in another process.") from None
    if machine.leads_a_session():  # started by the app, whose pages go first
        machine.step_back()
    with lock:
        mine = {"pid": os.getpid(), "host": socket.gethostname(), "backend": backend, "cluster": cluster}
        sweep.mark(one, RUNNING, **mine)
        try:
            if not _complete(one):
                with backends.workers(str(one.folder), backend, jobs, cluster) as pool, _watching(one, listen):
                    sweep.mark(one, RUNNING, **mine, jobs=pool.jobs, before=standing(rows.rows(one)).finished)
                    mirror.start()
                    try:
                        _train_all(one, pool)
                    except KeyboardInterrupt:
                        (one.folder / "cancel").touch()
                        _cancel_runs(one, GRACE_SECONDS)
            sweep.mark(one, *_verdict(one))
        except NoveltyError as error:
            sweep.mark(one, FAILED, sentence=str(error))
            raise
        except BaseException as error:
            traceback.print_exc(file=sys.stderr)
            sweep.mark(one, FAILED, sentence=f"The sweep stopped on an error ({type(error).__name__}: {error}).")
            raise
        finally:
            (one.folder / "cancel").unlink(missing_ok=True)
    return one


def _verdict(one: Sweep) -> tuple[str]:
    if one.cancelling:
        return (CANCELLED,)
    return (FINISHED,) if _complete(one) else (FAILED,)


def _complete(one: Sweep) -> bool:
    return all(row.state in (FINISHED, rows.REFUSED) for row in rows.rows(one))


def _train_all(one: Sweep, pool: backends.Pool) -> None:
    """Train until nothing is left; where a worker dies, the others' runs go on from their last epoch.

    With loky, one death ends all workers. Which run was to blame isn't known, so those that were under way are trained
    at the end, one at a time: then a run takes nobody with it, and after its second death it is given up. A run that
    another process trains is waited for.
    """
    specs = [cell.spec for cell in one.cells if cell.spec]
    training.forget_tries(one.folder, rows.runs_of(specs))
    settled: set[str] = set()
    failures: dict[str, str] = {}
    strange = 0
    rows.note_failures(one, failures)
    while not one.cancelling:
        runs, suspected = rows.runs_of(specs), training.suspects(one.folder)
        left = [each for each in specs if each.hash not in settled and not _has(runs, each, FINISHED)]
        free = [each for each in left if not _has(runs, each, *LIVE)]
        calm = [each for each in free if each.hash not in suspected]
        if not left:
            return
        if not free:
            time.sleep(LOOK_SECONDS)
            continue
        try:
            for told in pool.train(longest_first(calm or free), not calm, lambda: _overdue(one)):
                settled.add(told["hash"])
                if told["state"] == FAILED and not told["run"]:
                    failures[told["hash"]] = told["sentence"]
                    rows.note_failures(one, failures)
        except backends.WorkerDied as error:
            strange = 0 if training.suspects(one.folder) != suspected else strange + 1
            if strange == MOST_STRANGE:  # no run had begun: it isn't theirs
                raise RunFailed(f"The sweep's workers end before they train ({error}). The log may say why.") from error


def _has(runs: dict[str, Run], spec: RunSpec, *states: str) -> bool:
    return spec.hash in runs and runs[spec.hash].state in states


def _overdue(one: Sweep) -> bool:
    """Whether its runs have had their time to see that the sweep is cancelled."""
    try:
        return time.time() - (one.folder / "cancel").stat().st_mtime > GRACE_SECONDS
    except OSError:
        return False


def _cancel_runs(one: Sweep, seconds: float = 0.0) -> None:
    """Ask the runs that it trains to stop, and wait until they have, at most so long."""
    until = time.monotonic() + seconds
    while True:
        live = [run for run in rows.runs_of([cell.spec for cell in one.cells if cell.spec]).values() if _its(one, run)]
        for run in live:
            with contextlib.suppress(OSError):
                (run.folder / "cancel").touch()
        if not live or time.monotonic() >= until:
            return
        time.sleep(0.1)


def _its(one: Sweep, run: Run) -> bool:
    return run.about.get("sweep") == one.name and bool(run.mark.get("shared")) and run.state in LIVE


@contextlib.contextmanager
def _watching(one: Sweep, listen: Listen) -> Iterator[None]:
    """Tell about once a second how far it is, show other hosts that it lives, and pass on that it is cancelled."""
    done = threading.Event()
    began, before = time.time(), standing(rows.rows(one)).finished

    def watch() -> None:
        pause = LOOK_SECONDS
        while not done.wait(pause):
            start = time.monotonic()
            _look(one, listen, began, before)
            pause = max(LOOK_SECONDS, 10 * (time.monotonic() - start))  # a large store takes long to look through

    _look(one, listen, began, before)
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=GRACE_SECONDS)
        _look(one, listen, began, before)


def _look(one: Sweep, listen: Listen, began: float, before: int) -> None:
    with contextlib.suppress(NoveltyError, OSError):  # a run was deleted while we looked
        (one.folder / "heartbeat").touch()
        if one.cancelling:
            _cancel_runs(one)
        listen(standing(rows.rows(one), began, before))
