"""How far images lie from the balls of Deep SVDD: to the nearest centre, and to the nearest two."""

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core.figures import CONTROL, INK, Kinds, Picture, percent, scatter, style
from core.figures.charts import hatched, stacked
from core.figures.clusters import letter
from core.figures.families.svdd import Balls, outside

MOST_PANELS = 4  # balls with a histogram of their own


def distance_histogram(distances: NDArray, kinds: Kinds, balls: Balls, nu: float) -> Picture:
    """Distance to the nearest centre of test images of every kind: a panel for each of the largest balls.

    The ball's radius is dashed; kinds of novel images are stacked.  distances: [T, K], to all centres.  kinds: of the T
    images.
    """
    nearest, smallest = distances.argmin(1), distances.min(1)
    shown = min(len(balls), MOST_PANELS)
    edges = np.linspace(0, float(np.quantile(smallest, 0.998)) * 1.02 or 1.0, 50)
    titles = [f"nearest to {escape(name)}" for name in balls.names[:shown]]
    figure = make_subplots(rows=shown, shared_xaxes=True, vertical_spacing=0.3 / shown, subplot_titles=titles)
    table: dict[str, Sequence | NDArray] = {"from": edges[:-1], "to": edges[1:]}

    def counted(mask: NDArray) -> NDArray:
        """Images of each drawn ball in each bar, [balls, bars]."""
        return np.array([np.histogram(smallest[mask & (nearest == k)], edges)[0] for k in range(shown)])

    sizes = kinds.counts
    for kind, counted_of_kind, below in stacked(kinds, counted):
        of = kinds.novel.sum() if kind.foreign else (~kinds.novel).sum()
        for k, counts in enumerate(counted_of_kind):
            figure.add_bar(
                x=(edges[:-1] + edges[1:]) / 2,
                y=100 * counts / of,
                base=None if below is None else 100 * below[k] / of,
                width=np.diff(edges),
                name=f"{kind.label} ({sizes[kind.name]:,})",
                legendgroup=kind.label,
                showlegend=k == 0,
                marker=hatched(kind),
                opacity=0.7 if kind.foreign else 0.85,
                customdata=counts,
                hovertemplate=f"%{{customdata:,}} {kind.label} images, %{{text}} %<extra></extra>",
                text=[f"{share:.1f}" for share in 100 * counts / of],
                textposition="none",
                row=k + 1,
                col=1,
            )
    for name, mask in kinds.groups.items():
        table |= {f"{name}, ball {letter(k)}": counts for k, counts in enumerate(counted(mask))}
    for k in range(shown):
        figure.add_vline(x=balls.radii[k], line={"color": INK, "dash": "dash", "width": 2}, row=k + 1, col=1)
    style(
        figure,
        f"Distance to the nearest centre; dashed: the ball's radius at nu = {nu:g}",
        "",
        "% of normal or novel" if kinds.several else "% of its kind",
        150 + 130 * shown,
    )
    figure.update_xaxes(title_text="Distance to the nearest centre", row=shown, col=1)
    figure.update_annotations(font_color=INK, x=0, xanchor="left")
    figure.update_layout(barmode="overlay", bargap=0, margin_t=90)
    novel, out, training = kinds.novel, outside(distances, balls.radii), balls.distances > balls.radii[balls.clusters]
    every = "it" if len(balls) == 1 else "every ball"
    sentence = (
        f"With nu = {nu:g}, {percent(training.mean())} of the training images lie outside their ball, and of the test "
        f"images {percent(out[~novel].mean())} of the normal and {percent(out[novel].mean())} of the novel ones"
        f"{kinds.by_name(out)} outside {every}. nu is a budget of training images, not a truth about novelty."
    )
    if len(balls) > shown:
        sentence += f" The {len(balls) - shown} smaller balls are not drawn."
    return Picture(figure, table, sentence, "distances")


def two_nearest(distances: NDArray, kinds: Kinds, radii: NDArray) -> Picture:
    """Distance to the nearest against the second-nearest centre.

    distances: [T, K] with K >= 2.  kinds: of the T images.  radii: [K].
    """
    first, second = np.sort(distances, axis=1)[:, :2].T
    figure = go.Figure()
    for kind, mask in reversed([*kinds]):
        marker = {"color": kind.colour, "symbol": kind.symbol, "size": 5, "opacity": 0.5 if kind.foreign else 0.9}
        label = f"{kind.label} test images ({mask.sum():,})"
        hover = f"%{{x:.3g}}, then %{{y:.3g}}<extra>{kind.label}</extra>"
        figure.add_trace(
            scatter(first[mask], second[mask], mode="markers", name=label, marker=marker, hovertemplate=hover)
        )
    far = float(np.quantile(second, 0.998))
    figure.add_shape(type="line", x0=0, y0=0, x1=far, y1=far, line={"color": CONTROL, "dash": "dot", "width": 1.5})
    for k, radius in enumerate(radii[:MOST_PANELS].tolist()):
        note = {
            "text": f"R<sub>{letter(k)}</sub>",
            "showarrow": False,
            "yref": "paper",
            "y": 0,
            "yanchor": "bottom",
            "xshift": 10,
        }
        figure.add_vline(x=radius, line={"color": INK, "dash": "dash", "width": 1.5})
        figure.add_annotation(x=radius, **note)
    style(
        figure,
        "Nearest against second-nearest centre",
        "Distance to the nearest centre",
        "Distance to the second-nearest",
        440,
    )
    figure.update_layout(xaxis_range=[0, far * 1.02], yaxis_range=[0, far * 1.02], legend_itemsizing="constant")
    novel, between = kinds.novel, second < 1.1 * first
    deciding, nearest = (np.square(distances) - np.square(radii)).argmin(1), distances.argmin(1)
    sentence = (
        f"{percent(between[novel].mean())} of the novel{kinds.by_name(between)} and "
        f"{percent(between[~novel].mean())} of the normal test images lie between two balls, near the dotted "
        "diagonal (the second centre is less than 10 % further). "
        f"Images whose nearest ball does not decide but a wider one behind it: {(deciding != nearest).sum():,}."
    )
    table = {
        "nearest": first,
        "second": second,
        **kinds.columns,
        "deciding ball": [letter(k) for k in deciding],
    }
    return Picture(figure, table, sentence, "two-nearest")
