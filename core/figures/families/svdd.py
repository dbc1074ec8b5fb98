"""Pictures of Deep SVDD: balls around normal embeddings, one or several.

Ball k has a fixed centre c_k and the radius R_k, the (1 - nu)-quantile of its training images' distances; d_k is the
distance of an image to c_k. An image lies outside every ball where d_k > R_k for all k. Balls are called A, B, C, ...
(core/figures/clusters.py says why).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import INK, NORMAL, NOVEL, Picture, lay_out, number, percent, scatter, style
from core.figures.clusters import UNSEEN, letter, look, main_classes

BAND = (0.05, 0.95)  # share of a ball's members that its whisker spans


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
    balls = {"tickvals": np.arange(len(shown)), "ticktext": [f"ball {each}" for each in letters]}
    in_radii = {"rangemode": "tozero", "range": [0, max(1.15, 1.1 * float(ratios[shown].max()))]}
    lay_out(figure, in_radii, balls | {"autorange": "reversed", "showgrid": False})
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
