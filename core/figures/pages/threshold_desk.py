"""The threshold desk: every threshold on the axis of the histogram, and what it does to the images."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.evaluation import Confusion, ThresholdRule, alarms_per_thousand
from core.evaluation.thresholds import Share
from core.figures import INK, Kinds, Picture, number, percent, style
from core.figures.charts import hatched, stacked
from core.figures.kinds import TRAINING

STEPS = 110  # thresholds along the axis
LEFT, RIGHT = 56, 12  # pixels beside the plot
BARS = {"shares": "% of each kind", "counts": "Images", "log": "Images (log scale)"}  # what a bar's height says


@dataclass(frozen=True, eq=False)
class Steps:
    """Thresholds to choose from, evenly spaced on the axis, one of them the rule's own.

    values: ascending, [K].  rule: position of the rule's threshold.  logarithmic: the axis.
    """

    values: NDArray[np.float64]
    rule: int
    logarithmic: bool

    def text(self, place: int) -> str:
        """The threshold at this position, with as many digits as tell it from its neighbours."""
        return self.said(float(self.values[place]))

    def said(self, threshold: float) -> str:
        """Any threshold, with as many digits as tell the steps beside it apart."""
        place = self.nearest(threshold)
        gap = float(np.diff(self.values[max(place - 1, 0) : place + 2]).min())
        decimals = max(0, 1 - int(np.floor(np.log10(gap))))
        return f"{threshold:,.{min(decimals, 12)}f}"

    def place(self, threshold: float) -> float:
        """Where a threshold lies on the axis, in steps; one beyond the axis lies at its end."""
        return float(np.interp(threshold, self.values, np.arange(len(self.values))))

    def nearest(self, threshold: float) -> int:
        """The step nearest to a threshold."""
        return round(self.place(threshold))


def steps(scores: NDArray[np.float64], kinds: Kinds, threshold: float, count: int = STEPS) -> Steps:
    """About `count` thresholds over the range of the scores; positive scores with a long upper tail get even ratios.

    scores: [T].  kinds: of the T images.  Of other scores with a long tail, what lies far beyond all normal images
    shares one step.
    """
    low, high = min(float(scores.min()), threshold), max(float(scores.max()), threshold)
    long_tailed = high - low > 6 * (threshold - low)
    logarithmic = bool(low > 0 and long_tailed)
    if long_tailed and not logarithmic:
        high = min(high, max(float(scores[~kinds.novel].max()), threshold + 6 * (threshold - low)))
    to_axis, from_axis = (np.log, np.exp) if logarithmic else (np.asarray, np.asarray)
    left, middle, right = (float(to_axis(value)) for value in (low, threshold, high))
    width = (right - left) / count or 1.0
    before, after = int(np.floor((middle - left) / width)) + 1, int(np.floor((right - middle) / width)) + 1
    values = from_axis(middle + width * np.arange(-before, after + 1))
    values[before] = threshold  # not its logarithm's exponential
    return Steps(values, before, logarithmic)


def histogram(
    scores: NDArray[np.float64],
    kinds: Kinds,
    axis: Steps,
    threshold: float,
    score: str,
    trained: NDArray[np.float64] | None = None,
    bars: str = "counts",
) -> Picture:
    """The test images in bars between neighbouring steps, with the threshold that is tried and the rule's.

    score: its title.  trained: [n], of the training images, drawn as an outline.  bars: one of BARS.
    The plot has the margins LEFT and RIGHT, so that a slider can have its axis.
    """
    place = axis.place(threshold)
    inside = np.clip(scores, axis.values[0], axis.values[-1])
    figure = go.Figure()
    for kind, counts, base in stacked(kinds, lambda mask: np.histogram(inside[mask], axis.values)[0]):
        scale = 100 / max(counts.sum(), 1) if bars == "shares" else 1
        figure.add_bar(
            x=np.arange(len(counts)) + 0.5,
            width=1,
            y=counts * scale,
            base=base if bars == "counts" else None,  # neither shares nor logarithms add up
            name=f"{kind.label} ({counts.sum():,})",
            marker=hatched(kind),
            opacity=0.75 if kind.foreign else 0.9,
            customdata=[
                f"{count:,} {kind.label} images from {axis.text(at)} to {axis.text(at + 1)}"
                for at, count in enumerate(counts)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    if trained is not None:
        counts, _ = np.histogram(np.clip(trained, axis.values[0], axis.values[-1]), axis.values)
        heights = counts * (100 / max(counts.sum(), 1) if bars == "shares" else 1)
        steps_of = {"x": np.arange(len(counts) + 1), "y": np.append(heights, heights[-1])}
        line = {"color": INK, "width": 1.5, "shape": "hv"}
        name = f"{TRAINING.label} ({len(trained):,})"
        figure.add_scatter(**steps_of, mode="lines", line=line, name=name, hoverinfo="skip")
    figure.add_vline(x=place, line={"color": INK, "dash": "dash", "width": 2})
    if place != axis.rule:
        side = "top left" if place > axis.rule else "top right"
        line = {"color": INK, "dash": "dot", "width": 1}
        figure.add_vline(x=axis.rule, line=line, annotation_text="the rule's", annotation_position=side)
    scale = "even ratios" if axis.logarithmic else "even steps"
    title = f"{score} (higher = more novel; {scale})"
    style(figure, "Drag the threshold under its histogram", title, BARS[bars], 330)
    ticks = np.linspace(0, len(axis.values) - 1, 8).round().astype(int)
    figure.update_layout(barmode="overlay", bargap=0, margin={"l": LEFT, "r": RIGHT})
    figure.update_xaxes(
        range=[0, len(axis.values) - 1],
        tickvals=ticks[1:-1],
        ticktext=[number(axis.values[tick]) for tick in ticks[1:-1]],
        automargin="height",
    )
    figure.update_yaxes(automargin=False, type="log" if bars == "log" else "linear")  # or the plot leaves its axis
    flagged, novel = scores > threshold, kinds.novel
    sentence = (
        f"At {axis.said(threshold)} it catches {int(flagged[novel].sum()):,} of {int(novel.sum()):,} novel images"
        f"{kinds.by_name(flagged)} and rejects {int(flagged[~novel].sum()):,} of {int((~novel).sum()):,} normal ones."
    )
    table = {name: np.histogram(inside[mask], axis.values)[0] for name, mask in kinds.groups.items()}
    if trained is not None:
        table["training"] = np.histogram(np.clip(trained, axis.values[0], axis.values[-1]), axis.values)[0]
    return Picture(figure, {"from": axis.values[:-1], "to": axis.values[1:], **table}, sentence, "threshold-desk")


def rates(counts: Confusion) -> dict[str, list[str]]:
    """Precision, recall, F1 with either class as the positive one, as a table of text."""

    def shown(value: Share) -> str:
        return "undefined" if np.isnan(value) else f"{value:.3f}"

    novel = (counts.precision, counts.recall, counts.f1)
    normal = (counts.normal_precision, counts.normal_recall, counts.normal_f1)
    return {
        "positive class": ["novel", "normal"],
        **{
            name: [shown(pair[0]), shown(pair[1])]
            for name, pair in zip(("precision", "recall", "F1"), zip(novel, normal, strict=True), strict=True)
        },
    }


def rule_in_words(rule: ThresholdRule, threshold: dict, held_out: int, trained: int) -> str:
    """Where a threshold comes from and how sure it is.  held_out, trained: validation and training scores there are."""
    asks = f"accept {percent(rule.share)} of the {held_out:,} normal validation images"
    if rule.needs_training:
        asks = f"call {percent(rule.share)} of the {trained + held_out:,} training and validation images impure"
    return (
        f"The rule: {asks}, which puts the threshold at "
        f"{number(threshold['value'])} (95 % interval of a bootstrap: {number(threshold['low'])} to "
        f"{number(threshold['high'])}). It never comes from the test set: a threshold moved until the counts look good "
        "has seen the answers, so report the rule's."
    )


def alarms_in_words(counts: Confusion, rate: float) -> str:
    """What to expect of 1,000 images of which the share `rate` (0..1) is novel, if they are like the test images."""
    expected = {name: float(value) for name, value in alarms_per_thousand(counts, rate).items()}
    novel = 1000 * rate
    alarms = expected["false_alarms"] + novel - expected["misses"]
    right = percent((novel - expected["misses"]) / alarms) if alarms > 0 else "none"
    return (
        f"Of 1,000 images with {number(novel)} novel ones among them: {number(expected['false_alarms'])} false alarms, "
        f"{number(expected['misses'])} novel images missed; {right} of the alarms would be right."
    )
