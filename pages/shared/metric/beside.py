"""Parts of the metric learning page that need a second run: without and with seen images, and the softmax twin."""

from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from core import knobs
from core.figures import Kinds
from core.figures.families import metric_distances, metric_map, metric_twin
from core.figures.families.metric_map import Space
from core.runs import alike
from core.runs.store import Run
from pages.shared import cached, method_page, panels, pickers
from pages.shared.metric import embedding
from pages.shared.metric.embedding import Line

EMBEDDINGS = ("metric-learning", "metric-learning-odm")
TWIN = "softmax-twin"


def of_method(run: Run, *names: str) -> Run | None:
    """A run of one of these methods on the task: the page's own if it is one, else one as alike as there is."""
    if run.spec.method in names:
        return run
    found = [each for each in alike.on_same_task(run) if each.spec.method in names]
    return min(found, key=lambda each: (each.spec.seed != run.spec.seed, len(other_settings(each, run))), default=None)


def other_settings(one: Run, other: Run) -> list[str]:
    """Settings that both methods have and that differ: "epochs 20 and 150"."""
    a, b = (knobs.values(each.spec.settings) for each in (one, other))
    return [f"{name.replace('_', ' ')} {a[name]} and {b[name]}" for name in a if name in b and a[name] != b[name]]


def of_each_seed(plain: Run, mined: Run) -> list[tuple[Run, Run]]:
    """(with, without seen images) for every seed of which there are both, with the settings of these two."""
    pairs = {}
    for each in alike.on_same_task(plain):
        for place, like in enumerate((mined, plain)):
            if replace(each.spec, seed=like.spec.seed).hash == like.spec.hash:
                pairs.setdefault(each.spec.seed, {})[place] = each
    return [(found[0], found[1]) for _, found in sorted(pairs.items()) if len(found) == 2]


def without_and_with(run: Run) -> None:
    """Metric learning and ODM side by side, with the difference for each kind."""
    plain, mined = (of_method(run, name) for name in EMBEDDINGS)
    if plain is None or mined is None:
        to_train(run, *EMBEDDINGS)
        return
    kinds = cached.kinds(run)
    names = ("ODM", "metric learning")
    score = f"test/{run.spec.card.headline if run.spec.method != TWIN else 'distance'}"
    scores = [cached.array(each, "scores", score) for each in (mined, plain)]
    found = cached.remember(
        mined, partial(metric_distances.differences, *scores, kinds), "differences", plain.id, plain.version
    )
    if plain.spec.seed != mined.spec.seed:
        st.caption(
            f"The two runs have different seeds: {plain.spec.seed} without and {mined.spec.seed} with seen images."
        )
    if others := other_settings(plain, mined):
        st.caption(panels.escape(f"They also differ in settings, without and with: {', '.join(others)}."))
    panels.show(metric_distances.against(found, kinds, names), run=run.id)
    if len(pairs := of_each_seed(plain, mined)) > 1 and kinds.several:
        told = [tuple(each.metrics()["by_source"] for each in pair) for pair in pairs]
        st.markdown(panels.escape(metric_distances.over_seeds(told, kinds, names)))
    if not (plain.has("projection") and mined.has("projection")):
        method_page.coming(mined if plain.has("projection") else plain)
        return
    spaces = {each: embedding.space(each, "pca", False) for each in (plain, mined)}
    corners = metric_map.common_frame([*spaces.values()], max(float(np.sqrt(each.threshold())) for each in spaces))
    for column, (each, at), title in zip(
        st.columns(2), spaces.items(), ("Without seen images", "With seen images"), strict=True
    ):
        with column:
            _small_map(each, at, corners, title, kinds)


def _small_map(run: Run, at: Space, corners: np.ndarray, title: str, kinds: Kinds) -> None:
    radius = float(np.sqrt(run.threshold()))
    inside = cached.array(run, "scores", "test/distance") <= run.threshold()
    drawn = metric_map.embedding_map(
        at, kinds, cached.array(run, "test", "classes"), cached.known_classes(run)["class_names"], radius,
        metric_map.layers(kinds, at), title=title, window=corners, inside=inside,
        picked=pickers.picked(run.spec.task.hash),
    )  # fmt: skip
    panels.show(drawn, f"metric_small_{run.id}", run=run.id)


def twin(run: Run, line: Line) -> None:
    """The softmax twin's confidence over the map of the embedding, and where either accepts."""
    one, other = of_method(run, *reversed(EMBEDDINGS)), of_method(run, TWIN)
    if one is None or other is None:
        to_train(run, *(EMBEDDINGS if one is None else (TWIN,)))
        return
    if not (one.has("projection") and other.has("projection")):
        method_page.coming(one)
        return
    kinds, scores = cached.kinds(one), cached.array(one, "scores", "test/distance")
    radius = line.radius if one.id == run.id and line.radius is not None else float(np.sqrt(one.threshold()))
    logits = cached.array(other, "explanations", "test/embedding")
    pair = pickers.short_labels([one, other])
    st.caption(panels.escape(f"Embedding: {pair[one.id]}. Twin: {pair[other.id]}, seed {other.spec.seed}."))
    at = embedding.space(one, "pca", False)
    panels.show(metric_twin.over_the_plane(at, scores, logits, kinds, radius), run=run.id)
    planes = [
        {
            "train": cached.array(each, "projection", "embedding"),
            "test": cached.array(each, "explanations", "test/embedding"),
            "centres": cached.array(each, "portrait", "centres"),
        }
        for each in (one, other)
    ]
    limit = float(np.exp(-other.threshold("softmax")))
    panels.show(metric_twin.fields(*planes, kinds, radius, limit), run=run.id)
    _scores_by_kind(one, other, kinds)


def _scores_by_kind(one: Run, other: Run, kinds: Kinds) -> None:
    """The embedding against max-softmax of the twin, for each kind."""
    scores = cached.array(one, "scores", "test/distance"), cached.array(other, "scores", "test/softmax")
    compute = partial(metric_distances.differences, *scores, kinds)
    found = cached.remember(one, compute, "twin differences", other.id, other.version)
    panels.show(metric_distances.against(found, kinds, ("embedding", "max-softmax")), "metric_twin_against", run=one.id)


def to_train(run: Run, *names: str) -> None:
    """What is missing on this task, and how to train it."""
    missing = [name for name in names if of_method(run, name) is None]
    specs = [each for each in alike.other_methods(run, alike.on_same_task(run)) if each.method in missing]
    if not specs:
        st.caption(
            "Out-of-distribution mining needs seen foreign images, and this task has none: choose a task with seen "
            "classes or a seen set on Train."
        )
    for spec in specs:
        method_page.to_train(f"Not trained yet on this task: {spec.card.title}.", spec)
