"""Clusters that a method found by itself: what they are called, how they look, and how they agree with hidden classes.

Clusters are called A, B, C, ... in the order that the method gave them: a number would look like the class of a digit.
Hidden classes are shown for diagnosis only, and every picture with them says so.
"""

from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from core import evaluation
from core.figures.cells import readable, text_font
from core.figures.charts import style
from core.figures.palette import AMOUNTS, SERIES
from core.figures.picture import Picture, percent

SHADES = (0.0, -0.4, 0.55)  # of the colours of a series: as they are, towards black, towards white
SYMBOLS = ("circle", "square", "cross", "triangle-up", "pentagon")
COLOURS = len(SERIES) * len(SHADES)
UNSEEN, TOLD = "hidden class, not used in training", "hidden class, which this run was told"


def letter(cluster: int) -> str:
    """0 -> "A", 25 -> "Z", 26 -> "AA"."""
    return (letter(cluster // 26 - 1) if cluster >= 26 else "") + chr(ord("A") + cluster % 26)


def look(cluster: int) -> dict[str, str]:
    """Colour and symbol of a cluster's points: nine colours, three of each hue, then the next symbol."""
    shade, hue = divmod(cluster % COLOURS, len(SERIES))
    return {"color": _shaded(SERIES[hue], SHADES[shade]), "symbol": SYMBOLS[cluster // COLOURS % len(SYMBOLS)]}


def _shaded(colour: str, shade: float) -> str:
    """A colour "#RRGGBB", mixed with black (shade below 0) or white (above)."""
    end = 255 if shade > 0 else 0
    mixed = (round(int(colour[at : at + 2], 16) * (1 - abs(shade)) + end * abs(shade)) for at in (1, 3, 5))
    return "#" + "".join(f"{each:02X}" for each in mixed)


def main_classes(clusters: NDArray, classes: ArrayLike) -> list[tuple[str, float]]:
    """For each cluster 0..K-1 its largest hidden class and that class's share.  clusters, classes: [n]."""
    table, names = evaluation.contingency(clusters, classes), np.unique(classes)
    shares = table.max(1) / table.sum(1)
    return [(str(name), float(share)) for name, share in zip(names[table.argmax(1)], shares, strict=True)]


def class_map(clusters: NDArray, classes: ArrayLike) -> Picture:
    """Hidden classes of each cluster's training images, for diagnosis; clusters of one main class side by side.

    clusters: [n], 0..K-1.  classes: [n].
    """
    table, names = evaluation.contingency(clusters, classes), np.unique(classes)
    order = np.lexsort((-table.max(1), table.argmax(1)))
    table, letters = table[order], [letter(k) for k in order.tolist()]
    shares = table / table.sum(1, keepdims=True)
    counts = [[f"{count:,}" for count in row] for row in table]
    figure = go.Figure(
        go.Heatmap(
            z=100 * shares,
            x=[f"class {escape(str(name))}" for name in names],
            y=[f"{each} ({size:,})" for each, size in zip(letters, table.sum(1), strict=True)],
            zmin=0,
            zmax=100,
            colorscale=AMOUNTS,
            text=readable(counts, shares, AMOUNTS, 0, 1),
            texttemplate="%{text}" if table.size <= 400 else None,
            textfont=text_font(counts, 600),
            colorbar={"title": "% of the cluster"},
            xgap=2,
            ygap=2,
            hovertemplate="cluster %{y}, %{x}: %{text} images, %{z:.1f} %<extra></extra>",
        )
    )
    style(
        figure,
        "Clusters against hidden classes",
        "Hidden class",
        "Cluster (images)",
        130 + max(200, min(34 * len(table), 280 + 14 * len(table))),
        0,
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(type="category", showgrid=False)
    worst = int(shares.max(1).argmin())
    sentence = agreement_in_words(table)
    if len(table) == 1:
        sentence += " One cluster has to cover all of these classes."
    elif shares.max(1)[worst] < 1:
        foreign = percent(1 - shares.max(1)[worst])
        sentence += f" The most mixed is {letters[worst]}, with {foreign} of other classes than its main one."
    columns = {f"class {name}": table[:, place] for place, name in enumerate(names)}
    return Picture(figure, {"cluster": letters, **columns}, sentence + " For diagnosis only.", "clusters-by-class")


def agreement_in_words(table: NDArray) -> str:
    """How well clusters and classes agree, by four measures.  table: images of each cluster and class, [K, C]."""
    return (
        f"{percent(evaluation.purity(table))} of the training images are of their cluster's main class (purity). "
        f"Matched one to one, {percent(evaluation.matched_accuracy(table))} lie in their class's own cluster (matched "
        "accuracy). "
        f"Normalised mutual information {evaluation.normalised_mutual_information(table):.2f}, adjusted Rand index "
        f"{evaluation.adjusted_rand_index(table):.2f}: 1 for equal partitions, about 0 for a random one."
    )
