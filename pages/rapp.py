"""RaPP: how far does an image stray from its reconstruction, layer by layer?"""

from functools import partial

import numpy as np
import streamlit as st

from core import evaluation
from core.figures import Picture, number, percent, score_histogram, sheets, three_digits
from core.figures.families import rapp as figures
from core.figures.families import rapp_windows as choice
from core.runs import spec, store
from pages.shared import cached, frame, panels, pickers

MANY, DRAWS, FEW_DRAWS = 5_000, 1_000, 200  # from so many test images on a moved window's interval has fewer draws

frame.through_entry()
st.title("RaPP: how far does an image stray from its reconstruction, layer by layer?")

# --- choose
at_run, at_score, at_layers = st.columns([5, 3, 3])
with at_run:
    run = pickers.run(family="rapp", key="rapp_run")
card, settings, task = run.spec.card, run.spec.settings, run.spec.task.hash
with at_score:
    score = pickers.score(run, key="rapp_score")
title, windowed = card.score(score).title, score != "reconstruction"
with at_layers:
    window = st.slider(
        "Layers of the window",
        0,
        settings.layers,
        settings.window(),
        key=f"rapp_layers_{settings.layers}",  # a key for each depth: a window of ten layers means nothing to five
        bind="query-params",
        disabled=not windowed,
        help="SAP and NAP take these layers; 0 is the input. Reconstruction is the input alone.",
    )

# --- load
novel, classes = cached.array(run, "test", "novel"), cached.array(run, "test", "classes")
images, redrawn = cached.array(run, "test", "images"), cached.array(run, "explanations", "test/reconstruction")
layers, naps = cached.array(run, "explanations", "test/layers"), cached.array(run, "explanations", "test/windows")
windows = cached.array(run, "portrait", "windows")


def held_out(name: str) -> np.ndarray:
    """Of the normal validation images."""
    return cached.array(run, "explanations", f"valid/{name}")


def beside(*pictures: Picture) -> None:
    for column, picture in zip(st.columns(len(pictures)), pictures, strict=True):
        with column:
            panels.show(picture, run=run.id)


scores = choice.window_scores(layers, naps, windows, window)
reference = choice.window_scores(held_out("layers"), held_out("windows"), windows, window)[score]
threshold = run.rule.threshold(None, reference)
percentiles = evaluation.percentile(scores[score], reference)
metrics, draws = run.metrics(score), DRAWS
if windowed and window != settings.window():
    draws = DRAWS if len(novel) < MANY else FEW_DRAWS
    measured = partial(evaluation.metrics, scores[score], novel, threshold, draws=draws)
    metrics = cached.remember(run, measured, "metrics", score, *window)

# --- the answer in numbers
said = [f"**{title} {three_digits(metrics['auroc'])}**" + ("" if draws == DRAWS else f" (from {draws} draws)")]
said += [f"{each.title} {evaluation.auroc(scores[each.name], novel):.3f}" for each in card.scores if each.name != score]
known = [each for each in spec.published(run.spec) if each.score == score]
said += [panels.escape(f"published {each.value:.3f} ({each.source}, {each.remark})") for each in known]
st.markdown("AUROC: " + " · ".join(said) + ("" if known else " · :gray[no published figure for this task]"))
st.caption(panels.escape(figures.against_controls(metrics, run.controls, store.CONTROLS)))
for alarm in run.about["alarms"].values():
    st.badge(panels.escape(alarm), icon=":material/warning:", color="orange")

# --- the answer
shaded = window if windowed else None
histogram = score_histogram(scores[score], novel, threshold, f"{title} of {len(novel):,} test images", title)
histogram.figure.update_layout(height=300)
beside(figures.layer_scores(layers, novel, shaded), histogram)
picked = pickers.picked(task, len(novel))
shown = int(scores[score].argmax()) if picked is None else picked
left, right = st.columns(2)
with left:
    sorted_by = (scores[score], held_out("layers"), classes, title)
    rows = figures.pathway_map(layers, novel, *sorted_by, shaded, shown)
    panels.show(rows, "rapp_rows", pickers.pick_from("rapp_rows", task), run.id)
with right:
    kind, said = ("normal", "novel")[novel[shown]], "called novel" if scores[score][shown] > threshold else "accepted"
    st.markdown(f"**Test image {shown}, class {panels.escape(classes[shown])}, {kind}: {said}**")
    above = percent(percentiles[shown] / 100)
    st.caption(f"{title} {number(scores[score][shown])}, above {above} of the held-out normal images")
    reasons = {"reconstruction": redrawn[shown], "layers": layers[shown], "normal_layers": held_out("layers")}
    for picture in cached.remember(run, partial(figures.why, reasons, images[shown]), "why", shown):
        panels.show(picture, run=run.id)

# --- details, computed when they are opened
names = ("Ranked images", "ROC and PR", "NAP spectrum", "Replay", "Choosing the window")
ranked, curves, spectrum, replay, choosing = st.tabs(names, key="rapp_tab", on_change="rerun", bind="query-params")
if ranked.open:
    with ranked:
        kind = pickers.one_of("Which images", sheets.RANKINGS, key="rapp_which")
        if len(places := sheets.ranking(kind, scores[score], novel, threshold)):
            heading = f"{sheets.RANKINGS[kind]}, by {title}"
            sheet = sheets.ranked(places, images, redrawn, scores[score], percentiles, novel, classes, heading)
            panels.show(sheet, "rapp_ranked", pickers.pick_from("rapp_ranked", task), run.id)
        else:
            st.caption("None: at this threshold no image of this kind is on the wrong side.")
if curves.open:
    with curves:
        points = cached.arrays(run, "controls") if run.has("controls") else {}
        titled = {each.title: scores[each.name] for each in card.scores}
        beside(*figures.curves(titled, novel, {title: metrics}, points, store.CONTROLS, run.controls))
if spectrum.open:
    with spectrum:
        portrait = cached.arrays(run, "portrait")
        if len(values := figures.singular_values(portrait, window)):
            beside(figures.nap_spectrum(values, portrait, window))
        else:
            first, last = settings.window()
            st.caption(f"So wide a pathway keeps one spectrum, of the window it was trained with: {first} to {last}.")
if replay.open and run.snapshots():
    with replay:
        probe = cached.arrays(run, "probe")
        kept = {epoch: cached.arrays(run, file) for epoch, file in run.snapshots().items()}
        epoch = st.select_slider("After epoch", list(kept), max(kept), key="rapp_epoch", bind="query-params")
        after = figures.layers_after(epoch, kept, probe, shaded)
        beside(figures.learning(kept, probe, window, epoch), after)
        beside(figures.redrawings(epoch, kept, probe))
elif replay.open:
    replay.caption("This run keeps no snapshots of its training. Train it again to replay it.")
if choosing.open and windowed:
    with choosing:
        tried = partial(choice.trial, score, layers, naps, windows, novel, classes)
        trial = cached.remember(run, tried, "trial", score)
        narrow = choice.narrowest(score, held_out("layers"), held_out("windows"), windows)
        beside(choice.window_map(trial.aurocs, windows, window, narrow, title), choice.peeking(trial, windows, window))
elif choosing.open:
    choosing.caption("Reconstruction has no window to choose: it is the input alone. Choose SAP or NAP above.")

# --- the same without the app
if (without := st.expander("The same numbers without the app", key="rapp_code", on_change="rerun")).open:
    with without:
        panels.command(f"python -m core evaluate {run.id}")
        panels.command(choice.PYTHON.format(run=run.id, score=score, first=window[0], last=window[1]), "python")
