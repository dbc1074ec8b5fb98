"""Pictures of SVDD runs: how the training went, and what several balls are worth against one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core import evaluation
from core.figures import CONTROL, DASHES, INK, SERIES, Kinds, Picture, number, scatter, style, three_digits
from core.figures.clusters import letter

MOST_NAMED = 6  # balls that the legend names

PANELS = {  # curves of the stage, by the title of their panel
    "Objective": ("objective",),
    "Radii": ("radius",),
    "Mean distance to the centre": ("mean distance",),
    "Share of training images outside": ("share outside",),
    "Spread of the embedding (SD)": ("spread",),
}


def training(
    progress: Sequence[Mapping], warm_up: int, snapshots: Mapping[int, Mapping[str, NDArray]], kinds: Kinds
) -> Picture:
    """Curves of the main stage by epoch, the warm-up shaded, with the AUROC on the probe images beside them.

    progress: {epoch, curves} of that stage.  warm_up: epochs with radii of 0, 0 for the one-class objective.
    snapshots: {epoch: {"distances" [P, K], "radii" [K]}} of the probe, perhaps none.  kinds: of its P images.
    """
    curves: dict[str, list[tuple[int, float]]] = {}
    for entry in progress:
        for name, value in entry["curves"].items():
            curves.setdefault(name, []).append((entry["epoch"], value))
    boundaries = {
        at: (np.square(each["distances"]) - np.square(each["radii"])).min(1) for at, each in snapshots.items()
    }
    panels = dict(PANELS)
    if boundaries:
        curves["auroc"] = [(epoch, evaluation.auroc(scores, kinds.novel)) for epoch, scores in boundaries.items()]
        panels[f"AUROC on {len(kinds):,} probe images"] = ("auroc",)
    figure = make_subplots(rows=2, cols=3, shared_xaxes=True, subplot_titles=list(panels), vertical_spacing=0.16)
    for place, (title, names) in enumerate(panels.items()):
        row, column = divmod(place, 3)
        for name, points in curves.items():
            if not name.startswith(names):
                continue
            k = int(name.split()[1]) if name.startswith("radius") else 0
            epochs, values = zip(*points, strict=True)
            line = {"color": SERIES[k % len(SERIES)], "width": 2, "dash": DASHES[k // len(SERIES) % len(DASHES)]}
            label = f"ball {letter(k)}" if name.startswith("radius") else title
            hover = f"epoch %{{x}}: %{{y:.3g}}<extra>{label}</extra>"
            shown = {"name": label, "showlegend": name.startswith("radius") and k < MOST_NAMED}
            trace = scatter(
                epochs, values, mode="lines+markers", marker_size=3, line=line, hovertemplate=hover, **shown
            )
            figure.add_trace(trace, row=row + 1, col=column + 1)
    if warm_up:
        figure.add_vrect(
            0, warm_up + 0.5, fillcolor=CONTROL, opacity=0.18, line_width=0, layer="below", row="all", col="all"
        )
    style(
        figure,
        "Training" + (f"; shaded: the {warm_up} epochs of warm-up, in which the radii stay 0" if warm_up else ""),
        "",
        "",
        470,
    )
    figure.update_xaxes(title_text="Epoch", row=2)
    figure.update_yaxes(rangemode="tozero")
    for place, names in enumerate(panels.values()):
        if names[0] in ("share outside", "auroc"):
            figure.update_yaxes(range=[0, 1.04], row=place // 3 + 1, col=place % 3 + 1)
    figure.update_annotations(font_color=INK)
    figure.update_layout(margin_t=95)
    last = max(epoch for epoch, _ in curves["objective"])
    rows = [(name, epoch, value) for name, points in curves.items() for epoch, value in points]
    table = dict(zip(("curve", "epoch", "value"), zip(*rows, strict=True), strict=True))
    return Picture(figure, table, _training_in_words(curves, warm_up, last), "training")


def _training_in_words(curves: Mapping[str, list[tuple[int, float]]], warm_up: int, last: int) -> str:
    objective, aurocs = dict(curves["objective"]), curves.get("auroc", [])
    sentence = ""
    if warm_up in objective and warm_up + 1 in objective and objective[warm_up + 1] < objective[warm_up]:
        sentence = (
            f"The objective falls from {number(objective[warm_up])} to {number(objective[warm_up + 1])} as the warm-up "
            "ends, because the radii jump from 0 to their quantiles: bookkeeping, not learning. "
        )
    if not aurocs:
        return f"{sentence}This run keeps no snapshots, so how the AUROC went is not known."
    best = max(aurocs, key=lambda each: each[1])
    verdict = f"is highest, {best[1]:.3f}, after epoch {best[0]}" if best[0] < last else "is highest at the end"
    way = f"AUROC goes from {aurocs[0][1]:.3f} to {aurocs[-1][1]:.3f} and {verdict}"
    return f"{sentence}{way}; shrinking balls alone do not promise that."


@dataclass(frozen=True)
class Entry:
    """A run, or a control line, on the same task.

    auroc: {value, low, high}.  balls: 0 for a control line.  method: the run's.  shown: on this page.
    """

    name: str
    auroc: Mapping[str, float]
    balls: int = 0
    shown: bool = False
    method: str = ""

    @property
    def control(self) -> bool:
        return not self.balls


def rival(entries: Sequence[Entry]) -> int | None:
    """The place of the run to compare the shown one with: the first of another number of balls.

    One of another method goes before one of the same; None where every run has as many balls.
    """
    own = next(each for each in entries if each.shown)
    others = [place for place, each in enumerate(entries) if not each.control and each.balls != own.balls]
    return min(others, key=lambda place: entries[place].method == own.method, default=None)


def questions(knobs: Mapping[str, object], balls: int) -> dict[str, dict[str, object]]:
    """What another training of this run would answer, with the knobs that answer it.

    knobs: the run's.  balls: how many it has.
    """
    nu = 0.1 if knobs["nu"] == 0.01 else 0.01
    asked: dict[str, dict[str, object]] = {f"What changes with nu {nu:g} instead of {knobs['nu']:g}?": {"nu": nu}}
    if "clusters" in knobs:
        more = {"labels": "finch", "partition": "clusters", "clusters": balls + 1}
        asked[f"What changes with {balls + 1} clusters instead of {balls}?"] = more
    return asked


def versus(entries: Sequence[Entry], difference: Mapping[str, float] | None, rival: str = "") -> Picture:
    """AUROC with its interval of runs and control lines on one task, the shown run marked.

    difference: AUROC of the shown run minus that of the rival on the same test images, {value, low, high}, or None
    without a rival.
    """
    order = sorted(entries, key=lambda each: each.auroc["value"])
    figure = go.Figure()
    for control, colour, symbol in ((True, CONTROL, "square"), (False, SERIES[0], "circle")):
        rows = [row for row, each in enumerate(order) if each.control == control]
        values = np.array([order[row].auroc["value"] for row in rows])
        ends = np.array([[order[row].auroc["low"], order[row].auroc["high"]] for row in rows]).reshape(-1, 2)
        spread = {"type": "data", "array": ends[:, 1] - values, "arrayminus": values - ends[:, 0], "color": colour}
        sizes = [16 if order[row].shown else 10 for row in rows]
        figure.add_scatter(
            x=values,
            y=rows,
            error_x=spread,
            mode="markers",
            name=f"{'control lines' if control else 'runs'} ({len(rows)})",
            marker={"color": colour, "symbol": symbol, "size": sizes},
            text=[escape(order[row].name) for row in rows],
            hovertemplate="%{text}: %{x:.3f}<extra></extra>",
        )
    names = [f"<b>{escape(each.name)}</b>" if each.shown else escape(each.name) for each in order]
    style(
        figure,
        "The same task with one ball and with several",
        "AUROC with its 95 % interval",
        "",
        130 + 34 * len(order),
    )
    figure.update_yaxes(tickvals=list(range(len(order))), ticktext=names, showgrid=False, zeroline=False)
    figure.update_layout(showlegend=True)
    own = next(each for each in order if each.shown)
    balls = "1 ball" if own.balls == 1 else f"{own.balls} balls"
    sentence = f"With {balls}: {three_digits(own.auroc)}."
    if difference is not None:
        value, low, high = (difference[bound] for bound in ("value", "low", "high"))
        doubt = "" if low > 0 or high < 0 else ": these images can't tell them apart"
        sentence += (
            f" That is {abs(value):.3f} {'more' if value > 0 else 'less'} than {rival} on the same test images "
            f"(95 % interval {low:+.3f} to {high:+.3f}{doubt}). One training each proves little: seeds differ."
        )
    table: dict[str, Sequence] = {"name": [each.name for each in order], "balls": [each.balls for each in order]}
    table |= {bound: [each.auroc[bound] for each in order] for bound in ("value", "low", "high")}
    return Picture(figure, table, sentence, "one-or-several")
