"""Pairs of metric learning: the hardest and the easiest, their distances, and how many still teach the network."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core.figures import DASHES, INK, NORMAL, SERIES, Picture, number, percent, scatter, sheets, style
from core.figures.kinds import COLOURS

NAMES = ("of one class", "of two classes", "known and seen")  # the kinds of pairs, as core/algorithms/contrastive.py
CURVES = ("positive", "negative", "seen")  # their names in the curves of a training
LOOKS = (NORMAL, SERIES[0], COLOURS["seen"])
BIN_HATCHES = ("", "/", "-")


def cost(apart: NDArray, kind: int, margin: float, power: int) -> NDArray:
    """What pairs of a kind cost: d^p for one class, else max(0, margin - d)^p."""
    return (apart if kind == 0 else np.maximum(margin - apart, 0)) ** power


def gallery(portrait: Mapping[str, NDArray], margin: float, power: int) -> list[Picture]:
    """For each kind of pair the hardest and the easiest ones: the two images one below the other.

    portrait: of the run, of which "pair_images" [K, 2, g, 2, C, H, W], "pair_distances" [K, 2, g], "pair_kinds" [K].
    """
    pictures = []
    for kind, images, apart in zip(
        portrait["pair_kinds"].tolist(), portrait["pair_images"], portrait["pair_distances"], strict=True
    ):
        left, right = images.reshape(-1, *images.shape[2:]).swapaxes(0, 1)
        apart = apart.ravel().astype(np.float64)
        costs = cost(apart, kind, margin, power)
        many = len(apart) // 2
        which = np.repeat(["hardest", "easiest"], many)
        below = [
            f"{number(d)} apart<br>{'costs ' + number(c) if c > 0 else 'no gradient'}"
            for d, c in zip(apart, costs, strict=True)
        ]
        title = f"Pairs {NAMES[kind]}: the {many} hardest, then the {many} easiest"
        figure = sheets.sheet([left, right], below, ["one", "other"], title, 240, least=12)
        table = {"pair": which, "distance": apart, "cost": costs}
        pictures.append(Picture(figure, table, _gallery_in_words(kind, apart, costs, margin), f"pairs-{CURVES[kind]}"))
    return pictures


def _gallery_in_words(kind: int, apart: NDArray, costs: NDArray, margin: float) -> str:
    if kind == 0:
        return (
            f"Pairs of one class are pulled together, however near they are: the hardest are {number(apart[0])} apart."
        )
    reach = number(margin)
    hardest = f"the hardest, {number(apart[0])} apart, {'is' if costs[0] > 0 else 'is not even'} within it"
    return f"Pairs {NAMES[kind]} are pushed apart until the margin of {reach}; {hardest}. Beyond it they teach nothing."


def distance_histogram(counts: NDArray, edges: NDArray, margin: float, after: str) -> Picture:
    """Pairs of each kind by their distance, with the margin.

    counts: [3, bins], of which the last bin holds all beyond.  edges: [bins + 1].  after: which pairs, for the title.
    """
    figure = go.Figure()
    table: dict[str, Sequence | NDArray] = {"from": edges[:-1], "to": edges[1:]}
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    for kind, (name, colour, hatch) in enumerate(zip(NAMES, LOOKS, BIN_HATCHES, strict=True)):
        if not counts[kind].any():
            continue
        pattern = {"shape": hatch, "size": 6, "solidity": 0.2, "fillmode": "overlay", "fgcolor": "white"}
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=100 * shares[kind],
            width=np.diff(edges),
            name=f"{name} ({int(counts[kind].sum()):,})",
            marker={"color": colour, "line": {"width": 0}, "pattern": pattern},
            opacity=0.65,
            customdata=counts[kind],
            hovertemplate=f"%{{customdata:,}} pairs {name}, %{{y:.1f}} %<extra></extra>",
        )
        table[name] = counts[kind]
    figure.add_vline(x=margin, line={"color": INK, "dash": "dash", "width": 2})
    style(figure, f"Pair distances {after}; dashed: the margin", "Distance", "% of its kind", 320)
    figure.update_layout(barmode="overlay", bargap=0)
    within = edges[1:] <= margin * (1 + 1e-6)
    told = [
        f"{percent(round(float(shares[kind][within].sum()), 3))} of the pairs {NAMES[kind]}"
        for kind in (1, 2)
        if counts[kind].any()
    ]
    sentence = f"Within the margin, where they still push, lie {' and '.join(told)}."
    return Picture(figure, table, sentence, "pair-distances")


def learning(progress: Sequence[Mapping[str, Any]], shown: int, margin: float) -> Picture:
    """By epoch: the mean distance of each kind of pair, and the share of those pushed apart that still are active.

    progress: {epoch, curves} of each epoch, at least one.  shown: an epoch, marked.
    """
    epochs = np.array([each["epoch"] for each in progress])
    names = dict.fromkeys(name for each in progress for name in each["curves"])
    columns = {name: np.array([each["curves"].get(name, np.nan) for each in progress]) for name in names}
    titles = ["Mean distance (dashed: the margin)", "Share of pairs within the margin", "Loss"]
    figure = make_subplots(cols=3, subplot_titles=titles, horizontal_spacing=0.07)
    for kind, (curve, name, colour) in enumerate(zip(CURVES, NAMES, LOOKS, strict=True)):
        looks = {"mode": "lines", "line": {"color": colour, "dash": DASHES[kind], "width": 2.5}, "legendgroup": name}
        for column, key in ((1, f"distance {curve}"), (2, f"active {curve}")):
            if key in columns:
                about = {"name": name, "showlegend": column == 1, "connectgaps": True}
                figure.add_trace(scatter(epochs, columns[key], **looks, **about), row=1, col=column)
    line = {"color": INK, "width": 2}
    figure.add_trace(scatter(epochs, columns["loss"], mode="lines", line=line, showlegend=False), row=1, col=3)
    figure.add_hline(y=margin, line={"color": INK, "dash": "dash", "width": 1.5}, row=1, col=1)
    for column in (1, 2, 3):
        figure.add_vline(x=shown, line={"color": INK, "dash": "dot", "width": 1.5}, row=1, col=column)
    style(figure, "What the pairs teach, epoch by epoch", "Epoch", "", 330)
    figure.update_yaxes(range=[0, 1.02], col=2)
    figure.update_yaxes(rangemode="tozero", col=1)
    figure.update_yaxes(rangemode="tozero", col=3)
    figure.update_annotations(font_color=INK)
    figure.update_layout(margin_t=95)
    active = columns["active negative"]
    sentence = (
        f"Of the pairs {NAMES[1]}, {percent(round(float(active[0]), 3))} lie within the margin in the first epoch and "
        f"{percent(round(float(active[-1]), 3))} in the last"
    )
    if "active seen" in columns:
        seen = columns["active seen"][np.isfinite(columns["active seen"])]
        sentence += (
            f"; of the pairs {NAMES[2]}, {percent(round(float(seen[0]), 3))} and {percent(round(float(seen[-1]), 3))}"
        )
    sentence += ". A pair beyond the margin has no gradient: where the share nears 0, little is left to learn."
    return Picture(figure, {"epoch": epochs, **columns}, sentence, "pair-learning")


def classifier_curves(progress: Sequence[Mapping[str, Any]], shown: int) -> Picture:
    """The twin's cross-entropy and accuracy on the training images by epoch.  shown: an epoch, marked."""
    epochs = np.array([each["epoch"] for each in progress])
    columns = {name: np.array([each["curves"][name] for each in progress]) for name in ("cross-entropy", "accuracy")}
    figure = make_subplots(cols=2, subplot_titles=["Cross-entropy", "Accuracy on the training images"])
    for column, values in enumerate(columns.values(), 1):
        line = {"color": SERIES[column - 1], "width": 2.5}
        figure.add_trace(scatter(epochs, values, mode="lines", line=line, showlegend=False), row=1, col=column)
        figure.add_vline(x=shown, line={"color": INK, "dash": "dot", "width": 1.5}, row=1, col=column)
    style(figure, "What the twin learns, epoch by epoch", "Epoch", "", 300)
    figure.update_yaxes(rangemode="tozero", col=1)
    figure.update_yaxes(range=[0, 1.02], col=2)
    figure.update_annotations(font_color=INK)
    figure.update_layout(margin_t=80)
    sentence = (
        f"Cross-entropy goes from {number(columns['cross-entropy'][0])} to {number(columns['cross-entropy'][-1])}; in "
        f"the last epoch {percent(round(float(columns['accuracy'][-1]), 4))} of the training images are told right. It "
        "never hears of anything that is no known class."
    )
    return Picture(figure, {"epoch": epochs, **columns}, sentence, "classifier")
