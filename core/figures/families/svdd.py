"""Pictures of Deep SVDD: balls around normal embeddings, one or several.

Ball k has a fixed centre c_k and the radius R_k, the (1 - nu)-quantile of its training images' distances; d_k is the
distance of an image to c_k. An image lies outside every ball where d_k > R_k for all k. Balls are called A, B, C, ...
(core/figures/families/svdd_clusters.py says why).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.subplots import make_subplots

from core.figures import (
    CONTROL,
    INK,
    NORMAL,
    NOVEL,
    Picture,
    number,
    percent,
    scatter,
    style,
)
from core.figures.families.svdd_clusters import UNSEEN, letter, look, main_classes

BAND = (0.05, 0.95)  # share of a ball's members that its whisker spans
MOST_PANELS = 4  # balls with a histogram of their own
INSIDE = "rgba(0,114,178,0.07)"  # normal's blue, faint
KINDS = (("normal", NORMAL, "circle", ""), ("novel", NOVEL, "diamond", "/"))


@dataclass(frozen=True, eq=False)
class Balls:
    """The balls of a run and the training images that made them.

    radii: [K].  clusters: [n], the ball of each training image, 0..K-1.  distances: [n], of each to its ball's centre.
    classes: [n], hidden classes for diagnosis, or None where they are unknown.  remark: what they were to the training.
    """

    radii: NDArray
    clusters: NDArray
    distances: NDArray
    classes: NDArray | None = None
    remark: str = UNSEEN

    def __len__(self) -> int:
        return len(self.radii)

    def at(self, nu: float) -> "Balls":
        """The balls with the radii of another nu, in (0, 1]; centres and network stay as trained."""
        radii = [np.quantile(self.distances[self.clusters == k], 1 - nu) for k in range(len(self))]
        return replace(self, radii=np.array(radii))

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Training images of each ball, [K]."""
        return np.bincount(self.clusters, minlength=len(self))

    @property
    def names(self) -> list[str]:
        """ "ball A", and where hidden classes are known "ball A (97 % class 3)"."""
        if self.classes is None:
            return [f"ball {letter(k)}" for k in range(len(self))]
        mains = main_classes(self.clusters, self.classes)
        return [f"ball {letter(k)} ({percent(round(share, 2))} class {name})" for k, (name, share) in enumerate(mains)]


def outside(distances: NDArray, radii: NDArray) -> NDArray[np.bool_]:
    """Whether images lie outside every ball, [N].  distances: [N, K] to all centres.  radii: [K]."""
    return np.all(distances > radii, axis=1)


def nearest_members(embedding: NDArray, members: NDArray, image: NDArray, count: int = 6) -> NDArray[np.intp]:
    """Places of the members of a ball nearest to an image in the embedding, nearest first.

    embedding: [n, D] of training images.  members: bool [n].  image: [D].
    """
    far = np.where(members, np.square(embedding - image).sum(1), np.inf)
    return np.argsort(far, kind="stable")[: min(count, int(members.sum()))]


# --- the answer ------------------------------------------------------------------------------------------------------


def radius_bars(balls: Balls, nu: float) -> Picture:
    """A bar R_k for each ball, with a whisker over 5 to 95 % of its members' distances."""
    own = [balls.distances[balls.clusters == k] for k in range(len(balls))]
    low, high = np.array([np.quantile(each, BAND) for each in own]).T
    places = np.arange(len(balls))
    figure = go.Figure()
    figure.add_bar(
        x=places,
        y=balls.radii,
        width=0.6,
        marker={"color": [look(k)["color"] for k in range(len(balls))], "opacity": 0.75},
        name="radius",
        customdata=[escape(name) for name in balls.names],
        hovertemplate="%{customdata}: radius %{y:.3g}<extra></extra>",
        showlegend=False,
    )
    gaps = np.full(len(balls), np.nan)
    ends = [np.stack(each, 1).ravel() for each in ((places, places, gaps), (low, high, gaps))]
    line, marker = {"color": INK, "width": 2}, {"symbol": "line-ew", "size": 14, "line": {"color": INK, "width": 2}}
    label = "5 to 95 % of its training images"
    figure.add_trace(scatter(*ends, mode="lines+markers", name=label, line=line, marker=marker, hoverinfo="skip"))
    style(figure, f"Radii at nu = {nu:g}", "", "Distance to the centre", 360)
    few = len(balls) <= 4
    texts = [f"<b>{letter(k)}</b><br>{size:,} images" if few else letter(k) for k, size in enumerate(balls.sizes)]
    if few and balls.classes is not None:
        mains = main_classes(balls.clusters, balls.classes)
        gap = " " if all(len(name) < 4 for name, _ in mains) else "<br>"
        texts = [
            f"{text}<br>{percent(round(share, 2))} class{gap}{escape(name)} *"
            for text, (name, share) in zip(texts, mains, strict=True)
        ]
        figure.update_xaxes(title_text=f"* {balls.remark}")
    figure.update_xaxes(tickvals=places, ticktext=texts, tickangle=0, showgrid=False, zeroline=False)
    figure.update_yaxes(rangemode="tozero")
    table = {"ball": balls.names, "radius": balls.radii, "images": balls.sizes, "5 %": low, "95 %": high}
    return Picture(figure, table, _radii_in_words(balls, low, high), "radii")


