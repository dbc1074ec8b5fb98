"""Pictures of RaPP: how far images stray from their reconstructions, layer by layer.

|d_i|^2 is the squared distance between the activations of an image and of its reconstruction at layer i of the encoder;
layer 0 is the input, the last one the latent. A run keeps them for every image, and the NAP of every window of layers
(core/methods/rapp.py, `explain`), so that a window can move without the network and without torch (windows.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from core import evaluation
from core.figures import (
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
    sheets,
    style,
)
from core.figures.families.rapp_windows import Window, column

Metrics = Mapping[str, Mapping[str, float]]  # metric -> {value, low, high}
Snapshots = Mapping[int, Mapping[str, NDArray]]  # epoch -> arrays that replay draws

SPECTRUM_CUT = 1e-5  # core.algorithms.nap.SINGULAR_CUT, which lies beside torch; a test compares the two
SMALLEST = 1e-12  # logarithmic axes have no zero
BAND = (0.05, 0.5, 0.95)
ROWS = 60
KINDS = {  # colour, band, dash
    "normal": (NORMAL, "rgba(0,114,178,0.22)", "solid"),
    "novel": (NOVEL, "rgba(213,94,0,0.18)", "dash"),
}


# --- the answer -------------------------------------------------------------------------------------------------------


def layer_scores(
    layers: NDArray,
    novel: ArrayLike,
    window: Window | None = None,
    span: tuple[float, float] | None = None,
    title: str = "Difference by layer",
) -> Picture:
    """Median and 5 to 95 % band of |d_i|^2 of normal and of novel images; the window is shaded.

    layers: [N, L + 1], of both kinds.  novel: [N], 0 or 1.  span: of the axis, where several pictures share it.
    """
    novel = np.asarray(novel, bool)
    bands = {name: _band(layers[novel == (name == "novel")]) for name in KINDS}
    figure = go.Figure()
    x = np.arange(layers.shape[1])
    for name, (colour, fill, dash) in KINDS.items():
        _add_band(figure, x, bands[name], fill)
        looks = {"mode": "lines+markers", "line": {"color": colour, "dash": dash, "width": 2.5}}
        looks["hovertemplate"] = f"layer %{{x}}: median %{{y:.3g}}<extra>{name}</extra>"
        figure.add_trace(scatter(x, bands[name][1], name=f"{name} ({(novel == (name == 'novel')).sum():,})", **looks))
    style(figure, title, "Layer of the encoder", "Squared difference (log scale)", height=300)
    _layer_axis(figure, layers.shape[1] - 1, window)
    everything = np.stack(list(bands.values()))
    _log_axis(figure, *(span or (everything.min(), everything.max())))
    ratios = bands["novel"][1] / bands["normal"][1]
    furthest = int(ratios.argmax())
    outside = float((layers[novel, furthest] > bands["normal"][2, furthest]).mean())
    sentence = (
        f"Lines are medians, bands hold 90 % of the images. Novel images stray furthest at {_layer(furthest, x)}: "
        f"{_times(ratios[furthest])} the normal median; {percent(outside)} of them leave the normal band there."
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
    shown: int | None = None,
) -> Picture:
    """A seeded choice of 60 test images by layers, half of them novel, the most novel on top; a row gives its place.

    layers: [N, L + 1].  normal_layers: [V, L + 1], normal validation images; a cell says how many times their median it
    is.  scores: [N], what the rows are sorted by; score: its title.  shown: a place that has a row in any case, marked.
    """
    novel = np.asarray(novel, bool)
    rows = _rows(novel, shown)
    rows = rows[np.argsort(scores[rows], kind="stable")]
    ratios = layers[rows] / np.maximum(np.median(normal_layers, axis=0), SMALLEST)  # [R, L + 1]
    shades = np.log2(np.maximum(ratios, SMALLEST)).astype(np.float32)
    figure = go.Figure()
    bar = {"tickvals": np.arange(-3, 4), "ticktext": ["⅛", "¼", "½", "1", "2", "4", "8"], "thickness": 10}
    bar["title"] = {"text": "times<br>normal"}
    figure.add_heatmap(z=shades, zmin=-3, zmax=3, colorscale=DIFFERENCES, colorbar=bar, hoverinfo="skip")
    for (name, (colour, *_)), symbol in zip(KINDS.items(), ("circle", "diamond"), strict=True):
        place = np.flatnonzero(novel[rows] == (name == "novel"))
        looks = {"mode": "markers", "marker": {"color": colour, "symbol": symbol, "size": 6}, "hoverinfo": "skip"}
        figure.add_trace(scatter(np.full(len(place), -0.75), place, name=name, customdata=rows[place], **looks))
    words = [f"class {classes[row]}, {_kind(novel[row])}, {score} {number(scores[row])}" for row in rows]
    text = [f"{words[row]}<br>layer {layer}: {_times(ratio)} normal" for (row, layer), ratio in np.ndenumerate(ratios)]
    y, x = np.indices(ratios.shape).reshape(2, -1)
    figure.add_trace(sheets.clickable(x, y, rows[y], size=12, text=text))
    if shown is not None:
        looks = {"mode": "markers", "marker": {"color": INK, "symbol": "triangle-right", "size": 11}}
        at = np.flatnonzero(rows == shown)
        figure.add_trace(scatter([-1.05], at, name="shown beside", customdata=[shown], hoverinfo="skip", **looks))
    style(figure, f"{len(rows)} test images, sorted by {score}", "Layer of the encoder", "", height=520)
    _layer_axis(figure, layers.shape[1] - 1, None)
    if window:
        edge = {"type": "line", "y0": -0.5, "y1": len(rows) - 0.5, "line": {"color": INK, "dash": "dot", "width": 2}}
        figure.add_shape(x0=window[0] - 0.5, x1=window[0] - 0.5, **edge)
        figure.add_shape(x0=window[1] + 0.5, x1=window[1] + 0.5, **edge)
    figure.update_xaxes(range=[-1.25, layers.shape[1] - 0.45], showgrid=False)
    bare = {"showticklabels": False, "ticks": "", "showgrid": False, "zeroline": False}
    figure.update_yaxes(range=[-0.8, len(rows) - 0.2], **bare)
    figure.update_layout(clickmode="event+select")
    upper = novel[rows[len(rows) // 2 :]]
    lower = novel[rows[: len(rows) // 2]]
    sentence = (
        f"Click a row to see its image. {upper.sum()} of the upper {len(upper)} rows are novel, {lower.sum()} of the "
        f"lower {len(lower)}. Orange: further from the reconstruction than a typical normal image; dotted: the window."
    )
    table: dict[str, Sequence | NDArray] = {"image": rows, "novel": novel[rows].astype(int), "score": scores[rows]}
    table |= {f"layer {layer}": ratios[:, layer] for layer in range(layers.shape[1])}
    return Picture(figure, table, sentence, "pathways")


def _rows(novel: NDArray[np.bool_], shown: int | None) -> NDArray[np.intp]:
    """ROWS places, half of them novel where there are enough, the same for every score; the shown one among them."""
    rng = np.random.default_rng(0)
    normals, novels = (rng.permutation(np.flatnonzero(novel == kind)) for kind in (False, True))
    many = min(len(novels), max(ROWS // 2, ROWS - len(normals)))
    rows = np.concatenate([normals[: ROWS - many], novels[:many]])
    return rows if shown is None or shown in rows else np.concatenate([rows, [shown]])


# --- why --------------------------------------------------------------------------------------------------------------


def why(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """What RaPP sees in one image: what it couldn't redraw, and the image's path through the layers.

    image: uint8 [C, H, W].  explanation: one image's row of `explain`, of which it takes "reconstruction", uint8
    [C, H, W], and "layers", |d_i|^2, [L + 1].  With "normal_layers", [V, L + 1] of normal validation images (a run's
    `explanations`, "valid/layers"), both pictures say how usual that is.
    """
    layers, normal = explanation["layers"], explanation.get("normal_layers")
    of_input = None if normal is None else normal[:, 0]
    redrawing = sheets.redrawing(image, explanation["reconstruction"], float(layers[0]), of_input)
    return [redrawing, layer_path(layers, normal)]


def layer_path(path: NDArray, normal_layers: NDArray | None = None) -> Picture:
    """One image's |d_i|^2, [L + 1], against the 5 to 95 % band of normal validation images, [V, L + 1], where given."""
    x = np.arange(len(path))
    figure = go.Figure()
    table: dict[str, Sequence | NDArray] = {"layer": x, "image": path}
    span = np.asarray(path, np.float64)
    if normal_layers is None:
        sentence = f"The difference is largest at {_layer(int(path.argmax()), x)}: {number(float(path.max()))}."
    else:
        band = _band(normal_layers)
        _add_band(figure, x, band, KINDS["normal"][1])
        looks = {"mode": "lines", "line": {"color": NORMAL, "width": 2}}
        figure.add_trace(scatter(x, band[1], name=f"held-out normal ({len(normal_layers):,})", **looks))
        table |= {"normal 5 %": band[0], "normal median": band[1], "normal 95 %": band[2]}
        span = np.concatenate([span, band.ravel()])
        sentence = _strays(path, band)
    looks = {"mode": "lines+markers", "line": {"color": INK, "width": 2.5}, "marker": {"symbol": "diamond", "size": 9}}
    looks["hovertemplate"] = "layer %{x}: %{y:.3g}<extra>this image</extra>"
    figure.add_trace(scatter(x, np.maximum(path, SMALLEST), name="this image", **looks))
    style(figure, "Its path through the layers", "Layer of the encoder", "Squared difference (log)", height=250)
    _layer_axis(figure, len(path) - 1, None)
    _log_axis(figure, span.min(), span.max())
    return Picture(figure, table, sentence, "path")


