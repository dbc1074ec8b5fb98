"""Embeddings of CLAD on a map: by the kind that it found, and the same points by hidden class."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core.figures import CONTROL, INK, Kinds, Picture, percent, scatter, style
from core.figures.clusters import COLOURS, SYMBOLS, UNSEEN, letter, look, main_classes

MOST_NAMED = 26  # kinds that are named on the map
CROWD = 500  # novel images from which on each is fainter
MOST_LISTED = 6  # kinds of one class in a sentence
MOST_LOOKS = COLOURS * len(SYMBOLS)  # kinds that look different
LOOKS = {
    "color": np.array([look(k)["color"] for k in range(MOST_LOOKS)]),
    "symbol": np.array([look(k)["symbol"] for k in range(MOST_LOOKS)]),
}


@dataclass(frozen=True, eq=False)
class Points:
    """Images on a map.

    at: [n, 2].  clusters: the kind that CLAD found, [n], 0..K-1.  classes: hidden, [n] of str.
    """

    at: NDArray
    clusters: NDArray
    classes: NDArray

    def __getitem__(self, places: NDArray) -> "Points":
        return Points(self.at[places], self.clusters[places], self.classes[places])

    def __len__(self) -> int:
        return len(self.at)


Way = Callable[[Points], NDArray]  # to colour images: a number for each


def kinds_map(
    train: Points | None,
    test: Points,
    kinds: Kinds,
    places: NDArray,
    axes: Sequence[str],
    title: str,
    *,
    window: NDArray | None = None,
    picked: int | None = None,
) -> Picture:
    """The same images twice on one map: coloured by the kind that was found, and by hidden class.

    train: small points, or None.  test: with their kinds and places [m] in the test set for picking.  axes: titles of
    the two.  window: lowest and highest corner, [2, 2], so that a replay keeps its axes.  picked: one of the places,
    ringed on both.
    """
    known = test[~kinds.novel] if train is None else train
    names = np.unique(np.concatenate([known.classes, test.classes[~kinds.novel]]))
    ways: dict[str, Way] = {
        "by the kind that it found": lambda points: points.clusters,
        f"by {UNSEEN}": lambda points: np.searchsorted(names, points.classes),
    }
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.02, subplot_titles=list(ways))
    for column, way in enumerate(ways.values(), 1):
        for trace in _traces(train, test, kinds, places, way):
            figure.add_trace(trace, row=1, col=column)
        if picked is not None and picked in places:
            ring = {"symbol": "circle-open", "size": 18, "color": INK, "line": {"width": 3}}
            at = test.at[places == picked].T
            looks: dict[str, Any] = {"name": f"test image {picked}", "hoverinfo": "skip", "showlegend": column == 1}
            figure.add_trace(scatter(*at, mode="markers", marker=ring, **looks), row=1, col=column)
    _legend(figure, train, kinds)
    style(figure, title, axes[0], "", 400)
    figure.update_annotations(font_color=INK)
    _name_clusters(figure, known, names)
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False}
    low, high = around(np.concatenate([known.at, test.at])) if window is None else window
    figure.update_xaxes(matches="x", range=[low[0], high[0]], **bare)
    figure.update_yaxes(range=[low[1], high[1]], **bare)
    figure.update_yaxes(title_text=axes[1], col=1)
    figure.update_layout(margin_t=95, legend_itemsizing="constant")
    table: dict[str, Sequence | NDArray] = {
        "image": places,
        "x": test.at[:, 0],
        "y": test.at[:, 1],
        "kind": [letter(k) for k in test.clusters.tolist()],
        "class": test.classes,
        **kinds.columns,
    }
    return Picture(figure, table, kinds_in_words(known.clusters, known.classes), "kinds-map")


def _traces(train: Points | None, test: Points, kinds: Kinds, places: NDArray, way: Way) -> Iterator[go.Scatter]:
    """Novel images in the colour of their kind, then training and normal test images in the colours of a way."""
    for kind, mask in reversed([*kinds]):
        points, numbers = test[mask], places[mask]
        marker = {"color": kind.colour, "symbol": kind.open_symbol, "size": 4}
        marker["opacity"] = 0.3 if len(points) > CROWD else 0.6
        if not kind.foreign:
            marker = _looks(way(points)) | {"size": 7, "opacity": 0.95, "line": {"width": 0.6, "color": INK}}
        if not kind.foreign and train is not None:
            small = _looks(way(train)) | {"size": 4, "opacity": 0.45}
            yield scatter(*train.at.T, mode="markers", marker=small, hoverinfo="skip", showlegend=False)
        words = [
            f"test image {number}, {escape(kind.of_class(name))}, kind {letter(k)}"
            for number, name, k in zip(numbers, points.classes, points.clusters.tolist(), strict=True)
        ]
        about = {"customdata": numbers, "text": words, "hovertemplate": "%{text}<extra></extra>"}
        yield scatter(*points.at.T, mode="markers", marker=marker, showlegend=False, **about)


def _looks(numbers: NDArray) -> dict[str, NDArray]:
    return {name: values[numbers % len(values)] for name, values in LOOKS.items()}


def _legend(figure: go.Figure, train: Points | None, kinds: Kinds) -> None:
    """What large, small and open points are; their colours are named on the map itself."""
    small, outlined = {"color": CONTROL, "size": 4}, {"color": CONTROL, "line": {"width": 1, "color": INK}}
    entries: list[tuple[str, dict]] = [] if train is None else [(f"training images ({len(train):,})", small)]
    for kind, mask in kinds:
        marker = {"color": kind.colour, "symbol": kind.open_symbol} if kind.foreign else outlined
        entries.append((f"{kind.label} test images ({mask.sum():,})", marker))
    for name, marker in entries:
        figure.add_scatter(x=[None], y=[None], mode="markers", name=name, marker=marker)


def _name_clusters(figure: go.Figure, points: Points, names: NDArray) -> None:
    """At the middle of each kind its letter on the left, its main hidden class on the right."""
    found = np.unique(points.clusters)
    if len(found) > MOST_NAMED:
        return
    mains = main_classes(np.searchsorted(found, points.clusters), points.classes)
    for k, (main, _) in zip(found.tolist(), mains, strict=True):
        x, y = np.median(points.at[points.clusters == k], axis=0).tolist()
        for axis, text in (("x", letter(k)), ("x2", escape(main))):
            looks = {"showarrow": False, "font": {"size": 17, "color": INK}, "bgcolor": "rgba(128,128,128,0.25)"}
            figure.add_annotation(x=x, y=y, xref=axis, yref="y" + axis[1:], text=f"<b>{text}</b>", borderpad=1, **looks)


def around(points: NDArray) -> NDArray[np.float64]:
    """Lowest and highest corner, [2, 2], of nearly all points [n, 2]."""
    low, high = np.quantile(points, [0.002, 0.998], axis=0)
    return np.stack([low, high]) + 0.06 * (high - low) * np.array([[-1], [1]])


def kinds_in_words(clusters: NDArray, classes: NDArray) -> str:
    """Which hidden classes fall into which kinds.  clusters: [n].  classes: [n]."""
    found, names = np.unique(clusters), np.unique(classes)
    mains = main_classes(np.searchsorted(found, clusters), classes)
    own = {
        name: [letter(k) for k, (main, _) in zip(found.tolist(), mains, strict=True) if main == name]
        for name in names.tolist()
    }
    said = [f"class {name} {_owned(letters)}" for name, letters in own.items()]
    more = f"; and {len(said) - 6} more" if len(said) > 6 else ""
    sentence = f"{len(found)} kinds were found among {len(names)} hidden classes: {'; '.join(said[:6])}{more}."
    place = min(range(len(mains)), key=lambda at: mains[at][1])
    main, share = mains[place]
    return sentence + f" The most mixed, {letter(int(found[place]))}, is {percent(round(share, 2))} class {main}." * (
        share < 1
    )


def _owned(letters: Sequence[str]) -> str:
    if not letters:
        return "has no kind of its own"
    return f"makes up most of {', '.join(letters) if len(letters) <= MOST_LISTED else f'{len(letters)} kinds'}"


def replayed_map(
    epoch: int,
    snapshots: Mapping[int, Mapping[str, NDArray]],
    projection: Mapping[str, NDArray],
    into: NDArray,
    kinds: Kinds,
    classes: NDArray,
    places: NDArray,
) -> Picture:
    """The probe images of the test set after an epoch, on the plane of the finished embedding.

    snapshots: {epoch: {"embedding" [P, D], "assignments" [P, k]}}.  projection: pca/axes and pca/mean.  into: [k], the
    kind that each cluster has become.  kinds, places: of the P images, place -1 for those that are not of the test set.
    classes: of the test set, hidden.
    """
    axes, mean, shown = projection["pca/axes"], projection["pca/mean"], np.flatnonzero(places >= 0)
    at = {each: (now["embedding"].astype(np.float64) - mean) @ axes.T for each, now in snapshots.items()}
    corners = np.array([around(each) for each in at.values()])
    clusters = into[snapshots[epoch]["assignments"].argmax(1)]
    points = Points(at[epoch][shown], clusters[shown], classes[places[shown]])
    title = f"{len(shown):,} probe images after epoch {epoch}"
    window = np.stack([corners[:, 0].min(0), corners[:, 1].max(0)])
    return kinds_map(
        None, points, kinds[shown], places[shown], ("First principal axis", "Second"), title, window=window
    )
