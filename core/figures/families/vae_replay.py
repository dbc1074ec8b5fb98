"""Replay of the VAE threshold: its losses, and what they did to scores, latent and reconstructions of probe images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core import evaluation
from core.figures import INK, SERIES, Kinds, Picture, number, scatter, style
from core.figures.families.vae_latent import axis_names, frame, on_plane, plane, plane_note
from core.figures.replay import Snapshots

LOSSES = {"bce": "cross-entropy", "kl": "KL divergence", "l2": "L2 penalty"}
SCORES = {"error": "Squared error", "elbo": "Negative ELBO"}


def losses(progress: Sequence[Mapping[str, Any]], shown: int) -> Picture:
    """The parts of the loss per image after each epoch, in training and on the validation images.

    progress: {epoch, curves} of each epoch, at least one.  shown: an epoch, marked.
    """
    epochs = np.array([each["epoch"] for each in progress])
    columns = {name: np.array([each["curves"][name] for each in progress]) for name in progress[0]["curves"]}
    figure = go.Figure()
    for (name, label), colour in zip(LOSSES.items(), SERIES, strict=True):
        for prefix, dash, width in (("", "dot", 1.5), ("validation ", "solid", 2.5)):
            if (values := columns.get(prefix + name)) is not None:
                told = f"{label}, {'validation' if prefix else 'training'}"
                line = {"color": colour, "dash": dash, "width": width}
                figure.add_trace(scatter(epochs, values, name=told, mode="lines", line=line))
    figure.add_vline(x=shown, line={"color": INK, "dash": "dash", "width": 1.5})
    style(figure, "What it minimises", "Epoch", "Nats per image (log scale)", height=340, legend_rows=3)
    figure.update_layout(legend={"orientation": "h"})
    figure.update_yaxes(type="log")
    total = columns["validation"]
    best = int(total.argmin())
    sentence = (
        f"The validation loss is lowest, {number(total[best])}, after epoch {epochs[best]} of {epochs[-1]}: "
        f"{number(columns['validation bce'][best])} nats of cross-entropy, {number(columns['validation kl'][best])} of "
        "KL divergence, the rest L2 penalty. None of it is the squared error that scores."
    )
    return Picture(figure, {"epoch": epochs, **columns}, sentence, "losses")


def learning(snapshots: Snapshots, kinds: Kinds, shown: int) -> Picture:
    """AUROC of both scores on the probe images after each stored epoch; the shown epoch is marked.

    snapshots: epoch -> a snapshot with "error" and "elbo" [P].  kinds: of the P images.
    """
    epochs, novel = list(snapshots), kinds.novel
    reached = {
        title: [evaluation.auroc(each[name], novel) for each in snapshots.values()] for name, title in SCORES.items()
    }
    figure = go.Figure()
    for (title, values), colour, dash in zip(reached.items(), SERIES, ("solid", "longdash"), strict=False):
        looks = {"mode": "lines+markers", "line": {"color": colour, "dash": dash, "width": 2.5}}
        figure.add_trace(scatter(epochs, values, name=title, **looks))
    figure.add_vline(x=shown, line={"color": INK, "dash": "dash", "width": 1.5})
    style(figure, "What it does to the scores", "Epoch (log scale)", f"AUROC, {len(novel):,} probe images", height=340)
    ticks = [step * 10**power for power in range(4) for step in (1, 2, 5)]
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[str(tick) for tick in ticks])
    errors = reached["Squared error"]
    best = int(np.argmax(errors))
    peak = "" if best == len(errors) - 1 else f"; it was highest, {errors[best]:.3f}, after epoch {epochs[best]}"
    sentence = (
        f"The squared error's AUROC goes from {errors[0]:.3f} to {errors[-1]:.3f}{peak}. {int(novel.sum()):,} novel "
        f"images are among the probe{', too few to tell small steps from noise' if novel.sum() < 50 else ''}."
    )
    return Picture(figure, {"epoch": epochs, **reached}, sentence, "learning")


def plane_after(
    epoch: int, snapshots: Snapshots, portrait: Mapping[str, NDArray], kinds: Kinds, places: NDArray
) -> Picture:
    """The probe images on the plane of the finished latent after an epoch, on axes that all epochs share.

    places: [P], in the test set, -1 for validation images.
    """
    seen = {at: on_plane(each["embedding"].astype(np.float64), portrait) for at, each in snapshots.items()}
    corners = np.stack([frame(points) for points in seen.values()])
    latent, ratio = len(portrait["centre"]), portrait["ratio"]
    return plane(
        np.zeros((0, 2)),
        seen[epoch],
        kinds,
        places,
        axis_names(ratio, latent),
        plane_note(ratio, latent),
        window=np.stack([corners[:, 0].min(0), corners[:, 1].max(0)]),
        title=f"The latent of the probe images after epoch {epoch}",
    )
