"""Replay of any network that redraws: what it made of a few probe images after an epoch."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.figures import sheets
from core.figures.charts import wrapped
from core.figures.kinds import Kinds
from core.figures.picture import Picture, number

Snapshots = Mapping[int, Mapping[str, NDArray]]  # epoch -> arrays that replay draws


def redrawings(epoch: int, snapshots: Snapshots, images: NDArray[np.uint8], kinds: Kinds, many: int = 10) -> Picture:
    """A few probe images and what the network made of them after an epoch, half of them novel where there are enough.

    snapshots: epoch -> a snapshot with "reconstruction", uint8 [K, C, H, W], of the first K probe images.
    images: [P, C, H, W], of all probe images, with their kinds.
    """
    redrawn = snapshots[epoch]["reconstruction"]
    kept = kinds[: len(redrawn)]
    novels, normals = kept.by_turns(np.flatnonzero(kept.novel))[: many // 2], np.flatnonzero(~kept.novel)
    places = np.concatenate([normals[: many - len(novels)], novels])
    images, redrawn, shown = images[places], redrawn[places], kinds[places]
    error = np.square((images.astype(np.float64) - redrawn) / 255).sum((1, 2, 3))
    drawn = [shown.kind(at) for at in range(len(places))]
    below = [
        sheets.caption(wrapped(kind.name, 11), kind, number(each)) for kind, each in zip(drawn, error, strict=True)
    ]
    figure = sheets.sheet([images, redrawn], below, ["input", "redrawn"], f"Redrawn after epoch {epoch}", 250, many)
    means = [f"{number(error[mask].mean())} for the {kind.name} ones" for kind, mask in shown]
    sentence = f"Below each its squared difference to the redrawing: on average {' and '.join(means)}."
    return Picture(figure, {**shown.columns, "squared difference": error}, sentence, "redrawings")
