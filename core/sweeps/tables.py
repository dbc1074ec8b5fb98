"""Rows of a sweep as tables: mean and spread over seeds, best and worst, a grid over two axes, CSV.  numpy alone."""

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.errors import WrongRequest
from core.evaluation import LOWER_IS_BETTER, METRICS
from core.runs.spec import RunSpec
from core.scenarios import names
from core.sweeps.rows import Row

SEEDS = ("seed",)
# the rules that may choose a setting, by what a person reads of them
RULES = {
    "validation": "Lowest loss on held-out images, where the method has it; else the share of them that is accepted",
    "answers": "Highest AUROC on the test images: a look at the answers",
}
Reading = Callable[[Row], float | None]


def metric(name: str = "auroc", score: str | None = None, source: str | None = None) -> Reading:
    """What reads one metric of the test images from a row."""
    return lambda row: row.value(name, score, source)


def cost(row: Row) -> float | None:
    """Seconds that a run took."""
    return row.seconds


def loss(row: Row) -> float | None:
    """Loss on held-out images; see `Validation`."""
    return row.validation.loss


def accepted(row: Row) -> float | None:
    """Share of held-out images that is accepted; see `Validation`."""
    return row.validation.accepted


# what can be read of a run besides metrics of its test images: title and what reads it
BESIDE: Mapping[str, tuple[str, Reading]] = {
    "loss": ("Loss on held-out images", loss),
    "accepted": ("Share of held-out images accepted", accepted),
    "seconds": ("Seconds of a run", cost),
}
LOWER = LOWER_IS_BETTER | {"loss", "seconds"}


def reading(name: str, score: str | None = None, source: str | None = None) -> Reading:
    """What reads a metric, or one of BESIDE, from a row."""
    return BESIDE[name][1] if name in BESIDE else metric(name, score, source)


def measured(rows: Sequence[Row], read: Reading) -> list[Row]:
    """The finished rows in which the reading is defined."""
    return [row for row in rows if row.finished and (value := read(row)) is not None and math.isfinite(value)]


def sources(rows: Sequence[Row]) -> list[str]:
    """The sources of novel images that the rows' metrics tell apart."""
    found = (name for row in rows for metrics in row.metrics.values() for name in metrics.get("by_source", {}))
    return list(dict.fromkeys(found))


def only(rows: Sequence[Row], kept: Mapping[str, Sequence[Any]]) -> list[Row]:
    """The rows whose settings have one of these values on each axis that is named; an empty list keeps all."""
    return [row for row in rows if all(row.settings.get(name) in values for name, values in kept.items() if values)]


def opening_axes(rows: Sequence[Row]) -> tuple[str, str]:
    """Two axes for a first look: what differs, seeds last; where less than two things differ, any other setting."""
    differing = list(axes(rows))
    order = [name for name in differing if name not in SEEDS] + [name for name in differing if name in SEEDS]
    constant = [name for row in rows[:1] for name in ("seed", "method", *row.settings) if name not in order]
    first, second, *_ = dict.fromkeys([*order, *constant])
    return first, second


def axes(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """What differs between the rows: axis -> its values, in the order in which they appear; None: not asked there."""
    keys = dict.fromkeys(name for row in rows for name in row.settings)
    found = {name: list(dict.fromkeys(row.settings.get(name) for row in rows)) for name in keys}
    return {name: _sorted(values) for name, values in found.items() if len(values) > 1}


def _sorted(values: list[Any]) -> list[Any]:
    """Numbers by size, all else as it came."""
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in values)
    return sorted(values) if numbers else values


