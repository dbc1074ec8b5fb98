"""Pictures of what CLAD's paper claims: several kinds want several regions, and too few clusters are what hurts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from core.figures import CONTROL, DASHES, NORMAL, NOVEL, SERIES, Picture, style
from core.figures.palette import ANOMALY, translucent

COLOURS = (NOVEL, NORMAL, *SERIES, ANOMALY)


@dataclass(frozen=True)
class Line:
    """What a method, or a normal group, reached at each place of the x axis.

    reached: place -> AUROC of each repetition.  control: drawn in grey, as what needs no network.
    """

    name: str
    reached: Mapping[int, Sequence[float]]
    control: bool = False

    @property
    def places(self) -> list[int]:
        return sorted(place for place, values in self.reached.items() if values)

    def mean(self, place: int) -> float:
        return float(np.mean(self.reached[place]))


def one_region_or_many(lines: Sequence[Line], ours: str, what: str) -> Picture:
    """AUROC of one-class methods and of `ours` while more and more classes are normal.

    lines: places are numbers of normal classes.  what: where it was measured and over what is averaged.
    """
    figure = _drawn(lines, "One region or many?", "Number of normal classes")
    mine = next(line for line in lines if line.name == ours)
    most = mine.places[-1]
    at_most = [line for line in lines if most in line.reached]
    changes = ", ".join(_change(line, most) for line in at_most if not line.control and len(line.places) > 1)
    ahead = [line.name for line in at_most if line.mean(most) > mine.mean(most)]
    verdict = f"ahead of {ours} there: {', '.join(ahead)}" if ahead else f"nothing here is ahead of {ours} there"
    sentence = f"What {most} normal classes change, in points of AUROC: {changes}; {verdict}."
    return Picture(figure, _table(lines, "normal classes"), f"{sentence} {what}", "one-region-or-many")


def _change(line: Line, most: int) -> str:
    """Points of AUROC from the first place of a line to the last."""
    first = line.places[0]
    return f"{line.name} {100 * (line.mean(most) - line.mean(first)):+.0f} (from {first})"


def by_clusters(
    lines: Sequence[Line], published: Mapping[str, Mapping[int, float]], hidden: Mapping[str, int], what: str
) -> Picture:
    """AUROC of CLAD by the number of clusters, one line for each normal group.

    published: group -> {clusters: AUROC}, drawn in grey and dotted.  hidden: group -> how many classes it really holds.
    """
    figure = _drawn(lines, "How many clusters?", "Number of clusters")
    for number, line in enumerate(lines):
        if told := published.get(line.name):
            figure.add_trace(
                go.Scatter(
                    x=list(told),
                    y=list(told.values()),
                    mode="lines+markers",
                    line={"color": COLOURS[number], "dash": "dot", "width": 1},
                    marker={"size": 5, "symbol": "circle-open"},
                    opacity=0.7,
                    name=f"{line.name}, published",
                    hovertemplate=f"{line.name}, published: %{{y:.3f}} with %{{x}} clusters<extra></extra>",
                )
            )
    figure.update_xaxes(type="log", tickvals=sorted({place for line in lines for place in line.places}))
    best = {line.name: max(line.places, key=line.mean) for line in lines}
    few = {line.name: line.mean(line.places[0]) for line in lines}
    sentence = "; ".join(
        f"{line.name}, which holds {hidden[line.name]} classes, is best at {best[line.name]} clusters "
        f"({line.mean(best[line.name]):.3f}; with {line.places[0]} {few[line.name]:.3f})"
        if line.name in hidden
        else f"{line.name} is best at {best[line.name]} clusters ({line.mean(best[line.name]):.3f})"
        for line in lines
    )
    return Picture(figure, _table(lines, "clusters"), f"{sentence}. {what}", "by-clusters")


def _drawn(lines: Sequence[Line], title: str, x: str) -> go.Figure:
    figure, coloured = go.Figure(), 0
    for number, line in enumerate(lines):
        places, means = line.places, [line.mean(place) for place in line.places]
        colour = CONTROL if line.control else COLOURS[coloured % len(COLOURS)]
        coloured += not line.control
        if any(len(line.reached[place]) > 1 for place in places):
            edges = [[pick(line.reached[place]) for place in places] for pick in (max, min)]
            figure.add_trace(
                go.Scatter(
                    x=[*places, *reversed(places)],
                    y=[*edges[0], *reversed(edges[1])],
                    mode="lines",
                    fill="toself",
                    fillcolor=translucent(colour, 0.12),
                    line_width=0,
                    hoverinfo="skip",
                    showlegend=False,
                )
            )
        figure.add_trace(
            go.Scatter(
                x=places,
                y=means,
                mode="lines+markers",
                name=line.name,
                line={"color": colour, "width": 2.5 if number == 0 else 2, "dash": DASHES[number % len(DASHES)]},
                marker={"size": 7, "symbol": number % 8},
                hovertemplate=f"{line.name}: %{{y:.3f}}<extra></extra>",
            )
        )
    figure.add_hline(y=0.5, line={"color": CONTROL, "dash": "dot", "width": 1})
    style(figure, title, x, "AUROC", 460, legend_rows=1).update_layout(margin_t=90)
    figure.update_xaxes(tickvals=sorted({place for line in lines for place in line.places}))
    return figure


def _table(lines: Sequence[Line], axis: str) -> dict[str, list]:
    rows = [
        (line.name, place, number, value)
        for line in lines
        for place in line.places
        for number, value in enumerate(line.reached[place])
    ]
    return dict(zip(("line", axis, "repetition", "auroc"), map(list, zip(*rows, strict=True)), strict=True))
