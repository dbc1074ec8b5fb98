"""Metrics by kind of novel image, where a test set has several: a line for one score, a heat map for many."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.figures import Kinds
from core.figures.pages import by_kind as figures
from core.figures.pages.compare_lines import Entrant
from pages.shared import panels


def line(metrics: Mapping[str, Any], kinds: Kinds) -> None:
    """The AUROC of one score by kind; nothing where there is one kind of novel images."""
    if said := figures.in_words(metrics, kinds):
        st.caption(f"AUROC by kind: {panels.escape(said)}")


def known(entrants: Sequence[Entrant], kinds: Kinds) -> bool:
    """Whether there are several kinds of novel images, and some entrant was measured by kind."""
    return kinds.several and any(figures.measured(entrants, kinds, measure) for measure in figures.MEASURES)


def show(entrants: Sequence[Entrant], kinds: Kinds) -> None:
    """Every entrant by every kind, with the measure that a person chooses."""
    measure = st.segmented_control(
        "Measure",
        list(figures.MEASURES),
        default="auroc",
        required=True,
        format_func=figures.MEASURES.__getitem__,
        key="compare_kind_measure",
        bind="query-params",
        label_visibility="collapsed",
    )
    if told := figures.measured(entrants, kinds, measure):
        panels.show(figures.by_kind(told, kinds, measure))
    else:
        st.caption("None of these runs has it by kind. Train them again to compare them by it.")
