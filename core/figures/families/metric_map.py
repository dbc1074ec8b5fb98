"""Embeddings of metric learning in two or three dimensions: class means, balls, and every kind of image as a layer."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import INK, Kind, Kinds, Picture, number, percent, scatter, style
from core.figures.families import metric_deep
from core.figures.kinds import TRAINING

MAPS = {"own": "Own axes", "pca": "PCA", "umap": "UMAP"}
MEANING = (
    "**Own axes**: the embedding itself, where it has two or three numbers. **PCA**: the axes along which known images "
    "vary most; distances are true there, but what differs in other directions lies over each other. **UMAP**: keeps "
    "neighbourhoods and nothing else, so pretty islands are no distances."
)
MOST_FLAT = 20_000  # test images drawn in two dimensions
MOST_BALLS = 12
PLOT, LETTER, TALL = np.array([420, 300]), 10, 21  # of a flat map and of its labels, in pixels, about
MEANS, BALLS = "class means", "balls"  # layers beside those of the images
EYE = {"x": 1.65, "y": 1.65, "z": 1.05}  # where it is seen from


@dataclass(frozen=True, eq=False)
class Space:
    """Where everything lies on a map of k = 2 or 3 dimensions.

    train [n, k].  test [m, k], with its places [m] in the test set.  centres [K, k], of class means; none on a map that
    has no place for them.  axes: k titles.  share: of the variance that the map shows, None where it isn't a
    projection.
    """

    train: NDArray
    test: NDArray
    places: NDArray
    centres: NDArray
    axes: tuple[str, ...]
    share: float | None

    @property
    def deep(self) -> bool:
        return len(self.axes) == 3


def offered(size: int, plane: Mapping[str, NDArray]) -> dict[str, str]:
    """The maps that there are for embeddings of `size` numbers.  plane: a run's `projection`."""
    there = {"own": size <= 3, "pca": True, "umap": "umap/train" in plane}
    return {name: title for name, title in MAPS.items() if there[name]}


def space(name: str, deep: bool, test: NDArray, centres: NDArray, plane: Mapping[str, NDArray]) -> Space:
    """A map.  name: one of MAPS.  deep: in three dimensions, where it has so many.

    test: embeddings of all test images [T, D].  centres: class means [K, D].  plane: a run's `projection`, of which
    "embedding" of training images [n, D].
    """
    titles: tuple[str, ...]
    if name == "umap" and deep and "umap3/train" in plane:
        titles = ("UMAP 1", "UMAP 2", "UMAP 3")
        return Space(plane["umap3/train"], plane["umap3/test"], plane["test_of"], np.zeros((0, 3)), titles, None)
    if name == "umap":
        titles = ("UMAP: neighbourhoods count, distances mean nothing", "")
        return Space(plane["umap/train"], plane["umap/test"], plane["test_of"], np.zeros((0, 2)), titles, None)
    train, places = plane["embedding"].astype(np.float64), np.arange(len(test))
    size = min(3 if deep else 2, test.shape[1])
    if name == "own":
        titles = tuple(f"Number {place + 1} of the embedding" for place in range(size))
        parts = (train[:, :size], test[:, :size], places, centres[:, :size])
        share = float(train[:, :size].var(0).sum() / max(train.var(0).sum(), 1e-12))
        return Space(*parts, titles, 1.0 if size == test.shape[1] else share)
    mean, axes, ratio = principal(np.concatenate([train, centres]), size)
    words = ("PC 1", "PC 2", "PC 3") if size == 3 else _FIRST
    titles = tuple(f"{word} ({percent(round(float(each), 2))})" for word, each in zip(words, ratio, strict=False))
    on_axes = ((each - mean) @ axes.T for each in (train, test, centres))
    train, test, centres = on_axes
    return Space(train, test, places, centres, titles, float(ratio.sum()))


_FIRST = ("First principal axis", "Second principal axis")


def principal(rows: NDArray, size: int) -> tuple[NDArray, NDArray, NDArray]:
    """(mean [D], axes [size, D], their shares of the variance [size]) of rows [n, D].

    The largest weight of an axis is positive, so the same rows always give the same picture.
    """
    mean = rows.mean(0)
    values, vectors = np.linalg.eigh(np.cov(rows.T, bias=True))  # ascending
    axes = vectors[:, ::-1][:, :size].T
    axes = axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1))
    return mean, axes, values[::-1][:size].clip(0) / max(values.clip(0).sum(), 1e-12)


