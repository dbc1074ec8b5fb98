"""Parts of the SVDD page that are rows of images or need several runs."""

from dataclasses import replace

import numpy as np
import streamlit as st

from core import evaluation, methods
from core.figures import number
from core.figures.families import svdd as figures
from core.figures.families import svdd_clusters as kinds
from core.figures.families import svdd_runs
from core.figures.families.svdd import Balls
from core.figures.sheets import RANKINGS, ranking
from core.runs import command_line, store
from core.runs.spec import RunSpec, request
from core.runs.store import FINISHED, Run
from pages.shared import cached, panels, pickers
from pages.shared.train import form

SIDE = 56  # of an image on the screen, in pixels
ROWS = 4  # balls or clusters that get a row of images each
IN_A_ROW = 6
METHODS = ("deep-svdd", "multi-radius-svdd")


def row(title: str, images: np.ndarray, labels: list[str]) -> None:
    """A heading and images [N, C, H, W] below it, labelled."""
    st.markdown(f":small[**{panels.escape(title)}**]")
    panels.images_row(images, labels, max(1, SIDE // max(images.shape[2:])))


def one_image(run: Run, place: int) -> None:
    """Why a test image is novel or isn't, and the training images nearest to it within the ball that decided."""
    tested, score = cached.arrays(run, "test"), run.scores()[place]
    explained = cached.arrays(run, "explanations")
    reason = {name: explained[f"test/{name}"][place] for name in ("distances", "deciding", "embedding")}
    reason["radii"] = cached.array(run, "portrait", "radii")
    reason["normal_distances"] = explained["valid/distances"]
    left, right = st.columns([1, 3])
    with left:
        truth = "novel" if tested["novel"][place] else "normal"
        row(f"Test image {place:,}", tested["images"][[place]], [f"class {tested['classes'][place]}, {truth}"])
        verdict = "called novel" if score > run.threshold() else "accepted as normal"
        st.markdown(f"Score {number(score)}, threshold {number(run.threshold())}: **{verdict}**")
        st.caption("Click another one in the plane above.")
    with right:
        for picture in figures.why(reason, tested["images"][place]):
            panels.show(picture, run=run.id)
        if run.has("projection"):
            _nearest_in_ball(run, reason)


def _nearest_in_ball(run: Run, reason: dict[str, np.ndarray]) -> None:
    shown, bank = cached.arrays(run, "projection"), cached.arrays(run, "neighbours", "bank", "bank_of", "classes")
    members = cached.array(run, "portrait", "clusters")[shown["train_of"]] == reason["deciding"]
    near = figures.nearest_members(shown["embedding"], members, reason["embedding"], IN_A_ROW)
    # The bank and the shown training images are the first of one seeded order, and the bank is the longer.
    pictures = np.searchsorted(bank["bank_of"], shown["train_of"][near])
    labels = [f"class {name}" for name in bank["classes"][pictures]]
    ball = kinds.letter(int(reason["deciding"]))
    row(f"Nearest training images of ball {ball} in the embedding", bank["bank"][pictures], labels)


def gallery(run: Run, balls: Balls) -> None:
    """Nearest and farthest training images of each ball, and test images ranked by score."""
    portrait, tested = cached.arrays(run, "portrait"), cached.arrays(run, "test")
    left, right = st.columns(2)
    for column, which, words in ((left, "near", "nearest to"), (right, "far", "farthest from")):
        with column:
            for k in range(min(ROWS, len(balls))):
                members, pictures = portrait[which][k][:IN_A_ROW], portrait[f"{which}_images"][k][:IN_A_ROW]
                labels = [f"{balls.distances[member]:.2f}" for member in members]
                row(f"Training images {words} centre {kinds.letter(k)}", pictures, labels)
    st.caption(
        "Below each training image: its distance to the centre. What the nearest have in common is what the ball has "
        "learned; it is often the simplest image."
    )
    scores, threshold = run.scores(), run.threshold()
    for column, (kind, words) in zip(st.columns(2) * 2, RANKINGS.items(), strict=False):
        places = ranking(kind, scores, tested["novel"], threshold, IN_A_ROW)
        if len(places):
            with column:
                row(
                    f"Test images: {words}",
                    tested["images"][places],
                    [f"{tested['classes'][place]}" for place in places],
                )


def cluster_samples(run: Run) -> None:
    """A row of training images for the largest clusters of a level that a person chooses."""
    levels = cached.array(run, "portrait", "level_labels")
    level = st.segmented_control(
        "Sample images of level",
        list(range(len(levels)))[::-1],
        default=len(levels) - 1,
        required=True,
        key=f"svdd_level_{len(levels)}",  # another run has other levels
        bind="query-params",
    )
    bank = cached.arrays(run, "neighbours", "bank", "bank_of")
    labels, rng = levels[level][bank["bank_of"]], np.random.default_rng(0)
    columns = st.columns(2)
    for k, size in enumerate(np.bincount(levels[level])[: 2 * ROWS].tolist()):
        members = rng.permutation(np.flatnonzero(labels == k))[:IN_A_ROW]
        if len(members):
            with columns[k % 2]:
                row(f"{size:,} images", bank["bank"][members], [""] * len(members))


def one_or_several(run: Run, balls: Balls) -> None:
    """All runs of this family on the same task, with what can be trained to complete the picture."""
    alike = [
        each
        for each in store.runs()
        if each.spec.card.family == "svdd" and each.state == FINISHED and each.spec.task.hash == run.spec.task.hash
    ]
    labels = pickers.short_labels(alike)
    counts = {each.id: len(cached.array(each, "portrait", "radii")) for each in alike}
    entries = [
        svdd_runs.Entry(labels[each.id], each.metrics()["auroc"], counts[each.id], each.id == run.id) for each in alike
    ]
    entries += [
        svdd_runs.Entry(line, run.controls[name]["auroc"]) for name, line in store.CONTROLS.items() if run.controls
    ]
    rivals = [each for each in alike if counts[each.id] != len(balls)]
    other = min(rivals, key=lambda each: each.spec.method == run.spec.method, default=None)
    difference = None
    if other:
        paired = (run.scores(), other.scores(), run.novel)
        difference = cached.remember(run, lambda: evaluation.paired_difference(*paired), "paired", other.id)
    panels.show(svdd_runs.versus(entries, difference, labels[other.id] if other else ""), run=run.id)
    for words, untrained in missing(run, alike, len(balls)):
        st.markdown(f"**{words}**")
        query = form.link(untrained)
        st.page_link("pages/train.py", label="Train it", icon=":material/model_training:", query_params=query)
        panels.command(command_line.command(untrained))


def missing(run: Run, alike: list[Run], balls: int) -> list[tuple[str, RunSpec]]:
    """What nobody has trained on this task yet: the other method, another nu, another number of balls."""
    asked, found = run.spec, []
    for method in METHODS:
        if all(each.spec.method != method for each in alike):
            task = (asked.dataset, asked.scenario, asked.target, method)
            seeds = {"split_seed": asked.split_seed, "seed": asked.seed}
            words = f"Not trained yet on this task: {methods.card(method).title}."
            found.append((words, request(*task, options=asked.options, **seeds)))
    nu = 0.1 if asked.knobs["nu"] == 0.01 else 0.01
    varied = {f"What changes with nu {nu:g} instead of {asked.knobs['nu']:g}?": {"nu": nu}}
    if asked.method == METHODS[1]:
        more = {"labels": "finch", "partition": "clusters", "clusters": balls + 1}
        varied[f"What changes with {balls + 1} clusters instead of {balls}?"] = more
    for words, changes in varied.items():
        other = replace(asked, knobs={**asked.knobs, **changes})
        if not store.same(other):
            found.append((words, other))
    return found
