"""Pictures of the page "Home": ten images in the order in which they surprise a network, and a method in miniature."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import INK, Kinds, Picture, lay_out, percent, style
from core.figures.charts import hatched, stacked
from core.figures.sheets import caption, centres, named, sheet

COUNTS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


def count_in_words(number: int) -> str:
    """3 -> "Three", for the beginning of a sentence; digits above ten."""
    return COUNTS[number] if number < len(COUNTS) else f"{number:,}"


def surprise(
    images: NDArray[np.uint8],
    classes: Sequence[str],
    kinds: Kinds,
    percentiles: NDArray[np.float64],
    called: NDArray[np.bool_],
    picked: NDArray[np.bool_],
) -> Picture:
    """Test images from the least to the most surprising for a network, with its verdict and a person's below each.

    images: [K, C, H, W].  percentiles: [K], among normal validation images.  called, picked: [K], what the network and
    the person call novel.
    """
    order, novel = np.lexsort((called, percentiles)), kinds.novel
    below = [
        caption(
            named(classes[at], kinds.kind(at)),
            kinds.kind(at),
            f"network {_mark(called[at] == novel[at])} {percentiles[at]:.0f}",
            f"you {_mark(picked[at] == novel[at])} {'novel' if picked[at] else 'normal'}",
        )
        for at in order
    ]
    title = "From the least to the most surprising for the network"
    figure = sheet([list(images[order])], below, [""], title, height=210)
    figure.update_yaxes(showticklabels=False)
    accepted = int((~called).sum())
    if 0 < accepted < len(order):
        x, _ = centres(len(order), 1, images.shape[2:])
        figure.add_vline((x[accepted - 1] + x[accepted]) / 2, line={"color": INK, "dash": "dash", "width": 2})
    table: dict[str, Sequence | NDArray] = {
        "class": [classes[at] for at in order],
        **kinds[order].columns,
        "percentile": percentiles[order],
        "network says novel": called[order].astype(int),
        "you say novel": picked[order].astype(int),
    }
    return Picture(figure, table, _who_was_right(novel, called, picked), "surprise")


def _mark(right: bool) -> str:
    return "✓" if right else "✗"


def _who_was_right(novel: NDArray[np.bool_], called: NDArray[np.bool_], picked: NDArray[np.bool_]) -> str:
    def record(says: NDArray[np.bool_]) -> str:
        found, alarms = int((says & novel).sum()), int((says & ~novel).sum())
        return f"{found} of {int(novel.sum())} novel images with {alarms} false alarm{'s' * (alarms != 1)}"

    yours, its = (int((says == novel).sum()) for says in (picked, called))
    result = "a draw" if yours == its else "you win" if yours > its else "the network wins"
    return (
        f"You found {record(picked)}, the network {record(called)}: {yours} against {its} right, {result}. The number "
        "after its mark is the share of held-out normal images that surprise it less; right of the line it says novel."
    )


def miniature(scores: NDArray[np.float64], kinds: Kinds, threshold: float, normal: NDArray) -> Picture:
    """A small histogram without scales: a method's scores of test images of every kind about its threshold.

    scores: [T].  kinds: of the T images.  normal: [V], of normal validation images, whose median and the threshold set
    the scale.
    """
    middle = float(np.median(normal))
    standard = (scores - middle) / ((threshold - middle) or 1.0)
    edges = np.linspace(-1, 3, 41)
    standard, novel = np.clip(standard, edges[0], edges[-1]), kinds.novel
    counts = {name: np.histogram(standard[mask], edges)[0] for name, mask in kinds.groups.items()}
    of = {True: max(novel.sum(), 1), False: max((~novel).sum(), 1)}
    middles, looks = (edges[:-1] + edges[1:]) / 2, {"opacity": 0.8, "hoverinfo": "skip"}
    parts = stacked(kinds, lambda mask: np.histogram(standard[mask], edges)[0] / of[novel[mask][0]])
    figure = go.Figure([
        {"type": "bar", "x": middles, "y": share, "base": base, "name": kind.label, "marker": hatched(kind, size=5)}
        | looks
        for kind, share, base in parts
    ])  # fmt: skip
    line = {"color": INK, "dash": "dash", "width": 1.5}
    figure.layout.shapes = [{"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "y domain", "line": line}]
    legend_rows = len(figure.data) if kinds.several else 1
    top = 2 + 20 * legend_rows
    style(figure, "", "", "", 98 + top, legend_rows)
    above = {"legend.y": 1, "legend.yref": "paper", "legend.yanchor": "bottom"}
    plot = {"barmode": "overlay", "bargap": 0, "margin": {"l": 0, "r": 0, "t": top, "b": 0}, "dragmode": False}
    still = {"visible": False, "fixedrange": True}
    lay_out(figure, still, still, plot | above)
    caught = scores > threshold
    shown = novel if novel.any() else ~novel
    told = f"{percent(float(caught[shown].mean()))} of the {'novel' if novel.any() else 'normal'} images"
    sentence = f"Right of the dashed threshold: {told}{kinds.by_name(caught)}."
    return Picture(figure, {"from": edges[:-1], "to": edges[1:], **counts}, sentence, "miniature")
