"""Pictures made of images: rows of them with hard pixels, what was redrawn and where it differs."""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from core.figures.charts import lay_out, style, wrapped
from core.figures.kinds import Kind, Kinds
from core.figures.palette import AMOUNTS, DIFFERENCES, along
from core.figures.picture import Picture, number, percent

GAP = 2  # pixels between the images of a sheet
RANKINGS = {
    "most": "Most novel",
    "least": "Least novel",
    "missed": "Novel, but missed",
    "alarms": "Normal, but alarming",
}


@dataclass(frozen=True, eq=False)
class Row:
    """Images side by side.

    images: uint8 [n, C, H, W].  labels: n texts, the words below them.
    """

    title: str
    images: NDArray[np.uint8]
    labels: Sequence[str]


def enlarge(images: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Hard pixels, each repeated factor x factor times: [..., 1 or 3, H, W] -> [..., H * factor, W * factor, 3]."""
    channels_last = np.moveaxis(images, -3, -1)
    colour = np.broadcast_to(channels_last, (*channels_last.shape[:-1], 3))
    return colour.repeat(factor, axis=-3).repeat(factor, axis=-2)


def strip(images: NDArray[np.uint8], columns: int | None = None, factor: int = 3, gap: int = 4) -> bytes:
    """Many images as one PNG, row by row, with hard pixels and transparent gaps.

    images: [N, C, H, W], N at least 1.  columns: images in a row, all of them by default.  gap: in pixels of the PNG.
    """
    count, _, height, width = images.shape
    columns = min(columns or count, count)
    rows = math.ceil(count / columns)
    height, width = height * factor, width * factor
    cells = np.zeros((rows * columns, height + gap, width + gap, 4), np.uint8)
    cells[:count, :height, :width, :3] = enlarge(images, factor)
    cells[:count, :height, :width, 3] = 255
    sheet = cells.reshape(rows, columns, height + gap, width + gap, 4).swapaxes(1, 2)
    sheet = sheet.reshape(rows * (height + gap), columns * (width + gap), 4)
    png = io.BytesIO()
    Image.fromarray(sheet[: len(sheet) - gap, : sheet.shape[1] - gap]).save(png, format="PNG")
    return png.getvalue()


def sheet(
    rows: Sequence[Sequence[NDArray[np.uint8]] | NDArray[np.uint8]],
    below: Sequence[str],
    left: Sequence[str],
    title: str,
    height: int,
    least: int = 0,
) -> go.Figure:
    """Rows of equally many images, [1 or 3, H, W] each, with texts below the columns and left of the rows.

    least: columns that there is room for, so that few images aren't drawn larger than many.
    """
    columns = len(rows[0])
    images = np.stack([rgb(image) for row in rows for image in row])
    high, wide = images.shape[-2] + GAP, images.shape[-1] + GAP
    png = base64.b64encode(strip(images, columns, factor=1, gap=GAP)).decode()
    figure = go.Figure(go.Image(source=f"data:image/png;base64,{png}", zsmooth=False, hoverinfo="skip"))
    style(figure, title, "", "", height=height)
    x, y = centres(columns, len(rows), images.shape[-2:])
    bare = {"showgrid": False, "zeroline": False, "showline": False, "ticks": "", "constrain": "domain"}
    across, down = max(columns, least) * wide - GAP - 0.5, len(rows) * high - GAP - 0.5
    along = {"tickvals": x, "ticktext": below, "range": [-0.5, across], "tickangle": 0}
    upright = {"tickvals": y, "ticktext": left, "range": [down, -0.5], "scaleanchor": "x"}
    return lay_out(figure, along | bare, upright | bare, {"margin.t": 34})


def centres(columns: int, rows: int, shape: Sequence[int]) -> tuple[NDArray, NDArray]:
    """Where the columns and the rows of a sheet of images [H, W] have their middles on its axes."""
    high, wide = shape
    return np.arange(columns) * (wide + GAP) + (wide - 1) / 2, np.arange(rows) * (high + GAP) + (high - 1) / 2


def clickable(x: NDArray, y: NDArray, places: NDArray, size: int, text: Sequence[str] | None = None) -> go.Scatter:
    """Invisible markers that say the place of what lies below them when clicked, and its text when pointed at.

    Images and heat maps report no clicks.  x, y, places: [K].  size: of a marker, in pixels of the screen.
    """
    unseen = {"marker": {"opacity": 0}}
    looks = {"mode": "markers", "marker": {"opacity": 0, "size": size}, "selected": unseen, "unselected": unseen}
    point = {"x": x.astype(np.float32), "y": y.astype(np.float32), "customdata": places, "showlegend": False}
    return go.Scatter(**point, **looks, text=text, hoverinfo="text" if text else "none")


def caption(first: str, kind: Kind, *rest: str) -> str:
    """Lines below an image, the first one in the colour of its kind, which it also names."""
    return "<br>".join((f'<span style="color:{kind.colour}"><b>{first}</b></span>', *rest))


def named(name: str, kind: Kind) -> str:
    """An image's hidden class and its kind, "3 · novel", below it; of another set on several lines where it is long."""
    text = kind.name if name == kind.name else f"{name} · {kind.name}"
    return wrapped(text, 11) if kind.role in ("seen", "anomaly") else escape(text)


def rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[1 or 3, H, W] -> [3, H, W]."""
    return np.broadcast_to(image, (3, *image.shape[1:]))


def difference(image: NDArray[np.uint8], redrawn: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Absolute difference of two arrays of one shape."""
    return np.abs(image.astype(np.int16) - redrawn).astype(np.uint8)


def heat(amounts: NDArray[np.uint8], most: int) -> NDArray[np.uint8]:
    """Mean over the channels of [C, H, W] in the colours of amounts, from 0 to `most`: [3, H, W]."""
    return _coloured(amounts.mean(0) / max(most, 1), AMOUNTS)


def signed_heat(values: NDArray, most: float) -> NDArray[np.uint8]:
    """Mean over the channels of [C, H, W] in the colours of differences, from -most to `most`: [3, H, W]."""
    return _coloured((values.mean(0) / (most or 1) + 1) / 2, DIFFERENCES)


def _coloured(places: NDArray, colours: Sequence[str]) -> NDArray[np.uint8]:
    """Places [H, W] in 0 to 1 along a scale of colours: [3, H, W]."""
    return along(places, colours).round().astype(np.uint8)


def redrawing(
    image: NDArray[np.uint8], redrawn: NDArray[np.uint8], squared: float, normal: NDArray | None = None
) -> Picture:
    """An image, its reconstruction and the difference of the two.  uint8 [C, H, W] each.

    squared: the reconstruction error, summed over pixels in 0 to 1.  normal: [V], that of normal validation images.
    """
    amounts = difference(image, redrawn)
    most = int(amounts.max())
    captions = ["input", "reconstruction", f"difference, to {percent(round(most / 255, 2))}"]
    figure = sheet([[image, redrawn, heat(amounts, most)]], captions, [""], "The image and its reconstruction", 190)
    lay_out(figure, {}, {"showticklabels": False})
    channel, row, column = (each.ravel() for each in np.indices(image.shape))
    pixels = {"input": image.ravel(), "reconstruction": redrawn.ravel()}
    share = None if normal is None else float((normal < squared).mean())
    against = "" if share is None else f", more than for {percent(share)} of the held-out normal images"
    sentence = f"Squared and summed, they differ by {number(squared)}{against}. Bright is what couldn't be redrawn."
    return Picture(figure, {"channel": channel, "row": row, "column": column, **pixels}, sentence, "redrawing")


def ranking(which: str, scores: NDArray, kinds: Kinds, threshold: float, count: int = 10) -> NDArray[np.intp]:
    """Places of up to `count` images, the most striking first; which: one of RANKINGS."""
    novel = kinds.novel
    falling = np.argsort(-scores, kind="stable")
    rising = falling[::-1]
    chosen = {
        "most": falling,
        "least": rising,
        "missed": rising[novel[rising] & (scores[rising] <= threshold)],
        "alarms": falling[~novel[falling] & (scores[falling] > threshold)],
    }
    return chosen[which][:count]


def ranked(
    places: NDArray[np.intp],
    images: NDArray[np.uint8],
    redrawn: NDArray[np.uint8] | None,
    scores: NDArray,
    percentiles: NDArray,
    kinds: Kinds,
    classes: NDArray,
    title: str,
) -> Picture:
    """Some test images above their reconstructions and differences; a click on one gives its place.

    places: [K], at least one, in the arrays of all test images.  redrawn: None where the method redraws nothing.
    percentiles: among normal validation images, 0..100.
    """
    kinds, classes = kinds[places], classes[places]
    images, scores, percentiles = images[places], scores[places], percentiles[places]
    captions = [
        caption(named(classes[at], kinds.kind(at)), kinds.kind(at), number(scores[at]), f"{percentiles[at]:.1f} %")
        for at in range(len(places))
    ]
    rows: list[Sequence[NDArray] | NDArray] = [images]
    if redrawn is not None:
        amounts = difference(images, redrawn[places])
        rows += [redrawn[places], [heat(each, int(amounts.max())) for each in amounts]]
    left = ["input", "redrawn", "difference"] if len(rows) > 1 else [""]
    figure = sheet(rows, captions, left, title, height=350 if len(rows) > 1 else 200, least=10)
    x, y = np.meshgrid(*centres(len(places), len(rows), images.shape[-2:]))
    figure.add_trace(clickable(x.ravel(), y.ravel(), np.tile(places, len(rows)), size=60))
    figure.update_layout(clickmode="event+select")
    sentence = (
        f"Below each its class, its score, and the share of held-out normal images that are less novel. "
        f"{kinds.novel.sum()} of these {len(places)} are novel. Click one to look at it closely."
    )
    table = {"image": places, "class": classes, **kinds.columns, "score": scores, "percentile": percentiles}
    return Picture(figure, table, sentence, "ranked")
