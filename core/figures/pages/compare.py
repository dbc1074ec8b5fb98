"""Pictures of the page "Compare": methods on the same test images, side by side."""

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
    SERIES,
    Kinds,
    Picture,
    percent,
    style,
    translucent,
    wrapped,
)
from core.figures.cells import readable, text_font
from core.figures.charts import stacked
from core.figures.pages.compare_lines import Entrant, Line, Metric, best, duration, signed

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "hexagon")
FEW = 6  # methods whose names have room below a matrix, and whose intervals have it in its cells
SHORTEST = 0.05  # seconds, so that every training has a place on a logarithmic axis
MEASURES = {"auroc": "AUROC of each class", "called": "Share called novel"}


# --- score distributions --------------------------------------------------------------------------------------------


def ridges(lines: Sequence[Line], kinds: Kinds, height: int = 400) -> Picture:
    """A ridge per line: how the standardised scores of test images of each kind lie about the threshold, at 1.

    kinds: of the T images; those of novel images are stacked.  Scores beyond the axis are counted in its outermost bar.
    """
    scores = [np.concatenate([each.standard for each in line.members]) for line in lines]
    everything = np.concatenate(scores)
    low = float(np.clip(np.quantile(everything, 0.005), -4, -0.5))
    farthest = max(np.quantile(flat.reshape(-1, len(kinds))[:, kinds.novel], 0.8) for flat in scores)
    high = float(np.clip(farthest, 2, 8))
    edges = np.linspace(low, high, 61)
    middles = (edges[:-1] + edges[1:]) / 2
    figure = go.Figure()
    groups, sizes = kinds.groups, kinds.counts
    table: dict[str, list] = {"method": [], "from": [], "to": [], **{name: [] for name in groups}}
    for row, (line, flat) in enumerate(zip(lines, scores, strict=True)):
        values = np.clip(flat.reshape(-1, len(kinds)), low, high)  # [members, T]
        base = float(len(lines) - 1 - row)
        table["method"] += [line.name] * len(middles)
        table["from"] += edges[:-1].tolist()
        table["to"] += edges[1:].tolist()

        def counted(mask: NDArray, values: NDArray = values) -> NDArray:
            return np.histogram(values[:, mask], edges)[0]

        for name, mask in groups.items():
            table[name] += counted(mask).tolist()
        fullest = {foreign: counted(kinds.novel == foreign).max() for foreign in (True, False)}
        for kind, counts, below in stacked(kinds, counted):
            lower = np.zeros_like(counts) if below is None else below
            x, y = np.concatenate([[low], middles, [high]]), np.concatenate([[0], lower + counts, [0]])
            if below is not None:  # a shape that stands on another one goes back along its top
                x, y = np.concatenate([x, middles[::-1]]), np.concatenate([y, below[::-1]])
            figure.add_scatter(
                x=x.astype(np.float32),
                y=(base + 0.85 * y / max(fullest[kind.foreign], 1)).astype(np.float32),
                mode="lines",
                line={"color": kind.colour, "width": 1.5, "dash": "dot" if kind.foreign else "solid", "shape": "hvh"},
                fill="toself",
                fillcolor=translucent(kind.colour, 0.3),
                fillpattern={"shape": kind.hatch, "size": 6, "solidity": 0.25, "fgcolor": kind.colour},
                name=f"{kind.label} ({sizes[kind.name]:,})",
                legendgroup=kind.label,
                showlegend=row == 0,
                hoverinfo="skip",
            )
    figure.add_vline(x=1, line={"color": INK, "dash": "dash", "width": 2})
    style(figure, "Scores of normal and novel images", "Score: 0 normal median, 1 threshold", "", height)
    ticks = [tick for tick in range(-4, 9) if low < tick < high - 0.25 * (high - low)]  # the rest is for "more"
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
    caught = {line.name: float(np.mean([each.called[kinds.novel].mean() for each in line.members])) for line in lines}
    top = max(caught, key=caught.__getitem__)
    sentence = f"Right of its threshold {top} has {percent(caught[top])} of the novel images"
    if len(caught) > 1:
        least = min(caught, key=caught.__getitem__)
        sentence += f", {least} {percent(caught[least])}"
    return Picture(figure, table, f"{sentence}; each ridge is as high as its fullest bar.", "score-distributions")


# --- class by method ------------------------------------------------------------------------------------------------


