"""The cells of a table: what is claimed of each, and the runs that it takes to see whether it is so."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatch
from typing import Any

from core import data, knobs, scenarios
from core.errors import DamagedRun, NoveltyError, WrongRequest
from core.evaluation.metrics import TITLES
from core.reproduce.deviations import deviations
from core.reproduce.tables import PUBLISHED, QUICK, Column, Row, Table, Target, published
from core.reproduce.verdict import Claim, seeds_needed
from core.runs.spec import RunSpec, request

PRESETS = {QUICK: "quick"}  # the others begin with the paper's


@dataclass(frozen=True)
class Cell:
    """One published figure, or the place of one, with the runs that it takes.

    key: row/score/column, with the metric where a row has several.  line: the first part in words.  part: the source of
    novel images that counts, empty for all.
    claim: None where no figure is published; source, remark: of it.  specs: [T][n], of each target and seed.
    missing: why it can't be trained here.  other_images: why these decide nothing.  not_comparable: why the published
    figure isn't what the right reading gives.
    shortened: in what the training is less than published.  needed: seeds that the margin needs by the spread that the
    table tells; None where no number is enough.  mistaken: the reading of the published code, if it has one.
    """

    key: str
    line: str
    column: str
    part: str
    method: str
    score: str
    metric: str
    claim: Claim | None
    source: str
    remark: str
    specs: tuple[tuple[RunSpec, ...], ...]
    missing: str
    other_images: str
    not_comparable: str
    shortened: tuple[str, ...]
    spread: float
    needed: int | None
    digits: int
    mistaken: str
    deviations: tuple[int, ...]
    note: str

    def to_json(self) -> dict[str, Any]:
        content = {name: getattr(self, name) for name in self.__dataclass_fields__}
        specs = [[spec.to_json() for spec in row] for row in self.specs]
        listed = {name: list(value) for name, value in content.items() if isinstance(value, tuple)}
        return content | listed | {"claim": asdict(self.claim) if self.claim else None, "specs": specs}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Cell":
        """The cell of `to_json`.  Raises DamagedRun for anything else."""
        try:
            specs = tuple(tuple(RunSpec.from_json(each) for each in row) for row in content["specs"])
            listed = {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
            claim = Claim(**content["claim"]) if content["claim"] else None
            return cls(**{**content, **listed, "claim": claim, "specs": specs})
        except (KeyError, TypeError, NoveltyError):
            raise DamagedRun("A cell of the protocol can't be read. Start the table anew with --anew.") from None


def cells(
    table: Table,
    scale: str,
    *,
    dataset: str = "",
    seeds: int | None = None,
    epochs: int | None = None,
    device: str = "auto",
    patterns: Sequence[str] = (),
) -> list[Cell]:
    """The cells of a table at a scale.

    scale: quick, shortened or published.  dataset: in place of the columns' sets.  seeds: how many, by default the
    table's.  epochs: of the main stage of every method that counts them.  patterns: of keys, `ae/*` or `*/nap/*`; by
    default all.  Reads only the images that these cells need.  Raises WrongRequest.
    """
    instead = dataset or (table.quick_dataset if scale == QUICK else "")
    count = table.seeds[scale] if seeds is None else seeds
    if not 1 <= count <= 100:
        raise WrongRequest(f"There can't be {count} seeds. Choose 1 to 100.")
    columns = _columns(table, instead)
    found: list[Cell] = []
    for place, column, on in columns:
        for row in table.rows:
            lines = [each for each in lines_of(row) if _wanted(_key(row, *each, column), patterns)]
            if lines:
                found += _of(table, row, lines, column, place, on, scale, count, epochs, device)
    if not found:
        first = _key(table.rows[0], *lines_of(table.rows[0])[0], columns[0][1])
        raise WrongRequest(f"No cell is called {', '.join(patterns)}. The first is {first}; * stands for any text.")
    return found


def keys(table: Table) -> list[str]:
    """The keys of all cells of a table, read from its file alone."""
    return [_key(row, *line, column) for column in table.columns for row in table.rows for line in lines_of(row)]


def lines_of(row: Row) -> list[tuple[str, str]]:
    """(score, metric) of each line that a row has in the table."""
    return [(score, metric) for score in row.scores for metric in row.metrics]


def line_of(row: Row, score: str, metric: str) -> str:
    """What a line of the table is called."""
    scores = [score] if len(row.scores) > 1 else []
    return " · ".join([row.title, *scores, *([TITLES[metric]] if len(row.metrics) > 1 else [])])


def _key(row: Row, score: str, metric: str, column: Column) -> str:
    return "/".join([slug(row.title), score, *([metric] if len(row.metrics) > 1 else []), slug(column.title)])


def _wanted(key: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatch(key, pattern) for pattern in patterns)


def _columns(table: Table, instead: str) -> list[tuple[int, Column, Column]]:
    """(place, column, what it is run on): with another set its own columns, or those of the table's first set."""
    placed = list(enumerate(table.columns))
    if not instead:
        return [(place, column, column) for place, column in placed]
    own = [(place, column, column) for place, column in placed if column.dataset == instead]
    if own:
        return own
    first = table.columns[0].dataset
    return [(place, column, _moved(column, instead)) for place, column in placed if column.dataset == first]


