"""Pictures of OC-NN and OC-CNN: what the small network answers, and what its answer is made of."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core import evaluation
from core.figures import CONTROL, INK, SERIES, Kinds, Picture, number, percent, scatter, style
from core.figures.charts import hatched
from core.figures.kinds import TRAINING
from core.figures.usual import less_than, more_than, numbers, position, profile

MOST = 32  # units in a profile


# --- one image --------------------------------------------------------------------------------------------------------


def why_answered(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """OC-NN: its answer against the bias r, and what each hidden unit adds to it.

    explanation: "contributions" [hidden] and "bias", with "normal_contributions" [V, hidden] where given.
    """
    own, r = numbers(explanation["contributions"]), float(explanation["bias"])
    normal = explanation.get("normal_contributions")
    answers = None if normal is None else numbers(normal).sum(1)
    answer = float(own.sum())
    figure, table = position(answer, answers, {"r": r}, "What it answers", "Answer (less than r is outside)")
    side = "less" if answer < r else "more"
    sentence = f"It is answered with {number(abs(r - answer))} {side} than r = {number(r)}{less_than(answer, answers)}."
    return [Picture(figure, table, sentence, "answer"), _units(own, normal, "hidden units", "answer")]


def why_noise(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """OC-CNN: its log-odds of noise, and what each feature adds to them.

    explanation: "contributions" [D] and "rest", with "normal_contributions" [V, D] and "normal_rest" [V] where given.
    """
    own, normal = numbers(explanation["contributions"]), explanation.get("normal_contributions")
    odds = float(own.sum() + explanation["rest"])
    usual = None if normal is None else numbers(normal).sum(1) + numbers(explanation["normal_rest"])
    figure, table = position(odds, usual, {"even odds": 0.0}, "How it tells it from noise", "Log-odds of noise")
    verdict = "noise" if odds > 0 else "a normal image"
    sentence = f"Its log-odds of noise are {number(odds)}{more_than(odds, usual)}: it is taken for {verdict}."
    return [Picture(figure, table, sentence, "log-odds"), _units(own, normal, "features", "log-odds")]


def _units(own: NDArray, normal: NDArray | None, units: str, of: str) -> Picture:
    """What each unit adds to a sum beyond the median normal image, the units that set it apart most first."""
    middle = np.zeros(len(own)) if normal is None else np.median(numbers(normal), axis=0)
    beyond, off = own - middle, np.abs(own - middle)
    shown = np.argsort(-off, kind="stable")[:MOST]
    usual = None if normal is None else (numbers(normal) - middle)[:, shown]
    looks = (f"What the {units} add to its {of}", f"{units.capitalize()}, most unusual first", "Beyond the usual")
    figure, table = profile(beyond[shown], usual, *looks)
    figure.update_yaxes(tickformat=".2~g")
    half = int((np.cumsum(np.sort(off)[::-1]) < off.sum() / 2).sum()) + 1
    against = "" if normal is None else " of what sets it apart from the median normal image"
    sentence = f"{half} of {len(own)} {units} make up half{against}; they are numbers without a name."
    return Picture(figure, {**table, "unit": shown}, sentence, "added-by-unit")


# --- what was learned -------------------------------------------------------------------------------------------------


def answers(trained: NDArray, r: float, tested: NDArray, kinds: Kinds) -> Picture:
    """OC-NN: what it answers for training images, [n], and test images of each kind, [T]; r is dashed."""
    picture = _by_group(
        {"training": trained}, tested, kinds, {"r": r}, "What it answers", "Answer (less than r is outside)"
    )
    below, novel = float((trained < r).mean()), float((tested[kinds.novel] < r).mean())
    sentence = (
        f"r = {number(r)} lies so that {percent(below)} of the training images are answered with less; so are "
        f"{percent(novel)} of the novel test images. Nothing in the objective asks for small answers elsewhere."
    )
    return Picture(*picture, sentence, "answers")


def against_length(answered: NDArray, codes: NDArray, kinds: Kinds) -> Picture:
    """OC-NN: its answer for each test image, [T], against the length of the image's code, codes: [T, D]."""
    lengths = np.linalg.norm(codes.astype(np.float64), axis=1)
    figure = go.Figure()
    for kind, mask in reversed([*kinds]):
        marker = {"color": kind.colour, "symbol": kind.symbol, "size": 5, "opacity": 0.6}
        figure.add_trace(
            scatter(lengths[mask], answered[mask], mode="markers", name=f"{kind.label} ({mask.sum():,})", marker=marker)
        )
    style(
        figure, "What it answers, by the length of the code", "Length of the code", "Answer (less is more novel)", 380
    )
    figure.update_layout(legend_itemsizing="constant")
    ranks = [evaluation.percentile(each, each) for each in (answered, lengths)]
    alike = float(np.corrcoef(ranks[0], ranks[1])[0, 1]) if np.ptp(answered) and np.ptp(lengths) else 0.0
    by_length = evaluation.auroc(-lengths, kinds.novel)
    sentence = (
        f"Answer and length rank the images with a correlation of {alike:.2f}; a short code alone reaches "
        f"an AUROC of {by_length:.3f}. The objective rewards large answers, so what draws a long code counts as normal."
    )
    return Picture(figure, {"length": lengths, "answer": answered, **kinds.columns}, sentence, "by-length")


