"""Pictures of where two methods disagree: one's percentiles against the other's, in four quadrants."""

import math
from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import INK, Kinds, Picture, scatter, style, wrapped
from core.figures.pages.compare_lines import Entrant


def quadrants(a: Entrant, b: Entrant) -> dict[str, NDArray[np.bool_]]:
    """Which test images both call novel, only one of them, or neither: four masks [T]."""
    return {
        "only a": a.called & ~b.called,
        "only b": ~a.called & b.called,
        "both": a.called & b.called,
        "neither": ~a.called & ~b.called,
    }


def disagreement(a: Entrant, b: Entrant, kinds: Kinds, classes: NDArray[np.str_], picked: int | None = None) -> Picture:
    """Two methods' percentiles as axes, a point per test image, the four quadrants counted; `customdata` is the image.

    kinds: of the T images.  classes: [T], hidden.  picked: an image to ring.  Both axes are stretched towards 100,
    where the novel images are; those beyond all normal images are spread a little, so that they can be seen.
    """
    spread = np.random.default_rng(0).uniform(0, 0.16, (2, len(kinds)))
    x, y = (_stretched(each.percentiles, len(each.normal)) for each in (a, b))
    x, y = x + spread[0] * (a.percentiles == 100), y + spread[1] * (b.percentiles == 100)
    figure = go.Figure()
    for kind, of in kinds:
        told = [
            f"{kind.label}, class {escape(c)}<br>{p:.1f} and {q:.1f}"
            for c, p, q in zip(classes[of], a.percentiles[of], b.percentiles[of], strict=True)
        ]
        figure.add_trace(
            scatter(
                x[of],
                y[of],
                mode="markers",
                name=f"{kind.label} ({int(of.sum()):,})",
                marker={"color": kind.colour, "symbol": kind.symbol, "size": 6, "opacity": 0.6},
                customdata=np.flatnonzero(of),
                text=told,
                hovertemplate="%{text}<extra></extra>",
            )
        )
    if picked is not None:
        ring = {"symbol": "circle-open", "size": 16, "color": INK, "line": {"width": 2}}
        figure.add_scatter(
            x=[x[picked]], y=[y[picked]], mode="markers", marker=ring, showlegend=False, hoverinfo="skip"
        )
    mark = {axis: _mark(each) for axis, each in (("x", a), ("y", b))}
    figure.add_vline(mark["x"], line={"color": INK, "dash": "dash", "width": 2})
    figure.add_hline(mark["y"], line={"color": INK, "dash": "dash", "width": 2})
    _count_quadrants(figure, a, b, kinds)
    style(
        figure,
        "Percentile among normal images, one method against the other",
        f"{a.name}: percentile",
        f"{b.name}: percentile",
        560,
    )
    legend_rows = math.ceil(len(kinds.counts) / 2) if kinds.several else 1
    figure.update_layout(margin={"t": 84 + 20 * legend_rows, "b": 96})  # for the counts of the quadrants
    for axis, each in ((figure.update_xaxes, a), (figure.update_yaxes, b)):
        shown = [tick for tick in (0, 50, 80, 90, 95, 98, 99, 99.8) if 100 - tick > 150 / len(each.normal)]
        top = float(_stretched(np.array([100.0]), len(each.normal))[0])
        at = [*_stretched(np.array(shown, float), len(each.normal)), top]
        axis(tickvals=at, ticktext=[*map(str, shown), "100"], tickangle=0, range=[-0.08, top + 0.24], zeroline=False)
    table: dict[str, Sequence | NDArray] = {
        "image": np.arange(len(kinds)),
        **kinds.columns,
        "class": classes,
        a.name: a.percentiles,
        b.name: b.percentiles,
    }
    return Picture(figure, table, _who_catches(a, b, kinds, classes), "disagreement")


def _mark(entrant: Entrant) -> float:
    """Where the threshold lies on a stretched axis: between the images that it accepts and those that it rejects."""
    count = len(entrant.normal)
    accepted = np.count_nonzero(entrant.normal <= entrant.threshold) - 0.25  # an image on the threshold has half less
    return float(_stretched(np.array([100 * accepted / count]), count)[0])


def _count_quadrants(figure: go.Figure, a: Entrant, b: Entrant, kinds: Kinds) -> None:
    """What lies in each quadrant, written above and below the plot, clear of its points."""
    masks = quadrants(a, b)
    titles = {
        "neither": "neither says novel",
        "only a": f"only {a.name}",
        "only b": f"only {b.name}",
        "both": "both say novel",
    }
    for name, side, top in (("neither", 0, False), ("only a", 1, False), ("only b", 0, True), ("both", 1, True)):
        counted = np.bincount(kinds.novel[masks[name]], minlength=2)
        text = f"<b>{wrapped(titles[name], 34)}</b><br>{counted[1]:,} novel, {counted[0]:,} normal"
        height = {"y": 1, "yanchor": "bottom"} if top else {"y": 0, "yanchor": "top", "yshift": -48}
        place = {"x": side, "xanchor": ("left", "right")[side], "xref": "paper", "yref": "paper"}
        figure.add_annotation(text=text, align=place["xanchor"], showarrow=False, **place, **height)


def _stretched(percentiles: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Decades of normal images that are more novel: 0 -> 0, 90 -> 1, 99 -> 2; 100 is half of one of `count` away."""
    return -np.log10(np.maximum(100 - percentiles, 50 / count) / 100)


def _who_catches(a: Entrant, b: Entrant, kinds: Kinds, classes: NDArray[np.str_]) -> str:
    """ "Only A catches 41 of 183 novel images; most are class 5.": for whichever of the two catches more alone."""
    masks, novel = quadrants(a, b), kinds.novel
    alone = {each.name: masks[name] & novel for each, name in ((a, "only a"), (b, "only b"))}
    more, less = sorted(alone, key=lambda name: -int(alone[name].sum()))
    sentence = f"Only {more} catches {int(alone[more].sum()):,} of {int(novel.sum()):,} novel images"
    sentence += kinds.by_name(alone[more])
    names, counts = np.unique(classes[alone[more]], return_counts=True)
    if len(np.unique(classes[novel])) > 1 and len(names) and not kinds.several:
        how_many = "all" if len(names) == 1 else "most" if 2 * counts.max() > counts.sum() else f"{counts.max()}"
        sentence += f"; {how_many} are class {names[counts.argmax()]}"
    return f"{sentence}. Only {less} catches {int(alone[less].sum()):,}."
