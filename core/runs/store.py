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
import errno
import itertools
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from core.errors import DamagedRun, WrongRequest
from core.runs import files, folders, locks
from core.runs.folders import PROJECT, root, shipped_root
from core.runs.locks import held
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
    snapshot_prefix,
)
from core.runs.spec import RunSpec

Answer = TypeVar("Answer")

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
    "answers",
    "another_seed",
    "create",
    "damage",
    "damaged",
    "delete",
    "find",
    "free_names",
    "held",
    "leave_out",
    "mark",
    "own",
    "placed",
    "rename",
    "root",
    "runs",
    "same",
    "shipped_root",
    "snapshot_prefix",
    "those",
    "written",
]


def runs() -> list[Run]:
    """All runs that can be read: the user's own, newest first, then the shipped ones in the order they were made.

    One that is deleted while this looks is left out, as are the damaged ones.
    """
    found: list[tuple[bool, float, Run]] = []
    for run in (*_folders(root()), *_folders(folders.shipped_root())):
        if not damage(run):
            with contextlib.suppress(DamagedRun):
                created = run.about["created"]
                found.append((run.shipped, created if run.shipped else -created, run))
    return [run for *_, run in sorted(found, key=lambda each: (each[0], each[1], each[2].id))]


def answers(ask: Callable[[Run], Answer]) -> dict[Run, Answer]:
    """What each run answers, in the order of `runs`, without any that is deleted while this asks."""
    found = {}
    for run in runs():
        with contextlib.suppress(DamagedRun):
            found[run] = ask(run)
    return found


def those(fits: Callable[[Run], bool]) -> list[Run]:
    """The runs for which it holds, as `answers`."""
    return [run for run, fit in answers(fits).items() if fit]


def damaged() -> list[str]:
    """Names of folders in the user's store that are no readable run."""
    return sorted(run.id for run in _folders(root()) if damage(run))


def damage(run: Run) -> str:
    """What is wrong with a run, as a sentence, as far as is known; an empty text where nothing is.

    What every list shows is looked at; of the rest what some reader stumbled over (`leave_out`).
    """
    changed, sentence = _found_damaged.get(run.folder, (0, ""))
    if sentence and changed == _last_change(run.folder):
        return sentence
    try:
        _ = run.about, run.state
    except DamagedRun as error:
        return str(error)
    return ""


def leave_out(error: DamagedRun) -> bool:
    """List a run as damaged from now on, in this process, until something in its folder changes.

    So one bad file of one run keeps no page from showing the others.  Returns whether that was news.
    """
    if error.folder is None or damage(Run(error.folder)):
        return False
    _found_damaged[error.folder] = _last_change(error.folder), str(error)
    return True


_found_damaged: dict[Path, tuple[int, str]] = {}  # folder of a run -> its last change, what was wrong with it then


def _last_change(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return max((path.stat().st_mtime_ns for path in (folder, *folder.rglob("*"))), default=0)
    return 0


def _folders(folder: Path) -> list[Run]:
    """What lies in a folder of runs and isn't hidden, readable or not."""
    try:
        found = list(folder.iterdir())
    except OSError:
        return []
    return [
        Run(path)
        for path in found
        if not path.name.startswith(".") and path != folders.shipped_root() and path.is_dir()
    ]


def own(name: str) -> Run:
    """What lies under this name among the user's own runs, readable or not."""
    return Run(root() / name)


def find(run_id: str) -> Run:
    """The run of this id, or of an unambiguous beginning of it.  Raises WrongRequest, DamagedRun."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", run_id):
        raise WrongRequest(f"{run_id!r} is not a run id. `python -m core runs` lists them.")
    for folder in (root(), folders.shipped_root()):
        if run_id != "shipped" and (folder / run_id).is_dir():
            run = Run(folder / run_id)
            if told := damage(run):
                raise DamagedRun(told, run.folder)
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
    return next(iter(those(lambda run: run.spec.hash == spec.hash and run.state in (QUEUED, RUNNING, FINISHED))), None)


def free_names(slug: str) -> Iterator[str]:
    """Ids for a run, `slug`, `slug-2` and so on, without those of shipped runs: an id names one run.

    The user's own are told apart by an exclusive mkdir.
    """
    numbered = itertools.chain([slug], (f"{slug}-{repeat}" for repeat in itertools.count(2)))
    return (name for name in numbered if not (folders.shipped_root() / name).exists())


def create(spec: RunSpec, **more: Any) -> Run:
    """A queued run, whose lock this process keeps until it trains it or hands it over to the one that does.

    Its folder appears whole or not at all.  more: what else run.json says from the beginning, e.g. the sweep that it is
    trained for.  Raises WrongRequest where the store can't be written.
    """
    now = time.time()
    with written():
        root().mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=".new-", dir=root()))
        try:
            making.chmod(0o755)
            locks.keep(making)
            about = {"format": FORMAT, "spec": spec.to_json(), "created": now, **more}
            files.write_json(making / "run.json", about)
            queued = {"state": QUEUED, "since": now, "submitted": now, "host": socket.gethostname()}
            files.write_json(making / "state.json", queued)
            (making / "heartbeat").touch()
            path = placed(making, spec.slug)
            locks.moved(making, path)
        except BaseException:
            locks.let_go(making)
            shutil.rmtree(making, ignore_errors=True)
            raise
    return Run(path)


def placed(folder: Path, slug: str) -> Path:
    """The folder under the first free id; a folder that holds something is never replaced."""
    for name in free_names(slug):
        with contextlib.suppress(FileExistsError, NotADirectoryError):
            try:
                return folder.rename(folder.with_name(name))
            except OSError as error:
                if error.errno != errno.ENOTEMPTY:
                    raise
    raise AssertionError("there are numbers enough")


@contextlib.contextmanager
def written() -> Iterator[None]:
    """Tells a person that the store can't be written.  Raises WrongRequest in place of OSError."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "Free some space." if full else "Set NOVELTY_CHECKPOINTS to another."
        raise WrongRequest(
            f"The folder for runs, {root()}, can't be written ({error.strerror or error}). {advice}"
        ) from None


def mark(run: Run, state: str, **more: Any) -> None:
    """Write the state.  Only the process that owns the run calls this, or one that just found it dead or queued it."""
    kept = {}
    with contextlib.suppress(DamagedRun):  # this writes it anew
        kept = {name: run.mark[name] for name in ("submitted",) if name in run.mark}
    files.write_json(run.folder / "state.json", {**kept, "state": state, "since": time.time(), **more})


def rename(run: Run, name: str) -> None:
    """Give a run a name of up to 80 characters.  Raises WrongRequest."""
    _own(run)
    if not name.strip() or len(name) > 80:
        raise WrongRequest("A run's name has 1 to 80 characters.")
    with written():
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
    states = answers(lambda run: "" if run.shipped or run.mark["state"] not in LIVE else run.state).values()
    return sum(state == RUNNING for state in states), sum(state == QUEUED for state in states)


def another_seed(spec: RunSpec) -> int:
    """The lowest seed above the run's own that no run of the same request has."""
    taken = {run.spec.hash for run in those(lambda run: run.state in (QUEUED, RUNNING, FINISHED))}
    return next(seed for seed in itertools.count(spec.seed + 1) if replace(spec, seed=seed).hash not in taken)