def _strays(path: NDArray, band: NDArray) -> str:
    """Where an image's path leaves the normal band."""
    x, above = np.arange(len(path)), np.flatnonzero(path > band[2])
    if not len(above):
        return f"At all {len(path)} layers it stays below the upper edge of the normal band: it looks normal here."
    ratios = path / band[1]
    furthest = int(ratios.argmax())
    return (
        f"It lies above the normal band at {len(above)} of {len(path)} layers, first at {_layer(int(above[0]), x)}, "
        f"and strays furthest at {_layer(furthest, x)}: {_times(ratios[furthest])} the normal median."
    )


# --- ROC and PR, NAP's spectrum ---------------------------------------------------------------------------------------


def curves(
    scores: Mapping[str, NDArray],
    novel: ArrayLike,
    metrics: Mapping[str, Metrics],
    points: Mapping[str, NDArray],
    controls: Mapping[str, str],
    control_metrics: Mapping[str, Metrics],
) -> list[Picture]:
    """ROC and precision-recall overlays of scores, [N] each by title, and of control lines.

    metrics: of the scores whose intervals are known, by title.  points: a run's `controls.npz`, empty where there is
    none yet.  controls: name -> title.  control_metrics: by name.
    """
    novel = np.asarray(novel, bool)
    rocs, prs = [], []
    for title, values in scores.items():
        known = metrics.get(title, {})
        line, area = evaluation.roc_points(values, novel), {"value": evaluation.auroc(values, novel)}
        rocs.append(Curve(title, line["fpr"], line["tpr"], known.get("auroc", area)))
        line, area = evaluation.pr_points(values, novel), {"value": evaluation.aupr_novel(values, novel)}
        prs.append(Curve(title, line["recall"], line["precision"], known.get("aupr_novel", area)))
    for name, title in controls.items():
        if name in control_metrics and f"roc/{name}/fpr" in points:
            x, y = points[f"roc/{name}/fpr"], points[f"roc/{name}/tpr"]
            rocs.append(Curve(title, x, y, control_metrics[name]["auroc"], control=True))
            x, y = points[f"pr/{name}/recall"], points[f"pr/{name}/precision"]
            prs.append(Curve(title, x, y, control_metrics[name]["aupr_novel"], control=True))
    return [roc(rocs), pr(prs, float(novel.mean()))]


