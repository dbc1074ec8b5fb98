"""Published tables as data: TOML files in `tables/`, or anywhere else, so that a paper's table needs no code.

title = "RaPP, Table 2: every class but one is normal"
paper = "Kim et al., RaPP, ICLR 2020"
source = "RaPP, Table 2"            # with it begin the sources of the card's figures
metric = "auroc"                    # a key of core.evaluation's METRICS
digits = 3                          # after the point, of the figures as fractions
scale = 100                         # what figures given here are divided by
trainings = 5                       # for each target, behind a published figure; 1 where nobody says
drawn = true                        # every seed has a split of its own, as published
quick_dataset = "digits"            # what --quick takes in place of the columns' sets
margin = 0.05
seeds = { quick = 2, shortened = 2, published = 5 }
notes = ["..."]

[[columns]]
title = "MNIST"
dataset = "mnist"
scenario = "multimodal"
targets = "each"                    # every class in turn; a list of targets, several classes as a list in it; or
                                    # "drawn", where the options say how many classes the split seed draws
part = "gaussian-noise"             # which of several sources of novel images counts; by default all together
apart = false                       # true: a column for each target; false: their mean
options = {}

[[rows]]
title = "autoencoder"
method = "rapp-ae"
scores = ["reconstruction", "sap", "nap"]     # a line of the table for each; by default the headline
metrics = ["auroc"]                           # as well
knobs = {}                          # always;  quick, shortened: beside that
shortened = { epochs = 15 }
spread = 0.02                       # between seeds, as measured: what the protocol counts the seeds by
remark = "one-class"                # in the remark of the card's figure, where it has several
figures = [82.5, 71.2]              # a figure for each column, where the card has none; nan: none published
mistaken = "flipped"                # how the published code misreads; see core/reproduce/readings.py
not_comparable = "..."              # why the published figure isn't what the right reading gives
deviations = [1, 2]                 # of the method's list; by default all
note = "..."
"""

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import data, knobs, methods, scenarios
from core.errors import NoveltyError, WrongRequest
from core.evaluation import METRICS
from core.methods.cards import Card, Published
from core.reproduce.deviations import deviations
from core.reproduce.readings import READINGS
from core.reproduce.verdict import MARGIN

FOLDER = Path(__file__).parent / "tables"
EACH, DRAWN = "each", "drawn"
QUICK, SHORTENED, PUBLISHED = "quick", "shortened", "published"
SCALES = (QUICK, SHORTENED, PUBLISHED)
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,35}")
Target = tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """What a column of the table was measured on.

    targets: each the classes that one task is about; no classes where they are drawn.  part: the source of novel images
    that counts, empty for all.
    """

    title: str
    dataset: str
    scenario: str
    targets: tuple[Target, ...]
    apart: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    part: str = ""


@dataclass(frozen=True)
class Row:
    """What a row of the table was measured with; a line for each of its scores and metrics."""

    title: str
    method: str
    scores: tuple[str, ...]
    metrics: tuple[str, ...]
    knobs: Mapping[str, Any]
    quick: Mapping[str, Any]
    shortened: Mapping[str, Any]
    spread: float
    trainings: int
    digits: int
    deviations: tuple[int, ...]
    remark: str = ""
    source: str = ""
    figures: tuple[float, ...] = ()
    mistaken: str = ""
    not_comparable: str = ""
    note: str = ""

    @property
    def card(self) -> Card:
        return methods.card(self.method)

    def changes(self, scale: str) -> dict[str, Any]:
        """What is asked beside the preset."""
        return {**self.knobs, **{QUICK: self.quick, SHORTENED: self.shortened, PUBLISHED: {}}[scale]}


@dataclass(frozen=True)
class Table:
    """A published table.  seeds: how many by scale.  half of a unit of the last digit is a row's."""

    name: str
    title: str
    paper: str
    source: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    quick_dataset: str
    seeds: Mapping[str, int]
    drawn: bool = False
    margin: float = MARGIN
    notes: tuple[str, ...] = ()


