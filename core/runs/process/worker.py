"""What a run's own process does: take its lock, wait for a slot, train, evaluate, store, compute the control lines.

The process imports no torch until it holds a slot. All state it writes is true after any crash: files are renamed into
place, the lock falls with the process.
"""

import contextlib
import functools
import importlib.metadata
import math
import os
import platform
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import Cancelled, DamagedRun, NoveltyError, RunFailed, WrongRequest
from core.runs import files, locks, store
from core.runs.process import machine, slots
from core.runs.store import Run

if TYPE_CHECKING:
    from core.methods.base import Detector
    from core.runs.process.progress import RunProgress
    from core.scenarios import Task
    from core.training import Checkpoint, TaskTensors

CHECKPOINT_SECONDS = 10.0  # a kill costs at most this much training, and one epoch
SMALL_IMAGE = (
    256  # pixels up to which two threads wait for each other longer than they work: one is as fast, and steadier
)
SPARE, SPARED = ".spare", 65_536  # a file that makes room for the last words where the disk is full, and its bytes
News = Callable[[dict[str, Any]], None]
FOLLOWING = {  # names of the bars of what follows, in the order in which pages ask for it
    "reasons": "reasons",
    "portrait": "portrait",
    "plane": "plane",
    "controls": "control lines",
    "map": "map of neighbourhoods",
}


def quiet(news: dict[str, Any]) -> None:
    """Tell nobody."""


def execute(
    run: Run, listen: News = quiet, *, own_process: bool = False, slot: bool = True, shared: bool = False
) -> Run:
    """Train a queued run, or go on with an interrupted one, in this process; ends in one of the end states.

    listen: called with what also goes to live.json.  own_process: the process ends with the run, so it may give up
    priority: pages answer before it trains, other trainings go before its control lines.  slot: whether it waits for
    one of this machine's.  shared: the process trains others after it, so it is not to be ended for the run's sake.
    Raises WrongRequest where another process has the run.
    """
    with locks.taken(run.folder, patience=5) as mine:
        if not mine:
            raise WrongRequest(f"{run.id} is already being trained by another process.")
        if run.mark["state"] == store.FINISHED:
            raise WrongRequest(f"{run.id} is finished already.")
        with _heartbeat(run):
            _execute(run, listen, own_process, slot, shared)
    return run


def _execute(run: Run, listen: News, own_process: bool, slot: bool, shared: bool) -> None:
    """The same, under the run's lock."""
    process = {"pid": os.getpid(), "host": socket.gethostname()} | ({"shared": True} if shared else {})
    try:
        (run.folder / SPARE).write_bytes(os.urandom(SPARED))
        store.mark(run, store.QUEUED, **process)
        with slots.slot(run) if slot else contextlib.nullcontext():
            store.mark(run, store.RUNNING, **process)
            if own_process:
                machine.step_back()
            after = _train(run, listen)
        store.mark(run, store.FINISHED, **_to_come(after))
        if own_process:
            machine.step_back()
        _afterwards(run, after)
    except (KeyboardInterrupt, Cancelled):
        _end(run, store.CANCELLED)
    except Exception as error:
        with contextlib.suppress(OSError):  # a full disk takes no log either
            traceback.print_exc(file=sys.stderr)
        _end(run, store.FAILED, sentence=_sentence(error))
    finally:
        for name in ("cancel", "live.json", SPARE):
            (run.folder / name).unlink(missing_ok=True)


def _to_come(parts: Mapping[str, Any]) -> dict[str, list[str]]:
    return {"follows": list(parts)} if parts else {}


def _end(run: Run, state: str, **more: Any) -> None:
    """Write an end state, on a full disk into the room that was spared for it.

    Where even that fails the run is interrupted: its lock falls with this.
    """
    (run.folder / SPARE).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        store.mark(run, state, **more)


def _sentence(error: BaseException) -> str:
    if isinstance(error, NoveltyError):
        return str(error)
    if isinstance(error, OSError) and error.errno == 28:
        return "The disk is full. Free some space, then resume the run."
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "The memory is full. Choose a smaller batch or network, or the device cpu."
    return f"The training stopped on an error ({type(error).__name__}); the log has the details."


