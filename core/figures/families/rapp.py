"""Pictures of RaPP: how far images stray from their reconstructions, layer by layer.

|d_i|^2 is the squared distance between the activations of an image and of its reconstruction at layer i of the encoder;
layer 0 is the input, the last one the latent. A run keeps them for every image, and the NAP of every window of layers
(core/methods/rapp.py, `explain`), so that a window can move without the network and without torch (rapp_windows.py).
"""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import (
    CONTROL,
    DIFFERENCES,
    INK,
    NORMAL,
    SMALLEST,
    Kinds,
    Picture,
    lay_out,
    log_axis,
    number,
    percent,
    scatter,
    sheets,
    style,
)
from core.figures.families.rapp_windows import Window
from core.figures.kinds import NORMAL_KIND

BAND = (0.05, 0.5, 0.95)
ROWS = 60


# --- the answer -------------------------------------------------------------------------------------------------------


def layer_scores(
    layers: NDArray,
    kinds: Kinds,
    window: Window | None = None,
    span: tuple[float, float] | None = None,
    title: str = "Difference by layer",
) -> Picture:
    """Median and 5 to 95 % band of |d_i|^2 of the images of each kind; the window is shaded.

    layers: [N, L + 1].  kinds: of the N images.  span: of the axis, where several pictures share it.
    """
    bands = {name: _band(layers[mask]) for name, mask in kinds.groups.items()}
    figure = go.Figure()
    x = np.arange(layers.shape[1])
    for kind, mask in kinds:
        _add_band(figure, x, bands[kind.name], kind.faint)
        looks = {"mode": "lines+markers", "line": {"color": kind.colour, "dash": kind.dash, "width": 2.5}}
        if kinds.several:
            looks["marker"] = {"symbol": kind.symbol, "size": 8}
        looks["hovertemplate"] = f"layer %{{x}}: median %{{y:.3g}}<extra>{kind.label}</extra>"
        figure.add_trace(scatter(x, bands[kind.name][1], name=f"{kind.label} ({mask.sum():,})", **looks))
    style(figure, title, "Layer of the encoder", "Squared difference (log scale)", height=300)
    _layer_axis(figure, layers.shape[1] - 1, window)
    everything = np.stack(list(bands.values()))
    log_axis(figure, *(span or (everything.min(), everything.max())))
    sentence = "Lines are medians, bands hold 90 % of the images. " + _furthest(layers, kinds, bands)
    table: dict[str, Sequence | NDArray] = {"layer": x}
    for name, band in bands.items():
        table |= {f"{name} {share}": row for share, row in zip(("5 %", "median", "95 %"), band, strict=True)}
    return Picture(figure, table, sentence, "layers")


def _furthest(layers: NDArray, kinds: Kinds, bands: Mapping[str, NDArray]) -> str:
    """Where the images of each kind of novel ones stray furthest, and how many of them leave the normal band there."""
    x, (_, normal, upper) = np.arange(layers.shape[1]), bands["normal"]
    said, highest = [], 0.0
    for kind, mask in kinds:
        if kind.foreign:
            ratios = bands[kind.name][1] / normal
            furthest = int(ratios.argmax())
            highest = max(highest, float(ratios[furthest]))
            leave = percent(float((layers[mask, furthest] > upper[furthest]).mean()))
            said.append((kind.name, _layer(furthest, x), _times(ratios[furthest]), leave))
    if kinds.several or not said:
        each = (
            f"{name} at {where} ({times} the normal median, {out} above the band)" for name, where, times, out in said
        )
        first = "Furthest stray" if highest > 1 else "No kind rises above the normal median; closest come"
        return f"{first} {'; '.join(each)}." if said else ""
    _, where, times, out = said[0]
    if highest <= 1:
        return (
            f"At every layer novel images lie below normal ones in the median, closest at {where}: {times} the normal "
            f"median; {out} of them leave the normal band upwards there."
        )
    return (
        f"Novel images stray furthest at {where}: {times} the normal median; {out} of them leave the normal band there."
    )