def _radii_in_words(balls: Balls, low: NDArray, high: NDArray) -> str:
    if len(balls) == 1:
        return (
            f"The one ball has the radius {number(balls.radii[0])}; of its {balls.sizes[0]:,} training images the "
            f"middle 90 % lie {number(low[0])} to {number(high[0])} from the centre."
        )
    widest, narrowest = int(balls.radii.argmax()), int(balls.radii.argmin())
    ratio = balls.radii[widest] / max(balls.radii[narrowest], 1e-12)
    names = balls.names
    return (
        f"B{names[widest][1:]} is {ratio:.2f} times as wide as {names[narrowest]}: kinds of normal differ "
        "in spread, and one radius for all would be too large for some and too small for others."
    )


def ball_plane(
    train: NDArray | None,
    test: NDArray,
    centres: NDArray,
    radii: NDArray,
    novel: ArrayLike,
    places: NDArray,
    out: NDArray[np.bool_],
    share: float,
    *,
    title: str = "Embedding, orthogonal projection onto two principal axes",
    window: NDArray | None = None,
    picked: int | None = None,
) -> Picture:
    """Embeddings and balls on one plane: the orthogonal projection of a ball is a disc of its own radius.

    train: [n, 2] or None.  test: [m, 2] with novel [m], places [m] in the test set for picking, and out [m]: outside
    every ball in the full embedding.  centres: [K, 2].  radii: [K], 0 for a ball that isn't there yet.  share: of the
    variance on this plane.  window: lowest and highest corner, [2, 2], so that a replay keeps its axes.  picked: one of
    the places, ringed.
    """
    novel = np.asarray(novel, bool)
    figure = go.Figure()
    parts = [("novel, test", test[novel], NOVEL, "diamond", 5, 0.45, places[novel])]
    if train is not None:
        parts.append(("training", train, NORMAL, "circle", 4, 0.4, None))
    parts.append(("normal, test", test[~novel], NORMAL, "circle", 6, 0.9, places[~novel]))
    for name, points, colour, symbol, size, opacity, numbers in parts:
        marker = {"color": colour, "symbol": symbol, "size": size, "opacity": opacity}
        about = {"hoverinfo": "skip"}
        if numbers is not None:
            about = {
                "customdata": numbers,
                "hovertemplate": f"test image %{{customdata}} ({name.split(',')[0]})<extra></extra>",
            }
        figure.add_trace(scatter(*points.T, mode="markers", name=f"{name} ({len(points):,})", marker=marker, **about))
    for k, ((x, y), radius) in enumerate(zip(centres.tolist(), radii.tolist(), strict=True)):
        corners = {"x0": x - radius, "x1": x + radius, "y0": y - radius, "y1": y + radius}
        figure.add_shape(type="circle", line={"color": INK, "width": 2, "dash": "dash"}, fillcolor=INSIDE, **corners)
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
        "novel": novel.astype(int),
        "outside every ball": out.astype(int),
    }
    return Picture(figure, table, _plane_in_words(test, centres, radii, novel, out, share), "ball-plane")


