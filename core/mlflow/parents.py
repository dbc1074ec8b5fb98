"""What MLflow is told of a sweep: one run of its own, the parent of its runs' ones.  Loads no mlflow."""

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import NoveltyError
from core.runs import store
from core.runs.run import FINISHED, Run
from core.sweeps import rows, sweep
from core.sweeps.sweep import Sweep


def own() -> list[Sweep]:
    """The sweeps that are mirrored: all but the shipped ones."""
    return [each for each in sweep.sweeps() if not each.shipped]


def of_run(run: Run) -> Sweep | None:
    """The sweep that a run was trained for, where it is still there."""
    with contextlib.suppress(NoveltyError):
        found = sweep.find(str(run.about["sweep"])) if "sweep" in run.about else None
        return found if found and not found.shipped else None
    return None


def record_file(one: Sweep) -> Path:
    """Where the mirror notes what it has sent of a sweep."""
    return store.root() / ".mirror" / "sweeps" / f"{one.name}.json"


def deleted() -> list[Path]:
    """Records whose sweep is gone."""
    files = (store.root() / ".mirror" / "sweeps").glob("*.json")
    return [file for file in files if not (sweep.root() / file.stem).is_dir()]


def fingerprint(one: Sweep) -> list[int | str]:
    """Changes when there is something to send."""
    return [0, one.version, one.state]


def identity(one: Sweep, destination: str) -> str:
    """Sixteen hex digits for this sweep in this destination."""
    return hashlib.sha256(f"sweep {one.name} {one.created} {destination}".encode()).hexdigest()[:16]


def experiment(one: Sweep) -> str:
    """That of its runs, where all are of one dataset and scenario: MLflow shows children beside their parent alone."""
    kinds = {(cell.spec.dataset, cell.spec.scenario) for cell in one.cells if cell.spec}
    if len(kinds) == 1:
        return "Novelty Explorer: " + ", ".join(next(iter(kinds)))
    return f"Novelty Explorer: sweep {one.name}"


def parameters(one: Sweep) -> dict[str, str]:
    """The grid: dataset, knobs.latent, ... with all values of each."""
    return {".".join(path): text for path, text in _leaves(one.about["grid"])}


def _leaves(content: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    found = []
    for name, value in content.items():
        if isinstance(value, Mapping):
            found += _leaves(value, (*path, name))
        else:
            found.append(((*path, name), _text(value)))
    return found


def _text(value: Any) -> str:
    parts = value if isinstance(value, list) else [value]
    return ", ".join("+".join(map(str, each)) if isinstance(each, list) else str(each) for each in parts)


def results(one: Sweep) -> dict[str, float]:
    """How many runs there are, and how many of them finished or failed."""
    states = [row.state for row in rows.rows(one)]
    counts = {"runs": len(states), "finished": states.count(FINISHED), "failed": states.count(rows.FAILED)}
    return {name: float(value) for name, value in counts.items()}


def tags(one: Sweep) -> dict[str, str]:
    """What identifies the sweep and how it stands."""
    found = {"sweep": one.name, "state": one.state, "sentence": one.sentence}
    return {f"novelty.{name}": text for name, text in found.items() if text}
