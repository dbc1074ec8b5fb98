"""The line that decides what is novel: what each threshold and each assumed share of impurities would do, and to whom.

Either class can be the positive one. With few novel images the normal class makes every detector look good: accepting
everything has the F1 of 2N / (2N + A) for N normal and A novel images, so that line is in the picture.
"""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.evaluation import Confusion, Impurities, ThresholdRule, confusion, threshold_curve
from core.figures import CONTROL, INK, NORMAL, NOVEL, SERIES, Kinds, Picture, number, percent, scatter, style, wrapped
from core.figures.kinds import TRAINING
from core.figures.pages.threshold_desk import steps

POSITIVE = {"normal": "Normal", "novel": "Novel"}
MEANING = (
    "Precision, recall and F1 are about one class. Where nearly all images are normal, normal as the positive class "
    "makes every detector look good; novel as the positive class asks how many of the few are found."
)
NAMES = {"precision": "precision", "recall": "recall", "f1": "F1"}
MOST_POINTS = 400
STEPS = 60  # of the slider: few images make no fine bars, and a number can be typed
SHARES = np.concatenate([[0.0], np.geomspace(0.002, 0.5, 80)])  # assumed shares of impurities that are tried


def rate(counts: Confusion, name: str, positive: str) -> NDArray:
    """precision, recall, f1 or fpr with that class as the positive one, of one or of many thresholds."""
    if name == "fpr":
        # Of the class that isn't positive, the share that is called so.
        return np.asarray(counts.false_alarm_rate if positive == "novel" else 1 - np.asarray(counts.recall))
    return np.asarray(getattr(counts, name if positive == "novel" else f"normal_{name}"))


def trivial_f1(kinds: Kinds, positive: str) -> float:
    """The F1 of a detector that calls every image positive: accepts everything, or calls everything novel."""
    share = float(kinds.novel.mean()) if positive == "novel" else float((~kinds.novel).mean())
    return 2 * share / (1 + share)


def trivial_name(positive: str) -> str:
    return "calling everything novel" if positive == "novel" else "accepting everything"


def table(lines: Mapping[str, float], scores: NDArray, kinds: Kinds, positive: str) -> dict[str, list[str]]:
    """Precision, recall, F1 and false positive rate of some thresholds, by name, and the counts behind them, as text.

    scores: [T].  The last row calls every image positive, which needs no detector.
    """
    trivial = -np.inf if positive == "novel" else np.inf
    told: dict[str, list[str]] = {"line": [], "precision": [], "recall": [], "F1": [], "FPR": [], "counts": []}
    for name, threshold in {**lines, trivial_name(positive): trivial}.items():
        counts = confusion(scores, kinds.novel, threshold)
        hits, wrong, missing = (
            (counts.caught, counts.false_alarms, counts.missed)
            if positive == "novel"
            else (counts.accepted, counts.missed, counts.false_alarms)
        )
        shown = [_shown(float(rate(counts, each, positive))) for each in ("precision", "recall", "f1", "fpr")]
        words = f"{hits:,} rightly, {wrong:,} wrongly, {missing:,} not"
        for column, text in zip(told, (name, *shown, words), strict=True):
            told[column].append(text)
    return told


def _shown(value: float) -> str:
    return f"{value:.4f}" if np.isfinite(value) else "undefined"


def learned_from(stored: Mapping[str, NDArray], score: str) -> tuple[NDArray, NDArray]:
    """Scores of the training [n] and the validation images [V].  stored: a run's `scores`."""
    return stored[f"train/{score}"], stored[f"valid/{score}"]


def share_above(trained: NDArray, held_out: NDArray, threshold: float) -> float:
    """The share of training and validation images on the line or above it: what the line assumes to be impure."""
    return float((np.concatenate([trained, held_out]) >= threshold).mean())


def line_of(trained: NDArray, held_out: NDArray, share: float) -> float:
    """Where the line lies if this share of the training and validation images, at most 0.99, is assumed impure."""
    return Impurities(min(share, 0.99)).threshold(trained, held_out)


def long_tailed(scores: NDArray, kinds: Kinds, threshold: float) -> bool:
    """Whether the desk draws these scores on a logarithmic axis."""
    return steps(scores, kinds, threshold, STEPS).logarithmic


def true_share(tested: Mapping[str, NDArray], train_classes: NDArray) -> float:
    """The share of training and validation images that are impure, which no method knows.

    tested: a run's `test`, of which "classes" and "novel" say which classes are normal, and "valid_novel" which
    validation images are not.  train_classes: [n], hidden classes of the training images.
    """
    foreign = ~np.isin(train_classes, np.unique(tested["classes"][tested["novel"] == 0]))
    return float(np.concatenate([foreign, tested["valid_novel"] == 1]).mean())