def by_class(entrants: Sequence[Entrant], kinds: Kinds, classes: NDArray[np.str_], measure: str = "auroc") -> Picture:
    """A heat map, entrants by hidden classes: novel classes first, kind by kind, then the normal ones.

    measure: "auroc" of a novel class against all normal images, or of all novel images against a normal class; or
    "called", the share called novel: to be high left of the line, low right of it.
    """
    columns = [
        (kind, name, mask & (classes == name))
        for kind, mask in sorted(kinds, key=lambda each: not each[0].foreign)
        for name in np.unique(classes[mask]).tolist()
    ]
    of, novel_count = [mask for *_, mask in columns], sum(kind.foreign for kind, *_ in columns)
    names = [name if name == kind.name else f"{kind.name} {name}" for kind, name, _ in columns]
    per_image = [
        _placements(each.values, kinds.novel) if measure == "auroc" else each.called.astype(float) for each in entrants
    ]
    shares = np.array([[values[mask].mean() for mask in of] for values in per_image])  # [E, C]
    figure = go.Figure(
        go.Heatmap(
            z=shares.astype(np.float32),
            zmin=0,
            zmax=1,
            colorscale=list(AMOUNTS),
            text=readable([[f"{share:.2f}" for share in row] for row in shares], shares, AMOUNTS, 0, 1),
            texttemplate="%{text}" if len(names) <= 30 else None,
            textfont=text_font([["0.00"] * len(names)], 660),
            hovertemplate="%{y}<br>%{x}: %{z:.3f}<extra></extra>",
            x=[escape(name) for name in names],
            y=[wrapped(each.name, 34) for each in entrants],
            xgap=1,
            ygap=1,
            colorbar={"title": {"text": ""}, "thickness": 12, "tickvals": [0, 0.5, 1]},
        )
    )
    style(figure, f"{MEASURES[measure]}, by method", "Hidden class", "", 150 + 44 * len(entrants))
    figure.add_vline(x=novel_count - 0.5, line={"color": INK, "width": 2})
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category", autorange="reversed")
    table = {"method": [each.name for each in entrants]} | dict(zip(names, shares.T, strict=True))
    novel_part = shares[:, :novel_count]
    row, column = map(int, np.unravel_index(novel_part.argmin(), novel_part.shape))
    share = float(shares[row, column])
    seen = f"AUROC {share:.2f}" if measure == "auroc" else f"{percent(share)} caught"
    sentence = f"Hardest to see: {names[column]} for {entrants[row].name}, {seen}."
    normal_part = shares[:, novel_count:]
    if measure == "called":
        row, column = map(int, np.unravel_index(normal_part.argmax(), normal_part.shape))
        alarms = percent(float(normal_part[row, column]))
        sentence += f" Most false alarms: {names[novel_count + column]} for {entrants[row].name}, {alarms}."
    return Picture(figure, table, sentence, f"class-by-method-{measure}")


def _placements(values: NDArray[np.float64], novel: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each image the share of the other kind that it is rightly ordered with, ties half: [T] in 0..1.

    Their mean over any novel images is the AUROC of those against all normal ones, and the other way round.
    """
    right = np.empty(len(values))
    right[novel] = evaluation.percentile(values[novel], values[~novel]) / 100
    right[~novel] = 1 - evaluation.percentile(values[~novel], values[novel]) / 100
    return right


# --- cost and differences -------------------------------------------------------------------------------------------


def cost(lines: Sequence[Line], control: Line | None = None) -> Picture:
    """AUROC with its interval against the time of training, on a logarithmic axis; the best control line in grey."""
    times = {line.name: line.seconds for line in lines if line.seconds is not None}
    trained = [line for line in lines if line.name in times]
    figure = go.Figure()
    for order, line in enumerate(lines):  # its place in all pictures of the page gives its colour
        if line.name not in times:
            continue
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
            texts[i][j] = f"{number}<br>{signed(low)} to {signed(high)}" if count <= FEW else number
    limit = max(float(np.nanmax(np.abs(values))), 1e-3)
    rows = columns = [wrapped(name, 16) for name in names]
    if count > FEW:  # side by side their names would touch
        columns = [str(place) for place in range(1, count + 1)]
        rows = [f"{name} <b>{place}</b>" for name, place in zip(rows, columns, strict=True)]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            zmin=-limit,
            zmax=limit,
            colorscale=list(DIFFERENCES),
            text=readable(texts, values, DIFFERENCES, -limit, limit),
            texttemplate="%{text}" if count <= 12 else None,
            textfont={"size": 12},  # Plotly fits it else, and counts markup as text
            hovertemplate="%{text}<extra></extra>",
            x=list(range(count)),
            y=list(range(count)),
            xgap=1,
            ygap=1,
            colorbar={"thickness": 12},
        )
    )
    style(figure, "AUROC of the row minus AUROC of the column", "", "", 160 + 62 * count)
    axis = {"tickvals": list(range(count)), "showgrid": False, "zeroline": False, "tickangle": 0}
    figure.update_xaxes(**axis, ticktext=columns)
    figure.update_yaxes(**axis, ticktext=rows, autorange="reversed")
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