def layers(kinds: Kinds, at: Space) -> list[str]:
    """What can be shown or hidden on a map: training images, every kind of test images, means and balls."""
    of_means = [MEANS, BALLS] if len(at.centres) else []
    return [TRAINING.name, *(kind.name for kind, _ in kinds), *of_means]


def thinned(kinds: Kinds, most: int, keep: int | None = None) -> NDArray[np.intp]:
    """Places of at most `most` images, of every kind as many as there are while they last; one is kept in any case."""
    if len(kinds) <= most:
        return np.arange(len(kinds))
    order = kinds.by_turns(np.random.default_rng(0).permutation(len(kinds)))[:most]
    return np.union1d(order, [] if keep is None else [keep]).astype(np.intp)


def embedding_map(
    at: Space,
    kinds: Kinds,
    classes: NDArray,
    names: Collection[str],
    radius: float | None,
    shown: Collection[str],
    *,
    title: str = "The embedding",
    window: NDArray | None = None,
    picked: int | None = None,
    inside: NDArray[np.bool_] | None = None,
) -> Picture:
    """Images, class means and threshold balls on a map; a click on a flat one picks an image.

    kinds, classes: of all test images, [T].  names: of the known classes [K].  radius: of the balls, None without.
    shown: the layers that are drawn, of `layers`.  window: lowest and highest corner [2, 2], so that a replay keeps its
    axes.  picked: a place in the test set, ringed.  inside: whether each test image is within a ball, [T].
    """
    kinds, classes = kinds[at.places], classes[at.places]
    spot = None if picked is None or picked not in at.places else int(np.flatnonzero(at.places == picked)[0])
    drawn = thinned(kinds, metric_deep.MOST if at.deep else MOST_FLAT, spot)
    figure = go.Figure()
    for kind, mask in reversed([*kinds[drawn]]):
        if not kind.foreign and TRAINING.name in shown and len(at.train):
            most = min(len(at.train), metric_deep.MOST_TRAINING)
            rows = np.linspace(0, len(at.train) - 1, most).astype(int) if at.deep else ...
            figure.add_trace(_points(at.train[rows], TRAINING, f"training ({len(at.train):,})"))
        if kind.name in shown:
            of = drawn[mask]
            label = f"{kind.label}, test ({int((kinds.names == kind.name).sum()):,})"
            figure.add_trace(_points(at.test[of], kind, label, at.places[of], classes[of]))
    if BALLS in shown and radius is not None and len(at.centres) <= MOST_BALLS:
        _balls(figure, at, radius)
    reach = 0 if radius is None or BALLS not in shown else radius
    window = None if at.deep else common_frame([at], reach) if window is None else window
    if MEANS in shown and len(at.centres):
        _means(figure, at, names, window)
    if spot is not None:
        _ring(figure, at.test[spot], f"test image {picked}")
    _axes(figure, at, title, window)
    table = {f"axis {place + 1}": column for place, column in enumerate(at.test.T)}
    sentence = _in_words(at, kinds, len(drawn), radius, inside)
    return Picture(figure, {"image": at.places, **table, "class": classes, **kinds.columns}, sentence, "embedding")


def _points(points: NDArray, kind: Kind, name: str, places: NDArray | None = None, classes: NDArray | None = None):
    """A layer of points.  places: of test images, which a click picks."""
    options: dict[str, Any] = {"name": name, "hoverinfo": "skip"}
    if places is not None and classes is not None:
        hover = f"test image %{{customdata}}, class %{{text}} ({kind.label})<extra></extra>"
        options |= {"customdata": places, "text": classes, "hovertemplate": hover, "hoverinfo": None}
    if points.shape[1] == 3:
        return metric_deep.points(points, kind, **options)
    opacity = 0.35 if places is None else 0.75 if len(points) < 2000 else 0.45
    size = 4 if places is None else 6
    marker = {"color": kind.colour, "symbol": kind.symbol, "size": size, "opacity": opacity, "line": {"width": 0}}
    return scatter(*points.T, mode="markers", marker=marker, **options)


