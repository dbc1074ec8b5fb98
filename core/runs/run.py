"""A run on disk, as it is read: what was asked, how it stands, what came of it."""

import functools
import json
import math
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from core import knobs, scenarios
from core.data.ranges import Range
from core.errors import DamagedRun
from core.evaluation import METRICS, ThresholdRule, rule_from_json
from core.knobs import Shape
from core.runs import files, folders
from core.runs.spec import RunSpec
from core.scenarios import Offer

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


@dataclass(frozen=True)
class Run:
    """A run on disk.  Reading never changes it."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def shipped(self) -> bool:
        return self.folder.parent == folders.shipped_root()

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

    @property
    def value_range(self) -> Range | None:
        """The pixel values that became 0 and 255, where its images had more than 8 bits.  Raises DamagedRun."""
        found = self.about.get("value_range")
        if found is None:
            return None
        try:
            low, high = (float(value) for value in found)
        except (TypeError, ValueError):
            low, high = math.nan, math.nan
        if not math.isfinite(low) or not math.isfinite(high) or low > high:
            raise DamagedRun(f"run.json of the run {self.id} has a value_range that isn't two numbers. Train it again.")
        return low, high

    def metrics(self, score: str | None = None) -> dict[str, Any]:
        """The metrics of a score (the headline by default): {auroc: {value, low, high}, ..., by_source}.

        What run folders of an older version lack is undefined.
        """
        return complete(self._result("metrics", score))

    @property
    def ranks(self) -> bool:
        """Whether its test set has novel images: without them nothing is ranked, and there is no AUROC."""
        return self.metrics()["auroc"]["value"] is not None

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


def complete(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics with every key that there is today; one that wasn't computed is undefined."""
    undefined = {"value": None, "low": None, "high": None}
    return {**{name: undefined for name in METRICS}, **metrics}


def snapshot_prefix(stage: str) -> str:
    """What the names of the snapshots of a stage begin with."""
    return stage.replace(" ", "-")


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
