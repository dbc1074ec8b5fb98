"""Parts of the Sweeps page: how far it is, best and worst, a cell's runs, what failed, the same without the app."""

from collections.abc import Sequence
from typing import Any, NoReturn

import streamlit as st

from core.errors import NoveltyError
from core.figures import number
from core.figures.pages import sweeps as figures
from core.runs import duration
from core.runs import store as runs
from core.runs.run import FAILED, FINISHED
from core.sweeps import jobs, tables, work
from core.sweeps import rows as of_sweep
from core.sweeps import sweep as store
from core.sweeps.rows import REFUSED, Row
from core.sweeps.sweep import Sweep
from core.sweeps.tables import Group
from pages.shared import panels
from pages.shared.runs import rows as one_run
from pages.shared.sweeps.choose import Asked

MOST_REASONS = 20


def follow(one: Sweep) -> None:
    """How far the sweep is, with what can be done with it; draws the page anew when another of its runs has ended."""
    state, mark = one.state, one.mark
    told = work.standing(of_sweep.rows(one), mark["since"] if state == store.RUNNING else None, mark.get("before", 0))
    with st.container(horizontal=True, vertical_alignment="center"):
        words = _standing(one, state, told)
        if state in store.LIVE:
            st.progress(told.share, panels.escape(words), width="stretch")
        else:
            st.markdown(panels.escape(words), width="stretch")
        _actions(one, state, told)
    if one.sentence:
        st.error(panels.escape(one.sentence), icon=":material/error:")
    now = (one.name, state, told.finished, told.failed)
    if st.session_state.setdefault("sweep_seen", now) != now:
        before, st.session_state["sweep_seen"] = st.session_state["sweep_seen"], now
        if before[0] == one.name:
            st.rerun()


def _standing(one: Sweep, state: str, told: work.Standing) -> str:
    parts = [f"{state}: {told.finished:,} of {told.runs - told.refused:,} runs finished"]
    parts += [f"{told.failed:,} failed"] if told.failed else []
    parts += [f"{told.refused:,} can't be trained"] if told.refused else []
    parts += [f"{len(told.underway)} in training"] if told.underway else []
    parts += [f"{duration.in_words(told.left)} left"] if told.left is not None and state in store.LIVE else []
    return (f"{'shipped, ' if one.shipped else ''}{', '.join(parts)}").capitalize()


def _actions(one: Sweep, state: str, told: work.Standing) -> None:
    if state in store.LIVE:
        label = "Stopping" if one.cancelling else "Cancel"
        st.button(label, key="sweep_cancel", on_click=_cancel, args=(one,), disabled=one.cancelling)
        return
    if one.shipped:
        return
    if told.finished < told.runs - told.refused:
        help = "Trains what is left, and what failed once more"
        st.button("Resume", icon=":material/resume:", key="sweep_resume", on_click=_resume, args=(one,), help=help)
    if st.button("Delete", icon=":material/delete:", key="sweep_delete"):
        _ask_to_delete(one)


def _cancel(one: Sweep) -> None:
    """One that has just ended by itself is no mistake."""
    if one.state in store.LIVE:
        jobs.cancel(one)


def _resume(one: Sweep) -> None:
    if one.state not in store.LIVE:
        jobs.resume(one)


@st.dialog("Delete for good?")
def _ask_to_delete(one: Sweep) -> None:
    """Names what would be lost, and deletes it where the person says so."""
    if st.session_state.pop("sweep_deleted", False):
        st.rerun()
    st.markdown(f"The sweep {panels.escape(one.name)}. Its runs stay on the Runs page, unless you say otherwise.")
    with_runs = st.checkbox("Delete the runs that were trained for it, too", key="sweep_delete_runs")
    with st.container(horizontal=True):
        st.button("Delete", type="primary", key="sweep_delete_yes", on_click=_delete, args=(one, with_runs))
        if st.button("Keep", key="sweep_delete_no"):
            st.rerun()


def _delete(one: Sweep, with_runs: bool) -> None:
    store.delete(one, with_runs)
    st.session_state["sweep_deleted"] = True
    st.session_state.pop("sweep", None)
    st.query_params.pop("sweep", None)


# --- best and worst -------------------------------------------------------------------------------------------------


