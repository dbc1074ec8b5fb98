"""What a task will show a detector: counts, a row of images of each kind, and what was done to images of other sets."""

import streamlit as st

from core import evaluation, figures
from core.runs.task_preview import Preview, Sample
from core.scenarios import Brought
from pages.shared import panels

SIDE, SMALL = 56, 40  # of an image on the screen, in pixels, at least; where there are more kinds than two
NAMED = 20  # classes, above which the rest is counted
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
    several = len(seen.samples) > 2
    for sample in seen.samples:
        _row(sample, several)
    for each in seen.brought:
        _before_and_after(each)
    if seen.note:
        st.caption(panels.escape(seen.note))


def _row(sample: Sample, several: bool) -> None:
    """A row of images of one kind with their classes."""
    factor = max(1, round((SMALL if several else SIDE) / max(sample.images.shape[2:])))
    shown = ", ".join(sample.classes[:NAMED])
    shown += f" and {len(sample.classes) - NAMED:,} more" if len(sample.classes) > NAMED else ""
    kind = TITLES[sample.role] if several or sample.role == "normal" else "Novel"
    foreign = sample.role in ("seen", "anomaly")
    told = f"**{kind}**{f', {panels.escape(sample.title)}' if foreign else ''}"
    st.caption(f"{told}, {sample.count:,}: {panels.escape(shown)}" if several else f"{told}: {panels.escape(shown)}")
    alt = f"{kind} images of the classes {', '.join(dict.fromkeys(sample.names))}" + (f", {sample.title}" if foreign else "")
    st.image(figures.strip(sample.images, factor=factor, gap=4), alt=alt)


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
