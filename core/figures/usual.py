"""One image's numbers against those of held-out normal images: along a line of numbers, and for a single one."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from core import evaluation
from core.figures import INK, NORMAL, percent, scatter, style
from core.figures.charts import hatched
from core.figures.kinds import NORMAL_KIND

BAND = (0.05, 0.5, 0.95)
THIS_IMAGE = {"color": INK, "width": 2.5}


def profile(
    values: NDArray, normal: NDArray | None, title: str, x: str, y: str, height: int = 270
) -> tuple[go.Figure, dict[str, NDArray]]:
    """A line of one image's numbers [K], and the 5 to 95 % band and the median of normal images, [V, K], below it.

    Returns the figure and its table; the numbers have the places 1 to K.
    """
    places = np.arange(1, len(values) + 1)
    figure, table = go.Figure(), {x.lower(): places, "image": values}
    if normal is not None:
        low, middle, high = np.quantile(normal.astype(np.float64), BAND, axis=0)
        outline = {"x": np.concatenate([places, places[::-1]]), "y": np.concatenate([high, low[::-1]])}
        looks = {"mode": "lines", "line_width": 0, "fill": "toself", "fillcolor": NORMAL_KIND.faint}
        figure.add_scatter(**outline, **looks, hoverinfo="skip", showlegend=False)
        line = {"mode": "lines", "line": {"color": NORMAL, "width": 2}}
        figure.add_trace(scatter(places, middle, name=f"held-out normal ({len(normal):,}), 5 to 95 %", **line))
        table |= {"normal 5 %": low, "normal median": middle, "normal 95 %": high}
    looks = {"mode": "lines+markers", "line": THIS_IMAGE, "marker": {"symbol": "diamond", "size": 7}}
    hover = "%{x}: %{y:.3g}<extra>this image</extra>"
    figure.add_trace(scatter(places, values, name="this image", hovertemplate=hover, **looks))
    style(figure, title, x, y, height=height).update_layout(showlegend=True)
    figure.update_xaxes(zeroline=False)
    return figure, table


def position(
    value: float, normal: NDArray | None, border: Mapping[str, float], title: str, x: str, height: int = 270
) -> tuple[go.Figure, dict[str, NDArray]]:
    """Where one number lies: a histogram of those of normal images, [V], this image's as a line, borders dashed.

    border: what a dashed line is called, and its place.  Returns the figure and its table.
    """
    shown = [value, *border.values()] + ([] if normal is None else [float(normal.min()), float(normal.max())])
    low, high = min(shown), max(shown)
    margin = 0.03 * (high - low) or 0.5
    edges = np.linspace(low - margin, high + margin, 41)
    figure, table = go.Figure(), {"from": edges[:-1], "to": edges[1:]}
    if normal is not None:
        counts = np.histogram(normal, edges)[0]
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges),
            marker=hatched(NORMAL_KIND),
            name=f"held-out normal ({len(normal):,})",
            hovertemplate="%{y:,} normal images around %{x:.3g}<extra></extra>",
        )
        table["normal"] = counts
    looks = {"mode": "markers", "marker": {"color": INK, "symbol": "diamond", "size": 9}, "cliponaxis": False}
    figure.add_trace(
        scatter([value], [0], name="this image", hovertemplate="%{x:.3g}<extra>this image</extra>", **looks)
    )
    style(figure, title, x, "Images", height=height).update_layout(bargap=0, showlegend=normal is not None)
    figure.update_yaxes(visible=normal is not None, rangemode="tozero")
    figure.add_vline(x=value, line=THIS_IMAGE)
    for at in border.values():
        figure.add_vline(x=at, line={"color": INK, "dash": "dash", "width": 2})
    names = {"<b>this image</b>": value, **border}
    above = {"showarrow": False, "yref": "paper", "y": 1, "yanchor": "bottom"}
    for step, (name, at) in enumerate(names.items()):
        side = "right" if at > (low + high) / 2 else "left"
        figure.add_annotation(x=at, text=name, xanchor=side, yshift=1 + 14 * step, **above)
    figure.update_layout(margin_t=64 + 14 * len(names))
    return figure, table


def more_than(value: float, normal: NDArray | None) -> str:
    """ ", more than for 97 % of the held-out normal images"; empty where there are none to compare with."""
    if normal is None:
        return ""
    share = float(evaluation.percentile([value], normal)[0]) / 100
    return f", more than for {percent(share)} of the held-out normal images"


def less_than(value: float, normal: NDArray | None) -> str:
    """ ", less than for 97 % of the held-out normal images"; empty where there are none to compare with."""
    return more_than(-value, None if normal is None else -normal).replace("more", "less")


def median(normal: NDArray | None) -> float | None:
    """Of normal images; None where there are none to compare with."""
    return None if normal is None else float(np.median(normal))


def numbers(values: ArrayLike) -> NDArray[np.float64]:
    """Half precision, in which some reasons are stored, is too coarse for sums."""
    return np.asarray(values, np.float64)
