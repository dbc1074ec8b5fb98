"""The colours and dashes of every picture: one meaning, one colour (Okabe and Ito, safe for colour-blind readers).

Never by colour alone: dash, symbol or label too. `.streamlit/config.toml` repeats the colours, a test compares them;
which colour an image's kind has is said in kinds.py.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NORMAL = "#0072B2"
NOVEL = "#D55E00"
ANOMALY = "#CC79A7"
SERIES = ("#009E73", "#E69F00", "#56B4E9")  # what has no meaning of its own, in this order
CONTROL = "#7F7F7F"  # control lines and published figures; 3.8:1 or better against both themes
# Text and thresholds: on a page (screen.py) the text colour of its theme; elsewhere near black.
INK = "#000037"

# Amounts, small to large: viridis.  Differences, centred at 0: from normal's blue to novel's orange.
AMOUNTS = (
    *("#440154", "#482878", "#3E4A89", "#31688E", "#26828E"),
    *("#1F9E89", "#35B779", "#6DCD59", "#B4DE2C", "#FDE725"),
)
DIFFERENCES = (
    *("#0072B2", "#4094C5", "#79B3D6", "#B0D1E6", "#E4EEF5"),
    *("#F9EBE1", "#F0C9AB", "#E8A675", "#DE823B", "#D55E00"),
)

DASHES = ("solid", "longdash", "dot", "dashdot", "longdashdot")  # so that no curve is told by colour alone


def along(places: NDArray, colours: Sequence[str]) -> NDArray[np.float64]:
    """Colours at places in 0 to 1 along an evenly spaced scale of "#RRGGBB": [...] -> [3, ...], each in 0 to 255."""
    scale = np.array([[int(colour[place : place + 2], 16) for place in (1, 3, 5)] for colour in colours])
    stops = np.linspace(0, 1, len(scale))
    return np.stack([np.interp(places, stops, channel) for channel in scale.T])


def translucent(colour: str, opacity: float) -> str:
    """A colour "#RRGGBB" for fills that let what lies below show through.  opacity: in 0 to 1."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
