"""Metrics by kind of novel image: each source against all normal images, where a test set has several."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.evaluation import CONVENTIONS, MEASURES, Measure
from core.figures import AMOUNTS, CONTROL, INK, Kind, Kinds, Picture, style, three_digits, wrapped
from core.figures.cells import readable, text_font
from core.figures.pages.compare_lines import UNKNOWN, Entrant


def in_words(metrics: Mapping[str, Any], kinds: Kinds) -> str:
    """The AUROC of each source with its interval, or "" where the images have one kind of novelty or it isn't known.

    metrics: of one score, with "by_source": {source: {metric: {value, low, high}}}.
    """
    known = metrics.get("by_source", {})
    areas = ((kind, known.get(kind.source, {}).get("auroc", UNKNOWN)) for kind in kinds.foreign)
    return " · ".join(f"{kind.name} {three_digits(area)}" for kind, area in areas if area["value"] is not None)


def measured(entrants: Sequence[Entrant], kinds: Kinds, measure: str) -> list[Entrant]:
    """Those whose measure is defined and known for every kind of novel image.

    measure: the key of a convention.
    """

    def known(entrant: Entrant, kind: Kind) -> bool:
        return entrant.by_source.get(kind.source, {}).get(measure, UNKNOWN)["value"] is not None

    return [each for each in entrants if all(known(each, kind) for kind in kinds.foreign)]


def by_kind(entrants: Sequence[Entrant], kinds: Kinds, measure: str = "auroc") -> Picture:
    """A heat map, entrants by kinds of novel images, of a metric of each kind against all normal images.

    entrants: at least one, all of them `measured`.  measure: the key of a convention.
    """
    about, convention = measure_of(measure), CONVENTIONS[measure]
    told, columns = entrants, kinds.foreign
    cells = [[each.by_source[kind.source][measure] for kind in columns] for each in told]
    values = np.array([[cell["value"] for cell in row] for row in cells])  # [E, K]
    texts = [[three_digits(cell).replace(" (", "<br>(") for cell in row] for row in cells]
    counts = kinds.counts
    heads = [
        f'<span style="color:{kind.colour}"><b>{kind.label}</b></span><br>{counts[kind.name]:,} images'
        for kind in columns
    ]
    colours = AMOUNTS[::-1] if about.lower_is_better else AMOUNTS  # bright is good in both
    figure = go.Figure(
        go.Heatmap(
            z=values.astype(np.float32),
            zmin=0,
            zmax=1,
            colorscale=list(colours),
            text=readable(texts, values, colours, 0, 1),
            texttemplate="%{text}",
            textfont=text_font(texts, 640),
            hovertemplate="%{y}<br>%{x}: %{text}<extra></extra>",
            x=heads,
            y=[_row(each) for each in told],
            xgap=1,
            ygap=1,
            colorbar={"title": {"text": ""}, "thickness": 12, "tickvals": [0, 0.5, 1]},
        )
    )
    better = "lower" if about.lower_is_better else "higher"
    words = f" ({convention.words})" if len(about.conventions) > 1 else ""
    title = f"{about.title}{words} of each kind of novel image against all normal ones: {better} is better"
    style(figure, title, "", "", 120 + 52 * len(told), 0)
    figure.update_xaxes(type="category", tickangle=0, side="bottom", tickfont_color=INK)
    figure.update_yaxes(type="category", autorange="reversed")
    return Picture(
        figure,
        _table(told, columns, measure),
        _hardest(told, columns, values, about.lower_is_better),
        f"by-kind-{measure}",
    )


def measure_of(key: str) -> Measure:
    """The measure that a convention computes."""
    return next(each for each in MEASURES.values() if any(key == way.key for way in each.conventions))


def _row(entrant: Entrant) -> str:
    """Its name, grey for a control line."""
    name = wrapped(entrant.name, 34)
    return f'<span style="color:{CONTROL}">{name}</span>' if entrant.control else name


def _table(told: Sequence[Entrant], columns: Sequence[Kind], measure: str) -> dict[str, list]:
    table: dict[str, list] = {"method": [each.name for each in told], "control": [int(each.control) for each in told]}
    for kind in columns:
        for part in ("value", "low", "high"):
            name = kind.name if part == "value" else f"{kind.name} {part}"
            table[name] = [each.by_source[kind.source][measure][part] for each in told]
    return table


def _hardest(told: Sequence[Entrant], columns: Sequence[Kind], values: np.ndarray, lower: bool) -> str:
    """The kind that the runs see worst, and who sees it best."""
    own = [row for row, each in enumerate(told) if not each.control] or list(range(len(told)))
    best = (values[own].argmin(0) if lower else values[own].argmax(0)).tolist()
    reached = [float(values[own[row], column]) for column, row in enumerate(best)]
    worst = int(np.argmax(reached) if lower else np.argmin(reached))
    sentence = (
        f"Hardest to see: {columns[worst].name}, where {told[own[best[worst]]].name} is best with {reached[worst]:.3f}."
    )
    rival = [row for row, each in enumerate(told) if each.control]
    if rival:
        column = values[rival, worst]
        found = int(column.argmin() if lower else column.argmax())
        sentence += f" The best control line there: {told[rival[found]].name}, {column[found]:.3f}."
    return sentence
