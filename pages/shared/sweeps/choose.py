"""What the Sweeps page shows: which sweep, which of its runs, which measure over which axes.  All in the link."""

from dataclasses import dataclass

import streamlit as st

from core.evaluation import METRICS, TITLES
from core.figures.pages.sweeps import Measure, axis_title, plain
from core.sweeps import tables
from core.sweeps.rows import Row
from core.sweeps.sweep import Sweep
from pages.shared import panels

HEADLINE = ""  # in place of a score's name: each method's own headline


@dataclass(frozen=True)
class Asked:
    """What is read from each run."""

    name: str
    score: str | None
    source: str | None
    measure: Measure

    @property
    def read(self) -> tables.Reading:
        return tables.reading(self.name, self.score, self.source)


def sweep(offered: list[Sweep]) -> Sweep:
    """One of the sweeps, one's own newest first; a link to one that is gone says so."""
    by_name = {each.name: each for each in reversed(offered)}  # one's own before a shipped one of the same name
    names = list(dict.fromkeys(each.name for each in offered))
    wanted = st.query_params.get("sweep") or st.session_state.get("sweep")
    if wanted and wanted not in by_name:
        st.warning(panels.escape(f"The sweep {wanted} is not here any more, or never was."), icon=":material/link_off:")
    st.session_state["sweep"] = wanted if wanted in by_name else names[0]
    chosen = st.selectbox(
        "Sweep",
        names,
        format_func=lambda name: name + (" (shipped)" if by_name[name].shipped else ""),
        key="sweep",
        persist_state="session",
        on_change=_write,
    )
    st.query_params["sweep"] = chosen
    return by_name[chosen]


def _write() -> None:
    """The choice into the link, before the page runs and reads it from there."""
    st.query_params["sweep"] = st.session_state["sweep"]


def one_of(label: str, titles: dict[str, str], key: str, first: str | None = None) -> str:
    """One of a list by its title, in the link; the first where what was chosen isn't offered any more."""
    first = first or next(iter(titles))
    if st.session_state.get(key, first) not in titles:
        del st.session_state[key]
    st.session_state.setdefault(key, first)
    return st.selectbox(label, list(titles), format_func=titles.__getitem__, key=key, bind="query-params")


def measure(found: list[Row]) -> str:
    """The name of a metric of the test images, or of what else a run says."""
    titles = {name: TITLES[name] for name in METRICS} | {name: title for name, (title, _) in tables.BESIDE.items()}
    return one_of("Measure", titles, "sweep_measure")


def asked(found: list[Row], name: str) -> Asked:
    """The measure with score and source of novel images, where there is a choice."""
    title = tables.BESIDE[name][0] if name in tables.BESIDE else TITLES[name]
    chosen = Measure(title, name in tables.LOWER)
    cards = {row.spec.method: row.spec.card for row in found if row.spec}
    if name in tables.BESIDE or not cards:
        return Asked(name, None, None, chosen)
    if len(cards) == 1:
        (card,) = cards.values()
        titles, first = {each.name: each.title for each in card.scores}, card.headline
    else:
        titles = {HEADLINE: "Headline of each method"}
        titles |= {each.name: each.title for card in cards.values() for each in card.scores}
        first = HEADLINE
    score = one_of("Score", titles, f"sweep_score_{'_'.join(cards)}", first)
    source = None
    if foreign := tables.sources(found):
        source = one_of("Novel images", {"": "All", **{each: each for each in foreign}}, "sweep_source", "") or None
    return Asked(name, score or None, source, chosen)


def axes(found: list[Row]) -> tuple[str, str]:
    """Two axes of the heat map; where the same is asked for twice, the other way round."""
    first = tables.opening_axes(found)
    names = {**dict.fromkeys(first), **dict.fromkeys(tables.axes(found)), **dict.fromkeys(found[0].settings)}
    titles = {name: axis_title(name) for name in names}
    across, up = st.columns(2)
    with across:
        x = one_of("Across", titles, "sweep_x", first[0])
    with up:
        y = one_of("Up", {name: title for name, title in titles.items() if name != x}, "sweep_y", _other(first, x))
    return x, y


def _other(first: tuple[str, str], x: str) -> str:
    return first[1] if x != first[1] else first[0]


def filtered(found: list[Row]) -> list[Row]:
    """The runs that pass the filters, one for each axis; all where nothing is chosen, or nothing passes."""
    differing = tables.axes(found)
    if not differing:
        return found
    kept = {}
    chosen = sum(bool(st.session_state.get(f"sweep_only_{name}")) for name in differing)
    label = "Only some of the runs" + (f" · {chosen} of the axes filtered" if chosen else "")
    with st.expander(label, key="sweep_filters", type="compact"):
        columns = st.columns(min(len(differing), 4))
        for place, (name, values) in enumerate(differing.items()):
            with columns[place % len(columns)]:
                kept[name] = st.multiselect(
                    axis_title(name), values, format_func=plain, key=f"sweep_only_{name}", placeholder="All"
                )
    if passing := tables.only(found, kept):
        return passing
    st.caption("No run is like that, so all are shown. Take a filter away.")
    return found
