"""The threshold desk: a slider under the histogram, and what each threshold would do."""

import streamlit as st

from core import evaluation
from core.figures.pages import threshold_desk as figures
from core.runs.store import Run
from pages.shared import cached, panels

STYLE = f"""<style>
.st-key-desk_slider {{ padding: 0 {figures.RIGHT}px 0 {figures.LEFT}px; }}
.st-key-desk_slider [data-testid=stSliderTickBar] {{ display: none; }}
</style>"""


def show(run: Run, score: str) -> None:
    """The desk for one score of a finished run.  Raises DamagedRun."""
    values, novel = cached.array(run, "scores", f"test/{score}"), cached.array(run, "test", "novel")
    rule = run.threshold(score)
    axis = figures.steps(values, novel, rule)
    key = f"desk_{run.id}_{score}"
    place = st.session_state.get(key, axis.rule)  # the slider stands below its picture, so its choice is read before
    title = run.spec.card.score(score).title
    panels.show(figures.histogram(values, novel, axis, place, title), key=f"{key}_picture", run=run.id)
    st.html(STYLE)
    with st.container(key="desk_slider"):
        st.select_slider(
            "Threshold",
            range(len(axis.values)),
            axis.rule,
            format_func=axis.text,
            key=key,
            persist_state="session",
            label_visibility="collapsed",
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rate = st.number_input(
            "Novel images that you expect (%)", 0.0, 100.0, 1.0, 0.5, key="desk_rate", bind="query-params", width=260
        )
        st.button("Back to the rule", icon=":material/undo:", on_click=_back, args=(key, axis.rule), key=f"{key}_back")
    counts = evaluation.confusion(values, novel, float(axis.values[place]))
    expected = evaluation.alarms_per_thousand(counts, rate / 100)
    for column, (label, value) in zip(
        st.columns(6),
        {
            "Novel caught": f"{counts.caught:,}",
            "Novel missed": f"{counts.missed:,}",
            "Normal rejected": f"{counts.false_alarms:,}",
            "Normal accepted": f"{counts.accepted:,}",
            "False positive rate": f"{counts.false_alarm_rate:.3f}",
            "False alarms per 1,000": f"{expected['false_alarms']:,.0f}",
        }.items(),
        strict=True,
    ):
        column.metric(label, value)
    table, words = st.columns([2, 3])
    table.table(figures.rates(counts), hide_index=True, alt="Precision, recall and F1 with either positive class")
    with words:
        st.caption(panels.escape(figures.alarms_in_words(counts, rate / 100)))
        held_out, trained = cached.held_out_scores(run, score), run.training_scores(score)
        told = run.rule.interval(trained, held_out)
        count = 0 if trained is None else len(trained)
        st.caption(panels.escape(figures.rule_in_words(run.rule, told, len(held_out), count)))


def _back(key: str, place: int) -> None:
    st.session_state[key] = place