def singular_values(portrait: Mapping[str, NDArray], window: Window) -> NDArray:
    """Of a window, falling, [D]; empty where the run keeps none.  portrait: a run's `portrait.npz`."""
    return np.split(portrait["spectra"], portrait["spectrum_ends"][:-1])[column(portrait["windows"], window)]


def nap_spectrum(values: NDArray, portrait: Mapping[str, NDArray], window: Window) -> Picture:
    """Singular values of the training differences in a window, [D], and what of them NAP uses.

    portrait: its "ranks" say how many directions count in each window.
    """
    rank, widths = int(portrait["ranks"][column(portrait["windows"], window)]), portrait["widths"]
    relative = np.maximum(values / max(values[0], SMALLEST), SMALLEST)
    x = np.arange(1, len(values) + 1)
    figure = go.Figure()
    parts = (("counts", slice(rank), SERIES[0], "solid"), ("left out", slice(rank, None), CONTROL, "dot"))
    for name, part, colour, dash in parts:
        looks = {"mode": "lines", "line": {"color": colour, "dash": dash, "width": 3}}
        looks["hovertemplate"] = f"direction %{{x}}: %{{y:.3g}} of the largest<extra>{name}</extra>"
        figure.add_trace(scatter(x[part], relative[part], name=f"{name} ({len(x[part]):,})", **looks))
    figure.add_hline(y=SPECTRUM_CUT, line={"color": INK, "dash": "dash", "width": 1.5})
    title = f"How far normal images spread along each direction, layers {window[0]} to {window[1]}"
    style(figure, title, "Direction", "Singular value / largest (log scale)", height=360)
    _log_axis(figure, relative.min(), 1.0)
    words = _left_out(len(values), rank, window, widths)
    sentence = (
        "NAP divides by these values: a step along the weakest direction that counts weighs "
        f"{number(1 / relative[rank - 1])} times one along the strongest. {words}"
    )
    return Picture(figure, {"direction": x, "singular value": values, "counts": x <= rank}, sentence, "spectrum")


