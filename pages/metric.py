"""Metric learning: near which class, or near none?"""

import streamlit as st

from core.figures.families import metric_distances
from core.runs import command_line
from pages.shared import cached, frame, method_page, panels, pickers
from pages.shared.metric import beside
from pages.shared.metric import embedding as parts

frame.through_entry()
st.title("Near which class, or near none?")

# --- choose
at_run, at_map, at_axes, at_line = st.columns([4.6, 3.4, 1.9, 3])
with at_run:
    run = pickers.run("metric")
method_page.stop_while_coming(run)
with at_map:
    name = parts.which_map(run)
with at_axes:
    deep = parts.which_axes(run, name)
card, settings = run.spec.card, run.spec.settings
with at_line:
    share = st.slider(
        "Known images accepted, %",
        50.0,
        100.0,
        100 * settings.normal_share,
        0.5,
        format="%.1f",
        key=f"metric_share_{settings.normal_share:g}",  # a key for each setting of a training, where it starts
        bind="query-params",
        help="The share of held-out images of known classes that the threshold accepts. It moves the balls: an image "
        "beyond all of them is novel.",
    )

# --- load
kinds, scores = cached.kinds(run), cached.array(run, "scores", f"test/{card.headline}")
threshold, radius = metric_distances.radius_of(share / 100, cached.held_out_scores(run))
line = parts.Line(threshold, radius if card.headline == "distance" else None, share / 100)

# --- the answer in numbers
method_page.numbers(run, card.headline, {each.name: run.metrics(each.name) for each in card.scores})

# --- the answer
picked, shown = method_page.image(run, scores)
at = parts.space(run, name, deep) if run.has("projection") else None
layers = parts.shown_layers(run, at) if at else []
at_embedding, at_distances = st.columns([3, 2])
with at_embedding:
    if at:
        parts.show_map(run, at, line, layers, picked)
    else:
        method_page.coming(run)
with at_distances:
    title = "Distance to the nearest class mean" if line.radius is not None else card.score(card.headline).title
    drawn = metric_distances.by_kind(scores, kinds, threshold, line.radius is not None, title)
    panels.show(drawn, run=run.id)
    if line.radius is not None:
        st.caption(panels.escape(metric_distances.shares_in_words(line.radius, line.share)))

# --- details, computed when they are opened
tabs = ("One image", "Known classes", "Pairs", "Without and with seen images", "Softmax twin", "Training")
at_image, at_classes, at_pairs, at_odm, at_twin, at_training = st.tabs(
    tabs, key="metric_tab", on_change="rerun", bind="query-params"
)
if at_image.open:
    with at_image:
        parts.one_image(run, shown, line)
if at_classes.open:
    with at_classes:
        parts.classes(run, line)
if at_pairs.open:
    with at_pairs:
        parts.pairs(run)
if at_odm.open:
    with at_odm:
        beside.without_and_with(run)
if at_twin.open:
    with at_twin:
        beside.twin(run, line)
if at_training.open:
    with at_training:
        parts.training(run)

# --- the same without the app
if (without := st.expander("The same numbers without the app", key="metric_code", on_change="rerun")).open:
    with without:
        panels.command(f"python -m core evaluate {run.id} --set normal_share={share / 100:g}")
        panels.command(command_line.command(run.spec))
