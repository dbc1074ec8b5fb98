"""What is drawn of an embedding in three dimensions, so cheaply that it turns smoothly without a graphics card too.

Each point is a glyph of triangles that are drawn twice a frame, the second time to know what lies below the pointer: a
circle or a cross takes 23 triangles, a square 6, a diamond 5. Anything translucent has all the rest drawn twice more.
So points are opaque squares and diamonds, told apart by colour, shape and shade, and balls are circles of lines.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import Kind
from core.figures.kinds import TRAINING

MOST, MOST_TRAINING = 1500, 400  # test and training images that are drawn
SHAPES = {  # of the symbols of flat maps: shape, and how much darker (below 0) or lighter
    "circle": ("square", 0.0),
    "square": ("square", 0.0),
    "diamond": ("diamond", 0.0),
    "diamond-tall": ("square", -0.3),
    "diamond-wide": ("diamond", -0.45),
    "triangle-up": ("diamond", 0.0),
    "star": ("square", -0.45),
    "triangle-down": ("diamond", -0.45),
    "pentagon": ("square", 0.5),
    "cross": ("diamond", 0.5),
    "hexagon": ("square", -0.75),
    "x": ("diamond", -0.75),
}
FAINT = 0.5  # how much lighter training images are
CORNERS = 25  # of a drawn circle


def shaded(colour: str, shade: float) -> str:
    """A colour "#RRGGBB" mixed with black, so much of it, where the shade is below 0, else with white."""
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])
    red, green, blue = (parts + abs(shade) * ((255 if shade > 0 else 0) - parts)).round().astype(int)
    return f"#{red:02X}{green:02X}{blue:02X}"


def points(at: NDArray, kind: Kind, **options: Any) -> go.Scatter3d:
    """A layer of images, [n, 3]."""
    shape, shade = SHAPES[kind.symbol]
    training = kind is TRAINING
    colour = shaded(kind.colour, FAINT if training else shade)
    marker = {"color": colour, "symbol": shape, "size": 1.5 if training else 3, "line": {"width": 0}}
    return _trace(at, mode="markers", marker=marker, **options)


def balls(centres: NDArray, radius: float) -> go.Scatter3d:
    """Three great circles of the ball around each centre [K, 3], in one trace of lines with gaps."""
    turn = np.linspace(0, 2 * np.pi, CORNERS)
    circle = np.stack([np.cos(turn), np.sin(turn), np.zeros(CORNERS)], 1)
    circles = np.stack([np.roll(circle, axis, 1) for axis in range(3)])  # [3, CORNERS, 3]
    drawn = centres[:, None, None] + radius * circles
    gaps = np.full((*drawn.shape[:2], 1, 3), np.nan)
    at = np.concatenate([drawn, gaps], 2).reshape(-1, 3)
    return _trace(
        at, mode="lines", line={"color": TRAINING.colour, "width": 2}, name="balls", hoverinfo="skip", showlegend=False
    )


def _trace(at: NDArray, **options: Any) -> go.Scatter3d:
    x, y, z = at.T.astype(np.float32)
    return go.Scatter3d(x=x, y=y, z=z, **options)
