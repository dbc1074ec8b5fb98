"""The measures of one score by kind of novel image, in the conventions that a person chooses, as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import evaluation
from core.evaluation import CONVENTIONS, Choice
from core.figures import Kinds, three_digits
from core.figures.pages.compare_lines import UNKNOWN, Entrant, Metric

NO_BREAK = "\N{NO-BREAK SPACE}"
Numbers = Mapping[str, Mapping[str, Metric]]  # source -> key of a convention -> {value, low, high}


def numbers(metrics: Mapping[str, Any], values: NDArray[np.float64], kinds: Kinds, keys: Sequence[str]) -> Numbers:
    """Each kind of novel images against all normal ones: as stored, or else computed now.

    metrics: of one score, with "by_source" where there are several.  values: float64 [T], the same score of all test
    images.  keys: of conventions.
    """
    stored = metrics.get("by_source", {}) if kinds.several else {kinds.foreign[0].source: metrics}
    found: dict[str, dict[str, Metric]] = {}
    for kind, mask in kinds:
        if kind.foreign:
            known = {key: value for key in keys if (value := _known(stored.get(kind.source, {}), key))}
            of, others = ~kinds.novel | mask, [key for key in keys if key not in known]
            more: Mapping[str, Any] = evaluation.measured(values[of], kinds.novel[of], others) if others else {}
            found[kind.source] = {key: known.get(key) or more[key] for key in keys}
    return found


def _known(metrics: Mapping[str, Any], key: str) -> Metric | None:
    """A metric that the run has measured with its interval, or None."""
    metric = metrics.get(key, UNKNOWN)
    return metric if metric["value"] is not None and metric.get("low") is not None else None


def completed(entrant: Entrant, kinds: Kinds, key: str) -> Entrant:
    """The entrant with this number of each kind, computed now where it hasn't been measured."""
    found = numbers(entrant.metrics, entrant.values, kinds, [key])
    by_source = {source: {**entrant.by_source.get(source, {}), **known} for source, known in found.items()}
    return replace(entrant, metrics={**entrant.metrics, "by_source": by_source})


def heads(choice: Choice) -> list[str]:
    """The head of each column: the measure with its convention, where code bases differ."""
    found = []
    for name, key in choice.keys.items():
        measure = evaluation.MEASURES[name]
        words = f" ({CONVENTIONS[key].words})" if len(measure.conventions) > 1 else ""
        found.append(f"{measure.title}{words}")
    return found


def table(told: Numbers, kinds: Kinds, choice: Choice) -> dict[str, list[str]]:
    """A row for each kind of novel images, as text: its name and how many, each measure with its interval."""
    counts = kinds.counts
    columns: dict[str, list[str]] = {"Kind": [f"{kind.name} ({counts[kind.name]:,})" for kind in kinds.foreign]}
    for head, key in zip(heads(choice), choice.keys.values(), strict=True):
        columns[head] = [_cell(told[kind.source][key]) for kind in kinds.foreign]
    return columns


def _cell(metric: Metric) -> str:
    """The number, from which only the whole interval can be parted."""
    if metric["value"] is None:
        return "undefined"
    value, *interval = three_digits(metric).split(" ", 1)
    return " ".join([value, *(part.replace(" ", NO_BREAK) for part in interval)])


def unrounded(told: Numbers, kinds: Kinds, choice: Choice) -> dict[str, list]:
    """The same with nothing rounded, each column named by its convention's key."""
    counts = kinds.counts
    columns: dict[str, list] = {"kind": [kind.name for kind in kinds.foreign]}
    columns["role"] = [kind.role for kind in kinds.foreign]
    columns["images"] = [counts[kind.name] for kind in kinds.foreign]
    columns["normal images"] = [int((~kinds.novel).sum())] * len(kinds.foreign)
    for key in choice.keys.values():
        for part in ("value", "low", "high"):
            name = key if part == "value" else f"{key} {part}"
            columns[name] = [told[kind.source][key][part] for kind in kinds.foreign]
    return columns


def conventions_in_words(choice: Choice) -> list[str]:
    """What the chosen conventions are, one sentence for each measure that has several."""
    measures = [(evaluation.MEASURES[name], CONVENTIONS[key]) for name, key in choice.keys.items()]
    return [f"{measure.title}: {way.sentence}" for measure, way in measures if len(measure.conventions) > 1]
