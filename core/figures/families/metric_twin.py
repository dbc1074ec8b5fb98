"""The softmax twin beside the embedding: its confidence over the same points, and where either accepts an image."""

from collections.abc import Iterator, Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core.figures import AMOUNTS, INK, Kinds, Picture, percent, scatter, style
from core.figures.families.clad import confidence
from core.figures.families.metric_map import Space, frame, principal, thinned

GRID = 90  # points of a field along either axis
MOST = 3_000  # images drawn over it
SURE = 0.99


def over_the_plane(at: Space, scores: NDArray, logits: NDArray, kinds: Kinds, radius: float) -> Picture:
    """The same images on one map twice: coloured by distance to the nearest class mean, and by the twin's confidence.

    at: a flat map of the embedding.  scores: squared distances [T].  logits: the twin's outputs for the same test
    images, [T, K].  radius: of the threshold's balls.
    """
    sure = confidence(logits, 1.0)
    drawn = thinned(kinds[at.places], MOST)
    places, points = at.places[drawn], at.test[drawn]
    columns = {
        "distance to the nearest class mean": np.sqrt(scores)[places],
        "the twin's confidence": sure[places],
    }
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.12, subplot_titles=list(columns))
    for column, (name, values) in enumerate(columns.items(), 1):
        near = column == 1
        ends = (0, 3 * radius) if near else (1 / logits.shape[1], 1)
        bar = {"thickness": 10, "x": 0.45 if near else 1.01}
        for kind, mask in reversed([*kinds[places]]):
            marker = {"color": values[mask], "colorscale": AMOUNTS[::-1] if near else AMOUNTS, "symbol": kind.symbol}
            marker |= {"cmin": ends[0], "cmax": ends[1], "size": 6, "colorbar": bar, "showscale": not kind.foreign}
            hover = f"test image %{{customdata}}, {kind.label}: %{{marker.color:.3g}}<extra>{name}</extra>"
            about = {"customdata": places[mask], "hovertemplate": hover, "showlegend": near, "legendgroup": kind.name}
            label = f"{kind.label} ({mask.sum():,})"
            figure.add_trace(
                scatter(*points[mask].T, mode="markers", name=label, marker=marker, **about), row=1, col=column
            )
    low, high = frame(at.test, at.centres)
    style(figure, "Far from every class, and yet sure?", at.axes[0], "", 440)
    figure.update_xaxes(range=[low[0], high[0]], zeroline=False, matches="x")
    figure.update_yaxes(range=[low[1], high[1]], zeroline=False)
    figure.update_yaxes(title_text=at.axes[1], col=1)
    figure.update_annotations(font_color=INK)
    figure.update_layout(margin_t=95, legend_itemsizing="constant")
    table = {"image": places, "x": points[:, 0], "y": points[:, 1], **columns, **kinds[places].columns}
    return Picture(figure, table, _sure_in_words(scores > radius**2, sure, kinds), "twin-over-plane")


def _sure_in_words(outside: NDArray, sure: NDArray, kinds: Kinds) -> str:
    novel = kinds.novel & outside
    both = novel & (sure > SURE)
    return (
        f"Of {novel.sum():,} novel images outside every ball the twin is over {percent(SURE)} sure of {both.sum():,}"
        f"{kinds.by_name(both)}. A softmax shares its belief among the known classes alone: far away it is sure again."
    )


