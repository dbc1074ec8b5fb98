"""What latent size, dropout and L2 do to the VAE threshold: a sweep's runs by one knob after the other."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.figures import INK, SERIES, Picture, number, style

TITLES = {"latent": "Latent size", "dropout": "Dropout", "l2": "L2 penalty"}


def by_settings(
    axes: Mapping[str, Sequence[float]], measured: Mapping[str, Sequence[float | None]], what: str
) -> Picture:
    """A row for each measure, a column for each knob: a dot for each run, a line through the means.

    axes: knob -> its value in each of the N runs.  measured: title -> a value for each run, None where undefined.
    what: where it was measured.
    """
    figure = make_subplots(rows=len(measured), cols=len(axes), vertical_spacing=0.06, horizontal_spacing=0.04)
    for column, settings in enumerate(axes.values(), 1):
        places = sorted(set(settings))
        of = [places.index(each) for each in settings]
        for row, (title, values) in enumerate(measured.items(), 1):
            known = [(place, value) for place, value in zip(of, values, strict=True) if _defined(value)]
            means = [_mean([value for at, value in known if at == place]) for place in range(len(places))]
            colour = SERIES[(row - 1) % len(SERIES)]
            dots = {"color": colour, "size": 7, "opacity": 0.45, "symbol": (row - 1) % 8}
            hover = f"{title}: %{{y:.4g}}<extra></extra>"
            look = {"showlegend": False, "hovertemplate": hover}
            x, y = [place for place, _ in known], [value for _, value in known]
            figure.add_trace(go.Scatter(x=x, y=y, mode="markers", marker=dots, **look), row=row, col=column)
            line = {"color": colour, "width": 2.5}
            x = list(range(len(places)))
            figure.add_trace(go.Scatter(x=x, y=means, mode="lines", line=line, **look), row=row, col=column)
            figure.update_xaxes(
                tickvals=x, ticktext=[f"{each:g}" for each in places], range=[-0.4, len(places) - 0.6],
                row=row, col=column,
            )  # fmt: skip
    style(figure, "What latent size, dropout and L2 do", "", "", 110 + 190 * len(measured))
    for row, (title, values) in enumerate(measured.items(), 1):
        figure.update_yaxes(range=_range([value for value in values if _defined(value)]), row=row)
        figure.update_yaxes(title_text=title, row=row, col=1)
        for column in range(2, len(axes) + 1):
            figure.update_yaxes(showticklabels=False, row=row, col=column)
    for column, knob in enumerate(axes, 1):
        figure.update_xaxes(showticklabels=False, col=column)
        figure.update_xaxes(title_text=TITLES.get(knob, knob), showticklabels=True, row=len(measured), col=column)
    figure.update_annotations(font_color=INK)
    table: dict[str, Sequence[Any]] = {TITLES.get(knob, knob): list(some) for knob, some in axes.items()}
    table |= {title: list(values) for title, values in measured.items()}
    return Picture(
        figure, table, f"{_in_words(axes, measured)} A dot is a run, a line their mean. {what}", "by-settings"
    )


def _defined(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _range(values: Sequence[float]) -> list[float]:
    """An axis that all panels of a row share: what is measured, and a little air."""
    known = list(values) or [0.0, 1.0]
    air = 0.08 * (max(known) - min(known)) or 0.05 * abs(max(known)) or 0.05
    return [min(known) - air, max(known) + air]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _in_words(axes: Mapping[str, Sequence[float]], measured: Mapping[str, Sequence[float | None]]) -> str:
    """For each measure the knob whose means lie farthest apart, with the two ends."""
    told = []
    for title, values in measured.items():
        ranges = []
        for knob, settings in axes.items():
            means = {
                place: mean
                for place in sorted(set(settings))
                if (mean := _mean([v for s, v in zip(settings, values, strict=True) if s == place and _defined(v)]))
                is not None
            }
            if len(means) > 1:
                low, high = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
                ranges.append((means[high] - means[low], knob, low, high, means))
        if ranges:
            _, knob, low, high, means = max(ranges, key=lambda each: each[0])
            told.append(
                f"{title} moves most with {TITLES.get(knob, knob).lower()}: {number(means[low])} at {low:g}, "
                f"{number(means[high])} at {high:g}"
            )
    return f"{'; '.join(told)}." if told else "Too few runs have finished to compare settings."
