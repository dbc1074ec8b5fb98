"""Small pictures of the Train page: the idea of each scenario, the loss while it falls."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from core.figures import ANOMALY, CONTROL, NORMAL, NOVEL, SERIES, Picture, number, scatter, style
from core.scenarios import Scenario

CELL, GAP, WIDTH = 11, 7, 84  # of a mark, between groups, of a picture, in pixels


def idea(scenario: Scenario) -> str:
    """The scenario as SVG, a row of marks: blue circles normal, orange diamonds novel, purple triangles anomalies."""
    x, marks = 3.0, list[str]()
    for place, group in enumerate(scenario.idea.split("|")):
        columns = math.ceil(len(group) / 2)
        if place == 0:
            size = f'width="{columns * CELL + 4}" height="{2 * CELL + 4}"'
            marks.append(f'<rect x="{x - 2}" y="1" {size} rx="4" fill="none" stroke="{CONTROL}"/>')
        for at, kind in enumerate(group):
            marks.append(_mark(kind, x + CELL * (at // 2 + 0.5), 3 + CELL * (at % 2 + 0.5)))
        x += columns * CELL + GAP
    return _svg(WIDTH, 2 * CELL + 6, marks)


def _mark(kind: str, x: float, y: float) -> str:
    if kind == "n":
        return f'<circle cx="{x}" cy="{y}" r="4" fill="{NORMAL}"/>'
    corners = ((-4.5, 3.5), (4.5, 3.5), (0, -4.5)) if kind == "a" else ((-5, 0), (0, -5), (5, 0), (0, 5))
    points = " ".join(f"{x + across},{y + down}" for across, down in corners)
    return f'<polygon points="{points}" fill="{ANOMALY if kind == "a" else NOVEL}"/>'


def loss_curve(values: Sequence[float], epoch: int, stage: str) -> Picture:
    """The loss of the running stage, with axes.  values: of the latest epochs, the last of which is `epoch`."""
    epochs = list(range(epoch - len(values) + 1, epoch + 1))
    figure = go.Figure(scatter(epochs, values, mode="lines", line={"color": SERIES[0], "width": 2.5}))
    style(figure, "", f"Epoch of {stage}", "Loss", height=170, legend_rows=0)
    figure.update_layout(margin_t=8, showlegend=False, uirevision=stage)
    sentence = f"The loss of {stage} is {number(values[-1])} after epoch {epoch:,}."
    return Picture(figure, {"epoch": epochs, "loss": list(values)}, sentence, "loss")


def sparkline(values: Sequence[float], width: int = 120, height: int = 28) -> str:
    """A curve without axes, as SVG, from its lowest to its highest value; values that aren't numbers are left out.

    A dot marks the last value; fewer than two values make no line.
    """
    points = [(place, value) for place, value in enumerate(values) if math.isfinite(value)]
    if not points:
        return _svg(width, height, [])
    low, high = min(value for _, value in points), max(value for _, value in points)
    across, up = (width - 8) / max(len(values) - 1, 1), (height - 8) / ((high - low) or 1)
    drawn = [(4 + place * across, height - 4 - (value - low) * up) for place, value in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
    x, y = drawn[-1]
    line = f'<polyline points="{path}" fill="none" stroke="{SERIES[0]}" stroke-width="2" stroke-linejoin="round"/>'
    return _svg(width, height, [line, f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{SERIES[0]}"/>'])


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'
