"""A run on disk, as it is read: what was asked, how it stands, what came of it."""

import contextlib
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core import knobs, scenarios
from core.data.ranges import Range
from core.errors import DamagedRun, WrongRequest
from core.evaluation import METRICS, ThresholdRule, rule_from_json
from core.knobs import Shape
from core.runs import checks, files, folders
from core.runs.living import (
    CANCELLED,
    ENDED,
    FAILED,
    FINISHED,
    HEARTBEAT,
    INTERRUPTED,
    LIVE,
    QUEUED,
    RUNNING,
    Living,
)
from core.runs.spec import RunSpec
from core.scenarios import Offer

__all__ = [
    "CANCELLED",
    "CONTROLS",
    "ENDED",
    "FAILED",
    "FINISHED",
    "FORMAT",
    "HEARTBEAT",
    "INTERRUPTED",
    "LIVE",
    "QUEUED",
    "RUNNING",
    "UNTRAINED",
    "Run",
    "complete",
    "snapshot_prefix",
]
FORMAT = 1
UNTRAINED = "untrained"  # the control line that belongs to the run, not to its task
CONTROLS = {  # the lines that a detector has to beat, by their name in controls.json
    "nearest-pixels": "Five nearest training images, pixels",
    "nearest-pca": "Five nearest training images, 50 principal components",
    "pca-error": "PCA error (95 % of the variance)",
    UNTRAINED: "The same network, untrained",
}
LINES: checks.Shape = {**{f"{name}?": checks.METRICS_OF_ONE for name in CONTROLS}, **checks.TRIVIAL}  # controls.json
FOLLOWS = {  # once it is finished
    "reasons": "What the detector says of each image",
    "portrait": "The portrait of the detector",
    "plane": "The plane of the embedding",
    "controls": "The comparison with control lines",
    "map": "The map of neighbourhoods",
}
# what changes after the first writing
RENEWED = ("state.json", "run.json", "controls.json", "projection.npz", "failures.json", "name.json")


