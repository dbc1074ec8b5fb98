"""Metric learning: near which class, or near none?"""

import streamlit as st

from core.figures.families import metric as figures
from core.runs import command_line
from pages.shared import cached, frame, method_page, panels, pickers

frame.through_entry()
st.title("Near which class, or near none?")

# --- choose
run = pickers.run("metric")
card = run.spec.card

# --- load
scores, kinds = cached.array(run, "scores", f"test/{card.headline}"), cached.kinds(run)
picked, shown = method_page.image(run, scores)

# --- the answer in numbers
method_page.numbers(run, card.headline, {each.name: run.metrics(each.name) for each in card.scores})
method_page.beside(run, figures.why(cached.reasons(run, shown), cached.array(run, "test", "images")[shown]))

# --- the same without the app
if (without := st.expander("The same numbers without the app", key="metric_code", on_change="rerun")).open:
    with without:
        panels.command(f"python -m core evaluate {run.id}")
        panels.command(command_line.command(run.spec))
