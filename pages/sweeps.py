"""Which settings make the difference?"""

import streamlit as st

from core.errors import NoveltyError
from core.figures.pages import sweeps as figures
from core.sweeps import rows as of_sweep
from core.sweeps import sweep as store
from core.sweeps import tables
from pages.shared import frame, panels
from pages.shared.sweeps import choose, parts, start

frame.through_entry()
st.title("Which settings make the difference?")
sweeps = store.sweeps()
if not sweeps:
    panels.empty("No sweep yet. The Train page starts one under 'Many runs'.", "To the Train page", "pages/train.py")
    st.stop()

# --- choose
at_sweep, at_measure, at_score, at_axes = st.columns([3, 2.4, 2.4, 4])
with at_sweep:
    one = choose.sweep(sweeps)
everything = of_sweep.rows(one)
with at_measure:
    name = choose.measure(everything)
with at_score:
    asked = choose.asked(everything, name)
with at_axes:
    x, y = choose.axes(everything)
frame.live(lambda: parts.follow(one), busy=lambda: one.state in store.LIVE)
rows = choose.filtered(everything)
axes = list(tables.axes(everything))
settings = [each for each in axes if each not in tables.SEEDS] or ["method", "target"]

# --- the answer
left, right = st.columns([5, 3])
with left:
    drawn = tables.heat_map(rows, x, y, asked.read)
    picture = figures.heat_map(
        (x, y), (drawn.x, drawn.y), drawn.mean, drawn.spread, drawn.count, asked.measure, drawn.others
    )
    cell = panels.show(picture, "sweep_map", "rerun", one.name)
    if cell is not None and cell < drawn.mean.size:
        row, column = divmod(cell, len(drawn.x))
        parts.open_cell(tables.only(rows, {x: [drawn.x[column]], y: [drawn.y[row]]}), settings)
with right:
    parts.best_and_worst(rows, asked, settings)
parts.not_trained(rows, settings)

# --- details, computed when they are opened
tabs = st.tabs(
    ("Seeds", "Parallel axes", "Cost", "All runs", "Start again, changed"),
    key="sweep_tab",
    on_change="rerun",
    bind="query-params",
)
at_seeds, at_parallel, at_cost, at_table, at_start = tabs
done = tables.measured(rows, asked.read)
groups = [each for each in tables.over_seeds(done, asked.read) if each.values]
named = [figures.Settings(figures.settings_in_words(each.settings, settings), each.values) for each in groups]
if at_seeds.open:
    with at_seeds:
        panels.show(figures.over_seeds(named, asked.measure), run=one.name)
if at_parallel.open:
    with at_parallel:
        if done:
            offered = {each: [row.settings.get(each) for row in done] for each in axes}
            panels.show(figures.parallel(offered, [asked.read(row) for row in done], asked.measure), run=one.name)
        else:
            st.caption("No run has finished yet.")
if at_cost.open:
    with at_cost:
        seconds = [each.mean or 0.0 for each in tables.over_seeds(done, tables.cost)]
        panels.show(figures.cost(named, seconds, asked.measure), run=one.name)
if at_table.open:
    with at_table:
        parts.table(one, rows, asked, axes)
if at_start.open:
    with at_start:
        try:
            start.editor(one.grid, "sweep_again")
        except NoveltyError as error:
            panels.refused(error)

# --- the same without the app
if (without := st.expander("The same without the app", key="sweep_code", on_change="rerun")).open:
    with without:
        parts.without_app(one)
