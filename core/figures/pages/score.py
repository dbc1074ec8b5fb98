"""Pictures of the page "Score an image": one strip for all detectors, and what a bend does to each."""

import base64
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import (
    DASHES,
    INK,
    NORMAL,
    NOVEL,
    SERIES,
    Kinds,
    Picture,
    lay_out,
    number,
    scatter,
    strip,
    style,
    wrapped,
)

BEND_TITLES = {
    "rotate": "Rotation (degrees, counter-clockwise)",
    "blur": "Blur (standard deviation in pixels)",
    "noise": "Noise (standard deviation, share of black to white)",
    "occlude": "Occlusion (share of the area)",
    "brightness": "Brightness (added, share of black to white)",
}
GAP = 6  # between samples, in pixels of their picture
NOVEL_TO = "detectors that call it novel"
PROBLEM = "why it can't be read"
PERCENTILE = "Held-out normal images that are less novel (%)"
LOOKS = {"novel": ("◆", NOVEL), "normal": ("●", NORMAL)}  # symbol and colour of a verdict


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

    @property
    def over(self) -> float:
        """The score in thresholds, above 1 where it is novel; less the threshold, above 0, where that isn't positive.

        It orders images where their percentiles are all 100.
        """
        return self.score / self.threshold if self.threshold > 0 else self.score - self.threshold


def percentile_strips(said: Sequence[Said]) -> Picture:
    """A strip per detector (at least one): where the image and the threshold lie among held-out normal images."""
    figure = go.Figure()
    _bands(figure, [each.mark for each in said])
    # Two texts a row, not one of two lines: the DOM would run the lines' words together.
    beside = {"x": 1.01, "xref": "paper", "xanchor": "left", "showarrow": False}
    texts = [
        beside | {"text": text, "y": row, "yanchor": side}
        for row, each in enumerate(said)
        for text, side in ((_verdict(each), "bottom"), (_distance(each), "top"))
    ]
    for verdict, colour, symbol in (("normal", NORMAL, "circle"), ("novel", NOVEL, "diamond")):
        here = [row for row, each in enumerate(said) if each.verdict == verdict]
        figure.add_scatter(
            x=[said[row].percentile for row in here],
            y=here,
            mode="markers",
            showlegend=False,
            marker={"color": colour, "symbol": symbol, "size": 15, "line": {"color": "white", "width": 1.5}},
            customdata=[[escape(said[row].name), number(said[row].score), number(said[row].threshold)] for row in here],
            hovertemplate="%{customdata[0]}<br>more novel than %{x:.1f} % of held-out normal images"
            "<br>score %{customdata[1]}, threshold %{customdata[2]}<extra></extra>",
        )
    style(
        figure, "The image among normal ones; the dashed line is the threshold", PERCENTILE, "", 92 + 46 * len(said), 0
    )
    _detector_rows(figure, [each.name for each in said])
    lay_out(figure, {}, {}, {"margin.r": 190})
    figure.layout.annotations = texts
    table: dict[str, Sequence] = {
        "detector": [each.name for each in said],
        "percentile": [each.percentile for each in said],
        "threshold percentile": [each.mark for each in said],
        "score": [each.score for each in said],
        "threshold": [each.threshold for each in said],
        "verdict": [each.verdict for each in said],
        "held-out normal images": [each.held_out for each in said],
    }
    return Picture(figure, table, _summary(said), "percentiles")


def _bands(figure: go.Figure, marks: Sequence[float]) -> None:
    """A bar for each row, one part left of the threshold and one right of it, and the threshold dashed."""
    below, above = np.asarray(marks), 100 - np.asarray(marks)
    for name, colour, base, length in (("normal", NORMAL, 0 * below, below), ("novel", NOVEL, below, above)):
        marker = {"color": colour, "opacity": 0.3, "line": {"width": 0}}
        hidden = {"showlegend": False, "hoverinfo": "skip", "name": f"called {name}"}
        figure.add_bar(
            y=np.arange(len(marks)), base=base, x=length, width=0.5, orientation="h", marker=marker, **hidden
        )
    line = {"type": "line", "line": {"color": INK, "dash": "5px,3px", "width": 2}}
    lines = [line | {"x0": mark, "x1": mark, "y0": row - 0.36, "y1": row + 0.36} for row, mark in enumerate(marks)]
    lay_out(figure, {}, {}, {"barmode": "overlay"})
    figure.layout.shapes = lines


