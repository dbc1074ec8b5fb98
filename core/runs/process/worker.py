"""What a run's own process does: take its lock, wait for a slot, train, evaluate, store, compute the control lines.

The process imports no torch until it holds a slot. All state it writes is true after any crash: files are renamed into
place, the lock falls with the process.
"""

import contextlib
import importlib.metadata
import json
import math
import os
import platform
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.errors import Cancelled, NoveltyError, RunFailed, WrongRequest
from core.runs import files, store
from core.runs.process import machine
from core.runs.store import Run

CHECKPOINT_SECONDS = 10.0  # a kill costs at most this much training, and one epoch
LIVE_SECONDS = 0.3
SMALL_IMAGE = (
    256  # pixels up to which two threads wait for each other longer than they work: one is as fast, and steadier
)
News = Callable[[dict[str, Any]], None]


def quiet(news: dict[str, Any]) -> None:
    """Tell nobody."""


def execute(run: Run, listen: News = quiet, *, own_process: bool = False) -> Run:
    """Train a queued run, or go on with an interrupted one, in this process; ends in one of the end states.

    listen: called with what also goes to live.json.  own_process: the process ends with the run, so it may give up
    priority: pages answer before it trains, other trainings go before its control lines.  Raises WrongRequest where
    another process has the run.
    """
    try:
        lock = FileLock(run.folder / "lock", is_singleton=False).acquire(timeout=5)
    except Timeout:
        raise WrongRequest(f"{run.id} is already being trained by another process.") from None
    with lock, _heartbeat(run):
        mine = {"pid": os.getpid(), "host": socket.gethostname()}
        try:
            store.mark(run, store.QUEUED, **mine)
            with _slot(run):
                store.mark(run, store.RUNNING, **mine)
                if own_process:
                    _step_back()
                after = _train(run, listen)
            store.mark(run, store.FINISHED)
            if own_process:
                _step_back()
            _afterwards(after)
        except (KeyboardInterrupt, Cancelled):
            store.mark(run, store.CANCELLED)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            store.mark(run, store.FAILED, sentence=_sentence(error))
        finally:
            (run.folder / "cancel").unlink(missing_ok=True)
            (run.folder / "live.json").unlink(missing_ok=True)
    return run


