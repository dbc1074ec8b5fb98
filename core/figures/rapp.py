"""Pictures of RaPP: how far images stray from their reconstructions, layer by layer.

|d_i|^2 is the squared distance between the activations of an image and of its reconstruction at layer i of the encoder; layer 0 is the
input, the last one the latent. A run stores them for every image, and the NAP of every window of layers (core/methods/rapp.py,
`explain`), so that a window that moves needs neither the network nor torch.
"""

import base64
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from core import evaluation
from core.figures import (
    AMOUNTS,
    CONTROL,
    DIFFERENCES,
    INK,
    NORMAL,
    NOVEL,
    SERIES,
    Curve,
    Picture,
    number,
    percent,
    pr,
    roc,
    scatter,
    strip,
    style,
)

Window = tuple[int, int]  # first and last layer, both inclusive

SPECTRUM_CUT = 1e-5  # core.algorithms.nap.SINGULAR_CUT, which lies beside torch; a test compares the two
BAND = (0.05, 0.5, 0.95)
SMALLEST = 1e-12  # logarithmic axes have no zero
KINDS = (("normal", NORMAL, "rgba(0,114,178,0.22)", "solid"), ("novel", NOVEL, "rgba(213,94,0,0.18)", "dash"))
RANKINGS = {
    "most": "Most novel",
    "least": "Least novel",
    "missed": "Novel, but missed",
    "alarms": "Normal, but alarming",
}
ROWS = 60


# --- scores of any window ------------------------------------------------------------------------------------------------


def window_scores(layers: NDArray, naps: NDArray, windows: NDArray, window: Window) -> dict[str, NDArray[np.float64]]:
    """The three scores of a window: reconstruction (whatever the window), sap, nap, [N] each, higher = more novel.

    layers: |d_i|^2, [N, L + 1].  naps: NAP of every window, [N, W].  windows: [W, 2], first and last layer of each column of `naps`.
    """
    first, last = window
    column = windows.tolist().index([first, last])
    return {
        "reconstruction": layers[:, 0].astype(np.float64),
        "sap": layers[:, first : last + 1].sum(1, dtype=np.float64),
        "nap": naps[:, column].astype(np.float64),
    }


def every_window(score: str, layers: NDArray, naps: NDArray, windows: NDArray) -> NDArray[np.float64]:
    """sap or nap of every window: [N, W]."""
    if score == "nap":
        return naps.astype(np.float64)
    sums = np.concatenate([np.zeros((len(layers), 1)), layers.cumsum(1, dtype=np.float64)], 1)
    return sums[:, windows[:, 1] + 1] - sums[:, windows[:, 0]]


# --- the answer ----------------------------------------------------------------------------------------------------------


def layer_scores(
    layers: NDArray, novel: ArrayLike, window: Window | None = None, top: float | None = None, title: str = "Difference by layer"
) -> Picture:
    """Median and 5 to 95 % band of |d_i|^2 for normal and novel images; the window is shaded.

    layers: [N, L + 1], both kinds present.  novel: [N], 0 or 1.  top: end of the axis, where several pictures share it.
    """
    novel = np.asarray(novel, bool)
    bands = {name: _band(layers[novel == (name == "novel")]) for name, *_ in KINDS}
    figure = go.Figure()
    x = np.arange(layers.shape[1])
    for name, colour, fill, dash in KINDS:
        _add_band(figure, x, bands[name], fill, name)
        label = f"{name} ({(novel == (name == 'novel')).sum():,})"
        hover = "layer %{x}: median %{y:.3g}<extra>" + name + "</extra>"
        line = {"color": colour, "dash": dash, "width": 2.5}
        figure.add_trace(scatter(x, bands[name][1], name=label, mode="lines+markers", line=line, hovertemplate=hover))
    style(figure, title, "Layer of the encoder", "Squared difference (log scale)", height=300)
    _layer_axis(figure, layers.shape[1] - 1, window)
    _log_axis(figure, min(band[0].min() for band in bands.values()), top or max(band[2].max() for band in bands.values()))
    ratios = bands["novel"][1] / bands["normal"][1]
    furthest = int(ratios.argmax())
    outside = float((layers[novel, furthest] > bands["normal"][2, furthest]).mean())
    sentence = (
        f"Lines are medians, bands hold 90 % of the images. Novel images stray furthest at {_layer(furthest, layers)}: "
        f"{_times(ratios[furthest])} the normal median, and {percent(outside)} of them lie above the normal band."
    )
    table: dict[str, Sequence | NDArray] = {"layer": x}
    for name, band in bands.items():
        table |= {f"{name} {share}": row for share, row in zip(("5 %", "median", "95 %"), band, strict=True)}
    return Picture(figure, table, sentence, "layers")


