"""Pictures of the Gaussian: which pixels and which directions a Mahalanobis distance is made of."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import INK, SERIES, Picture, log_axis, number, percent, scatter, style
from core.figures.sheets import sheet, signed_heat
from core.figures.usual import numbers, profile

SHOWN = 12


def why(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """What each pixel adds to the squared distance, and what each tenth of the directions does.

    explanation: "shares" [H, W], which sum to 1, and "by_axis" [10], with "normal_by_axis" [V, 10] where given.
    """
    return [pixels(numbers(explanation["shares"]), image), directions(explanation)]


def pixels(shares: NDArray, image: NDArray[np.uint8]) -> Picture:
    """The image beside what each pixel adds to its squared distance, [H, W], orange, or takes from it, blue."""
    most = float(np.abs(shares).max())
    shown = [image, signed_heat(shares[None], most)]
    below = ["<b>this image</b>", f"share of the distance,<br>to {percent(most)} a pixel"]
    figure = sheet([shown], below, [""], "What its distance is made of", 205, least=4)
    figure.update_yaxes(showticklabels=False)
    falling = np.sort(shares.ravel())[::-1]
    half = int((np.cumsum(falling) < 0.5).sum()) + 1
    row, column = map(int, np.unravel_index(shares.argmax(), shares.shape))
    sentence = (
        f"Half of the squared distance comes from {half} of {shares.size:,} pixels; row {row}, column {column} adds "
        f"most, {percent(float(shares.max()))}. A pixel counts where it is unusual given the others, not where bright."
    )
    rows, columns = (each.ravel() for each in np.indices(shares.shape))
    table = {"row": rows, "column": columns, "share": shares.ravel()}
    return Picture(figure, table, sentence, "distance-by-pixel")


def directions(explanation: Mapping[str, NDArray]) -> Picture:
    """Shares of the squared distance by tenths of the directions, from the widest to the narrowest."""
    shares, normal = numbers(explanation["by_axis"]), explanation.get("normal_by_axis")
    percents = None if normal is None else 100 * numbers(normal)
    looks = ("By direction, from the widest to the narrowest", "Tenth of the directions", "% of the distance")
    figure, table = profile(100 * shares, percents, *looks)
    figure.update_xaxes(tickvals=list(range(1, len(shares) + 1)))
    figure.update_yaxes(rangemode="tozero")
    narrow = float(shares[len(shares) // 2 :].sum())
    usual = "" if normal is None else f" (for normal images {percent(float(np.median(numbers(normal)[:, 5:].sum(1))))})"
    sentence = (
        f"{percent(narrow)} of it comes from the narrower half of the directions{usual}: those in which training "
        "images vary least."
    )
    return Picture(figure, table, sentence, "distance-by-direction")


def widest(axes: NDArray, mean_image: NDArray, variances: NDArray) -> Picture:
    """The mean image and the widest directions as images, with standard deviations.

    axes: [D, C, H, W].  variances: [>= D], falling.
    """
    first = axes[:SHOWN]
    most = float(np.abs(first).max())
    mean = (255 * mean_image).round().astype(np.uint8)
    below = ["mean", *(f"{at + 1}<br>{number(float(variances[at]) ** 0.5)}" for at in range(len(first)))]
    shown = [mean, *(signed_heat(each, most) for each in first)]
    figure = sheet([shown], below, [""], "Mean and widest directions, with standard deviations", 185, least=SHOWN + 1)
    figure.update_yaxes(showticklabels=False)
    sentence = (
        "Each direction is measured in its own standard deviation: a step along these counts little, the same step "
        "along the narrowest counts most."
    )
    table = {"direction": np.arange(len(first)) + 1, "variance": variances[: len(first)]}
    return Picture(figure, table, sentence, "widest-directions")


def spectrum(variances: NDArray, shrinkage: float) -> Picture:
    """Variances of all directions, [D], falling, on a logarithmic axis."""
    places = np.arange(1, len(variances) + 1)
    figure = go.Figure()
    looks = {
        "mode": "lines",
        "line": {"color": SERIES[0], "width": 2.5},
        "hovertemplate": "%{x}: %{y:.3g}<extra></extra>",
    }
    figure.add_trace(scatter(places, variances, **looks))
    level = shrinkage * float(variances.mean())
    if level > 0:
        figure.add_hline(y=level, line={"color": INK, "dash": "dot", "width": 1.5})
    style(figure, "How wide the Gaussian is", "Direction", "Variance (log)", 300)
    log_axis(figure, min(float(variances.min()), level or np.inf), float(variances.max()))
    ratio = float((variances[0] / max(variances[-1], 1e-12)) ** 0.5)
    sentence = (
        f"The widest direction is {number(ratio)} times as wide as the narrowest. {percent(shrinkage)} of a sphere is "
        "mixed in (Ledoit and Wolf), which puts a floor (dotted) below the narrow ones: without it a constant pixel "
        "would count without limit."
    )
    return Picture(figure, {"direction": places, "variance": variances}, sentence, "spectrum")