class Run(Living):
    """A run on disk.  Reading never changes it."""

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
        """run.json, checked: every entry that is there is what it should be.  Raises DamagedRun."""
        return _about(self.folder / "run.json", _mtime(self.folder / "run.json"))

    @property
    def spec(self) -> RunSpec:
        return RunSpec.from_json(self.about["spec"])

    @property
    def name(self) -> str:
        """The name a person gave it, else dataset, classes and method in words."""
        path = self.folder / "name.json"
        try:
            return _json(path, _mtime(path), "name")["name"]
        except DamagedRun:
            pass
        try:
            return self.spec.title
        except DamagedRun:
            return self.id

    @property
    def mark(self) -> dict[str, Any]:
        """state.json as its process last wrote it.  Raises DamagedRun."""
        return _json(self.folder / "state.json", _mtime(self.folder / "state.json"), "state")

    @property
    def value_range(self) -> Range | None:
        """The pixel values that became 0 and 255, where its images had more than 8 bits.  Raises DamagedRun."""
        found = self.about.get("value_range")
        return (float(found[0]), float(found[1])) if found else None

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
        return self.result(kind, score or self.spec.card.headline)

    def result(self, *names: str) -> Any:
        """An entry of run.json that a finished run has, `result("counts", "train")`.  Raises DamagedRun without it."""
        found: Any = self.about
        for name in names:
            if name not in found:
                raise files.damaged(self.folder / "run.json", f"{'.'.join(names)} is missing")
            found = found[name]
        return found

    @property
    def accuracy(self) -> dict[str, float]:
        """Share of normal test images whose class the detector names, {value, low, high}; empty where it names none."""
        return self.about.get("accuracy") or {}

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
        trained = self.arrays("train", "classes")["classes"] if self.has("train") else np.zeros(1)
        images = np.unique(trained, return_counts=True)[1]  # of each class
        return Offer(
            shape=self.shape,
            kind=spec.scenario,
            classes=len(images),
            labels=rule.labels,
            seen=rule.sees(knobs.changed(rule.options(), spec.options)),
            train=self.result("counts", "train"),
            fewest=int(images.min()) if rule.labels and self.has("train") else None,
            options=spec.options,
        )

    @property
    def controls(self) -> dict[str, Any]:
        """Metrics of the control lines by name; empty until they are computed."""
        path = self.folder / "controls.json"
        content = _json(path, _mtime(path), "controls") if path.exists() else {}
        known = {name: complete(content[name]) for name in CONTROLS if name in content}
        return known | {name: each for name, each in content.items() if f"{name}?" in checks.TRIVIAL}

    @property
    def _failures(self) -> dict[str, str]:
        """What went wrong with parts that follow, by their name."""
        path = self.folder / "failures.json"
        with contextlib.suppress(DamagedRun):
            return _json(path, _mtime(path), "failures") if path.exists() else {}
        return {}

    def lacks(self, part: str) -> bool:
        """Whether one of FOLLOWS isn't there, because it is still to come or has failed: `awaited` says which."""
        return part in self.mark.get("follows", ()) or part in self._failures

    def awaited(self, part: str) -> str:
        """Why a part that follows the training isn't there: one of FOLLOWS, in a sentence."""
        title, failed = FOLLOWS[part], self._failures
        if part in failed:
            return f"{title} failed: {failed[part]} The run's log has the details."
        if part == "map" and "sweep" in self.about:
            return f"{title} is left out in a sweep. Train this run by itself to have it."
        if self.alive:
            return f"{title} is being computed by the run's process; reload the page in a moment."
        missing = f"{title} is missing: the run's process ended before it was computed."
        if part in self.mark.get("follows", ()):
            return f"{missing} It comes when the app or another training starts next."
        return f"{missing} Train the run again to have it."

    def arrays(self, file: str, *names: str) -> dict[str, np.ndarray]:
        """Arrays of one npz of the run, e.g. `test`, checked for type, shape, length and finiteness.

        Raises DamagedRun.
        """
        path = self.folder / f"{file}.npz"
        found = files.read_arrays(path, *names)
        if told := checks.wrong_arrays(file, found, self._sizes(file), self.listed(file), whole=not names):
            raise files.damaged(path, told)
        return found

    def listed(self, file: str) -> Mapping[str, str]:
        """What the run itself said, when it ended, of the arrays of a file; empty in folders of an older version."""
        return self.about.get("arrays", {}).get(file, {})

    def _sizes(self, file: str) -> dict[str, int]:
        """The lengths that arrays of this file must have, by their letter in `checks.ARRAYS`."""
        counts, sizes = self.about.get("counts"), {}
        if counts:
            sizes = {"T": counts["normal"] + counts["novel"], "V": counts["valid"], "N": counts["train"]}
        if file in ("probe", "neighbours") and self.has("test"):
            sizes |= dict(zip("CHW", self.shape, strict=True))
        return sizes

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
        if len(count_and_shape) != 4 or count_and_shape[1] not in (1, 3):
            raise files.damaged(self.folder / "test.npz", "images holds no images")
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
            return files.read_json(path, checks.LIVE) if path.exists() else {}
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
        try:
            return (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")[-most:]
        except OSError:
            return ""


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


SHAPES: dict[str, checks.Shape] = {
    "run": checks.RUN,
    "state": checks.STATE,
    "name": {"name": checks.NAME},
    "controls": LINES,
    "failures": checks.Each(checks.TEXT),
}


@functools.lru_cache(maxsize=2048)
def _json(path: Path, mtime: int, shape: str) -> Any:
    return files.read_json(path, SHAPES[shape])


@functools.lru_cache(maxsize=1024)
def _about(path: Path, mtime: int) -> dict[str, Any]:
    content = files.read_json(path)
    version = content.get("format") if isinstance(content, dict) else None
    if type(version) is int and version != FORMAT:
        raise DamagedRun(
            f"run.json of the run {path.parent.name} is of format {version}, and this version reads format {FORMAT}. "
            "Train the run again with this version.",
            path.parent,
        )
    if told := checks.wrong(content, checks.RUN) or _refused(content):
        raise files.damaged(path, told)
    return content


def _refused(about: Mapping[str, Any]) -> str:
    """What no run can have been asked: a method, scenario, setting or option that doesn't exist, a value of no kind."""
    spec = RunSpec.from_json(about["spec"])
    try:
        options = scenarios.named(spec.scenario).options()
        for settings, asked in ((spec.card.knobs(), spec.knobs), (options, spec.options)):
            knobs.changed(settings, asked)
            kinds = {each.name: each.kind for each in knobs.knobs_of(type(settings))}
            for name, value in asked.items():
                if type(value) is not kinds[name] and not (kinds[name] is float and type(value) is int):
                    return f"{name} is {value!r}, which is no {kinds[name].__name__}"
        if "rule" in about:
            rule_from_json(about["rule"])
    except WrongRequest as error:
        return str(error).rstrip(".")
    return ""


@functools.lru_cache(maxsize=64)
def _progress(path: Path, mtime: int) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    entries: dict[tuple[int, int], dict[str, Any]] = {}
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise files.damaged(path, "it can't be read") from None
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue  # torn by a kill
        if told := checks.wrong(entry, checks.EPOCH):
            raise files.damaged(path, told)
        entries[entry["number"], entry["epoch"]] = entry
    return [entries[key] for key in sorted(entries)]