def noise(portrait: Mapping[str, NDArray], tested: NDArray, kinds: Kinds) -> Picture:
    """OC-CNN: log-odds of noise of training images, of noise, and of test images of each kind, [T].

    portrait: of which "log_odds" [n] and "noise_log_odds" [m].
    """
    trained, of_noise = portrait["log_odds"], portrait["noise_log_odds"]
    groups = {"training": trained, "noise around zero": of_noise}
    picture = _by_group(
        groups, tested, kinds, {"even odds": 0.0}, "How it tells images from noise", "Log-odds of noise"
    )
    told, novel = float((of_noise > 0).mean()), float((tested[kinds.novel] > 0).mean())
    sentence = (
        f"{percent(told)} of the noise is recognised as such, and {percent(novel)} of the novel images are taken for "
        "it: noise around zero is not where other images lie, so recognising it may teach little about them."
    )
    return Picture(*picture, sentence, "noise")


def _by_group(
    groups: Mapping[str, NDArray], tested: NDArray, kinds: Kinds, border: Mapping[str, float], title: str, x: str
) -> tuple[go.Figure, dict[str, NDArray]]:
    """Histograms in % of each: of the groups, then of the test images of each kind, one row below the other."""
    looks = [
        (name, values, hatched(TRAINING) if name == "training" else {"color": CONTROL})
        for name, values in groups.items()
    ]
    looks += [(f"{kind.label}, test", tested[mask], hatched(kind)) for kind, mask in kinds]
    every = np.concatenate([values for _, values, _ in looks])
    edges = np.linspace(float(every.min()), float(every.max()) + 1e-9, 61)
    figure = make_subplots(rows=len(looks), shared_xaxes=True, vertical_spacing=0.03)
    table = {"from": edges[:-1], "to": edges[1:]}
    for row, (name, values, marker) in enumerate(looks, start=1):
        share = np.histogram(values, edges)[0] / len(values)
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=100 * share,
            width=np.diff(edges),
            marker=marker,
            name=f"{name} ({len(values):,})",
            hovertemplate=f"%{{y:.1f}} % of {name} around %{{x:.3g}}<extra></extra>",
            row=row,
            col=1,
        )
        table[name] = share
    for at in border.values():
        figure.add_vline(x=at, line={"color": INK, "dash": "dash", "width": 2})
    names = ", ".join(f"{name} {number(at)}" for name, at in border.items())
    style(figure, title, "", "", 130 + 75 * len(looks))
    figure.update_xaxes(title_text=f"{x}; dashed: {names}", row=len(looks), col=1)
    figure.update_yaxes(title_text="% of each", row=(len(looks) + 1) // 2, col=1)
    figure.update_layout(bargap=0, showlegend=True)
    return figure, table


def training(progress: Sequence[Mapping], titles: Mapping[str, str]) -> Picture:
    """The curves of every stage by epoch, a panel each.

    progress: {stage, epoch, curves} of a run.  titles: of its stages, by name.
    """
    curves: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for entry in progress:
        for name, value in entry["curves"].items():
            curves.setdefault((entry["stage"], name), []).append((entry["epoch"], value))
    panels = [f"{titles[stage]}: {name}" for stage, name in curves]
    figure = make_subplots(cols=len(curves), subplot_titles=panels, horizontal_spacing=0.07)
    rows: list[tuple[str, int, float]] = []
    for column, ((_, name), points) in enumerate(curves.items(), start=1):
        epochs, values = zip(*points, strict=True)
        line = {"color": SERIES[0], "width": 2}
        hover = f"epoch %{{x}}: %{{y:.3g}}<extra>{name}</extra>"
        figure.add_trace(scatter(epochs, values, mode="lines", line=line, hovertemplate=hover), row=1, col=column)
        rows += [(panels[column - 1], *point) for point in points]
    style(figure, "Training", "Epoch", "", 280).update_layout(showlegend=False)
    figure.update_annotations(font_color=INK, font_size=12)
    sentence = "; ".join(
        f"{panel[0].lower() + panel[1:]} goes from {number(points[0][1])} to {number(points[-1][1])}"
        for panel, points in zip(panels, curves.values(), strict=True)
    )
    table = dict(zip(("curve", "epoch", "value"), zip(*rows, strict=True), strict=True))
    return Picture(figure, table, f"{sentence[:1].upper()}{sentence[1:]}.", "training")
