"""Parts of the CLAD page that are rows of images or replay the clustering."""

import streamlit as st
from numpy.typing import NDArray

from core.figures import clusters as shared
from core.figures.families import clad as figures
from core.figures.families import clad_clustering, clad_images, clad_map
from core.figures.families.clad_confidence import Asked
from core.figures.pages import method_numbers
from core.runs.store import Run
from pages.shared import cached, method_page, panels, pickers, replay

MOST_KINDS = 20  # with images in the gallery
MAPS = {"umap": "UMAP", "pca": "PCA"}
AXES = {"umap": ("UMAP: neighbourhoods count, distances mean nothing", ""), "pca": ("First principal axis", "Second")}
MEANING = (
    "UMAP keeps neighbourhoods and nothing else: sizes and gaps mean nothing. PCA is a plane through the embedding: "
    "distances are true there, but kinds that differ in other directions lie over each other."
)


def which_map(run: Run) -> str:
    """The map that a person chose, one of MAPS; UMAP at first where the run has it."""
    plane = cached.arrays(run, "projection") if run.has("projection") else {}
    offered = {name: title for name, title in MAPS.items() if f"{name}/train" in plane} or {"pca": MAPS["pca"]}
    return pickers.one_of("Map", offered, "clad_map", meanings=MEANING)


def maps(run: Run, name: str, hidden: NDArray, picked: int | None) -> None:
    """The answer: the kinds on a map, beside the same points by hidden class.

    name: one of MAPS.  hidden: of the training images, [n].
    """
    plane, portrait = cached.arrays(run, "projection"), cached.arrays(run, "portrait")
    train_of, of = plane["train_of"], plane["test_of"]
    train = clad_map.Points(plane[f"{name}/train"], portrait["clusters"][train_of], hidden[train_of])
    clusters, classes = cached.array(run, "explanations", "test/cluster"), cached.array(run, "test", "classes")
    test = clad_map.Points(plane[f"{name}/test"], clusters[of], classes[of])
    title = f"{len(portrait['sizes'])} kinds of normal: the same images twice"
    drawn = clad_map.kinds_map(train, test, cached.kinds(run)[of], of, AXES[name], title, picked=picked)
    panels.show(drawn, "clad_kinds", pickers.pick_from("clad_kinds", run.spec.task.hash), run.id)
    if "umap_note" in plane:
        st.caption(panels.escape(str(plane["umap_note"])))


def one_image(run: Run, place: int, asked: Asked) -> None:
    """Why a test image is novel or isn't, and the training images of its kind that are nearest to it."""
    tested, card = cached.arrays(run, "test"), run.spec.card
    setting = {"temperature": asked.temperature, "step": asked.step}
    reason = {**cached.reasons(run, place), **setting}
    left, right = st.columns([1, 3])
    with left:
        enlarged = panels.factor(run.shape, 2 * panels.SIDE)
        panels.images_row(tested["images"][[place]], [f"test image {place}"], enlarged)
        title = card.score(card.headline).title
        judged = (title, asked.scores, asked.threshold, asked.percentiles)
        method_page.judged(place, tested["classes"], cached.kinds(run), *judged)
        st.caption("Click another one on the map above.")
    with right:
        for picture in figures.why(reason, tested["images"][place]):
            panels.show(picture, run=run.id)
        if run.has("projection"):
            shown = cached.arrays(run, "projection", "embedding", "train_of")
            bank = cached.arrays(run, "neighbours", "bank", "bank_of", "classes")
            kinds = cached.array(run, "portrait", "clusters")
            panels.titled_row(clad_images.neighbours(reason, shown, bank, kinds))


def gallery(run: Run, hidden: NDArray) -> None:
    """The surest and the least sure training images of each kind."""
    portrait = cached.arrays(run, "portrait")
    st.caption(
        "Training images with their hidden class and the classifier's confidence at temperature 1. What the surest of "
        "a kind have in common is what the classifier takes the kind to be; the least sure lie on its border."
    )
    count = len(portrait["sizes"])
    for kind in range(min(count, MOST_KINDS)):
        for column, row in zip(st.columns(2), clad_images.of_kind(kind, portrait, hidden), strict=True):
            with column:
                panels.titled_row(row)
    if count > MOST_KINDS:
        st.caption(f"The other {count - MOST_KINDS} kinds are not shown.")


def clustering(run: Run) -> None:
    """Replay of the clustering, and what it made of its own sureness."""
    portrait, progress = cached.arrays(run, "portrait"), replay.progress(run)
    above = st.container()
    epoch, snapshots = replay.slider(run, "clad_epoch")
    if progress:
        with above:
            panels.show(clad_clustering.learning(progress, epoch, run.spec.settings.tolerance), run=run.id)
    if snapshots:
        left, right = st.columns([2, 1])
        with left:
            if run.has("projection"):
                plane = cached.arrays(run, "projection", "pca/axes", "pca/mean")
                drawn = clad_map.replayed_map(
                    epoch, snapshots, plane, portrait["into"], cached.probe_kinds(run),
                    cached.array(run, "test", "classes"), cached.array(run, "probe", "place"),
                )  # fmt: skip
                panels.show(drawn, "clad_replay", run=run.id)
            else:
                method_page.coming(run)
        with right:
            panels.show(clad_clustering.sizes(snapshots[epoch]["sizes"], portrait["into"], epoch), run=run.id)
    left, right = st.columns(2)
    with left:
        panels.show(clad_clustering.sharpening(portrait["sureness_before"], portrait["sureness_after"]), run=run.id)
    with right:
        st.markdown(clad_clustering.MEANING)
        told = [*method_numbers.alarms(run.about.get("alarms", {})), str(portrait["merged"])]
        st.markdown(panels.escape(" ".join(filter(None, told)) or "This run: neither starved nor collapsed."))


def against_classes(run: Run, hidden: NDArray) -> None:
    """How the kinds agree with classes that the training never saw."""
    st.badge("Diagnosis: hidden classes took no part in the training", icon=":material/stethoscope:", color="violet")
    panels.show(shared.class_map(cached.array(run, "portrait", "clusters"), hidden), run=run.id)
    st.caption(
        "A cluster is what this page calls a kind. Purity rises with the number of kinds by itself: compare it at "
        "equal numbers. Matched accuracy asks for one kind a class, so it punishes splitting a class into several, "
        "which is no fault here."
    )
