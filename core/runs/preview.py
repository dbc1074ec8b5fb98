"""What a run will be before it is trained: its images, about how long it takes, the command that trains it.

Loads images, never torch.
"""

import itertools
import math
import shlex
from dataclasses import dataclass, replace

import numpy as np

from core import data, knobs, scenarios
from core.errors import NoveltyError
from core.runs import store
from core.runs.spec import RunSpec
from core.runs.store import Run
from core.scenarios import TaskSpec


@dataclass(frozen=True, eq=False)
class Preview:
    """A task in numbers and pictures.

    counts: images by role: train, valid, normal and novel test images.  normal, novel: uint8 [n, C, H, W], a few test
    images of each, spread over their classes; normal_names, novel_names: theirs.  note: what to know of the data.
    """

    counts: dict[str, int]
    normal: np.ndarray
    normal_names: tuple[str, ...]
    novel: np.ndarray
    novel_names: tuple[str, ...]
    note: str


def preview(spec: TaskSpec, most: int = 8) -> Preview:
    """The task with at most `most` normal and as many novel images.  Raises MissingData, WrongRequest."""
    task = scenarios.build(spec)
    classes = task.class_names("test")
    parts = []
    for kind in (0, 1):
        places = np.flatnonzero(task.novel == kind)
        places = places[_in_turn(classes[places])]
        places = places[_in_turn(task.source[places])][:most]
        shown = places[np.lexsort((classes[places], task.source[places]))]
        parts.append((task.images("test")[shown], tuple(classes[shown].tolist())))
    notes = dict.fromkeys([task.note, *(pool.note for pool in task.pools)])
    normal, novel = parts
    return Preview(task.counts, *normal, *novel, note=" ".join(filter(None, notes)))


def _in_turn(kinds: np.ndarray) -> np.ndarray:
    """An order in which the kinds take turns, so that any beginning holds as many of each; int64 [N] for kinds [N]."""
    order = np.argsort(kinds, kind="stable")
    _, first, counts = np.unique(kinds[order], return_index=True, return_counts=True)
    turn = np.arange(len(kinds)) - np.repeat(first, counts)
    return order[np.argsort(turn, kind="stable")]


def class_images(name: str) -> np.ndarray:
    """One image of each class of a set, uint8 [classes, C, H, W]; black where a class has none.  Raises MissingData."""
    dataset = data.load(name)
    images = np.zeros((len(dataset.classes), *dataset.shape), np.uint8)
    present, first = np.unique(dataset.labels, return_index=True)
    images[present] = dataset.images[first]
    return images


def closest_preset(spec: RunSpec) -> tuple[str, dict[str, knobs.Value]]:
    """The preset that the run's knobs are nearest to, and those that differ from it."""
    shape = data.entry(spec.dataset).shape
    assert shape, f"{spec.dataset} is on this machine, so its shape is known"
    changes = {}
    for name in knobs.PRESETS:
        values = knobs.values(knobs.preset(spec.card.knobs, name, shape))
        changes[name] = {knob: value for knob, value in spec.knobs.items() if value != values[knob]}
    return min(changes.items(), key=lambda item: len(item[1]))


def command(spec: RunSpec) -> str:
    """The command line that trains this run; what has its default isn't named."""
    preset, changes = closest_preset(spec)
    defaults = knobs.values(scenarios.named(spec.scenario).options())
    options = {name: value for name, value in spec.options.items() if value != defaults[name]}
    words = ["python", "-m", "core", "train", "--dataset", spec.dataset, "--scenario", spec.scenario]
    words += ["--target", ",".join(spec.target), "--method", spec.method]
    words += ["--preset", preset] if preset != knobs.PRESETS[0] else []
    for flag, settings in (("--set", changes), ("--scenario-set", options)):
        words += [flag, *(f"{name}={value}" for name, value in settings.items())] if settings else []
    numbers = {"--seed": spec.seed, "--split-seed": spec.split_seed}
    words += itertools.chain(*((flag, str(value)) for flag, value in numbers.items() if value))
    words += ["--device", spec.device] if spec.device != "auto" else []
    return shlex.join(words)


def another_seed(spec: RunSpec) -> int:
    """The lowest seed above the run's own that no run of the same request has."""
    taken = {run.spec.hash for run in store.runs() if run.state in (store.QUEUED, store.RUNNING, store.FINISHED)}
    seeds = itertools.count(spec.seed + 1)
    return next(seed for seed in seeds if replace(spec, seed=seed).hash not in taken)


# --- how long -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Estimate:
    """About how many seconds a training takes, and the run that it was measured on."""

    seconds: float
    run: Run


def estimate(spec: RunSpec, train_count: int) -> Estimate | None:
    """Seconds by the speed of a run that finished on this machine, else of one that ships; None where none is like it.

    A run is like it with the same method, image shape and device.  Of several the one that shares most knobs is taken,
    the newest of those.  Its seconds per image and epoch, stage by stage, are multiplied by the epochs and images now;
    what it took beside its epochs (start, evaluation) is added.
    """
    shape = data.entry(spec.dataset).shape
    alike = [run for run in store.runs() if _is_like(run, spec, shape)]
    if not alike:
        return None
    run = max(alike, key=lambda each: (not each.shipped, _shared(each.spec, spec), each.about["created"]))
    lines, images = run.progress(), run.about["counts"]["train"]
    main, seconds = spec.card.main_stage, 0.0
    for (number, stage), epochs in itertools.groupby(lines, key=lambda line: (line["number"], line["stage"])):
        took = [line["seconds"] for line in epochs]
        # Epochs are knobs: the main stage's is named by the card, another's after its stage.
        knob = spec.card.epochs if number == main else f"{stage}_epochs"
        seconds += sum(took) / len(took) * spec.knobs.get(knob, len(took)) * train_count / images
    beside = run.about["timings"]["total"] - sum(line["seconds"] for line in lines)
    return Estimate(seconds + max(beside, 0.0), run)


def _is_like(run: Run, spec: RunSpec, shape: knobs.Shape | None) -> bool:
    """Whether a run's speed tells of the other's.  A damaged run tells nothing."""
    try:
        device = run.about["environment"]["device"] if run.state == store.FINISHED else None
        same = run.spec.method == spec.method and spec.device in ("auto", device)
        return bool(device and same and "imported" not in run.mark and run.progress() and run.shape == shape)
    except (NoveltyError, KeyError):
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