def _detector_rows(figure: go.Figure, names: Sequence[str]) -> None:
    """Rows from the top named after detectors, and the whole scale of percentiles."""
    # A row has room for two lines; the hover text has the whole name.
    wrapped = (textwrap.wrap(name, 42, max_lines=2, placeholder=" …") for name in names)
    labels = ["<br>".join(map(escape, lines)) for lines in wrapped]
    rows = {"tickvals": np.arange(len(names)), "ticktext": labels, "range": [len(names) - 0.5, -0.5]}
    share = {"range": [-1, 101.5], "tickvals": [0, 25, 50, 75, 100], "zeroline": False}
    lay_out(figure, share, rows | {"showgrid": False, "zeroline": False})


def verdict(said: Sequence[Said]) -> str:
    """What is read first, as HTML: novel, normal, or to how many detectors it is either, each in its colour."""
    parts = []
    for name, (symbol, colour) in LOOKS.items():
        count = sum(each.verdict == name for each in said)
        to = (
            f" to {count}"
            if 0 < count < len(said)
            else " to both detectors"
            if len(said) == 2
            else f" to all {count} detectors"
        )
        to = "" if len(said) == 1 else to
        if count:
            parts.append(f'<span style="color:{colour}">{symbol}</span> {name}{to}')
    text = ", ".join(parts)
    opens = text.index("</span> ") + len("</span> ")
    return text[:opens] + text[opens].upper() + text[opens + 1 :]


def contradictions(name: str, novel: Mapping[str, bool]) -> str:
    """A sentence where scores of one detector disagree on an image, else nothing.

    name: of the detector.  novel: by the title of each score whether the image lies above its threshold.
    """
    by = {verdict: [title for title, above in novel.items() if above == verdict] for verdict in (True, False)}
    if not (by[True] and by[False]):
        return ""
    return f"{name} contradicts itself: novel by {_listed(by[True])}, normal by {_listed(by[False])}."


def verdicts_in_words(said: Sequence[Said]) -> str:
    """What the strips show of each detector, for those who hear them: verdict, percentile, distance from threshold."""
    rows = (
        f"{each.name}: {each.verdict}, percentile {_hundredths(each.percentile)}, {_distance(each)}" for each in said
    )
    return "; ".join(rows) + "."


def _verdict(said: Said) -> str:
    symbol, colour = LOOKS[said.verdict]
    return f'<span style="color:{colour}">{symbol}</span> <b>{said.verdict}, {_hundredths(said.percentile)}</b>'


def _distance(said: Said) -> str:
    """How far the score lies from the threshold, which the percentile no longer says at 100."""
    ratio = said.threshold > 0 and said.score >= 0
    return f"{number(said.score / said.threshold)} × its threshold" if ratio else f"score {number(said.score)}"


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


def batch(files: Sequence[str], said: Sequence[Sequence[Said]], broken: Mapping[str, str] | None = None) -> Picture:
    """Every file's percentile with every detector, a row of points per detector; the table is what the CSV holds.

    files: [N].  said: for each detector what it says of the N files.  broken: further files, each with the sentence
    that says why it can't be read; they stand at the table's end.
    """
    broken = broken or {}
    figure = go.Figure()
    _bands(figure, [detector[0].mark for detector in said])
    spread = np.random.default_rng(0).uniform(-0.2, 0.2, len(files))
    for verdict, (symbol, colour) in (("normal", ("circle", NORMAL)), ("novel", ("diamond", NOVEL))):
        places = [
            (row, place)
            for row, detector in enumerate(said)
            for place, each in enumerate(detector)
            if each.verdict == verdict
        ]
        figure.add_trace(
            scatter(
                [said[row][place].percentile for row, place in places],
                [row + spread[place] for row, place in places],
                mode="markers",
                name=f"called {verdict} ({len(places):,})",
                marker={"color": colour, "symbol": symbol, "size": 8, "opacity": 0.75},
                text=[escape(files[place]) for _, place in places],
                hovertemplate="%{text}: %{x:.1f}<extra></extra>",
            )
        )
    style(
        figure, "All files among normal images; the dashed line is the threshold", PERCENTILE, "", 112 + 46 * len(said)
    )
    _detector_rows(figure, [detector[0].name for detector in said])
    novel = np.array([[each.verdict == "novel" for each in detector] for detector in said])  # [D, N]
    nothing = [None] * len(broken)
    table: dict[str, Sequence] = {"file": [*files, *broken], NOVEL_TO: [*novel.sum(0).tolist(), *nothing]}
    for detector in said:
        name = detector[0].name
        table[name] = [*(each.percentile for each in detector), *nothing]
        table[f"{name}, {_over(detector[0])}"] = [*(each.over for each in detector), *nothing]
        table[f"{name}, score"] = [*(each.score for each in detector), *nothing]
        table[f"{name}, verdict"] = [*(each.verdict for each in detector), *nothing]
    if broken:
        table[PROBLEM] = [*[None] * len(files), *broken.values()]
    sentence = f"{novel.any(0).sum():,} of {len(files):,} files are novel to at least one detector"
    sentence += f", {novel.all(0).sum():,} to all of them." if len(said) > 1 else "."
    sentence += f" {len(broken):,} can't be read." if broken else ""
    return Picture(figure, table, sentence, "batch")