def pathway_map(
    layers: NDArray,
    novel: ArrayLike,
    scores: NDArray,
    normal_layers: NDArray,
    classes: Sequence[str],
    score: str,
    window: Window | None = None,
    picked: int | None = None,
) -> Picture:
    """A seeded choice of up to 60 test images by layers, half of them novel, the most novel on top; a click on a row gives its place.

    layers: [N, L + 1].  normal_layers: [V, L + 1] of normal validation images; a cell says how many times their median it is.
    scores: [N], what the rows are sorted by; score: its title.  picked: a place that has a row in any case, framed.
    """
    novel = np.asarray(novel, bool)
    rows = _rows(novel, picked)
    rows = rows[np.argsort(scores[rows], kind="stable")]
    ratios = layers[rows] / np.maximum(np.median(normal_layers, axis=0), SMALLEST)  # [R, L + 1]
    shades = np.log2(np.maximum(ratios, SMALLEST))
    steps = np.arange(-3, 4)
    bar = {"tickvals": steps, "ticktext": ["⅛", "¼", "½", "1", "2", "4", "8"], "thickness": 10, "title": {"text": "times normal"}}
    figure = go.Figure()
    figure.add_heatmap(z=shades.astype(np.float32), zmin=-3, zmax=3, colorscale=DIFFERENCES, colorbar=bar, hoverinfo="skip", ygap=1)
    for name, colour, _, _ in KINDS:
        place = np.flatnonzero(novel[rows] == (name == "novel"))
        marker = {"color": colour, "symbol": "circle" if name == "normal" else "diamond", "size": 6}
        figure.add_trace(
            scatter(np.full(len(place), -0.8), place, mode="markers", marker=marker, name=name, customdata=rows[place], hoverinfo="skip")
        )
    # A heat map reports no clicks; invisible markers over its cells do.
    cells_x, cells_y = np.meshgrid(np.arange(layers.shape[1]), np.arange(len(rows)))
    words = [f"class {classes[row]}, {'novel' if novel[row] else 'normal'}, {score} {number(scores[row])}" for row in rows]
    unseen = {"marker": {"opacity": 0}}
    figure.add_trace(
        go.Scatter(
            x=cells_x.ravel().astype(np.float32),
            y=cells_y.ravel().astype(np.float32),
            mode="markers",
            marker={"opacity": 0, "size": 12},
            selected=unseen,
            unselected=unseen,
            customdata=rows[cells_y.ravel()],
            text=[f"{words[row]}<br>layer {layer}: {_times(ratios[row, layer])} normal" for row, layer in np.ndindex(ratios.shape)],
            hoverinfo="text",
            showlegend=False,
        )
    )
    style(figure, f"{len(rows)} test images, sorted by {score}", "Layer of the encoder", "", height=400)
    _layer_axis(figure, layers.shape[1] - 1, None)
    if window:
        _frame(figure, window[0] - 0.5, window[1] + 0.5, -0.5, len(rows) - 0.5, CONTROL, "dot")
    if picked is not None:
        place = int(np.flatnonzero(rows == picked)[0])
        _frame(figure, -1.15, layers.shape[1] - 0.5, place - 0.5, place + 0.5, INK, "solid")
    figure.update_xaxes(range=[-1.2, layers.shape[1] - 0.5], showgrid=False, zeroline=False)
    figure.update_yaxes(showticklabels=False, showgrid=False, zeroline=False, range=[-0.8, len(rows) - 0.2])
    figure.update_layout(clickmode="event+select")
    upper = rows[len(rows) // 2 :]
    strongest = int(np.median(ratios[novel[rows]], axis=0).argmax())
    sentence = (
        f"Click a row to see its image. {int(novel[upper].sum())} of the upper {len(upper)} rows are novel, "
        f"{int(novel[rows].sum()) - int(novel[upper].sum())} of the lower {len(rows) - len(upper)}. Orange is further from the "
        f"reconstruction than a typical normal image, most of all at {_layer(strongest, layers)}."
    )
    table: dict[str, Sequence | NDArray] = {"image": rows, "novel": novel[rows].astype(int), "score": scores[rows]}
    table |= {f"layer {layer}": ratios[:, layer] for layer in range(layers.shape[1])}
    return Picture(figure, table, sentence, "pathways")


# --- why -----------------------------------------------------------------------------------------------------------------


def why(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """What RaPP sees in one image: the image, its reconstruction and where they differ; and its path through the layers.

    image: uint8 [C, H, W].  explanation: one image's row of `explain`, of which it takes "reconstruction", uint8 [C, H, W], and
    "layers", |d_i|^2, [L + 1]; with "normal_layers", [V, L + 1] of normal validation images, the path lies against their band.
    """
    return [
        redrawing(image, explanation["reconstruction"]),
        layer_path(explanation["layers"], explanation.get("normal_layers")),
    ]


def redrawing(image: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> Picture:
    """An image, its reconstruction and the difference of the two, side by side.  uint8 [C, H, W] each."""
    difference = np.abs(image.astype(np.int16) - reconstruction).astype(np.uint8)
    rows = [[_colours(image), _colours(reconstruction), _heat(difference, int(difference.max()))]]
    captions = ["input", "reconstruction", f"difference (up to {percent(difference.max() / 255)})"]
    figure = _sheet(rows, captions, [""], "The image and its reconstruction", height=230)
    squared = np.square(difference / 255).sum((0, 1))  # of each column of pixels
    total, columns = float(squared.sum()), np.sort(squared)[::-1]
    share = columns[: max(1, len(columns) // 4)].sum() / max(total, SMALLEST)
    channel, row, column = np.indices(image.shape)
    table = {"channel": channel.ravel(), "row": row.ravel(), "column": column.ravel()}
    table |= {"input": image.ravel(), "reconstruction": reconstruction.ravel()}
    sentence = (
        f"The reconstruction misses by {number(total)} (squared, pixels from 0 to 1); a quarter of the columns holds "
        f"{percent(share)} of that. Bright in the third panel is what the network could not redraw."
    )
    return Picture(figure, table, sentence, "redrawing")


def layer_path(path: NDArray, normal_layers: NDArray | None = None) -> Picture:
    """One image's |d_i|^2 by layer, [L + 1], against the 5 to 95 % band of normal validation images, [V, L + 1], where given."""
    x = np.arange(len(path))
    figure = go.Figure()
    table: dict[str, Sequence | NDArray] = {"layer": x, "image": path}
    lowest, highest = float(path.min()), float(path.max())
    if normal_layers is None:
        sentence = f"The difference is largest at {_layer(int(path.argmax()), path[None])}: {number(float(path.max()))}."
    else:
        band = _band(normal_layers)
        _add_band(figure, x, band, KINDS[0][2], "normal")
        line = {"color": NORMAL, "width": 2}
        figure.add_trace(scatter(x, band[1], name=f"normal ({len(normal_layers):,})", mode="lines", line=line))
        lowest, highest = min(lowest, band[0].min()), max(highest, band[2].max())
        table |= {"normal 5 %": band[0], "normal median": band[1], "normal 95 %": band[2]}
        sentence = _stray(path, band)
    line = {"color": INK, "width": 2.5}
    marker = {"symbol": "diamond", "size": 9}
    hover = "layer %{x}: %{y:.3g}<extra>this image</extra>"
    figure.add_trace(scatter(x, path, name="this image", mode="lines+markers", line=line, marker=marker, hovertemplate=hover))
    style(figure, "Its path through the layers", "Layer of the encoder", "Squared difference (log scale)", height=260)
    _layer_axis(figure, len(path) - 1, None)
    _log_axis(figure, lowest, highest)
    return Picture(figure, table, sentence, "path")


def _stray(path: NDArray, band: NDArray) -> str:
    """Where an image's path leaves the normal band."""
    above = np.flatnonzero(path > band[2])
    ratios = path / np.maximum(band[1], SMALLEST)
    if not len(above):
        return f"It stays below the upper edge of the normal band at all {len(path)} layers: to this network it looks normal."
    furthest = int(ratios.argmax())
    return (
        f"It lies above the normal band at {len(above)} of {len(path)} layers, first at {_layer(int(above[0]), path[None])}, and "
        f"strays furthest at {_layer(furthest, path[None])}: {_times(ratios[furthest])} the normal median."
    )


# --- tabs ----------------------------------------------------------------------------------------------------------------


def ranking(kind: str, scores: NDArray, novel: ArrayLike, threshold: float, count: int = 10) -> NDArray[np.intp]:
    """Places of up to `count` test images, the strangest case first; kind: one of RANKINGS."""
    novel = np.asarray(novel, bool)
    falling = np.argsort(-scores, kind="stable")
    rising = falling[::-1]
    chosen = {
        "most": falling,
        "least": rising,
        "missed": rising[novel[rising] & (scores[rising] <= threshold)],
        "alarms": falling[~novel[falling] & (scores[falling] > threshold)],
    }
    return chosen[kind][:count]


def ranked(
    places: NDArray,
    images: NDArray[np.uint8],
    reconstructions: NDArray[np.uint8],
    scores: NDArray,
    percentiles: NDArray,
    novel: ArrayLike,
    classes: Sequence[str],
    title: str,
) -> Picture:
    """Test images above their reconstructions and differences; a click on a column gives its place.

    places: [K], at least one, of the test set; everything else is [K, ...] of these.  percentiles: among normal validation images.
    """
    novel = np.asarray(novel, bool)
    differences = np.abs(images.astype(np.int16) - reconstructions).astype(np.uint8)
    most = int(differences.max())
    rows = [[_colours(i) for i in images], [_colours(i) for i in reconstructions], [_heat(i, most) for i in differences]]
    captions = [
        f'<span style="color:{NOVEL if is_novel else NORMAL}"><b>{kind} · {"novel" if is_novel else "normal"}</b></span>'
        f"<br>{number(score)}<br>{number(share)} %"
        for kind, is_novel, score, share in zip(classes, novel, scores, percentiles, strict=True)
    ]
    figure = _sheet(rows, captions, ["input", "reconstruction", "difference"], title, height=420, least=10)
    step = images.shape[-1] + GAP
    across, down = np.meshgrid(np.arange(len(places)) * step, np.arange(3) * (images.shape[-2] + GAP))
    unseen = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=(across + (step - GAP - 1) / 2).ravel(),
        y=(down + (images.shape[-2] - 1) / 2).ravel(),
        mode="markers",
        marker={"opacity": 0, "size": 40},
        selected=unseen,
        unselected=unseen,
        customdata=np.tile(places, 3),
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_layout(clickmode="event+select")
    sentence = (
        f"Below each: class, score, and the share of normal validation images that are less novel. {int(novel.sum())} of these "
        f"{len(places)} are novel; the brightest difference is {percent(most / 255)} of the range. Click one to look at it above."
    )
    table = {"image": places, "class": classes, "novel": novel.astype(int), "score": scores, "percentile": percentiles}
    return Picture(figure, table, sentence, "ranked")


def curves(scores: Mapping[str, NDArray], novel: ArrayLike, controls: Mapping[str, Mapping[str, NDArray]]) -> list[Picture]:
    """ROC and precision-recall overlays of scores, [N] each by title, and of control lines.

    controls: title -> {"fpr", "tpr", "recall", "precision"}: the points of their curves.
    """
    novel = np.asarray(novel, bool)
    rocs, prs = [], []
    for name, values in scores.items():
        points, area = evaluation.roc_points(values, novel), {"value": evaluation.auroc(values, novel)}
        rocs.append(Curve(name, points["fpr"], points["tpr"], area))
        points, area = evaluation.pr_points(values, novel), {"value": evaluation.aupr_novel(values, novel)}
        prs.append(Curve(name, points["recall"], points["precision"], area))
    for name, points in controls.items():
        rocs.append(Curve(name, points["fpr"], points["tpr"], control=True))
        prs.append(Curve(name, points["recall"], points["precision"], control=True))
    return [roc(rocs), pr(prs, float(novel.mean()))]


def nap_spectrum(values: NDArray, rank: int, widths: Sequence[int], window: Window, count: int) -> Picture:
    """Singular values of the training differences in a window, falling, and what of them NAP uses.

    values: [D], units of the differences.  rank: how many directions count.  widths: of all layers.  count: training images.
    """
    relative = np.maximum(values / max(values[0], SMALLEST), SMALLEST)
    x = np.arange(1, len(values) + 1)
    figure = go.Figure()
    for name, part, colour in (("counts", slice(None, rank), SERIES[0]), ("left out", slice(rank, None), CONTROL)):
        line = {"color": colour, "dash": "solid" if name == "counts" else "dot", "width": 3}
        hover = f"direction %{{x}}: %{{y:.3g}} of the largest<extra>{name}</extra>"
        label = f"{name} ({len(x[part]):,})"
        if len(x[part]):
            figure.add_trace(scatter(x[part], relative[part], name=label, mode="lines", line=line, hovertemplate=hover))
    figure.add_hline(y=SPECTRUM_CUT, line={"color": INK, "dash": "dash", "width": 1.5})
    style(figure, f"Spread of normal images along each direction, layers {window[0]} to {window[1]}", "Direction", "", height=360)
    figure.update_yaxes(title_text="Singular value / largest (log scale)")
    _log_axis(figure, float(relative.min()), 1.0)
    figure.update_layout(showlegend=True)
    sentence = f"NAP divides by these values: a step along the weakest direction that counts weighs {number(1 / relative[rank - 1])} times"
    sentence += " one along the strongest. "
    last = len(widths) - 1
    if rank == len(values):
        sentence += f"All {rank:,} directions count."
    elif window[1] == last and window[0] < last and len(values) - rank == widths[last]:
        sentence += (
            f"The last {widths[last]} of {len(values):,} are left out: layer {last} is a linear map of layer {last - 1}, so they hold "
            "rounding noise alone, and dividing by it would drown everything else."
        )
    else:
        why_left = f"{count:,} training images span no more" if count <= len(values) else "below the dashed cut is rounding noise"
        sentence += f"{rank:,} of {len(values):,} directions count; {why_left}."
    table = {"direction": x, "singular value": values, "counts": (x <= rank).astype(int)}
    return Picture(figure, table, sentence, "spectrum")


def window_map(aurocs: NDArray, windows: NDArray, marks: Mapping[str, Window], score: str) -> Picture:
    """AUROC on the test set of every window, first layer by last layer.

    aurocs: [W].  windows: [W, 2].  marks: what to point out, at most three: name -> window, the last one found on the test set itself.
    """
    size = int(windows.max()) + 1
    grid = np.full((size, size), np.nan)
    grid[windows[:, 0], windows[:, 1]] = aurocs
    text = np.where(np.isnan(grid), "", np.char.mod("%.3f", grid))
    figure = go.Figure()
    hover = f"{score} of layers %{{y}} to %{{x}}: %{{z:.3f}}<extra></extra>"
    bar = {"thickness": 10, "title": {"text": "AUROC"}, "tickformat": ".2f"}
    figure.add_heatmap(z=grid, text=text, texttemplate="%{text}", colorscale=AMOUNTS, hovertemplate=hover, colorbar=bar, xgap=2, ygap=2)
    at = {(int(a), int(b)): float(auroc) for (a, b), auroc in zip(windows, aurocs, strict=True)}
    for (name, (first, last)), symbol, corner in zip(marks.items(), MARKS, (-0.36, 0.36, 0.0), strict=False):
        marker = {"symbol": symbol, "size": 13, "color": "white", "line": {"color": "black", "width": 2}}
        label = f"{name}: {first} to {last}, {at[first, last]:.3f}"
        figure.add_trace(scatter([last + corner], [first + 0.32], mode="markers", marker=marker, name=label, hoverinfo="skip"))
    style(figure, f"{score} of every window on the test set", "Last layer", "First layer", height=400, legend_rows=max(2, len(marks)))
    figure.update_xaxes(dtick=1, showgrid=False, zeroline=False)
    figure.update_yaxes(dtick=1, showgrid=False, zeroline=False, autorange="reversed")
    values = {name: at[window] for name, window in marks.items()}
    *fair, cheat = values
    told = ", ".join(f"{name} {values[name]:.3f}" for name in fair)
    sentence = (
        f"The {len(aurocs)} windows reach {aurocs.min():.3f} to {aurocs.max():.3f}: {told}; {cheat} {values[cheat]:.3f}. Normal validation "
        "images alone have no AUROC to choose by: they can say how narrow the normal scores lie, not how far novel ones stray. "
        "The best cell of this map is known only to who has looked at the answers."
    )
    table = {"first layer": windows[:, 0], "last layer": windows[:, 1], "auroc": aurocs}
    return Picture(figure, table, sentence, "windows")


def peeking(promised: NDArray, kept: NDArray, windows: NDArray, chosen: NDArray, fixed: float, by_kind: bool) -> Picture:
    """What the window that is best on one half of the test images is worth on the other half.

    promised, kept, chosen: of `evaluation.chosen_on_half`, [S].  fixed: AUROC of a window chosen beforehand, on all test images.
    by_kind: the halves share no kind of novel image.
    """
    figure = go.Figure()
    low = min(promised.min(), kept.min(), fixed) - 0.01
    high = max(promised.max(), kept.max(), fixed) + 0.01
    diagonal = {"color": INK, "dash": "dash", "width": 1.5}
    figure.add_shape(type="line", x0=low, y0=low, x1=high, y1=high, line=diagonal, layer="below")
    names = [f"layers {a} to {b}" for a, b in windows[chosen].tolist()]
    marker = {"color": SERIES[0], "size": 8, "opacity": 0.7}
    hover = "%{text}: promised %{x:.3f}, kept %{y:.3f}<extra></extra>"
    label = f"a halving ({len(promised)})"
    figure.add_trace(scatter(promised, kept, mode="markers", name=label, marker=marker, text=names, hovertemplate=hover))
    title = "Promised on one half, kept on the other"
    style(figure, title, "AUROC on the half that chose the window", "AUROC on the other half", height=400, legend_rows=2)
    figure.update_layout(showlegend=True, xaxis_range=[low, high], yaxis_range=[low, high])
    luck = float((promised - kept).mean())
    halves = "with other kinds of novel images" if by_kind else "of the same kinds of images"
    worth = kept.mean() - fixed
    sentence = (
        f"The best window on one half promises {promised.mean():.3f} and keeps {kept.mean():.3f} on the other half {halves}: "
        f"{abs(luck):.3f} {'was luck' if luck > 0 else 'came on top by chance'}. Against the {fixed:.3f} of your window, looking at the "
        f"answers {'gained' if worth > 0 else 'lost'} {abs(worth):.3f}"
        + ("." if by_kind else ", and tells nothing of a kind of novelty that was not in the test set.")
    )
    return Picture(figure, {"window": names, "promised": promised, "kept": kept}, sentence, "peeking")


def learning(epochs: Sequence[int], layers: NDArray, novel: ArrayLike, window: Window, shown: int) -> Picture:
    """AUROC of reconstruction and SAP on the probe images after each stored epoch; the shown epoch is marked.

    layers: |d_i|^2, [E, P, L + 1].  novel: [P].
    """
    reached = {
        "Reconstruction": [evaluation.auroc(each[:, 0], novel) for each in layers],
        f"SAP, layers {window[0]} to {window[1]}": [
            evaluation.auroc(each[:, window[0] : window[1] + 1].sum(1), novel) for each in layers
        ],
    }
    figure = go.Figure()
    for (name, values), colour, dash in zip(reached.items(), SERIES, ("solid", "longdash"), strict=False):
        hover = f"epoch %{{x}}: %{{y:.3f}}<extra>{name}</extra>"
        line = {"color": colour, "dash": dash, "width": 2.5}
        figure.add_trace(scatter(epochs, values, name=name, mode="lines+markers", line=line, hovertemplate=hover))
    figure.add_vline(x=shown, line={"color": INK, "dash": "dash", "width": 1.5})
    style(figure, "What the training did for novelty detection", "Epoch (log scale)", f"AUROC on {layers.shape[1]} probe images", height=300)
    figure.update_xaxes(type="log", tickvals=epochs, ticktext=[str(epoch) for epoch in epochs])
    name, values = list(reached.items())[1]
    best = int(np.argmax(values))
    sentence = f"{name}, begins at {values[0]:.3f} and ends at {values[-1]:.3f}"
    sentence += "." if best == len(values) - 1 else f"; it was highest, {values[best]:.3f}, after epoch {epochs[best]}."
    sentence += " The training only learns to redraw: nothing in it asks for a high AUROC."
    return Picture(figure, {"epoch": epochs, **reached}, sentence, "learning")


def redrawings(epoch: int, images: NDArray[np.uint8], reconstructions: NDArray[np.uint8], novel: ArrayLike) -> Picture:
    """A few probe images and what the network made of them after an epoch.  uint8 [K, C, H, W] each; novel: [K]."""
    novel = np.asarray(novel, bool)
    error = np.square((images.astype(np.float64) - reconstructions) / 255).sum((1, 2, 3))
    rows = [[_colours(i) for i in images], [_colours(i) for i in reconstructions]]
    captions = [f"{'novel' if is_novel else 'normal'}<br>{number(each)}" for is_novel, each in zip(novel, error, strict=True)]
    figure = _sheet(rows, captions, ["input", f"epoch {epoch}"], f"Redrawn after epoch {epoch}", height=300, least=8)
    means = [f"{number(error[novel == kind].mean())} on the {name}" for kind, name in enumerate(("normal", "novel")) if (novel == kind).any()]
    sentence = f"Below each: squared difference to its redrawing; on average {' and '.join(means)} images shown."
    return Picture(figure, {"novel": novel.astype(int), "squared difference": error}, sentence, "redrawings")


# --- parts ---------------------------------------------------------------------------------------------------------------

GAP = 2  # pixels between images of a sheet
MARKS = ("circle", "diamond", "star")


def _band(layers: NDArray) -> NDArray[np.float64]:
    """5 %, median and 95 % of each layer: [3, L + 1], above zero."""
    return np.maximum(np.quantile(layers.astype(np.float64), BAND, axis=0), SMALLEST)


def _add_band(figure: go.Figure, x: NDArray, band: NDArray, fill: str, name: str) -> None:
    outline = {"x": np.concatenate([x, x[::-1]]), "y": np.concatenate([band[2], band[0][::-1]])}
    figure.add_scatter(**outline, fill="toself", fillcolor=fill, line_width=0, mode="lines", hoverinfo="skip", showlegend=False, name=name)


def _layer_axis(figure: go.Figure, last: int, window: Window | None) -> None:
    """Layers 0..last with the names of both ends, and the window shaded."""
    names = ["0: input", *(str(layer) for layer in range(1, last)), f"{last}: latent"]
    figure.update_xaxes(tickvals=list(range(last + 1)), ticktext=names, zeroline=False)
    if window:
        figure.add_vrect(window[0] - 0.4, window[1] + 0.4, fillcolor=CONTROL, opacity=0.13, line_width=0, layer="below")
        label = {"text": "window", "showarrow": False, "yref": "paper", "y": 1, "yanchor": "top", "font": {"color": INK, "size": 11}}
        figure.add_annotation(x=(window[0] + window[1]) / 2, **label)


def _log_axis(figure: go.Figure, lowest: float, highest: float) -> None:
    low, high = np.log10(max(lowest, SMALLEST)), np.log10(max(highest, SMALLEST))
    margin = 0.06 * (high - low) + 0.02
    figure.update_yaxes(type="log", range=[low - margin, high + margin], exponentformat="power", dtick=1 if high - low > 1.2 else None)


def _frame(figure: go.Figure, x0: float, x1: float, y0: float, y1: float, colour: str, dash: str) -> None:
    figure.add_shape(type="rect", x0=x0, x1=x1, y0=y0, y1=y1, line={"color": colour, "dash": dash, "width": 2})


def _layer(number_of: int, layers: NDArray) -> str:
    """A layer in words: "the input", "layer 3", "layer 5, the latent"."""
    last = layers.shape[1] - 1
    return "the input" if number_of == 0 else f"layer {number_of}" + (", the latent" if number_of == last else "")


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio < 100 else f"{ratio:,.0f} times"


def _rows(novel: NDArray[np.bool_], picked: int | None) -> NDArray[np.intp]:
    """Up to ROWS places, as many normal as novel ones where there are enough, the same for every score; the picked one among them."""
    rng = np.random.default_rng(0)
    normals, novels = (rng.permutation(np.flatnonzero(novel == kind)) for kind in (False, True))
    many = min(len(novels), max(ROWS // 2, ROWS - len(normals)))
    rows = np.concatenate([normals[: ROWS - many], novels[:many]])
    return rows if picked is None or picked in rows else np.concatenate([rows, [picked]])


def _colours(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[1 or 3, H, W] -> [3, H, W]."""
    return np.broadcast_to(image, (3, *image.shape[1:]))


def _heat(difference: NDArray[np.uint8], most: int) -> NDArray[np.uint8]:
    """Mean over the channels of [C, H, W] in the colours of amounts, 0 to `most`: [3, H, W]."""
    scale = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in AMOUNTS], np.float64)  # [10, 3]
    place = difference.mean(0) / max(most, 1)
    steps = np.linspace(0, 1, len(scale))
    return np.stack([np.interp(place, steps, channel) for channel in scale.T]).round().astype(np.uint8)


def _sheet(rows: list[list[NDArray[np.uint8]]], below: list[str], left: list[str], title: str, height: int, least: int = 0) -> go.Figure:
    """Images in rows, [3, H, W] each, as one picture with hard pixels; texts below the columns and left of the rows.

    least: columns that there is room for, so that few images aren't drawn larger than many.
    """
    columns = len(rows[0])
    images = np.stack([image for row in rows for image in row])
    high, wide = images.shape[-2] + GAP, images.shape[-1] + GAP
    picture = base64.b64encode(strip(images, columns, factor=1, gap=GAP)).decode()
    figure = go.Figure(go.Image(source=f"data:image/png;base64,{picture}", zsmooth=False, hoverinfo="skip"))
    style(figure, title, "", "", height=height)
    at_columns = np.arange(columns) * wide + (wide - GAP - 1) / 2
    at_rows = np.arange(len(rows)) * high + (high - GAP - 1) / 2
    bare = {"showgrid": False, "zeroline": False, "showline": False, "ticks": ""}
    across, down = max(columns, least) * wide - GAP - 0.5, len(rows) * high - GAP - 0.5
    figure.update_xaxes(tickvals=at_columns, ticktext=below, range=[-0.5, across], constrain="domain", tickangle=0, **bare)
    figure.update_yaxes(tickvals=at_rows, ticktext=left, range=[down, -0.5], constrain="domain", scaleanchor="x", **bare)
    figure.update_layout(margin_t=34)
    return figure
