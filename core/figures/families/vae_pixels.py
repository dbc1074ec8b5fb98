"""Which pixels make the squared error and the negative ELBO disagree about one image.

The negative ELBO is the cross-entropy of the pixels plus the KL divergence of the latent. The cross-entropy of a pixel
x with its reconstruction y is at least the entropy of x itself, -x ln x - (1 - x) ln(1 - x), however well it is
redrawn: grey pixels cost, black and white ones don't. So it measures greyness beside strangeness, which the squared
error doesn't.
"""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core.figures import AMOUNTS, DIFFERENCES, INK, Picture, number, percent, style

EDGE = 1 / 510  # half a grey level: a reconstruction is stored in 256 levels, and the logarithm has no zero


def squared_errors(image: NDArray[np.uint8], redrawn: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(x - y)^2 of each pixel, summed over channels: [C, H, W] twice -> [H, W]."""
    x, y = _unit(image), _unit(redrawn)
    return np.square(x - y).sum(0)


def cross_entropies(image: NDArray[np.uint8], redrawn: NDArray[np.uint8]) -> NDArray[np.float64]:
    """-x ln y - (1 - x) ln(1 - y) of each pixel, in nats, summed over channels: [C, H, W] twice -> [H, W]."""
    x, y = _unit(image), np.clip(_unit(redrawn), EDGE, 1 - EDGE)
    return -(x * np.log(y) + (1 - x) * np.log(1 - y)).sum(0)


def own_entropy(image: NDArray[np.uint8]) -> float:
    """The least cross-entropy that any reconstruction of an image can have, in nats."""
    x = _unit(image)
    inside = x[(x > 0) & (x < 1)]
    return float(-(inside * np.log(inside) + (1 - inside) * np.log(1 - inside)).sum())


def _unit(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    return image.astype(np.float64) / 255


def apart(image: NDArray[np.uint8], redrawn: NDArray[np.uint8]) -> Picture:
    """Each pixel's share of the squared error and of the cross-entropy of one image, and the difference of the two.

    image, redrawn: uint8 [C, H, W].
    """
    squared, entropy = squared_errors(image, redrawn), cross_entropies(image, redrawn)
    shares = [each / max(each.sum(), 1e-12) for each in (squared, entropy)]
    difference = shares[1] - shares[0]
    titles = ("Share of the squared error", "Share of the cross-entropy", "Cross-entropy minus squared error")
    figure = make_subplots(rows=1, cols=3, subplot_titles=titles, horizontal_spacing=0.04)
    top = float(max(each.max() for each in shares))
    reach = float(np.abs(difference).max()) or 1.0
    for column, (values, colours, low, high) in enumerate(
        [*((each, AMOUNTS, 0.0, top) for each in shares), (difference, DIFFERENCES, -reach, reach)], 1
    ):
        hover = "column %{x}, row %{y}: %{z:.2%}<extra></extra>"
        scale = [[place / (len(colours) - 1), colour] for place, colour in enumerate(colours)]
        look = {"colorscale": scale, "zmin": low, "zmax": high, "showscale": False, "hovertemplate": hover}
        figure.add_trace(go.Heatmap(z=values, **look), row=1, col=column)
    style(figure, "Which pixels make the two scores disagree", "", "", 320)
    figure.update_yaxes(autorange="reversed", ticks="", showticklabels=False, showgrid=False, zeroline=False)
    figure.update_xaxes(ticks="", showticklabels=False, showgrid=False, zeroline=False, constrain="domain")
    for column in (1, 2, 3):
        anchor = f"x{column if column > 1 else ''}"
        figure.update_yaxes(scaleanchor=anchor, constrain="domain", row=1, col=column)
    figure.update_annotations(font={"color": INK, "size": 13})
    figure.update_layout(margin_t=80)
    total, least = float(entropy.sum()), min(own_entropy(image), float(entropy.sum()))
    moved = float(np.abs(difference).sum() / 2)
    sentence = (
        f"{percent(moved)} of the weight lies on other pixels: orange counts more for the cross-entropy, blue for the "
        f"squared error. Of the cross-entropy, {number(total)} nats, {percent(least / max(total, 1e-12))} is "
        "the greyness of the image itself, which the best reconstruction would have to pay, too."
    )
    rows, columns = np.divmod(np.arange(squared.size), squared.shape[1])
    table: dict[str, NDArray] = {"row": rows, "column": columns}
    table |= {"squared error": squared.ravel(), "cross-entropy": entropy.ravel()}
    return Picture(figure, table, sentence, "pixels-apart")
