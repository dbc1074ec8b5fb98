"""How strange is this picture, and to whom?"""

import numpy as np
import streamlit as st

from core import data, methods
from core import figures as pictures
from core.errors import NoveltyError
from core.figures import score as figures
from core.runs import detectors, scorer
from core.runs.detectors import Judgement
from core.runs.store import Run
from pages.shared import frame, inputs, panels, pickers, reading
from pages.shared.inputs import Given

SIDE = 112  # of an image on the screen, in pixels
POINTS = 25  # strengths along the path of a bend
REFERENCE = 300  # test images that tell which way round dark and light usually are
MEANING = (
    "The percentile is the share of held-out normal images that the detector finds less novel than this image: 50 is "
    "an everyday normal image, 100 is stranger than all of them. Right of the dashed line the image is called novel."
)


def said(run: Run, judgement: Judgement) -> list[figures.Said]:
    """What the run's headline score says of each image."""
    name = run.spec.card.headline
    threshold, mark = judgement.thresholds[name], judgement.marks[name]
    values = zip(judgement.scores[name].tolist(), judgement.percentiles[name].tolist(), strict=True)
    return [figures.Said(names[run.id], score, threshold, share, mark, judgement.held_out) for score, share in values]


def thumbnail(image: np.ndarray, caption: str) -> None:
    """uint8 [C, H, W] with hard pixels, at least as large as it is."""
    large = pictures.enlarge(image, max(1, SIDE // max(image.shape[1:])))
    st.image(large, panels.escape(caption), width=SIDE, output_format="PNG", alt=caption)


def fitted(given: Given, run: Run) -> tuple[np.ndarray, tuple[str, ...]]:
    """The image in the run's shape, uint8 [C, H, W], not yet bent, and what was done to it."""
    return data.fit(given.image, run.shape, invert=inverted)


def judge_files(run: Run) -> Judgement | NoveltyError:
    """What the run says of all files, asked once for each choice of files."""

    def ask() -> Judgement | NoveltyError:
        return scorer.shared.judge([(run, np.stack([fitted(each, run)[0] for each in images]))])[0]

    return reading.remember(run, ask, "files", inverted, *(each.id for each in images))


frame.through_entry()
st.title("How strange is this picture, and to whom?")

left, right = st.columns([2, 5])
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
    runs = pickers.runs(key="score_runs")
if not runs:
    st.info("Choose a run above to hear what it makes of the image.", icon=":material/arrow_upward:")
    st.stop()
names = pickers.labels(runs)
images = inputs.given(source, runs)
if not images:
    st.caption("Any picture will do; several files at once give a table. Nothing leaves this computer.")
    st.stop()

# --- many files: a table of all, and one of them to look at
table = st.container()
before, after, knobs = st.columns([1, 1, 5], gap="medium")
with knobs:
    strengths = inputs.bends()
inverted = st.session_state[inputs.INVERT]


given = images[0]
if len(images) > 1:
    with table:
        answers = {run.id: judge_files(run) for run in runs}
        told = [said(run, answers[run.id]) for run in runs if isinstance(answers[run.id], Judgement)]
        batch = figures.batch([each.name for each in images], told)
        panels.show(batch)
        chosen = st.dataframe(
            batch.table,
            key="score_table",
            on_select="rerun",
            selection_mode="single-row-required",
            hide_index=True,
            height=220,
            alt="Score, percentile and verdict of every file",
        )
        st.download_button(
            f"Table of {len(images):,} files (CSV)",
            lambda: pictures.csv(batch),
            "scores.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        given = images[(chosen["selection"]["rows"] or [0])[0]]

# --- one image: as given, as each detector sees it, bent
plain = {run.id: fitted(given, run)[0] for run in runs}
bent = {run_id: data.bend(image, **strengths) for run_id, image in plain.items()}
with before:
    thumbnail(np.moveaxis(given.image, -1, 0), given.name)
with after:
    shapes = {run.shape: run for run in runs}
    for run in shapes.values():
        thumbnail(bent[run.id], f"what {names[run.id] if len(shapes) > 1 else 'the detector'} sees")
    notes = dict.fromkeys(note for run in shapes.values() for note in (*given.notes, *fitted(given, run)[1]))
    if notes and not given.sample:
        st.caption(panels.escape("; ".join(notes)))
for run in [] if given.sample or inverted else runs[:1]:
    usual = reading.array(run, "test", "images")[:REFERENCE]
    if data.looks_inverted(given.image, usual):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(":material/warning: Light and dark lie the other way round than in this detector's images.")
            st.button("Invert it", key="score_invert_it", on_click=inputs.invert)

# --- the answer
asked = [(run, bent[run.id][None]) for run in runs]
with st.spinner("The detectors look at it", show_time=True):  # the first time they must be loaded
    answers = {run.id: each for run, each in zip(runs, scorer.shared.judge(asked, explain=True), strict=True)}
for answer in answers.values():
    if isinstance(answer, NoveltyError):
        panels.refused(answer)
runs = [run for run in runs if isinstance(answers[run.id], Judgement)]
if not runs:
    st.stop()
panels.show(figures.percentile_strips([said(run, answers[run.id])[0] for run in runs]))
st.caption(MEANING)

why, bending, nearest = st.tabs(
    ["Why", "How much bending it bears", "Nearest training images"],
    key="score_tab",
    on_change="rerun",
    bind="query-params",
)
if why.open:
    with why:
        for run in runs:
            st.markdown(f"**{panels.escape(names[run.id])}**")
            explanation = {name: values[0] for name, values in answers[run.id].explanation.items()}
            reasons = methods.figures(run.spec.method).why(explanation, bent[run.id])
            for place, (column, reason) in enumerate(zip(st.columns(len(reasons)), reasons, strict=True)):
                with column:
                    panels.show(reason, key=f"score_why_{run.id}_{place}", run=run.id)
if bending.open:
    with bending:
        knob = st.segmented_control(
            "Bend", list(inputs.STEPS), default="rotate", required=True, format_func=str.capitalize,
            key="score_knob", bind="query-params",
        )  # fmt: skip
        path = np.linspace(*data.BEND_RANGES[knob], POINTS)
        walks = scorer.shared.judge([(run, data.bend_path(plain[run.id], knob, path.tolist())) for run in runs])
        lines = [said(run, walk) for run, walk in zip(runs, walks, strict=True) if isinstance(walk, Judgement)]
        panels.show(figures.bend_paths(knob, path, lines, strengths[knob]))
if nearest.open:
    with nearest:
        for run in {run.spec.task.hash: run for run in reversed(runs)}.values():
            found = detectors.nearest_training(run, bent[run.id])
            st.caption(panels.escape(figures.nearest_in_words(names[run.id], int(found["searched"]), int(found["of"]))))
            labels = [f"{name} · {far:.2f}" for name, far in zip(found["classes"], found["distances"], strict=True)]
            panels.images_row(found["images"], labels, max(1, SIDE // max(run.shape[1:])))