def _left_out(count: int, rank: int, window: Window, widths: NDArray) -> str:
    last = len(widths) - 1
    if rank == count:
        return f"All {count:,} directions count."
    if window[0] < last == window[1] and count - rank == widths[last]:
        why_not = f"layer {last} is a linear map of layer {last - 1}, so these hold rounding noise alone"
    else:
        why_not = "there the training images don't spread, beyond rounding noise"
    return f"The last {count - rank:,} of {count:,} are left out: {why_not}, and dividing by it would drown the rest."


# --- replay -----------------------------------------------------------------------------------------------------------


def learning(snapshots: Snapshots, probe: Mapping[str, NDArray], window: Window, shown: int) -> Picture:
    """AUROC of reconstruction and SAP on the probe images after each stored epoch; the shown epoch is marked.

    snapshots: epoch -> a snapshot with |d_i|^2 of the probe images, "layers" [P, L + 1].  probe: "novel" [P].
    """
    epochs, novel, (first, last) = list(snapshots), probe["novel"], window
    layers = [each["layers"] for each in snapshots.values()]
    reached = {"Reconstruction": [evaluation.auroc(each[:, 0], novel) for each in layers]}
    name = f"SAP, layers {first} to {last}"
    reached[name] = [evaluation.auroc(each[:, first : last + 1].sum(1), novel) for each in layers]
    figure = go.Figure()
    for (score, values), colour, dash in zip(reached.items(), SERIES, ("solid", "longdash"), strict=False):
        looks = {"mode": "lines+markers", "line": {"color": colour, "dash": dash, "width": 2.5}}
        looks["hovertemplate"] = f"epoch %{{x}}: %{{y:.3f}}<extra>{score}</extra>"
        figure.add_trace(scatter(epochs, values, name=score, **looks))
    figure.add_vline(x=shown, line={"color": INK, "dash": "dash", "width": 1.5})
    style(figure, "What the training did", "Epoch (log scale)", f"AUROC, {len(layers[0])} probe images", height=300)
    figure.update_xaxes(type="log", tickvals=epochs, ticktext=[str(epoch) for epoch in epochs])
    values = reached[name]
    best = int(np.argmax(values))
    peak = "" if best == len(values) - 1 else f"; it was highest, {values[best]:.3f}, after epoch {epochs[best]}"
    sentence = (
        f"{name}, begins at {values[0]:.3f} and ends at {values[-1]:.3f}{peak}. The training only learns to redraw: "
        "nothing in it asks for a high AUROC."
    )
    return Picture(figure, {"epoch": epochs, **reached}, sentence, "learning")


