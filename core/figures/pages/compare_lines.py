"""What stands side by side on the page "Compare": scores of runs and control lines on one task, as rows of a table."""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import evaluation
from core.evaluation import ThresholdRule
from core.figures import Curve, three_digits

Metric = Mapping[str, float]  # value, low, high
UNKNOWN: Any = {"value": None, "low": None, "high": None}  # of a metric that an older run hasn't measured
GRID = np.linspace(0, 1, 201)  # where curves of several seeds are averaged


@dataclass(frozen=True, eq=False)
class Entrant:
    """One score of one run, or one control line, on the test images of the task.

    values: float64 [T], higher = more novel.  normal: float64 [V], the same of the normal validation images.  metrics:
    {key: {value, low, high}}, by_source where there are several, accuracy where the run names classes.  curves: fpr,
    tpr, recall, precision, each [K] in pairs.  untrained: AUROC of the same network without training.  seconds: of
    training.  published: figures of papers for this very task.
    """

    name: str
    score: str
    values: NDArray[np.float64]
    normal: NDArray[np.float64]
    threshold: float
    metrics: Mapping[str, Any]
    curves: Mapping[str, NDArray]
    untrained: Metric | None = None
    seconds: float | None = None
    published: tuple[str, ...] = ()
    alarm: str = ""
    control: bool = False

    @property
    def key(self) -> str:
        """Tells entrants of one task apart for caches; the values decide, not how the page calls them today."""
        return f"{self.score} {self.control} {self.name} {self.values.sum()!r} {self.values[0]!r}"

    @cached_property
    def percentiles(self) -> NDArray[np.float64]:
        """Where each test image lies among the normal validation images: [T] in 0..100."""
        return evaluation.percentile(self.values, self.normal)

    @property
    def by_source(self) -> Mapping[str, Mapping[str, Metric]]:
        """The metrics of each source of novel images against all normal ones; empty where there is one source."""
        return self.metrics.get("by_source", {})

    @property
    def called(self) -> NDArray[np.bool_]:
        """Which test images are called novel, [T]."""
        return self.values > self.threshold

    @property
    def standard(self) -> NDArray[np.float64]:
        """The scores on a scale for all methods, [T]: 0 is the median normal validation score, 1 the threshold."""
        middle = float(np.median(self.normal))
        return (self.values - middle) / ((self.threshold - middle) or 1.0)


@dataclass(frozen=True, eq=False)
class Line:
    """What one row, one curve and one ridge show: an entrant, or several that differ by their seed alone."""

    name: str
    members: tuple[Entrant, ...]

    @property
    def first(self) -> Entrant:
        return self.members[0]

    def metric(self, key: str) -> Metric:
        """The entrant's metric with its interval; of several their mean, from the lowest to the highest."""
        if len(self.members) == 1:
            return self.first.metrics.get(key, UNKNOWN)
        values = [each.metrics.get(key, UNKNOWN)["value"] for each in self.members]
        if any(value is None for value in values):
            return UNKNOWN
        return {"value": float(np.mean(values)), "low": min(values), "high": max(values)}

    @property
    def seconds(self) -> float | None:
        """Mean time of training, None for what isn't trained."""
        return _mean([each.seconds for each in self.members])

    @property
    def untrained(self) -> float | None:
        """Mean AUROC of the same networks without training, None where it isn't known."""
        return _mean([each.untrained["value"] if each.untrained else None for each in self.members])

    def curve(self, x: str, y: str) -> Curve:
        """`fpr` and `tpr`, or `recall` and `precision`; of several entrants the mean height."""
        area = self.metric("auroc" if x == "fpr" else "aupr_novel")
        drawn = [(each.curves[x], each.curves[y]) for each in self.members]
        at = drawn[0][0] if len(drawn) == 1 else GRID
        heights = drawn[0][1] if len(drawn) == 1 else np.mean([np.interp(GRID, *points) for points in drawn], axis=0)
        return Curve(self.name, at, heights, area, self.first.control)


