"""A grid as text, what it would mean, and the button that starts it: on the Train page and on the Sweeps page."""

import streamlit as st

from core.errors import NoveltyError
from core.sweeps import backends, cells, grid, jobs
from core.sweeps.grid import Grid
from core.sweeps.plan import ASKED_FROM, plan
from pages.shared import panels

HELP = (
    "Write a list in place of any value, and each combination is one run: `latent = [2, 8, 32]`, `seeds = [0, 1, 2]`, "
    '`target = ["0", "1"]`; a task of several normal classes is a list in the list. A setting that is left out has the '
    "value of its preset."
)


def editor(first: Grid, key: str) -> None:
    """Edit a grid and start it; what is wrong with it is said with its line.

    first: what the text begins with; another one begins it anew.  key: of the inputs.
    """
    begun = first.to_toml()
    text = st.text_area(
        "The grid, as a TOML file", begun, height=320, key=f"{key}_{hash(begun)}", help=HELP, persist_state="session"
    )
    try:
        asked = grid.from_toml(text)
        most = cells.count(asked)
        if most > ASKED_FROM and not _agreed(f"Up to {most:,} runs: look at them all", f"{key}_look_{most}"):
            return
        with st.spinner(f"Looking at {most:,} runs", show_time=True):
            planned = plan(cells.expand(asked), backends.default_jobs())
    except NoveltyError as error:
        panels.refused(error)
        return
    for line in planned.in_words(asked.name).splitlines():
        st.markdown(panels.escape(line))
    sure = planned.left <= ASKED_FROM or _agreed(f"Train {planned.left:,} runs", f"{key}_train_{planned.left}")
    if st.button("Start the sweep", type="primary", icon=":material/grid_on:", key=f"{key}_go", disabled=not sure):
        _start(asked)


def _agreed(label: str, key: str) -> bool:
    return st.checkbox(label, key=key)


def _start(asked: Grid) -> None:
    """Start it and go to its page; where it can't be started, its sentence."""
    try:
        with st.spinner("Writing the sweep", show_time=True):
            started = jobs.submit(asked)
    except NoveltyError as error:
        panels.refused(error)
        return
    st.switch_page("pages/sweeps.py", query_params={"sweep": started.name})