def _over(said: Said) -> str:
    return "score over threshold" if said.threshold > 0 else "score less threshold"


def batch_overview(batch: Picture) -> dict[str, Sequence | NDArray]:
    """The columns of a batch that are read at a glance.

    They are the file, how many detectors call it novel, and for each its percentile and the score over its threshold.
    """
    return {name: column for name, column in batch.table.items() if not name.endswith((", score", ", verdict"))}


def thumbnail_url(image: NDArray[np.uint8], side: int = 56) -> str:
    """uint8 [C, H, W] as the data URL of a PNG with hard pixels, about `side` pixels wide and high."""
    step = max(1, -(-max(image.shape[1:]) // side))
    small = image[:, ::step, ::step]
    png = strip(small[None], factor=max(1, side // max(small.shape[1:])))
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def first_flip(strengths: NDArray[np.float64], novel: NDArray[np.bool_]) -> int | None:
    """Position of the weakest bend whose verdict differs from that without a bend, or None.

    strengths: [S], one of them nearest to 0.  novel: bool [S].
    """
    weakest_first = np.lexsort((strengths < 0, np.abs(strengths)))
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
    firsts = [None if flip is None or abs(strengths[flip]) != earliest else flip for flip in flips]
    lowest: dict[float, float] = {}  # of the detectors that flip first, the lowest percentile at each strength
    for order, (name, first) in enumerate(zip(names, firsts, strict=True)):
        colour, dash = SERIES[order % len(SERIES)], DASHES[order // len(SERIES) % len(DASHES)]
        symbol, size = np.where(novel[order], "diamond", "circle"), np.where(novel[order], 9, 5)
        figure.add_scatter(
            x=strengths,
            y=percentiles[order],
            mode="lines+markers",
            name=escape(name) + ("" if first is None else ", <b>flips first</b>"),
            line={"color": colour, "dash": dash, "width": 2.5},
            marker={"symbol": symbol, "size": size, "color": colour},
            customdata=np.where(novel[order], "novel", "normal"),
            hovertemplate="%{x:.3g}: %{y:.1f}, %{customdata}<extra>%{fullData.name}</extra>",
        )
        if first is not None:
            strength = float(strengths[first])
            lowest[strength] = min(float(percentiles[order, first]), lowest.get(strength, 100.0))
    for strength, percentile in lowest.items():  # one arrow where several flip together: their words would overlap
        arrow = {"showarrow": True, "arrowcolor": INK, "arrowwidth": 2, "ax": 0, "ay": 36}
        figure.add_annotation(text="<b>flips first</b>", x=strength, y=percentile, **arrow)
    figure.add_vline(x=now, line={"color": INK, "dash": "dot", "width": 1})
    title = "How much of this bend each detector bears (diamonds: called novel)"
    style(figure, title, BEND_TITLES[knob], "Less novel normal images (%)", 330 + 20 * len(said), max(2, len(said)))
    figure.update_yaxes(range=[-3, 104])
    figure.update_xaxes(range=[strengths[0], strengths[-1]])
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
    verdicts = {(strengths[flip], bool(novel[order, flip])) for order, flip in first}
    strength, called = next(iter(verdicts))
    alone = len(first) == 1
    how = f"{'says' if alone else 'say'} {'novel' if called else 'normal'} at {strength:.3g}"
    if len(verdicts) > 1:  # at both signs of a strength, or one to novel and another to normal
        how = f"change at a strength of {earliest:.3g}"
    sentence = f"The first to change the verdict {'is' if alone else 'are'} {_listed([names[o] for o, _ in first])}"
    sentence += f", which {how}."
    steady = [name for name, flip in zip(names, flips, strict=True) if flip is None]
    return sentence + (f" {_listed(steady)} never {'does' if len(steady) == 1 else 'do'}." if steady else "")


def _listed(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def nearest_in_words(name: str, searched: int, of: int) -> str:
    """What the nearest images are. searched, of: how many training images were looked through, and of how many."""
    return (
        f"The nearest in pixels among {_among(searched, of)} of {name}; the distance is Euclidean, values from 0 to 1."
    )


def nearest_embedded_in_words(name: str, searched: int, of: int) -> str:
    """The same of the nearest in a detector's embedding.  name: of the detector."""
    return f"The nearest in the embedding that {name} makes, among {_among(searched, of)}; Euclidean distance there."


def _among(searched: int, of: int) -> str:
    return f"the {of:,} training images" if searched == of else f"{searched:,} of the {of:,} training images"


def sample_sheet(
    images: NDArray[np.uint8], kinds: Kinds, index: Sequence[int], labels: Sequence[str], picked: int
) -> Picture:
    """A row of images to click; the picked one is framed.

    images: uint8 [N, C, H, W].  kinds: of these N, whose colours the labels take where there are several of novel
    images.  index: [N], what a click gives as `customdata`.  labels: N texts below them.
    picked: one of the index, or any other number for none.
    """
    count, (height, width) = len(images), images.shape[2:]
    factor = max(1, 64 // height)
    png = base64.b64encode(strip(images, factor=factor, gap=GAP)).decode()
    share, gap = width / height, GAP / (factor * height)  # an image is one unit high
    middles = np.arange(count) * (share + gap) + share / 2
    figure = go.Figure()
    box = {
        "x": 0,
        "y": 1,
        "sizex": middles[-1] + share / 2,
        "sizey": 1,
        "sizing": "stretch",
        "xref": "x",
        "yref": "y",
    }
    figure.add_layout_image(source=f"data:image/png;base64,{png}", layer="below", **box)
    figure.add_scatter(
        x=middles,
        y=np.full(count, 0.5),
        mode="markers",
        marker={"symbol": "square", "size": 60, "opacity": 0},
        text=[escape(label) for label in labels],
        customdata=np.asarray(index),
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    for at, (middle, place, label) in enumerate(zip(middles, index, labels, strict=True)):
        shown = escape(label)
        if kinds.several:
            shown = f'<span style="color:{kinds.kind(at).colour}">{wrapped(label, 10)}</span>'
        if place == picked:
            shown = f"<b>{shown}</b>"
        figure.add_annotation(text=shown, x=middle, y=0, yanchor="top", showarrow=False)
        if place == picked:
            sides = {"x0": middle - share / 2, "x1": middle + share / 2, "y0": 0, "y1": 1}
            figure.add_shape(type="rect", line={"color": SERIES[1], "width": 4}, **sides)
    style(figure, "", "", "", 100)
    figure.update_xaxes(visible=False, range=[-0.03, middles[-1] + share / 2 + 0.03], fixedrange=True)
    figure.update_yaxes(
        visible=False,
        range=[-0.6 if kinds.several else -0.35, 1.03],
        fixedrange=True,
        scaleanchor="x",
        constrain="domain",
    )
    figure.update_layout(margin={"l": 0, "r": 0, "t": 0, "b": 0}, dragmode=False)
    return Picture(figure, {"image": list(index), "label": list(labels)}, "Click an image to score it.", "samples")


def mixture(kinds: Kinds, count: int, seed: int) -> NDArray[np.intp]:
    """Positions of `count` test images at most, half of them novel where there are enough, in seeded order.

    Kinds of novel images take turns, so that each has its share.
    """
    rng = np.random.default_rng(seed)
    some = kinds.by_turns(rng.permutation(np.flatnonzero(kinds.novel)))[: count // 2]
    others = rng.permutation(np.flatnonzero(~kinds.novel))[: count - len(some)]
    return rng.permutation(np.concatenate([some, others]))
