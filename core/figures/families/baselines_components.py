"""Pictures of PCA error: principal components as images, what they can't redraw, and how many there should be."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core import evaluation
from core.figures import AMOUNTS, INK, SERIES, Kinds, Picture, number, percent, scatter, style
from core.figures.sheets import difference, heat, sheet, signed_heat
from core.figures.usual import more_than, profile

SHOWN = 12


# --- one image --------------------------------------------------------------------------------------------------------


def why(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """The image, what the components redraw of it, what is left over; and where it lies along the first components.

    explanation: "redrawn" uint8 [C, H, W], "coordinates" [<= 32], with "normal_coordinates" [V, <= 32] where given.
    """
    left = np.square((image.astype(np.float64) - explanation["redrawn"]) / 255).sum()
    picture = redrawing(image, explanation["redrawn"], float(left), "the components that it was fitted with")
    return [picture] + ([along(explanation)] if len(explanation["coordinates"]) else [])


def redrawing(image: NDArray[np.uint8], redrawn: NDArray[np.uint8], left: float, by: str, usual: str = "") -> Picture:
    """An image, what some components redraw of it, and the part that they can't, uint8 [C, H, W] each.

    left: the squared error.  by: which components.  usual: how large that is, ends the sentence.
    """
    amounts = difference(image, redrawn)
    most = int(amounts.max())
    below = ["<b>this image</b>", "redrawn", f"left over, to {percent(most / 255)}"]
    figure = sheet(
        [[image, redrawn, heat(amounts, most)]], below, [""], "What the components can't redraw", 190, least=4
    )
    figure.update_yaxes(showticklabels=False)
    channel, row, column = (each.ravel() for each in np.indices(image.shape))
    pixels = {"image": image.ravel(), "redrawn": redrawn.ravel()}
    sentence = (
        f"Redrawn from {by}, {number(left)} is left over, squared and summed{usual}. Bright is what they can't draw."
    )
    return Picture(figure, {"channel": channel, "row": row, "column": column, **pixels}, sentence, "redrawn")


def along(explanation: Mapping[str, NDArray]) -> Picture:
    """Coordinates of one image along the components, in standard deviations of normal images where they are given."""
    coordinates, normal = explanation["coordinates"], explanation.get("normal_coordinates")
    if normal is None:
        figure, table = profile(coordinates, None, "Along the components", "Component", "Coordinate")
        sentence = f"Farthest along component {int(np.abs(coordinates).argmax()) + 1}. The error counts none of this."
        return Picture(figure, table, sentence, "coordinates")
    scale = np.maximum(normal.std(0), 1e-12)
    far, usual = coordinates / scale, normal / scale
    figure, table = profile(far, usual, "Along the components", "Component", "Standard deviations")
    out = int(np.abs(far).argmax())
    beyond = int(((far < np.quantile(usual, 0.05, axis=0)) | (far > np.quantile(usual, 0.95, axis=0))).sum())
    sentence = (
        f"Outside the normal band along {beyond} of {len(far)} components, farthest along component {out + 1}: "
        f"{abs(far[out]):.1f} standard deviations. PCA error counts none of this, only what lies beside the components."
    )
    return Picture(figure, table, sentence, "coordinates")


# --- fewer components -------------------------------------------------------------------------------------------------


def errors(off_mean: NDArray, coordinates: NDArray, counts: Sequence[int]) -> NDArray[np.float64]:
    """The squared error with only the first components, for each of `counts`: [K, N].

    off_mean: [N], squared distance to the mean image.  coordinates: [N, D] along the components, counts up to D.
    """
    along_first = np.cumsum(np.square(coordinates.astype(np.float64)), axis=1)
    taken = np.concatenate([np.zeros((len(coordinates), 1)), along_first], axis=1)[:, list(counts)]
    return np.maximum(off_mean[None] - taken.T, 0)


def choices(kept: int, stored: int) -> list[int]:
    """Numbers of components that can be drawn: as many as are stored, and all that are kept."""
    return sorted({*range(min(kept, stored) + 1), kept})


def with_fewer(coordinates: NDArray, axes: NDArray, mean_image: NDArray, count: int) -> NDArray[np.uint8]:
    """One image as the first `count` components redraw it: uint8 [C, H, W].

    coordinates: [D].  axes: [D, C, H, W].  mean_image: [C, H, W] in 0 to 1.
    """
    drawn = mean_image + np.tensordot(coordinates[:count], axes[:count], 1)
    return (255 * drawn.clip(0, 1)).round().astype(np.uint8)


def one_image(
    image: NDArray[np.uint8], redrawn: NDArray[np.uint8], error: float, count: int, normal: NDArray | None = None
) -> Picture:
    """As `redrawing`, by a chosen number of components.  error: the score.  normal: [V], that of normal images."""
    first = "the first component" if count == 1 else f"the first {count} components"
    by = first if count else "the mean image alone"
    return redrawing(image, redrawn, error, by, more_than(error, normal))


def by_number(
    off_mean: NDArray, coordinates: NDArray, kinds: Kinds, classes: NDArray, chosen: int, trained: float | None = None
) -> Picture:
    """AUROC by the number of components, over all images and class by class: which class is hard depends on it.

    A novel class is measured against all normal images, a normal class against all novel ones.  off_mean,
    coordinates: as in `errors`.  classes: [N].  chosen: a number of components.  trained: AUROC as trained.
    """
    counts = list(range(coordinates.shape[1] + 1))
    scores, novel = errors(off_mean, coordinates, counts), kinds.novel
    rows = [
        (f"{name} ({'novel' if side else 'normal'})", (novel == side) & (classes == name), side)
        for side in (True, False)
        for name in np.unique(classes[novel == side]).tolist()
    ]
    names = ["<b>all images</b>", *(escape(name) for name, *_ in rows)]
    measured = [np.ones(len(novel), bool), *(mask | (~novel if is_novel else novel) for _, mask, is_novel in rows)]
    values = np.array([[evaluation.auroc(each[of], novel[of]) for each in scores] for of in measured])  # [rows, K]
    figure = go.Figure(
        go.Heatmap(
            z=values.astype(np.float32),
            x=counts,
            y=names,
            zmin=0,
            zmax=1,
            colorscale=list(AMOUNTS),
            ygap=1,
            hovertemplate="%{y}, %{x} components: %{z:.3f}<extra></extra>",
            colorbar={"thickness": 12, "title": {"text": "AUROC"}, "tickvals": [0, 0.5, 1]},
        )
    )
    if chosen in counts:
        figure.add_vline(x=chosen, line={"color": INK, "dash": "dash", "width": 2})
    style(figure, "AUROC by the number of components", "Components", "Hidden class", 130 + 24 * len(names))
    figure.update_yaxes(autorange="reversed", type="category")
    best, least = int(values[0].argmax()), int(values[0].argmin())
    first, last = (rows[int(values[1:, at].argmin())][0] for at in (min(1, counts[-1]), -1))
    sentence = (
        f"Highest with {best} components, {values[0, best]:.3f}; lowest with {least}, {values[0, least]:.3f}"
        + ("" if trained is None else f"; as trained {trained:.3f}")
        + f". Hardest with 1 component: class {first}; with {counts[-1]}: class {last}. The best number is read "
        "off the test labels, which nobody has beforehand."
    )
    table: dict[str, Sequence | NDArray] = {"components": counts, "all images": values[0]}
    table |= {name: row for (name, *_), row in zip(rows, values[1:], strict=True)}
    return Picture(figure, table, sentence, "auroc-by-components")


# --- what was learned -------------------------------------------------------------------------------------------------


def components(axes: NDArray, mean_image: NDArray, ratio: NDArray) -> Picture:
    """The mean image and the first components as images, blue to orange, with their shares of the variance.

    axes: [D, C, H, W].  mean_image: [C, H, W] in 0 to 1.  ratio: [>= D].
    """
    first = axes[:SHOWN]
    most = float(np.abs(first).max()) if len(first) else 1.0
    mean = (255 * mean_image).round().astype(np.uint8)
    below = ["mean", *(f"{at + 1}<br>{percent(float(ratio[at]))}" for at in range(len(first)))]
    figure = sheet(
        [[mean, *(signed_heat(each, most) for each in first)]],
        below,
        [""],
        "Mean and first components",
        185,
        least=SHOWN + 1,
    )
    figure.update_yaxes(showticklabels=False)
    sentence = (
        f"Any image is redrawn as the mean plus so much of each; orange is added where blue is taken away. The first "
        f"{len(first)} hold {percent(float(ratio[: len(first)].sum()))} of the variance of the training images."
    )
    return Picture(
        figure, {"component": np.arange(len(first)) + 1, "share": ratio[: len(first)]}, sentence, "components"
    )


def variance_kept(ratio: NDArray, kept: int, chosen: int) -> Picture:
    """Share of the variance that the first components hold, [D + 1], and the number that is kept, dashed."""
    counts, held = np.arange(len(ratio) + 1), np.concatenate([[0], np.cumsum(ratio)])
    figure = go.Figure()
    hover = "%{x} components: %{y:.1f} %<extra></extra>"
    figure.add_trace(
        scatter(counts, 100 * held, mode="lines", line={"color": SERIES[0], "width": 2.5}, hovertemplate=hover)
    )
    figure.add_vline(x=kept, line={"color": INK, "dash": "dash", "width": 2})
    if chosen != kept:
        figure.add_vline(x=chosen, line={"color": INK, "dash": "dot", "width": 2})
    style(figure, "Variance by the number of components", "Components (dashed: as trained)", "% of the variance", 300)
    figure.update_layout(yaxis_range=[0, 101], showlegend=False)
    sentence = (
        f"{kept} of {len(ratio)} components keep {percent(float(held[kept]))} of the variance. Few miss what normal "
        "images have; many redraw novel ones as well: both make novel images hard to tell."
    )
    return Picture(figure, {"components": counts, "share": held}, sentence, "variance-kept")
