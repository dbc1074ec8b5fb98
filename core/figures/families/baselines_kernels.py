"""Pictures of one-class SVM and SVDD: which training images hold the border, and how like them an image is."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core import evaluation
from core.figures import CONTROL, NORMAL, SERIES, Kinds, Picture, number, percent, scatter, style
from core.figures.families.baselines_neighbours import beside_neighbours
from core.figures.sheets import sheet
from core.figures.usual import less_than, more_than, position, profile

SHOWN = 12  # support vectors in a row
FULL = 1 - 1e-4  # share of the largest weight from which a weight is full


# --- one image --------------------------------------------------------------------------------------------------------


def why_alike(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """The support vectors that are most alike, and how alike, against those of normal images.

    explanation: "near" [C, H, 3 W], "neighbours", "similarities" and "weights", [k] each, with "normal_similarities"
    [V, k] where given.
    """
    alike, normal = explanation["similarities"], explanation.get("normal_similarities")
    pairs = zip(alike.tolist(), explanation["weights"].tolist(), strict=True)
    below = [f"alike {number(one)}<br>weight {number(weight)}" for one, weight in pairs]
    most = float(alike[0])
    usual = less_than(most, None if normal is None else normal[:, 0])
    sentence = f"The most alike support vector reaches a similarity of {number(most)}{usual}."
    near = beside_neighbours(explanation, image, below, "The image and the support vectors most like it", sentence)
    near.figure.update_layout(height=222)
    figure, table = profile(alike, normal, "How alike they are", "Support vector, most alike first", "Similarity")
    spread = "" if normal is None else _against_distance(alike, normal)
    told = f"Similarities of {number(most)} down to {number(float(alike[-1]))}.{spread}"
    return [near, Picture(figure, table, told, "similarities")]


def _against_distance(alike: NDArray, normal: NDArray) -> str:
    inside = np.mean((alike >= np.quantile(normal, 0.05, axis=0)) & (alike <= np.quantile(normal, 0.95, axis=0)))
    if inside == 1:
        return " All lie within the normal band: by these it can't be told from a normal image."
    return f" {percent(float(1 - inside))} of them lie outside the normal band."


def why_inside_the_ball(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """As `why_alike`, with the distance to the centre of the ball against its radius.

    explanation: also "distances", squared, and "squared_radius", a number each, with "normal_distances" [V].
    """
    far, radius = float(explanation["distances"]), float(explanation["squared_radius"])
    normal = explanation.get("normal_distances")
    figure, table = position(
        far, normal, {"surface": radius}, "Distance to the centre of the ball", "Squared distance in the kernel's space"
    )
    side = "Outside" if far > radius else "Inside"
    sentence = f"{side} the ball: {number(far)} squared, the radius is {number(radius)}{more_than(far, normal)}."
    return [why_alike(explanation, image)[0], Picture(figure, table, sentence, "distance-to-centre")]


# --- what was learned -------------------------------------------------------------------------------------------------


def support_vectors(portrait: Mapping[str, NDArray], bank: Mapping[str, NDArray], exact: bool = True) -> Picture:
    """Training images that hold the border, with their weights: those of the largest weights, and those of smaller.

    portrait: of which "coefficients" [S], falling, "vector_images" of the first, and "places" [S].  bank: a run's
    `neighbours`, pictures "bank" [b, C, H, W] of the training images "bank_of" [b], ascending.  exact: whether weights
    are those of support vectors, not of landmarks.
    """
    weights, images = portrait["coefficients"], portrait["vector_images"]
    first = _spread(min(len(images), _full(weights) if exact else len(images)))
    rows, texts = [images[first]], [[number(weights[at]) for at in first]]
    names = ["largest"]
    others = _in_bank(portrait["places"], bank["bank_of"], start=_full(weights) if exact else len(weights) - SHOWN)
    if len(others):
        some = others[_spread(len(others))]
        where = np.searchsorted(bank["bank_of"], portrait["places"][some])
        rows.append(bank["bank"][where])
        texts.append([number(weights[at]) for at in some])
        names.append("smaller" if exact else "smallest")
    columns = max(map(len, rows))
    blank = np.zeros_like(images[:1])
    padded = [np.concatenate([row, blank.repeat(columns - len(row), 0)]) if len(row) < columns else row for row in rows]
    below = ["<br>".join(text[at] if at < len(text) else "" for text in texts) for at in range(columns)]
    title = "Support vectors; below: weights, by row" if exact else "Landmarks; below: weights, by row"
    figure = sheet(padded, below, names, title, 80 + 72 * len(rows), least=SHOWN)
    table = {"place": portrait["places"], "weight": weights}
    return Picture(figure, table, _held_by(weights, int(portrait["used"]), exact), "support-vectors")


def _held_by(weights: NDArray, used: int, exact: bool) -> str:
    if not exact:
        towards = int((weights > 0).sum())
        return (
            f"{len(weights):,} of the training images serve as landmarks, whatever they look like: {towards:,} pull "
            f"towards normal, {len(weights) - towards:,} push away. They are no support vectors."
        )
    full = _full(weights)
    return (
        f"{len(weights):,} of {used:,} training images hold the border, the rest could be thrown away. {full:,} have "
        f"the full weight, {number(weights[0])}: they are the odd ones that lie outside; the other "
        f"{len(weights) - full:,} lie on the border itself."
    )


def _full(weights: NDArray) -> int:
    """How many of the falling weights are as large as the largest."""
    return int((weights >= FULL * weights[0]).sum())


def _spread(count: int) -> NDArray[np.intp]:
    """At most SHOWN places spread over `count`."""
    return np.unique(np.linspace(0, max(count - 1, 0), SHOWN).round().astype(int))[: min(count, SHOWN)]


def _in_bank(places: NDArray, bank_of: NDArray, start: int) -> NDArray[np.intp]:
    """Ranks from `start` on of the support vectors whose pictures the bank holds."""
    ranks = np.arange(max(start, 0), len(places))
    return ranks[np.isin(places[ranks], bank_of)]


def by_hidden_class(places: NDArray, classes: NDArray) -> Picture:
    """Share of each hidden class among support vectors and among training images.

    places: [S], of the support vectors among the training images of classes [n].
    """
    names = np.unique(classes)
    held, all_of = classes[places], np.array([(classes == name).mean() for name in names])
    share = np.array([(held == name).mean() for name in names])
    figure = go.Figure()
    for name, values, colour in (("support vectors", share, SERIES[1]), ("training images", all_of, NORMAL)):
        label = f"{name} ({len(places) if name[0] == 's' else len(classes):,})"
        hover = f"class %{{x}}: %{{y:.1f}} % of {name}<extra></extra>"
        figure.add_bar(x=names, y=100 * values, name=label, marker={"color": colour}, hovertemplate=hover)
    style(figure, "Whose images hold the border", "Hidden class (for diagnosis only)", "% of each", 300)
    figure.update_xaxes(type="category")
    figure.update_layout(barmode="group")
    most = int((share / np.maximum(all_of, 1e-12)).argmax())
    sentence = (
        f"Class {names[most]} is {percent(float(all_of[most]))} of the training images and "
        f"{percent(float(share[most]))} of the support vectors: by this kernel its images are the odd ones."
    )
    return Picture(figure, {"class": names, "support vectors": share, "training images": all_of}, sentence, "by-class")


# --- exact against linear ---------------------------------------------------------------------------------------------


def exact_against_linear(
    exact: NDArray, linear: NDArray, kinds: Kinds, seconds: Sequence[float | None], used: Sequence[int]
) -> Picture:
    """Where each test image lies among all by the exact and by the linear-time one-class SVM.

    exact, linear: scores [T].  kinds: of the T images.  seconds, used: time of either fit, and training images in it.
    """
    ranks = [evaluation.percentile(each, each) for each in (exact, linear)]
    figure = go.Figure()
    for kind, mask in reversed([*kinds]):
        marker = {"color": kind.colour, "symbol": kind.symbol, "size": 5, "opacity": 0.6}
        label = f"{kind.label} ({mask.sum():,})"
        figure.add_trace(scatter(ranks[0][mask], ranks[1][mask], mode="markers", name=label, marker=marker))
    figure.add_shape(type="line", x0=0, y0=0, x1=100, y1=100, line={"color": CONTROL, "dash": "dot", "width": 1.5})
    looks = ("The exact and the linear-time one-class SVM", "Exact: percentile among test images", "Linear: percentile")
    style(figure, *looks, 400).update_layout(xaxis_range=[0, 101], yaxis_range=[0, 101], legend_itemsizing="constant")
    alike = float(np.corrcoef(ranks[0], ranks[1])[0, 1])
    difference = evaluation.paired_difference(exact, linear, kinds.novel)
    value, low, high = (difference[name] for name in ("value", "low", "high"))
    gap = "" if value is None else f", a difference in AUROC of {value:+.3f} ({low:+.3f} to {high:+.3f})"
    sentence = (
        f"Their rankings agree with a correlation of {alike:.3f}{gap}. {_cost('Exact', used[0], seconds[0])}, "
        f"{_cost('linear', used[1], seconds[1])}. Dotted: the same place by both."
    )
    table = {"exact": exact, "linear": linear, **kinds.columns}
    return Picture(figure, table, sentence, "exact-or-linear")


def _cost(name: str, used: int, seconds: float | None) -> str:
    return f"{name} {used:,} training images" + ("" if seconds is None else f" in {number(seconds)} s")
