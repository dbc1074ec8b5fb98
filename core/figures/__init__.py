"""Pictures and their colours: arrays in, a `Picture` out, without torch and without a page.

A figure function returns a `Picture`: the Plotly figure, the table behind it, and one sentence that says what to look
for, with this run's own numbers in it. So every picture can be downloaded as data, works without the app and is tested
without a browser. One meaning, one colour everywhere (Okabe and Ito, safe for colour-blind readers), never by colour
alone; fonts, grid and background are the theme's. `.streamlit/config.toml` repeats the colours, a test compares them.
"""

import csv as comma_separated
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from PIL import Image

NORMAL = "#0072B2"
NOVEL = "#D55E00"
ANOMALY = "#CC79A7"
SERIES = ("#009E73", "#E69F00", "#56B4E9")  # what has no meaning of its own, in this order
CONTROL = "#7F7F7F"  # control lines and published figures; 3.8:1 or better against both themes
# Text and thresholds: Streamlit's theme for charts puts its text colour in this one's place; elsewhere near black.
INK = "#000037"

# Amounts, small to large: viridis.  Differences, centred at 0: from normal's blue to novel's orange.
AMOUNTS = (
    *("#440154", "#482878", "#3E4A89", "#31688E", "#26828E"),
    *("#1F9E89", "#35B779", "#6DCD59", "#B4DE2C", "#FDE725"),
)
DIFFERENCES = (
    *("#0072B2", "#4094C5", "#79B3D6", "#B0D1E6", "#E4EEF5"),
    *("#F9EBE1", "#F0C9AB", "#E8A675", "#DE823B", "#D55E00"),
)

DASHES = ("solid", "longdash", "dot", "dashdot", "longdashdot")  # so that no curve is told by colour alone
SVG_POINTS = 1_000  # above this many points a trace is drawn by WebGL


@dataclass(frozen=True)
class Picture:
    """A figure with what stands behind and below it.

    table: the columns of the downloaded CSV, all of one length.  sentence: what to look for.  name: stem of file names.
    """

    figure: go.Figure
    table: Mapping[str, Sequence | NDArray]
    sentence: str
    name: str


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


def csv(picture: Picture) -> str:
    """The table behind a picture as comma-separated text with a header row."""
    return as_csv(picture.table)


def as_csv(table: Mapping[str, Sequence | NDArray]) -> str:
    """A table of columns of one length as comma-separated text with a header row; None is an empty cell."""
    text = io.StringIO()
    writer = comma_separated.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*(np.asarray(column).tolist() for column in table.values()), strict=True))
    return text.getvalue()


def html(picture: Picture) -> str:
    """The picture and its sentence as a page that opens anywhere, without app and network (5 MB, most of it Plotly)."""
    figure = go.Figure(picture.figure).update_layout(template="plotly_white")
    chart = figure.to_html(include_plotlyjs=True, full_html=False, config={"displaylogo": False})
    head = f'<!doctype html><meta charset="utf-8"><title>{escape(picture.name)}</title>'
    return f'{head}<body style="font-family: sans-serif">{chart}<p>{escape(picture.sentence)}</p>'


def percent(share: float) -> str:
    """0.95 -> "95 %", 0.1234 -> "12.3 %"; a share that isn't a number -> "unknown"."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %" if math.isfinite(share) else "unknown"


def number(value: float) -> str:
    """Three digits as people write them: 0.01234 -> "0.0123", 12345.6 -> "12,346"."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def three_digits(metric: Mapping[str, float]) -> str:
    """A metric {value, low, high} -> "0.972 (0.968 to 0.975)"; without a known interval -> "0.972"."""
    low, high = metric.get("low"), metric.get("high")
    known = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    return f"{metric['value']:.3f}" + (f" ({low:.3f} to {high:.3f})" if known else "")


def style(figure: go.Figure, title: str, x: str, y: str, height: int = 380, legend_rows: int = 1) -> go.Figure:
    """The look that all pictures share, applied in place: title, axis titles (words and units), legend above the plot.

    height: in pixels, of everything.  legend_rows: one for names side by side, more for names one below the other.
    """
    legend = {"orientation": "h" if legend_rows == 1 else "v", "x": 0, "y": 1 - 34 / height, "yref": "container"}
    figure.update_layout(
        title={"text": title, "x": 0, "xref": "container", "y": 1, "yanchor": "top", "pad": {"t": 8}},
        legend={**legend, "xanchor": "left", "yanchor": "top", "title": {"text": ""}},
        font={"color": INK},
        margin={"l": 8, "r": 8, "t": 40 + 20 * legend_rows, "b": 8},
        hoverlabel={"font": {"color": INK}},
        height=height,
    )
    axis = {"automargin": True, "title_font_color": INK, "tickfont_color": INK}
    figure.update_xaxes(title_text=x, **axis)
    figure.update_yaxes(title_text=y, **axis)
    return figure


