"""RaPP: how far does an image stray from its reconstruction, layer by layer?"""

import numpy as np
import streamlit as st

from core import evaluation
from core.figures import number, score_histogram, three_digits
from core.figures import rapp as figures
from core.figures.report import verdict
from core.runs import spec, store
from pages.shared import frame, panels, pickers, reading

MANY = 5_000  # test images above which the interval of a moved window comes from fewer draws
FEW_DRAWS = 200

frame.through_entry()
st.title("RaPP: how far does an image stray from its reconstruction, layer by layer?")

# --- choose
at_run, at_score, at_layers = st.columns([5, 3, 3])
with at_run:
    run = pickers.run(family="rapp", key="rapp_run")
card, settings, task = run.spec.card, run.spec.settings, run.spec.task.hash
with at_score:
    score = pickers.score(run, key="rapp_score")
title = card.score(score).title
with at_layers:
    window = st.slider(
        "Layers of the window",
        0,
        settings.layers,
        settings.window(),
        key=f"rapp_layers_{settings.layers}",  # a key for each depth: a window of ten layers means nothing to five
        bind="query-params",
        disabled=score == "reconstruction",
        help="SAP and NAP take these layers; 0 is the input. Reconstruction is the input alone.",
    )

# --- load
novel, classes = reading.array(run, "test", "novel"), reading.array(run, "test", "classes")
images, redrawn = reading.array(run, "test", "images"), reading.array(run, "explanations", "test/reconstruction")
layers, naps = reading.array(run, "explanations", "test/layers"), reading.array(run, "explanations", "test/windows")
windows = reading.array(run, "portrait", "windows")


def of_held_out(name: str) -> np.ndarray:
    """Layers or windows of the normal validation images."""
    return reading.array(run, "explanations", f"valid/{name}")[reading.array(run, "test", "valid_novel") == 0]


def measure() -> dict:
    if window == settings.window() or score == "reconstruction":
        return run.metrics(score)
    return evaluation.metrics(scores[score], novel, threshold, draws=FEW_DRAWS if len(novel) > MANY else 1000)


held_out = {name: reading.remember(run, lambda name=name: of_held_out(name), name) for name in ("layers", "windows")}
scores = figures.window_scores(layers, naps, windows, window)
reference = figures.window_scores(held_out["layers"], held_out["windows"], windows, window)[score]
threshold = evaluation.default_threshold(reference, settings.normal_share)
metrics = reading.remember(run, measure, "metrics", score, *window)
percentiles = evaluation.percentile(scores[score], reference)

# --- the answer in numbers
others = [f"{each.title} {evaluation.auroc(scores[each.name], novel):.3f}" for each in card.scores if each.name != score]
published = [figure for figure in spec.published(run.spec) if figure.score == score]
known = [panels.escape(f"published {each.auroc:.3f} ({each.source}, {each.remark})") for each in published]
known = known or ["no published figure for this task"]
st.markdown(f"**{title} {three_digits(metrics['auroc'])}** · {' · '.join(others)} · :gray[{'; '.join(known)}]")
rivals = {line: run.controls[name] for name, line in store.CONTROLS.items() if name in run.controls}
st.caption(panels.escape(verdict({title: metrics}, rivals)))
for alarm in run.about["alarms"].values():
    st.badge(panels.escape(alarm), icon=":material/warning:", color="orange")

# --- the answer
shaded = None if score == "reconstruction" else window
left, right = st.columns(2)
with left:
    panels.show(figures.layer_scores(layers, novel, shaded), run=run.id)
with right:
    histogram = score_histogram(scores[score], novel, threshold, f"{title} of {len(novel):,} test images", title)
    histogram.figure.update_layout(height=300)
    panels.show(histogram, run=run.id)
picked = pickers.picked(task, len(novel))
shown = int(scores[score].argmax()) if picked is None else picked
left, right = st.columns(2)
with left:
    rows = figures.pathway_map(layers, novel, scores[score], held_out["layers"], classes, title, shaded, shown)
    panels.show(rows, key="rapp_rows", on_select=pickers.pick_from("rapp_rows", task), run=run.id)
with right:
    st.markdown(
        f"**Test image {shown:,}**, class {panels.escape(classes[shown])}, {'novel' if novel[shown] else 'normal'}: "
        f"{title} {number(scores[score][shown])}, more novel than {percentiles[shown]:.1f} % of the held-out normal images, "
        f"**{'called novel' if scores[score][shown] > threshold else 'accepted as normal'}**"
    )
    reasons = {"reconstruction": redrawn[shown], "layers": layers[shown], "normal_layers": held_out["layers"]}
    for picture in figures.why(reasons, images[shown]):
        panels.show(picture, run=run.id)

# --- details, computed when they are opened
names = ("Ranked images", "ROC and PR", "NAP spectrum", "Replay", "Choosing the window")
ranked, curves, spectrum, replay, choosing = st.tabs(names, key="rapp_tab", on_change="rerun", bind="query-params")
if ranked.open:
    with ranked:
        kind = pickers.one_of("Which images", figures.RANKINGS, key="rapp_which")
        places = figures.ranking(kind, scores[score], novel, threshold)
        if len(places):
            heading = f"{figures.RANKINGS[kind]}, by {title}"
            picture = figures.ranked(places, images, redrawn, scores[score], percentiles, novel, classes, heading)
            panels.show(picture, "rapp_ranked", pickers.pick_from("rapp_ranked", task), run.id)
        else:
            st.caption("None: at this threshold no image of this kind is on the wrong side.")
if curves.open:
    with curves:
        stored = reading.arrays(run, "controls") if run.has("controls") else {}
        titled = {each.title: scores[each.name] for each in card.scores}
        pictures = figures.curves(titled, novel, {title: metrics}, stored, store.CONTROLS, run.controls)
        for column, picture in zip(st.columns(2), pictures, strict=True):
            with column:
                panels.show(picture, run=run.id)
if spectrum.open:
    with spectrum:
        portrait = reading.arrays(run, "portrait")
        panels.show(figures.nap_spectrum(portrait, window, settings.window()), run=run.id)
if replay.open:
    with replay:
        epochs = [epoch for epoch, _ in run.snapshots()]
        probe = reading.arrays(run, "probe")
        epoch = st.select_slider("Epoch", epochs, epochs[-1], key="rapp_epoch", bind="query-params")
        kept = [reading.arrays(run, f"snapshots/{each:05d}") for each in epochs]
        for column, picture in zip(st.columns(2), figures.replay(epochs, kept, probe, window, epoch), strict=True):
            ...
if choosing.open:
    ...
