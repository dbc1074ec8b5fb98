"""Pictures of the page "Home": ten images in the order in which they surprise a network, and a method in miniature."""

import base64
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from core.figures import INK, Kind, Kinds, Picture, percent
from core.figures.charts import stacked
from core.figures.sheets import caption, centres, named, sheet

BINS = 40
WHOLE, SWATCH = "width: 100%; height: 98px; display: block", "width: 12px; height: 12px"  # of an image
LINE = "position: absolute; top: 0; bottom: 0; border-left: 2px dashed currentColor"  # of the theme, at any moment
LEGEND = "display: flex; flex-wrap: wrap; gap: 0 0.8rem; font-size: 0.75rem; line-height: 1.6"
TILES = {  # of 6 by 6 pixels, by the names that Plotly has for hatches
    "/": "M0 6L6 0M-1 1L1 -1M5 7L7 5",
    "\\": "M0 0L6 6M-1 5L1 7M5 -1L7 1",
    "x": "M0 6L6 0M0 0L6 6",
    "-": "M0 3H6",
    "|": "M3 0V6",
    "+": "M0 3H6M3 0V6",
    ".": "M2.2 3H3.8",
}
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


def miniature(scores: NDArray[np.float64], kinds: Kinds, threshold: float, normal: NDArray) -> str:
    """A small histogram without scales: a method's scores of test images of every kind about its threshold.

    Nobody points at it, so it needs no chart: HTML with SVG, which stands at once.
    scores: [T].  kinds: of the T images.  normal: [V], of normal validation images, whose median and the threshold set
    the scale.
    """
    middle = float(np.median(normal))
    standard = (scores - middle) / ((threshold - middle) or 1.0)
    edges = np.linspace(-1, 3, BINS + 1)
    standard, novel = np.clip(standard, edges[0], edges[-1]), kinds.novel
    of = {True: max(novel.sum(), 1), False: max((~novel).sum(), 1)}
    bars = stacked(kinds, lambda mask: np.histogram(standard[mask], edges)[0] / of[novel[mask][0]])
    parts = [(kind, height, np.zeros(BINS) if base is None else base) for kind, height, base in bars]
    top = 1.05 * max(float((base + height).max()) for _, height, base in parts)
    drawn = [_tile(kind) for kind, *_ in parts]
    drawn += [_bars(kind, height / top, base / top) for kind, height, base in parts]
    at = 100 * (1 - edges[0]) / (edges[-1] - edges[0])
    line = f'<div style="{LINE}; left: {at:g}%"></div>'
    caught = scores > threshold
    shown = novel if novel.any() else ~novel
    told = f"{percent(float(caught[shown].mean()))} of the {'novel' if novel.any() else 'normal'} images"
    sentence = f"Right of the dashed threshold: {told}{kinds.by_name(caught)}."
    swatches = ((kind.label, _svg_image([_tile(kind), _swatch(kind)], SWATCH)) for kind, *_ in parts)
    legend = "".join(f"<div>{swatch} {label}</div>" for label, swatch in swatches)
    chart = f'<div style="position: relative">{_svg_image(drawn, WHOLE, sentence)}{line}</div>'
    return f'<div style="{LEGEND}">{legend}</div>{chart}'


def _bars(kind: Kind, heights: NDArray[np.float64], bases: NDArray[np.float64]) -> str:
    """The bars of a kind.  heights, bases: [B], as parts of the picture's height."""
    wide = 100 / BINS
    bars = "".join(
        f'<rect x="{place * wide:g}%" y="{100 * (1 - base - height):.2f}%" width="{wide:g}%" '
        f'height="{100 * height:.2f}%"/>'
        for place, (height, base) in enumerate(zip(heights, bases, strict=True))
        if height
    )
    return f'<g fill="{_fill(kind)}" opacity="0.8" shape-rendering="crispEdges">{bars}</g>'


def _swatch(kind: Kind) -> str:
    return f'<rect width="100%" height="100%" fill="{_fill(kind)}"/>'


def _fill(kind: Kind) -> str:
    return f"url(#{_named(kind)})" if kind.hatch else kind.colour


def _tile(kind: Kind) -> str:
    """What the area of a hatched kind is filled with."""
    if not kind.hatch:
        return ""
    ground = f'<rect width="6" height="6" fill="{kind.colour}"/>'
    marks = f'<path d="{TILES[kind.hatch]}" stroke="white" stroke-width="1" fill="none"/>'
    return f'<pattern id="{_named(kind)}" width="6" height="6" patternUnits="userSpaceOnUse">{ground}{marks}</pattern>'


def _named(kind: Kind) -> str:
    return f"hatch-{kind.colour[1:]}-{ord(kind.hatch)}"


def _svg_image(parts: Sequence[str], look: str, alt: str = "") -> str:
    """SVG as an image, which a page takes where it takes no SVG; its lengths in per cent are those of the image."""
    drawn = base64.b64encode(f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'.encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{drawn}" alt="{escape(alt)}" style="{look}">'
