"""Pictures of the page "Score an image": one strip for all detectors, and what a bend does to each."""

import base64
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import DASHES, INK, NORMAL, NOVEL, SERIES, Picture, number, scatter, strip, style

BEND_TITLES = {
    "rotate": "Rotation (degrees, counter-clockwise)",
    "blur": "Blur (standard deviation in pixels)",
    "noise": "Noise (standard deviation, share of black to white)",
    "occlude": "Occlusion (share of the area)",
    "brightness": "Brightness (added, share of black to white)",
}
PERCENTILE = "Held-out normal images that are less novel (%)"


@dataclass(frozen=True)
class Said:
    """What one detector says of one image.

    percentile, mark: of the image and of the threshold among held-out normal images, 0..100.  held_out: their number.
    """

    name: str
    score: float
    threshold: float
    percentile: float
    mark: float
    held_out: int

    @property
    def verdict(self) -> str:
        return "novel" if self.score > self.threshold else "normal"


def percentile_strips(said: Sequence[Said]) -> Picture:
    """A strip per detector (at least one): where the image and the threshold lie among held-out normal images."""
    figure = go.Figure()
    rows = np.arange(len(said))
    for name, colour, base, length in (
        ("called normal", NORMAL, [0.0] * len(said), [each.mark for each in said]),
        ("called novel", NOVEL, [each.mark for each in said], [100 - each.mark for each in said]),
    ):
        bar = {"color": colour, "opacity": 0.22, "line": {"width": 0}}
        figure.add_bar(
            y=rows,
            base=base,
            x=length,
            width=0.5,
            orientation="h",
            marker=bar,
            showlegend=False,
            hoverinfo="skip",
            name=name,
        )
    for row, each in enumerate(said):
        line = {"color": INK, "dash": "dash", "width": 2}
        figure.add_shape(type="line", x0=each.mark, x1=each.mark, y0=row - 0.36, y1=row + 0.36, line=line)
        figure.add_annotation(
            text=_words(each), x=1.01, xref="paper", y=row, xanchor="left", align="left", showarrow=False
        )
    for verdict, colour, symbol in (("normal", NORMAL, "circle"), ("novel", NOVEL, "diamond")):
        here = [row for row, each in enumerate(said) if each.verdict == verdict]
        figure.add_scatter(
            x=[said[row].percentile for row in here],
            y=here,
            mode="markers",
            name=f"the image, called {verdict} ({len(here)})",
            marker={"color": colour, "symbol": symbol, "size": 15, "line": {"color": "white", "width": 1.5}},
            customdata=[[escape(said[row].name), number(said[row].score), number(said[row].threshold)] for row in here],
            hovertemplate="%{customdata[0]}<br>more novel than %{x:.1f} % of held-out normal images"
            "<br>score %{customdata[1]}, threshold %{customdata[2]}<extra></extra>",
        )
    style(figure, "The image among normal ones; the dashed line is the threshold", PERCENTILE, "", 130 + 52 * len(said))
    _detector_rows(figure, [each.name for each in said])
    figure.update_layout(barmode="overlay", margin_r=190)
    table = {
        "detector": [each.name for each in said],
        "percentile": [each.percentile for each in said],
        "threshold percentile": [each.mark for each in said],
        "score": [each.score for each in said],
        "threshold": [each.threshold for each in said],
        "verdict": [each.verdict for each in said],
        "held-out normal images": [each.held_out for each in said],
    }
    return Picture(figure, table, _summary(said), "percentiles")


def _detector_rows(figure: go.Figure, names: Sequence[str]) -> None:
    """Rows from the top named after detectors, and the whole scale of percentiles."""
    labels = ["<br>".join(map(escape, textwrap.wrap(name, 30))) for name in names]
    figure.update_yaxes(
        tickvals=np.arange(len(names)), ticktext=labels, range=[len(names) - 0.5, -0.5], showgrid=False, zeroline=False
    )
    figure.update_xaxes(range=[-1, 101.5], tickvals=[0, 25, 50, 75, 100], zeroline=False)


def _words(said: Said) -> str:
    """Verdict, percentile and how far the score lies from the threshold, which the percentile no longer says at 100."""
    colour = {"normal": NORMAL, "novel": NOVEL}[said.verdict]
    far = (
        f"{number(said.score / said.threshold)} × its threshold"
        if said.threshold > 0
        else f"score {number(said.score)}"
    )
    return f'<b><span style="color:{colour}">{said.verdict}</span>, {_hundredths(said.percentile)}</b><br>{far}'


