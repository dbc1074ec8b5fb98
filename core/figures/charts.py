"""What charts share: their look, points, histogram of scores, ROC and precision-recall overlays."""

import copy
import math
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from core.figures.kinds import Kind, Kinds
from core.figures.palette import CONTROL, DASHES, INK, SERIES
from core.figures.picture import Picture, number, percent, three_digits

SVG_POINTS = 1_000  # above this many points a trace is drawn by WebGL
SMALLEST = 1e-12  # logarithmic axes have no zero


@dataclass(frozen=True)
class Curve:
    """One named line of an overlay.

    x, y: [K], shares in 0 to 1; x ascends from 0 to 1.  area: the metric {value, low, high} that the legend shows.
    control: a line to beat (untrained network, nearest images), drawn grey and dashed.
    """

    name: str
    x: NDArray
    y: NDArray
    area: Mapping[str, float] | None = None
    control: bool = False


def style(figure: go.Figure, title: str, x: str, y: str, height: int = 380, legend_rows: int = 1) -> go.Figure:
    """The look that all pictures share, applied in place: title, axis titles (words and units), legend above the plot.

    height: in pixels, of everything.  legend_rows: one for names side by side, more for names one below the other.
    """
    legend = {"orientation": "h" if legend_rows == 1 else "v", "x": 0, "y": 1 - 34 / height, "yref": "container"}
    looks: dict[str, Any] = {
        "title": {"text": title, "x": 0, "xref": "container", "y": 1, "yanchor": "top", "pad": {"t": 8}},
        "legend": {**legend, "xanchor": "left", "yanchor": "top", "title": {"text": ""}},
        "font": {"color": INK},
        "margin": {"l": 8, "r": 8, "t": 40 + 20 * legend_rows, "b": 8},
        "hoverlabel": {"font": {"color": INK}},
        "height": height,
    }
    return lay_out(figure, _ink(x), _ink(y), looks)


def lay_out(
    figure: go.Figure, x: dict[str, Any], y: dict[str, Any], others: Mapping[str, Any] | None = None
) -> go.Figure:
    """Settings of all horizontal axes x, of all vertical axes y, and others of the layout, applied in place.

    In a tenth of the time of `update_layout`, which looks up every property by its path and makes a class for each
    name to do so (findings/plotly-a-class-for-each-name.sh). What is nested replaces what was there. No shapes and no
    annotations: Plotly wouldn't see them.
    """
    looks = dict(others or {})
    for told, axes in ((x, figure.select_xaxes()), (y, figure.select_yaxes())):
        if told:
            looks |= {axis.plotly_name: axis.to_plotly_json() | copy.deepcopy(told) for axis in axes}
    figure.plotly_relayout(looks)
    return figure


def _ink(words: str) -> dict[str, Any]:
    """Words and colours of one axis; each has its own, or panels that name theirs later would all get the last one."""
    return {"automargin": True, "title": {"text": words, "font": {"color": INK}}, "tickfont": {"color": INK}}


def scatter(x: ArrayLike, y: ArrayLike, **options) -> go.Scatter | go.Scattergl:
    """A trace of points or lines in single precision, for WebGL where it has too many points for SVG.

    `screen.on_screen` does without where the whole chart has few.
    """
    x, y = np.asarray(x, np.float32), np.asarray(y, np.float32)
    return (go.Scattergl if len(x) > SVG_POINTS else go.Scatter)(x=x, y=y, **options)


def log_axis(figure: go.Figure, lowest: float, highest: float) -> None:
    """Upright logarithmic axis in powers of ten as people write them, in steps of 1, 2, 5 where there is one of them.

    Plotly's own steps where its ends are closer.
    """
    low, high = np.log10(np.maximum([lowest, highest], SMALLEST))
    margin = 0.06 * (high - low) + 0.02
    powers = 10.0 ** np.arange(np.ceil(low - margin), np.floor(high + margin) + 1)
    looks: dict[str, Any] = {"type": "log", "range": [low - margin, high + margin]}
    ticks = powers if len(powers) > 1 else _decimal_steps(10 ** (low - margin), 10 ** (high + margin))
    if len(powers) > 1 or len(ticks) > 2:
        looks |= {"tickvals": ticks, "ticktext": [number(tick) for tick in ticks]}
    lay_out(figure, {}, looks)


def wrapped(name: str, width: int) -> str:
    """A name on several lines of about `width` letters, safe in a figure."""
    return "<br>".join(map(escape, textwrap.wrap(name, width)))


# --- scores -----------------------------------------------------------------------------------------------------------


