"""Texts in the cells of heat maps, in black or white, whichever is easier to read there.

Plotly's own choice is a dark grey on middle colours, at a contrast of less than 3:1.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.figures.palette import along

MARKUP = re.compile(r"<(?!br)[^>]*>")  # all but line breaks
LARGEST = 13  # pixels


def readable(
    texts: ArrayLike, values: ArrayLike, colours: Sequence[str], low: float | None = None, high: float | None = None
) -> NDArray[np.str_]:
    """Each text of a heat map as markup in black or white.

    texts, values: [Y, X]; where a value is nan, or a text empty, the text stays as it is.  colours: "#RRGGBB", small to
    large, evenly spaced.  low, high: values of the first and last colour; the smallest and largest where not given.
    """
    texts, values = np.asarray(texts, str), np.asarray(values, np.float64)
    known = np.isfinite(values) & (texts != "")
    if not known.any():
        return texts
    first = np.nanmin(values) if low is None else low
    last = np.nanmax(values) if high is None else high
    bright = luminance(values[known], colours, first, last)
    # black where its contrast, (L + 0.05) / 0.05, is above that of white, 1.05 / (L + 0.05)
    inks = np.where((bright + 0.05) ** 2 > 1.05 * 0.05, "#000000", "#FFFFFF")
    told = texts.astype(object)
    told[known] = [f'<span style="color:{ink}">{text}</span>' for ink, text in zip(inks, texts[known], strict=True)]
    return told.astype(str)


def luminance(values: NDArray, colours: Sequence[str], low: float, high: float) -> NDArray[np.float64]:
    """Relative luminance, 0 to 1, of values on a scale of colours (WCAG 2.2)."""
    places = (values - low) / (high - low) if high > low else np.full(values.shape, 0.5)
    mixed = along(places, colours) / 255
    linear = np.where(mixed <= 0.04045, mixed / 12.92, ((mixed + 0.055) / 1.055) ** 2.4)
    red, green, blue = 0.2126 * linear[0], 0.7152 * linear[1], 0.0722 * linear[2]
    return red + green + blue


def text_font(texts: ArrayLike, width: int) -> dict[str, float]:
    """The font of texts [Y, X] that fit into cells which share `width` pixels of the screen, on a window of 1280.

    Plotly fits the font itself unless its size is said, but counts the markup of `readable` as text.
    """
    texts = np.asarray(texts, str)
    lines = (line for text in texts.ravel().tolist() for line in MARKUP.sub("", text).split("<br>"))
    longest = max(map(len, lines), default=1)
    return {"size": min(LARGEST, 0.9 * width / texts.shape[1] / (0.58 * max(longest, 1)))}