def _moved(column: Column, dataset: str) -> Column:
    """The column on another set: classes by name, else by their place among the classes."""
    entry, there = data.entry(dataset), data.entry(column.dataset).classes
    groups = {name for grouping in entry.groupings.values() for name in grouping}

    def other(name: str) -> str:
        if name in entry.classes or name in groups or name not in there:
            return name
        place = there.index(name)
        return entry.classes[place] if place < len(entry.classes) else name

    whole = set(column.targets) == {(name,) for name in there} and len(there) > 1
    targets: tuple[Target, ...] = tuple((name,) for name in entry.classes) if whole else ()
    return replace(
        column, dataset=dataset, targets=targets or tuple(tuple(map(other, each)) for each in column.targets)
    )


def _of(
    table: Table,
    row: Row,
    lines: Sequence[tuple[str, str]],
    column: Column,
    place: int,
    on: Column,
    scale: str,
    count: int,
    epochs: int | None,
    device: str,
) -> list[Cell]:
    """The cells of one row and column, of which each score and metric is one; they share their runs."""
    card, changes = row.card, row.changes(scale)
    if epochs is not None and card.epochs:
        changes[card.epochs] = epochs
    numbers = range(count if card.seeded or table.drawn else 1)
    specs, missing = _specs(table, row, on, numbers, PRESETS.get(scale, "paper"), changes, device)
    other = _other_images(column, on)
    short = () if scale == PUBLISHED and epochs is None else _shortened(card.knobs, changes, row.knobs, specs)
    spread, targets = (row.spread if card.seeded else 0.0), len(on.targets)
    found = []
    for score, metric in lines:
        figure = published(row, score, metric, column, place, table.source)
        claim = None
        if figure:
            claim = Claim(round(figure.value, 6), 0.5 * 10.0**-row.digits, row.trainings, not table.drawn)
        found.append(
            Cell(
                key=_key(row, score, metric, column),
                line=line_of(row, score, metric),
                column=column.title if on.dataset == column.dataset else f"{column.title}, here {on.dataset}",
                part=column.part,
                method=row.method,
                score=score,
                metric=metric,
                claim=claim,
                source=figure.source if figure else "",
                remark=figure.remark if figure else "",
                specs=specs,
                missing=missing,
                other_images=other,
                not_comparable=row.not_comparable,
                shortened=short,
                spread=spread,
                needed=seeds_needed(spread, table.margin, targets, claim=claim) if claim else None,
                digits=row.digits,
                mistaken=row.mistaken,
                deviations=row.deviations,
                note=row.note,
            )
        )
    return found


def _specs(
    table: Table, row: Row, on: Column, seeds: range, preset: str, changes: Mapping[str, Any], device: str
) -> tuple[tuple[tuple[RunSpec, ...], ...], str]:
    """The requests [T][n], or none and why."""
    try:
        if not data.entry(on.dataset).present:
            data.load(on.dataset)  # says how to get it
        return tuple(
            tuple(
                request(
                    on.dataset,
                    on.scenario,
                    target,
                    row.method,
                    preset=preset,
                    changes=changes,
                    options=on.options,
                    split_seed=seed if table.drawn else 0,
                    seed=seed if row.card.seeded else 0,
                    device=device,
                )
                for seed in seeds
            )
            for target in on.targets
        ), ""
    except NoveltyError as error:
        return (), str(error)


def _other_images(column: Column, on: Column) -> str:
    """Why images that are not the published ones decide nothing, or an empty text."""
    entry = data.entry(on.dataset)
    if on.dataset != column.dataset:
        return f"other images: {entry.title} in place of {data.entry(column.dataset).title}"
    return f"other images: {entry.other_images}" if entry.other_images else ""


def _shortened(
    settings: type, changes: Mapping[str, Any], own: Mapping[str, Any], specs: tuple[tuple[RunSpec, ...], ...]
) -> tuple[str, ...]:
    """What differs from the paper's preset, of what the row doesn't ask for always, in words."""
    if not specs:
        return ()
    spec = specs[0][0]
    shape = scenarios.offer(spec.task).shape
    told = []
    for each in knobs.knobs_of(settings):
        paper = each.parse(own[each.name]) if each.name in own else each.preset("paper", shape)
        if not each.after and spec.knobs[each.name] != paper:
            told.append(f"{each.label}: {spec.knobs[each.name]} in place of {paper}")
    return tuple(told)


def slug(text: str) -> str:
    """Words as they stand in a key: small letters, digits and -."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def in_what(cell: Cell) -> dict[int, str]:
    """Number -> deviation of the method from its paper, those that concern the cell."""
    listed = deviations(cell.method)
    return {number: listed[number] for number in cell.deviations if number in listed}
