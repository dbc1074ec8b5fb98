"""Where two methods disagree: one against the other, the images of a quadrant, and why each says so."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core import methods
from core.figures import Kinds
from core.figures.pages import compare_lines as rows
from core.figures.pages import disagreement as figures
from core.figures.pages.compare_lines import Entrant
from core.runs.store import Run
from pages.shared import cached, panels, pickers

SHEET = 12  # images of a quadrant


def show(task: str, of: Sequence[Run], shown: Sequence[Entrant], kinds: Kinds) -> None:
    """Two entrants as axes, the images of a quadrant, and the picked image with both reasons."""
    names = [each.name for each in shown]
    if len(names) < 2:
        st.caption("Choose a second run above: disagreement needs two.")
        return
    at_a, at_b = st.columns(2)
    a = at_a.selectbox(
        "Across", range(len(names)), format_func=names.__getitem__, key="compare_a", persist_state="session"
    )
    others = [place for place in range(len(names)) if place != a]
    b = at_b.selectbox("Up", others, format_func=names.__getitem__, key="compare_b", persist_state="session")
    one, other = shown[a], shown[b]
    classes, images = cached.array(of[a], "test", "classes"), cached.array(of[a], "test", "images")
    picked = pickers.picked(task, len(images))
    left, right = st.columns([3, 2])
    with left:
        panels.show(
            figures.disagreement(one, other, kinds, classes, picked),
            key="compare_disagreement",
            on_select=pickers.pick_from("compare_disagreement", task),
        )
        st.caption("Click a point to see its image, and why each of the two finds it novel or not.")
    with right:
        _quadrant_images(one, other, kinds, classes, images)
    if picked is not None:
        truth = kinds.kind(picked).of_class(str(classes[picked]))
        _reasons(task, picked, [(of[a], one), (of[b], other)], images[picked], truth)


def _quadrant_images(one: Entrant, other: Entrant, kinds: Kinds, classes: np.ndarray, images: np.ndarray) -> None:
    """The most telling images of one quadrant, each kind apart."""
    masks = figures.quadrants(one, other)
    titles = {"only a": f"only {one.name}", "only b": f"only {other.name}", "both": "both", "neither": "neither"}
    chosen = st.selectbox(
        "Images that are called novel by",
        list(masks),
        format_func=titles.__getitem__,
        key="compare_quadrant",
        bind="query-params",
    )
    most = SHEET // len(kinds.foreign) if kinds.several else SHEET
    for kind, mask in sorted(kinds, key=lambda each: not each[0].foreign):
        of_kind = rows.most_telling(one, other, chosen, masks[chosen] & mask)
        told = f"{len(of_kind):,} {kind.name}" + (f", the {most} most telling" if len(of_kind) > most else "")
        st.caption(panels.escape(told))
        if len(some := of_kind[:most]):
            panels.images_row(images[some], [str(name) for name in classes[some]], panels.factor(images.shape))


def _reasons(task: str, place: int, asked: Sequence[tuple[Run, Entrant]], image: np.ndarray, truth: str) -> None:
    """The picked image and, for each of two entrants, its percentile and its reason."""
    with st.container(horizontal=True, vertical_alignment="center"):
        panels.images_row(image[None], [truth], panels.factor(image.shape, 2 * panels.SIDE))
        st.button(
            "Let go of it", icon=":material/close:", on_click=pickers.pick, args=(task, None), key="compare_unpick"
        )
    for column, (run, each) in zip(st.columns(2), asked, strict=True):
        with column:
            says = "novel" if each.called[place] else "normal"
            st.markdown(f"**{panels.escape(each.name)}** says {says}: percentile {each.percentiles[place]:.1f}")
            why = methods.figures(run.spec.method).why(cached.reasons(run, place), image)
            for number, reason in enumerate(why):
                panels.show(reason, key=f"compare_why_{run.id}_{each.score}_{number}", run=run.id)
