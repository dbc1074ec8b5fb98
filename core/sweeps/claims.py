"""What sweeps say of what method pages ask: several normal classes, the number of clusters, a method's knobs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core import data, knobs, scenarios
from core.errors import NoveltyError
from core.runs.spec import RunSpec
from core.scenarios import TaskSpec
from core.sweeps import rows as of_sweep
from core.sweeps import sweep as store
from core.sweeps import tables
from core.sweeps.rows import Row

SEVERAL = ("several-normal", "unimodal")  # scenarios whose target are the normal classes
GROUPS = "latent-super-category"
CLAD = "clad"
ONE_REGION = ("deep-svdd", "oc-svm", "svdd", "oc-nn", "oc-cnn")  # methods that draw one border around all
KNOB = "knobs."  # before a knob's name in the settings of a row


@dataclass(frozen=True)
class Measured:
    """What the runs of one sweep reached.

    dataset: of all.  reached: line -> place on the axis -> AUROC of each repetition.  hidden: line -> how many classes
    are normal there, for normal groups.  sentence: where it comes from.
    """

    dataset: str
    reached: dict[str, dict[int, list[float]]]
    hidden: dict[str, int]
    sentence: str


def by_normal_classes() -> Measured | None:
    """AUROC of each method by the number of normal classes, from the sweep with most such runs; None without one.

    A sweep counts where CLAD and another method were trained with at least two numbers of normal classes.
    """

    def fits(row: Row) -> bool:
        return bool(row.spec and row.spec.scenario in SEVERAL)

    return _most(fits, lambda row: row.spec.method, lambda row: len(row.spec.target), 2)  # type: ignore[union-attr]


def by_clusters() -> Measured | None:
    """AUROC of CLAD by the number of clusters, a line for each normal group, from the sweep with most such runs."""

    def fits(row: Row) -> bool:
        return bool(row.spec and row.spec.scenario == GROUPS and row.spec.method == CLAD)

    def group(row: Row) -> str:
        return row.spec.target[0]  # type: ignore[union-attr]

    return _most(fits, group, lambda row: int(row.spec.knobs["clusters"]), 1)  # type: ignore[union-attr]


@dataclass(frozen=True)
class Swept:
    """The finished runs of one method on one task that a sweep has trained over its knobs.

    rows: of one task.  axes: knob -> its values, of the knobs that differ.  same_task: whether it is the task asked
    for, or another one of its dataset.  sentence: where it comes from.
    """

    rows: tuple[Row, ...]
    axes: dict[str, list[Any]]
    same_task: bool
    sentence: str


def by_settings(method: str, task: TaskSpec, knobs: Sequence[str]) -> Swept | None:
    """The sweep with most runs of a method over these knobs, on this task, else on another of its dataset.

    None without one.  Repetitions with another split seed count as one task.
    """
    best: tuple[tuple[bool, int], Swept] | None = None
    for each in store.sweeps():
        try:
            found = [row for row in of_sweep.rows(each) if row.finished and row.spec and row.spec.method == method]
        except NoveltyError:
            continue  # a damaged sweep is told on its own page
        by_task: dict[str, list[Row]] = {}
        for row in found:
            if row.spec and row.spec.dataset == task.dataset:
                by_task.setdefault(_unsplit(row.spec.task), []).append(row)
        for other, some in by_task.items():
            differing = {name.removeprefix(KNOB): values for name, values in tables.axes(some).items()}
            axes = {name: differing[name] for name in knobs if name in differing}
            rank = (other == _unsplit(task), len(some))
            if axes and (best is None or rank > best[0]):
                seeds = len({(row.spec.split_seed, row.seed) for row in some if row.spec})
                times = "one" if seeds == 1 else str(seeds)
                where = "this task" if rank[0] else some[0].spec.task_title if some[0].spec else ""
                told = f"Measured on {where} by the sweep {each.name}: {len(some)} runs, {times} of each setting."
                best = rank, Swept(tuple(some), axes, rank[0], told)
    return best[1] if best else None


def _unsplit(task: TaskSpec) -> str:
    """What tasks share that differ in their split alone."""
    return replace(task, split_seed=0).hash


def _most(
    fits: Callable[[Row], bool], line: Callable[[Row], str], place: Callable[[Row], int], lines: int
) -> Measured | None:
    best: tuple[int, Measured] | None = None
    for each in store.sweeps():
        try:
            found = [row for row in of_sweep.rows(each) if row.finished and fits(row) and row.value() is not None]
        except NoveltyError:
            continue  # a damaged sweep is told on its own page
        for dataset in dict.fromkeys(row.spec.dataset for row in found if row.spec):
            measured = _measured(each.name, [r for r in found if r.spec and r.spec.dataset == dataset], line, place)
            several = [name for name, reached in measured.reached.items() if len(reached) > 1]
            count = sum(len(values) for reached in measured.reached.values() for values in reached.values())
            if len(several) >= lines and (lines == 1 or CLAD in several) and (best is None or count > best[0]):
                best = count, measured
    return best[1] if best else None


def _measured(name: str, found: Sequence[Row], line: Callable[[Row], str], place: Callable[[Row], int]) -> Measured:
    reached: dict[str, dict[int, list[float]]] = {}
    hidden: dict[str, int] = {}
    for row in found:
        value = row.value()
        if value is None or row.spec is None:
            continue
        reached.setdefault(line(row), {}).setdefault(place(row), []).append(value)
        if row.spec.scenario == GROUPS:
            hidden[line(row)] = _hidden(row.spec)
    dataset = found[0].spec.dataset if found[0].spec else ""
    counts = {len(values) for places in reached.values() for values in places.values()}
    most = f"{'up to ' if len(counts) > 1 else ''}{max(counts)}"
    told = "" if counts == {1} else f", mean of {most}, the band from lowest to highest"
    sentence = f"Measured on {data.entry(dataset).title}{told}, by the sweep {name}."
    ordered = {CLAD: reached[CLAD]} | reached if CLAD in reached else reached
    return Measured(dataset, ordered, hidden, sentence)


def _hidden(spec: RunSpec) -> int:
    """How many classes are normal."""
    rule = scenarios.named(spec.scenario)
    return len(rule.normal(data.entry(spec.dataset), spec.target, knobs.changed(rule.options(), spec.options)))