def joined(
    entrants: Sequence[Entrant], keys: Sequence[Hashable], titles: Sequence[str], seeds: Sequence[int]
) -> list[Line]:
    """A line for each key, in their order: an entrant alone under its own name, several under their method's.

    keys: what entrants share that stand together.  titles: of the method of each.  seeds: of each training.
    """
    places: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    lines = []
    for group in places.values():
        name = entrants[group[0]].name
        if len(group) > 1:
            what = "seeds" if len({seeds[place] for place in group}) == len(group) else "runs"
            name = f"{titles[group[0]]} ({len(group)} {what})"
        lines.append(Line(name, tuple(entrants[place] for place in group)))
    return lines


def control_entrants(
    titles: Mapping[str, str],
    stored: Mapping[str, NDArray],
    metrics: Mapping[str, Mapping[str, Metric]],
    rule: ThresholdRule,
) -> list[Entrant]:
    """The control lines among what a run stored of them.

    titles: name -> title.  stored: test/<name> [T], valid/<name> [V], and points of curves.
    metrics: by name, of those that are known.  rule: of the run.
    """
    found = []
    for name, title in titles.items():
        if name in metrics and f"test/{name}" in stored:
            reference = stored[f"valid/{name}"]
            found.append(
                Entrant(
                    name=title,
                    score="Distance" if name.startswith("nearest") else "Error",
                    values=stored[f"test/{name}"],
                    normal=reference,
                    threshold=rule.held_out().threshold(None, reference),
                    metrics=metrics[name],
                    curves=stored_curves(stored, name),
                    control=True,
                )
            )
    return found


