"""The spectrum of NAP: how far normal images spread along each direction of a window, and which directions count."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import CONTROL, INK, SERIES, SMALLEST, Picture, log_axis, number, scatter, style
from core.figures.families.rapp_windows import Window, column

SPECTRUM_CUT = 1e-5  # core.algorithms.nap.SINGULAR_CUT, which lies beside torch; a test compares the two


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
    log_axis(figure, relative.min(), 1.0)
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
