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
import functools
import itertools
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from core import knobs, scenarios
from core.errors import DamagedRun, WrongRequest
from core.evaluation import METRICS, ThresholdRule, rule_from_json
from core.knobs import Shape
from core.runs import files
from core.runs.spec import RunSpec
from core.scenarios import Offer

PROJECT = Path(__file__).resolve().parents[2]
FORMAT = 1
QUEUED, RUNNING, FINISHED, FAILED, CANCELLED, INTERRUPTED = (
    "queued",
    "running",
    "finished",
    "failed",
    "cancelled",
    "interrupted",
)
LIVE, ENDED = (QUEUED, RUNNING), (FINISHED, FAILED, CANCELLED, INTERRUPTED)
UNTRAINED = "untrained"  # the control line that belongs to the run, not to its task
CONTROLS = {  # the lines that a detector has to beat, by their name in controls.json
    "nearest-pixels": "Five nearest training images, pixels",
    "nearest-pca": "Five nearest training images, 50 principal components",
    "pca-error": "PCA error (95 % of the variance)",
    UNTRAINED: "The same network, untrained",
}
FOLLOWS = {"controls": "The comparison with control lines", "map": "The map of neighbourhoods"}  # once it is finished
# what changes after the first writing
RENEWED = ("state.json", "run.json", "controls.json", "projection.npz", "failures.json", "name.json")
START_GRACE = 20.0  # seconds between submission and the process taking its lock
HEARTBEAT = 60.0  # seconds without a sign of life after which a run on another host counts as interrupted


def root() -> Path:
    """The folder of the user's own runs."""
    return Path(os.environ.get("NOVELTY_CHECKPOINTS") or PROJECT / "checkpoints").resolve()


def shipped_root() -> Path:
    return PROJECT / "checkpoints" / "shipped"


