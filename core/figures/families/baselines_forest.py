"""Pictures of the isolation forest: how many cuts part an image from the rest, and where the cuts are."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core.figures import AMOUNTS, INK, NORMAL, Picture, number, percent, scatter, style
from core.figures.usual import THIS_IMAGE, less_than, position


def why(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """The mean number of cuts against that of normal images, and its path in every tree.

    explanation: "path_lengths" [T], "expected", with "normal_path_lengths" [V, T] where given.
    """
    lengths, expected = explanation["path_lengths"], float(explanation["expected"])
    normal = explanation.get("normal_path_lengths")
    mean = float(lengths.mean())
    means = None if normal is None else normal.mean(1)
    figure, table = position(mean, means, {"usual": expected}, "Cuts until it is alone", "Mean number of cuts")
    sentence = f"{number(mean)} cuts on average over {len(lengths):,} trees{less_than(mean, means)}."
    return [Picture(figure, table, sentence, "mean-cuts"), in_each_tree(lengths, expected, normal)]


def in_each_tree(lengths: NDArray, expected: float, normal: NDArray | None = None) -> Picture:
    """Path lengths of one image, [T], as a histogram over the trees; of normal images, [V, T], where given."""
    every = lengths if normal is None else np.concatenate([lengths, normal.ravel()])
    edges = np.linspace(0, float(every.max()) + 1e-6, 17)
    middles = (edges[:-1] + edges[1:]) / 2
    share = np.histogram(lengths, edges)[0] / len(lengths)
    figure, table = go.Figure(), {"from": edges[:-1], "to": edges[1:], "image": share}
    if normal is not None:
        usual = np.histogram(normal, edges)[0] / normal.size
        bars = {"marker": {"color": NORMAL, "opacity": 0.75}, "width": np.diff(edges), "hoverinfo": "skip"}
        figure.add_bar(x=middles, y=100 * usual, name=f"held-out normal ({len(normal):,})", **bars)
        table["normal"] = usual
    looks = {
        "mode": "lines+markers",
        "line": {**THIS_IMAGE, "shape": "hvh"},
        "marker": {"symbol": "diamond", "size": 5},
    }
    figure.add_trace(scatter(middles, 100 * share, name="this image", **looks))
    figure.add_vline(x=expected, line={"color": INK, "dash": "dash", "width": 2})
    style(figure, "The same, tree by tree", "Cuts in a tree (dashed: usual)", "% of trees", 270)
    figure.update_layout(bargap=0, showlegend=True)
    soon = float((lengths < expected).mean())
    sentence = (
        f"In {percent(soon)} of the trees fewer cuts than usual do; from {number(float(lengths.min()))} to "
        f"{number(float(lengths.max()))}, so a single tree says little."
    )
    return Picture(figure, table, sentence, "cuts-by-tree")


def where_it_cuts(cuts: NDArray, mean_image: NDArray) -> Picture:
    """How often each pixel [C, H, W], or component [D], is cut in all trees, with the mean training image beside it.

    mean_image: [C, H, W] in 0 to 1.
    """
    total = int(cuts.sum())
    if cuts.ndim == 1:
        places = np.arange(1, len(cuts) + 1)
        figure = go.Figure(go.Bar(x=places, y=cuts, marker={"color": AMOUNTS[4]}))
        style(figure, "Where the trees cut", "Principal component", "Cuts in all trees", 320)
        sentence = f"{total:,} cuts; component {int(cuts.argmax()) + 1} is cut most often, {int(cuts.max()):,} times."
        return Picture(figure, {"component": places, "cuts": cuts}, sentence, "cuts")
    shown = cuts.sum(0)
    titles = ["cuts in all trees", "mean training image"]
    figure = make_subplots(cols=2, subplot_titles=titles, horizontal_spacing=0.2)
    scales = (list(AMOUNTS), "gray")
    hovers = ("%{z:,} cuts", "%{z:.2f}")
    for column, (z, scale, hover) in enumerate(zip((shown, mean_image.mean(0)), scales, hovers, strict=True), start=1):
        bar = {"thickness": 12, "x": 0.4} if column == 1 else None
        looks = {"colorscale": scale, "zmin": 0, "colorbar": bar, "showscale": column == 1}
        hover = f"row %{{y}}, column %{{x}}: {hover}<extra></extra>"
        figure.add_trace(go.Heatmap(z=z, hovertemplate=hover, **looks), row=1, col=column)
    style(figure, "Where the trees cut", "Column of the image", "", 360)
    figure.update_annotations(font_color=INK, font_size=12)
    figure.update_yaxes(autorange="reversed", constrain="domain", showgrid=False, zeroline=False)
    figure.update_yaxes(title_text="Row of the image", scaleanchor="x", row=1, col=1)
    figure.update_yaxes(scaleanchor="x2", row=1, col=2)
    figure.update_xaxes(constrain="domain", showgrid=False, zeroline=False)
    row, column = map(int, np.unravel_index(shown.argmax(), shown.shape))
    never, dark = shown == 0, mean_image.mean(0) < 0.01
    rest = (~never).sum()
    sentence = (
        f"{total:,} cuts over {rest:,} of {shown.size:,} pixels; row {row}, column {column} is cut most often, "
        f"{int(shown.max()):,} times. It picks pixels blindly, so each that varies gets its turn, also "
        f"{int((dark & ~never).sum()):,} nearly black ones: one bright dot there parts an image from the others."
    )
    rows, columns = np.indices(shown.shape)
    table = {"row": rows.ravel(), "column": columns.ravel(), "cuts": shown.ravel()}
    return Picture(figure, table, sentence, "cuts")
