"""SVDD: one ball or several?"""

import streamlit as st

from core import glossary
from core.figures import clusters as found
from core.figures.families import svdd as figures
from core.figures.families import svdd_clusters as clustering
from core.figures.families import svdd_distances, svdd_plane, svdd_runs
from core.runs import command_line
from pages.shared import cached, frame, method_page, panels, pickers, replay
from pages.shared.svdd import balls as parts

NU = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)

frame.through_entry()
st.title("One ball or several?")

# --- choose
at_run, at_nu = st.columns([5, 4])
with at_run:
    run = pickers.run("svdd")
method_page.stop_without_novel(run)
method_page.stop_while_coming(run)
card, settings, task = run.spec.card, run.spec.settings, run.spec.task.hash
with at_nu:
    nu = st.select_slider(
        "nu: share of training images outside their ball",
        sorted({*NU, settings.nu}),
        settings.nu,
        key=f"svdd_nu_{settings.nu:g}",  # a key for each nu of a training, where the slider starts
        bind="query-params",
        help=f"Trained with {settings.nu:g}. Another nu draws the balls anew from the training images' distances; "
        f"network, centres and the scores above stay as trained.\n\n{glossary.explained(['nu', 'ball'])}",
    )

# --- load
portrait, kinds = cached.arrays(run, "portrait"), cached.kinds(run)
distances = cached.array(run, "explanations", "test/distances")
hidden = cached.array(run, "train", "classes") if run.has("train") else None
told = getattr(settings, "labels", "") == "classes"
remark = found.TOLD if told else found.UNSEEN
trained = figures.Balls(portrait["radii"], portrait["clusters"], portrait["distances"], hidden, remark)
balls = trained if nu == settings.nu else trained.at(nu)

# --- the answer in numbers
method_page.numbers(run, card.headline, {each.name: run.metrics(each.name) for each in card.scores})
if told:
    st.badge(
        "uses hidden classes: its balls are classes that the detector was told", icon=":material/key:", color="violet"
    )

# --- the answer
left, right = st.columns([5, 3])
picked, shown = method_page.image(run, cached.array(run, "scores", f"test/{card.headline}"))
out = figures.outside(distances, balls.radii)
plane = cached.arrays(run, "projection") if run.has("projection") else {}
with left:
    if plane:
        of = plane["test_of"]
        picture = svdd_plane.ball_plane(
            plane["pca/train"], plane["pca/test"], plane["pca/centres"], balls.radii, kinds[of], of, out[of],
            float(plane["pca/ratio"].sum()), picked=picked,
        )  # fmt: skip
        panels.show(picture, "svdd_plane", pickers.pick_from("svdd_plane", task), run.id)
    else:
        method_page.coming(run)
with right:
    panels.show(figures.radius_bars(balls, nu), run=run.id)
    st.caption(panels.escape(svdd_plane.overlaps(portrait["centres"], balls.radii)))

# --- details, computed when they are opened
names = ("Distances", "One image", "Gallery", "Clusters", "Neighbourhoods", "Training", "One or several")
tabs = st.tabs(names, key="svdd_tab", on_change="rerun", bind="query-params")
at_distances, at_image, gallery, clusters, neighbourhoods, training, several = tabs
if at_distances.open:
    with at_distances:
        panels.show(svdd_distances.distance_histogram(distances, kinds, balls, nu), run=run.id)
        if len(balls) > 1:
            panels.show(svdd_distances.two_nearest(distances, kinds, balls.radii), run=run.id)
if at_image.open:
    with at_image:
        parts.one_image(run, shown)
if gallery.open:
    with gallery:
        parts.gallery(run)
if clusters.open:
    with clusters:
        if hidden is not None:
            panels.show(found.class_map(balls.clusters, hidden), run=run.id)
        if "level_labels" in portrait:
            levels, silhouettes = portrait["level_labels"], portrait["level_silhouettes"]
            chosen, why = int(portrait["level_chosen"]), str(portrait["sentence"])
            panels.show(clustering.hierarchy(levels, silhouettes, chosen, balls.clusters, why), run=run.id)
            parts.partitions_of_seeds(run)
            parts.cluster_samples(run)
        else:
            st.caption("Deep SVDD looks for no clusters: one ball holds all. Multi-radius finds them, then trains.")
if neighbourhoods.open:
    with neighbourhoods:
        if "umap/train" in plane:
            members = balls.clusters[plane["train_of"]]
            of, points = plane["test_of"], (plane["umap/train"], plane["umap/test"])
            panels.show(clustering.neighbour_map(*points, members, kinds[of], of, balls.names), run=run.id)
        else:
            method_page.coming(run, str(plane.get("umap_note", "")))
if training.open:
    with training:
        followed, warm_up = cached.probe_kinds(run), settings.warm_up if settings.objective == "soft-boundary" else 0
        above = st.container()
        epoch, snapshots = replay.slider(run, "svdd_epoch") if plane else (0, replay.snapshots(run))
        with above:
            curves = svdd_runs.training(replay.progress(run), warm_up, snapshots, followed)
            panels.show(curves, run=run.id)
        if plane and snapshots:
            replayed = svdd_plane.replayed_plane(epoch, snapshots, plane, followed, cached.array(run, "probe", "place"))
            panels.show(replayed, "svdd_replay", run=run.id)
if several.open:
    with several:
        parts.one_or_several(run, balls)

# --- the same without the app
if (without := st.expander("The same numbers without the app", key="svdd_code", on_change="rerun")).open:
    with without:
        panels.command(f"python -m core evaluate {run.id}")
        panels.command(command_line.command(run.spec))
