"""What a worker of a sweep does with one run.  Takes and gives JSON, never raises; imports no torch by itself."""

import contextlib
import importlib.util
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.errors import DamagedRun
from core.runs import files, store
from core.runs.process import jobs, worker
from core.runs.run import CANCELLED, FAILED, FINISHED, INTERRUPTED, Run
from core.runs.spec import RunSpec

MOST_TRIES = 2  # that a run gets whose process dies
_one_at_a_time = threading.Lock()  # torch's seed and the standard streams belong to the process, not to a thread


def train_run(
    content: Mapping[str, Any], sweep: str, environment: Mapping[str, str], slot: bool = True
) -> dict[str, Any]:
    """Train one run of a sweep, or go on with it where it stands.

    content: of its RunSpec.  sweep: the sweep's folder.  environment: where runs and image sets lie, how many slots
    there are.  slot: whether it takes one.  Returns hash, run, state and sentence.
    """
    with _one_at_a_time:
        try:
            os.environ.update(environment)
            _leave_interrupts_to_the_sweep()
            spec = RunSpec.from_json(content)
            return {"hash": spec.hash} | _train(spec, Path(sweep), slot)
        except BaseException as error:  # whatever happens to one run, the others go on
            traceback.print_exc()
            told = f"It could not be trained ({type(error).__name__}: {error})."
            return {"hash": RunSpec.from_json(content).hash, "run": "", "state": FAILED, "sentence": told}


def _train(spec: RunSpec, sweep: Path, slot: bool) -> dict[str, Any]:
    if (sweep / "cancel").exists():
        return {"run": "", "state": CANCELLED, "sentence": ""}
    tries = sweep / "tries" / f"{spec.hash}.json"
    run, begun = _begun(tries, spec)
    if run is None:
        run = store.create(spec, sweep=sweep.name)
    elif run.state == FINISHED:
        return _told(run)
    elif begun >= MOST_TRIES:
        store.mark(run, FAILED, sentence=f"Its process died {begun} times, so it was given up. The log may say why.")
        return _told(run)
    else:
        jobs.ready(run)
    files.write_json(tries, {"run": run.id, "begun": begun + 1})
    with _to_its_log(run), _alone():
        worker.execute(run, slot=slot, shared=True)
    files.write_json(tries, {"run": run.id, "begun": begun})
    return _told(run)


def _begun(tries: Path, spec: RunSpec) -> tuple[Run | None, int]:
    """The run to go on with, and how often its process has died in this start of the sweep."""
    try:
        noted = files.read_json(tries)
        run = Run(store.root() / noted["run"]) if noted["run"] else None
        if run and run.spec.hash == spec.hash and run.state in store.ENDED:
            return run, int(noted["begun"])
        return None, int(noted["begun"])
    except (DamagedRun, KeyError, TypeError, ValueError):
        return None, 0


def _told(run: Run) -> dict[str, Any]:
    return {"run": run.id, "state": run.state, "sentence": run.sentence}


@contextlib.contextmanager
def _to_its_log(run: Run) -> Iterator[None]:
    """What the training prints goes to the run's log, as with a process of its own."""
    with (
        (run.folder / "log.txt").open("a", encoding="utf-8") as log,
        contextlib.redirect_stderr(log),
        contextlib.redirect_stdout(log),
    ):
        yield


def _alone() -> Any:
    """What scikit-learn gives to joblib in a run stays in its thread.

    On Dask it would be sent to the cluster, whose workers wait for this very run.
    """
    if importlib.util.find_spec("joblib") is None:
        return contextlib.nullcontext()
    from joblib import parallel_config

    return parallel_config(backend="sequential")


def _leave_interrupts_to_the_sweep() -> None:
    """Ctrl+C reaches all processes of a terminal; the sweep's own then cancels the runs."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def end_with(parent: int) -> None:
    """Have this worker end when the sweep's process is gone: after its present run, for which nobody else waits."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        with _one_at_a_time:
            os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def forget_tries(sweep: Path, runs: Mapping[str, Run]) -> None:
    """Begin a start of the sweep: no process has died in it, and each run that stands unfinished is gone on with."""
    folder = sweep / "tries"
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.json"):
        path.unlink(missing_ok=True)
    for key, run in runs.items():
        if not run.shipped and run.state in (INTERRUPTED, CANCELLED, FAILED):
            files.write_json(folder / f"{key}.json", {"run": run.id, "begun": 0})


def suspects(sweep: Path) -> set[str]:
    """Hashes of the requests whose process died in this start of the sweep."""
    found = set()
    for path in (sweep / "tries").glob("*.json"):
        with contextlib.suppress(DamagedRun, KeyError, TypeError):
            if files.read_json(path)["begun"]:
                found.add(path.stem)
    return found