def _means(figure: go.Figure, at: Space, names: Collection[str], window: NDArray | None) -> None:
    """A cross at each class mean with the name of the class; flat means that lie close share a label."""
    plain = [str(name) for name in names]
    told = plain
    if window is not None:
        pixel = (window[1] - window[0]) / PLOT
        told = labels(at.centres, plain, pixel if at.share is None else pixel.max().repeat(2))  # as the axes have it
    text = [each and f"<b>{escape(each)}</b>" for each in told]
    hover = [f"mean of class {escape(name)}" for name in plain]
    common = {"mode": "markers+text", "text": text, "name": "class means", "hoverinfo": "text", "hovertext": hover}
    font = {"size": 17, "color": INK}
    if at.deep:
        x, y, z = at.centres.T
        marker = {"symbol": "cross", "size": 5, "color": INK}
        figure.add_scatter3d(x=x, y=y, z=z, marker=marker, textfont=font, textposition="top center", **common)
        return
    marker = {"symbol": "cross-thin", "size": 13, "line": {"width": 3, "color": INK}}
    x, y = at.centres.T
    figure.add_scatter(x=x, y=y, marker=marker, textfont=font, textposition="top right", **common)


def labels(centres: NDArray, names: Sequence[str], pixel: NDArray) -> list[str]:
    """What stands right above each mean: its name, or "name +2" where two others would touch it, whose own is empty.

    centres: [K, 2].  pixel: the size of one along either axis, [2], in the units of the centres.
    """
    width = np.array([LETTER * (len(name) + 3) for name in names])  # with room for how many share it
    corners = centres / pixel
    told, leaders = [""] * len(names), dict[int, int]()
    for each, (x, y) in enumerate(corners.tolist()):
        near = (
            other
            for other in leaders
            if -width[each] < x - corners[other, 0] < width[other] and abs(y - corners[other, 1]) < TALL
        )
        leader = next(near, each)
        leaders[leader] = leaders.get(leader, -1) + 1
    for leader, others in leaders.items():
        told[leader] = f"{names[leader]} +{others}" if others else names[leader]
    return told


def _balls(figure: go.Figure, at: Space, radius: float) -> None:
    """The ball around each mean that the threshold accepts: discs on a plane, circles of lines in space."""
    if at.deep:
        figure.add_trace(metric_deep.balls(at.centres, radius))
        return
    for x, y in at.centres.tolist():
        corners = {"x0": x - radius, "x1": x + radius, "y0": y - radius, "y1": y + radius}
        line = {"color": INK, "width": 2, "dash": "dash"}
        figure.add_shape(type="circle", line=line, fillcolor=TRAINING.faint, layer="below", **corners)


def _ring(figure: go.Figure, point: NDArray, name: str) -> None:
    if len(point) == 3:
        x, y, z = ([each] for each in point.tolist())
        marker = {"symbol": "circle-open", "size": 14, "color": INK, "line": {"width": 4}}
        figure.add_scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, name=name, hoverinfo="skip")
        return
    marker = {"symbol": "circle-open", "size": 17, "color": INK, "line": {"width": 3}}
    x, y = ([each] for each in point.tolist())
    figure.add_scatter(x=x, y=y, mode="markers", marker=marker, name=name, hoverinfo="skip")


def _axes(figure: go.Figure, at: Space, title: str, window: NDArray | None) -> None:
    style(figure, title, at.axes[0], at.axes[1], 560 if at.deep else 470)
    figure.update_layout(legend_itemsizing="constant", margin_t=95, clickmode="event+select", showlegend=True)
    if window is None:
        titles = zip("xyz", at.axes, strict=True)
        numbered = {"showticklabels": at.share is not None}  # only where numbers mean something
        bare = {f"{axis}axis": {"title": {"text": text, "font": {"color": INK}}} | numbered for axis, text in titles}
        figure.update_layout(scene={**bare, "aspectmode": "data", "camera_eye": EYE})
        return
    low, high = window
    figure.update_xaxes(range=[low[0], high[0]], zeroline=False, showticklabels=at.share is not None)
    figure.update_yaxes(range=[low[1], high[1]], zeroline=False, showticklabels=at.share is not None)
    if at.share is not None:  # distances are true, so balls are round
        figure.update_yaxes(scaleanchor="x")


def common_frame(spaces: Sequence[Space], radius: float) -> NDArray[np.float64]:
    """Lowest and highest corner, [2, 2], that show flat maps at one scale, with their balls of this radius."""
    found = np.stack([frame(at.test, np.concatenate([at.centres - radius, at.centres + radius])) for at in spaces])
    return np.stack([found[:, 0].min(0), found[:, 1].max(0)])


