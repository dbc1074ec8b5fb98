"""Replay of RaPP: what its training did, epoch by epoch, to a few hundred probe images."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from core import evaluation
from core.figures import INK, SERIES, Kinds, Picture, scatter, style
from core.figures.families.rapp import layer_scores
from core.figures.families.rapp_windows import Window
from core.figures.replay import Snapshots


def learning(snapshots: Snapshots, kinds: Kinds, window: Window, shown: int) -> Picture:
    """AUROC of reconstruction and SAP on the probe images after each stored epoch; the shown epoch is marked.

    snapshots: epoch -> a snapshot with |d_i|^2 of the probe images, "layers" [P, L + 1].  kinds: of the P images.
    """
    epochs, novel, (first, last) = list(snapshots), kinds.novel, window
    layers = [each["layers"] for each in snapshots.values()]
    reached = {"Reconstruction": [evaluation.auroc(each[:, 0], novel) for each in layers]}
    name = f"SAP, layers {first} to {last}"
    reached[name] = [evaluation.auroc(each[:, first : last + 1].sum(1), novel) for each in layers]
    figure = go.Figure()
    for (score, values), colour, dash in zip(reached.items(), SERIES, ("solid", "longdash"), strict=False):
        looks = {"mode": "lines+markers", "line": {"color": colour, "dash": dash, "width": 2.5}}
        looks["hovertemplate"] = f"epoch %{{x}}: %{{y:.3f}}<extra>{score}</extra>"
        figure.add_trace(scatter(epochs, values, name=score, **looks))
    figure.add_vline(x=shown, line={"color": INK, "dash": "dash", "width": 1.5})
    style(figure, "What the training did", "Epoch (log scale)", f"AUROC, {len(layers[0])} probe images", height=300)
    ticks = epochs[:1]
    for epoch in epochs[1:]:  # on this axis late epochs lie close together
        if epoch > ticks[-1] * (epochs[-1] / epochs[0]) ** 0.08:
            ticks.append(epoch)
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[str(epoch) for epoch in ticks])
    values = reached[name]
    best = int(np.argmax(values))
    peak = "" if best == len(values) - 1 else f"; it was highest, {values[best]:.3f}, after epoch {epochs[best]}"
    sentence = (
        f"{name}, begins at {values[0]:.3f} and ends at {values[-1]:.3f}{peak}. The training only learns to redraw: "
        "nothing in it asks for a high AUROC."
    )
    return Picture(figure, {"epoch": epochs, **reached}, sentence, "learning")


def layers_after(epoch: int, snapshots: Snapshots, kinds: Kinds, window: Window | None) -> Picture:
    """`layer_scores` of the probe images after an epoch, on an axis that all epochs share.  Arguments as `learning`."""
    everything = np.concatenate([each["layers"] for each in snapshots.values()])
    low, high = np.quantile(everything, [0.02, 0.98]).tolist()
    title = f"Difference by layer after epoch {epoch}"
    picture = layer_scores(snapshots[epoch]["layers"], kinds, window, (low, high), title)
    return replace(picture, name="layers-after-epoch")
