"""The command that trains a run, and the preset that its settings are nearest to."""

import itertools
import shlex

from core import data, knobs, scenarios
from core.runs.spec import RunSpec
from core.scenarios import names


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
    words += [] if spec.drawn else ["--target", names.row(spec.target)]
    words += ["--method", spec.method]
    words += ["--preset", preset] if preset != knobs.PRESETS[0] else []
    for flag, settings in (("--set", changes), ("--scenario-set", options)):
        words += [flag, *(f"{name}={value}" for name, value in settings.items())] if settings else []
    numbers = {"--seed": spec.seed, "--split-seed": spec.split_seed}
    words += itertools.chain(*((flag, str(value)) for flag, value in numbers.items() if value))
    words += ["--device", spec.device] if spec.device != "auto" else []
    return shlex.join(words)
