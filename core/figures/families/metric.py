"""Pictures of metric learning: how near an image lies to each known class, and how sure the softmax twin is of it."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import INK, NORMAL, SERIES, Picture, number, percent, scatter, style
from core.figures.families.clad import unconfidence
from core.figures.sheets import Row

MOST_BARS = 10  # classes with a bar each, the nearest or likeliest ones
IN_A_ROW = 6  # training images
BAND = (0.05, 0.5, 0.95)


def named(explanation: Mapping[str, NDArray], count: int) -> list[str]:
    """The names of the known classes: "class_names" where the run is known, else their numbers."""
    names = explanation.get("class_names")
    return [f"class {name}" for name in (np.arange(1, count + 1) if names is None else names).tolist()]


def neighbours(
    reason: Mapping[str, NDArray], shown: Mapping[str, NDArray], bank: Mapping[str, NDArray], portrait: Mapping
) -> tuple[Row, Row]:
    """The training images that lie nearest to the image in the embedding, and those nearest to its class mean.

    reason: "embedding" [D] and "nearest" of the image, and "class_names".  shown: of a run's `projection`, "embedding"
    [n, D] and "train_of" [n], which training images those are.  bank: of its `neighbours`, the pictures "bank"
    [b, C, H, W] of the training images "bank_of" [b], in ascending order, and their "classes".  portrait: "centres".
    """
    place = int(reason["nearest"])
    centre = portrait["centres"][place]
    name = named(reason, len(portrait["centres"]))[place]
    rows = []
    for point, title in (
        (reason["embedding"], "Nearest training images in the embedding"),
        (centre, f"Training images nearest to the mean of {name}"),
    ):
        far = np.linalg.norm(shown["embedding"] - point, axis=1)
        near = np.argsort(far, kind="stable")[:IN_A_ROW]
        # The bank and the shown training images are the first of one seeded order, and the bank is the longer.
        pictures = np.searchsorted(bank["bank_of"], shown["train_of"][near])
        told = zip(bank["classes"][pictures], far[near].tolist(), strict=True)
        rows.append(
            Row(title, bank["bank"][pictures], [f"class {each} · {number(float(f'{d:.2g}'))}" for each, d in told])
        )
    return rows[0], rows[1]


# --- one image --------------------------------------------------------------------------------------------------------


def why(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """Of the embedding: how far the image lies from each class mean.  Of the twin: how likely each class is.

    explanation: one image's row of `explain`, with "distances" [K], or "embedding", the twin's outputs [K], and
    "stepped", the same after ODIN's step of "epsilon" at "temperature".  With "normal_distances" [V, K] or
    "normal_embedding" [V, K] of held-out images of the known classes, how usual that is.  class_names: [K] of str.
    """
    if "distances" in explanation:
        return [near_means(explanation)]
    return [likely_classes(explanation)]


def near_means(explanation: Mapping[str, NDArray]) -> Picture:
    """Distance to each class mean as bars, the nearest first; on that one, how far held-out images lie from it."""
    apart, normal = explanation["distances"].astype(np.float64), explanation.get("normal_distances")
    names, shown = named(explanation, len(apart)), np.argsort(apart, kind="stable")[:MOST_BARS]
    figure, y = go.Figure(), np.arange(len(shown))
    figure.add_bar(
        x=apart[shown],
        y=y,
        orientation="h",
        name="this image",
        marker={"color": SERIES[0]},
        text=[number(each) for each in apart[shown]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x:.3g}<extra></extra>",
    )
    first = int(shown[0])
    table: dict[str, Sequence | NDArray] = {"class": [names[k] for k in shown], "distance": apart[shown]}
    sentence = f"Nearest is {names[first]}, at {number(apart[first])}: a score of {number(apart[first] ** 2)}, squared."
    if len(shown) > 1:
        sentence += f" Next is {names[shown[1]]}, at {number(apart[shown[1]])}."
    if normal is not None and len(own := nearest_of(normal, first)):
        low, middle, high = np.quantile(own, BAND)
        line = {"color": NORMAL, "width": 10}
        about = f"5 to 95 % of {len(own):,} held-out images nearest to {names[first]}"
        figure.add_scatter(x=[low, high], y=[0, 0], mode="lines", line=line, opacity=0.5, name=about, hoverinfo="skip")
        mark = {"symbol": "line-ns", "size": 18, "line": {"color": INK, "width": 3}}
        figure.add_trace(scatter([middle], [0], mode="markers", marker=mark, name="their median"))
        sentence += (
            f" It is further out than {percent(round(float((own < apart[first]).mean()), 3))} of the held-out images "
            "there."
        )
    style(figure, "Near which class mean", "Distance in the embedding", "", 150 + 30 * len(shown), legend_rows=2)
    figure.update_yaxes(
        tickvals=y, ticktext=[names[k] for k in shown], autorange="reversed", showgrid=False, zeroline=False
    )
    figure.update_xaxes(range=[0, 1.15 * float(apart[shown].max()) or 1.0])
    return Picture(figure, table, sentence, "near-means")


def nearest_of(distances: NDArray, place: int) -> NDArray:
    """Distances to one class mean of the images, rows of [V, K], that are nearest to it."""
    return distances[distances.argmin(1) == place, place]


def likely_classes(explanation: Mapping[str, NDArray]) -> Picture:
    """The twin's probability of each class as bars, the likeliest first, and how sure it is of known images."""
    logits, normal = explanation["embedding"].astype(np.float64), explanation.get("normal_embedding")
    chances = np.exp(logits - logits.max())
    chances /= chances.sum()
    names, shown = named(explanation, len(logits)), np.argsort(-chances, kind="stable")[:MOST_BARS]
    figure, y = go.Figure(), np.arange(len(shown))
    figure.add_bar(
        x=100 * chances[shown],
        y=y,
        orientation="h",
        marker={"color": SERIES[1]},
        text=[percent(round(each, 3)) for each in chances[shown].tolist()],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x:.2f} %<extra></extra>",
    )
    style(figure, "Which class the twin believes it is", "Probability in %", "", 150 + 30 * len(shown))
    figure.update_yaxes(
        tickvals=y, ticktext=[names[k] for k in shown], autorange="reversed", showgrid=False, zeroline=False
    )
    figure.update_xaxes(range=[0, 115], tickvals=[0, 25, 50, 75, 100])
    first = int(shown[0])
    sentence = f"The softmax twin takes it for {names[first]} ({percent(round(float(chances[first]), 3))})"
    if normal is not None:
        less = float((unconfidence(normal, 1.0) > unconfidence(logits, 1.0)).mean())
        sentence += f", surer than of {percent(round(less, 3))} of the held-out images of known classes"
    sentence += ". It must share its belief among the known classes, whatever it is shown."
    table = {"class": [names[k] for k in shown], "probability": chances[shown]}
    return Picture(figure, table, sentence, "likely-classes")
