"""VAE threshold: where would you draw the line?"""

import streamlit as st

from core import evaluation
from core.figures import curves, sheets
from core.figures import replay as replay_figures
from core.figures.families import vae as figures
from core.figures.families import vae_line, vae_pixels, vae_replay
from core.runs import command_line, store
from pages.shared import cached, frame, method_page, panels, pickers, replay
from pages.shared.vae import beside, latent, line

BARS = {"shares": "Shares", "counts": "Counts", "log": "Log"}

frame.through_entry()
st.title("Where would you draw the line?")

# --- choose
at_run, at_score, at_positive = st.columns([4, 5, 2.4])
with at_run:
    run = pickers.run("vae")
method_page.stop_without_novel(run)
method_page.stop_while_coming(run)
card, settings, task = run.spec.card, run.spec.settings, run.spec.task.hash
with at_score:
    score = pickers.score(run, key="vae_score")
with at_positive:
    positive = pickers.one_of("Positive class", vae_line.POSITIVE, key="vae_positive", meanings=vae_line.MEANING)
title = card.score(score).title

# --- load
kinds, classes = cached.kinds(run), cached.array(run, "test", "classes")
images, redrawn = cached.array(run, "test", "images"), cached.array(run, "explanations", "test/reconstruction")
scores, rule = cached.array(run, "scores", f"test/{score}"), run.threshold(score)
trained, held_out = vae_line.learned_from(cached.arrays(run, "scores"), score)

# --- the answer: the line
method_page.numbers(run, score, {each.name: run.metrics(each.name) for each in card.scores})
left, right = st.columns([5, 3])
with right:
    counts = st.container()
    bars = pickers.one_of("Bars show", BARS, key="vae_bars")
with left:
    threshold = line.draw(run, score, bars)
with counts:
    line.counts(run, score, positive, threshold)
true = vae_line.true_share(cached.arrays(run, "test"), cached.array(run, "train", "classes"))
lines = {"this line": threshold, "the rule's line": rule}
st.table(vae_line.table(lines, scores, kinds, positive), hide_index=True, alt="Rates and counts of each line")
st.caption(panels.escape(vae_line.impurities_in_words(run.rule, len(trained) + len(held_out), true)))
axis_is_log = vae_line.long_tailed(scores, kinds, rule)
method_page.beside(
    run,
    [
        vae_line.by_threshold(scores, kinds, positive, threshold, title, axis_is_log),
        vae_line.by_contamination(trained, held_out, scores, kinds, positive, run.rule.share, true),
    ],
)
picked, shown = method_page.image(run, scores)

# --- details, computed when they are opened
names = (
    *("Reconstructions", "Latent space", "Which score", "ROC and PR", "Fitted and new", "Classes", "Training"),
    *("Settings", "One-class SVM"),
)
tabs = st.tabs(names, key="vae_tab", on_change="rerun", bind="query-params")
at_images, at_latent, at_scores, at_curves, at_fitted, at_classes, at_training, at_settings, at_svm = tabs
if at_images.open:
    with at_images:
        which = pickers.one_of("Which images", sheets.RANKINGS, key="vae_which")
        percentiles = evaluation.percentile(scores, held_out)
        if len(places := sheets.ranking(which, scores, kinds, threshold)):
            heading = f"{sheets.RANKINGS[which]}, by {title}"
            sheet = sheets.ranked(places, images, redrawn, scores, percentiles, kinds, classes, heading)
            panels.show(sheet, "vae_ranked", pickers.pick_from("vae_ranked", task), run.id)
        else:
            st.caption("None: at this line no image of this kind is on the wrong side.")
        method_page.judged(shown, classes, kinds, title, scores, threshold, percentiles)
        method_page.beside(run, figures.why(cached.reasons(run, shown), images[shown]))
if at_latent.open:
    with at_latent:
        latent.show(run, score, picked)
if at_scores.open:
    with at_scores:
        pair = [cached.array(run, "scores", f"test/{name}") for name in ("error", "elbo")]
        limits = run.threshold("error"), run.threshold("elbo")
        left, right = st.columns([3, 2])
        with left:
            scatter = figures.two_scores(*pair, kinds, limits, picked)
            panels.show(scatter, "vae_pair", pickers.pick_from("vae_pair", task), run.id)
        with right:
            panels.images_row(images[[shown]], [f"test image {shown}, class {classes[shown]}"], 96 // images.shape[2])
            panels.show(figures.image_terms(cached.reasons(run, shown)), run=run.id)
        panels.show(vae_pixels.apart(images[shown], redrawn[shown]), run=run.id)
if at_curves.open:
    with at_curves:
        points = cached.arrays(run, "controls") if run.has("controls") else {}
        titled = {each.title: cached.array(run, "scores", f"test/{each.name}") for each in card.scores}
        known = {each.title: run.metrics(each.name) for each in card.scores}
        at = evaluation.confusion(scores, kinds.novel, threshold)
        method_page.beside(run, curves.roc_and_pr(titled, kinds, known, points, store.CONTROLS, run.controls, at))
if at_fitted.open:
    with at_fitted:
        panels.show(vae_line.fitted_and_new(trained, held_out, scores, kinds, threshold, title), run=run.id)
if at_classes.open:
    with at_classes:
        panels.show(vae_line.by_class(scores, classes, kinds, threshold), run=run.id)
if at_training.open:
    with at_training:
        epoch, snapshots = replay.slider(run, "vae_epoch")
        if snapshots:
            followed, probe = cached.probe_kinds(run), cached.arrays(run, "probe")
            told = [vae_replay.losses(replay.progress(run), epoch), vae_replay.learning(snapshots, followed, epoch)]
            method_page.beside(run, told)
            portrait = cached.arrays(run, "portrait")
            plane = vae_replay.plane_after(epoch, snapshots, portrait, followed, probe["place"])
            panels.show(replay_figures.redrawings(epoch, snapshots, probe["images"], followed), run=run.id)
            panels.show(plane, run=run.id)
if at_settings.open:
    with at_settings:
        beside.settings(run, score, positive)
if at_svm.open:
    with at_svm:
        beside.one_class_svm(run, score, threshold)

# --- the same without the app
if (without := st.expander("The same numbers without the app", key="vae_code", on_change="rerun")).open:
    with without:
        panels.command(f"python -m core evaluate {run.id} --set contamination={run.rule.share:g}")
        panels.command(command_line.command(run.spec))