def impurities_in_words(rule: ThresholdRule, count: int, true: float) -> str:
    """What the rule assumes of so many training and validation images, and what is true of them."""
    return (
        f"The rule assumes that {percent(round(rule.share, 4))} of the {count:,} training and validation images are "
        f"impure and draws its line so that {count - rule.rank(count):,} lie on it or above; no label is looked at. In "
        f"truth {round(true * count):,} are ({percent(round(true, 4))}), which nobody told the network."
    )


# --- against the threshold, against the assumed share ----------------------------------------------------------------


def by_threshold(
    scores: NDArray, kinds: Kinds, positive: str, threshold: float, title: str, logarithmic: bool = False
) -> Picture:
    """Precision, recall, F1 and false positive rate at every threshold, with the one that is tried.

    scores: [T].  title: of the score.  logarithmic: the axis, as the histogram's.
    """
    every = threshold_curve(scores, kinds.novel)["threshold"][1:]  # without -inf, which no axis has
    kept = np.unique(np.linspace(0, len(every) - 1, MOST_POINTS).round().astype(int))
    at = every[kept]
    counts = confusion(scores, kinds.novel, at)
    rates = {name: rate(counts, name, positive) for name in (*NAMES, "fpr")}
    best = int(np.nanargmax(rates["f1"]))
    figure = _rates(at, rates, kinds, positive, "left")
    figure.add_vline(x=threshold, line={"color": INK, "dash": "dash", "width": 2})
    scale = ", log scale" if logarithmic else ""
    style(figure, f"Every line, {positive} positive", f"{title} at the line{scale}", "Rate", height=330)
    figure.update_yaxes(range=[0, 1.02])
    if logarithmic:
        figure.update_xaxes(type="log")
    own = float(rate(confusion(scores, kinds.novel, threshold), "f1", positive))
    trivial = trivial_f1(kinds, positive)
    sentence = (
        f"At the dashed line F1 is {own:.3f}, {_against(own, trivial)} {trivial_name(positive)} ({trivial:.3f}). The "
        f"highest of all lines, {rates['f1'][best]:.3f} at {number(at[best])}, is chosen on the test images: it "
        "promises nothing."
    )
    return Picture(figure, {"threshold": at, **rates}, sentence, "rates-by-threshold")


def by_contamination(
    trained: NDArray,
    held_out: NDArray,
    scores: NDArray,
    kinds: Kinds,
    positive: str,
    assumed: float,
    true: float,
) -> Picture:
    """The same rates for every share of impurities that one might assume; the threshold follows from the share.

    trained, held_out: scores of training and validation images.  scores: [T], of the test images.  assumed: the run's
    share.  true: that of its training and validation images, for diagnosis.
    """
    pool = Impurities().pool(trained, held_out)
    thresholds = pool[[Impurities(share).rank(len(pool)) for share in SHARES]]
    counts = confusion(scores, kinds.novel, thresholds)
    rates = {name: rate(counts, name, positive) for name in NAMES}
    figure = _rates(100 * SHARES, rates, kinds, positive, "right")
    figure.add_vline(x=100 * assumed, line={"color": INK, "dash": "dash", "width": 2})
    line = {"color": CONTROL, "dash": "dot", "width": 2}
    figure.add_vline(x=100 * true, line=line, annotation_text="true share", annotation_position="bottom right")
    title = f"Every assumed share, {positive} positive"
    style(figure, title, "Assumed share of impurities, %", "Rate (not from 0)", height=330)
    figure.update_xaxes(range=[-0.3, 20.3])
    f1 = rates["f1"]
    low, high = (float(np.interp(share, SHARES, f1)) for share in (assumed / 2, min(2 * assumed, 0.5)))
    within = SHARES <= 0.2
    lowest = min(float(np.nanmin(values[within])) for values in rates.values())
    figure.update_yaxes(range=[lowest - 0.05 * (1 - lowest), 1 + 0.05 * (1 - lowest)])
    sentence = (
        f"Assuming half of {percent(assumed)} gives F1 {low:.3f}, twice as much {high:.3f}: the share isn't known in "
        "practice, and the line hangs on it."
    )
    return Picture(figure, {"assumed share": SHARES, "threshold": thresholds, **rates}, sentence, "rates-by-share")


def _rates(x: NDArray, rates: Mapping[str, NDArray], kinds: Kinds, positive: str, end: str) -> go.Figure:
    """Lines of precision, recall, F1 and false positive rate, and the F1 that needs no detector, named at an end."""
    figure = go.Figure()
    looks = zip(SERIES[1:] + SERIES[:1], ("longdash", "dot", "solid"), (1.5, 1.5, 3), strict=True)
    for (name, label), (colour, dash, width) in zip(NAMES.items(), looks, strict=True):
        line = {"color": colour, "dash": dash, "width": width}
        figure.add_trace(scatter(x, rates[name], name=label, mode="lines", line=line, connectgaps=False))
    if "fpr" in rates:
        line = {"color": INK, "dash": "dashdot", "width": 1}
        figure.add_trace(scatter(x, rates["fpr"], name="false positive rate", mode="lines", line=line))
    trivial = trivial_f1(kinds, positive)
    line = {"color": CONTROL, "dash": "dot", "width": 2}
    where = {"annotation_text": f"F1 of {trivial_name(positive)}", "annotation_font_color": CONTROL}
    side = "bottom" if trivial > 0.5 else "top"
    figure.add_hline(y=trivial, line=line, annotation_position=f"{side} {end}", **where)
    return figure


