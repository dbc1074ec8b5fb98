"""How deep embedded clustering went: changes, sizes and sureness of its kinds; and what goes wrong where it does."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core.figures import CONTROL, INK, SERIES, Picture, percent, scatter, style
from core.figures.clusters import letter, look
from core.figures.families.clad import HATCHED

STARVED, COLLAPSED = 0.005, 0.95  # shares of the images, as core/algorithms/dec.py has them
MOST_LETTERS = 16  # below their bars
MOST_COUNTED = 6  # kinds whose bars have room for a number
MEANING = (
    f"**Starved**: a kind with under {percent(STARVED)} of the images; a class of few images can't be learned, so it "
    f"joins its nearest neighbour. **Collapsed**: one kind has over {percent(COLLAPSED)} of the images, or is the only "
    "one left; then nothing is there to tell apart, and confidence says little."
)
PANELS = {  # title -> curves
    "Images that changed their kind (%)": ("changed",),
    "Mean sureness of the own kind": ("sureness",),
    "Largest, smallest kind (% of all)": ("largest share", "smallest share"),
}


def learning(progress: Sequence[Mapping], shown: int, tolerance: float) -> Picture:
    """Curves of the clustering by epoch, the shown one marked.

    progress: {epoch, curves} of that stage.  tolerance: share of changed images below which it ends.
    """
    figure = make_subplots(cols=3, horizontal_spacing=0.06, subplot_titles=list(PANELS))
    curves = {
        name: [(each["epoch"], each["curves"][name]) for each in progress if name in each["curves"]]
        for names in PANELS.values()
        for name in names
    }
    for column, names in enumerate(PANELS.values(), 1):
        for name, colour, dash in zip(names, SERIES, ("solid", "dash"), strict=False):
            epochs, values = np.array(curves[name], np.float64).reshape(-1, 2).T
            scale = 1 if name == "sureness" else 100
            line = {"color": colour, "dash": dash, "width": 2.5}
            hover = f"epoch %{{x}}: %{{y:.3g}}<extra>{name}</extra>"
            figure.add_trace(
                scatter(
                    epochs,
                    scale * values,
                    mode="lines+markers",
                    marker_size=4,
                    line=line,
                    name=name,
                    showlegend=False,
                    hovertemplate=hover,
                ),
                row=1,
                col=column,
            )
        figure.add_vline(shown, line={"color": INK, "dash": "dash", "width": 1.5}, row=1, col=column)
    figure.add_hline(100 * tolerance, line={"color": CONTROL, "dash": "dot", "width": 1.5}, row=1, col=1)
    figure.add_hline(100 * STARVED, line={"color": CONTROL, "dash": "dot", "width": 1.5}, row=1, col=3)
    style(figure, "What clustering did, epoch by epoch", "Epoch", "", 300, 0)
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(range=[0, 1.04], col=2)
    figure.update_annotations(font_color=INK)
    figure.update_layout(margin_t=70)
    table: dict[str, Sequence] = {"epoch": [each["epoch"] for each in progress]}
    table |= {name: [each["curves"].get(name) for each in progress] for name in curves}
    return Picture(figure, table, _learning_in_words(curves, tolerance), "clustering")


def _learning_in_words(curves: Mapping[str, list[tuple[int, float]]], tolerance: float) -> str:
    sure, changed = curves["sureness"], curves["changed"]
    sentence = (
        f"In {len(sure)} epochs the mean sureness goes from {sure[0][1]:.2f} to {sure[-1][1]:.2f}: clustering "
        "makes its own guess more certain, right or wrong."
    )
    if not changed:
        return sentence
    ended = "it ended there" if changed[-1][1] < tolerance else "the last epoch came first"
    return (
        f"{sentence} {percent(round(changed[0][1], 3))} of the images changed their kind at first, "
        f"{percent(round(changed[-1][1], 4))} in the end; under {percent(tolerance)} (dotted) it stops: {ended}."
    )


def sizes(counts: NDArray, into: NDArray, epoch: int) -> Picture:
    """Training images of each cluster after an epoch; dotted: below it a kind is starved.

    counts: [k].  into: [k], the kind that each has become in the end.
    """
    share, places = 100 * counts / counts.sum(), np.arange(len(counts))
    names = [letter(k) for k in into.tolist()]
    figure = go.Figure()
    figure.add_bar(
        x=places,
        y=share,
        marker={"color": [look(k)["color"] for k in into.tolist()], "opacity": 0.8},
        text=[f"{count:,}" for count in counts.tolist()] if len(counts) <= MOST_COUNTED else None,
        textposition="outside",
        constraintext="none",
        cliponaxis=False,
        customdata=counts,
        hovertemplate="kind %{x}: %{customdata:,} images, %{y:.1f} %<extra></extra>",
        showlegend=False,
    )
    figure.add_hline(100 * STARVED, line={"color": INK, "dash": "dot", "width": 1.5})
    style(figure, f"Kinds after epoch {epoch}", "Kind", "% of the training images", 400, 0)
    every = -(-len(names) // MOST_LETTERS)
    figure.update_xaxes(tickvals=places[::every], ticktext=names[::every], tickangle=0, showgrid=False)
    figure.update_yaxes(rangemode="tozero")
    small, empty = int((counts < STARVED * counts.sum()).sum()), int((counts == 0).sum())
    largest = int(counts.argmax())
    most = percent(round(float(share[largest]) / 100, 3))
    starved = f"{small} starved{f' ({empty} empty)' if empty else ''}"
    sentence = (
        f"The largest kind, {names[largest]}, has {most} of the images, the smallest {counts.min():,} of them: "
        f"{starved}, {'collapsed' if share[largest] > 100 * COLLAPSED else 'not collapsed'}."
    )
    return Picture(figure, {"kind": names, "images": counts, "share": share / 100}, sentence, "kind-sizes")


def sharpening(before: NDArray, after: NDArray) -> Picture:
    """How much training images belong to their kind, before and after deep clustering: two arrays [n] in (0, 1]."""
    edges = np.linspace(0, 1, 41)
    figure = go.Figure()
    table: dict[str, NDArray] = {"from": edges[:-1], "to": edges[1:]}
    for name, values, colour, hatch in (
        ("k-means alone", before, CONTROL, ""),
        ("after clustering", after, SERIES[0], "/"),
    ):
        counts = np.histogram(values, edges)[0]
        table[name] = counts
        marker = {
            "color": colour,
            "line": {"width": 0},
            "pattern": HATCHED | {"shape": hatch},
        }
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=1 / 40,
            name=f"{name}, median {np.median(values):.2f}",
            marker=marker,
            opacity=0.7,
            hovertemplate="%{y:,} images around %{x:.2f}<extra></extra>",
        )
    title = "How much an image belongs to its kind"
    style(figure, title, "Largest soft assignment, 1: wholly", "Training images", 320, 2)
    figure.update_layout(barmode="overlay", bargap=0, xaxis_range=[0, 1])
    over = [percent(round(float((values > 0.9).mean()), 3)) for values in (before, after)]
    sentence = (
        f"Before clustering {over[0]} of the training images belong to their kind with more than 0.9, after it "
        f"{over[1]}. Sure is not right: see the hidden classes."
    )
    return Picture(figure, table, sentence, "sharpening")


def classifier_curves(progress: Sequence[Mapping]) -> Picture:
    """Loss of the classifier and its accuracy against the kinds, on training and held-out images.

    progress: {epoch, curves} of that stage.
    """
    epochs = [each["epoch"] for each in progress]
    curves = {
        name: [each["curves"][name] for each in progress] for name in ("cross-entropy", "accuracy", "held-out accuracy")
    }
    figure = make_subplots(
        cols=2, horizontal_spacing=0.1, subplot_titles=["Cross-entropy, training images", "Share given their own kind"]
    )
    looks = {"mode": "lines+markers", "hovertemplate": "epoch %{x}: %{y:.3g}<extra></extra>"}
    for name, column, colour, dash in (
        ("cross-entropy", 1, SERIES[0], "solid"),
        ("accuracy", 2, SERIES[0], "solid"),
        ("held-out accuracy", 2, SERIES[1], "dash"),
    ):
        line = {"color": colour, "dash": dash, "width": 2.5}
        label = {"accuracy": "training images", "held-out accuracy": "held-out images"}.get(name, name)
        figure.add_trace(
            scatter(epochs, curves[name], name=label, showlegend=column == 2, line=line, **looks), row=1, col=column
        )
    style(figure, "The classifier learns the kinds as if they were classes", "Epoch", "", 330)
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(range=[0, 1.04], col=2)
    figure.update_annotations(font_color=INK)
    figure.update_layout(margin_t=95)
    sentence = (
        f"After {epochs[-1]} epochs {percent(round(curves['accuracy'][-1], 3))} of the training and "
        f"{percent(round(curves['held-out accuracy'][-1], 3))} of the held-out images get the kind that clustering "
        "gives them. No class was told to anyone: this says that the kinds can be told apart, not that they are right."
    )
    return Picture(figure, {"epoch": epochs, **curves}, sentence, "classifier")
