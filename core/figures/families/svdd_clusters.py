"""Pictures of clusters that multi-radius SVDD found by itself: their hierarchy, and a map of neighbourhoods."""

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import CONTROL, SERIES, Kinds, Picture, percent, scatter, style
from core.figures.clusters import look
from core.figures.kinds import TRAINING

MOST_BARS = 400  # clusters of a level that are drawn one by one


def hierarchy(
    level_labels: NDArray, silhouettes: Sequence[float], chosen: int, clusters: NDArray, sentence: str
) -> Picture:
    """Levels of nested clusters as rows of bars, coarsest on top: a bar's width is its number of training images.

    level_labels: [L, n], finest first.  silhouettes: [L].  chosen: the level that the clusters come from, or -1.
    clusters: [n], those of the run, whose colours the bars take.  sentence: why this level was chosen.
    """
    levels, count = level_labels.shape
    order = np.lexsort(level_labels)  # the last key, the coarsest level, first: so every cluster is one stretch
    figure = go.Figure()
    rows = []
    for level, labels in enumerate(level_labels):
        sizes = np.bincount(labels)
        k = len(sizes)
        smallest = int(sizes.min())
        drawn = labels[order] if k <= MOST_BARS else np.zeros(count, int)
        starts = np.flatnonzero(np.r_[True, drawn[1:] != drawn[:-1]])
        widths = np.diff(np.r_[starts, count])
        inside = [clusters[order][start : start + width] for start, width in zip(starts, widths, strict=True)]
        owner = [int(np.bincount(each).argmax()) for each in inside]
        colours = [SERIES[each % len(SERIES)] for each in owner] if k <= MOST_BARS else CONTROL
        texts = (
            [f"{width:,}" if width > 0.05 * count else "" for width in widths] if k <= MOST_BARS else f"{k:,} clusters"
        )
        figure.add_bar(
            y=np.full(len(starts), level),
            base=starts,
            x=widths,
            orientation="h",
            width=0.8,
            marker={
                "color": colours,
                "line": {"width": 0.7, "color": "white"},
                "opacity": 1 if level == chosen else 0.55,
            },
            text=texts,
            textposition="inside",
            insidetextanchor="middle",
            hovertemplate=f"level {level}: %{{x:,}} images<extra></extra>",
            showlegend=False,
        )
        rows.append((level, k, smallest, float(silhouettes[level])))
    names = [
        f"{'<b>' if level == chosen else ''}level {level}: {k:,} clusters, smallest {smallest:,}<br>"
        f"silhouette {silhouette:.2f}{', chosen</b>' if level == chosen else ''}"
        for level, k, smallest, silhouette in rows
    ]
    style(
        figure,
        "How first neighbours join into clusters",
        "Training images, those of a cluster side by side",
        "",
        110 + 58 * levels,
        0,
    )
    figure.update_yaxes(tickvals=list(range(levels)), ticktext=names, showgrid=False, zeroline=False)
    figure.update_layout(barmode="overlay")
    table = dict(zip(("level", "clusters", "smallest", "silhouette"), zip(*rows, strict=True), strict=True))
    falls = " to ".join(f"{k:,}" for _, k, *_ in rows)
    return Picture(figure, table, f"{count:,} images join into {falls} clusters. {sentence}", "hierarchy")


def neighbour_map(
    train: NDArray, test: NDArray, clusters: NDArray, kinds: Kinds, places: NDArray, names: Sequence[str]
) -> Picture:
    """UMAP of the embedding: training images by cluster, test images of every kind over them.

    train: [n, 2] with clusters [n].  test: [m, 2] with their kinds, and places [m] in the test set, for picking.
    names: [K].
    """
    figure = go.Figure()
    for k in np.unique(clusters).tolist():
        here = train[clusters == k]
        marker = {**look(k), "size": 7, "opacity": 0.55}
        label = f"training, {escape(names[k])} ({len(here):,})"
        figure.add_trace(scatter(*here.T, mode="markers", name=label, marker=marker, hoverinfo="skip"))
    for kind, mask in reversed([*kinds]):
        here = test[mask]
        figure.add_trace(
            scatter(
                *here.T,
                mode="markers",
                name=f"{kind.label} test images ({len(here):,})",
                marker={
                    "color": kind.colour,
                    "symbol": kind.open_symbol,
                    "size": 5 if kind.foreign else 6,
                    "opacity": 0.6,
                },
                customdata=places[mask],
                hovertemplate=f"test image %{{customdata}}, {kind.label}<extra></extra>",
            )
        )
    style(figure, "Map of neighbourhoods (UMAP)", "", "", 520, 2)
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(showticklabels=False, showgrid=False, zeroline=False)
    among = _among_training(train, test)
    sides = (("novel", kinds.novel, kinds.by_name(among)), ("normal", ~kinds.novel, ""))
    shares = " and ".join(f"{percent(among[of].mean())} of the {name}{each}" for name, of, each in sides if of.any())
    sentence = (
        f"{shares} test images lie as close to a training image on this map as training images lie to each other. UMAP "
        "keeps neighbourhoods only: distances, sizes and gaps mean nothing here, so no circle could be drawn."
    )
    table: dict[str, Sequence | NDArray] = {
        "x": np.concatenate([train[:, 0], test[:, 0]]),
        "y": np.concatenate([train[:, 1], test[:, 1]]),
        "image": [*(f"training, {names[k]}" for k in clusters), *(f"test {place}" for place in places)],
        "novel": np.concatenate([np.zeros(len(train), int), kinds.novel.astype(int)]),
    }
    if kinds.several:
        table["kind"] = np.concatenate([np.full(len(train), TRAINING.name), kinds.names])
    return Picture(figure, table, sentence, "neighbour-map")


def _among_training(train: NDArray, test: NDArray) -> NDArray[np.bool_]:
    """Whether a test point is as near to a training point as 95 % of the training points are to another one, [m]."""
    own = _nearest(train, train, own=True)
    return _nearest(test, train, own=False) <= np.quantile(own, 0.95)


def _nearest(points: NDArray, others: NDArray, own: bool) -> NDArray[np.float64]:
    """Distance from each point to the nearest of the others, [N]; own: both are the same, so none counts itself."""
    found = []
    for start in range(0, len(points), 500):
        squared = np.square(points[start : start + 500, None].astype(np.float64) - others).sum(2)
        if own:
            squared[np.arange(len(squared)), start + np.arange(len(squared))] = np.inf
        found.append(np.sqrt(squared.min(1)))
    return np.concatenate(found)
