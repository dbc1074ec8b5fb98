"""The latent space of the VAE threshold: where images lie on a plane of it, what is drawn there, the way between two.

The plane is the latent itself where that has two units, else spanned by the two principal axes of the training images
(core/methods/vae.py, `portrait`): a point shows where an image lies on it, not how far away from it.
"""

import base64
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import AMOUNTS, INK, Kinds, Picture, number, percent, scatter, sheets, style
from core.figures.kinds import TRAINING

STEPS = 9  # images on the way from one to another, both ends among them
COLOURS = {"kind": "Kind", "score": "Score"}
PLANE, MAP = "Where images lie", "Who lies near whom"
MAP_NAMES = ("UMAP, first coordinate", "UMAP, second coordinate")
MAP_NOTE = "UMAP keeps neighbourhoods only: distances and directions between groups mean nothing."


def on_plane(embedding: NDArray, portrait: Mapping[str, NDArray]) -> NDArray[np.float64]:
    """Coordinates [N, 2] on the latent plane of latent means [N, latent].  portrait: of the run."""
    return (embedding - portrait["centre"]) @ portrait["axes"].T


def way(first: NDArray, last: NDArray, steps: int = STEPS) -> NDArray[np.float32]:
    """Points on the straight line from one latent [latent] to another, both ends among them: [steps, latent]."""
    share = np.linspace(0, 1, steps)[:, None]
    return ((1 - share) * first + share * last).astype(np.float32)


def plane(
    train: NDArray,
    test: NDArray,
    kinds: Kinds,
    places: NDArray,
    names: tuple[str, str],
    note: str,
    scores: NDArray | None = None,
    picked: Sequence[int] = (),
    window: NDArray | None = None,
    title: str = PLANE,
) -> Picture:
    """Images on a plane or a map of the latent, a click picks one.

    train: [n, 2], may be empty.  test: [m, 2] with their kinds and places [m] in the test set.  names: of the axes.
    note: what the picture can't show.  scores: [m], colours the points by their score instead of their kind.
    picked: places, ringed.  window: lowest and highest corner, [2, 2], where pictures share their axes.
    """
    figure = go.Figure()
    if len(train):
        marker = {"color": TRAINING.colour, "size": 4, "opacity": 0.25}
        name = f"training ({len(train):,})"
        x, y = train.T
        figure.add_trace(scatter(x, y, mode="markers", marker=marker, name=name, hoverinfo="skip"))
    hover = "test image %{customdata}<extra></extra>"
    for number_of, (kind, mask) in enumerate(kinds):
        marker = {"color": kind.colour, "symbol": kind.symbol, "size": 8 if kind.foreign else 6, "opacity": 0.75}
        if scores is not None:
            bar = {"title": "score", "thickness": 10} if number_of == 0 else None
            ends = np.quantile(scores, [0.02, 0.98])
            marker |= {"color": scores[mask], "colorscale": AMOUNTS, "cmin": ends[0], "cmax": ends[1]}
            marker |= {"colorbar": bar} if bar else {}
        about = {"customdata": places[mask], "hovertemplate": hover, "name": f"{kind.label} ({mask.sum():,})"}
        x, y = test[mask].T
        figure.add_trace(scatter(x, y, mode="markers", marker=marker, **about))
    for which, symbol in zip(picked, ("circle-open", "square-open"), strict=False):
        at = np.flatnonzero(places == which)
        ring = {"symbol": symbol, "size": 17, "color": INK, "line": {"width": 3}}
        about = {"mode": "markers", "marker": ring, "name": f"test image {which}", "hoverinfo": "skip"}
        figure.add_scatter(x=test[at, 0], y=test[at, 1], **about)
    style(figure, title, *names, height=430)
    low, high = frame(test) if window is None else window
    figure.update_xaxes(range=[low[0], high[0]], zeroline=False)
    figure.update_yaxes(range=[low[1], high[1]], zeroline=False)
    figure.update_layout(clickmode="event+select", legend_itemsizing="constant")
    novel = kinds.novel
    low, high = np.quantile(test[~novel], [0.025, 0.975], axis=0)
    inside = int(((test[novel] >= low) & (test[novel] <= high)).all(1).sum())
    sentence = (
        f"{inside:,} of {int(novel.sum()):,} novel images lie within the middle 95 % of the normal ones on both axes: "
        f"a place in the crowd is no proof of being normal. {note}"
    )
    table = {"image": places, "x": test[:, 0], "y": test[:, 1], **kinds.columns}
    return Picture(figure, table, sentence, "latent-plane")


def frame(points: NDArray) -> NDArray[np.float64]:
    """Lowest and highest corner, [2, 2], around nearly all points [m, 2]."""
    low, high = np.quantile(points, [0.002, 0.998], axis=0)
    return np.stack([low, high]) + 0.06 * (high - low) * np.array([[-1], [1]])


def axis_names(ratio: NDArray, latent: int) -> tuple[str, str]:
    """The names of the plane's axes.  ratio: share of the variance along either.  latent: its size."""
    if latent == 2:
        return "First latent unit", "Second latent unit"
    first, second = (percent(round(float(share), 2)) for share in ratio)
    return f"First principal axis ({first} of the variance)", f"Second principal axis ({second})"


def plane_note(ratio: NDArray, latent: int) -> str:
    """What the plane can't show."""
    if latent == 2:
        return "The latent has two units, so nothing is hidden here."
    share = percent(round(float(ratio.sum()), 2))
    return f"The plane shows {share} of the variance of {latent} units; the rest is at right angles to it."


