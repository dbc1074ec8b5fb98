"""Pictures of the VAE threshold: one image and its reconstruction, the latent's nats, and two scores that disagree.

The line itself is drawn in vae_line.py, the latent space in vae_latent.py, the training in vae_replay.py. A run keeps
the reconstruction, the latent's mean and log-variance and the terms of the scores of every image (core/methods/vae.py,
`explain`).
"""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.figures import INK, NORMAL, SERIES, Kinds, Picture, number, percent, scatter, sheets, style

UNITS = 16  # latent units that get a bar


def nats(mean: NDArray, log_variance: NDArray) -> NDArray:
    """KL divergence of each latent unit from the standard normal distribution: [..., latent] twice -> the same."""
    return 0.5 * (np.square(mean) + np.exp(log_variance) - log_variance - 1)


def why(explanation: Mapping[str, NDArray], image: NDArray[np.uint8]) -> list[Picture]:
    """What the network couldn't redraw of one image, and where its latent lies far from the usual.

    image: uint8 [C, H, W].  explanation: one image's row of `explain`. With its normal_ rows, those of held-out images
    (a run's `explanations`), both pictures say how usual that is.
    """
    normal = explanation.get("normal_error")
    of_pixels = image.size  # the score is a mean over them, the picture tells their sum
    redrawing = sheets.redrawing(
        image,
        explanation["reconstruction"],
        float(explanation["error"]) * of_pixels,
        None if normal is None else normal * of_pixels,
    )
    return [redrawing, latent_units(explanation)]


def latent_units(explanation: Mapping[str, NDArray]) -> Picture:
    """The nats of one image's latent unit by unit, the largest first, beside 95 % of the held-out images.

    explanation: as `why`, of which it takes "embedding" and "log_variance", [latent], and their normal_ rows.
    """
    own = nats(explanation["embedding"], explanation["log_variance"])
    shown = np.argsort(-own, kind="stable")[:UNITS]
    figure = go.Figure()
    looks = {"marker": {"color": SERIES[0], "opacity": 0.85}, "width": 0.7}
    hover = "unit %{customdata}: %{y:.3g} nats<extra>this image</extra>"
    place = np.arange(len(shown))
    figure.add_bar(x=place, y=own[shown], name="this image", customdata=shown, hovertemplate=hover, **looks)
    table = {"unit": shown, "nats": own[shown]}
    told = ""
    if "normal_embedding" in explanation:
        usual = nats(explanation["normal_embedding"], explanation["normal_log_variance"])
        upper = np.quantile(usual, 0.95, axis=0)
        mark = {"symbol": "line-ew", "size": 16, "line": {"color": INK, "width": 2.5}}
        name = f"95 % of {len(usual):,} held-out images lie below"
        figure.add_trace(scatter(place, upper[shown], mode="markers", marker=mark, name=name, hoverinfo="skip"))
        table["held-out 95 %"] = upper[shown]
        above = float((usual.sum(1) < own.sum()).mean())
        told = (
            f", more than for {percent(above)} of the held-out images; {int((own > upper).sum())} units leave their "
            "usual range"
        )
    style(figure, "What the latent says of it", "Latent unit", "Nats (KL divergence)", height=250)
    figure.update_xaxes(tickvals=place, ticktext=[str(unit) for unit in shown], showgrid=False)
    figure.update_layout(showlegend=True)
    idle = int((own < 0.01).sum())
    sentence = (
        f"Its latent carries {number(float(own.sum()))} nats, {number(float(own.max()))} of them in unit {shown[0]}"
        f"{told}. {idle} of {len(own)} units say nothing."
    )
    return Picture(figure, table, sentence, "latent-units")