@dataclass(frozen=True)
class Run:
    """A run on disk.  Reading never changes it."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def shipped(self) -> bool:
        return self.folder.parent == shipped_root()

    @property
    def version(self) -> int:
        """Changes whenever state or results change: a key for caches."""
        return max(_mtime(self.folder / name) for name in RENEWED)

    @property
    def about(self) -> dict[str, Any]:
        """run.json.  Raises DamagedRun."""
        content = _json(self.folder / "run.json", _mtime(self.folder / "run.json"))
        if (
            not isinstance(content, dict)
            or content.get("format") != FORMAT
            or not isinstance(content.get("spec"), dict)
        ):
            raise DamagedRun(f"run.json of {self.id} is not of format {FORMAT}. Train the run again with this version.")
        return content

    @property
    def spec(self) -> RunSpec:
        return RunSpec.from_json(self.about["spec"])

    @property
    def name(self) -> str:
        """The name a person gave it, else dataset, classes and method in words."""
        path = self.folder / "name.json"
        try:
            return str(_json(path, _mtime(path))["name"])
        except (DamagedRun, KeyError, TypeError):
            return self.spec.title

    @property
    def mark(self) -> dict[str, Any]:
        """state.json as its process last wrote it.  Raises DamagedRun."""
        content = _json(self.folder / "state.json", _mtime(self.folder / "state.json"))
        whole = isinstance(content, dict) and isinstance(content.get("since"), (int, float))
        if not whole or content.get("state") not in (*LIVE, *ENDED):
            raise DamagedRun(f"state.json of the run {self.id} is damaged. Delete the run, or import it again.")
        return content

    @property
    def state(self) -> str:
        """queued, running, finished, failed, cancelled, or interrupted where its process is gone."""
        written = self.mark["state"]
        return written if written not in LIVE or self.alive else INTERRUPTED

    @property
    def sentence(self) -> str:
        """Why it failed, or an empty text."""
        return str(self.mark.get("sentence", ""))

    @property
    def alive(self) -> bool:
        """Whether its process lives: its lock is held, or, on another host, its heartbeat is young."""
        mark = self.mark
        if mark.get("host") not in (None, socket.gethostname()):
            return time.time() - _mtime(self.folder / "heartbeat") / 1e9 < HEARTBEAT
        if mark["state"] == QUEUED and "pid" not in mark and time.time() - mark["since"] < START_GRACE:
            return True
        return held(self.folder / "lock")

    def metrics(self, score: str | None = None) -> dict[str, Any]:
        """The metrics of a score (the headline by default): {auroc: {value, low, high}, ..., by_source}.

        What run folders of an older version lack is undefined.
        """
        return complete(self._result("metrics", score))

    def threshold(self, score: str | None = None) -> float:
        return float(self._result("thresholds", score))

    def _result(self, kind: str, score: str | None) -> Any:
        name = score or self.spec.card.headline
        try:
            return self.about[kind][name]
        except (KeyError, TypeError):
            raise DamagedRun(
                f"run.json of the run {self.id} has no {kind} of the score {name}. Train it again."
            ) from None

    @property
    def rule(self) -> ThresholdRule:
        """What set its thresholds."""
        stored = self.about.get("rule")
        return rule_from_json(stored) if stored else self.spec.settings.rule()

    @property
    def offer(self) -> Offer:
        """What its task offered, by what the run itself keeps."""
        spec = self.spec
        rule = scenarios.named(spec.scenario)
        return Offer(
            shape=self.shape,
            kind=spec.scenario,
            classes=len(np.unique(self.arrays("train", "classes")["classes"])) if self.has("train") else 1,
            labels=rule.labels,
            seen=rule.sees(knobs.changed(rule.options(), spec.options)),
            train=self.about["counts"]["train"],
            options=spec.options,
        )

    @property
    def controls(self) -> dict[str, Any]:
        """Metrics of the control lines by name; empty until they are computed."""
        path = self.folder / "controls.json"
        content = _json(path, _mtime(path)) if path.exists() else {}
        if not isinstance(content, dict):
            raise DamagedRun(f"controls.json of the run {self.id} is damaged. Train the run again, or import it again.")
        return {name: complete(metrics) if name in CONTROLS else metrics for name, metrics in content.items()}

    def awaited(self, part: str) -> str:
        """Why a part that follows the training isn't there: one of FOLLOWS, in a sentence."""
        path = self.folder / "failures.json"
        failed = _json(path, _mtime(path)) if path.exists() else {}
        title = FOLLOWS[part]
        if isinstance(failed, dict) and part in failed:
            return f"{title} failed: {failed[part]} The run's log has the details."
        if self.alive:
            return f"{title} is being computed by the run's process; reload the page in a moment."
        return f"{title} is missing: the run's process ended before it was computed. Train the run again to have it."

    def arrays(self, file: str, *names: str) -> dict[str, np.ndarray]:
        """Arrays of one npz of the run, e.g. `test`.  Raises DamagedRun."""
        return files.read_arrays(self.folder / f"{file}.npz", *names)

    def has(self, file: str) -> bool:
        return (self.folder / f"{file}.npz").exists()

    def scores(self, score: str | None = None, split: str = "test") -> np.ndarray:
        """float64 [N] of one score, higher = more novel."""
        name = f"{split}/{score or self.spec.card.headline}"
        return self.arrays("scores", name)[name]

    def held_out_scores(self, score: str | None = None) -> np.ndarray:
        """float64 [V] of the validation images, from which thresholds and percentiles come.

        They are what the task calls normal: where its training set is impure, so are they, and no label says which.
        """
        return self.scores(score, "valid")

    def training_scores(self, score: str | None = None) -> np.ndarray | None:
        """float64 [n] of training images, a seeded choice where there are many; None in run folders without them."""
        name = f"train/{score or self.spec.card.headline}"
        stored = self.arrays("scores")
        return stored.get(name)

    @property
    def shape(self) -> Shape:
        """(C, H, W) of its images, without reading them.  Raises DamagedRun."""
        count_and_shape = files.array_shape(self.folder / "test.npz", "images")
        if len(count_and_shape) != 4:
            raise DamagedRun(f"The test images of the run {self.id} are no images. Train it again, or import it again.")
        return count_and_shape[1:]  # type: ignore[return-value]

    @property
    def novel(self) -> np.ndarray:
        """uint8 [T]: 1 where the test image is novel."""
        return self.arrays("test", "novel")["novel"]

    def progress(self) -> list[dict[str, Any]]:
        """One entry per stage and epoch, in order; the last line written for each counts, a torn line doesn't."""
        path = self.folder / "progress.jsonl"
        return _progress(path, _mtime(path))

    def live(self) -> dict[str, Any]:
        """Where the training stands in its epoch: stage, epoch, epochs, share, rate, eta; empty before it starts."""
        path = self.folder / "live.json"
        try:
            return files.read_json(path) if path.exists() else {}
        except DamagedRun:
            return {}

    def snapshots(self, stage: str | None = None) -> dict[int, str]:
        """epoch -> what `arrays` reads, in order, of a replayed stage, by default the last that has some."""
        replayed = [record.name for record in self.spec.card.replayed]
        for name in [stage] if stage else reversed(replayed):
            prefix = f"{snapshot_prefix(name)}-"
            found = {
                path.stem.removeprefix(prefix): path for path in (self.folder / "snapshots").glob(f"{prefix}*.npz")
            }
            if name == replayed[-1]:  # run folders of before several stages were replayed name the epoch alone
                found |= {path.stem: path for path in (self.folder / "snapshots").glob("[0-9]*.npz")}
            epochs = sorted((int(epoch), path.stem) for epoch, path in found.items() if epoch.isdigit())
            if epochs:
                return {epoch: f"snapshots/{stem}" for epoch, stem in epochs}
        return {}

    def log(self, most: int = 20_000) -> str:
        """The end of its log."""
        path = self.folder / "log.txt"
        return path.read_text(encoding="utf-8", errors="replace")[-most:] if path.exists() else ""