def names() -> list[str]:
    """The tables that come with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def table(name: str) -> Table:
    """A table by its name, or by the path of a TOML file.  Raises WrongRequest."""
    if name in names():
        return from_file(FOLDER / f"{name}.toml")
    if name.endswith(".toml"):
        return from_file(Path(name))
    raise WrongRequest(f"There is no table {name!r}. Choose from {', '.join(names())}, or name a TOML file.")


def published(row: Row, score: str, metric: str, column: Column, place: int, source: str) -> Published | None:
    """The figure of one cell: the row's own for this column, else the card's; None where none is published.

    place: of the column, for the row's own figures.
    """
    if row.figures:
        value = row.figures[place]
        made = Published(column.dataset, column.scenario, score, metric, value, row.source or source, remark=row.remark)
        return None if math.isnan(value) else made
    options = scenarios.named(column.scenario).options()
    asked = knobs.changed(options, column.options)
    single = column.targets[0] if len(column.targets) == 1 else None
    fitting = [
        each
        for each in row.card.published
        if (each.dataset, each.scenario, each.score, each.metric) == (column.dataset, column.scenario, score, metric)
        and each.target == single
        and knobs.changed(options, each.options) == asked
        and each.source.startswith(row.source or source)
        and row.remark in each.remark
    ]
    return fitting[0] if fitting else None


# --- reading --------------------------------------------------------------------------------------------------------

TABLE = (
    *("title", "paper", "source", "metric", "digits", "scale", "trainings", "drawn", "quick_dataset", "margin"),
    *("seeds", "notes", "columns", "rows"),
)
COLUMN = ("title", "dataset", "scenario", "targets", "apart", "options", "part")
ROW = (
    *("title", "method", "scores", "metrics", "knobs", "quick", "shortened", "spread", "remark", "source", "figures"),
    *("mistaken", "not_comparable", "deviations", "note", "trainings", "digits"),
)


def lines_of(text: str) -> dict[str, int]:
    """The line, from 1, on which each key stands: `rows.0.knobs`, counting the tables of an array from 0."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    prefix = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]", line):
            name = header[2]
            if header[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                prefix = f"{name}.{counts[name]}."
            else:
                top, _, rest = name.partition(".")
                prefix = (f"{top}.{counts[top]}.{rest}" if top in counts and rest else name) + "."
            found.setdefault(prefix[:-1], number)
        elif key := re.match(r"\s*([A-Za-z0-9_-]+)\s*=", line):
            found.setdefault(prefix + key[1], number)
    return found


def from_file(path: Path) -> Table:
    """The table of a TOML file, checked.  Raises WrongRequest, with the line where something is wrong."""
    try:
        return from_toml(path.read_text(encoding="utf-8"), path.name, path.stem)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise WrongRequest(f"{path} can't be read ({why}). Name a TOML file with a table.") from None


def from_toml(text: str, file: str, name: str) -> Table:
    """The table of a TOML text, checked against methods, scenarios, sets and their settings.

    file: its name in complaints.  Raises WrongRequest, with the line where something is wrong.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongRequest(f"{file} is no TOML: {error}.") from None
    reader = _Reader(lines_of(text), file)
    if not NAME.fullmatch(name):
        raise WrongRequest(f"A table can't be called {name!r}. Use up to 36 small letters, digits and -.")
    reader.keys("", content, TABLE, ("title", "paper", "source", "quick_dataset", "columns", "rows"))
    reader.trying("quick_dataset", data.entry, content["quick_dataset"])
    columns = tuple(
        each
        for place, about in enumerate(reader.listed("columns", content["columns"]))
        for each in _columns(reader, f"columns.{place}", about)
    )
    rows = tuple(
        _row(reader, f"rows.{place}", about, content, len(columns))
        for place, about in enumerate(reader.listed("rows", content["rows"]))
    )
    seeds = {scale: int(content.get("seeds", {}).get(scale, 2)) for scale in SCALES}
    for scale, count in seeds.items():
        if count < 1:
            reader.refuse("seeds", f"{scale} can't have {count} seeds. Write 1 or more.")
    margin = reader.number("margin", content.get("margin", MARGIN), 0.001, 0.5)
    texts = {key: reader.text(key, content[key]) for key in ("title", "paper", "source", "quick_dataset")}
    drawn, notes = bool(content.get("drawn", False)), tuple(map(str, content.get("notes", ())))
    return Table(name, **texts, columns=columns, rows=rows, seeds=seeds, drawn=drawn, margin=margin, notes=notes)


def _columns(reader: "_Reader", at: str, about: Mapping[str, Any]) -> list[Column]:
    """The columns that an entry means: one, or one for each target."""
    reader.keys(at, about, COLUMN, ("title", "dataset", "scenario", "targets"))
    title, dataset = (reader.text(f"{at}.{key}", about[key]) for key in ("title", "dataset"))
    entry = reader.trying(f"{at}.dataset", data.entry, dataset)
    rule = reader.trying(f"{at}.scenario", scenarios.named, about["scenario"])
    options, part = dict(about.get("options", {})), str(about.get("part", ""))
    reader.trying(f"{at}.options", knobs.changed, rule.options(), options)
    asked = about["targets"]
    if asked == EACH:
        if not entry.classes:
            reader.refuse(f"{at}.targets", f"{entry.title} names its classes only where it is at hand. List them.")
        targets: tuple[Target, ...] = tuple((name,) for name in entry.classes)
    elif asked == DRAWN:
        if not rule.draws(knobs.changed(rule.options(), options)):
            reader.refuse(f"{at}.targets", "Nothing is drawn by these options. Name the classes.")
        targets = ((),)
    else:
        targets = tuple(_target(reader, f"{at}.targets", each) for each in reader.listed(f"{at}.targets", asked))
    if not about.get("apart", False):
        return [Column(title, dataset, rule.kind, targets, False, options, part)]
    return [Column(f"{title} {', '.join(each)}", dataset, rule.kind, (each,), True, options, part) for each in targets]


def _target(reader: "_Reader", key: str, value: Any) -> Target:
    parts = value if isinstance(value, list) else [value]
    if not parts or not all(isinstance(part, str | int) for part in parts):
        reader.refuse(key, f"targets can't hold {value!r}. Write a class by name or number, or a list of them.")
    return tuple(map(str, parts))


def _row(reader: "_Reader", at: str, about: Mapping[str, Any], whole: Mapping[str, Any], columns: int) -> Row:
    reader.keys(at, about, ROW, ("title", "method", "spread"))
    card = reader.trying(f"{at}.method", methods.card, about["method"])
    scores = tuple(about.get("scores", [card.headline]))
    for name in scores:
        known = [score.name for score in card.scores]
        if name not in known:
            reader.refuse(f"{at}.scores", f"{card.title} has no score {name!r}. Choose from {', '.join(known)}.")
    shown = tuple(about.get("metrics", [whole.get("metric", "auroc")]))
    for name in shown:
        if name not in METRICS:
            reader.refuse(f"{at}.metrics", f"There is no metric {name!r}. Choose from {', '.join(METRICS)}.")
    settings: dict[str, Any] = {key: dict(about.get(key, {})) for key in ("knobs", "quick", "shortened")}
    for key, values in settings.items():
        reader.trying(f"{at}.{key}", knobs.changed, card.knobs(), values)
    figures = tuple(float(each) / whole.get("scale", 1) for each in about.get("figures", ()))
    if figures and len(figures) != columns:
        reader.refuse(f"{at}.figures", f"figures has {len(figures)} numbers for {columns} columns. Write nan for none.")
    if figures and len(scores) * len(shown) > 1:
        reader.refuse(f"{at}.figures", "A row with figures has one score and one metric. Make a row of each.")
    listed = deviations(card.name)
    numbers = tuple(about.get("deviations", listed))
    if unknown := [each for each in numbers if each not in listed]:
        reader.refuse(f"{at}.deviations", f"The list of {card.name} ends at {len(listed)}, before {unknown[0]}.")
    mistaken = about.get("mistaken", "")
    if mistaken and mistaken not in READINGS:
        reader.refuse(f"{at}.mistaken", f"There is no reading {mistaken!r}. Choose from {', '.join(READINGS)}.")
    texts: dict[str, Any] = {key: str(about.get(key, "")) for key in ("remark", "source", "not_comparable", "note")}
    return Row(
        title=reader.text(f"{at}.title", about["title"]),
        method=card.name,
        scores=scores,
        metrics=shown,
        **settings,
        spread=reader.number(f"{at}.spread", about["spread"], 0.0, 0.5),
        trainings=int(reader.number(f"{at}.trainings", about.get("trainings", whole.get("trainings", 1)), 1, 10_000)),
        digits=int(reader.number(f"{at}.digits", about.get("digits", whole.get("digits", 3)), 1, 6)),
        deviations=numbers,
        figures=figures,
        mistaken=mistaken,
        **texts,
    )


class _Reader:
    """Complains with the line of what is wrong."""

    def __init__(self, lines: Mapping[str, int], file: str) -> None:
        self.lines, self.file = lines, file

    def refuse(self, key: str, sentence: str) -> None:
        """Raise WrongRequest; the line is that of the key, or of the entry that it is in."""
        parts = key.split(".")
        paths = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
        line = next((self.lines[each] for each in paths if each in self.lines), None)
        raise WrongRequest(f"{self.file}{f', line {line}' if line else ''}: {sentence}")

    def trying(self, key: str, check: Any, *words: Any) -> Any:
        """What the check gives; its complaint with the line of the key."""
        try:
            return check(*words)
        except NoveltyError as error:
            self.refuse(key, str(error))

    def keys(self, at: str, content: Mapping[str, Any], known: Sequence[str], needed: Sequence[str]) -> None:
        place = f"{at}." if at else ""
        for key in content:
            if key not in known:
                self.refuse(f"{place}{key}", f"There is no key {key!r} here. Choose from {', '.join(known)}.")
        for key in needed:
            if key not in content:
                self.refuse(at or "title", f"{key} is missing. Add a line `{key} = ...`.")

    def listed(self, key: str, value: Any) -> list[Any]:
        if not isinstance(value, list) or not value:
            self.refuse(key, f"{key.rpartition('.')[2]} can't be {value!r}. Write one entry or more.")
        return value

    def text(self, key: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            self.refuse(key, f"{key.rpartition('.')[2]} can't be {value!r}. Write a text in quotes.")
        return value.strip()

    def number(self, key: str, value: Any, low: float, high: float) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            name = key.rpartition(".")[2]
            self.refuse(key, f"{name} can't be {value!r}. Write a number from {low:g} to {high:g}.")
        return float(value)
