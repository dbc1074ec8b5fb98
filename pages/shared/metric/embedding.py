"""Parts of the metric learning page about one run: its map, one image, its pairs, its classes, how it formed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from core import evaluation
from core.figures import sheets
from core.figures.families import metric as figures
from core.figures.families import metric_distances, metric_map, metric_pairs
from core.figures.families.metric_map import Space
from core.runs.store import Run
from pages.shared import cached, method_page, panels, pickers, replay

HIDDEN = "metric_hidden"  # layers of the map, in the link
AXES = {"flat": "2-D", "deep": "3-D"}


@dataclass(frozen=True)
class Line:
    """Where the page draws its line.

    threshold: of the score.  radius: of the balls, None where the score is no distance.  share: of the held-out images.
    """

    threshold: float
    radius: float | None
    share: float


def which_map(run: Run) -> str:
    """The map that a person chose; the embedding itself at first where it is flat."""
    plane = cached.arrays(run, "projection") if run.has("projection") else {}
    size = cached.array(run, "explanations", "test/embedding").shape[1]
    offered = metric_map.offered(size, plane)
    return pickers.one_of("Map", offered, "metric_map", "own" if size == 2 else "pca", metric_map.MEANING)


def which_axes(run: Run, name: str) -> bool:
    """Whether a person wants three dimensions, where this map has so many."""
    flat = cached.array(run, "explanations", "test/embedding").shape[1] < 3
    if name == "umap":
        flat = "umap3/train" not in cached.arrays(run, "projection")
    return pickers.one_of("Axes", {"flat": AXES["flat"]} if flat else AXES, "metric_axes") == "deep"


def space(run: Run, name: str, deep: bool) -> Space:
    """Where everything lies on this map."""
    embedding, plane = cached.array(run, "explanations", "test/embedding"), cached.arrays(run, "projection")
    centres = cached.array(run, "portrait", "centres")
    return cached.remember(run, partial(metric_map.space, name, deep, embedding, centres, plane), "space", name, deep)


def shown_layers(run: Run, at: Space) -> list[str]:
    """The layers that a person wants to see: all at first.

    Those that are switched off stand in the link, so that a run or a map which has others shows them.
    """
    offered = metric_map.layers(cached.kinds(run), at)
    hidden = st.query_params.get_all(HIDDEN) or st.session_state.get(HIDDEN, [])
    key = "metric_layers_" + "-".join(offered)
    st.session_state[key] = [name for name in offered if name not in hidden]

    def switch() -> None:
        elsewhere = [name for name in hidden if name not in offered]
        off = [*elsewhere, *(name for name in offered if name not in st.session_state[key])]
        st.session_state[HIDDEN] = off
        pickers.into_link(HIDDEN, off or None)

    pickers.into_link(HIDDEN, hidden or None)
    about = {"selection_mode": "multi", "key": key, "on_change": switch, "label_visibility": "collapsed"}
    return st.pills("Layers", offered, **about)


def show_map(run: Run, at: Space, line: Line, layers: Sequence[str], picked: int | None) -> None:
    """The map with its layers; a click on a flat one picks an image."""
    kinds, classes = cached.kinds(run), cached.array(run, "test", "classes")
    names = cached.known_classes(run)["class_names"]
    inside = cached.array(run, "scores", f"test/{run.spec.card.headline}") <= line.threshold
    drawn = metric_map.embedding_map(
        at, kinds, classes, names, line.radius, layers, picked=picked,
        inside=inside if line.radius is not None else None,
    )  # fmt: skip
    if at.deep:
        panels.show(drawn, run=run.id)
        st.caption("Drag to turn it. Points are picked on the flat map.")
    else:
        panels.show(drawn, "metric_embedding", pickers.pick_from("metric_embedding", run.spec.task.hash), run.id)


def one_image(run: Run, place: int, line: Line) -> None:
    """Which class a test image is near to, and the training images there."""
    tested, reason, card = cached.arrays(run, "test"), cached.reasons(run, place), run.spec.card
    scores = cached.array(run, "scores", f"test/{card.headline}")
    left, right = st.columns([1, 3])
    with left:
        enlarged = panels.factor(run.shape, 2 * panels.SIDE)
        panels.images_row(tested["images"][[place]], [f"test image {place}"], enlarged)
        told = (card.score(card.headline).title, scores, line.threshold, percentiles(run))
        method_page.judged(place, tested["classes"], cached.kinds(run), *told)
        st.caption("Click another one on the map above.")
    with right:
        for picture in figures.why(reason, tested["images"][place]):
            panels.show(picture, run=run.id)
        if run.has("projection"):
            shown = cached.arrays(run, "projection", "embedding", "train_of")
            bank = cached.arrays(run, "neighbours", "bank", "bank_of", "classes")
            for row in figures.neighbours(reason, shown, bank, cached.arrays(run, "portrait", "centres")):
                panels.titled_row(row)


def percentiles(run: Run) -> np.ndarray:
    """Where each test image's score lies among the held-out ones, [T] in 0..100."""
    scores = cached.array(run, "scores", f"test/{run.spec.card.headline}")
    return cached.remember(run, lambda: evaluation.percentile(scores, cached.held_out_scores(run)), "percentiles")