def _step_back() -> None:
    """Lower the priority of this process by a step.

    On two cores that both train, a page takes 1.3 instead of 1.7 times as long as on an idle machine.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)


def _sentence(error: Exception) -> str:
    if isinstance(error, NoveltyError):
        return str(error)
    if isinstance(error, OSError) and error.errno == 28:
        return "The disk is full. Free some space, then resume the run."
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "The memory is full. Choose a smaller batch or network, or the device cpu."
    return f"The training stopped on an error ({type(error).__name__}); the log has the details."


# --- slots ------------------------------------------------------------------------------------------------------------


def slots() -> list[Path]:
    """The lock files of all slots: one per GPU, else NOVELTY_SLOTS (default 1) on the CPU."""
    count = int(os.environ.get("NOVELTY_SLOTS") or len(machine.gpus()) or 1)
    folder = store.root() / ".slots"
    folder.mkdir(parents=True, exist_ok=True)
    return [folder / f"{number}.lock" for number in range(count)]


@contextlib.contextmanager
def _slot(run: Run) -> Iterator[None]:
    """Hold a slot; wait while all are taken or an older run waits.  Raises Cancelled."""
    from core.runs.process.jobs import waiting

    while True:
        if (run.folder / "cancel").exists():
            raise Cancelled
        older = [each.id for each in waiting()]
        if not older or older[0] == run.id or run.id not in older:
            for number, path in enumerate(slots()):
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


def _train(run: Run, listen: News) -> Callable[[], None]:
    """Train, evaluate and store; returns what is left to do at lower priority."""
    import torch

    from core import methods, scenarios, training
    from core.methods.base import build
    from core.runs import preview
    from core.runs.results import evaluation, projection
    from core.training.device import deterministic

    spec, started = run.spec, time.time()
    about = dict(run.about)
    task = scenarios.build(spec.task)
    if "environment" in about:  # a resume trains with the threads that it began with
        torch.set_num_threads(about["environment"]["threads"])
    else:
        if math.prod(task.shape) <= SMALL_IMAGE:
            torch.set_num_threads(1)
        about |= {"environment": environment(spec.device), "command": preview.command(spec), "started": started}
        files.write_json(run.folder / "run.json", about)
    device = training.choose(spec.device)
    deterministic(device)
    tensors = training.on_device(task, device)
    probe = evaluation.probe(task)
    files.write_arrays(run.folder / "probe.npz", probe)
    probe_tensor = torch.from_numpy(probe["images"]).to(device)
    detector = build(methods.load(spec.method), spec.settings, task.shape, spec.seed).to(device)

    resume = None
    kept = run.folder / "checkpoint.safetensors"
    if kept.exists():
        resume = training.Checkpoint(**files.read_state(kept))
    progress = _progress_class()(run, listen, resume)
    at_epochs = evaluation.snapshot_epochs(getattr(spec.settings, spec.card.epochs))
    main = spec.card.main_stage
    (run.folder / "snapshots").mkdir(exist_ok=True)
    last_kept = time.monotonic()

    def after_epoch(stage: int, epoch: int, checkpoint: Callable[[], training.Checkpoint]) -> None:
        nonlocal last_kept
        if stage == main and epoch in at_epochs:
            files.write_arrays(run.folder / "snapshots" / f"{epoch:05d}.npz", detector.snapshot(probe_tensor))
        if time.monotonic() - last_kept > CHECKPOINT_SECONDS:
            files.write_state(kept, vars(checkpoint()))
            last_kept = time.monotonic()

    training.train(detector, tensors, seed=spec.seed, progress=progress, after_epoch=after_epoch, resume=resume)
    if not all(torch.isfinite(v).all() for v in _tensors(detector.state())):
        raise RunFailed("The training diverged: a weight is no longer a number. Choose a smaller learning rate.")
    progress.say("evaluate")
    files.write_state(run.folder / "detector.safetensors", detector.state())
    results = evaluation.store(run, detector, task, tensors)
    evaluation.neighbours(run, task, tensors)
    projection.store_plane(run, detector, task)
    timings = {
        "training": round(sum(line["seconds"] for line in run.progress()), 3),  # before an interruption too
        "total": round(time.time() - started, 3),
    }
    files.write_json(run.folder / "run.json", about | results | {"timings": timings, "finished": time.time()})
    kept.unlink(missing_ok=True)

    def afterwards() -> None:
        evaluation.controls(run, task, tensors)
        projection.store_map(run)

    return afterwards


def _tensors(state: Any) -> Iterator[Any]:
    """All floating tensors of a nested state."""
    if isinstance(state, dict):
        for value in state.values():
            yield from _tensors(value)
    elif hasattr(state, "is_floating_point") and state.is_floating_point():
        yield state


def _afterwards(work: Callable[[], None]) -> None:
    """Do the rest; a failure or Ctrl+C there leaves the run finished and is in the log."""
    try:
        work()
    except (Exception, KeyboardInterrupt):
        traceback.print_exc(file=sys.stderr)


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


def _progress_class() -> type:
    """The progress that writes files; made here because its base class loads torch."""
    from core.training import Checkpoint, Progress

    class RunProgress(Progress):
        """Appends to progress.jsonl each epoch, keeps live.json fresh, looks for the cancel file at each batch."""

        def __init__(self, run: Run, listen: News, resume: Checkpoint | None) -> None:
            self.run, self.listen = run, listen
            self.path = run.folder / "progress.jsonl"
            self.cancel = os.fspath(run.folder / "cancel")
            self.resumed = resume
            if self.path.exists() and not self.path.read_bytes().endswith(b"\n"):
                with self.path.open("a") as stream:
                    stream.write("\n")
            self.shown = 0.0

        def stage(self, name: str, number: int, stages: int, epochs: int, samples: int) -> None:
            self.at: dict[str, Any] = {"stage": name, "number": number, "stages": stages, "epochs": epochs}
            self.samples, self.seen = max(samples, 1), 0
            first = self.resumed.epoch if self.resumed and self.resumed.stage == number else 0
            self.before = first * samples // max(epochs, 1)
            self.number = first + 1
            self.began = self.epoch_began = time.monotonic()
            self.epoch_seen = 0
            self._show()

        def step(self, samples: int) -> None:
            if os.path.exists(self.cancel):
                raise Cancelled
            self.seen += samples
            self.epoch_seen += samples
            if time.monotonic() - self.shown > LIVE_SECONDS:
                self._show()

        def epoch(self, number: int, curves: dict[str, float]) -> None:
            seconds = time.monotonic() - self.epoch_began
            rate = self.epoch_seen / seconds if seconds > 0 else 0.0
            line = {
                **self.at,
                "epoch": number,
                "curves": curves,
                "seconds": round(seconds, 4),
                "rate": round(rate, 1),
                "time": time.time(),
            }
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
            self.number, self.epoch_seen, self.epoch_began = number + 1, 0, time.monotonic()
            self._show(curves)

        def say(self, stage: str) -> None:
            """Name what happens after the training."""
            self.at |= {"stage": stage, "epochs": 1}
            self.number = 1
            self._show()

        def _show(self, curves: dict[str, float] | None = None) -> None:
            self.shown = time.monotonic()
            rate = self.seen / max(self.shown - self.began, 1e-9)
            left = max(self.samples - self.before - self.seen, 0)
            news = {
                **self.at,
                "epoch": min(self.number, self.at["epochs"]),
                "share": min((self.before + self.seen) / self.samples, 1.0),
                "rate": round(rate, 1),
                "eta": round(left / rate, 1) if rate > 0 else None,
                "curves": curves or {},
            }
            files.write_json(self.run.folder / "live.json", news)
            self.listen(news)

    return RunProgress