def manifold(portrait: Mapping[str, NDArray], picked: Mapping[int, NDArray]) -> Picture:
    """What the network draws at the points of a grid on the latent plane, with the picked images where they lie.

    portrait: of the run, of which "grid" [G, G, C, H, W], rows by "y" [G], columns by "x" [G].  picked: place -> [2].
    """
    grid, x, y = portrait["grid"], portrait["x"], portrait["y"]
    side = len(x)
    upright = grid[::-1].reshape(-1, *grid.shape[2:])  # the largest y on top
    png = base64.b64encode(sheets.strip(upright, side, factor=2, gap=0)).decode()
    half = np.array([x[1] - x[0], y[1] - y[0]]) / 2 if side > 1 else np.ones(2)
    low, high = np.array([x[0], y[0]]) - half, np.array([x[-1], y[-1]]) + half
    figure = go.Figure()
    figure.add_layout_image(
        source=f"data:image/png;base64,{png}",
        xref="x",
        yref="y",
        x=low[0],
        y=high[1],
        sizex=high[0] - low[0],
        sizey=high[1] - low[1],
        sizing="stretch",
        layer="below",
    )
    for (which, at), symbol in zip(picked.items(), ("circle-open", "square-open"), strict=False):
        ring = {"symbol": symbol, "size": 17, "color": "#E69F00", "line": {"width": 4}}
        hover = {"name": f"test image {which}", "hoverinfo": "name"}
        figure.add_scatter(x=[at[0]], y=[at[1]], mode="markers", marker=ring, **hover)
    if not picked:
        figure.add_scatter(x=[], y=[], mode="markers", showlegend=False)
    latent = len(portrait["centre"])
    style(figure, "What it draws there", *axis_names(portrait["ratio"], latent), height=430)
    figure.update_xaxes(range=[low[0], high[0]], showgrid=False, zeroline=False)
    figure.update_yaxes(range=[low[1], high[1]], showgrid=False, zeroline=False)
    figure.update_layout(showlegend=True)
    different = float(np.abs(np.diff(grid.astype(np.int16), axis=1)).mean() / 255)
    sentence = (
        f"{side} x {side} points of the plane, decoded: neighbours differ by {percent(round(different, 4))} of full "
        "brightness on average, so one look changes into the next. Whatever lies on it can be redrawn, novel or not."
    )
    rows, columns = np.indices((side, side)).reshape(2, -1)
    mean = grid.reshape(side * side, -1).mean(1) / 255
    return Picture(figure, {"x": x[columns], "y": y[rows], "mean brightness": mean}, sentence, "manifold")


def most_usual(scores: NDArray, kinds: Kinds) -> int:
    """The place of the normal test image with the middle score of all normal ones."""
    normal = np.flatnonzero(~kinds.novel)
    return int(normal[np.argsort(scores[normal], kind="stable")[len(normal) // 2]])


def strangest(scores: NDArray, kinds: Kinds) -> int:
    """The place of the novel test image with the highest score."""
    novel = np.flatnonzero(kinds.novel)
    return int(novel[scores[novel].argmax()])


def morph(
    ends: tuple[int, int],
    images: NDArray[np.uint8],
    classes: NDArray,
    kinds: Kinds,
    drawn: NDArray[np.uint8],
    embedding: NDArray,
) -> Picture:
    """The way from one test image to another through the latent, between the two images themselves.

    ends: places in images [T, C, H, W], classes, kinds and embedding [T, latent].  drawn: what the network draws along
    `way`, [steps, C, H, W].
    """
    steps = len(drawn)
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, len(embedding), (2, 1000))
    usual = float(np.median(np.linalg.norm(embedding[pairs[0]] - embedding[pairs[1]], axis=1)))
    distance = float(np.linalg.norm(embedding[ends[0]] - embedding[ends[1]]))
    row = [images[ends[0]], *drawn, images[ends[1]]]
    told = [
        sheets.caption(sheets.named(str(classes[place]), kinds.kind(place)), kinds.kind(place), "the image itself")
        for place in ends
    ]
    below = [told[0], *[percent(round(step / (steps - 1), 2)) for step in range(steps)], told[1]]
    figure = sheets.sheet([row], below, [""], "The way from one to the other", height=190)
    figure.update_yaxes(showticklabels=False)
    change = np.abs(np.diff(drawn.astype(np.int16), axis=0)).reshape(steps - 1, -1).mean(1) / 255
    largest = int(change.argmax())
    sentence = (
        f"The two latents lie {number(distance)} apart, {distance / max(usual, 1e-12):.1f} times as far as test images "
        f"usually do. The drawing changes most between steps {largest + 1} and {largest + 2} of {steps}; what lies "
        "on the way is drawn as readily as what it was trained on."
    )
    share = np.linspace(0, 1, steps)
    return Picture(figure, {"from": share[:-1], "to": share[1:], "mean change": change}, sentence, "morph")


def units(nats: NDArray) -> Picture:
    """What each latent unit says of the training images, the most first.  nats: mean KL divergence, [latent]."""
    order = np.argsort(-nats, kind="stable")
    figure = go.Figure()
    hover = "unit %{customdata}: %{y:.3g} nats<extra></extra>"
    looks = {"marker": {"color": TRAINING.colour, "opacity": 0.8}, "showlegend": False}
    figure.add_bar(x=np.arange(len(nats)), y=nats[order], customdata=order, hovertemplate=hover, **looks)
    style(
        figure, "How much each latent unit says", "Latent units, the busiest first", "Nats", height=260, legend_rows=0
    )
    busy = int((nats > 0.05).sum())
    verdict = "a larger latent might be used too" if busy == len(nats) else "the others are there for nothing"
    sentence = (
        f"{busy} of {len(nats)} units say more than 0.05 nats of a training image: {verdict}. All together say "
        f"{number(float(nats.sum()))} nats."
    )
    return Picture(figure, {"unit": order, "nats": nats[order]}, sentence, "units")