def _against(value: float, other: float) -> str:
    gap = value - other
    return "the same as" if abs(gap) < 5e-4 else f"{abs(gap):.3f} {'above' if gap > 0 else 'below'}"


# --- who is on which side ---------------------------------------------------------------------------------------------


def fitted_and_new(
    trained: NDArray, held_out: NDArray, scores: NDArray, kinds: Kinds, threshold: float, title: str
) -> Picture:
    """The share of training, validation and normal test images above every line: are fitted images like new ones?

    trained, held_out: [n], [V] scores with the impurities.  scores: [T], of the test images, of which the normal ones
    are drawn.  title: of the score.
    """
    normal = scores[~kinds.novel]
    groups = {"training": trained, "validation": held_out, "normal test": normal}
    figure = go.Figure()
    columns: dict[str, list] = {"images": [], "score": [], "share above": []}
    colours = (TRAINING.colour, SERIES[0], NORMAL)
    for (name, values), colour, dash in zip(groups.items(), colours, ("dot", "longdash", "solid"), strict=True):
        ascending = np.sort(values)
        kept = np.unique(len(ascending) - np.geomspace(1, len(ascending), MOST_POINTS).round().astype(int))
        share = 1 - (kept + 1) / len(ascending)
        line = {"color": colour, "dash": dash, "width": 2.5}
        shown = share > 0
        label = f"{name} ({len(values):,})"
        figure.add_trace(scatter(ascending[kept][shown], 100 * share[shown], name=label, mode="lines", line=line))
        columns["images"] += [name] * len(kept)
        columns["score"] += ascending[kept].tolist()
        columns["share above"] += share.tolist()
    figure.add_vline(x=threshold, line={"color": INK, "dash": "dash", "width": 2})
    style(figure, "Who lies above the line", f"{title} at the line", "Images above it, % (log scale)", height=340)
    ticks = [0.1, 0.3, 1, 3, 10, 30, 100]
    figure.update_yaxes(type="log", range=[-1.1, 2.05], tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    above = {name: float((values > threshold).mean()) for name, values in groups.items()}
    more = above["normal test"] > 1.2 * above["training"]
    verdict = (
        "The network knows its training images, so a line fitted to them lies too low for new ones; dropout narrows "
        "the gap."
        if more
        else "New normal images are redrawn as well as those of the training, so the line holds."
    )
    sentence = (
        f"Above the line lie {percent(round(above['training'], 4))} of the training and "
        f"{percent(round(above['validation'], 4))} of the validation images, impurities among them, and "
        f"{percent(round(above['normal test'], 4))} of the normal test images. {verdict}"
    )
    return Picture(figure, columns, sentence, "fitted-and-new")


def by_class(scores: NDArray, classes: NDArray, kinds: Kinds, threshold: float) -> Picture:
    """The share of each foreign class that lies above the line, the hardest first.

    scores, classes: [T], of which the novel images are counted; at least one.
    """
    novel = kinds.novel
    names, place = np.unique(classes[novel], return_inverse=True)
    many = np.bincount(place)
    caught = np.bincount(place, weights=scores[novel] > threshold).astype(int)
    order = np.lexsort((names, caught / many))
    names, many, caught = names[order], many[order], caught[order]
    figure = go.Figure()
    figure.add_bar(
        x=np.arange(len(names)),
        y=100 * caught / many,
        marker={"color": NOVEL, "opacity": 0.8},
        text=[f"{c:,} of {m:,}" if len(names) <= 12 else "" for c, m in zip(caught, many, strict=True)],
        textposition="outside",
        cliponaxis=False,
        customdata=np.stack([caught, many], 1),
        hovertemplate="%{customdata[0]:,} of %{customdata[1]:,} caught<extra></extra>",
        showlegend=False,
    )
    style(figure, "Which classes slip through", "Class of the novel images", "Caught, %", height=320, legend_rows=0)
    figure.update_xaxes(tickvals=np.arange(len(names)), ticktext=[wrapped(str(n), 11) for n in names], tickangle=0)
    figure.update_yaxes(range=[0, 112], tickvals=[0, 25, 50, 75, 100])
    few = "" if many.min() >= 20 else " So few images of a class say little: test all images of the other classes."
    sentence = (
        f"Class {names[0]} slips through most, {caught[0]:,} of {many[0]:,} caught; class {names[-1]} least, "
        f"{caught[-1]:,} of {many[-1]:,}. Novelty is not one thing: what looks like the normal class is redrawn too."
        f"{few}"
    )
    return Picture(figure, {"class": names, "images": many, "caught": caught}, sentence, "by-class")
