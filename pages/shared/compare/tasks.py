"""Choose a task by the runs that there are of it."""

import streamlit as st

from core.runs import store
from core.runs.store import FINISHED, Run
from pages.shared import pickers


def choose() -> list[Run]:
    """The finished runs of the chosen task; a link with runs says which task it is."""
    finished = store.those(lambda run: run.state == FINISHED)
    tasks: dict[str, list[Run]] = {}
    for run in finished:
        tasks.setdefault(run.spec.task.hash, []).append(run)
    if not tasks:
        pickers.runs(key="runs")  # says that there is none, and stops
    linked = st.query_params.get_all("runs")
    of_link = [run.spec.task.hash for run in finished if run.id in linked]
    if of_link:
        st.session_state["compare_task"] = of_link[0]
    elif st.session_state.get("compare_task") not in tasks:
        st.session_state["compare_task"] = max(tasks, key=lambda task: len(tasks[task]))
    titles = pickers.task_names([runs[0] for runs in tasks.values()])
    counts = {task: f"{len(runs)} run{'s' if len(runs) > 1 else ''}" for task, runs in tasks.items()}
    names = {task: f"{titles[task]} ({counts[task]})" for task in tasks}
    chosen = st.selectbox(
        "Task",
        list(tasks),
        format_func=names.__getitem__,
        key="compare_task",
        persist_state="session",
        on_change=_forget,
    )
    if len(set(of_link)) > 1:
        st.caption(":material/link_off: The link names runs of several tasks; shown are those of this one.")
    return tasks[chosen]


def _forget() -> None:
    """Another task: its own runs, not those of the link."""
    st.query_params.pop("runs", None)
    st.session_state.pop("runs", None)
