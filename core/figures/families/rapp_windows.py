"""Layer windows of RaPP: the scores of any window from what a run stored, and what choosing one is worth."""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from core import evaluation
from core.figures import AMOUNTS, INK, SERIES, Picture, scatter, style
from core.figures.cells import readable, text_font

Window = tuple[int, int]  # first and last layer, both inclusive

MARKS = ("circle", "diamond", "star")
PYTHON = """
from core import evaluation
from core.evaluation import ThresholdRule
from core.runs import store

run = store.find("{run}")
windows = run.arrays("portrait")["windows"].tolist()
reasons = run.arrays("explanations")  # of each image: |d_i|^2 of every layer, NAP of every window


def scores(split):
    layers = reasons[split + "/layers"]
    return {{
        "reconstruction": layers[:, 0],
        "sap": layers[:, {first} : {last} + 1].sum(1),
        "nap": reasons[split + "/windows"][:, windows.index([{first}, {last}])],
    }}["{score}"]


threshold = run.rule.threshold(None, scores("valid"))
auroc = evaluation.metrics(scores("test"), run.novel, threshold)["auroc"]
print(auroc)
"""  # fills with run, score, first, last


def window_scores(layers: NDArray, naps: NDArray, windows: NDArray, window: Window) -> dict[str, NDArray[np.float64]]:
    """The three scores in a window: reconstruction (the same in all), sap, nap; [N] each, higher = more novel.

    layers: |d_i|^2, [N, L + 1].  naps: NAP of every window, [N, W].  windows: [W, 2], first and last layer of each.
    """
    first, last = window
    return {
        "reconstruction": layers[:, 0].astype(np.float64),
        "sap": layers[:, first : last + 1].sum(1, dtype=np.float64),
        "nap": naps[:, column(windows, window)].astype(np.float64),
    }


def every_window(score: str, layers: NDArray, naps: NDArray, windows: NDArray) -> NDArray[np.float64]:
    """sap or nap in every window: [N, W]."""
    if score == "nap":
        return naps.astype(np.float64)
    sums = np.concatenate([np.zeros((len(layers), 1)), layers.cumsum(1, dtype=np.float64)], 1)
    return sums[:, windows[:, 1] + 1] - sums[:, windows[:, 0]]


def column(windows: NDArray, window: Window) -> int:
    """Its place among the windows, [W, 2]."""
    return windows.tolist().index(list(window))


class Trial(NamedTuple):
    """Every window tried on the test images.

    aurocs: [W].  one, other: on either half of them, [S, W] (`evaluation.auroc_on_halves`).  kinds: how many classes
    are novel; where there are several, the halves share none.
    """

    aurocs: NDArray
    one: NDArray
    other: NDArray
    kinds: int


def trial(score: str, layers: NDArray, naps: NDArray, windows: NDArray, novel: ArrayLike, classes: ArrayLike) -> Trial:
    """What looking at the answers shows: the AUROC of sap or nap in every window.

    layers, naps, windows: as in `window_scores`, of the test images; novel, classes: [N].
    """
    scores, classes = every_window(score, layers, naps, windows), np.asarray(classes)
    aurocs = np.array([evaluation.auroc(values, novel) for values in scores.T])
    one, other = evaluation.auroc_on_halves(scores, novel, classes)
    return Trial(aurocs, one, other, len(np.unique(classes[np.asarray(novel, bool)])))


def narrowest(score: str, layers: NDArray, naps: NDArray, windows: NDArray) -> Window:
    """The window in which scores of normal validation images lie narrowest: smallest ratio of 95 % quantile to median.

    All that normal images alone can say: there the threshold lies close to a typical normal image.
    """
    median, upper = np.quantile(every_window(score, layers, naps, windows), (0.5, 0.95), axis=0)
    first, last = windows[(upper / median).argmin()].tolist()
    return first, last


