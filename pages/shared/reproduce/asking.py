"""What a table is asked with: which table, at which scale, which of its cells, how many seeds."""

import streamlit as st

from core.reproduce import tables
from core.reproduce.cells import slug
from core.reproduce.start import Asked
from core.reproduce.tables import PUBLISHED, QUICK, SHORTENED, Table

SCALES = {
    QUICK: "on small built-in images, in minutes; shows how it goes, and decides nothing",
    SHORTENED: "the published images and networks, trained shorter, for two cores",
    PUBLISHED: "as published, for a GPU",
}


@st.cache_data(max_entries=1, show_spinner=False)
def every_table() -> dict[str, Table]:
    return {name: tables.table(name) for name in tables.names()}


def chosen() -> tuple[Table, Asked, bool]:
    """The table, what is asked of it, and whether cells are read as the published code mistakenly does."""
    known = every_table()
    left, middle, right = st.columns([5, 3, 3], vertical_alignment="bottom")
    names = list(known)
    name = left.selectbox("Table", names, names.index("rapp-table-2"), key="table", bind="query-params")
    told = "\n".join(f"- {scale}: {words}" for scale, words in SCALES.items())
    scale = middle.selectbox("Settings", list(SCALES), key="scale", bind="query-params", help=told)
    table = known[name]
    with right.popover("Which cells, how many seeds", width="stretch"):
        rows = st.multiselect("Rows", [row.title for row in table.rows], placeholder="All", key=f"rows_{name}")
        shown = [column.title for column in table.columns]
        columns = st.multiselect("Columns", shown, placeholder="All", key=f"columns_{name}")
        seeds = st.number_input("Seeds", 1, 100, table.seeds[scale], key=f"seeds_{name}_{scale}")
        anew = st.checkbox(
            "Seal another protocol",
            key="anew",
            help="Needed where something else than the cells is to change after a first start. The table says so.",
        )
    mistaken = any(row.mistaken for row in table.rows) and st.toggle(
        "Read as the published code mistakenly does",
        key="mistaken",
        help="Where the published code has a known mistake, read our runs with the same mistake.",
    )
    count = None if seeds == table.seeds[scale] else int(seeds)
    some = [f"{slug(row)}/*" for row in rows] or ["*"]
    patterns = [f"{row}/{slug(column)}" for row in some for column in columns] if columns else rows and some
    return table, Asked(name, scale, seeds=count, patterns=tuple(patterns or ()), anew=anew), mistaken