def pathway_map(
    layers: NDArray,
    kinds: Kinds,
    scores: NDArray,
    normal_layers: NDArray,
    classes: Sequence[str],
    score: str,
    window: Window | None = None,
    shown: int | None = None,
) -> Picture:
    """A seeded choice of 60 test images by layers, half of them novel, the most novel on top; a row gives its place.

    layers: [N, L + 1].  kinds: of the N images.  normal_layers: [V, L + 1], normal validation images; a cell says how
    many times their median it is.  scores: [N], what the rows are sorted by; score: its title.  shown: a place that has
    a row in any case, marked.
    """
    rows = _rows(kinds, shown)
    rows = rows[np.argsort(scores[rows], kind="stable")]
    ratios = layers[rows] / np.maximum(np.median(normal_layers, axis=0), SMALLEST)  # [R, L + 1]
    shades = np.log2(np.maximum(ratios, SMALLEST)).astype(np.float32)
    figure = go.Figure()
    bar = {"tickvals": np.arange(-3, 4), "ticktext": ["⅛", "¼", "½", "1", "2", "4", "8"], "thickness": 10}
    bar["title"] = {"text": "times<br>normal"}
    figure.add_heatmap(z=shades, zmin=-3, zmax=3, colorscale=DIFFERENCES, colorbar=bar, hoverinfo="skip")
    for kind, mask in kinds[rows]:
        place, looks = np.flatnonzero(mask), {"color": kind.colour, "symbol": kind.symbol, "size": 6}
        about = {"name": kind.label, "customdata": rows[place], "hoverinfo": "skip"}
        figure.add_trace(scatter(np.full(len(place), -0.75), place, mode="markers", marker=looks, **about))
    words = [f"{escape(kinds.kind(row).of_class(classes[row]))}, {score} {number(scores[row])}" for row in rows]
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
    upper, lower = kinds[rows[len(rows) // 2 :]], kinds[rows[: len(rows) // 2]]
    sentence = (
        f"Click a row to see its image. {upper.novel.sum()} of the upper {len(upper)} rows are novel, "
        f"{lower.novel.sum()} of the lower {len(lower)}. Orange: further from the reconstruction than a typical normal "
        "image; dotted: the window."
    )
    table: dict[str, Sequence | NDArray] = {"image": rows, **kinds[rows].columns, "score": scores[rows]}
    table |= {f"layer {layer}": ratios[:, layer] for layer in range(layers.shape[1])}
    return Picture(figure, table, sentence, "pathways")


def _rows(kinds: Kinds, shown: int | None) -> NDArray[np.intp]:
    """ROWS places, half of them novel where there are enough, the same for every score; the shown one among them."""
    rng = np.random.default_rng(0)
    normals, novels = (rng.permutation(np.flatnonzero(kinds.novel == novel)) for novel in (False, True))
    novels = kinds.by_turns(novels)
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
        _add_band(figure, x, band, NORMAL_KIND.faint)
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
    log_axis(figure, span.min(), span.max())
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
    lay_out(figure, {"tickvals": list(range(last + 1)), "ticktext": names, "zeroline": False}, {})
    if window:
        first, last = window
        figure.add_vrect(first - 0.4, last + 0.4, fillcolor=CONTROL, opacity=0.13, line_width=0, layer="below")
        looks = {"showarrow": False, "yref": "paper", "yanchor": "top", "font": {"color": INK, "size": 11}}
        figure.add_annotation(x=(first + last) / 2, y=1, text="window", **looks)


def _layer(layer: int, x: NDArray) -> str:
    """A layer of all layers x in words: "the input", "layer 3", "layer 5, the latent"."""
    return "the input" if layer == 0 else f"layer {layer}" + (", the latent" if layer == x[-1] else "")


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio < 100 else f"{ratio:,.0f} times"