@contextlib.contextmanager
def _heartbeat(run: Run) -> Iterator[None]:
    """Touch the run's heartbeat file every five seconds, for readers on other hosts."""
    done = threading.Event()

    def beat() -> None:
        while not done.is_set():
            with contextlib.suppress(OSError):
                (run.folder / "heartbeat").touch()
            done.wait(5)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()


# --- training ---------------------------------------------------------------------------------------------------------


def _train(run: Run, listen: News) -> dict[str, Callable[[], None]]:
    """Train, evaluate and store; returns what is left to do at lower priority, by its name in run.FOLLOWS."""
    started = time.time()  # before torch loads, for which a person waits too
    import torch

    from core import methods, training
    from core.methods.base import build
    from core.runs import command_line
    from core.runs.process.progress import RunProgress
    from core.runs.process.task_cache import default_threads, loaded
    from core.runs.results import page_arrays
    from core.training.device import deterministic

    spec, about = run.spec, dict(run.about)
    threads = default_threads()  # before this run's are set: another one may follow in this process
    device = training.choose(spec.device)
    deterministic(device)
    task, tensors = loaded(spec.task, device)
    if "environment" in about:  # a resume trains with the threads that it began with
        torch.set_num_threads(about["environment"]["threads"])
    else:
        torch.set_num_threads(1 if math.prod(task.shape) <= SMALL_IMAGE else threads)
        about |= {"environment": environment(spec.device), "command": command_line.command(spec), "started": started}
        about["value_range"] = task.pools[0].value_range
        files.write_json(run.folder / "run.json", about)
    probe_tensor = torch.from_numpy(page_arrays.store_probe(run, task)["images"]).to(device)
    detector = build(methods.load(spec.method), spec.settings, task.shape, spec.seed).to(device)

    kept = run.folder / "checkpoint.safetensors"
    resume = _checkpoint(kept)
    progress = RunProgress(run, listen, resume)
    (run.folder / "snapshots").mkdir(exist_ok=True)
    last_kept = time.monotonic()

    def after_epoch(stage: training.Stage, number: int, checkpoint: Callable[[], training.Checkpoint]) -> None:
        nonlocal last_kept
        if stage.record.replay and (stage.settled or number in page_arrays.snapshot_epochs(stage.epochs)):
            name = f"{store.snapshot_prefix(stage.record.name)}-{number:05d}.npz"
            files.write_arrays(run.folder / "snapshots" / name, detector.snapshot(probe_tensor, stage.record.name))
        if time.monotonic() - last_kept > CHECKPOINT_SECONDS:
            files.write_state(kept, vars(checkpoint()))
            last_kept = time.monotonic()

    training.train(detector, tensors, seed=spec.seed, progress=progress, after_epoch=after_epoch, resume=resume)
    if not all(torch.isfinite(v).all() for v in _tensors(detector.state())):
        raise RunFailed("The training diverged: a weight is no longer a number. Choose a smaller learning rate.")
    progress.say("evaluate", 0.0)
    files.write_state(run.folder / "detector.safetensors", detector.state())
    results = page_arrays.store_scores(run, detector, task)
    progress.say("nearest images", 0.9)
    page_arrays.neighbours(run, task, tensors)
    timings = {
        "training": round(sum(line["seconds"] for line in run.progress()), 3),  # before an interruption too
        "total": round(time.time() - started, 3),
    }
    ended = {"arrays": files.described(run.folder), "timings": timings, "finished": time.time()}
    files.write_json(run.folder / "run.json", about | results | ended)
    kept.unlink(missing_ok=True)

    parts = _following(run, task, tensors, lambda: detector)
    return {
        name: partial(_told, progress, name, place / len(parts), work)
        for place, (name, work) in enumerate(parts.items())
    }


def _told(progress: "RunProgress", part: str, share: float, work: Callable[[], None]) -> None:
    """Do a part that follows the training, with a bar of its name."""
    progress.say(FOLLOWING[part], share)
    work()


