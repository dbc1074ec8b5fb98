"""Replay: the snapshots that a run kept while it trained, and the slider over their epochs."""

from typing import Any

import numpy as np
import streamlit as st

from core.runs.store import Run
from pages.shared import cached

Snapshots = dict[int, dict[str, np.ndarray]]  # epoch -> what the method drew of the probe images


def snapshots(run: Run, stage: str | None = None) -> Snapshots:
    """All snapshots of a replayed stage, by default the last that has some, in order.  Raises DamagedRun."""
    return {epoch: cached.arrays(run, file) for epoch, file in run.snapshots(stage).items()}


def progress(run: Run, stage: str | None = None) -> list[dict[str, Any]]:
    """{epoch, curves} of each epoch of a stage, by default the last that is replayed, in order."""
    name = stage or run.spec.card.replayed[-1].name
    return [each for each in run.progress() if each["stage"] == name]


def slider(run: Run, key: str, stage: str | None = None) -> tuple[int, Snapshots]:
    """The epoch that a person chose, the last one at first, and all snapshots; 0 and none, after a sentence, without.

    key: of the widget and in the link, prefixed by the page; the last epoch is added, as one of 60 epochs isn't one of
    6.  Raises DamagedRun.
    """
    kept = snapshots(run, stage)
    if not kept:
        st.caption("This run keeps no snapshots of its training. Train it again to replay it.")
        return 0, {}
    if len(kept) == 1:
        return max(kept), kept  # nothing to slide over
    last = max(kept)
    return st.select_slider("After epoch", list(kept), last, key=f"{key}_{last}", bind="query-params"), kept
