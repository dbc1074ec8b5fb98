"""The threshold desk: a slider under the histogram, and what each threshold would do."""

import streamlit as st

from core import evaluation
from core.errors import WrongRequest
from core.evaluation import RULES, ThresholdRule
from core.figures.pages import threshold_desk as figures
from core.runs.store import Run
from pages.shared import cached, panels, pickers

OWN = "own"  # the run's rule, as it was trained
RULE = "A rule sees the scores of training and validation images, never the test set's."
STYLE = f"""<style>
.st-key-desk_slider {{ padding: 0 {figures.RIGHT}px 0 {figures.LEFT}px; }}
.st-key-desk_slider [data-testid=stSliderTickBar] {{ display: none; }}
</style>"""


def show(run: Run, score: str) -> None:
    """The desk for one score of a finished run.  Raises DamagedRun."""
    values, kinds = cached.array(run, "scores", f"test/{score}"), cached.kinds(run)
    held_out, trained = cached.held_out_scores(run, score), run.training_scores(score)
    rule = _rule(run)
    try:
        told = rule.interval(trained, held_out)
    except WrongRequest as error:
        panels.refused(error)
        rule, told = run.rule, run.rule.interval(trained, held_out)
    axis = figures.steps(values, kinds, run.threshold(score) if rule == run.rule else told["value"])
    key = f"desk_{run.id}_{score}_{rule.name}_{rule.share}"  # every threshold of a rule has an axis of its own
    place = st.session_state.get(key, axis.rule)  # the slider stands below its picture, so its choice is read before
    title = run.spec.card.score(score).title
    st.html(STYLE)

    def slider() -> None:
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

    tried = figures.histogram(values, kinds, axis, float(axis.values[place]), title)
    panels.show(tried, key=f"{key}_picture", run=run.id, below=slider)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rate = st.number_input(
            "Novel images that you expect (%)", 0.0, 100.0, 1.0, 0.5, key="desk_rate", bind="query-params", width=260
        )
        st.button("Back to the rule", icon=":material/undo:", on_click=_back, args=(key, axis.rule), key=f"{key}_back")
    counts = evaluation.confusion(values, kinds.novel, float(axis.values[place]))
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
        count = 0 if trained is None else len(trained)
        st.caption(panels.escape(figures.rule_in_words(rule, told, len(held_out), count)))


def _rule(run: Run) -> ThresholdRule:
    """The run's own rule, or another one with a share that the person gives."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        titles = {OWN: "The run's own"} | {name: rule.title for name, rule in RULES.items()}
        name = pickers.one_of("Rule", titles, key="desk_rule", meanings=RULE)
        if name == OWN:
            return run.rule
        kind, first = RULES[name], 100 * RULES[name].share
        percent = st.number_input(
            f"{kind.asks} (%)", 0.0, 100.0, first, 0.5, key=f"desk_share_{name}", bind="query-params", width=320
        )
    return kind(percent / 100)


def _back(key: str, place: int) -> None:
    st.session_state[key] = place
