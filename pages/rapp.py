"""RaPP: how far does an image stray from its reconstruction, layer by layer?"""

from functools import partial

import streamlit as st

from core import glossary
from core.figures import curves as curve_figures
from core.figures import moved as scored
from core.figures import replay as replay_figures
from core.figures import score_histogram, sheets
from core.figures.families import rapp as figures
from core.figures.families import rapp_replay, rapp_spectrum
from core.figures.families import rapp_windows as choice
from core.runs import store
from pages.shared import cached, frame, method_page, panels, pickers, replay

frame.through_entry()
st.title("RaPP: how far does an image stray from its reconstruction, layer by layer?")

# --- choose
at_run, at_score, at_layers = st.columns([5, 3, 3])
with at_run:
    run = pickers.run("rapp")
method_page.stop_without_novel(run)
method_page.stop_while_coming(run)
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
        help=f"SAP and NAP take these layers. Reconstruction is the input alone.\n\n{glossary.explained(['window'])}",
    )

# --- load
kinds, classes = cached.kinds(run), cached.array(run, "test", "classes")
images, redrawn = cached.array(run, "test", "images"), cached.array(run, "explanations", "test/reconstruction")
layers, naps = cached.array(run, "explanations", "test/layers"), cached.array(run, "explanations", "test/windows")
windows, moved = cached.array(run, "portrait", "windows"), windowed and window != settings.window()
normal_layers, normal_naps = (cached.array(run, "explanations", f"valid/{name}") for name in ("layers", "windows"))
tested, normal = (
    choice.window_scores(*each, windows, window) for each in ((layers, naps), (normal_layers, normal_naps))
)
at = scored.Moved(tested, normal, score, run.rule)
shown_metrics = (
    cached.remember(
        run, partial(at.metrics, kinds.novel, cached.array(run, "test", "source")), "metrics", score, *window
    )
    if moved
    else run.metrics(score)
)

# --- the answer in numbers
note = scored.draws_in_words(len(kinds)) if moved else ""
method_page.numbers(run, score, at.aurocs(kinds.novel) | {score: shown_metrics}, note, at.scores if moved else None)

# --- the answer
shaded = window if windowed else None
histogram = score_histogram(at.scores, kinds, at.threshold, f"{title} of {len(kinds):,} test images", title)
histogram.figure.update_layout(height=300)
method_page.beside(run, [figures.layer_scores(layers, kinds, shaded), histogram])
_, shown = method_page.image(run, at.scores)
left, right = st.columns(2)
with left:
    rows = figures.pathway_map(layers, kinds, at.scores, normal_layers, classes, title, shaded, shown)
    panels.show(rows, "rapp_rows", pickers.pick_from("rapp_rows", task), run.id)
with right:
    method_page.judged(shown, classes, kinds, title, at.scores, at.threshold, at.percentiles)
    why = partial(figures.why, cached.reasons(run, shown), images[shown])
    for picture in cached.remember(run, why, "why", shown):
        panels.show(picture, run=run.id)

# --- details, computed when they are opened
names = ("Ranked images", "ROC and PR", "NAP spectrum", "Replay", "Choosing the window")
ranked, curves, spectrum, replayed, choosing = st.tabs(names, key="rapp_tab", on_change="rerun", bind="query-params")
if ranked.open:
    with ranked:
        which = pickers.one_of("Which images", sheets.RANKINGS, key="rapp_which")
        if len(places := sheets.ranking(which, at.scores, kinds, at.threshold)):
            heading = f"{sheets.RANKINGS[which]}, by {title}"
            sheet = sheets.ranked(places, images, redrawn, at.scores, at.percentiles, kinds, classes, heading)
            panels.show(sheet, "rapp_ranked", pickers.pick_from("rapp_ranked", task), run.id)
        else:
            st.caption("None: at this threshold no image of this kind is on the wrong side.")
if curves.open:
    with curves:
        points = cached.arrays(run, "controls") if run.has("controls") else {}
        titled = {each.title: tested[each.name] for each in card.scores}
        overlays = curve_figures.roc_and_pr(titled, kinds, {title: shown_metrics}, points, store.CONTROLS, run.controls)
        method_page.beside(run, overlays)
if spectrum.open:
    with spectrum:
        portrait = cached.arrays(run, "portrait")
        if len(values := rapp_spectrum.singular_values(portrait, window)):
            panels.show(rapp_spectrum.nap_spectrum(values, portrait, window), run=run.id)
        else:
            first, last = settings.window()
            st.caption(f"So wide a pathway keeps one spectrum, of the window it was trained with: {first} to {last}.")
if replayed.open:
    with replayed:
        epoch, snapshots = replay.slider(run, "rapp_epoch")
        if snapshots:
            followed, probe = cached.probe_kinds(run), cached.array(run, "probe", "images")
            after = rapp_replay.layers_after(epoch, snapshots, followed, shaded)
            method_page.beside(run, [rapp_replay.learning(snapshots, followed, window, epoch), after])
            panels.show(replay_figures.redrawings(epoch, snapshots, probe, followed), run=run.id)
if choosing.open and windowed:
    with choosing:
        tried = partial(choice.trial, score, layers, naps, windows, kinds.novel, classes)
        trial = cached.remember(run, tried, "trial", score)
        narrow = choice.narrowest(score, normal_layers, normal_naps, windows)
        mapped = choice.window_map(trial.aurocs, windows, window, narrow, title)
        method_page.beside(run, [mapped, choice.peeking(trial, windows, window)])
elif choosing.open:
    choosing.caption("Reconstruction has no window to choose: it is the input alone. Choose SAP or NAP above.")

# --- the same without the app
if (without := st.expander("The same numbers without the app", key="rapp_code", on_change="rerun")).open:
    with without:
        panels.command(f"python -m core evaluate {run.id}")
        panels.command(choice.PYTHON.format(run=run.id, score=score, first=window[0], last=window[1]), "python")
