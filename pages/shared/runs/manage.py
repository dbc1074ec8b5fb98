"""What can be done with runs that were chosen: open, compare, rename, resume, train again, download, delete, import."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from core.errors import NoveltyError
from core.runs import store, transfer
from core.runs.duration import in_words
from core.runs.process import jobs
from core.runs.store import FINISHED, LIVE, Run
from pages.shared import changed_images, panels
from pages.shared.runs import rows

MOST_UPLOAD = 500  # MB
CHOSEN = "runs_chosen"  # ids of the runs chosen in the table


def one(run: Run) -> None:
    """What is to know of a run and to do with it."""
    state = run.state
    st.subheader(panels.escape(run.name), anchor=False)
    st.caption(panels.escape(f"{run.id} · {_about(run, state)}"))
    changed_images.say([run])
    if run.sentence:
        st.error(panels.escape(run.sentence), icon=":material/error:")
    with st.container(horizontal=True):
        _ways(run, state)
        if state not in LIVE:
            st.download_button(
                "Download", lambda: transfer.pack(run), f"{run.id}.zip", "application/zip", key="runs_download",
                icon=":material/download:", on_click="ignore", help="The run as a zip that can be imported elsewhere",
            )  # fmt: skip
        if not run.shipped:
            _own(run, state)
    log = run.log()
    if log:
        with st.expander("Log", expanded=state == store.FAILED, key=f"runs_log_{run.id}"):
            st.code(log, language=None, height=300 if log.count("\n") > 12 else "content", wrap_lines=True)


def _about(run: Run, state: str) -> str:
    """When it was asked for, how it went."""
    asked = f"{state}, asked for {datetime.fromtimestamp(run.about['created']):%d %b %Y, %H:%M}"
    if not rows.has_results(run):
        return f"{asked} · without results" if state == FINISHED else asked
    counts = run.result("counts")
    tested = f"tested on {counts['normal']:,} normal and {counts['novel']:,} novel images"
    took = f"trained in {in_words(run.result('timings', 'training'))}"
    return f"{asked} · {took} · AUROC {rows.auroc(run)}, {tested}"


def _ways(run: Run, state: str) -> None:
    """The ways from here to other pages."""
    if state == FINISHED:
        if st.button("Open", type="primary", icon=":material/open_in_new:", key="runs_open"):
            rows.open_page(run)
        if st.button("Score an image", icon=":material/image_search:", key="runs_score"):
            st.switch_page("pages/score.py", query_params={"score_runs": [run.id]})
    if st.button("Fork", icon=":material/call_split:", key="runs_fork", help="Train again, with something changed"):
        rows.fork(run)


def _own(run: Run, state: str) -> None:
    """What changes a run of the user's own."""
    if state in (store.INTERRUPTED, store.CANCELLED, store.FAILED):
        helps = "Goes on from its last checkpoint; from the start where there is none"
        if st.button("Resume", icon=":material/resume:", key="runs_resume", help=helps):
            jobs.resume(run)
            st.rerun()
    with st.popover("Rename", icon=":material/edit:"), st.form("runs_rename", border=False):
        name = st.text_input("Name", run.name, max_chars=80)
        if st.form_submit_button("Rename"):
            store.rename(run, name)
            st.rerun()
    if state not in LIVE and st.button("Delete", icon=":material/delete:", key="runs_delete"):
        ask_to_delete([run])


def several(runs: Sequence[Run]) -> None:
    """What can be done with several runs at once."""
    done = [run.id for run in runs if run.state == FINISHED]
    gone = [run for run in runs if not run.shipped and run.state not in LIVE]
    st.subheader(f"{len(runs)} runs chosen", anchor=False)
    with st.container(horizontal=True):
        if st.button(
            "Compare", type="primary", icon=":material/compare_arrows:", disabled=not done, key="runs_compare"
        ):
            st.switch_page("pages/compare.py", query_params={"runs": done})
        label = "Delete" if len(gone) == len(runs) else f"Delete {len(gone)} of them"
        if st.button(label, icon=":material/delete:", disabled=not gone, key="runs_delete_all"):
            ask_to_delete(gone)
    if len(gone) < len(runs):
        st.caption("Shipped runs, and runs that train or wait, can't be deleted.")


@st.dialog("Delete for good?")
def ask_to_delete(runs: Sequence[Run]) -> None:
    """Names what would be lost, and deletes it where the person says so."""
    if st.session_state.pop("runs_deleted", False):
        st.rerun()
    for run in runs:
        st.markdown(f"- {panels.escape(run.name)}")
    with st.container(horizontal=True):
        st.button("Delete", type="primary", key="runs_delete_yes", on_click=_delete, args=(runs,))
        if st.button("Keep", key="runs_delete_no"):
            st.rerun()


def _delete(runs: Sequence[Run]) -> None:
    for run in runs:
        store.delete(run)
    st.session_state[CHOSEN] = []
    st.session_state["runs_deleted"] = True


def import_zip() -> None:
    """A file input, and what is wrong with the zip that it was given."""
    number = st.session_state.get("runs_imported", 0)
    with st.popover("Import", icon=":material/upload:"):
        file = st.file_uploader(
            "A run's zip, downloaded here or on another machine",
            "zip",
            key=f"runs_zip_{number}",
            max_upload_size=MOST_UPLOAD,
        )
        if not file or not st.button("Add it to these runs", type="primary", key="runs_import"):
            return
        try:
            run = transfer.unpack(file)
        except NoveltyError as error:
            panels.refused(error)
            return
    st.session_state["runs_imported"] = number + 1  # an empty input, so that the next click adds it no second time
    choose([run.id])
    st.toast(f"Imported {panels.escape(run.name)}.", icon=":material/check_circle:")
    st.rerun()


def choose(ids: Sequence[str]) -> None:
    """Make these the runs chosen, here and in the link."""
    st.session_state[CHOSEN] = list(ids)
    st.query_params["run"] = list(ids)
