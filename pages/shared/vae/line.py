"""The line of the VAE page: a slider on the histogram's own axis, a number or an assumed share moves it."""

import streamlit as st

from core import evaluation
from core.figures.families import vae_line as figures
from core.figures.pages import threshold_desk as desk
from core.runs.store import Run
from pages.shared import cached, panels
from pages.shared.compare.threshold_desk import STYLE


def draw(run: Run, score: str, bars: str) -> float:
    """The histogram with what moves its line; returns the threshold.  bars: what a bar's height says."""
    values, kinds, rule = cached.array(run, "scores", f"test/{score}"), cached.kinds(run), run.threshold(score)
    trained, held_out = figures.learned_from(cached.arrays(run, "scores"), score)
    axis = desk.steps(values, kinds, rule, figures.STEPS)
    key = f"vae_line_{run.id}_{score}"
    threshold = st.session_state.setdefault(key, rule)
    title = run.spec.card.score(score).title
    st.html(STYLE)
    # What moves the line says where it is, whichever of the three a person has moved.
    st.session_state[f"{key}_step"] = axis.nearest(threshold)
    st.session_state[f"{key}_typed"] = threshold
    st.session_state[f"{key}_share"] = 100 * figures.share_above(trained, held_out, threshold)

    def slider() -> None:
        with st.container(key="desk_slider"):
            st.select_slider(
                "Threshold",
                range(len(axis.values)),
                format_func=axis.text,
                key=f"{key}_step",
                on_change=lambda: _move(key, float(axis.values[st.session_state[f"{key}_step"]])),
                label_visibility="collapsed",
            )

    picture = desk.histogram(values, kinds, axis, threshold, title, trained, bars)
    panels.show(picture, run=run.id, below=slider)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "Threshold, typed",
            format="%.5g",
            step=None,
            key=f"{key}_typed",
            on_change=lambda: _move(key, st.session_state[f"{key}_typed"]),
            width=150,
        )
        st.number_input(
            "Assumed share of impurities, %",
            0.0,
            100.0,
            format="%.3g",
            step=None,
            key=f"{key}_share",
            on_change=lambda: _move(key, figures.line_of(trained, held_out, st.session_state[f"{key}_share"] / 100)),
            help="The line goes where as many training and validation images lie on it or above as you assume impure.",
            width=215,
        )
        st.button("The rule", icon=":material/undo:", on_click=_move, args=(key, rule), key=f"{key}_back")
    return threshold


def counts(run: Run, score: str, positive: str, threshold: float) -> None:
    """The four outcomes at the line, and the F1 of the positive class beside the one that needs no detector."""
    values, kinds = cached.array(run, "scores", f"test/{score}"), cached.kinds(run)
    at = evaluation.confusion(values, kinds.novel, threshold)
    f1, trivial = float(figures.rate(at, "f1", positive)), figures.trivial_f1(kinds, positive)
    st.metric(
        f"F1, {positive} positive",
        f"{f1:.4f}",
        f"{f1 - trivial:+.4f} against {figures.trivial_name(positive)} ({trivial:.4f})",
        delta_arrow="off",
        delta_color="off",
    )
    shown = {
        "Normal accepted": (at.accepted, at.accepted + at.false_alarms),
        "Normal rejected": (at.false_alarms, at.accepted + at.false_alarms),
        "Novel missed": (at.missed, at.caught + at.missed),
        "Novel caught": (at.caught, at.caught + at.missed),
    }
    columns = st.columns(2) * 2
    for column, (label, (part, whole)) in zip(columns, shown.items(), strict=True):
        column.metric(label, f"{part:,}", f"of {whole:,}", delta_arrow="off", delta_color="off")


def _move(key: str, threshold: float) -> None:
    st.session_state[key] = threshold
