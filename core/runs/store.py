"""The run store: one folder a run, which is the truth about it.

    run.json            format, spec, environment, versions, timings, metrics, thresholds    (by the run's own process)
    state.json          queued, running, finished, failed, cancelled, since when, whose process
    lock                held by the run's process while it lives; so `interrupted` is derived, never written
    progress.jsonl      one line per stage and epoch;  live.json: the epoch that is under way
    detector.safetensors, checkpoint.safetensors (while training)
    test.npz, scores.npz, explanations.npz, portrait.npz, ...

Shipped runs lie in `checkpoints/shipped/`, are read-only and always listed.
"""

import contextlib
import itertools
import re
import shutil
import time
from dataclasses import replace
from typing import Any

from core.errors import DamagedRun, WrongRequest
from core.runs import files, folders
from core.runs.folders import PROJECT, root, shipped_root
from core.runs.run import (
    CANCELLED,
    CONTROLS,
    ENDED,
    FAILED,
    FINISHED,
    FORMAT,
    INTERRUPTED,
    LIVE,
    QUEUED,
    RUNNING,
    UNTRAINED,
    Run,
    held,
    snapshot_prefix,
)
from core.runs.spec import RunSpec

__all__ = [
    "CANCELLED",
    "CONTROLS",
    "ENDED",
    "FAILED",
    "FINISHED",
    "FORMAT",
    "INTERRUPTED",
    "LIVE",
    "PROJECT",
    "QUEUED",
    "RUNNING",
    "UNTRAINED",
    "Run",
    "activity",
    "another_seed",
    "create",
    "damaged",
    "delete",
    "find",
    "held",
    "mark",
    "rename",
    "root",
    "runs",
    "same",
    "shipped_root",
    "snapshot_prefix",
]


def runs() -> list[Run]:
    """All runs that can be read: the user's own, newest first, then the shipped ones in the order they were made."""
    found: list[tuple[bool, float, Run]] = []
    for folder in (root(), folders.shipped_root()):
        for path in folder.iterdir() if folder.is_dir() else ():
            run = Run(path)
            if path.is_dir() and not path.name.startswith(".") and path != folders.shipped_root() and _readable(run):
                created = float(run.about.get("created", 0))
                found.append((run.shipped, created if run.shipped else -created, run))
    return [run for *_, run in sorted(found, key=lambda each: (each[0], each[1], each[2].id))]


def damaged() -> list[str]:
    """Names of folders in the store that are no readable run."""
    folder = root()
    names = (path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else ()
    return sorted(
        n
        for n in names
        if not n.startswith(".") and folder / n != folders.shipped_root() and not _readable(Run(folder / n))
    )


def _readable(run: Run) -> bool:
    try:
        return bool(run.spec.card and run.state and float(run.about.get("created", 0)) >= 0)
    except Exception:  # whatever is wrong with a stranger's folder, it must not take the others from the list
        return False


def find(run_id: str) -> Run:
    """The run of this id, or of an unambiguous beginning of it.  Raises WrongRequest, DamagedRun."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", run_id):
        raise WrongRequest(f"{run_id!r} is not a run id. `python -m core runs` lists them.")
    for folder in (root(), folders.shipped_root()):
        if run_id != "shipped" and (folder / run_id).is_dir():
            run = Run(folder / run_id)
            _ = run.about, run.mark
            return run
    near = [run for run in runs() if run.id.startswith(run_id)]
    if len(near) == 1:
        return near[0]
    raise WrongRequest(
        f"There {'is no run' if not near else f'are {len(near)} runs that begin with'} {run_id}. "
        "`python -m core runs` lists them."
    )


def same(spec: RunSpec) -> Run | None:
    """A run of an equal spec that is finished, queued or running."""
    for run in runs():
        if run.spec.hash == spec.hash and run.state in (QUEUED, RUNNING, FINISHED):
            return run
    return None


def create(spec: RunSpec, **more: Any) -> Run:
    """An empty run folder, queued, its name taken by exclusive mkdir.

    more: what else run.json says from the beginning, e.g. the sweep that it is trained for.
    Raises WrongRequest where the store can't be written.
    """
    folder = root()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        repeat = 1
        while True:
            try:
                path = folder / (spec.slug if repeat == 1 else f"{spec.slug}-{repeat}")
                path.mkdir()
                break
            except FileExistsError:
                repeat += 1
        files.write_json(path / "run.json", {"format": FORMAT, "spec": spec.to_json(), "created": time.time(), **more})
        files.write_json(path / "state.json", {"state": QUEUED, "since": time.time(), "submitted": time.time()})
    except OSError as error:
        raise WrongRequest(
            f"The folder for runs, {folder}, can't be written ({error.strerror}). Set NOVELTY_CHECKPOINTS to another."
        ) from None
    return Run(path)


def mark(run: Run, state: str, **more: Any) -> None:
    """Write the state.  Only the process that owns the run calls this, or one that just found it dead or queued it."""
    kept = {
        name: run.mark[name] for name in ("submitted",) if (run.folder / "state.json").exists() and name in run.mark
    }
    files.write_json(run.folder / "state.json", {**kept, "state": state, "since": time.time(), **more})


def rename(run: Run, name: str) -> None:
    """Give a run a name of up to 80 characters.  Raises WrongRequest."""
    _own(run)
    if not name.strip() or len(name) > 80:
        raise WrongRequest("A run's name has 1 to 80 characters.")
    files.write_json(run.folder / "name.json", {"name": name.strip()})


def delete(run: Run) -> None:
    """Remove an ended run; one that is gone already, deleted in another window, is no mistake.

    Raises WrongRequest for one that is live or shipped.
    """
    _own(run)
    try:
        state = run.state
    except DamagedRun:
        state = RUNNING if held(run.folder / "lock") else FAILED
    if state in LIVE:
        raise WrongRequest(f"{run.id} is {state}. Cancel it before you delete it.")
    # Renamed first, so that a half-deleted folder is never listed.
    trash = run.folder.with_name(f".deleted-{run.id}-{time.time_ns()}")
    with contextlib.suppress(FileNotFoundError):
        run.folder.rename(trash)
    shutil.rmtree(trash, ignore_errors=True)


def _own(run: Run) -> None:
    if run.shipped:
        raise WrongRequest(f"{run.id} is a shipped run and read-only. Train your own to change it.")


def activity() -> tuple[int, int]:
    """(runs in training, runs waiting)."""
    states = [run.state for run in runs() if not run.shipped and run.mark["state"] in LIVE]
    return states.count(RUNNING), states.count(QUEUED)


def another_seed(spec: RunSpec) -> int:
    """The lowest seed above the run's own that no run of the same request has."""
    taken = {run.spec.hash for run in runs() if run.state in (QUEUED, RUNNING, FINISHED)}
    return next(seed for seed in itertools.count(spec.seed + 1) if replace(spec, seed=seed).hash not in taken)
