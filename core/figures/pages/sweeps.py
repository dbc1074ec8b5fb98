"""Pictures of the page "Sweeps": many runs of one grid, by what differs between them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import AMOUNTS, CONTROL, INK, SERIES, Picture, number, style
from core.figures.cells import readable, text_font

MOST_SETTINGS = 40  # that get a line of dots
SCALE = [[place / (len(AMOUNTS) - 1), colour] for place, colour in enumerate(AMOUNTS)]


@dataclass(frozen=True)
class Measure:
    """What is read from each run.

    title: as pages name it, with its unit.  lower: whether less of it is better.
    """

    title: str
    lower: bool = False

    @property
    def best(self) -> str:
        return "lowest" if self.lower else "highest"

    @property
    def worst(self) -> str:
        return "highest" if self.lower else "lowest"


@dataclass(frozen=True)
class Settings:
    """One choice of settings.  name: its values in words.  values: of a measure, one for each seed that is finished."""

    name: str
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))


def axis_title(name: str) -> str:
    """An axis in words: `knobs.learning_rate` -> "Learning rate"."""
    return name.rpartition(".")[2].replace("_", " ").capitalize()


def plain(value: Any) -> str:
    """A value of an axis in words."""
    if value is None:
        return "not asked"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def settings_in_words(settings: Mapping[str, Any], axes: Sequence[str]) -> str:
    """What a choice of settings has on these axes: "latent size 2, dropout 0.1"."""
    told = [f"{axis_title(name).lower()} {plain(settings.get(name))}" for name in axes if name in settings]
    return ", ".join(told) or "the only settings"


# --- heat map -------------------------------------------------------------------------------------------------------


def heat_map(
    axes: tuple[str, str],
    values: tuple[Sequence[Any], Sequence[Any]],
    mean: NDArray,
    spread: NDArray,
    count: NDArray,
    measure: Measure,
    others: Mapping[str, Sequence[Any]] | None = None,
) -> Picture:
    """A measure over two axes; a click on a cell gives its place, row times columns plus column, as `customdata`.

    axes, values: of x and y.  mean, spread: [Y, X], nan where nothing is finished, or there is one seed.
    count: [Y, X], finished runs.  others: further axes that were averaged over.
    """
    across, up = ([plain(each) for each in some] for some in values)
    known = np.isfinite(mean)
    few = mean.size <= 120
    texts = np.vectorize(_cell)(mean, spread, bool(known.any() and (np.abs(mean[known]) <= 1).all()))
    figure = go.Figure()
    looks: dict[str, Any] = {
        "colorscale": SCALE,
        "colorbar": {"title": {"text": measure.title, "side": "right"}, "thickness": 14},
    }
    looks |= {"texttemplate": "%{text}" if few else None, "textfont": text_font(texts, 400), "hoverinfo": "skip"}
    figure.add_heatmap(z=mean, text=readable(texts, mean, AMOUNTS), **looks)
    if not known.any():
        figure.update_traces(showscale=False)
    row, column = np.divmod(np.arange(mean.size), len(across))
    hover = [
        f"{axis_title(axes[0])} {across[x]}, {axis_title(axes[1]).lower()} {up[y]}<br>{measure.title}: "
        f"{texts[y, x] or 'nothing finished'}<br>{count[y, x]} finished"
        for y, x in zip(row, column, strict=True)
    ]
    # a heat map can't be clicked in a page; points that nobody sees can
    figure.add_scatter(
        x=column,
        y=row,
        mode="markers",
        customdata=np.arange(mean.size),
        marker={"size": 34, "symbol": "square", "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        hovertext=[escape(each).replace("&lt;br&gt;", "<br>") for each in hover],
        hovertemplate="%{hovertext}<extra></extra>",
        showlegend=False,
    )
    style(figure, "", axis_title(axes[0]), axis_title(axes[1]), max(300, 110 + 46 * len(up)))
    figure.update_layout(
        title_text=f"{measure.title} by {axis_title(axes[0]).lower()} and {axis_title(axes[1]).lower()}"
    )
    figure.update_layout(clickmode="event+select", margin_t=44)
    for names, update in ((across, figure.update_xaxes), (up, figure.update_yaxes)):
        update(
            tickvals=list(range(len(names))),
            ticktext=names,
            showgrid=False,
            zeroline=False,
            range=[-0.5, len(names) - 0.5],
        )
    table: dict[str, Sequence | NDArray] = {
        axis_title(axes[0]): [across[x] for x in column],
        axis_title(axes[1]): [up[y] for y in row],
        "mean": mean.ravel(),
        "spread over seeds": spread.ravel(),
        "finished": count.ravel(),
    }
    return Picture(
        figure, table, _heat_map_in_words(axes, (across, up), mean, spread, measure, others or {}), "heat-map"
    )


def _cell(mean: float, spread: float, shares: bool) -> str:
    """What a cell shows.  shares: whether all values lie within 1, as AUROC does, so that places line up."""
    if not math.isfinite(mean):
        return ""
    told = f"{mean:.3f}" if shares else number(mean)
    return told if not math.isfinite(spread) else f"{told} ± {float(f'{spread:.1g}'):g}"


def _heat_map_in_words(
    axes: tuple[str, str],
    values: tuple[Sequence[str], Sequence[str]],
    mean: NDArray,
    spread: NDArray,
    measure: Measure,
    others: Mapping[str, Sequence[Any]],
) -> str:
    if not np.isfinite(mean).any():
        return "No run has finished yet."

    def at(place: int) -> str:
        y, x = divmod(place, mean.shape[1])
        return f"{axis_title(axes[0]).lower()} {values[0][x]}, {axis_title(axes[1]).lower()} {values[1][y]}"

    most, least = int(np.nanargmax(mean)), int(np.nanargmin(mean))
    told = f"It goes from {number(mean.flat[least])} ({at(least)}) to {number(mean.flat[most])} ({at(most)})"
    over = [f"{len(some)} of {axis_title(name).lower()}" for name, some in others.items()]
    told += f", mean over {' and '.join(over)}" if over else ""
    usual = np.nanmedian(spread) if np.isfinite(spread).any() else math.nan
    if math.isfinite(usual):
        told += (
            f". Seeds alone move it by {number(float(usual))} (median standard deviation): smaller steps say nothing"
        )
    return f"{told}. Click a cell to open its run."


# --- seeds ----------------------------------------------------------------------------------------------------------


def over_seeds(groups: Sequence[Settings], measure: Measure) -> Picture:
    """A dot for each seed and a bar at their mean, the best settings on top.  Groups without a value are left out."""
    order = sorted((each for each in groups if each.values), key=lambda each: each.mean, reverse=not measure.lower)
    shown = order[:MOST_SETTINGS][::-1]
    figure = go.Figure()
    rows = np.repeat(np.arange(len(shown)), [len(each.values) for each in shown])
    dots = {"color": SERIES[0], "size": 9, "opacity": 0.75}
    figure.add_scatter(
        x=[value for each in shown for value in each.values],
        y=rows,
        mode="markers",
        marker=dots,
        name="one seed",
        hovertemplate="%{x:.4g}<extra></extra>",
    )
    bar = {"symbol": "line-ns", "size": 18, "line": {"color": INK, "width": 2.5}}
    means = [each.mean for each in shown]
    figure.add_scatter(x=means, y=list(range(len(shown))), mode="markers", marker=bar, name="mean", hoverinfo="skip")
    style(figure, "Mean and spread over seeds", measure.title, "", 130 + 26 * max(len(shown), 3))
    ticks = {"tickvals": list(range(len(shown))), "ticktext": [escape(each.name) for each in shown]}
    figure.update_yaxes(**ticks, range=[-0.6, len(shown) - 0.4], zeroline=False)
    figure.update_layout(showlegend=True)
    pairs = [(each.name, value) for each in order for value in each.values]
    table: dict[str, Sequence | NDArray] = {
        "settings": [name for name, _ in pairs],
        measure.title: [value for _, value in pairs],
    }
    return Picture(figure, table, _seeds_in_words(order, measure), "over-seeds")


def _seeds_in_words(order: Sequence[Settings], measure: Measure) -> str:
    if not order:
        return "No run has finished yet."
    first = order[0]
    left_out = f" {len(order) - MOST_SETTINGS} more are in the table." if len(order) > MOST_SETTINGS else ""
    if len(order) == 1:
        return f"{first.name}: {number(first.mean)}, mean of {len(first.values)}."
    told = f"{measure.best.capitalize()} mean: {first.name} with {number(first.mean)}"
    if all(len(each.values) < 2 for each in order):
        return f"{told}. One seed each says nothing of how much seeds differ.{left_out}"
    worst_of_first = max(first.values) if measure.lower else min(first.values)

    def reaches(each: Settings) -> bool:
        return min(each.values) <= worst_of_first if measure.lower else max(each.values) >= worst_of_first

    rivals = sum(reaches(each) for each in order[1:])
    return (
        f"{told}. In {rivals} of the other {len(order) - 1} settings some seed is as good as its worst one, "
        f"{number(worst_of_first)}.{left_out}"
    )


# --- parallel coordinates -------------------------------------------------------------------------------------------


def parallel(axes: Mapping[str, Sequence[Any]], values: Sequence[float], measure: Measure) -> Picture:
    """A line for each run through its value on each axis to its measure, which colours it.

    axes: name -> a value for each run.  values: the measure of each, finite.
    """
    columns = []
    for name, some in axes.items():
        offered = _in_order(some)
        columns.append(
            {
                "label": axis_title(name),
                "values": [offered.index(each) for each in some],
                "tickvals": list(range(len(offered))),
                "ticktext": [plain(each)[:18] for each in offered],
                "range": [-0.15, len(offered) - 0.85] if len(offered) > 1 else [-1, 1],
            }
        )
    columns.append({"label": measure.title, "values": list(values)})
    font = {"color": INK, "size": 12}
    figure = go.Figure(
        go.Parcoords(
            dimensions=columns,
            line={"color": list(values), "colorscale": SCALE, "showscale": False},
            labelfont=font | {"size": 13},
            tickfont=font,
            rangefont=font | {"size": 11},
        )
    )
    style(figure, "Every run, from its settings to what came of it", "", "", 400)
    figure.update_layout(margin={"l": 60, "r": 60, "t": 90, "b": 24})
    table: dict[str, Sequence | NDArray] = {
        axis_title(name): [plain(each) for each in some] for name, some in axes.items()
    }
    share = {name: _explained(some, values) for name, some in axes.items()}
    strongest = max(share, key=share.__getitem__) if share else ""
    told = (
        f"{axis_title(strongest)} goes with {100 * share[strongest]:.0f} % of the differences between these "
        f"{len(values)} runs, more than any other axis. "
        if strongest and len(values) > 1
        else ""
    )
    sentence = f"{told}Drag along an axis to keep the lines that pass there."
    return Picture(figure, table | {measure.title: list(values)}, sentence, "parallel")


def _in_order(values: Sequence[Any]) -> list[Any]:
    """The different values, numbers by size, all else as it came."""
    found = list(dict.fromkeys(values))
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in found)
    return sorted(found) if numbers else found


def _explained(settings: Sequence[Any], values: Sequence[float]) -> float:
    """The share of the variance of the values that lies between the groups of equal settings, 0 to 1 (eta squared)."""
    own, total = np.asarray(values, float), float(np.var(values))
    if total <= 0:
        return 0.0
    of = np.array([_in_order(settings).index(each) for each in settings])
    means = np.bincount(of, own) / np.maximum(np.bincount(of), 1)
    return float(np.var(means[of]) / total)


# --- cost -----------------------------------------------------------------------------------------------------------


def cost(groups: Sequence[Settings], seconds: Sequence[float], measure: Measure) -> Picture:
    """What a measure costs: mean seconds of a run against its mean, a dot for each choice of settings.

    groups: with a value each.  seconds: mean of its runs.
    """
    means = [each.mean for each in groups]
    figure = go.Figure()
    figure.add_scatter(
        x=list(seconds),
        y=means,
        mode="markers",
        marker={"color": SERIES[0], "size": 11, "opacity": 0.8},
        hovertext=[escape(each.name) for each in groups],
        hovertemplate="%{hovertext}<br>%{x:.3g} s, %{y:.4g}<extra></extra>",
        showlegend=False,
    )
    style(figure, "What it costs", "Seconds of a run, mean over seeds", measure.title, 380)
    figure.update_xaxes(rangemode="tozero")
    total = sum(spent * len(each.values) for spent, each in zip(seconds, groups, strict=True))
    table: dict[str, Sequence | NDArray] = {
        "settings": [each.name for each in groups],
        "seconds": list(seconds),
        measure.title: means,
    }
    if not groups:
        return Picture(figure, table, "No run has finished yet.", "cost")
    pick = min if measure.lower else max
    best, cheap = means.index(pick(means)), int(np.argmin(seconds))
    figure.add_hline(y=means[best], line={"color": CONTROL, "dash": "dot", "width": 1})
    sentence = (
        f"All runs together took {number(total)} s of training and evaluation. The {measure.best} value, "
        f"{number(means[best])} ({groups[best].name}), took {number(seconds[best])} s; the cheapest settings "
        f"({groups[cheap].name}) reach {number(means[cheap])} in {number(seconds[cheap])} s."
    )
    return Picture(figure, table, sentence, "cost")
