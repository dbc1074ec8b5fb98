"""Is this published table so?"""

import streamlit as st

from core.errors import DamagedRun, NoveltyError
from core.figures.pages import reproduce as figures
from core.reproduce import protocol as protocols
from core.reproduce import report, start, written
from core.reproduce.protocol import Protocol
from core.reproduce.results import results
from pages.shared import frame, panels
from pages.shared.reproduce import asking

MOST_CURVES = 8
NO_FIGURE = "No figure is published for these cells, so there is nothing to compare them with but the control lines."
MARGINS = (0.02, 0.03, 0.04, 0.05, 0.07, 0.1)


def sealed() -> Protocol | None:
    """The protocol of what is asked; a sentence where it can't be read."""
    try:
        return protocols.newest(asked.key)
    except DamagedRun as error:
        panels.refused(error)
        return None


def filling() -> None:
    """The table as it stands now, with its button."""
    found = sealed()
    busy = start.under_way(asked)
    button, told = st.columns([1, 5], vertical_alignment="center")
    if busy:
        if button.button("Cancel", icon=":material/stop:", key="reproduce_cancel", width="stretch") and found:
            start.cancel(found)
    elif button.button("Start", type="primary", icon=":material/play_arrow:", key="reproduce_start", width="stretch"):
        start.submit(asked)
        st.rerun()
    if found is None:
        told.markdown(starting() if busy else complaint() or "Not started here: the published figures stand alone.")
        st.html(figures.STYLE + figures.verdict_table(*names, report.unstarted(table)))
        return
    here = results(found, mistaken)
    done = len({name for each in here for name in each.runs})
    told.markdown(
        f"**{panels.escape(written.counted(here))}.** Protocol `{found.short}`"
        f"; {done:,} of {found.runs:,} runs are finished.{starting() if busy and not done else ''}"
    )
    if found.broken:
        st.error(panels.escape(found.broken), icon=":material/lock_open:")
    elif not busy and (words := complaint()):
        told.markdown(words)
    st.html(
        figures.STYLE
        + figures.verdict_table(*written.lines_and_columns(here), report.judged(here), written.controls_of(here))
    )


def starting() -> str:
    return " Its process is starting: images are read, the protocol is sealed."


def complaint() -> str:
    """Why the last start came to nothing, in its own words."""
    words = start.said(asked)
    return f":material/block: {panels.escape(words)}" if words.endswith(".") and "--" in words else ""


frame.through_entry()
st.title("Is this published table so?")
table, asked, mistaken = asking.chosen()
st.markdown(f"**{panels.escape(table.title)}**  \n:small[{panels.escape(table.paper)}]")
names = (
    list(dict.fromkeys(each.line for each in report.unstarted(table))),
    [column.title for column in table.columns],
)
try:
    frame.live(filling, lambda: start.under_way(asked))
except NoveltyError as error:
    panels.refused(error)
protocol = sealed()
panels.command(f"python -m core reproduce {' '.join(asked.words())}")
if protocol is None:
    st.caption(" ".join(map(panels.escape, table.notes)))
    st.stop()

found = results(protocol, mistaken)
claims = [each for each in found if each.cell.claim]
differences, seeds, notes, agreed, files = st.tabs(
    ["Differences", "Seeds and margin", "Footnotes and control lines", "Protocol", "Downloads"]
)
with differences:
    if claims:
        panels.show(figures.differences(report.judged(found), table.margin), run=protocol.key)
    else:
        st.markdown(NO_FIGURE)
with seeds:
    if claims:
        st.markdown(panels.escape(written.few_seeds(protocol, found) or "There are enough seeds for the margin."))
        curves = {
            f"{each.cell.line} · {each.cell.column}": written.needs(each, MARGINS) for each in claims[:MOST_CURVES]
        }
        panels.show(figures.needed(MARGINS, curves), run=protocol.key)
    else:
        st.markdown(NO_FIGURE)
with notes:
    texts, _ = written.footnotes(found)
    st.markdown("\n".join(f"{number}. {panels.escape(text)}" for number, text in enumerate(texts, 1)))
    st.markdown(panels.escape(written.control_lines(found)) or "Control lines follow when runs are finished.")
with agreed:
    for sentence in (*written.standing(protocol, found), *protocol.content["notes"]):
        st.markdown(panels.escape(sentence))
    st.caption(f"Digest {protocol.digest}")
with files, st.container(horizontal=True):
    for label, ending, mime, make in (
        ("Markdown", "md", "text/markdown", written.markdown),
        ("CSV", "csv", "text/csv", written.csv),
        ("LaTeX", "tex", "text/x-tex", written.latex),
        ("Report (HTML)", "html", "text/html", report.html),
    ):
        st.download_button(
            label, lambda make=make: make(protocol, found), f"{protocol.key}.{ending}", mime, on_click="ignore"
        )