def hatched(kind: Kind) -> dict[str, Any]:
    """The marker of a kind's bars."""
    pattern = {"shape": kind.hatch, "size": 6, "solidity": 0.2, "fillmode": "overlay", "fgcolor": "white"}
    return {"color": kind.colour, "line": {"width": 0}, "pattern": pattern}


def stacked(kinds: Kinds, heights: Callable[[NDArray], NDArray]) -> Iterator[tuple[Kind, NDArray, NDArray | None]]:
    """Every kind, the heights of its bars and what they stand on: kinds of novel images one upon the other.

    heights: from the mask [N] of a kind to its bars [B].  So all novel images together look as those of one kind would.
    """
    below = None
    for kind, mask in kinds:
        height = heights(mask)
        yield kind, height, below if kind.foreign else None
        if kind.foreign and kinds.several:
            below = height if below is None else below + height


def score_histogram(scores: ArrayLike, kinds: Kinds, threshold: float, title: str, score: str = "Score") -> Picture:
    """How the scores of the images of each kind lie about the threshold, with the four outcomes counted.

    scores: [N], finite, higher = more novel.  kinds: of the N images.  threshold: a score, novel if strictly above.
    Positive scores with a long upper tail get a logarithmic axis, which says so. Kinds of novel images are stacked.
    """
    scores, novel = np.asarray(scores, np.float64), kinds.novel
    logarithmic = _long_tailed(scores, threshold)
    edges = 10 ** _edges(np.log10(scores), np.log10(threshold)) if logarithmic else _edges(scores, threshold)

    figure = go.Figure()
    for kind, counts, base in stacked(kinds, lambda mask: np.histogram(scores[mask], edges)[0].astype(np.int32)):
        figure.add_bar(
            x=((edges[:-1] + edges[1:]) / 2).astype(np.float32),
            width=np.diff(edges).astype(np.float32),
            y=counts,
            base=base,
            name=f"{kind.label} ({counts.sum():,})",
            marker=hatched(kind),
            opacity=0.75 if kind.foreign else 0.9,
            customdata=counts,
            hovertemplate=f"%{{customdata:,}} {kind.label} images around %{{x:.3g}}<extra></extra>",
        )
    figure.add_vline(x=threshold, line={"color": INK, "dash": "dash", "width": 2})
    style(figure, title, f"{score} (higher = more novel{', log scale' if logarithmic else ''})", "Images")
    legend_rows = math.ceil(len(figure.data) / 2) if kinds.several else 1
    figure.update_layout(barmode="overlay", bargap=0, margin_t=80 + 20 * legend_rows)
    if logarithmic:
        ticks = _decimal_steps(edges[0], edges[-1])
        figure.update_xaxes(type="log", tickvals=ticks, ticktext=[number(tick) for tick in ticks])

    above = scores > threshold
    caught, rejected = int(above[novel].sum()), int(above[~novel].sum())
    missed, accepted = int(novel.sum()) - caught, int((~novel).sum()) - rejected
    _outcome(figure, "left", f"<b>{accepted:,}</b> normal accepted<br><b>{missed:,}</b> novel missed")
    _outcome(figure, "right", f"<b>{rejected:,}</b> normal rejected<br><b>{caught:,}</b> novel caught")
    sentence = (
        f"At the dashed threshold of {number(threshold)} it catches {caught:,} of {caught + missed:,} novel images"
        f"{kinds.by_name(above)} and rejects {rejected:,} of {rejected + accepted:,} normal ones."
    )
    table = {name: np.histogram(scores[mask], edges)[0] for name, mask in kinds.groups.items()}
    return Picture(figure, {"from": edges[:-1], "to": edges[1:], **table}, sentence, "score-histogram")


def _long_tailed(scores: NDArray[np.float64], threshold: float) -> bool:
    """Whether even bars would squeeze all accepted images into a few of them."""
    low = min(scores.min(), threshold)
    return bool(low > 0 and scores.max() - low > 6 * (threshold - low))


def _edges(scores: NDArray[np.float64], threshold: float, about: int = 48) -> NDArray[np.float64]:
    """Edges of even bars, one of them at the threshold, so that no bar holds both accepted and rejected images."""
    low, high = min(scores.min(), threshold), max(scores.max(), threshold)
    width = (high - low) / about or 1.0
    left, right = math.floor((threshold - low) / width) + 1, math.floor((high - threshold) / width) + 1
    return threshold + width * np.arange(-left, right + 1)