def _summary(said: Sequence[Said]) -> str:
    novel = sum(each.verdict == "novel" for each in said)
    most = max(said, key=lambda each: (each.percentile, each.score / abs(each.threshold or 1.0)))
    count = f"{novel} of {len(said)} detectors call it novel" if len(said) > 1 else f"It is called {most.verdict}"
    who = f"The most surprised is {most.name}" if len(said) > 1 else most.name
    share = f"{_hundredths(most.percentile)} % of its {most.held_out:,} held-out normal images are less novel"
    return f"{count}. {who}: {share}; its threshold lies at {_hundredths(most.mark)} %."


def _hundredths(percentile: float) -> str:
    """99.4 -> "99.4", 100.0 -> "100"."""
    return f"{percentile:.1f}".removesuffix(".0")


def batch(files: Sequence[str], said: Sequence[Sequence[Said]]) -> Picture:
    """Every file's percentile with every detector, a row of points per detector; the table is what the CSV holds.

    files: [N].  said: for each detector what it says of the N files.
    """
    figure = go.Figure()
    rng = np.random.default_rng(0)
    jitter = rng.uniform(-0.3, 0.3, len(files))
    table: dict[str, Sequence] = {"file": list(files)}
    for verdict, colour, symbol in (("normal", NORMAL, "circle"), ("novel", NOVEL, "diamond")):
        points = [
            (each.percentile, row + jitter[place], files[place])
            for row, detector in enumerate(said)
            for place, each in enumerate(detector)
            if each.verdict == verdict
        ]
        x, y, names = zip(*points, strict=True) if points else ((), (), ())
        figure.add_trace(
            scatter(
                x,
                y,
                mode="markers",
                name=f"called {verdict} ({len(points)})",
                marker={"color": colour, "symbol": symbol, "size": 8, "opacity": 0.75},
                customdata=[escape(name) for name in names],
                hovertemplate="%{customdata}: %{x:.1f}<extra></extra>",
            )
        )
    for row, detector in enumerate(said):
        line = {"color": INK, "dash": "dash", "width": 2}
        mark = detector[0].mark
        figure.add_shape(type="line", x0=mark, x1=mark, y0=row - 0.4, y1=row + 0.4, line=line)
        name = detector[0].name
        table[f"{name}: score"] = [each.score for each in detector]
        table[f"{name}: percentile"] = [each.percentile for each in detector]
        table[f"{name}: verdict"] = [each.verdict for each in detector]
    style(
        figure, "All files among normal images; the dashed line is the threshold", PERCENTILE, "", 130 + 52 * len(said)
    )
    _detector_rows(figure, [detector[0].name for detector in said])
    called = np.array([[each.verdict == "novel" for each in detector] for detector in said])  # [D, N]
    sentence = f"{called.any(0).sum():,} of {len(files):,} files are novel to at least one detector"
    sentence += f", {called.all(0).sum():,} to all of them." if len(said) > 1 else "."
    return Picture(figure, table, sentence, "batch")


def first_flip(strengths: NDArray[np.float64], novel: NDArray[np.bool_]) -> int | None:
    """Position of the weakest bend whose verdict differs from that without a bend, or None.

    strengths: [S], one of them nearest to 0.  novel: bool [S].
    """
    weakest_first = np.argsort(np.abs(strengths), kind="stable")
    flipped = novel[weakest_first] != novel[weakest_first[0]]
    return int(weakest_first[flipped.argmax()]) if flipped.any() else None


