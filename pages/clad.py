"""CLAD: what kinds did it find in "normal"?"""

from functools import partial

import streamlit as st

from core.figures.families import clad_clustering, clad_confidence
from core.runs import command_line
from pages.shared import cached, frame, method_page, panels, pickers, replay
from pages.shared.clad import claims
from pages.shared.clad import found as parts

frame.through_entry()
st.title('What kinds did it find in "normal"?')

# --- choose
at_run, at_map, at_temperature, at_step = st.columns([4, 2, 3, 3])
with at_run:
    run = pickers.run("clad")
method_page.stop_without_novel(run)
method_page.stop_while_coming(run)
with at_map:
    on_map = parts.which_map(run)
card, settings = run.spec.card, run.spec.settings
portrait, kinds = cached.arrays(run, "portrait"), cached.kinds(run)
trained = int(cached.array(run, "explanations", "test/step")[0])
epsilons = portrait["epsilons"].tolist()
with at_temperature:
    temperature = st.select_slider(
        "Temperature",
        sorted({*clad_confidence.TEMPERATURES, settings.temperature}),
        settings.temperature,
        format_func="{:g}".format,
        key=f"clad_temperature_{settings.temperature:g}",  # a key for each setting of a training, where it starts
        bind="query-params",
        help="The classifier's outputs are divided by it before they become a confidence. The step keeps the direction "
        f"that it has at {settings.temperature:g}.",
    )
with at_step:
    epsilon = st.select_slider(
        "Step of ODIN",
        epsilons,
        epsilons[trained],
        format_func="{:g}".format,
        key=f"clad_step_{trained}",
        bind="query-params",
        help="Every pixel moves by so much of its range, so that the classifier becomes surer. 0: no step.",
    )

# --- load
asked = clad_confidence.Asked(
    *(cached.array(run, "explanations", f"{split}/logits") for split in ("test", "valid")),
    portrait["epsilons"], float(temperature), epsilons.index(epsilon), run.rule,
)  # fmt: skip
moved = (temperature, asked.step) != (settings.temperature, trained)
measured = {each.name: run.metrics(each.name) for each in card.scores}
if moved:
    metrics = partial(asked.metrics, kinds.novel, cached.array(run, "test", "source"))
    measured[card.headline] = cached.remember(run, metrics, "metrics", asked.temperature, asked.step)
    measured["temperature"] = asked.without_step(kinds.novel)
hidden = cached.array(run, "train", "classes")

# --- the answer in numbers
note = "(at your temperature and step)" if moved else ""
method_page.numbers(run, card.headline, measured, note, asked.scores if moved else None)
if merged := str(portrait["merged"]):
    st.badge(panels.escape(merged), icon=":material/warning:", color="orange")

# --- the answer
picked, shown = method_page.image(run, asked.scores)
if run.has("projection"):
    parts.maps(run, on_map, hidden, picked)
else:
    method_page.coming(run)
panels.show(clad_confidence.three_steps(asked, kinds), run=run.id)

# --- details, computed when they are opened
names = (
    *("One image", "Kinds", "Hidden classes", "Clustering", "Temperature and step", "Classifier"),
    *("One region or many", "How many clusters"),
)
tabs = st.tabs(names, key="clad_tab", on_change="rerun", bind="query-params")
at_image, gallery, classes, clustering, choosing, classifier, regions, counts = tabs
if at_image.open:
    with at_image:
        parts.one_image(run, shown, asked)
if gallery.open:
    with gallery:
        parts.gallery(run, hidden)
if classes.open:
    with classes:
        parts.against_classes(run, hidden)
if clustering.open:
    with clustering:
        parts.clustering(run)
if choosing.open:
    with choosing:
        drawn = cached.remember(
            run, partial(clad_confidence.choosing, asked, kinds), "choosing", asked.temperature, asked.step
        )
        panels.show(drawn, run=run.id)
if classifier.open:
    with classifier:
        panels.show(clad_clustering.classifier_curves(replay.progress(run, "classifier")), run=run.id)
if regions.open:
    with regions:
        claims.one_region_or_many()
if counts.open:
    with counts:
        claims.number_of_clusters()

# --- the same without the app
if (without := st.expander("The same numbers without the app", key="clad_code", on_change="rerun")).open:
    with without:
        panels.command(f"python -m core evaluate {run.id}")
        code = clad_confidence.PYTHON.format(run=run.id, step=asked.step, temperature=asked.temperature)
        panels.command(code, "python")
        panels.command(command_line.command(run.spec))
