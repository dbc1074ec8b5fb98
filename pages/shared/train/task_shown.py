"""What a task will show a detector: counts, a row of images of each kind, and what was done to images of other sets."""

from dataclasses import replace

import numpy as np
import streamlit as st

from core import evaluation, figures
from core.runs.task_preview import Preview, Sample
from core.scenarios import Brought
from core.scenarios.cross_dataset import SEEN_CLASSES
from pages.shared import panels

SIDE, SMALL = 56, 40  # of an image on the screen, in pixels, at least; where there are more kinds than two
BESIDE = 5  # images of a kind where two kinds stand side by side
NAMED = 24  # classes that are named
TITLES = {"normal": "Normal", "novelty": "Novelty", "seen": "Seen in training", "anomaly": "Anomaly"}


def show(seen: Preview) -> None:
    counts = seen.counts
    learns = f", may learn from **{seen.seen:,}** foreign ones as such" if seen.seen else ""
    st.markdown(
        f"It trains on **{counts['train']:,}** images{learns}, sets its threshold on **{counts['valid']:,}**, and is "
        f"tested on **{counts['normal']:,}** normal and **{counts['novel']:,}** novel ones."
    )
    if few := evaluation.few_images(counts):
        st.warning(panels.escape(few), icon=":material/warning:")
    if len(seen.samples) > 2:
        for first in range(0, len(seen.samples), 2):
            for column, sample in zip(st.columns(2), seen.samples[first : first + 2], strict=False):
                with column:
                    _kind(sample)
    else:
        for sample in seen.samples:
            _row(sample, "Normal" if sample.role == "normal" else "Novel", f": {_classes(sample)}", SIDE)
    for each in seen.brought:
        _before_and_after(each)
    if seen.note:
        st.caption(panels.escape(seen.note))


def _kind(sample: Sample) -> None:
    """A kind among several: how many, and which classes, where they are the dataset's own."""
    about = f", {sample.count:,}: {_classes(sample)}"
    if sample.role in ("seen", "anomaly"):
        about = f", {sample.title}{about if sample.title == SEEN_CLASSES else f', {sample.count:,}'}"
    some = np.unique(np.linspace(0, len(sample.names) - 1, BESIDE).astype(int))
    few = replace(sample, images=sample.images[some], names=tuple(sample.names[place] for place in some))
    _row(few, TITLES[sample.role], about, SMALL)


def _classes(sample: Sample) -> str:
    more = len(sample.classes) - NAMED
    return ", ".join(sample.classes[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _row(sample: Sample, kind: str, about: str, side: int) -> None:
    """A row of images with what they are."""
    factor = max(1, round(side / max(sample.images.shape[2:])))
    st.caption(f"**{kind}**{panels.escape(about)}")
    shown = ", ".join(dict.fromkeys(sample.names))
    st.image(figures.strip(sample.images, factor=factor, gap=4), alt=f"{kind} images of the classes {shown}")


def _before_and_after(brought: Brought) -> None:
    """The same images as they lie in their set and as the detector sees them, in one size on the screen."""
    st.caption(f":material/transform: {panels.escape(brought.sentence)}")
    factor = max(1, round(SMALL / max(brought.after.shape[2:])))
    width = len(brought.after) * (brought.after.shape[3] * factor + 4) - 4
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for images, when in ((brought.before, "before"), (brought.after, "after")):
            scale = max(1, round(SMALL / max(images.shape[2:])))
            st.image(figures.strip(images, factor=scale, gap=4), width=width, alt=f"{brought.title}, {when}")
            if when == "before":
                st.markdown(":material/arrow_forward:", width="content")