def _checkpoint(path: Path) -> "Checkpoint | None":
    """Where an earlier process left off; None where there is nothing, or nothing that can be read: from the start."""
    from core.training import Checkpoint

    try:
        return Checkpoint(**files.read_state(path)) if path.exists() else None
    except (DamagedRun, TypeError):
        print(f"{path.name} can't be read, so the training begins anew.", file=sys.stderr)
        return None


def _tensors(state: Any) -> Iterator[Any]:
    """All floating tensors of a nested state."""
    if isinstance(state, dict):
        for value in state.values():
            yield from _tensors(value)
    elif hasattr(state, "is_floating_point") and state.is_floating_point():
        yield state


def _following(
    run: Run, task: "Task", tensors: "TaskTensors", trained: Callable[[], "Detector"]
) -> dict[str, Callable[[], None]]:
    """What is computed once the scores are there, by its name in run.FOLLOWS, in the order in which pages ask for it.

    trained: gives the run's detector.
    """
    from core.runs.results import controls, page_arrays, projection

    parts: dict[str, Callable[[], None]] = {
        "reasons": lambda: page_arrays.store_reasons(run, trained(), task),
        "portrait": lambda: page_arrays.store_portrait(run, trained(), tensors),
        "plane": lambda: projection.store_plane(run, trained(), task),
        "controls": lambda: controls.controls(run, task, tensors),
        "map": lambda: projection.store_map(run),
    }
    if "sweep" in run.about:  # a map takes longer than most trainings of a sweep, and shows a single one of them
        del parts["map"]
    return parts


def complete(run: Run) -> None:
    """Compute what follows a finished run, where its process was killed before; nothing where another one has it."""
    with locks.taken(run.folder) as mine:
        if mine and run.mark["state"] == store.FINISHED and run.mark.get("follows"):
            machine.step_back()
            with _heartbeat(run):
                _afterwards(run, _left(run))


def _left(run: Run) -> dict[str, Callable[[], None]]:
    """What state.json says is still to come, on the task as it was; each raises where the task can't be had."""
    from core import scenarios, training
    from core.runs.results.detectors import load_detector, require_same_images
    from core.training.device import deterministic

    def fail(error: Exception) -> None:
        raise error

    @functools.cache
    def trained() -> "Detector":
        detector = load_detector(run, run.spec.device)
        detector.regain(tensors)
        return detector

    names = run.mark["follows"]
    try:
        task = scenarios.build(run.spec.task)
        require_same_images(run, task)
        device = training.choose(run.spec.device)
        deterministic(device)
        tensors = training.on_device(task, device)
        parts = _following(run, task, tensors, trained)
    except Exception as error:
        return {name: partial(fail, error) for name in names}
    return {name: work for name, work in parts.items() if name in names}


def _afterwards(run: Run, parts: Mapping[str, Callable[[], None]]) -> None:
    """Do the rest; a failure or Ctrl+C there leaves the run finished, and is kept with it and in the log."""
    failures: dict[str, str] = {}
    left = dict(parts)
    for name, work in parts.items():
        try:
            work()
        except (Exception, KeyboardInterrupt) as error:
            with contextlib.suppress(OSError):
                traceback.print_exc(file=sys.stderr)
            failures[name] = _sentence(error)
        del left[name]
        with contextlib.suppress(OSError, DamagedRun):  # the run may have been deleted meanwhile
            store.mark(run, store.FINISHED, since=run.mark["since"], **_to_come(left))
    with contextlib.suppress(OSError):  # the run may have been deleted meanwhile
        if failures:
            files.write_json(run.folder / "failures.json", failures)
        else:
            (run.folder / "failures.json").unlink(missing_ok=True)


def environment(device: str) -> dict[str, Any]:
    """Machine, thread count and library versions, as far as they decide a result."""
    import torch

    from core import training

    chosen = training.choose(device)
    names = ("torch", "numpy", "scikit-learn", "safetensors")
    return {
        "device": chosen.type,
        "gpu": torch.cuda.get_device_name() if chosen.type == "cuda" else None,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": {name: importlib.metadata.version(name) for name in names},
    }
