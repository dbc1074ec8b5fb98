"""Distances of metric learning: every kind of image beside the threshold, the known classes, and ML against ODM."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core import evaluation
from core.figures import AMOUNTS, CONTROL, INK, SERIES, SMALLEST, Kinds, Picture, number, percent, scatter, style
from core.figures.cells import readable, text_font
from core.figures.charts import hatched

BARS = 44


def radius_of(share: float, held_out: NDArray) -> tuple[float, float]:
    """(threshold of the score, radius of the balls): what so many held-out images of known classes stay within.

    share: 0.5 to 1.  held_out: squared distances [V].
    """
    threshold = float(evaluation.Quantile(share).threshold(None, held_out))
    return threshold, float(np.sqrt(max(threshold, 0)))


def by_kind(scores: NDArray, kinds: Kinds, threshold: float, squared: bool, title: str) -> Picture:
    """The score of each kind of image in a row of its own, never pooled, with the share that the threshold accepts.

    scores: [T].  squared: whether they are squared distances, which are drawn as distances.  title: of the axis.
    """
    values, line = (np.sqrt(scores), np.sqrt(threshold)) if squared else (scores, threshold)
    parts = [*kinds]
    edges = _edges(values, line, logarithmic=not squared)
    middles = (edges[:-1] + edges[1:]) / 2
    accepted = scores <= threshold
    told = [
        f"<b>{kind.label}</b>, {percent(round(float(accepted[mask].mean()), 3))} of {mask.sum():,}"
        for kind, mask in parts
    ]
    told[0] += " accepted"
    figure = make_subplots(rows=len(parts), shared_xaxes=True, vertical_spacing=0.35 / len(parts), subplot_titles=told)
    table: dict[str, Sequence | NDArray] = {"from": edges[:-1], "to": edges[1:]}
    for row, (kind, mask) in enumerate(parts, 1):
        counts = np.histogram(values[mask].clip(edges[0], edges[-1]), edges)[0]
        figure.add_bar(
            x=middles,
            y=100 * counts / mask.sum(),
            width=np.diff(edges),
            marker=hatched(kind),
            customdata=counts,
            hovertemplate=f"%{{customdata:,}} {kind.label} images around %{{x:.3g}}<extra></extra>",
            showlegend=False,
            row=row,
            col=1,
        )
        figure.add_vline(x=line, line={"color": INK, "dash": "dash", "width": 2}, row=row, col=1)
        table[kind.name] = counts
    style(figure, "How far each kind lies; dashed: the threshold", "", "", 110 + 92 * len(parts), 0)
    figure.update_annotations(font_color=INK, font_size=13, x=0, xanchor="left")
    if not squared:
        figure.update_xaxes(type="log", exponentformat="power")
        title += ", log scale"
    figure.update_xaxes(title_text=title, row=len(parts), col=1)
    figure.update_yaxes(nticks=3, ticksuffix=" %")
    figure.update_layout(bargap=0, margin_t=62)
    return Picture(figure, table, _by_kind_in_words(scores, kinds, threshold), "distances-by-kind")


def _edges(values: NDArray, line: float, logarithmic: bool) -> NDArray[np.float64]:
    """Edges of the bars: even ones from 0 to nearly all, or even on a logarithmic axis."""
    if logarithmic:
        low, high = max(float(np.quantile(values, 0.02)), SMALLEST), max(float(values.max()), line, 2 * SMALLEST)
        return np.geomspace(min(low, max(line, SMALLEST) / 2), 1.05 * high, BARS + 1)
    return np.linspace(0, max(float(np.quantile(values, 0.995)), line) * 1.03 or 1.0, BARS + 1)


def _by_kind_in_words(scores: NDArray, kinds: Kinds, threshold: float) -> str:
    accepted = scores <= threshold
    known = percent(round(float(accepted[~kinds.novel].mean()), 3))
    foreign = [(float(accepted[mask].mean()), kind.name) for kind, mask in kinds if kind.foreign]
    worst, name = max(foreign)
    sentence = f"At this threshold {known} of the images of known classes are accepted"
    if worst == 0:
        return f"{sentence} and not one novel image."
    return f"{sentence}; of the novel kinds {name} passes most easily, {percent(round(worst, 3))}."


# --- known classes ----------------------------------------------------------------------------------------------------


def accuracy(nearest: NDArray, classes: NDArray, kinds: Kinds, names: NDArray) -> tuple[int, int]:
    """(how many images of known classes are nearest to their own class, how many there are).

    nearest: place among the known classes of each test image [T].  classes: [T] of str.  names: [K].
    """
    known = ~kinds.novel
    return int((names[nearest[known]] == classes[known]).sum()), int(known.sum())


def nearest_classes(nearest: NDArray, classes: NDArray, kinds: Kinds, names: NDArray) -> Picture:
    """Which known class the images of each class, known and novel, lie nearest to.

    Rows: known classes, then those of every novel kind.  Arguments as in `accuracy`.
    """
    rows: list[str] = []
    counts = []
    for kind, mask in kinds:
        for name in np.unique(classes[mask]).tolist():
            of = mask & (classes == name)
            rows.append(f"{kind.label if name == kind.name else f'{escape(name)}, {kind.label}'} ({of.sum():,})")
            counts.append(np.bincount(nearest[of], minlength=len(names)))
    table = np.array(counts)
    shares = 100 * table / table.sum(1, keepdims=True)
    texts = [[f"{count:,}" for count in row] for row in table.tolist()]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=[f"class {escape(str(name))}" for name in names],
            y=rows,
            zmin=0,
            zmax=100,
            colorscale=AMOUNTS,
            text=readable(texts, shares, AMOUNTS, 0, 100),
            texttemplate="%{text}" if table.size <= 400 else None,
            textfont=text_font(texts, 600),
            colorbar={"title": "% of the row", "thickness": 12},
            xgap=2,
            ygap=2,
            hovertemplate="%{y}: %{text} nearest to %{x}, %{z:.1f} %<extra></extra>",
        )
    )
    style(
        figure, "Which class the images of each class lie nearest to", "Nearest class mean", "", 130 + 26 * len(rows), 0
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(type="category", showgrid=False)
    right, of = accuracy(nearest, classes, kinds, names)
    sentence = (
        f"{right:,} of {of:,} images of known classes lie nearest to their own mean ({percent(round(right / of, 4))})."
    )
    foreign = np.bincount(nearest[kinds.novel], minlength=len(names))
    attracts = int(foreign.argmax())
    sentence += (
        f" Novel images lie nearest to class {names[attracts]} most often, {foreign[attracts]:,} of {foreign.sum():,}: "
        "near is not within."
    )
    columns = {f"class {name}": table[:, place] for place, name in enumerate(names.tolist())}
    return Picture(figure, {"images": rows, **columns}, sentence, "nearest-classes")


# --- ML against ODM ---------------------------------------------------------------------------------------------------


def differences(one: NDArray, other: NDArray, kinds: Kinds) -> dict[str, dict[str, Mapping[str, Any]]]:
    """For each novel kind the AUROC of two scores, and the difference first minus second with its interval.

    one, other: scores of the same test images [T].  Returns {kind: {"one", "other", "difference"}}.
    """
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for kind, mask in kinds:
        if kind.foreign:
            of = mask | ~kinds.novel
            novel = kinds.novel[of]
            found[kind.name] = {
                "one": {"value": evaluation.auroc(one[of], novel), "fpr": evaluation.fpr95_normal(one[of], novel)},
                "other": {
                    "value": evaluation.auroc(other[of], novel),
                    "fpr": evaluation.fpr95_normal(other[of], novel),
                },
                "difference": evaluation.paired_difference(one[of], other[of], novel),
            }
    return found


def against(found: Mapping[str, Mapping[str, Mapping[str, float]]], kinds: Kinds, names: tuple[str, str]) -> Picture:
    """AUROC of two runs on each kind of novel images, with the difference.

    found: of `differences`.  names: of the first and the second run.
    """
    foreign = [kind for kind, _ in kinds if kind.foreign]
    figure, y = go.Figure(), np.arange(len(foreign))
    for side, name, colour, symbol in (
        ("one", names[0], SERIES[0], "circle"),
        ("other", names[1], SERIES[1], "square"),
    ):
        values = np.array([found[kind.name][side]["value"] for kind in foreign])
        marker = {"color": colour, "symbol": symbol, "size": 13}
        hover = f"{escape(name)}: AUROC %{{x:.3f}}<extra></extra>"
        figure.add_trace(scatter(values, y, mode="markers", name=escape(name), marker=marker, hovertemplate=hover))
    lowest = min(each[side]["value"] for each in found.values() for side in ("one", "other"))
    for row, kind in enumerate(foreign):
        each = found[kind.name]
        ends = (each["one"]["value"], each["other"]["value"])
        line = {"color": CONTROL, "width": 2}
        figure.add_shape(type="line", x0=min(ends), x1=max(ends), y0=row, y1=row, layer="below", line=line)
        told = signed(each["difference"])
        figure.add_annotation(x=1.01, xref="paper", y=row, text=told, showarrow=False, xanchor="left", align="left")
    style(figure, "AUROC on each kind of novel images, and the difference", "AUROC", "", 150 + 46 * len(foreign))
    figure.update_xaxes(range=[max(0.0, lowest - 0.05 * (1.02 - lowest)), 1.005])
    figure.update_yaxes(
        tickvals=y, ticktext=[kind.label for kind in foreign], range=[len(foreign) - 0.5, -0.5], showgrid=False
    )
    figure.update_layout(margin_r=215)
    table: dict[str, Sequence | NDArray] = {"kind": [kind.name for kind in foreign]}
    for side, name in zip(("one", "other"), names, strict=True):
        table[f"AUROC, {name}"] = [found[kind.name][side]["value"] for kind in foreign]
        table[f"FPR at 95 % TPR, {name}"] = [found[kind.name][side]["fpr"] for kind in foreign]
    for end in ("value", "low", "high"):
        table[f"difference, {end}"] = [found[kind.name]["difference"][end] for kind in foreign]
    return Picture(figure, table, _against_in_words(found, foreign, names), "against")


def signed(difference: Mapping[str, float]) -> str:
    """+0.031 (+0.018 to +0.047)."""
    value, low, high = (difference[end] for end in ("value", "low", "high"))
    return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


def _against_in_words(found: Mapping, foreign: Sequence, names: tuple[str, str]) -> str:
    of = {kind.name: found[kind.name]["difference"] for kind in foreign}
    better = [name for name, each in of.items() if each["low"] > 0]
    worse = [name for name, each in of.items() if each["high"] < 0]
    rest = [name for name in of if name not in (*better, *worse)]
    parts = [
        f"{words} on {', '.join(f'{name} {signed(of[name])}' for name in some)}"
        for words, some in (
            (f"{names[0]} is better than {names[1]}", better),
            (f"{names[0]} is worse than {names[1]}", worse),
            ("no sure difference", rest),
        )
        if some
    ]
    sentence = "; ".join(parts) + "."
    sentence = sentence[0].upper() + sentence[1:]
    if any(kind.role == "seen" for kind in foreign):
        sentence += " A gain on what was seen in training is expected; only what nobody saw is evidence."
    return sentence + " Intervals: 95 % bootstrap over these test images, of one pair of runs."


Measured = Mapping[str, Mapping[str, Any]]  # metrics by source of novel images


def over_seeds(pairs: Sequence[tuple[Measured, Measured]], kinds: Kinds, names: tuple[str, str]) -> str:
    """How the AUROC of two methods differs on each kind over several pairs of runs, each of one seed.

    pairs: of each seed what the first and the second run measured by source.
    """
    told = []
    for kind in kinds.foreign:
        reached = np.array([[each[kind.source]["auroc"]["value"] for each in pair] for pair in pairs])
        gaps = reached[:, 0] - reached[:, 1]
        ends = {"value": float(gaps.mean()), "low": float(gaps.min()), "high": float(gaps.max())}
        told.append(f"{kind.name} {signed(ends)}")
    return (
        f"Over the {len(pairs)} seeds trained both ways, AUROC of {names[0]} minus that of {names[1]}, mean (lowest to "
        f"highest): {', '.join(told)}."
    )


def shares_in_words(radius: float, share: float) -> str:
    """What the slider's threshold is."""
    return (
        f"Balls of radius {number(radius)}: so {percent(share)} of the held-out images of known classes are accepted. "
        f"The score is the squared distance, so its threshold is {number(radius**2)}."
    )