def two_scores(
    error: NDArray, elbo: NDArray, kinds: Kinds, thresholds: tuple[float, float], picked: int | None = None
) -> Picture:
    """Every test image by its squared error and its negative ELBO, with both lines: where do the scores disagree?

    error, elbo: [T].  kinds: of the T images.  thresholds: of either score.  picked: a place, ringed.
    """
    figure = go.Figure()
    for kind, mask in reversed(list(kinds)):
        marker = {"color": kind.colour, "symbol": kind.symbol, "size": 6, "opacity": 0.6}
        about = {"customdata": np.flatnonzero(mask), "name": f"{kind.label} ({mask.sum():,})"}
        hover = "test image %{customdata}: %{x:.3g}, %{y:.3g}<extra></extra>"
        figure.add_trace(scatter(error[mask], elbo[mask], mode="markers", marker=marker, hovertemplate=hover, **about))
    line = {"color": INK, "dash": "dash", "width": 2}
    figure.add_vline(x=thresholds[0], line=line)
    figure.add_hline(y=thresholds[1], line=line)
    if picked is not None:
        ring = {"symbol": "circle-open", "size": 15, "color": INK, "line": {"width": 3}}
        at = {"x": [error[picked]], "y": [elbo[picked]], "customdata": [picked]}
        figure.add_scatter(mode="markers", marker=ring, name=f"test image {picked}", hoverinfo="skip", **at)
    style(figure, "Two scores of one network", "Squared error", "Negative ELBO, nats", height=400)
    figure.update_layout(clickmode="event+select")
    by_error, by_elbo = error > thresholds[0], elbo > thresholds[1]
    novel = kinds.novel

    def counted(flagged: NDArray[np.bool_]) -> str:
        return f"{int(flagged[novel].sum()):,} novel and {int(flagged[~novel].sum()):,} normal images"

    sentence = (
        f"Right of the upright line the squared error calls novel, above the level one the negative ELBO. Both flag "
        f"{counted(by_error & by_elbo)}, the squared error alone {counted(by_error & ~by_elbo)}, the ELBO alone "
        f"{counted(by_elbo & ~by_error)}. Click a point to see its image."
    )
    table = {"image": np.arange(len(error)), **kinds.columns, "squared error": error, "negative ELBO": elbo}
    return Picture(figure, table, sentence, "two-scores")


def image_terms(explanation: Mapping[str, NDArray]) -> Picture:
    """The terms of one image's scores, each in times the median of the held-out images.

    explanation: one image's row of `explain` with its normal_ rows, as `why`.
    """
    terms = {
        "squared error": (explanation["error"], explanation["normal_error"]),
        "cross-entropy": (explanation["bce"], explanation["normal_bce"]),
        "KL divergence": tuple(
            nats(explanation[f"{which}embedding"], explanation[f"{which}log_variance"]).sum(-1)
            for which in ("", "normal_")
        ),
    }
    own = np.array([float(value) for value, _ in terms.values()])
    usual = np.array([float(np.median(values)) for _, values in terms.values()])
    upper = np.array([float(np.quantile(values, 0.95)) for _, values in terms.values()])
    ratio, edge = own / np.maximum(usual, 1e-12), upper / np.maximum(usual, 1e-12)
    figure = go.Figure()
    place = np.arange(len(terms))
    text = [number(value) for value in own]
    looks = {"orientation": "h", "width": 0.6, "marker": {"color": SERIES[0], "opacity": 0.85}, "hoverinfo": "skip"}
    figure.add_bar(x=ratio, y=place, text=text, textposition="auto", name="this image", **looks)
    mark = {"symbol": "line-ns", "size": 22, "line": {"color": NORMAL, "width": 3}}
    figure.add_trace(scatter(edge, place, mode="markers", marker=mark, name="95 % of the held-out", hoverinfo="skip"))
    figure.add_vline(x=1, line={"color": NORMAL, "dash": "dot", "width": 2})
    style(figure, "The terms of its scores", "Times the median of the held-out images", "", height=230)
    figure.update_yaxes(tickvals=place, ticktext=list(terms), autorange="reversed", showgrid=False)
    figure.update_xaxes(rangemode="tozero")
    most = int((ratio / edge).argmax())
    name = list(terms)[most]
    sentence = (
        f"Against what is usual its {name} stands out most: {number(float(own[most]))}, "
        f"{ratio[most]:.2f} times the median. The negative ELBO is cross-entropy plus KL divergence."
    )
    return Picture(figure, {"term": list(terms), "image": own, "median": usual, "95 %": upper}, sentence, "terms")
