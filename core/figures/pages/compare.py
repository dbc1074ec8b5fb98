"""Pictures of the page "Compare": methods on the same test images, side by side, and where they disagree."""

import textwrap
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core import evaluation
from core.figures import (
    AMOUNTS,
    CONTROL,
    DIFFERENCES,
    INK,
    NORMAL,
    NOVEL,
    SERIES,
    Picture,
    percent,
    scatter,
    style,
)
from core.figures.pages.compare_lines import Entrant, Line, Metric, best, duration, signed

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "hexagon")
SHORTEST = 0.05  # seconds, so that every training has a place on a logarithmic axis
MEASURES = {"auroc": "AUROC of each class", "called": "Share called novel"}


# --- score distributions --------------------------------------------------------------------------------------------


def ridges(lines: Sequence[Line], novel: NDArray[np.uint8], height: int = 400) -> Picture:
    """A ridge per line: how the standardised scores of normal and novel test images lie about the threshold, at 1.

    novel: [T].  Scores beyond the axis are counted in its outermost bar.
    """
    scores = [np.concatenate([each.standard for each in line.members]) for line in lines]
    kinds = [np.tile(novel.astype(bool), len(line.members)) for line in lines]
    everything = np.concatenate(scores)
    low = float(np.clip(np.quantile(everything, 0.005), -4, -0.5))
    farthest = max(np.quantile(values[kind], 0.8) for values, kind in zip(scores, kinds, strict=True))
    high = float(np.clip(farthest, 2, 8))
    edges = np.linspace(low, high, 61)
    middles = (edges[:-1] + edges[1:]) / 2
    figure = go.Figure()
    table: dict[str, list] = {"method": [], "from": [], "to": [], "normal": [], "novel": []}
    for row, (line, values, is_novel) in enumerate(zip(lines, scores, kinds, strict=True)):
        base = float(len(lines) - 1 - row)
        table["method"] += [line.name] * len(middles)
        table["from"] += edges[:-1].tolist()
        table["to"] += edges[1:].tolist()
        for name, of, colour, dash in (("normal", ~is_novel, NORMAL, "solid"), ("novel", is_novel, NOVEL, "dot")):
            counts = np.histogram(np.clip(values[of], low, high), edges)[0]
            table[name] += counts.tolist()
            heights = base + 0.85 * counts / max(counts.max(), 1)
            figure.add_scatter(
                x=np.concatenate([[low], middles, [high]]).astype(np.float32),
                y=np.concatenate([[base], heights, [base]]).astype(np.float32),
                mode="lines",
                line={"color": colour, "width": 1.5, "dash": dash, "shape": "hvh"},
                fill="toself",
                fillcolor=_translucent(colour),
                fillpattern={"shape": "/" if name == "novel" else "", "size": 6, "solidity": 0.25, "fgcolor": colour},
                name=f"{name} ({int(of.sum() / len(line.members)):,})",
                legendgroup=name,
                showlegend=row == 0,
                hoverinfo="skip",
            )
    figure.add_vline(x=1, line={"color": INK, "dash": "dash", "width": 2})
    style(figure, "Scores of normal and novel images", "Standardised score: 0 median normal, 1 threshold", "", height)
    ticks = [tick for tick in range(-4, 9) if low < tick < high - 0.3]
    more = {"text": "more →", "x": 1, "y": 0, "xref": "paper", "yref": "paper", "yanchor": "top", "xanchor": "right"}
    figure.add_annotation(showarrow=False, yshift=-2, **more)
    figure.update_xaxes(range=[low, high], tickvals=ticks, zeroline=False)
    figure.update_yaxes(
        tickvals=np.arange(len(lines))[::-1],
        ticktext=[wrapped(line.name, 18) for line in lines],
        range=[-0.08, len(lines) - 0.05],
        ticklabelposition="outside top",
        showgrid=False,
        zeroline=False,
    )
    caught = {line.name: float(np.mean([each.called[novel == 1].mean() for each in line.members])) for line in lines}
    top = max(caught, key=caught.__getitem__)
    sentence = f"Right of its threshold {top} has {percent(caught[top])} of the novel images"
    if len(caught) > 1:
        least = min(caught, key=caught.__getitem__)
        sentence += f", {least} {percent(caught[least])}"
    return Picture(figure, table, f"{sentence}; each ridge is as high as its fullest bar.", "score-distributions")


def _translucent(colour: str, opacity: float = 0.3) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def wrapped(name: str, width: int) -> str:
    """A name on several lines of about `width` letters, safe in a figure."""
    return "<br>".join(map(escape, textwrap.wrap(name, width)))


# --- disagreement ---------------------------------------------------------------------------------------------------


