"""Baselines: what does no deep network at all reach?"""

from functools import partial

import streamlit as st

from core.figures import moved as scored
from core.figures import score_histogram, sheets
from core.runs import command_line
from pages.shared import cached, frame, method_page, panels, pickers
from pages.shared.baselines import beside, learned, moved

frame.through_entry()
st.title("What does no deep network at all reach?")

# --- choose
at_run, at_score, at_setting = st.columns([5, 4, 3])
with at_run:
    run = pickers.run("baselines")
method_page.stop_without_novel(run)
method_page.stop_while_coming(run)
card, task = run.spec.card, run.spec.task.hash
with at_score:
    score = pickers.score(run, key="baselines_score") if len(card.scores) > 1 else card.headline
with at_setting:
    count = moved.slider(run)

# --- load
title, kinds = card.score(score).title, cached.kinds(run)
images, classes = cached.array(run, "test", "images"), cached.array(run, "test", "classes")
at = moved.scored(run, score, count)
as_fitted = count is None or count == moved.choices(run)[-1]
measured = partial(at.metrics, kinds.novel, cached.array(run, "test", "source"))
metrics = run.metrics(score) if as_fitted else cached.remember(run, measured, "metrics", score, count)

# --- the answer in numbers
note = "" if as_fitted else scored.draws_in_words(len(kinds))
method_page.numbers(run, score, at.aurocs(kinds.novel) | {score: metrics}, note, None if as_fitted else at.scores)

# --- the answer
left, right = st.columns([6, 5])
with left:
    panels.show(beside.side_by_side(run), run=run.id)
with right:
    panels.show(
        score_histogram(at.scores, kinds, at.threshold, f"{title} of {len(kinds):,} test images", title), run=run.id
    )

# --- one image, and why
which = pickers.one_of("Test images to pick from", sheets.RANKINGS, key="baselines_which")
if len(places := sheets.ranking(which, at.scores, kinds, at.threshold)):
    heading = f"{sheets.RANKINGS[which]}, by {title}"
    sheet = sheets.ranked(places, images, None, at.scores, at.percentiles, kinds, classes, heading)
    panels.show(sheet, "baselines_ranked", pickers.pick_from("baselines_ranked", task), run.id)
else:
    st.caption("None: at this threshold no image of this kind is on the wrong side.")
_, shown = method_page.image(run, at.scores)
method_page.judged(shown, classes, kinds, title, at.scores, at.threshold, at.percentiles)
method_page.beside(run, learned.why(run, shown, count, at))
learned.classes_of_neighbours(run, shown, count)

# --- details, computed when they are opened
names = ("What it has learned", "Exact or linear", "Not trained yet")
has_learned, solvers, missing = st.tabs(names, key="baselines_tab", on_change="rerun", bind="query-params")
if has_learned.open:
    with has_learned:
        learned.show(run, count)
if solvers.open:
    with solvers:
        beside.exact_or_linear(run)
if missing.open:
    with missing:
        beside.to_train(run)

# --- the same without the app
if (without := st.expander("The same numbers without the app", key="baselines_code", on_change="rerun")).open:
    with without:
        panels.command(f"python -m core evaluate {run.id}")
        panels.command(command_line.command(run.spec))
