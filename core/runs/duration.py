"""About how long a training will take, by runs that have been trained.  Loads no torch."""

import itertools
import math
from dataclasses import dataclass

from core import data, knobs
from core.errors import NoveltyError
from core.runs import store
from core.runs.process import machine
from core.runs.spec import RunSpec
from core.runs.store import Run


@dataclass(frozen=True)
class Estimate:
    """About how many seconds a training takes, and the run that it was measured on."""

    seconds: float
    run: Run


def estimate(spec: RunSpec, train_count: int) -> Estimate | None:
    """Seconds by the speed of a run that finished on this machine, else of one that ships; None where none is like it.

    A run is like it with the same method, image shape and device.  Of several the one that shares most knobs is taken,
    the newest of those.  Its seconds per image and epoch, stage by stage, are multiplied by the epochs and images now;
    what it took beside its epochs (start, evaluation) is added. A shipped run's time is divided by this machine's speed
    beside the one that trained it.
    """
    shape = data.entry(spec.dataset).shape
    alike = store.those(lambda run: _is_like(run, spec, shape))
    if not alike:
        return None
    run = max(alike, key=lambda each: (not each.shipped, _shared(each.spec, spec), each.about["created"]))
    lines, images = run.progress(), run.result("counts", "train")
    knob_of, seconds = {stage.name: stage.epochs for stage in spec.card.stages}, 0.0
    for stage, epochs in itertools.groupby(lines, key=lambda line: line["stage"]):
        took = [line["seconds"] for line in epochs]
        seconds += sum(took) / len(took) * _epochs(run, spec, knob_of.get(stage), len(took)) * train_count / images
    beside = run.result("timings", "total") - sum(line["seconds"] for line in lines)
    whole = seconds + max(beside, 0.0)
    return Estimate(whole / machine.speed() if run.shipped else whole, run)


def _epochs(run: Run, spec: RunSpec, knob: str | None, took: int) -> float:
    """How many epochs of a stage to expect: what its knob says, at most what it took where the other run's settled.

    knob: of the stage, None for a single step.
    """
    if knob is None:
        return 1
    settled = took < run.spec.knobs[knob]
    return min(took, spec.knobs[knob]) if settled else spec.knobs[knob]


def _is_like(run: Run, spec: RunSpec, shape: knobs.Shape | None) -> bool:
    """Whether a run's speed tells of the other's.  A damaged run tells nothing."""
    try:
        if run.state != store.FINISHED or not run.result("counts", "train") or not run.result("timings", "total"):
            return False
        device = run.result("environment", "device")
        same = run.spec.method == spec.method and spec.device in ("auto", device)
        return bool(device and same and "imported" not in run.mark and run.progress() and run.shape == shape)
    except NoveltyError:
        return False


def _shared(one: RunSpec, other: RunSpec) -> int:
    return sum(other.knobs.get(name) == value for name, value in one.knobs.items())


def in_words(seconds: float) -> str:
    """A time as people say it: `about 40 s`, `about 3 min`, `about 2 h`."""
    if seconds < 90:
        step = 1 if seconds < 10 else 5
        return f"about {max(step * math.ceil(seconds / step), 1)} s"
    minutes = seconds / 60
    return f"about {minutes:.0f} min" if minutes < 90 else f"about {minutes / 60:.0f} h"
