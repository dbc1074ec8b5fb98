"""How strange is this picture, and to whom?"""

import shlex
from collections.abc import Callable, Mapping

import numpy as np
import streamlit as st

from core import data, glossary, methods
from core import figures as pictures
from core.figures.pages import score as figures
from core.runs.results import detectors
from core.runs.store import Run
from pages.shared import changed_images, frame, panels, pickers
from pages.shared.score import batch, inputs, judging, settings

SIDE = 112  # of an image on the screen, in pixels, of a small one at least
POINTS = 25  # strengths along the path of a bend
LARGE = "font-size: 1.75rem; font-weight: 700; line-height: 1.2"  # the verdict is read first
MEANING = glossary.explained(["percentile", "threshold", "held-out"])


def thumbnail(image: np.ndarray, caption: str) -> None:
    """uint8 [C, H, W] with hard pixels, always of one width."""
    large = pictures.enlarge(image, max(1, SIDE // max(image.shape[1:])))
    st.image(large, panels.escape(caption), width=SIDE, output_format="PNG", alt=caption)


def neighbours(run: Run, found: Mapping[str, np.ndarray], words: Callable[[str, int, int], str], name: str) -> None:
    """A row of training images with class and distance.  words: what they are, of the name, how many of how many."""
    st.caption(panels.escape(words(name, int(found["searched"]), int(found["of"]))))
    labels = [f"{name} · {far:.3g}" for name, far in zip(found["classes"], found["distances"], strict=True)]
    panels.images_row(found["images"], labels, panels.factor(run.shape, SIDE))


frame.through_entry()
st.title("How strange is this picture, and to whom?")

left, right = st.columns([1, 2])
with left:
    source = st.segmented_control(
        "Image",
        list(inputs.SOURCES),
        default="sample",
        required=True,
        format_func=inputs.SOURCES.__getitem__,
        key="score_from",
        bind="query-params",
    )
with right:
    runs = pickers.runs(key="score_runs", start=pickers.of_one_task)
if not runs:
    st.info("Choose a run above to hear what it makes of the image.", icon=":material/arrow_upward:")
    st.stop()
drawn, of_one = source == "draw", len({run.spec.task.hash for run in runs}) == 1
names = pickers.short_labels(runs) if of_one else pickers.labels(runs)
changed_images.say(runs, names)
above = st.container()
many = st.container()  # stands above the bends but is drawn after them: inverting concerns all files
before, after, told = st.columns([2 if drawn else 1, 1, 5], gap="medium")
answer = st.container()
with before if drawn else above:
    images, broken = inputs.given(source, runs)
if not images:
    with told if drawn else above:
        for each in broken:
            st.error(panels.escape(each.sentence), icon=":material/block:")
        st.caption(inputs.INVITATIONS[source])
    st.stop()

with told:
    strengths, asked = inputs.bends()
    changes = settings.changes(runs, names)
called = {run.id: settings.called(names[run.id], changes.get(run.id, {})) for run in runs}

given = images[0]
if len(images) + len(broken) > 1:
    with many:
        given = batch.show(images, broken, runs, called, changes) or given

plain = {run.id: given.fitted(run, asked) for run in runs}
bent = {run_id: data.bend(image, **strengths) for run_id, image in plain.items()}
shapes = {run.shape: run for run in runs}
if not drawn:
    with before:
        thumbnail(given.preview, given.name)
with after:
    for run in shapes.values():
        thumbnail(bent[run.id], f"what {names[run.id] if len(shapes) > 1 else 'the detector'} sees")
with told:
    if not given.sample:
        notes = (note for run in shapes.values() for note in given.notes(run, asked))
        st.caption(panels.escape("; ".join(dict.fromkeys(notes))))
    inputs.hints(given, list(shapes.values()))

with answer:
    verdicts = judging.judge(runs, {run.id: bent[run.id][None] for run in runs}, changes, explain=True)
    runs = [run for run in runs if run.id in verdicts]
    if not runs:
        st.stop()
    said = [judging.said(run, called[run.id], verdicts[run.id])[0] for run in runs]
    st.html(f'<div role="status" style="{LARGE}">{figures.verdict(said)}</div>')
    if not given.sample:
        judging.point_out(runs, called, verdicts)
    panels.show(figures.percentile_strips(said), heard=figures.verdicts_in_words(said), help=MEANING)

why, bending, nearest = st.tabs(
    ["Why", "How much bending it bears", "Nearest training images"],
    key="score_tab",
    on_change="rerun",
    bind="query-params",
)
if why.open:
    with why:
        for run in runs:
            st.markdown(f"**{panels.escape(called[run.id])}**")
            reasons = methods.figures(run.spec.method).why(judging.explanation(run, verdicts[run.id]), bent[run.id])
            for place, (column, reason) in enumerate(zip(st.columns(len(reasons)), reasons, strict=True)):
                with column:
                    panels.show(reason, key=f"score_why_{run.id}_{place}", run=run.id)
if bending.open:
    with bending:
        knob = st.segmented_control(
            "Bend",
            list(inputs.STEPS),
            default="rotate",
            required=True,
            format_func=str.capitalize,
            key="score_knob",
            bind="query-params",
        )
        path = np.linspace(*data.BEND_RANGES[knob], POINTS)
        bent_more = {run.id: data.bend_path(plain[run.id], knob, path.tolist()) for run in runs}
        walks = judging.judge(runs, bent_more, changes)
        lines = [judging.said(run, called[run.id], walks[run.id]) for run in runs if run.id in walks]
        panels.show(figures.bend_paths(knob, path, lines, strengths[knob]))
if nearest.open:
    with nearest:
        for run in inputs.one_per_task(runs).values():
            found = detectors.nearest_training(run, bent[run.id])
            neighbours(run, found, figures.nearest_in_words, run.spec.task_title)
        for run in runs:
            codes = verdicts[run.id].explanation.get("embedding")
            if codes is not None and run.has("projection"):
                found = detectors.nearest_in_embedding(run, codes[0])
                neighbours(run, found, figures.nearest_embedded_in_words, called[run.id])
if source == "upload":
    words = [runs[0].id, *(each.name for each in images), *settings.flags(changes.get(runs[0].id, {}))]
    panels.command(f"python -m core score {shlex.join(words)}")
