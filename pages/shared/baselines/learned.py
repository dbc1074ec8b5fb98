"""What each baseline has learned, as pictures from its portrait, and what it sees in one image."""

from collections.abc import Callable

import streamlit as st

from core.figures import Picture
from core.figures.families import (
    baselines,
    baselines_components,
    baselines_forest,
    baselines_gaussian,
    baselines_kernels,
    baselines_neighbours,
    baselines_networks,
)
from core.figures.moved import Moved
from core.runs.store import Run
from pages.shared import cached, panels


def why(run: Run, place: int, count: int | None, at: Moved) -> list[Picture]:
    """What the method sees in a test image, at a number of neighbours or components; None is as fitted."""
    reason, image = cached.reasons(run, place), cached.array(run, "test", "images")[place]
    if run.spec.method == "nearest-neighbours" and count is not None:
        cut = ("neighbours", "distances")
        reason = reason | {name: reason[name][:count] for name in cut}
        reason = reason | {f"normal_{name}": reason[f"normal_{name}"][:, :count] for name in cut}
    pictures = baselines.why(reason, image)
    if run.spec.method == "pca-error":
        error, usual = float(at.scores[place]), at.normal[at.shown]
        portrait = cached.arrays(run, "portrait")
        kept = int(portrait["kept"])
        redrawn = reason["redrawn"]
        if count is not None and count != kept:
            redrawn = baselines_components.with_fewer(
                reason["coordinates"], portrait["axes"], portrait["mean_image"], count
            )
        shown = kept if count is None else count
        pictures[0] = baselines_components.one_image(image, redrawn, error, shown, usual)
    return pictures


def classes_of_neighbours(run: Run, place: int, count: int | None) -> None:
    """The hidden classes of the training images that explain an image, for diagnosis."""
    reason = cached.reasons(run, place)
    if "neighbours" in reason and run.has("train"):
        near, classes = reason["neighbours"][:count], cached.array(run, "train", "classes")
        st.caption(panels.escape(baselines_neighbours.hidden_classes(near, classes)))


def show(run: Run, count: int | None) -> None:
    """The method's own pictures, and how it was fitted."""
    if "sentence" in (portrait := cached.arrays(run, "portrait")) and str(portrait["sentence"]):
        st.info(panels.escape(portrait["sentence"]), icon=":material/info:")
    BY_METHOD[run.spec.method](run, count)


def _kernels(run: Run, _: int | None) -> None:
    portrait, bank = cached.arrays(run, "portrait"), cached.arrays(run, "neighbours", "bank", "bank_of")
    exact = getattr(run.spec.settings, "solver", "exact") == "exact"
    panels.show(baselines_kernels.support_vectors(portrait, bank, exact), run=run.id)
    if exact and run.has("train"):
        classes = cached.array(run, "train", "classes")
        if len(set(classes.tolist())) > 1:
            panels.show(baselines_kernels.by_hidden_class(portrait["places"], classes), run=run.id)


def _forest(run: Run, _: int | None) -> None:
    portrait = cached.arrays(run, "portrait")
    panels.show(baselines_forest.where_it_cuts(portrait["cuts"], portrait["mean_image"]), run=run.id)


def _neighbours(run: Run, _: int | None) -> None:
    how = "by the mean distance to their nearest others"
    panels.show(baselines_neighbours.usual_and_unusual(cached.arrays(run, "portrait"), how), run=run.id)


def _densities(run: Run, _: int | None) -> None:
    portrait = cached.arrays(run, "portrait")
    panels.show(baselines_neighbours.densities(portrait["densities"], int(portrait["used"])), run=run.id)
    panels.show(baselines_neighbours.usual_and_unusual(portrait, "by the density around them"), run=run.id)


def _components(run: Run, count: int | None) -> None:
    portrait, stored = cached.arrays(run, "portrait"), cached.arrays(run, "explanations")
    kept = int(portrait["kept"])
    chosen = kept if count is None else count
    panels.show(
        baselines_components.components(portrait["axes"], portrait["mean_image"], portrait["ratio"]), run=run.id
    )

    def by_number() -> Picture:
        kinds, classes = cached.kinds(run), cached.array(run, "test", "classes")
        arrays = (stored["test/off_mean"], stored["test/coordinates"])
        return baselines_components.by_number(*arrays, kinds, classes, chosen, run.metrics()["auroc"]["value"])

    left, right = st.columns(2)
    with left:
        panels.show(cached.remember(run, by_number, "by number", chosen), run=run.id)
    with right:
        panels.show(baselines_components.variance_kept(portrait["ratio"], kept, chosen), run=run.id)


def _gaussian(run: Run, _: int | None) -> None:
    portrait = cached.arrays(run, "portrait")
    widest = (portrait["axes"], portrait["mean_image"], portrait["variances"])
    panels.show(baselines_gaussian.widest(*widest), run=run.id)
    panels.show(baselines_gaussian.spectrum(portrait["variances"], float(portrait["shrinkage"])), run=run.id)


def _one_class_network(run: Run, _: int | None) -> None:
    portrait, kinds = cached.arrays(run, "portrait"), cached.kinds(run)
    r = float(portrait["bias"])
    tested = r - cached.array(run, "scores", "test/margin")
    left, right = st.columns(2)
    with left:
        panels.show(baselines_networks.answers(portrait["answers"], r, tested, kinds), run=run.id)
    with right:
        codes = cached.array(run, "explanations", "test/embedding")
        panels.show(baselines_networks.against_length(tested, codes, kinds), run=run.id)
    _training(run)


def _noise(run: Run, _: int | None) -> None:
    tested = cached.array(run, "scores", "test/log-odds")
    panels.show(baselines_networks.noise(cached.arrays(run, "portrait"), tested, cached.kinds(run)), run=run.id)
    _training(run)


def _training(run: Run) -> None:
    titles = {stage.name: stage.title for stage in run.spec.card.stages}
    if progress := run.progress():
        panels.show(baselines_networks.training(progress, titles), run=run.id)


BY_METHOD: dict[str, Callable[[Run, int | None], None]] = {
    "oc-svm": _kernels,
    "svdd": _kernels,
    "isolation-forest": _forest,
    "nearest-neighbours": _neighbours,
    "local-outlier-factor": _densities,
    "pca-error": _components,
    "gaussian": _gaussian,
    "oc-nn": _one_class_network,
    "oc-cnn": _noise,
}