def _decimal_steps(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, 20, ... between two positive numbers; powers of ten alone where that would be many."""
    steps = (1, 2, 5) if high < 1e3 * low else (1,)
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    return [tick for exponent in exponents for step in steps if low <= (tick := step * 10.0**exponent) <= high]


def _outcome(figure: go.Figure, side: str, text: str) -> None:
    """Two counts above a corner of the plot, clear of bars and threshold."""
    place = {"xref": "paper", "yref": "paper", "x": {"left": 0, "right": 1}[side], "y": 1, "yshift": 2}
    figure.add_annotation(text=text, showarrow=False, xanchor=side, yanchor="bottom", align=side, **place)


# --- ROC and PR -------------------------------------------------------------------------------------------------------


def roc(curves: Sequence[Curve], title: str = "Novel images caught against false alarms") -> Picture:
    """ROC overlay of at least one curve: x is the share of normal images rejected, y that of novel images caught."""
    figure = _overlay(curves)
    _guess(figure, 0, 1, "guessing")
    _unit_square(figure, title, "Share of normal images rejected", "Share of novel images caught")
    catches = {curve.name: float(np.interp(0.05, curve.x, curve.y)) for curve in curves}
    sentence = _against_controls(curves, catches, "Rejecting 5 % of the normal images, {} catches {} of the novel ones")
    return Picture(figure, _long_table(curves, "normal rejected", "novel caught"), sentence, "roc")


def pr(curves: Sequence[Curve], novel_share: float, title: str = "How often an alarm is right") -> Picture:
    """Precision-recall overlay of at least one curve, novel positive: x is the recall, y the precision.

    novel_share: of the test images, in 0 to 1; the precision of calling every image novel, drawn dotted.
    """
    figure = _overlay(curves)
    _guess(figure, novel_share, novel_share, "calling every image novel")
    _unit_square(figure, title, "Share of novel images caught (recall)", "Share of alarms that are right")
    right = {curve.name: float(np.interp(0.9, curve.x, curve.y)) for curve in curves}
    sentence = _against_controls(curves, right, "Catching 90 % of the novel images, {} is right in {} of its alarms")
    sentence += f" Calling every image novel would be right in {percent(novel_share)}."
    return Picture(figure, _long_table(curves, "recall", "precision"), sentence, "precision-recall")


def _overlay(curves: Sequence[Curve]) -> go.Figure:
    figure = go.Figure()
    drawn = {False: 0, True: 0}
    for curve in curves:
        order = drawn[curve.control]
        drawn[curve.control] += 1
        # a second round through the three colours takes the next dash; controls are never solid
        dash = DASHES[(1 + order if curve.control else order // len(SERIES)) % len(DASHES)]
        colour = CONTROL if curve.control else SERIES[order % len(SERIES)]
        name = curve.name + (f" {three_digits(curve.area)}" if curve.area else "")
        line = {"color": colour, "dash": dash, "width": 1.5 if curve.control else 2.5}
        figure.add_trace(scatter(curve.x, curve.y, name=name, mode="lines", line=line))
    return figure


def _guess(figure: go.Figure, left: float, right: float, label: str) -> None:
    """What needs no detector, dotted from the left edge to the right, with its label below the line."""
    line = {"color": CONTROL, "dash": "dot", "width": 1}
    figure.add_shape(type="line", x0=0, y0=left, x1=1, y1=right, layer="below", line=line)
    middle = (left + right) / 2
    figure.add_annotation(text=label, x=0.51, y=middle, xanchor="left", yanchor="top", showarrow=False)


def _unit_square(figure: go.Figure, title: str, x: str, y: str) -> None:
    """Shares on both axes, shown from 0 to 1, and a legend with a line for each curve."""
    rows = max(2, len(figure.data))
    style(figure, title, x, y, height=340 + 20 * rows, legend_rows=rows)
    figure.update_layout(xaxis_range=[0, 1.005], yaxis_range=[0, 1.005], hovermode="x", showlegend=True)


def _against_controls(curves: Sequence[Curve], reached: Mapping[str, float], words: str) -> str:
    """The best detector's figure, and beside it the best control's: a figure alone says nothing."""

    def best(control: bool) -> str | None:
        return max((curve.name for curve in curves if curve.control == control), key=reached.__getitem__, default=None)

    first, *control = [name for name in (best(False), best(True)) if name is not None]
    return words.format(first, percent(reached[first])) + "".join(f", {x} {percent(reached[x])}" for x in control) + "."


def _long_table(curves: Sequence[Curve], x: str, y: str) -> dict[str, NDArray]:
    names = np.repeat([curve.name for curve in curves], [len(curve.x) for curve in curves])
    return {"curve": names, x: np.concatenate([c.x for c in curves]), y: np.concatenate([c.y for c in curves])}