def runs() -> list[Run]:
    """All runs that can be read: the user's own, newest first, then the shipped ones in the order they were made."""
    found: list[tuple[bool, float, Run]] = []
    for folder in (root(), shipped_root()):
        for path in folder.iterdir() if folder.is_dir() else ():
            run = Run(path)
            if path.is_dir() and not path.name.startswith(".") and path != shipped_root() and _readable(run):
                created = float(run.about.get("created", 0))
                found.append((run.shipped, created if run.shipped else -created, run))
    return [run for *_, run in sorted(found, key=lambda each: (each[0], each[1], each[2].id))]


def damaged() -> list[str]:
    """Names of folders in the store that are no readable run."""
    folder = root()
    names = (path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else ()
    return sorted(
        n for n in names if not n.startswith(".") and folder / n != shipped_root() and not _readable(Run(folder / n))
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
    for folder in (root(), shipped_root()):
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


def create(spec: RunSpec) -> Run:
    """An empty run folder, queued, its name taken by exclusive mkdir.

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
        files.write_json(path / "run.json", {"format": FORMAT, "spec": spec.to_json(), "created": time.time()})
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


def held(path: Path) -> bool:
    """Whether some process holds this lock file."""
    if not path.exists():
        return False
    for _ in range(2):  # a second look: the first may have met another reader that was looking too
        lock = FileLock(path, is_singleton=False)
        try:
            lock.acquire(timeout=0.02, poll_interval=0.005)
        except Timeout:
            continue
        lock.release()
        return False
    return True


def activity() -> tuple[int, int]:
    """(runs in training, runs waiting)."""
    states = [run.state for run in runs() if not run.shipped and run.mark["state"] in LIVE]
    return states.count(RUNNING), states.count(QUEUED)


def complete(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics with every key that there is today; one that wasn't computed is undefined."""
    undefined = {"value": None, "low": None, "high": None}
    return {**{name: undefined for name in METRICS}, **metrics}


def snapshot_prefix(stage: str) -> str:
    """What the names of the snapshots of a stage begin with."""
    return stage.replace(" ", "-")


def another_seed(spec: RunSpec) -> int:
    """The lowest seed above the run's own that no run of the same request has."""
    taken = {run.spec.hash for run in runs() if run.state in (QUEUED, RUNNING, FINISHED)}
    return next(seed for seed in itertools.count(spec.seed + 1) if replace(spec, seed=seed).hash not in taken)


def _mtime(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(maxsize=2048)
def _json(path: Path, mtime: int) -> Any:
    return files.read_json(path)


@functools.lru_cache(maxsize=64)
def _progress(path: Path, mtime: int) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    entries: dict[tuple[int, int], dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
            entries[int(entry["number"]), int(entry["epoch"])] = entry
        except (ValueError, KeyError, TypeError):
            continue  # torn by a kill
    return [entries[key] for key in sorted(entries)]
