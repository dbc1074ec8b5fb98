"""What MLflow is told of a run: parameters, epoch curves, final metrics and tags.  Loads no mlflow."""

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from core.runs.store import Run


class Point(NamedTuple):
    """One value of one metric; time: in ms since 1970."""

    name: str
    value: float
    time: int
    step: int


def parameters(run: Run) -> dict[str, str]:
    """What decides the result, by its name in run.json: dataset, knobs.epochs, environment.versions.torch, ..."""
    leaves = _leaves(run.about["spec"] | {"environment": run.about.get("environment", {})})
    texts = ((path, ",".join(map(str, value)) if isinstance(value, list) else str(value)) for path, value in leaves)
    return {".".join(path): text for path, text in texts}


def results(run: Run) -> list[Point]:
    """Final metrics: nap.auroc, nap.auroc.low, nap.threshold, control.untrained.auroc, accuracy, seconds.training."""
    about = run.about
    if "finished" not in about:
        return []
    content = about["metrics"] | {"control": run.controls, "seconds": about["timings"], "accuracy": run.accuracy}
    content |= {score: {**content[score], "threshold": value} for score, value in about["thresholds"].items()}
    numbers = ((path, value) for path, value in _leaves(content) if isinstance(value, (int, float)))
    named = ((".".join(part for part in path if part != "value"), value) for path, value in numbers)
    # Always the same time and step, so that sending them again changes nothing.
    return [Point(name, value, milliseconds(about["finished"]), step=0) for name, value in named]


def epochs(run: Run, offset: int, last: tuple[int, int]) -> tuple[list[Point], int, tuple[int, int]]:
    """Curves of the epochs not told yet, `stage/curve` at step = epoch; then the new offset and last.

    offset: in progress.jsonl.  last: stage number and epoch of the last line told.
    """
    path = run.folder / "progress.jsonl"
    points: list[Point] = []
    with path.open("rb") if path.exists() else io.BytesIO() as stream:
        stream.seek(offset)
        text = stream.read()
    whole = text.rfind(b"\n") + 1  # the rest is still being written, or was torn by a kill
    for line in text[:whole].splitlines():
        try:
            entry = json.loads(line)
            at = (entry["number"], entry["epoch"])
            values = {**entry["curves"], "images per second": entry["rate"]}
            stage, moment = entry["stage"], milliseconds(entry["time"])
            if at > last:  # a resumed run repeats epochs, to the same result
                points += [Point(f"{stage}/{name}", float(value), moment, at[1]) for name, value in values.items()]
                last = at
        except (ValueError, KeyError, TypeError):
            continue  # torn by a kill
    return points, offset + whole, last


def tags(run: Run) -> dict[str, str]:
    """What identifies the run and how it ended."""
    about, spec = run.about, run.spec
    found = {
        "run": run.id,
        "task": spec.task.hash,
        "state": run.state,
        "sentence": run.sentence,
        "headline": spec.card.headline,
        "alarm": " ".join(about.get("alarms", {}).values()),
        "note": about.get("note", ""),
    }
    return {f"novelty.{name}": text for name, text in found.items() if text}


def _leaves(content: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values of nested mappings with the path to each; None, what isn't known, is left out."""
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, name))
        elif value is not None:
            yield (*path, name), value


def milliseconds(seconds: float) -> int:
    """A time as MLflow takes it."""
    return int(1000 * seconds)
