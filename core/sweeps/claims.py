"""What sweeps say of two questions about one-class methods: several normal classes, and the number of clusters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core import data, knobs, scenarios
from core.errors import NoveltyError
from core.runs.spec import RunSpec
from core.sweeps import rows as of_sweep
from core.sweeps import sweep as store
from core.sweeps.rows import Row

SEVERAL = ("several-normal", "unimodal")  # scenarios whose target are the normal classes
GROUPS = "latent-super-category"
CLAD = "clad"


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
    repetitions = max(len(values) for places in reached.values() for values in places.values())
    told = "" if repetitions == 1 else f", mean of {repetitions}, the band from lowest to highest"
    sentence = f"Measured on {data.entry(dataset).title}{told}, by the sweep {name}."
    ordered = {CLAD: reached[CLAD]} | reached if CLAD in reached else reached
    return Measured(dataset, ordered, hidden, sentence)


def _hidden(spec: RunSpec) -> int:
    """How many classes are normal."""
    rule = scenarios.named(spec.scenario)
    return len(rule.normal(data.entry(spec.dataset), spec.target, knobs.changed(rule.options(), spec.options)))
