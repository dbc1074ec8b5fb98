"""Parts of the SVDD page that are rows of images or need several runs."""

from collections.abc import Sequence

import streamlit as st

from core import evaluation
from core.figures.families import svdd as figures
from core.figures.families import svdd_images, svdd_runs
from core.figures.families.svdd import Balls
from core.figures.sheets import Row
from core.runs import alike, store
from core.runs.results import partitions
from core.runs.store import Run
from pages.shared import cached, method_page, panels, pickers


def one_image(run: Run, place: int) -> None:
    """Why a test image is novel or isn't, and the training images nearest to it within the ball that decided."""
    tested, reason, card = cached.arrays(run, "test"), cached.reasons(run, place), run.spec.card
    scores, title = cached.array(run, "scores", f"test/{card.headline}"), card.score(card.headline).title
    percentiles = cached.remember(
        run, lambda: evaluation.percentile(scores, cached.held_out_scores(run)), "percentiles"
    )
    left, right = st.columns([1, 3])
    with left:
        panels.images_row(tested["images"][[place]], [f"test image {place}"], panels.factor(run.shape, 2 * panels.SIDE))
        method_page.judged(place, tested["classes"], cached.kinds(run), title, scores, run.threshold(), percentiles)
        st.caption("Click another one in the plane above.")
    with right:
        for picture in figures.why(reason, tested["images"][place]):
            panels.show(picture, run=run.id)
        if run.has("projection"):
            shown = cached.arrays(run, "projection", "embedding", "train_of")
            bank = cached.arrays(run, "neighbours", "bank", "bank_of", "classes")
            panels.titled_row(
                svdd_images.nearest_in_ball(reason, shown, bank, cached.array(run, "portrait", "clusters"))
            )


def gallery(run: Run) -> None:
    """Nearest and farthest training images of each ball, and test images ranked by score."""
    for column, rows in zip(st.columns(2), svdd_images.around_centres(cached.arrays(run, "portrait")), strict=True):
        with column:
            for each in rows:
                panels.titled_row(each)
    st.caption(
        "Below each training image: its distance to the centre. What the nearest have in common is what the ball has "
        "learned; it is often the simplest image."
    )
    ranked = svdd_images.ranked(run.scores(), run.threshold(), cached.kinds(run), cached.arrays(run, "test"))
    _in_two_columns(list(ranked.values()))


def partitions_of_seeds(run: Run) -> None:
    """What runs of other seeds found in the same images, and a warning where they hardly agree."""
    found = partitions.told(partitions.of_seeds(run))
    if found.doubtful:
        told = f"Other seeds find other kinds: {found.text}. Don't rely on one: on digits of MNIST, where seeds "
        told += f"disagreed so, their AUROC lay up to {partitions.APART} apart."
        st.warning(panels.escape(told), icon=":material/help:")
    elif found.text:
        st.caption(panels.escape(f"{found.text}."))


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
    _in_two_columns(svdd_images.cluster_samples(levels[level], bank["bank"], bank["bank_of"]))


def _in_two_columns(rows: Sequence[Row]) -> None:
    columns = st.columns(2)
    for place, each in enumerate(rows):
        with columns[place % 2]:
            panels.titled_row(each)


def one_or_several(run: Run, balls: Balls) -> None:
    """All runs of this family on the same task, with what can be trained to complete the picture."""
    runs = alike.on_same_task(run)
    labels = pickers.short_labels(runs)
    entries = [
        svdd_runs.Entry(
            labels[each.id],
            each.metrics()["auroc"],
            len(cached.array(each, "portrait", "radii")),
            each.id == run.id,
            each.spec.method,
        )
        for each in runs
    ]
    lines = {line: run.controls[name]["auroc"] for name, line in store.CONTROLS.items() if name in run.controls}
    rival, difference = svdd_runs.rival(entries), None
    if rival is not None:
        paired = (run.scores(), runs[rival].scores(), run.novel)
        difference = cached.remember(run, lambda: evaluation.paired_difference(*paired), "paired", runs[rival].id)
    beside = [*entries, *(svdd_runs.Entry(line, auroc) for line, auroc in lines.items())]
    panels.show(svdd_runs.versus(beside, difference, "" if rival is None else entries[rival].name), run=run.id)
    for spec in alike.other_methods(run, runs):
        method_page.to_train(f"Not trained yet on this task: {spec.card.title}.", spec)
    for words, spec in alike.variations(run, svdd_runs.questions(run.spec.knobs, len(balls))).items():
        method_page.to_train(words, spec)