def magnified(figure: go.Figure, scale: float = 1.4) -> go.Figure:
    """A copy whose text is larger by `scale`, for the last row of a classroom; the theme's sizes know nothing of it."""
    text, height = round(12 * scale), (figure.layout.height or 450) * scale
    large = go.Figure(figure).update_layout(height=height, font_size=text, legend_font_size=text)
    large.update_layout(title_font_size=16 * scale, margin_t=(figure.layout.margin.t or 60) * scale)
    large.update_annotations(font_size=text)
    for axes in (large.update_xaxes, large.update_yaxes):
        axes(tickfont_size=text, title_font_size=text)
    return large


def scatter(x: ArrayLike, y: ArrayLike, **options) -> go.Scatter | go.Scattergl:
    """A trace of points or lines in single precision, drawn by WebGL where there are too many points for SVG."""
    x, y = np.asarray(x, np.float32), np.asarray(y, np.float32)
    return (go.Scattergl if len(x) > SVG_POINTS else go.Scatter)(x=x, y=y, **options)


def enlarge(images: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Hard pixels, each repeated factor x factor times: [..., 1 or 3, H, W] -> [..., H * factor, W * factor, 3]."""
    channels_last = np.moveaxis(images, -3, -1)
    colour = np.broadcast_to(channels_last, (*channels_last.shape[:-1], 3))
    return colour.repeat(factor, axis=-3).repeat(factor, axis=-2)


def strip(images: NDArray[np.uint8], columns: int | None = None, factor: int = 3, gap: int = 4) -> bytes:
    """Many images as one PNG, row by row, with hard pixels and transparent gaps.

    images: [N, C, H, W], N at least 1.  columns: images in a row, all of them by default.  gap: in pixels of the PNG.
    """
    count, _, height, width = images.shape
    columns = min(columns or count, count)
    rows = math.ceil(count / columns)
    height, width = height * factor, width * factor
    cells = np.zeros((rows * columns, height + gap, width + gap, 4), np.uint8)
    cells[:count, :height, :width, :3] = enlarge(images, factor)
    cells[:count, :height, :width, 3] = 255
    sheet = cells.reshape(rows, columns, height + gap, width + gap, 4).swapaxes(1, 2)
    sheet = sheet.reshape(rows * (height + gap), columns * (width + gap), 4)
    png = io.BytesIO()
    Image.fromarray(sheet[: len(sheet) - gap, : sheet.shape[1] - gap]).save(png, format="PNG")
    return png.getvalue()


def score_histogram(scores: ArrayLike, novel: ArrayLike, threshold: float, title: str, score: str = "Score") -> Picture:
    """How the scores of normal and novel images lie about the threshold, with the four outcomes counted.

    scores: [N], finite, higher = more novel.  novel: [N], 0 or 1.  threshold: a score, novel if strictly above.
    Positive scores with a long upper tail get a logarithmic axis, which says so.
    """
    scores, novel = np.asarray(scores, np.float64), np.asarray(novel, bool)
    logarithmic = _long_tailed(scores, threshold)
    edges = 10 ** _edges(np.log10(scores), np.log10(threshold)) if logarithmic else _edges(scores, threshold)
    counts = {name: np.histogram(scores[kind], edges)[0] for name, kind in (("normal", ~novel), ("novel", novel))}

    figure = go.Figure()
    for name, colour, hatch, opacity in (("normal", NORMAL, "", 0.9), ("novel", NOVEL, "/", 0.75)):
        pattern = {"shape": hatch, "size": 6, "solidity": 0.2, "fillmode": "overlay", "fgcolor": "white"}
        figure.add_bar(
            x=((edges[:-1] + edges[1:]) / 2).astype(np.float32),
            width=np.diff(edges).astype(np.float32),
            y=counts[name].astype(np.int32),
            name=f"{name} ({counts[name].sum():,})",
            marker={"color": colour, "line": {"width": 0}, "pattern": pattern},
            opacity=opacity,
            hovertemplate=f"%{{y:,}} {name} images around %{{x:.3g}}<extra></extra>",
        )
    figure.add_vline(x=threshold, line={"color": INK, "dash": "dash", "width": 2})
    style(figure, title, f"{score} (higher = more novel{', log scale' if logarithmic else ''})", "Images")
    figure.update_layout(barmode="overlay", bargap=0, margin_t=100)
    if logarithmic:
        ticks = _decimal_steps(edges[0], edges[-1])
        figure.update_xaxes(type="log", tickvals=ticks, ticktext=[number(tick) for tick in ticks])

    caught, rejected = int((scores[novel] > threshold).sum()), int((scores[~novel] > threshold).sum())
    missed, accepted = int(novel.sum()) - caught, int((~novel).sum()) - rejected
    _outcome(figure, "left", f"<b>{accepted:,}</b> normal accepted<br><b>{missed:,}</b> novel missed")
    _outcome(figure, "right", f"<b>{rejected:,}</b> normal rejected<br><b>{caught:,}</b> novel caught")
    sentence = (
        f"At the dashed threshold of {number(threshold)} it catches {caught:,} of {caught + missed:,} novel images"
        f" and rejects {rejected:,} of {rejected + accepted:,} normal ones."
    )
    return Picture(figure, {"from": edges[:-1], "to": edges[1:], **counts}, sentence, "score-histogram")


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