def window_map(aurocs: NDArray, windows: NDArray, window: Window, narrow: Window, score: str) -> Picture:
    """AUROC on the test images of every window, first layer by last layer.

    aurocs: [W].  windows: [W, 2].  window: the chosen one.  narrow: `narrowest`.
    """
    best = windows[aurocs.argmax()].tolist()
    size = int(windows.max()) + 1
    grid = np.full((size, size), np.nan)
    grid[windows[:, 0], windows[:, 1]] = aurocs
    figure = go.Figure()
    bar = {"thickness": 10, "title": {"text": "AUROC"}, "tickformat": ".2f"}
    looks = {"colorscale": AMOUNTS, "colorbar": bar, "xgap": 2, "ygap": 2, "hoverongaps": False}
    looks["hovertemplate"] = f"{score}, layers %{{y}} to %{{x}}: %{{z:.3f}}<extra></extra>"
    text = np.where(np.isnan(grid), "", np.char.mod("%.3f", grid))
    looks |= {"text": readable(text, grid, AMOUNTS), "texttemplate": "%{text}", "textfont": text_font(text, 420)}
    figure.add_heatmap(z=grid, **looks)
    marks = {"your window": window, "narrowest on validation": narrow, "best on the test images": best}
    looks = {"mode": "markers", "hoverinfo": "skip"}
    for (name, (first, last)), symbol, aside in zip(marks.items(), MARKS, (-0.3, 0, 0.3), strict=True):
        marker = {"symbol": symbol, "size": 12, "color": "white", "line": {"color": "black", "width": 2}}
        label = f"{name}: {first} to {last}, {grid[first, last]:.3f}"
        figure.add_trace(scatter([last + aside], [first + 0.3], name=label, marker=marker, **looks))
    style(figure, f"{score} in every window", "Last layer", "First layer", height=420, legend_rows=3)
    figure.update_xaxes(dtick=1, showgrid=False, zeroline=False, ticks="")
    figure.update_yaxes(dtick=1, showgrid=False, zeroline=False, ticks="", autorange="reversed")
    sentence = (
        f"The {len(aurocs)} windows reach {aurocs.min():.3f} to {aurocs.max():.3f}. Normal validation images have no "
        "AUROC to choose by: they only say where normal scores lie narrowest, not how far novel ones stray, and that "
        f"choice gets {grid[narrow]:.3f}. The star is known only to who has seen the answers."
    )
    table = {"first layer": windows[:, 0], "last layer": windows[:, 1], "auroc": aurocs}
    return Picture(figure, table, sentence, "windows")


def peeking(tried: Trial, windows: NDArray, window: Window) -> Picture:
    """What the window that is best on one half of the test images gains over a fixed one, there and on the other half.

    windows: [W, 2].  window: the fixed one.
    """
    _, one, other, kinds = tried
    halving, fixed, best = np.arange(len(one)), column(windows, window), one.argmax(1)
    seems, is_worth = one[halving, best] - one[:, fixed], other[halving, best] - other[:, fixed]
    figure = go.Figure()
    right, up = (1.1 * max(float(np.abs(gains).max()), 0.002) for gains in (seems, is_worth))
    line = {"color": INK, "dash": "dash", "width": 1.5}
    figure.add_shape(type="line", x0=0, y0=0, x1=right, y1=right, line=line, layer="below")
    figure.add_annotation(
        x=right, y=right, text="as good as it seems", showarrow=False, xanchor="right", yanchor="bottom"
    )
    names = [f"layers {first} to {last}" for first, last in windows[best].tolist()]
    looks = {"mode": "markers", "marker": {"color": SERIES[0], "size": 8, "opacity": 0.6}, "text": names}
    looks["hovertemplate"] = "%{text}: seems %{x:+.3f}, is %{y:+.3f}<extra></extra>"
    figure.add_trace(scatter(seems, is_worth, name=f"one of {len(one)} halvings of the test images", **looks))
    style(
        figure,
        "What the best window seems to gain",
        "Gain on the half that chose",
        "Gain on the other half",
        height=420,
    )
    figure.update_layout(showlegend=True, xaxis_range=[-0.02 * right, right], yaxis_range=[-up, max(up, right)])
    caveat = (
        f"The halves share none of the {kinds} novel classes, as a new kind of novelty wouldn't."
        if kinds > 1
        else "Both halves hold one and the same novel class; nothing here speaks for another."
    )
    sentence = (
        f"Chosen by the answers of one half, the best window seems to gain {seems.mean():.3f} over layers {window[0]} "
        f"to {window[1]}, and gains {is_worth.mean():+.3f} on the other half. {caveat}"
    )
    return Picture(figure, {"window": names, "seems": seems, "is": is_worth}, sentence, "peeking")
