"""What has been trained, and how did it go?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from core import glossary
from core.cli import terminal
from core.errors import NoveltyError
from core.mlflow import mirror
from core.runs import store
from core.runs.store import LIVE, RUNNING, Run
from pages.shared import frame, panels, pickers
from pages.shared.runs import manage, rows

GLYPHS = {"queued": "◷", "running": "▶", "finished": "✓", "failed": "✗", "cancelled": "■", "interrupted": "↯"}
COLUMNS = {
    "State": st.column_config.TextColumn(width=100),
    "Name": st.column_config.TextColumn(width=164),
    "Dataset": st.column_config.TextColumn(width=72),
    "Scenario": st.column_config.TextColumn(width=96),
    "Method": st.column_config.TextColumn(width=122),
    "AUROC (95 % interval)": st.column_config.TextColumn(width=156, help=glossary.explained(["auroc", "interval"])),
    "When": st.column_config.DatetimeColumn(width=100, format="D MMM, HH:mm"),
    "Took": st.column_config.TextColumn(width=52, help="minutes:seconds from its start until its result was there"),
}


def choice(label: str, offered: Sequence[str]) -> str | None:
    """A filter that stands in the link; None where it filters nothing."""
    return st.selectbox(
        label, sorted(set(offered)), index=None, placeholder="All", key=f"runs_{label.lower()}", bind="query-params"
    )


def wanted(run: Run) -> bool:
    """Whether the filters let a run through."""
    spec, words = run.spec, f"{run.id} {run.name}".casefold()
    pairs = ((state, run.state), (dataset, spec.dataset), (method, spec.method))
    return all(asked in (None, has) for asked, has in pairs) and text.casefold().strip() in words


def cells(run: Run, label: str) -> dict[str, Any]:
    """A run's row of the table; of its label what no other column says."""
    spec, state = run.spec, run.state
    share = f" {run.live().get('share', 0):.0%}" if state == RUNNING else ""
    done = rows.has_results(run)
    values = (
        f"{GLYPHS[state]} {state}{share}",
        label.removeprefix(f"{spec.dataset} · ").replace(f" · {spec.card.title}", ""),
        spec.dataset,
        spec.scenario,
        spec.method,
        rows.auroc(run) if done else "",
        datetime.fromtimestamp(run.about["created"]),
        terminal.duration(run.result("timings", "total")) if done else "",
    )
    return dict(zip(COLUMNS, values, strict=True))


def table() -> None:
    """All runs that the filters let through, as they stand now; a choice of rows draws the page anew."""
    listed = store.those(wanted)
    if not listed:
        st.info("No run is like that. Take a filter away.", icon=":material/filter_alt_off:")
        return
    ids, chosen = [run.id for run in listed], st.session_state[manage.CHOSEN]
    labels = pickers.labels(listed)
    lines = [cells(run, labels[run.id]) for run in listed]
    picked = st.dataframe(
        {name: [line[name] for line in lines] for name in COLUMNS},
        # rows are chosen by their place: another list of runs is another table
        key=f"runs_table_{hash(tuple(ids))}",
        column_config=COLUMNS,
        hide_index=True,
        height=min(38 + 35 * len(ids), 400),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [ids.index(name) for name in chosen if name in ids]}},
        alt=f"State, name, task, method, AUROC and time of {len(ids)} runs",
    )
    now = [ids[place] for place in picked["selection"]["rows"] if place < len(ids)]
    states = {run.id: run.state for run in listed if run.id in now}
    if now != chosen or states != st.session_state.setdefault("runs_states", states):
        manage.choose(now)
        st.session_state["runs_states"] = states
        st.rerun()
    for run in listed:
        if states.get(run.id) in LIVE:
            rows.follow(run, "runs")


def follow_link() -> None:
    """Choose the runs that a link names; those that are gone are said."""
    asked = st.query_params.get_all("run")
    chosen = st.session_state.setdefault(manage.CHOSEN, [])
    if not asked or asked == chosen:
        return
    found = []
    for name in asked:
        try:
            found.append(store.find(name).id)
        except NoveltyError as error:
            panels.refused(error)
    manage.choose(found)


def foot() -> None:
    """What isn't in the table: folders that can't be read, and how far MLflow is behind."""
    for broken in map(store.own, store.damaged()):
        told, action = st.columns([6, 1], vertical_alignment="center")
        told.warning(panels.escape(store.damage(broken)), icon=":material/folder_off:")
        if action.button("Delete", icon=":material/delete:", key=f"runs_delete_{broken.id}", width="stretch"):
            manage.ask_to_delete([broken])
    behind = mirror.behind()
    if behind is not None:
        told = f"{behind:,} of these runs wait to be copied to MLflow" if behind else "MLflow has a copy of every run"
        st.caption(f"{told}; the folders here are the original.")


frame.through_entry()
st.title("What has been trained, and how did it go?")
runs = store.runs()
if not runs:
    left, right = st.columns([4, 1], vertical_alignment="center")
    with left:
        panels.empty("No run yet. The built-in digits train in under a minute.", "Train one", "pages/train.py")
    with right:
        manage.import_zip()
    foot()
    st.stop()

follow_link()
filters = st.columns([2, 2, 2, 3, 1.4], vertical_alignment="bottom")
with filters[0]:
    state = choice("State", [run.state for run in runs])
with filters[1]:
    dataset = choice("Dataset", [run.spec.dataset for run in runs])
with filters[2]:
    method = choice("Method", [run.spec.method for run in runs])
with filters[3]:
    text = st.text_input("Name", placeholder="Part of a name", key="runs_text", bind="query-params")
with filters[4]:
    manage.import_zip()

frame.live(table)
chosen = [run for run in store.runs() if run.id in st.session_state[manage.CHOSEN]]
if len(chosen) == 1:
    manage.one(chosen[0])
elif chosen:
    manage.several(chosen)
else:
    st.caption(
        "Choose a run by the box at the left of its row to open it, rename it or train it again; several to compare."
    )
foot()