def quadrants(a: Entrant, b: Entrant) -> dict[str, NDArray[np.bool_]]:
    """Which test images both call novel, only one of them, or neither: four masks [T]."""
    return {
        "only a": a.called & ~b.called,
        "only b": ~a.called & b.called,
        "both": a.called & b.called,
        "neither": ~a.called & ~b.called,
    }


def disagreement(
    a: Entrant, b: Entrant, novel: NDArray[np.uint8], classes: NDArray[np.str_], picked: int | None = None
) -> Picture:
    """Two methods' percentiles as axes, a point per test image, the four quadrants counted; `customdata` is the image.

    novel: [T].  classes: [T], hidden.  picked: an image to ring.  Both axes are stretched towards 100, where the novel
    images are; those beyond all normal images are spread a little, so that they can be seen.
    """
    spread = np.random.default_rng(0).uniform(0, 0.16, (2, len(novel)))
    x, y = (_stretched(each.percentiles, len(each.normal)) for each in (a, b))
    x, y = x + spread[0] * (a.percentiles == 100), y + spread[1] * (b.percentiles == 100)
    figure = go.Figure()
    for name, of, colour, symbol in (("normal", novel == 0, NORMAL, "circle"), ("novel", novel == 1, NOVEL, "diamond")):
        told = [
            f"{name}, class {escape(c)}<br>{p:.1f} and {q:.1f}"
            for c, p, q in zip(classes[of], a.percentiles[of], b.percentiles[of], strict=True)
        ]
        figure.add_trace(
            scatter(
                x[of],
                y[of],
                mode="markers",
                name=f"{name} ({int(of.sum()):,})",
                marker={"color": colour, "symbol": symbol, "size": 6, "opacity": 0.6},
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
    _count_quadrants(figure, a, b, novel)
    style(
        figure,
        "Percentile among normal images, one method against the other",
        f"{a.name}: percentile",
        f"{b.name}: percentile",
        560,
    )
    figure.update_layout(margin={"t": 104, "b": 96})  # for the counts of the quadrants
    for axis, each in ((figure.update_xaxes, a), (figure.update_yaxes, b)):
        shown = [tick for tick in (0, 50, 80, 90, 95, 98, 99, 99.8) if 100 - tick > 150 / len(each.normal)]
        top = float(_stretched(np.array([100.0]), len(each.normal))[0])
        at = [*_stretched(np.array(shown, float), len(each.normal)), top]
        axis(tickvals=at, ticktext=[*map(str, shown), "100"], tickangle=0, range=[-0.08, top + 0.24], zeroline=False)
    table: dict[str, Sequence | NDArray] = {
        "image": np.arange(len(novel)),
        "novel": novel,
        "class": classes,
        a.name: a.percentiles,
        b.name: b.percentiles,
    }
    return Picture(figure, table, _who_catches(a, b, novel, classes), "disagreement")


def _mark(entrant: Entrant) -> float:
    """Where the threshold lies on a stretched axis: between the images that it accepts and those that it rejects."""
    count = len(entrant.normal)
    accepted = np.count_nonzero(entrant.normal <= entrant.threshold) - 0.25  # an image on the threshold has half less
    return float(_stretched(np.array([100 * accepted / count]), count)[0])


def _count_quadrants(figure: go.Figure, a: Entrant, b: Entrant, novel: NDArray[np.uint8]) -> None:
    """What lies in each quadrant, written above and below the plot, clear of its points."""
    masks = quadrants(a, b)
    titles = {
        "neither": "neither says novel",
        "only a": f"only {a.name}",
        "only b": f"only {b.name}",
        "both": "both say novel",
    }
    for name, side, top in (("neither", 0, False), ("only a", 1, False), ("only b", 0, True), ("both", 1, True)):
        counted = np.bincount(novel[masks[name]], minlength=2)
        text = f"<b>{wrapped(titles[name], 34)}</b><br>{counted[1]:,} novel, {counted[0]:,} normal"
        height = {"y": 1, "yanchor": "bottom"} if top else {"y": 0, "yanchor": "top", "yshift": -48}
        place = {"x": side, "xanchor": ("left", "right")[side], "xref": "paper", "yref": "paper"}
        figure.add_annotation(text=text, align=place["xanchor"], showarrow=False, **place, **height)


def _stretched(percentiles: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Decades of normal images that are more novel: 0 -> 0, 90 -> 1, 99 -> 2; 100 is half of one of `count` away."""
    return -np.log10(np.maximum(100 - percentiles, 50 / count) / 100)


def _who_catches(a: Entrant, b: Entrant, novel: NDArray[np.uint8], classes: NDArray[np.str_]) -> str:
    """ "Only A catches 41 of 183 novel images; most are class 5.": for whichever of the two catches more alone."""
    masks = quadrants(a, b)
    alone = {each.name: masks[name] & (novel == 1) for each, name in ((a, "only a"), (b, "only b"))}
    more, less = sorted(alone, key=lambda name: -int(alone[name].sum()))
    sentence = f"Only {more} catches {int(alone[more].sum()):,} of {int(novel.sum()):,} novel images"
    names, counts = np.unique(classes[alone[more]], return_counts=True)
    if len(np.unique(classes[novel == 1])) > 1 and len(names):
        how_many = "all" if len(names) == 1 else "most" if 2 * counts.max() > counts.sum() else f"{counts.max()}"
        sentence += f"; {how_many} are class {names[counts.argmax()]}"
    return f"{sentence}. Only {less} catches {int(alone[less].sum()):,}."


# --- class by method ------------------------------------------------------------------------------------------------


def by_class(
    entrants: Sequence[Entrant], novel: NDArray[np.uint8], classes: NDArray[np.str_], measure: str = "auroc"
) -> Picture:
    """A heat map, entrants by hidden classes: novel classes first, then the normal ones.

    measure: "auroc" of a novel class against all normal images, or of all novel images against a normal class; or
    "called", the share called novel: to be high left of the line, low right of it.
    """
    sides = [np.unique(classes[novel == kind]) for kind in (1, 0)]
    of = [((classes == name) & (novel == kind)) for kind, side in zip((1, 0), sides, strict=True) for name in side]
    names = [f"{word} {name}" for word, side in zip(("novel", "normal"), sides, strict=True) for name in side]
    per_image = [
        _placements(each.values, novel) if measure == "auroc" else each.called.astype(float) for each in entrants
    ]
    shares = np.array([[values[mask].mean() for mask in of] for values in per_image])  # [E, C]
    figure = go.Figure(
        go.Heatmap(
            z=shares.astype(np.float32),
            zmin=0,
            zmax=1,
            colorscale=list(AMOUNTS),
            text=[[f"{share:.2f}" for share in row] for row in shares],
            texttemplate="%{text}" if len(names) <= 30 else None,
            hovertemplate="%{y}<br>%{x}: %{z:.3f}<extra></extra>",
            x=[escape(name) for name in names],
            y=[wrapped(each.name, 34) for each in entrants],
            xgap=1,
            ygap=1,
            colorbar={"title": {"text": ""}, "thickness": 12, "tickvals": [0, 0.5, 1]},
        )
    )
    style(figure, f"{MEASURES[measure]}, by method", "Hidden class", "", 150 + 44 * len(entrants))
    figure.add_vline(x=len(sides[0]) - 0.5, line={"color": INK, "width": 2})
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category", autorange="reversed")
    table = {"method": [each.name for each in entrants]} | dict(zip(names, shares.T, strict=True))
    novel_part = shares[:, : len(sides[0])]
    row, column = map(int, np.unravel_index(novel_part.argmin(), novel_part.shape))
    share = float(shares[row, column])
    seen = f"AUROC {share:.2f}" if measure == "auroc" else f"{percent(share)} caught"
    sentence = f"Hardest to see: {names[column]} for {entrants[row].name}, {seen}."
    normal_part = shares[:, len(sides[0]) :]
    if measure == "called":
        row, column = map(int, np.unravel_index(normal_part.argmax(), normal_part.shape))
        alarms = percent(float(normal_part[row, column]))
        sentence += f" Most false alarms: {names[len(sides[0]) + column]} for {entrants[row].name}, {alarms}."
    return Picture(figure, table, sentence, f"class-by-method-{measure}")


def _placements(values: NDArray[np.float64], novel: NDArray[np.uint8]) -> NDArray[np.float64]:
    """For each image the share of the other kind that it is rightly ordered with, ties half: [T] in 0..1.

    Their mean over any novel images is the AUROC of those against all normal ones, and the other way round.
    """
    is_novel = novel == 1
    right = np.empty(len(values))
    right[is_novel] = evaluation.percentile(values[is_novel], values[~is_novel]) / 100
    right[~is_novel] = 1 - evaluation.percentile(values[~is_novel], values[is_novel]) / 100
    return right


# --- cost and differences -------------------------------------------------------------------------------------------


def cost(lines: Sequence[Line], control: Line | None = None) -> Picture:
    """AUROC with its interval against the time of training, on a logarithmic axis; the best control line in grey."""
    times = {line.name: line.seconds for line in lines if line.seconds is not None}
    trained = [line for line in lines if line.name in times]
    figure = go.Figure()
    for order, line in enumerate(trained):
        auroc = line.metric("auroc")
        error = {"array": [auroc["high"] - auroc["value"]], "arrayminus": [auroc["value"] - auroc["low"]], "width": 5}
        figure.add_scatter(
            x=[max(times[line.name], SHORTEST)],
            y=[auroc["value"]],
            error_y={"type": "data", "symmetric": False, "thickness": 1.5, **error},
            mode="markers",
            marker={"color": SERIES[order % len(SERIES)], "symbol": SYMBOLS[order % len(SYMBOLS)], "size": 14},
            name=f"{escape(line.name)} {auroc['value']:.3f}, {duration(times[line.name])}",
            hovertemplate="%{fullData.name}<extra></extra>",
        )
    if control is not None:
        level = control.metric("auroc")["value"]
        figure.add_hline(
            level,
            line={"color": CONTROL, "dash": "dash", "width": 1.5},
            annotation={"text": f"{escape(control.name)} {level:.3f}, no training", "yanchor": "bottom"},
        )
    rows = max(2, len(trained))
    style(figure, "What the training buys", "Training time (seconds, log scale)", "AUROC", 380 + 20 * rows, rows)
    figure.update_layout(showlegend=True)
    seconds = [max(each, SHORTEST) for each in times.values()]
    exponents = range(-2, 7)
    ticks = [step * 10.0**exponent for exponent in exponents for step in (1, 2, 5)]
    low, high = min(seconds) / 2, max(seconds) * 2
    shown = [tick for tick in ticks if low <= tick <= high]
    figure.update_xaxes(
        type="log", tickvals=shown, ticktext=[f"{tick:g}" for tick in shown], range=np.log10([low, high])
    )
    figure.update_yaxes(range=[min(0.45, *(line.metric("auroc")["low"] - 0.03 for line in trained)), 1.01])
    top = best(trained)
    sentence = f"The highest AUROC, {top.metric('auroc')['value']:.3f}, took {duration(times[top.name])} of training"
    if control is not None:
        gain = top.metric("auroc")["value"] - control.metric("auroc")["value"]
        sentence += f"; {control.name} needs none and lies {abs(gain):.3f} {'below' if gain > 0 else 'above'} it"
    table: dict[str, Sequence] = {
        "method": [line.name for line in trained],
        "seconds": list(times.values()),
        "auroc": [line.metric("auroc")["value"] for line in trained],
    }
    return Picture(figure, table, f"{sentence}.", "cost")


def differences(names: Sequence[str], estimates: Mapping[tuple[int, int], Metric]) -> Picture:
    """The matrix of paired differences in AUROC, row minus column, each with its interval.

    names: [E], at least 2.  estimates: (row, column) -> {value, low, high} for row < column.
    """
    count = len(names)
    values, texts = np.full((count, count), np.nan, np.float32), [[""] * count for _ in names]
    for (row, column), found in estimates.items():
        for i, j, sign in ((row, column, 1), (column, row, -1)):
            low, high = sorted((sign * found["low"], sign * found["high"]))
            values[i, j] = sign * found["value"]
            told = low > 0 or high < 0
            number = f"<b>{signed(sign * found['value'])}</b>" if told else signed(sign * found["value"])
            texts[i][j] = f"{number}<br>{signed(low)} to {signed(high)}" if count <= 6 else number
    limit = max(float(np.nanmax(np.abs(values))), 1e-3)
    labels = [wrapped(name, 16) for name in names]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            zmin=-limit,
            zmax=limit,
            colorscale=list(DIFFERENCES),
            text=texts,
            texttemplate="%{text}" if count <= 12 else None,
            textfont={"size": 12},
            hovertemplate="%{text}<extra></extra>",
            x=list(range(count)),
            y=list(range(count)),
            xgap=1,
            ygap=1,
            colorbar={"thickness": 12},
        )
    )
    style(figure, "AUROC of the row minus AUROC of the column", "", "", 160 + 62 * count)
    axis = {"tickvals": list(range(count)), "ticktext": labels, "showgrid": False, "zeroline": False, "tickangle": 0}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis, autorange="reversed")
    apart = sum(found["low"] > 0 or found["high"] < 0 for found in estimates.values())
    most = max(estimates, key=lambda pair: abs(estimates[pair]["value"]))
    high, low = most if estimates[most]["value"] > 0 else most[::-1]
    sentence = (
        f"{apart} of {len(estimates)} pairs differ beyond chance (bold: the 95 % interval leaves out 0). "
        f"The largest gap: {names[high]} is {abs(estimates[most]['value']):.3f} above {names[low]}."
    )
    table: dict[str, list] = {"row": [], "column": [], "difference": [], "low": [], "high": []}
    for (row, column), found in estimates.items():
        for name, cell in zip(
            table, (names[row], names[column], *(found[part] for part in ("value", "low", "high"))), strict=True
        ):
            table[name].append(cell)
    return Picture(figure, table, sentence, "differences")
