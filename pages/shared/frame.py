"""What surrounds every page: the way in, the sidebar, the one polling fragment, and a sentence where a page fails."""

import functools
import logging
import runpy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Streamlit imports it when it draws the first chart; meanwhile Plotly, in another session's thread, takes what it finds
# half-imported for the whole.  Whoever waits for this import waits for all of it.
import pandas  # noqa: F401
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import DamagedRun, NoveltyError
from core.figures import screen
from core.runs import store
from core.runs.process import leftovers
from pages.shared import panels

ENTRY = Path(__file__).parents[2] / "streamlit_app.py"
OUR_FAULT = "Something went wrong on our side while this page was drawn; the details are in the server's log."
STYLE = """<style>
[data-testid=stMainBlockContainer] { padding: 2.75rem 2.5rem 4rem; }
[data-testid=stImage] img { border-radius: 0; image-rendering: pixelated; }
.js-plotly-plot .modebar-container { top: auto !important; bottom: 0; height: 26px !important; }
</style>"""  # a chart's tools lie below it: above they would lie on its title
# Charts are drawn in ink and on paper of the theme that reigns when the page runs. A change of theme doesn't run it, so
# what the style sheet reaches takes the page's own colours.
FOLLOW_THEME = "\n".join(
    ", ".join(f'.js-plotly-plot svg [style*="{what}: {ink}"]' for ink in screen.INKS)
    + f" {{ {what}: currentColor !important; }}"
    for what in ("fill", "stroke")
)
FOLLOW_THEME += """
.js-plotly-plot .main-svg { background: transparent !important; }
.js-plotly-plot .hoverlayer .hovertext > path, .js-plotly-plot .hoverlayer .bg { fill: Canvas !important; }
"""
LEFT_OUT = "left_out"  # the sentence about a damaged run that the page was just drawn anew without
# Streamlit measures in rem, so this enlarges everything; what it would cut goes on in a new line.
LARGE_TYPE = """<style>
html { font-size: 22px; }
[role=tablist], [data-testid=stButtonGroup] > div, [data-testid=stButtonGroup] [role=radiogroup] { flex-wrap: wrap; }
[data-testid=stPageLink] a, [data-testid=stPageLink] span, [data-testid=stPageLink] p,
[data-testid=stCheckbox] label, [data-testid=stCheckbox] [data-testid=stMarkdownContainer],
[data-testid=stCheckbox] p, [data-testid=stMetricLabel] * { white-space: normal; overflow: visible; height: auto; }
</style>"""


def through_entry() -> None:
    """Sends a page that was opened without its frame through the entry script.

    A folder named `pages` makes Streamlit run a deep link's page alone until some session has called `st.navigation`.
    The entry script's mark is for one run, so it is taken away here.
    """
    if not st.session_state.pop("framed", False):
        runpy.run_path(str(ENTRY), run_name="__main__")
        st.stop()


@contextmanager
def around() -> Iterator[None]:
    """What the entry script puts around a page: the sidebar, and a sentence where the page fails."""
    _look_after()
    st.html(f"{STYLE}<style>{FOLLOW_THEME}</style>")
    slot = st.session_state["live"] = st.sidebar.empty()
    with _sentences():  # before the page: nothing can be drawn after its st.stop()
        _live_line(slot, *store.activity())
    if st.sidebar.toggle("Large type", key="large_type", help="Readable from the last row of a classroom"):
        st.html(LARGE_TYPE)
    if told := st.session_state.pop(LEFT_OUT, ""):
        st.warning(panels.escape(f"{told} It is left out here."), icon=":material/broken_image:")
    with _sentences():
        yield
    if "live" in st.session_state:
        with _sentences():
            live()


@st.cache_resource(show_spinner=False)
def _look_after() -> None:
    """Once a server: what killed processes left in the store, beside the pages."""
    threading.Thread(target=leftovers.look_after, daemon=True).start()


@contextmanager
def _sentences() -> Iterator[None]:
    """One sentence instead of a traceback; Streamlit's stop and rerun signals aren't Exceptions and pass."""
    try:
        yield
    except NoveltyError as error:
        if isinstance(error, DamagedRun) and store.leave_out(error):
            st.session_state[LEFT_OUT] = str(error)
            st.rerun()  # without that run: the others are shown
        panels.refused(error)
    except Exception:
        logging.getLogger(__name__).exception("A page failed")
        st.error(OUR_FAULT, icon=":material/error:")


def fragment(body: Callable | None = None, *, run_every: str | None = None, key: str | None = None) -> Callable:
    """`st.fragment` with the frame's sentences: a fragment that reruns alone does not pass through the entry script."""
    if body is None:
        return functools.partial(fragment, run_every=run_every, key=key)

    @functools.wraps(body)
    def guarded(*args, **options):
        with _sentences():
            return body(*args, **options)

    return st.fragment(guarded, run_every=run_every, key=key)


def live(render_page: Callable[[], None] | None = None, busy: Callable[[], bool] = lambda: False) -> None:
    """The page's one polling fragment: the sidebar's live line, and the page's own live part where this is called.

    It polls each second while something trains or waits, and only then; when the last run ends, the page is drawn anew.
    busy: whether something else is under way that the live part follows.
    """
    slot = st.session_state.pop("live", st.sidebar)
    polling = any(store.activity()) or busy()

    def render() -> None:
        activity = store.activity()
        _live_line(slot, *activity)
        if render_page:
            render_page()
        if (
            polling and not any(activity) and not busy()
        ):  # last: a button that was just pressed in the live part is heard first
            st.rerun()

    fragment(render, run_every="1s" if polling else None)()


def _live_line(place: DeltaGenerator, training: int, waiting: int) -> None:
    counts = [f"{count} {word}" for count, word in ((training, "training"), (waiting, "waiting")) if count]
    place.page_link("pages/runs.py", label=", ".join(counts) or "Nothing is training", icon=":material/pace:")
