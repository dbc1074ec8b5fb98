"""Pictures of what compares an image with single training images: nearest neighbours and local outlier factor."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import INK, Picture, number, style
from core.figures.charts import hatched
from core.figures.kinds import TRAINING
from core.figures.sheets import sheet
from core.figures.usual import median, more_than, position, profile

Explanation = Mapping[str, NDArray]


def why_far(explanation: Explanation, image: NDArray[np.uint8]) -> list[Picture]:
    """The nearest training images, and how far they are, against how far those of normal images are.

    explanation: "near" [C, H, 3 W], "neighbours" [k] and "distances" [k], with "normal_distances" [V, k] where given.
    """
    distances, normal = explanation["distances"], explanation.get("normal_distances")
    below = [f"distance {number(each)}" for each in distances.tolist()]
    usual = more_than(float(distances.mean()), None if normal is None else normal.mean(1))
    near = beside_neighbours(
        explanation,
        image,
        below,
        "The image and the training images nearest to it",
        f"The nearest {_images(len(distances))} on average {number(float(distances.mean()))} away{usual}.",
    )
    return [near] if len(distances) == 1 else [near, distances_by_rank(distances, normal)]


def distances_by_rank(distances: NDArray, normal: NDArray | None = None) -> Picture:
    """Distance to the first, second, ... nearest training image, [k].  normal: [V, k] of normal images."""
    looks = ("Distance to each neighbour", "Neighbour", "Distance")
    figure, table = profile(distances, normal, *looks)
    figure.update_yaxes(rangemode="tozero")
    sentence = f"From {number(distances[0])} to {number(distances[-1])}."
    if normal is not None:
        above = int((distances > np.quantile(normal, 0.95, axis=0)).sum())
        ratio = float(distances[0] / max(np.median(normal[:, 0]), 1e-12))
        sentence = (
            f"{above} of its {len(distances)} distances lie above the band; the nearest training image is {ratio:.2f} "
            "times as far as a normal image's usually is."
        )
    return Picture(figure, table, sentence, "distances-by-rank")


def why_sparse(explanation: Explanation, image: NDArray[np.uint8]) -> list[Picture]:
    """The neighbours, and how dense it is around the image against how dense it is around each of them.

    explanation: as in `why_far`, with "density" and "densities" [k], 1 / mean reach; "normal_density" [V] and
    "normal_densities" [V, k] where given.
    """
    own, around = float(explanation["density"]), explanation["densities"]
    factor = around.mean() / max(own, 1e-12)
    normal = explanation.get("normal_density")
    usual = None if normal is None else explanation["normal_densities"].mean(1) / np.maximum(normal, 1e-12)
    near = beside_neighbours(
        explanation,
        image,
        [f"density {number(each)}" for each in around.tolist()],
        "The image and the training images nearest to it",
        f"Around the image the density is {number(own)}, around its {len(around)} neighbours "
        f"{number(float(around.mean()))} on average: a factor of {factor:.2f}{more_than(float(factor), usual)}.",
    )
    figure, table = position(
        float(factor), usual, {"as dense as its neighbours": 1.0}, "Times as dense at its neighbours", "Factor"
    )
    places = np.argsort(-around)
    sentence = (
        f"Its neighbours' densities go from {number(float(around[places[-1]]))} to {number(float(around[places[0]]))}. "
        "A distance counts by what is usual there: far is not novel where all are far from each other."
    )
    return [near, Picture(figure, table, sentence, "local-factor")]


def beside_neighbours(
    explanation: Explanation, image: NDArray[np.uint8], below: Sequence[str], title: str, sentence: str
) -> Picture:
    """The image, then the first training images that explain it, each with its number and a text below.

    explanation: "near" [C, H, m W], the pictures side by side, and "neighbours" [k], which training images they are.
    """
    width = image.shape[2]
    near = np.split(explanation["near"], explanation["near"].shape[2] // width, axis=2)
    names = explanation["neighbours"][: len(near)].tolist()
    captions = [f"no. {name:,}<br>{text}" for name, text in zip(names, below, strict=False)]
    figure = sheet([[image, *near]], ["<b>this image</b>", *captions], [""], title, 205, least=4)
    figure.update_yaxes(showticklabels=False)
    table = {"training image": names, "told": list(below[: len(near)])}
    return Picture(figure, table, sentence, "nearest-training-images")


def usual_and_unusual(portrait: Mapping[str, NDArray], how: str) -> Picture:
    """Training images where a method finds it most and least crowded.

    portrait: of which "usual_images" and "unusual_images", [m, C, H, W].  how: ends the sentence, what was measured.
    """
    rows = [portrait["usual_images"], portrait["unusual_images"]]
    figure = sheet(rows, [""] * len(rows[0]), ["most usual", "least usual"], "Training images by themselves", 260)
    figure.update_xaxes(showticklabels=False)
    sentence = (
        f"Top: what it finds most normal among the training images; bottom: least, the extreme one first, {how}. The "
        "bottom row is normal by definition, and where false alarms come from."
    )
    return Picture(
        figure, {"row": ["most usual", "least usual"], "images": [len(row) for row in rows]}, sentence, "usual"
    )


def densities(values: NDArray, used: int) -> Picture:
    """How dense it is around the distinct training images, [M].  used: training images, copies among them."""
    edges = np.linspace(0, float(values.max()) or 1.0, 41)
    counts = np.histogram(values, edges)[0]
    figure = go.Figure()
    middles, hover = (edges[:-1] + edges[1:]) / 2, "%{y:,} training images around %{x:.3g}<extra></extra>"
    figure.add_bar(x=middles, y=counts, width=np.diff(edges), marker=hatched(TRAINING), hovertemplate=hover)
    middle = median(values) or 0.0
    figure.add_vline(x=middle, line={"color": INK, "dash": "dot", "width": 1.5})
    style(figure, "How crowded it is around training images", "Density (1 / mean reach)", "Training images", 300)
    figure.update_layout(bargap=0, showlegend=False)
    low, high = np.quantile(values, (0.05, 0.95))
    copies = used - len(values)
    told = f"{copies:,} copies of others count once" if copies else "No two of them are equal"
    sentence = (
        f"The middle 90 % of {len(values):,} distinct training images span a factor of {high / max(low, 1e-12):.1f} in "
        f"density (dotted: the median, {number(middle)}). A bare distance ignores that; the factor divides it out. "
        f"{told}: copies would make a density infinite."
    )
    return Picture(figure, {"from": edges[:-1], "to": edges[1:], "images": counts}, sentence, "densities")


def with_fewer(distances: NDArray, count: int) -> dict[str, NDArray[np.float64]]:
    """The scores of nearest neighbours with the first `count` of the stored distances, [N, k]: mean and last, [N]."""
    kept = distances[:, :count].astype(np.float64)
    return {"mean": kept.mean(1), "last": kept[:, -1]}


def hidden_classes(neighbours: NDArray, classes: NDArray) -> str:
    """Which hidden classes the training images that explain an image are of: [k] places among classes [n]."""
    names, counts = np.unique(classes[neighbours], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    told = ", ".join(f"{counts[at]} of class {names[at]}" for at in order[:4])
    return f"For diagnosis only, the method sees no class: these {len(neighbours)} training images are {told}."


def _images(count: int) -> str:
    return "training image lies" if count == 1 else f"{count} training images lie"