def classes(run: Run, line: Line) -> None:
    """How well known classes are told apart beside detection, and the images that it is most wrong about."""
    kinds, tested = cached.kinds(run), cached.arrays(run, "test")
    nearest = cached.array(run, "explanations", "test/nearest")
    names = cached.known_classes(run)["class_names"]
    panels.show(metric_distances.nearest_classes(nearest, tested["classes"], kinds, names), run=run.id)
    which = pickers.one_of("Which images", sheets.RANKINGS, key="metric_which", first="missed")
    card = run.spec.card
    scores, title = cached.array(run, "scores", f"test/{card.headline}"), card.score(card.headline).title
    if len(places := sheets.ranking(which, scores, kinds, line.threshold)):
        heading = f"{sheets.RANKINGS[which]}, by {title}"
        told = (places, tested["images"], None, scores, percentiles(run), kinds, tested["classes"], heading)
        pick = pickers.pick_from("metric_ranked", run.spec.task.hash)
        panels.show(sheets.ranked(*told), "metric_ranked", pick, run.id)
    else:
        st.caption("None: at this line no image of this kind is on the wrong side.")


def pairs(run: Run) -> None:
    """Pairs as the finished network sees them."""
    portrait, settings = cached.arrays(run, "portrait"), run.spec.settings
    if "pair_counts" not in portrait:
        st.caption("The softmax twin learns from single images, not from pairs. Choose a run of metric learning above.")
        return
    for each in metric_pairs.gallery(portrait, settings.margin, settings.power):
        panels.show(each, run=run.id)
    counts, after = portrait["pair_counts"], "in the finished embedding"
    panels.show(metric_pairs.distance_histogram(counts, portrait["edges"], settings.margin, after), run=run.id)


def training(run: Run) -> None:
    """Replay of the embedding forming, with what its pairs taught."""
    progress, settings = replay.progress(run), run.spec.settings
    above = st.container()
    epoch, snapshots = replay.slider(run, "metric_epoch")
    portrait = cached.arrays(run, "portrait")
    of_pairs = "pair_counts" in portrait
    if progress:
        with above:
            if of_pairs:
                panels.show(metric_pairs.learning(progress, epoch, settings.margin), run=run.id)
            else:
                panels.show(metric_pairs.classifier_curves(progress, epoch), run=run.id)
    if not snapshots:
        return
    left, right = st.columns([3, 2] if of_pairs else [1, 0.001])
    with left:
        place = cached.array(run, "probe", "place")
        tested = cached.array(run, "test", "classes")
        told = np.where(place >= 0, tested[place], "")
        drawn = metric_map.replayed(
            epoch, snapshots, portrait["centres"], cached.probe_kinds(run), told,
            cached.known_classes(run)["class_names"],
        )  # fmt: skip
        panels.show(drawn, "metric_replay", run=run.id)
    if of_pairs:
        with right:
            counts = snapshots[epoch]["pair_counts"]
            after = f"in epoch {epoch}"
            panels.show(
                metric_pairs.distance_histogram(counts, portrait["edges"], settings.margin, after),
                "metric_pair_replay",
                run=run.id,
            )