def most_telling(a: Entrant, b: Entrant, quadrant: str, among: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Places of test images, those first that lie deepest in a quadrant: called novel by "only a", "only b", ...

    quadrant: only a, only b, both or neither.  among: bool [T], the images to order, by both percentiles.
    """
    deeper = {"only a": (1, -1), "only b": (-1, 1), "both": (1, 1), "neither": (-1, -1)}[quadrant]
    depth = deeper[0] * a.percentiles + deeper[1] * b.percentiles
    places = np.flatnonzero(among)
    return places[np.argsort(-depth[places], kind="stable")]


def stored_curves(stored: Mapping[str, NDArray], score: str) -> dict[str, NDArray]:
    """fpr, tpr, recall and precision of one score among a run's stored points."""
    axes = {"fpr": "roc", "tpr": "roc", "recall": "pr", "precision": "pr"}
    return {axis: stored[f"{kind}/{score}/{axis}"] for axis, kind in axes.items()}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def columns(lines: Sequence[Line]) -> dict[str, list[str]]:
    """The table of the comparison as text, one column after the other."""
    return {
        "Method": [line.name for line in lines],
        "Score": [line.first.score for line in lines],
        "AUROC": [three_digits(line.metric("auroc")) for line in lines],
        "Same network, untrained": ["" if line.untrained is None else f"{line.untrained:.3f}" for line in lines],
        "AUPR": [f"{line.metric('aupr_novel')['value']:.3f}" for line in lines],
        "FPR at 95 %": [f"{line.metric('fpr95_normal')['value']:.3f}" for line in lines],
        "Accuracy": ["" if (told := line.metric("accuracy")) is UNKNOWN else three_digits(told) for line in lines],
        "Training": ["" if line.seconds is None else duration(line.seconds) for line in lines],
        "Published": ["; ".join(line.first.published) for line in lines],
    }


def numbers(lines: Sequence[Line]) -> dict[str, list]:
    """The same with every metric, its interval and nothing rounded, for a file."""
    table: dict[str, list] = {"method": [line.name for line in lines], "score": [line.first.score for line in lines]}
    table["control"] = [int(line.first.control) for line in lines]
    table["seeds"] = [len(line.members) for line in lines]
    for key in (*evaluation.METRICS, "accuracy"):
        for part in ("value", "low", "high"):
            table[key if part == "value" else f"{key} {part}"] = [line.metric(key)[part] for line in lines]
    table["training seconds"] = [line.seconds for line in lines]
    table["published"] = ["; ".join(line.first.published) for line in lines]
    return table


def latex(table: Mapping[str, Sequence[str]]) -> str:
    """A table of text as a LaTeX tabular with the rules of booktabs; columns that are empty throughout are left out."""
    kept = {name: cells for name, cells in table.items() if any(cells)}
    rows = [" & ".join(map(_tex, row)) + r" \\" for row in zip(*kept.values(), strict=True)]
    head = " & ".join(map(_tex, kept)) + r" \\"
    lines = [rf"\begin{{tabular}}{{{'l' * len(kept)}}}", r"\toprule", head, r"\midrule", *rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _tex(text: str) -> str:
    plain = re.sub(r"([&%$#_{}])", r"\\\1", text.replace("\\", r"\textbackslash "))
    return plain.replace("·", r"$\cdot$").replace("−", "$-$")


def duration(seconds: float) -> str:
    """A time as people say it: 0.4 -> "under 1 s", 41.6 -> "42 s", 200 -> "3 min 20 s", 9000 -> "2 h 30 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole else "under 1 s"
    large, small, units = (
        (whole // 3600, whole % 3600 // 60, "h min") if whole >= 3600 else (*divmod(whole, 60), "min s")
    )
    first, second = units.split()
    return f"{large} {first}" + (f" {small} {second}" if small else "")


def best(lines: Sequence[Line]) -> Line:
    """The line of the highest AUROC."""
    return max(lines, key=lambda line: line.metric("auroc")["value"])


def leads(leader: Line, control: Line | None) -> str:
    """Who has the highest AUROC among the trained methods, and the control line that has a higher one.

    control: the best control line, None where none is known yet.
    """
    auroc = leader.metric("auroc")
    if control is None or control.metric("auroc")["value"] <= auroc["value"]:
        return f"The highest AUROC has {leader.name}: {three_digits(auroc)}."
    above = f"a control line, {control.name}, lies higher: {three_digits(control.metric('auroc'))}"
    return f"Of the trained methods the highest AUROC has {leader.name}: {three_digits(auroc)}; {above}."


def clearly_above(one: Metric, other: Metric) -> bool:
    """Whether the intervals say already that one lies above the other, so that no paired bootstrap is needed."""
    return one["low"] > other["high"]


def against(control: Line, run_count: int, unbeaten: Mapping[str, Metric]) -> str:
    """One sentence on who doesn't beat the best control line.

    unbeaten: name -> AUROC minus the control's on the same images, with the interval of the paired bootstrap, of those
    whose interval reaches 0 or below.
    """
    line = f"the best control line, {control.name} ({control.metric('auroc')['value']:.3f})"
    if not unbeaten:
        return f"{'Every run' if run_count > 1 else 'It'} beats {line}."
    who = (
        "No run beats"
        if len(unbeaten) == run_count > 1
        else "It doesn't beat"
        if run_count == 1
        else "Not every run beats"
    )
    told = {"": unbeaten}
    if len(unbeaten) > 3:
        ranked = sorted(unbeaten.items(), key=lambda each: -each[1]["value"])
        told = {"closest ": dict(ranked[:1]), "farthest ": dict(ranked[-1:])}
    gaps = [f"{word}{name} {interval(gap)}" for word, some in told.items() for name, gap in some.items()]
    return f"{who} {line}. AUROC difference on the same images: {'; '.join(gaps)}."


def interval(difference: Metric) -> str:
    """A difference with its interval and signs: "−0.020 (−0.033 to −0.007)"."""
    value, low, high = (signed(difference[part]) for part in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def signed(value: float) -> str:
    """0.0123 -> "+0.012", -0.5 -> "−0.500"."""
    return f"{round(value, 3) + 0.0:+.3f}".replace("-", "−")  # no minus before 0.000
