"""Embeddings of Deep SVDD and its balls on one plane, as trained and after each epoch."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import INK, Kind, Kinds, Picture, percent, scatter, style
from core.figures.clusters import letter
from core.figures.families.svdd import outside
from core.figures.kinds import TRAINING


def ball_plane(
    train: NDArray | None,
    test: NDArray,
    centres: NDArray,
    radii: NDArray,
    kinds: Kinds,
    places: NDArray,
    out: NDArray[np.bool_],
    share: float,
    *,
    title: str = "Embedding, orthogonal projection onto two principal axes",
    window: NDArray | None = None,
    picked: int | None = None,
) -> Picture:
    """Embeddings and balls on one plane: the orthogonal projection of a ball is a disc of its own radius.

    train: [n, 2] or None.  test: [m, 2] with their kinds, places [m] in the test set for picking, and out [m]: outside
    every ball in the full embedding.  centres: [K, 2].  radii: [K], 0 for a ball that isn't there yet.  share: of the
    variance on this plane.  window: lowest and highest corner, [2, 2], so that a replay keeps its axes.  picked: one of
    the places, ringed.
    """
    figure = go.Figure()
    parts: list[tuple[Kind, NDArray, NDArray | None]] = [(kind, test[mask], places[mask]) for kind, mask in kinds]
    if train is not None:
        parts.insert(1, (TRAINING, train, None))  # above what is foreign, below the normal test images
    for kind, points, numbers in reversed(parts):
        size, opacity = (4, 0.4) if numbers is None else (5, 0.45) if kind.foreign else (6, 0.9)
        marker = {"color": kind.colour, "symbol": kind.symbol, "size": size, "opacity": opacity}
        name = kind.label if numbers is None else f"{kind.label}, test"
        about = {"hoverinfo": "skip"}
        if numbers is not None:
            hover = f"test image %{{customdata}} ({kind.label})<extra></extra>"
            about = {"customdata": numbers, "hovertemplate": hover}
        figure.add_trace(scatter(*points.T, mode="markers", name=f"{name} ({len(points):,})", marker=marker, **about))
    for k, ((x, y), radius) in enumerate(zip(centres.tolist(), radii.tolist(), strict=True)):
        corners = {"x0": x - radius, "x1": x + radius, "y0": y - radius, "y1": y + radius}
        figure.add_shape(
            type="circle", line={"color": INK, "width": 2, "dash": "dash"}, fillcolor=TRAINING.faint, **corners
        )
        label = {"text": f"<b>{letter(k)}</b>", "font": {"size": 18, "color": INK}, "showarrow": False}
        figure.add_annotation(x=x, y=y + radius, yanchor="bottom", **label)
    cross = {"symbol": "cross-thin", "size": 12, "line": {"width": 2.5, "color": INK}}
    figure.add_trace(scatter(*centres.T, mode="markers", name="centres", marker=cross, hoverinfo="skip"))
    if picked is not None and picked in places:
        x, y = test[np.flatnonzero(places == picked)[0]]
        ring = {"symbol": "circle-open", "size": 16, "color": INK, "line": {"width": 3}}
        figure.add_scatter(x=[x], y=[y], mode="markers", name=f"test image {picked}", marker=ring, hoverinfo="skip")
    style(figure, title, "First principal axis", "Second principal axis", 360, 1)
    figure.update_yaxes(scaleanchor="x", zeroline=False)
    figure.update_xaxes(zeroline=False)
    low, high = plane_window(test, centres, radii) if window is None else window
    figure.update_layout(xaxis_range=[low[0], high[0]], yaxis_range=[low[1], high[1]], legend_itemsizing="constant")
    table = {
        "image": places,
        "x": test[:, 0],
        "y": test[:, 1],
        **kinds.columns,
        "outside every ball": out.astype(int),
    }
    return Picture(figure, table, _plane_in_words(test, centres, radii, kinds, out, share), "ball-plane")


def replayed_plane(
    epoch: int,
    snapshots: Mapping[int, Mapping[str, NDArray]],
    projection: Mapping[str, NDArray],
    kinds: Kinds,
    places: NDArray,
) -> Picture:
    """The probe images after an epoch, on the plane of the finished embedding, with the same axes at every epoch.

    snapshots: {epoch: {"embedding" [P, D], "distances" [P, K], "radii" [K]}}.  projection: pca/axes, pca/mean and
    pca/centres.  kinds: of the P images.  places: [P], in the test set, -1 for validation images.
    """
    axes, centres = projection["pca/axes"], projection["pca/centres"]
    seen = {at: (each["embedding"] - projection["pca/mean"]) @ axes.T for at, each in snapshots.items()}
    windows = np.array([plane_window(seen[at], centres, each["radii"]) for at, each in snapshots.items()])
    now = snapshots[epoch]
    variance = float(np.var(now["embedding"], axis=0, dtype=np.float64).sum())
    return ball_plane(
        None,
        seen[epoch],
        centres,
        now["radii"],
        kinds,
        places,
        outside(now["distances"], now["radii"]),
        float(np.var(seen[epoch], axis=0).sum()) / max(variance, 1e-12),
        title=f"The embedding of {len(places):,} probe images after epoch {epoch}",
        window=np.stack([windows[:, 0].min(0), windows[:, 1].max(0)]),
    )


def plane_window(points: NDArray, centres: NDArray, radii: NDArray) -> NDArray[np.float64]:
    """Lowest and highest corner, [2, 2], of nearly all points [m, 2] and every disc: centres [K, 2], radii [K]."""
    around = np.concatenate([centres - radii[:, None], centres + radii[:, None]])
    low = np.minimum(np.quantile(points, 0.002, axis=0), around.min(0))
    high = np.maximum(np.quantile(points, 0.998, axis=0), around.max(0))
    return np.stack([low, high]) + 0.07 * (high - low) * np.array([[-1], [1]])


def _plane_in_words(
    test: NDArray, centres: NDArray, radii: NDArray, kinds: Kinds, out: NDArray[np.bool_], share: float
) -> str:
    if not radii.any():
        return (
            f"No ball has a radius yet, so only the centres are drawn, on the plane of the finished training: it shows "
            f"{percent(round(share, 2))} of this embedding's variance."
        )
    novel = kinds.novel
    drawn_out = (np.linalg.norm(test[:, None] - centres, axis=2) > radii).all(1)
    every = "the ball" if len(radii) == 1 else "every ball"
    return (
        f"Outside {every} lie {out[novel].sum():,} of {novel.sum():,} novel{kinds.by_name(out)} and "
        f"{out[~novel].sum():,} of {(~novel).sum():,} normal test images. Outside a disc means outside its ball; "
        f"inside proves nothing: {(out & ~drawn_out).sum():,} of these images are drawn within a disc, because the "
        f"plane shows {percent(round(share, 2))} of the variance."
    )


def overlaps(centres: NDArray, radii: NDArray) -> str:
    """Which balls overlap, R_i + R_j > |c_i - c_j|, in a sentence; none for one ball.  centres: [K, D].  radii: [K]."""
    if len(radii) == 1:
        return ""
    apart = np.linalg.norm(centres[:, None] - centres, axis=2)
    first, second = np.nonzero(np.triu(radii[:, None] + radii > apart, 1))
    pairs = len(radii) * (len(radii) - 1) // 2
    if not len(first):
        return f"No two of the {len(radii)} balls overlap."
    named = ", ".join(
        f"{letter(i)} and {letter(j)}" for i, j in zip(first[:3].tolist(), second[:3].tolist(), strict=True)
    )
    more = f", and {len(first) - 3} more" if len(first) > 3 else ""
    return (
        f"{len(first)} of {pairs} pairs of balls overlap ({named}{more}): common where a kind was split, and no error."
    )