def replayed_plane(
    epoch: int,
    snapshots: Mapping[int, Mapping[str, NDArray]],
    projection: Mapping[str, NDArray],
    novel: ArrayLike,
    places: NDArray,
) -> Picture:
    """The probe images after an epoch, on the plane of the finished embedding, with the same axes at every epoch.

    snapshots: {epoch: {"embedding" [P, D], "distances" [P, K], "radii" [K]}}.  projection: pca/axes, pca/mean and
    pca/centres.  novel: [P].  places: [P], in the test set, -1 for validation images.
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
        novel,
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
    test: NDArray, centres: NDArray, radii: NDArray, novel: NDArray, out: NDArray[np.bool_], share: float
) -> str:
    if not radii.any():
        return (
            f"No ball has a radius yet, so only the centres are drawn, on the plane of the finished training: it shows "
            f"{percent(round(share, 2))} of this embedding's variance."
        )
    drawn_out = (np.linalg.norm(test[:, None] - centres, axis=2) > radii).all(1)
    every = "the ball" if len(radii) == 1 else "every ball"
    return (
        f"Outside {every} lie {out[novel].sum():,} of {novel.sum():,} novel and {out[~novel].sum():,} of "
        f"{(~novel).sum():,} normal test images. Outside a disc means outside its ball; inside proves nothing: "
        f"{(out & ~drawn_out).sum():,} of these images are drawn within a disc, because the plane shows "
        f"{percent(round(share, 2))} of the variance."
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


# --- distances -------------------------------------------------------------------------------------------------------


def distance_histogram(distances: NDArray, novel: ArrayLike, balls: Balls, nu: float) -> Picture:
    """Distance to the nearest centre of normal and novel test images: a panel for each of the largest balls.

    The ball's radius is dashed.  distances: [T, K], to all centres.  novel: [T].
    """
    novel = np.asarray(novel, bool)
    nearest, smallest = distances.argmin(1), distances.min(1)
    shown = min(len(balls), MOST_PANELS)
    edges = np.linspace(0, float(np.quantile(smallest, 0.998)) * 1.02 or 1.0, 50)
    titles = [f"nearest to {escape(name)}" for name in balls.names[:shown]]
    figure = make_subplots(rows=shown, shared_xaxes=True, vertical_spacing=0.3 / shown, subplot_titles=titles)
    table: dict[str, Sequence | NDArray] = {"from": edges[:-1], "to": edges[1:]}
    for name, colour, _, hatch in KINDS:
        kind = novel == (name == "novel")
        pattern = {"shape": hatch, "size": 6, "solidity": 0.2, "fillmode": "overlay", "fgcolor": "white"}
        for k in range(shown):
            counts = np.histogram(smallest[kind & (nearest == k)], edges)[0]
            figure.add_bar(
                x=(edges[:-1] + edges[1:]) / 2,
                y=100 * counts / max(kind.sum(), 1),
                width=np.diff(edges),
                name=f"{name} ({kind.sum():,})",
                legendgroup=name,
                showlegend=k == 0,
                marker={"color": colour, "pattern": pattern, "line": {"width": 0}},
                opacity=0.85 if name == "normal" else 0.7,
                customdata=counts,
                hovertemplate=f"%{{customdata:,}} {name} images, %{{y:.1f}} %<extra></extra>",
                row=k + 1,
                col=1,
            )
            table[f"{name}, ball {letter(k)}"] = counts
    for k in range(shown):
        figure.add_vline(x=balls.radii[k], line={"color": INK, "dash": "dash", "width": 2}, row=k + 1, col=1)
    style(
        figure,
        f"Distance to the nearest centre; dashed: the ball's radius at nu = {nu:g}",
        "",
        "% of its kind",
        150 + 130 * shown,
    )
    figure.update_xaxes(title_text="Distance to the nearest centre", row=shown, col=1)
    figure.update_annotations(font_color=INK, x=0, xanchor="left")
    figure.update_layout(barmode="overlay", bargap=0, margin_t=90)
    out, training = outside(distances, balls.radii), balls.distances > balls.radii[balls.clusters]
    every = "it" if len(balls) == 1 else "every ball"
    sentence = (
        f"With nu = {nu:g}, {percent(training.mean())} of the training images lie outside their ball, and of the test "
        f"images {percent(out[~novel].mean())} of the normal and {percent(out[novel].mean())} of the novel ones "
        f"outside {every}. nu is a budget of training images, not a truth about novelty."
    )
    if len(balls) > shown:
        sentence += f" The {len(balls) - shown} smaller balls are not drawn."
    return Picture(figure, table, sentence, "distances")


def two_nearest(distances: NDArray, novel: ArrayLike, radii: NDArray) -> Picture:
    """Distance to the nearest against the second-nearest centre.

    distances: [T, K] with K >= 2.  novel: [T].  radii: [K].
    """
    novel = np.asarray(novel, bool)
    first, second = np.sort(distances, axis=1)[:, :2].T
    figure = go.Figure()
    for name, colour, symbol, _ in reversed(KINDS):
        kind = novel == (name == "novel")
        marker = {"color": colour, "symbol": symbol, "size": 5, "opacity": 0.5 if name == "novel" else 0.9}
        label = f"{name} test images ({kind.sum():,})"
        hover = f"%{{x:.3g}}, then %{{y:.3g}}<extra>{name}</extra>"
        figure.add_trace(
            scatter(first[kind], second[kind], mode="markers", name=label, marker=marker, hovertemplate=hover)
        )
    far = float(np.quantile(second, 0.998))
    figure.add_shape(type="line", x0=0, y0=0, x1=far, y1=far, line={"color": CONTROL, "dash": "dot", "width": 1.5})
    for k, radius in enumerate(radii[:MOST_PANELS].tolist()):
        note = {
            "text": f"R<sub>{letter(k)}</sub>",
            "showarrow": False,
            "yref": "paper",
            "y": 0,
            "yanchor": "bottom",
            "xshift": 10,
        }
        figure.add_vline(x=radius, line={"color": INK, "dash": "dash", "width": 1.5})
        figure.add_annotation(x=radius, **note)
    style(
        figure,
        "Nearest against second-nearest centre",
        "Distance to the nearest centre",
        "Distance to the second-nearest",
        440,
    )
    figure.update_layout(xaxis_range=[0, far * 1.02], yaxis_range=[0, far * 1.02], legend_itemsizing="constant")
    between = second < 1.1 * first
    deciding, nearest = (np.square(distances) - np.square(radii)).argmin(1), distances.argmin(1)
    sentence = (
        f"{percent(between[novel].mean())} of the novel and {percent(between[~novel].mean())} of the normal test "
        "images lie between two balls, near the dotted diagonal (the second centre is less than 10 % further). "
        f"Images whose nearest ball does not decide but a wider one behind it: {(deciding != nearest).sum():,}."
    )
    table = {
        "nearest": first,
        "second": second,
        "novel": novel.astype(int),
        "deciding ball": [letter(k) for k in deciding],
    }
    return Picture(figure, table, sentence, "two-nearest")


# --- one image --------------------------------------------------------------------------------------------------------


def why(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """Where one image lies: its distance to every centre in units of that ball's radius, 1 is the surface.

    explanation: one image's row of `explain`, of which it takes "distances" and "radii", [K], and "deciding", the
    number of the ball that decided. With "normal_distances", [V, K] of normal validation images (a run's
    `explanations`, "valid/distances"), the sentence says how usual it is to lie outside.
    """
    ratios = explanation["distances"] / np.maximum(explanation["radii"], 1e-12)
    deciding = int(explanation["deciding"])
    nearest = np.argsort(ratios, kind="stable")[:12]
    shown = nearest if deciding in nearest else np.append(nearest[:-1], deciding)
    letters = [letter(k) for k in shown.tolist()]
    figure = go.Figure()
    figure.add_bar(
        x=ratios[shown],
        y=np.arange(len(shown)),
        orientation="h",
        width=0.6,
        marker={
            "color": [NOVEL if ratios[k] > 1 else NORMAL for k in shown],
            "opacity": [1.0 if k == deciding else 0.5 for k in shown],
        },
        text=[f"{ratios[k]:.2f}" + (" decides" if k == deciding and len(ratios) > 1 else "") for k in shown],
        textposition="auto",
        hovertemplate="%{x:.3g} radii<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(x=1, line={"color": INK, "dash": "dash", "width": 2})
    style(
        figure,
        "Distance to each centre",
        "In radii of that ball; 1 (dashed) is its surface",
        "",
        130 + 34 * len(shown),
        0,
    )
    figure.update_yaxes(
        tickvals=np.arange(len(shown)),
        ticktext=[f"ball {each}" for each in letters],
        autorange="reversed",
        showgrid=False,
    )
    figure.update_xaxes(rangemode="tozero", range=[0, max(1.15, 1.1 * float(ratios[shown].max()))])
    inside = np.flatnonzero(ratios <= 1)
    ratio = float(ratios[deciding])
    if len(ratios) == 1:
        sentence = f"{'Outside' if ratio > 1 else 'Inside'} the ball, {ratio:.2f} radii from its centre."
    elif len(inside):
        where = " and ".join(letter(k) for k in inside[:3].tolist()) + (" and others" if len(inside) > 3 else "")
        sentence = f"Inside ball {where}; {ratio:.2f} radii from the centre of ball {letter(deciding)}, which decides."
    else:
        every = "both balls" if len(ratios) == 2 else f"all {len(ratios)} balls"
        sentence = f"Outside {every}; closest to ball {letter(deciding)}, {ratio:.2f} radii."
        if deciding != nearest[0]:
            sentence += (
                f" Of wider ball {letter(int(nearest[0]))} it is fewer radii away, but the score compares squared "
                "distances, not ratios."
            )
    if (normal := explanation.get("normal_distances")) is not None:
        share = percent(float(outside(normal, explanation["radii"]).mean()))
        sentence += f" Of {len(normal):,} held-out normal images {share} lie outside{'' if len(inside) else ' too'}."
    table = {
        "ball": letters,
        "distance": explanation["distances"][shown],
        "radius": explanation["radii"][shown],
        "ratio": ratios[shown],
    }
    return [Picture(figure, table, sentence, "distance-to-balls")]