# --- mean and spread over seeds -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """Runs that differ by their seed alone.

    settings: what they share.  values: of the finished ones, where defined.  mean, spread: of the values, the standard
    deviation with n - 1; None where there are too few.
    """

    settings: Mapping[str, Any]
    rows: tuple[Row, ...]
    values: tuple[float, ...] = field(default=())

    @property
    def mean(self) -> float | None:
        return float(np.mean(self.values)) if self.values else None

    @property
    def spread(self) -> float | None:
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else None


def over_seeds(rows: Sequence[Row], read: Reading, over: Sequence[str] = SEEDS) -> list[Group]:
    """The rows in groups that differ in `over` alone, in the order of their first row.

    over: axes that count as repetitions; add `split_seed` for several splits of one task.
    """
    grouped: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        key = tuple((name, value) for name, value in row.settings.items() if name not in over)
        grouped.setdefault(key, []).append(row)
    return [Group(dict(key), tuple(some), _values(some, read)) for key, some in grouped.items()]


def _values(rows: Sequence[Row], read: Reading) -> tuple[float, ...]:
    values = (read(row) for row in rows if row.finished)
    return tuple(float(value) for value in values if value is not None and math.isfinite(value))


@dataclass(frozen=True, eq=False)
class HeatMap:
    """One reading over two axes.

    x, y: their values.  mean: [Y, X], over seeds, then over what else differs; nan where nothing is finished.
    spread: [Y, X], standard deviation over seeds, pooled over what else differs; nan with one seed.
    count: int [Y, X], finished runs.  others: further axes that were averaged over, with their values.
    """

    x: list[Any]
    y: list[Any]
    mean: np.ndarray
    spread: np.ndarray
    count: np.ndarray
    others: dict[str, list[Any]]


def heat_map(rows: Sequence[Row], x: str, y: str, read: Reading, over: Sequence[str] = SEEDS) -> HeatMap:
    """One reading over any two axes.  Raises WrongRequest for axes that are none, or the same."""
    known = {**{name: [value] for row in rows for name, value in row.settings.items()}, **axes(rows)}
    for name in (x, y):
        if name not in known:
            raise WrongRequest(f"The sweep has no axis {name!r}. Choose from {', '.join(known)}.")
    if x == y:
        raise WrongRequest(f"{x} can't be both axes. Choose two.")
    repeated = [name for name in over if name not in (x, y)]
    shape = len(known[y]), len(known[x])
    places: dict[tuple[int, int], list[Group]] = {}
    for group in over_seeds(rows, read, repeated):
        place = known[y].index(group.settings.get(y)), known[x].index(group.settings.get(x))
        places.setdefault(place, []).append(group)
    mean, spread, count = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, int)
    for place, groups in places.items():
        means = [each.mean for each in groups if each.mean is not None]
        mean[place] = np.mean(means) if means else np.nan
        count[place] = sum(len(each.values) for each in groups)
        spread[place] = _pooled([each.values for each in groups])
    others = {name: values for name, values in axes(rows).items() if name not in (x, y, *repeated)}
    return HeatMap(known[x], known[y], mean, spread, count, others)


def _pooled(groups: Sequence[Sequence[float]]) -> float:
    """The standard deviation within groups: root of the sum of squares over the degrees of freedom; nan for none."""
    free = sum(max(len(each) - 1, 0) for each in groups)
    squares = sum(float(np.square(np.subtract(each, np.mean(each))).sum()) for each in groups if len(each))
    return math.sqrt(squares / free) if free else math.nan


# --- best and worst -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ranking:
    """Groups from best to worst by a rule.

    criterion: what was compared, for each group, in that order; lower is better for `loss` alone.
    sentence: the rule in words, or why there is none and the list is empty.
    """

    groups: list[Group]
    criterion: str
    values: list[float]
    sentence: str

    @property
    def best(self) -> list[Group]:
        """All that are as good as the first."""
        return [each for each, value in zip(self.groups, self.values, strict=True) if value == self.values[0]]

    @property
    def worst(self) -> list[Group]:
        """All that are as bad as the last."""
        return [each for each, value in zip(self.groups, self.values, strict=True) if value == self.values[-1]]


def ranking(rows: Sequence[Row], rule: str = "validation", score: str | None = None) -> Ranking:
    """The settings of one method on one task, best first, by the mean over seeds.

    rule: `validation` never reads a test image: it takes the loss on held-out images where all finished runs have it,
    else how near the share of held-out images that is accepted comes to what it should be.  A run with an alarm is
    left out, since a detector that gives every image the same score accepts as it should.  `answers` takes the AUROC
    of the test images, whichever way that flatters: whoever calls it has decided to look.
    Raises WrongRequest for another rule.
    """
    if rule not in RULES:
        raise WrongRequest(f"There is no rule {rule!r}. Choose from {', '.join(RULES)}.")
    done = [row for row in rows if row.finished and not (row.alarm and rule == "validation")]
    if not done:
        return Ranking([], "", [], "No run has finished yet.")
    if rule == "answers":
        return _ranked(done, "auroc", metric("auroc", score), -1, f"{RULES['answers']}, mean over seeds.")
    if len({_question(row.spec) for row in done if row.spec}) > 1:
        told = "Validation images can't choose between methods or tasks. Choose one of each, or look at the answers."
        return Ranking([], "", [], told)
    if all(row.validation.loss is not None for row in done):
        told = "Lowest loss on held-out images, mean over seeds. It says how well normal images are redrawn, not "
        return _ranked(done, "loss", loss, 1, f"{told}how well novel ones are found.")
    if all(row.validation.accepted is not None for row in done):
        told = "Held-out images are accepted most nearly as often as training images, mean over seeds. "
        return _ranked(done, "accepted", _shortfall, 1, f"{told}It sees what was learned by heart, and nothing else.")
    return Ranking([], "", [], "Its runs store nothing that validation images say of them.")


def _question(spec: RunSpec) -> tuple[str, ...]:
    """The method and the task, whatever its split."""
    return spec.method, spec.dataset, spec.scenario, names.row(spec.target), json.dumps(spec.options, sort_keys=True)


def _shortfall(row: Row) -> float | None:
    """How much less of the held-out images is accepted than of the training images."""
    share, aim = row.validation.accepted, row.validation.aim
    return None if share is None or aim is None else max(aim - share, 0.0)


def _ranked(rows: Sequence[Row], criterion: str, read: Reading, sign: int, sentence: str) -> Ranking:
    groups = [(each.mean, each) for each in over_seeds(rows, read, ("seed", "split_seed"))]
    ordered = sorted(((mean, each) for mean, each in groups if mean is not None), key=lambda pair: sign * pair[0])
    return Ranking([each for _, each in ordered], criterion, [mean for mean, _ in ordered], sentence)


# --- CSV ------------------------------------------------------------------------------------------------------------


def to_csv(rows: Sequence[Row]) -> str:
    """A line for each run: settings, state, what validation says, every metric of every score with its interval."""
    keys = list(dict.fromkeys(name for row in rows for name in row.settings))
    scores = list(dict.fromkeys(score for row in rows for score in row.metrics))
    told_of = [(score, name, part) for score in scores for name in METRICS for part in ("value", "low", "high")]
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    held_out = ["validation.loss", "validation.accepted", "validation.aim"]
    titles = [f"{score}.{name}" + ("" if part == "value" else f".{part}") for score, name, part in told_of]
    writer.writerow([*keys, "state", "run", "headline", "seconds", *held_out, *titles, "alarm", "sentence"])
    for row in rows:
        told = row.validation
        writer.writerow(
            [
                *(row.settings.get(name, "") for name in keys),
                *(row.state, row.run, row.headline, row.seconds, told.loss, told.accepted, told.aim),
                *(row.metrics.get(score, {}).get(name, {}).get(part) for score, name, part in told_of),
                *(row.alarm, row.sentence),
            ]
        )
    return written.getvalue()