def frame(points: NDArray, wholly: NDArray | None = None) -> NDArray[np.float64]:
    """Lowest and highest corner, [2, 2], around nearly all points [m, 2], and around all that must be seen, [k, 2]."""
    low, high = np.quantile(points, [0.002, 0.998], axis=0)
    if wholly is not None and len(wholly):
        low, high = np.minimum(low, wholly.min(0)), np.maximum(high, wholly.max(0))
    return np.stack([low, high]) + 0.06 * (high - low) * np.array([[-1], [1]])


def _in_words(at: Space, kinds: Kinds, drawn: int, radius: float | None, inside: NDArray[np.bool_] | None) -> str:
    sentence = ""
    if inside is not None and radius is not None:
        accepted = inside[at.places]
        novel, known = accepted[kinds.novel], accepted[~kinds.novel]
        sentence = (
            f"Within some ball lie {known.sum():,} of {len(known):,} images of known classes and {novel.sum():,} of "
            f"{len(novel):,} novel ones{kinds.by_name(accepted)}. "
        )
    if at.share is None:
        sentence += "UMAP keeps neighbourhoods only: sizes and gaps mean nothing, so no ball can be drawn here."
    elif radius is None:
        sentence += "Axes are made of the twin's outputs: their differences decide, not the distances here."
    elif at.share < 0.995:
        sentence += (
            f"The map shows {percent(round(at.share, 2))} of the variance: outside a disc means outside its ball, "
            "inside one proves nothing."
        )
    else:
        sentence += "Nothing is hidden here: every distance on the map is the one that decides."
    if drawn < len(kinds):
        sentence += f" Of {len(kinds):,} test images {drawn:,} are drawn, of every kind some, so that it stays quick."
    if at.deep and len(at.train) > metric_deep.MOST_TRAINING:
        sentence += f" Of {len(at.train):,} training images {metric_deep.MOST_TRAINING:,} are drawn."
    return sentence


def replayed(
    epoch: int,
    snapshots: Mapping[int, Mapping[str, NDArray]],
    centres: NDArray,
    kinds: Kinds,
    classes: NDArray,
    names: NDArray,
) -> Picture:
    """The probe images after an epoch, on axes that all epochs share, with the means of each class among them.

    snapshots: {epoch: {"embedding" [P, D]}}.  centres: class means of the finished embedding [K, D].  kinds, classes:
    of the P images.  names: of the known classes [K].
    """
    last = snapshots[max(snapshots)]["embedding"].astype(np.float64)
    titles: tuple[str, ...] = ("Number 1 of the embedding", "Number 2 of the embedding")
    mean, axes = np.zeros(2), np.eye(2)
    if last.shape[1] > 2:
        mean, axes, _ = principal(np.concatenate([last[~kinds.novel], centres]), 2)
        titles = tuple(f"{word} of the finished embedding" for word in _FIRST)
    seen = {at: (each["embedding"].astype(np.float64) - mean) @ axes.T for at, each in snapshots.items()}
    corners = np.stack([frame(points) for points in seen.values()])
    now, known = seen[epoch], ~kinds.novel
    there = [name for name in names.tolist() if (known & (classes == name)).any()]
    means = np.array([now[known & (classes == name)].mean(0) for name in there]).reshape(-1, 2)
    whole = snapshots[epoch]["embedding"].astype(np.float64)
    share = float(now.var(0).sum() / max(whole.var(0).sum(), 1e-12))
    at = Space(now[:0], now, np.arange(len(now)), means, titles, share)
    window = np.stack([corners[:, 0].min(0), corners[:, 1].max(0)])
    title = f"The embedding of {len(now):,} probe images after epoch {epoch}"
    drawn = embedding_map(at, kinds, classes, there, None, layers(kinds, at), title=title, window=window)
    return dataclasses.replace(drawn, sentence=_forming_in_words(whole, kinds, classes, there), name="replay")


def _forming_in_words(codes: NDArray, kinds: Kinds, classes: NDArray, names: Collection[str]) -> str:
    """How far known and novel probe images lie from the nearest mean of the known ones.  codes: [P, D]."""
    known = ~kinds.novel
    means = [codes[known & (classes == name)].mean(0) for name in names]
    if not means:
        return "No image of a known class is among the probe."
    apart = np.linalg.norm(codes[:, None] - np.array(means), axis=2).min(1)
    near, far = (float(np.median(apart[of])) for of in (known, kinds.novel))
    return (
        f"Half of the known images lie within {number(near)} of the nearest cross, half of the novel ones within "
        f"{number(far)}: {far / max(near, 1e-12):.1f} times as far. Crosses are means of the probe's known images."
    )