def best_and_worst(found: Sequence[Row], asked: Asked, axes: Sequence[str]) -> None:
    """The settings that a rule puts first and last, with what they reach, and the rule."""
    looks = st.toggle(
        "Look at the answers",
        key="sweep_answers",
        bind="query-params",
        help="Choose by the AUROC of the test images, which nobody has who must choose before the answers are known.",
    )
    order = tables.ranking(found, "answers" if looks else "validation", asked.score)
    if looks:
        told = "Chosen by the test images themselves: the first of many is partly luck, so its figure is too good."
        st.warning(told, icon=":material/warning:")  # a badge would be cut off in this column
    alarmed = [row for row in found if row.finished and row.alarm]
    if alarmed:
        part = "take part all the same" if looks else "take no part"
        told = f"{len(alarmed)} of {sum(row.finished for row in found)} runs have an alarm and {part}."
        st.warning(panels.escape(f"{told} {alarmed[0].alarm}"), icon=":material/warning:")
    if not order.groups:
        st.info(panels.escape(order.sentence), icon=":material/info:")
        return
    for title, groups, value in (("Best", order.best, order.values[0]), ("Worst", order.worst, order.values[-1])):
        st.markdown(f"**{title}: {panels.escape(_named(groups, axes))}**")
        shown = "" if asked.name == order.criterion else _reached(groups[0], asked)
        st.caption(panels.escape(f"{_criterion(order.criterion)} {number(value)}{shown}"))
    st.caption(panels.escape(f"The rule: {order.sentence}"))


def _named(groups: Sequence[Group], axes: Sequence[str]) -> str:
    more = f" (and {len(groups) - 1} as good)" if len(groups) > 1 else ""
    return figures.settings_in_words(groups[0].settings, axes) + more


def _criterion(name: str) -> str:
    return {"loss": "Loss on held-out images", "accepted": "Held-out images accepted too rarely by", "auroc": "AUROC"}[
        name
    ]


def _reached(group: Group, asked: Asked) -> str:
    """What the settings reach in the measure that is shown."""
    (one,) = tables.over_seeds(group.rows, asked.read, ("seed", "split_seed"))
    spread = f" ± {number(one.spread)}" if one.spread is not None else ""
    return "" if one.mean is None else f"; {asked.measure.title} {number(one.mean)}{spread}"


# --- runs -----------------------------------------------------------------------------------------------------------


def open_cell(found: Sequence[Row], axes: Sequence[str]) -> None:
    """The runs of a cell that was clicked: a single one is opened, several have a button each."""
    here = {run.id for run in runs.runs()}
    with_folder = [row for row in found if row.run in here]
    if not with_folder:
        st.caption("The folders of these runs are not here: the rows alone ship, or nothing is trained yet.")
        return
    if len(found) == 1:
        _open(with_folder[0])
    with st.container(horizontal=True, vertical_alignment="center"):
        for row in with_folder:
            label = figures.settings_in_words(row.settings, [*axes, "seed"])
            if st.button(panels.escape(label), icon=":material/open_in_new:", key=f"sweep_open_{row.run}"):
                _open(row)


def _open(row: Row) -> NoReturn:
    """Go to the page of a row's run: of its method, or the Runs page where it has nothing to show yet."""
    run = runs.find(row.run)
    one_run.open_page(run) if row.finished else one_run.details([run])


def not_trained(found: Sequence[Row], axes: Sequence[str]) -> None:
    """The cells that failed or were refused, by their sentence."""
    for state, title in ((FAILED, "Failed"), (REFUSED, "Can't be trained")):
        by_reason: dict[str, list[Row]] = {}
        for row in found:
            if row.state == state:
                by_reason.setdefault(row.sentence or "It says nothing of why.", []).append(row)
        for reason, some in list(by_reason.items())[:MOST_REASONS]:
            cells = "; ".join(figures.settings_in_words(row.settings, [*axes, "seed"]) for row in some[:6])
            more = f"; and {len(some) - 6} more" if len(some) > 6 else ""
            st.markdown(f":material/block: **{title}** ({len(some)}): {panels.escape(reason)}")
            st.caption(panels.escape(cells + more))


def table(one: Sweep, found: Sequence[Row], asked: Asked, axes: Sequence[str]) -> None:
    """Every run as a row, and all that is known of them as a file."""
    lines = [
        {figures.axis_title(name): figures.plain(row.settings.get(name)) for name in axes}
        | {
            "State": row.state,
            asked.measure.title: asked.read(row) if row.state == FINISHED else None,
            "Seconds": row.seconds,
            "Note": " ".join(filter(None, (row.alarm, row.sentence))),
        }
        for row in found
    ]
    content: dict[str, list[Any]] = {name: [line[name] for line in lines] for name in lines[0]}
    st.dataframe(content, hide_index=True, height=min(38 + 35 * len(lines), 420), alt=f"{len(lines)} runs")
    st.download_button(
        "All numbers (CSV)",
        lambda: tables.to_csv(found),
        f"{one.name}.csv",
        "text/csv",
        key="sweep_csv",
        icon=":material/download:",
        on_click="ignore",
    )


def without_app(one: Sweep) -> None:
    """The grid as a file, and the commands."""
    try:
        panels.command(one.grid.to_toml(), "toml")
    except NoveltyError as error:  # a setting that methods no longer have
        panels.refused(error)
    go_on = "" if one.shipped else f"\npython -m core sweep --go-on {one.name}"
    panels.command(f"python -m core sweep {one.name}.toml{go_on}")