def bend_paths(knob: str, strengths: NDArray[np.float64], said: Sequence[Sequence[Said]], now: float) -> Picture:
    """Percentile against the strength of one bend, a line per detector; diamonds are novel; who flips first is told.

    strengths: [S], ascending.  said: for each detector what it says at the S strengths.  now: the page's own strength.
    """
    figure = go.Figure()
    names = [walk[0].name for walk in said]
    percentiles = np.array([[each.percentile for each in walk] for walk in said])  # [D, S]
    novel = np.array([[each.verdict == "novel" for each in walk] for walk in said])  # [D, S]
    flips = [first_flip(strengths, row) for row in novel]
    earliest = min((abs(strengths[flip]) for flip in flips if flip is not None), default=None)
    for order, (name, flip) in enumerate(zip(names, flips, strict=True)):
        colour, dash = SERIES[order % len(SERIES)], DASHES[order // len(SERIES) % len(DASHES)]
        symbol, size = np.where(novel[order], "diamond", "circle"), np.where(novel[order], 9, 5)
        figure.add_scatter(
            x=strengths,
            y=percentiles[order],
            mode="lines+markers",
            name=escape(name),
            line={"color": colour, "dash": dash, "width": 2.5},
            marker={"symbol": symbol, "size": size, "color": colour},
            customdata=np.where(novel[order], "novel", "normal"),
            hovertemplate="%{x:.3g}: %{y:.1f}, %{customdata}<extra>%{fullData.name}</extra>",
        )
        if flip is not None and abs(strengths[flip]) == earliest:
            place = {"x": strengths[flip], "y": percentiles[order, flip], "ax": 0, "ay": 36}
            figure.add_annotation(text="<b>flips first</b>", showarrow=True, arrowcolor=colour, arrowwidth=2, **place)
    figure.add_vline(x=now, line={"color": INK, "dash": "dot", "width": 1})
    title = "How much of this bend each detector bears (diamonds: called novel)"
    style(figure, title, BEND_TITLES[knob], "Less novel normal images (%)", 330 + 20 * len(said), max(2, len(said)))
    figure.update_yaxes(range=[-3, 104])
    figure.update_layout(showlegend=True)
    table = {
        "detector": np.repeat(names, len(strengths)),
        knob: np.tile(strengths, len(said)),
        "percentile": percentiles.ravel(),
        "novel": novel.ravel().astype(int),
    }
    return Picture(figure, table, _flips_in_words(strengths, names, flips, novel), f"bend-{knob}")


def _flips_in_words(
    strengths: NDArray[np.float64], names: Sequence[str], flips: Sequence[int | None], novel: NDArray[np.bool_]
) -> str:
    """Who changes its verdict first, at which strength, and who never does."""
    changing = [(abs(strengths[flip]), order, flip) for order, flip in enumerate(flips) if flip is not None]
    if not changing:
        verdict = "novel" if novel[0, 0] else "normal"
        who = f"{names[0]} says {verdict}" if len(names) == 1 else "Every detector keeps its verdict"
        return f"{who} all the way from {strengths[0]:g} to {strengths[-1]:g}."
    earliest = min(changing)[0]
    first = [(order, flip) for strength, order, flip in changing if strength == earliest]
    who = " and ".join(names[order] for order, _ in first)
    verdict = "novel" if novel[first[0]] else "normal"
    sentence = f"The first to change the verdict is {who}, which says {verdict} at {strengths[first[0][1]]:.3g}."
    steady = [name for name, flip in zip(names, flips, strict=True) if flip is None]
    return sentence + (f" {' and '.join(steady)} never does." if steady else "")


def nearest_in_words(name: str, searched: int, of: int) -> str:
    """What the nearest images are. searched, of: how many training images were looked through, and of how many."""
    through = f"the {of:,} training images" if searched == of else f"{searched:,} of the {of:,} training images"
    return f"The nearest in pixels among {through} of {name}; the distance is Euclidean, values from 0 to 1."


def sample_sheet(images: NDArray[np.uint8], index: Sequence[int], labels: Sequence[str]) -> Picture:
    """A row of images to click; the one that was clicked is framed.

    images: uint8 [N, C, H, W].  index: [N], what a click gives as `customdata`.  labels: N texts below them.
    """
    count, side = len(images), max(images.shape[2:])
    factor, gap = max(1, 64 // side), 4
    cell = (images.shape[3] * factor + gap, images.shape[2] * factor + gap)
    png = base64.b64encode(strip(images, factor=factor, gap=gap)).decode()
    figure = go.Figure()
    share = cell[0] / cell[1]  # one row of unit height; a cell is `share` wide
    width = count * share
    figure.add_layout_image(
        source=f"data:image/png;base64,{png}",
        xref="x",
        yref="y",
        x=0,
        y=1,
        sizex=width,
        sizey=1,
        sizing="stretch",
        layer="below",
    )
    middles = (np.arange(count) + 0.5) * share - 0.03
    hidden, framed = {"marker": {"opacity": 0}}, {"marker": {"opacity": 1, "color": NOVEL}}
    figure.add_scatter(
        x=middles,
        y=np.full(count, 0.5),
        mode="markers+text",
        text=[escape(label) for label in labels],
        textposition="bottom center",
        marker={"symbol": "square-open", "size": 66, "line": {"width": 3}, "opacity": 0},
        selected=framed,
        unselected=hidden,
        customdata=np.asarray(index),
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    style(figure, "", "", "", 110)
    figure.update_xaxes(visible=False, range=[0, width], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-0.4, 1], fixedrange=True, scaleanchor="x", constrain="domain")
    figure.update_layout(margin={"l": 0, "r": 0, "t": 0, "b": 0}, dragmode=False)
    return Picture(figure, {"image": list(index), "label": list(labels)}, "Click an image to score it.", "samples")


def mixture(novel: NDArray[np.uint8], count: int, seed: int) -> NDArray[np.intp]:
    """Positions of `count` test images at most, half of them novel where there are enough, in seeded order.

    novel: [T], 1 = novel.
    """
    rng = np.random.default_rng(seed)
    some = rng.permutation(np.flatnonzero(novel == 1))[: count // 2]
    others = rng.permutation(np.flatnonzero(novel == 0))[: count - len(some)]
    return rng.permutation(np.concatenate([some, others]))
