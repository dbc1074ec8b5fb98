"""Metrics by kind of novel image: a line, a table in the conventions of one's choice, a heat map for many scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from numpy.typing import NDArray

from core import glossary
from core.evaluation import CONVENTIONS, MEASURES, Choice
from core.figures import Kinds, as_csv, three_digits
from core.figures.pages import by_kind as figures
from core.figures.pages import kind_numbers as words
from core.figures.pages.compare_lines import Entrant
from core.runs.store import Run
from pages.shared import cached, panels

AUPR = {"counts": "Counts, steps", "rates": "Rates, steps", "trapezoid": "Counts, trapezoids"}


def line(run: Run, metrics: Mapping[str, Any], kinds: Kinds) -> None:
    """The AUROC of one score by kind, where there are several of novel images; the accuracy of the known classes."""
    said = [f"AUROC by kind: {told}" if (told := figures.in_words(metrics, kinds)) else ""]
    if run.accuracy:
        said.append(f"Accuracy of the known classes, normal test images: {three_digits(run.accuracy)}")
    if any(said):
        about = glossary.explained(["accuracy"]) if run.accuracy else None
        st.caption("  \n".join(panels.escape(each) for each in said if each), help=about)


def choice(prefix: str) -> Choice:
    """The conventions of the measures, each to be chosen.  prefix: of the page's choices in its link."""
    at_fpr, at_error, at_aupr = st.columns(3)
    with at_fpr:
        fpr = _select("FPR at 95 % TPR", _titles("fpr95"), f"{prefix}_fpr")
    with at_error:
        error = _select("Detection error", _titles("detection_error"), f"{prefix}_error")
    with at_aupr:
        aupr = _select("AUPR", AUPR, f"{prefix}_aupr")
    return Choice(fpr, error, aupr)


def _titles(measure: str) -> dict[str, str]:
    """The conventions of a measure, by key."""
    return {each.key: each.title for each in MEASURES[measure].conventions}


def _select(label: str, ways: Mapping[str, str], key: str) -> str:
    return st.selectbox(label, list(ways), format_func=ways.__getitem__, key=key, bind="query-params")


def table(run: Run, score: str, metrics: Mapping[str, Any], values: NDArray, kinds: Kinds, asked: str) -> None:
    """All measures of one score, a row for each kind of novel images, below switches of their conventions.

    metrics, values: of the score as it is shown, values [T] of all test images.  asked: tells apart, for the cache,
    the settings that they were computed with.
    """
    title = "Metrics by kind and convention" if kinds.several else "Metrics and their conventions"
    shut = st.expander(title, key="by_kind_table", on_change="rerun", type="compact")
    if not shut.open:
        return
    with shut:
        chosen = choice("by_kind")
        keys = tuple(chosen.keys.values())

        def compute() -> words.Numbers:
            return words.numbers(metrics, values, kinds, keys)

        with st.spinner("Resampling"):
            told = cached.remember(run, compute, "by kind", score, asked, *keys)
        shown = {
            panels.escape(head): [*map(panels.escape, cells)]
            for head, cells in words.table(told, kinds, chosen).items()
        }
        st.table(shown, border="horizontal", hide_index=True, alt="Metrics of each kind of novel images")
        st.caption("  \n".join(map(panels.escape, words.conventions_in_words(chosen))))
        st.download_button(
            "Download the table",
            lambda: as_csv(words.unrounded(told, kinds, chosen)),
            f"by-kind-{run.id}-{score}.csv",
            "text/csv",
            icon=":material/download:",
            type="tertiary",
            key="by_kind_download",
            on_click="ignore",
        )


def known(entrants: Sequence[Entrant], kinds: Kinds) -> bool:
    """Whether there are several kinds of novel images to compare by."""
    return kinds.several and bool(entrants)


def show(run: Run, entrants: Sequence[Entrant], kinds: Kinds) -> None:
    """Every entrant by every kind, with the measure and its convention that a person chooses.

    run: one of the task, with which what is computed is kept.
    """
    at_measure, at_convention = st.columns([3, 1])
    measure = at_measure.segmented_control(
        "Measure",
        list(MEASURES),
        default="auroc",
        required=True,
        format_func=lambda name: MEASURES[name].title,
        key="compare_kind_measure",
        bind="query-params",
    )
    key, ways = measure, _titles(measure)
    if len(ways) > 1:
        with at_convention:
            key = _select("Convention", ways, f"compare_kind_{measure}")
    with st.spinner("Resampling"):
        completed = [
            cached.remember(run, lambda each=each: words.completed(each, kinds, key), "by kind", each.key, key)
            for each in entrants
        ]
    if told := figures.measured(completed, kinds, key):
        panels.show(figures.by_kind(told, kinds, key))
    else:
        st.caption("No run has it defined for every kind. Choose another convention.")
    st.caption(panels.escape(f"{MEASURES[measure].title}: {CONVENTIONS[key].sentence}"))