def layers_after(epoch: int, snapshots: Snapshots, probe: Mapping[str, NDArray], window: Window | None) -> Picture:
    """`layer_scores` of the probe images after an epoch, on an axis that all epochs share.  Arguments as `learning`."""
    everything = np.concatenate([each["layers"] for each in snapshots.values()])
    low, high = np.quantile(everything, [0.02, 0.98]).tolist()
    title = f"Difference by layer after epoch {epoch}"
    picture = layer_scores(snapshots[epoch]["layers"], probe["novel"], window, (low, high), title)
    return replace(picture, name="layers-after-epoch")


def redrawings(epoch: int, snapshots: Snapshots, probe: Mapping[str, NDArray], many: int = 10) -> Picture:
    """A few probe images and what the network made of them after an epoch, half of them novel where there are enough.

    snapshots: epoch -> a snapshot with "reconstruction", uint8 [K, C, H, W], of the first K probe images.
    probe: "images" and "novel" of all.
    """
    redrawn = snapshots[epoch]["reconstruction"]
    novel = probe["novel"][: len(redrawn)].astype(bool)
    novels, normals = np.flatnonzero(novel)[: many // 2], np.flatnonzero(~novel)
    places = np.concatenate([normals[: many - len(novels)], novels])
    images, redrawn, novel = probe["images"][places], redrawn[places], novel[places]
    error = np.square((images.astype(np.float64) - redrawn) / 255).sum((1, 2, 3))
    below = [sheets.caption(_kind(kind), kind, number(each)) for kind, each in zip(novel, error, strict=True)]
    figure = sheets.sheet([images, redrawn], below, ["input", "redrawn"], f"Redrawn after epoch {epoch}", 250, many)
    means = [f"{number(error[novel == kind].mean())} for the {_kind(kind)} ones" for kind in np.unique(novel)]
    sentence = f"Below each its squared difference to the redrawing: on average {' and '.join(means)}."
    return Picture(figure, {"novel": novel.astype(int), "squared difference": error}, sentence, "redrawings")


# --- parts ------------------------------------------------------------------------------------------------------------


def _band(values: NDArray) -> NDArray[np.float64]:
    """5 %, median and 95 % of each column: [3, L + 1], above zero."""
    return np.maximum(np.quantile(values.astype(np.float64), BAND, axis=0), SMALLEST)


def _add_band(figure: go.Figure, x: NDArray, band: NDArray, fill: str) -> None:
    outline = {"x": np.concatenate([x, x[::-1]]), "y": np.concatenate([band[2], band[0][::-1]])}
    looks = {"mode": "lines", "line_width": 0, "fill": "toself", "fillcolor": fill}
    figure.add_scatter(**outline, **looks, hoverinfo="skip", showlegend=False)


def _layer_axis(figure: go.Figure, last: int, window: Window | None) -> None:
    """Layers 0 to last with the names of both ends, and the window shaded."""
    names = ["0: input", *(str(layer) for layer in range(1, last)), f"{last}: latent"]
    figure.update_xaxes(tickvals=list(range(last + 1)), ticktext=names, zeroline=False)
    if window:
        first, last = window
        figure.add_vrect(first - 0.4, last + 0.4, fillcolor=CONTROL, opacity=0.13, line_width=0, layer="below")
        looks = {"showarrow": False, "yref": "paper", "yanchor": "top", "font": {"color": INK, "size": 11}}
        figure.add_annotation(x=(first + last) / 2, y=1, text="window", **looks)


def _log_axis(figure: go.Figure, lowest: float, highest: float) -> None:
    """Powers of ten as people write them; Plotly's own steps where the ends are close."""
    low, high = np.log10(np.maximum([lowest, highest], SMALLEST))
    margin = 0.06 * (high - low) + 0.02
    powers = 10.0 ** np.arange(np.ceil(low - margin), np.floor(high + margin) + 1)
    figure.update_yaxes(type="log", range=[low - margin, high + margin])
    if len(powers) > 1:
        figure.update_yaxes(tickvals=powers, ticktext=[number(power) for power in powers])


def _layer(layer: int, x: NDArray) -> str:
    """A layer of all layers x in words: "the input", "layer 3", "layer 5, the latent"."""
    return "the input" if layer == 0 else f"layer {layer}" + (", the latent" if layer == x[-1] else "")


def _kind(novel: bool) -> str:
    return "novel" if novel else "normal"


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio < 100 else f"{ratio:,.0f} times"
