"""All runs of one task side by side: what needs no network, and what a network adds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from core.figures import CONTROL, SERIES, Picture, three_digits, wrapped
from core.figures.charts import style

LOWEST = 380  # height in pixels, that of a histogram beside it
SAME = 1e-4  # AUROC by which a control line is one of the runs

GROUPS = {  # of entries, in drawing order: what the legend says, colour and symbol
    "without": ("no network", SERIES[0], "circle"),
    "with": ("a network", SERIES[1], "diamond"),
    "control": ("control lines", CONTROL, "square"),
}


@dataclass(frozen=True)
class Entry:
    """A run, or a control line, on the same task.

    group: one of GROUPS.  auroc: {value, low, high}.  shown: whether it is the run of the page.
    """

    name: str
    group: str
    auroc: Mapping[str, float]
    shown: bool = False


def best(entries: Sequence[Entry], group: str) -> int | None:
    """The place of the highest AUROC of a group, None where it is empty."""
    places = [place for place, each in enumerate(entries) if each.group == group]
    return max(places, key=lambda place: entries[place].auroc["value"], default=None)


def beyond_runs(controls: Sequence[Entry], runs: Sequence[Entry]) -> list[Entry]:
    """The control lines that none of the runs without a network is."""
    reached = np.array([each.auroc["value"] for each in runs if each.group == "without"])
    return [each for each in controls if not (np.abs(reached - each.auroc["value"]) < SAME).any()]


def side_by_side(entries: Sequence[Entry], difference: Mapping[str, float] | None = None) -> Picture:
    """AUROC with its interval of each entry, the shown run's name bold.

    difference: AUROC of the best run with a network minus that of the best without, on the same test images, {value,
    low, high}; None where there is only one of the two.
    """
    order = sorted(entries, key=lambda each: each.auroc["value"])
    names = [wrapped(each.name, 42) for each in order]
    lines = np.array([1 + name.count("<br>") for name in names])
    places = np.cumsum(lines) - lines / 2  # a name of two lines takes two
    figure = go.Figure()
    for group, (name, colour, symbol) in GROUPS.items():
        rows = [row for row, each in enumerate(order) if each.group == group]
        if not rows:
            continue
        low, values, high = (np.array([order[row].auroc[end] for row in rows]) for end in ("low", "value", "high"))
        figure.add_scatter(
            x=values,
            y=places[rows],
            error_x={"type": "data", "array": high - values, "arrayminus": values - low, "color": colour},
            mode="markers",
            name=f"{name} ({len(rows)})",
            marker={"color": colour, "symbol": symbol, "size": [14 if order[row].shown else 9 for row in rows]},
            text=[three_digits(order[row].auroc) for row in rows],
            hovertemplate="%{text}<extra></extra>",
        )
    figure.add_vline(x=0.5, line={"color": CONTROL, "dash": "dot", "width": 1})
    texts = [f"<b>{name}</b>" if each.shown else name for name, each in zip(names, order, strict=True)]
    title = "Without a network, and with one"
    style(figure, title, "AUROC with its 95 % interval", "", max(LOWEST, 158 + 18 * int(lines.sum())))
    figure.update_yaxes(tickvals=places, ticktext=texts, zeroline=False, range=[-0.5, lines.sum()])
    figure.update_xaxes(
        range=[min(0.45, *(each.auroc["low"] - 0.02 for each in order)), 1.005], zeroline=False, dtick=0.1
    )
    figure.update_layout(showlegend=True, legend={"x": 0, "xref": "container"}, margin_t=100)
    table: dict[str, Sequence] = {"name": [each.name for each in order], "group": [each.group for each in order]}
    table |= {end: [each.auroc[end] for each in order] for end in ("value", "low", "high")}
    return Picture(figure, table, _in_words(entries, difference), "side-by-side")


def _in_words(entries: Sequence[Entry], difference: Mapping[str, float] | None) -> str:
    told = []
    without, deep = best(entries, "without"), best(entries, "with")
    if without is not None:
        told.append(f"Without a network, {entries[without].name} reaches {three_digits(entries[without].auroc)}.")
    if deep is None:
        told.append("No run with a network has been trained on this task yet.")
    elif difference is None:
        told.append(f"{entries[deep].name} reaches {three_digits(entries[deep].auroc)} with one.")
    else:
        value, low, high = (difference[end] for end in ("value", "low", "high"))
        doubt = "" if low > 0 or high < 0 else "; these images can't tell them apart"
        told.append(
            f"The best of {sum(each.group == 'with' for each in entries)} with one, {entries[deep].name}, reaches "
            f"{abs(value):.3f} {'more' if value > 0 else 'less'} on the same images (95 % interval {low:+.3f} to "
            f"{high:+.3f}{doubt})."
        )
    inverted = [each.name for each in entries if each.auroc["high"] < 0.5 and each.group != "control"]
    if inverted:
        told.append(f"Below 0.5, so that novel images look the more normal ones: {', '.join(inverted)}.")
    return " ".join(told)