def fields(
    plane: Mapping[str, NDArray], twin_plane: Mapping[str, NDArray], kinds: Kinds, radius: float, limit: float
) -> Picture:
    """What each accepts: the distance to the nearest mean over the embedding's plane, the confidence over the twin's.

    plane, twin_plane: "train" embeddings [n, D], "test" [T, D] and "centres" [K, D] of the embedding and of the twin,
    whose embedding are its outputs.  radius: of the balls.  limit: the confidence above which the twin accepts.
    Both fields are exact for the points of the plane; an image lies somewhere above or below it.
    """
    titles = ["distance to the nearest mean; dashed: the balls", "the twin's confidence; dashed: its threshold"]
    figure = make_subplots(cols=2, horizontal_spacing=0.14, subplot_titles=titles)
    drawn = thinned(kinds, MOST // 2)
    accepted: list[float] = []
    table: dict[str, NDArray] = {}
    for column, (of, line) in enumerate(((plane, radius), (twin_plane, limit)), 1):
        near = column == 1
        (x, y), grid, points = _on_plane(of)
        z = distance(grid, of["centres"]) if near else confidence(grid, 1.0)
        accepted.append(float(((z <= line) if near else (z >= line)).mean()))
        lowest, highest = (0, 3 * radius) if near else (1 / grid.shape[2], 1)
        for trace in _field(x, y, z, (lowest, highest), line, near):
            figure.add_trace(trace, row=1, col=column)
        for kind, mask in reversed([*kinds[drawn]]):
            marker = {"color": kind.colour, "symbol": kind.symbol, "size": 5, "opacity": 0.8}
            marker["line"] = {"color": "white", "width": 0.5}
            about = {"name": kind.label, "legendgroup": kind.name, "showlegend": near, "hoverinfo": "skip"}
            at = points[drawn[mask]].T
            figure.add_trace(scatter(*at, mode="markers", marker=marker, **about), row=1, col=column)
        name = "embedding" if near else "twin"
        table |= {f"{name}, x": np.tile(x, GRID), f"{name}, y": np.repeat(y, GRID), f"{name}, value": z.ravel()}
    style(figure, "What each would accept: the bright parts", "First principal axis", "", 440)
    figure.update_yaxes(title_text="Second principal axis", col=1)
    figure.update_xaxes(zeroline=False, showgrid=False)
    figure.update_yaxes(zeroline=False, showgrid=False)
    figure.update_annotations(font_color=INK)
    figure.update_layout(margin_t=95, legend_itemsizing="constant")
    within, sure = (percent(round(each, 2)) for each in accepted)
    sentence = (
        f"Of this part of the embedding's plane {within} is near enough to some class; of the twin's {sure} is taken "
        "for some class, and so it goes on outwards. Both fields are exact on their plane; images lie above and below."
    )
    return Picture(figure, table, sentence, "fields")


def distance(points: NDArray, centres: NDArray) -> NDArray:
    """From points [..., D] to the nearest of centres [K, D]: [...]."""
    return np.linalg.norm(points[..., None, :] - centres, axis=-1).min(-1)


def _on_plane(of: Mapping[str, NDArray]) -> tuple[tuple[NDArray, NDArray], NDArray, NDArray]:
    """((x, y) of a grid, its points [G, G, D], the test images [T, 2]) on the principal plane of training images."""
    mean, axes, _ = principal(np.concatenate([of["train"], of["centres"]]).astype(np.float64), 2)
    points = (of["test"] - mean) @ axes.T
    low, high = frame(points)
    middle, reach = (low + high) / 2, 0.75 * (high - low)  # wider than the images, to show what is far away
    x, y = (np.linspace(a, b, GRID) for a, b in zip(middle - reach, middle + reach, strict=True))
    return (x, y), mean + np.stack(np.meshgrid(x, y), -1) @ axes, points


def _field(
    x: NDArray, y: NDArray, z: NDArray, ends: tuple[float, float], line: float, near: bool
) -> Iterator[go.Heatmap | go.Contour]:
    """The values over a plane, bright where an image is accepted, and the line where that ends."""
    bar = {"thickness": 10, "x": 0.44 if near else 1.01}
    looks = {"zmin": ends[0], "zmax": ends[1], "colorscale": AMOUNTS[::-1] if near else AMOUNTS, "colorbar": bar}
    hover = f"{'distance' if near else 'confidence'} %{{z:.3g}}<extra></extra>"
    yield go.Heatmap(x=x, y=y, z=z.astype(np.float32), hovertemplate=hover, **looks)
    edge = {"start": line, "end": line, "size": 1, "coloring": "none"}
    white = {"color": "white", "dash": "dash", "width": 2}
    yield go.Contour(x=x, y=y, z=z, contours=edge, line=white, showscale=False, showlegend=False, hoverinfo="skip")
