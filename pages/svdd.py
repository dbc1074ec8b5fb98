"""SVDD: one ball or several?"""

import streamlit as st

from core.figures import three_digits
from core.figures.families import svdd as figures
from core.figures.families import svdd_clusters as kinds
from core.figures.families import svdd_runs
from core.runs import command_line, spec, store
from pages.shared import cached, frame, panels, pickers
from pages.shared.svdd import balls as parts

NU = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
WAIT = "This picture is being computed by the run's process; reload the page in a moment."
NEVER = "This picture is missing: the run's process ended before it was computed. Train the run again to have it."

frame.through_entry()
st.title("One ball or several?")

# --- choose
at_run, at_nu = st.columns([5, 4])
with at_run:
    run = pickers.run(family="svdd", key="svdd_run")
card, settings, task = run.spec.card, run.spec.settings, run.spec.task.hash
with at_nu:
    nu = st.select_slider(
        "nu: share of training images outside their ball",
        sorted({*NU, settings.nu}),
        settings.nu,
        key=f"svdd_nu_{settings.nu:g}",  # a key for each nu of a training, where the slider starts
        bind="query-params",
        help=f"Trained with {settings.nu:g}. Another nu draws the balls anew from the training images' distances; "
        "network, centres and the scores above stay as trained.",
    )

# --- load
portrait, novel = cached.arrays(run, "portrait"), cached.array(run, "test", "novel")
distances = cached.array(run, "explanations", "test/distances")
hidden = cached.array(run, "train", "classes") if run.has("train") else None
told = getattr(settings, "labels", "") == "classes"
remark = kinds.TOLD if told else kinds.UNSEEN
trained = figures.Balls(portrait["radii"], portrait["clusters"], portrait["distances"], hidden, remark)
balls = trained if nu == settings.nu else trained.at(nu)

# --- the answer in numbers
title, auroc = card.score(card.headline).title, run.metrics()["auroc"]
said = [f"**{title} {three_digits(auroc)}**"]
said += [f"{each.title} {run.metrics(each.name)['auroc']['value']:.3f}" for each in card.scores[1:]]
known = [each for each in spec.published(run.spec) if each.score == card.headline]
said += [panels.escape(f"published {each.value:.3f} ({each.source}, {each.remark})") for each in known]
st.markdown("AUROC: " + " · ".join(said) + ("" if known else " · :gray[no published figure for this task]"))
rivals = {line: run.controls[name]["auroc"]["value"] for name, line in store.CONTROLS.items() if name in run.controls}
better = sum(rival >= auroc["value"] for rival in rivals.values())
lines = " · ".join(f"{line} {rival:.3f}" for line, rival in rivals.items()) or "being computed"
st.caption(panels.escape(f"Control lines: {lines}") + (f" · **{better} of {len(rivals)} beat it**" if better else ""))
for alarm in dict.fromkeys(run.about["alarms"].values()):
    st.badge(panels.escape(alarm), icon=":material/warning:", color="orange")
if told:
    st.badge(
        "uses hidden classes: its balls are classes that the detector was told", icon=":material/key:", color="violet"
    )

# --- the answer
left, right = st.columns([5, 3])
picked = pickers.picked(task, len(novel))
out = figures.outside(distances, balls.radii)
plane = cached.arrays(run, "projection") if run.has("projection") else {}
with left:
    if plane:
        of = plane["test_of"]
        picture = figures.ball_plane(
            plane["pca/train"], plane["pca/test"], plane["pca/centres"], balls.radii, novel[of], of, out[of],
            float(plane["pca/ratio"].sum()), picked=picked,
        )  # fmt: skip
        panels.show(picture, "svdd_plane", pickers.pick_from("svdd_plane", task), run.id)
    else:
        st.info(WAIT if run.alive else NEVER, icon=":material/pending:")
with right:
    panels.show(figures.radius_bars(balls, nu), run=run.id)
    st.caption(panels.escape(figures.overlaps(portrait["centres"], balls.radii)))

# --- details, computed when they are opened
names = ("Distances", "One image", "Gallery", "Clusters", "Neighbourhoods", "Training", "One or several")
tabs = st.tabs(names, key="svdd_tab", on_change="rerun", bind="query-params")
at_distances, at_image, gallery, clusters, neighbourhoods, training, several = tabs
if at_distances.open:
    with at_distances:
        panels.show(figures.distance_histogram(distances, novel, balls, nu), run=run.id)
        if len(balls) > 1:
            panels.show(figures.two_nearest(distances, novel, balls.radii), run=run.id)
if at_image.open:
    with at_image:
        parts.one_image(run, int(run.scores().argmax()) if picked is None else picked)
if gallery.open:
    with gallery:
        parts.gallery(run, balls)
if clusters.open:
    with clusters:
        if hidden is not None:
            panels.show(kinds.class_map(balls.clusters, hidden), run=run.id)
        if "level_labels" in portrait:
            levels, silhouettes = portrait["level_labels"], portrait["level_silhouettes"]
            chosen, why = int(portrait["level_chosen"]), str(portrait["sentence"])
            panels.show(kinds.hierarchy(levels, silhouettes, chosen, balls.clusters, why), run=run.id)
            parts.cluster_samples(run)
        else:
            st.caption("Deep SVDD looks for no clusters: one ball holds all. Multi-radius finds them, then trains.")
if neighbourhoods.open:
    with neighbourhoods:
        if "umap/train" in plane:
            members = balls.clusters[plane["train_of"]]
            of, points = plane["test_of"], (plane["umap/train"], plane["umap/test"])
            panels.show(kinds.neighbour_map(*points, members, novel[of], of, balls.names), run=run.id)
        else:
            st.info(panels.escape(plane.get("umap_note", WAIT if run.alive else NEVER)), icon=":material/pending:")
if training.open:
    with training:
        stage = [each for each in run.progress() if each["stage"] == card.replayed[-1].name]
        snapshots = {epoch: cached.arrays(run, file) for epoch, file in run.snapshots().items()}
        probe, warm_up = cached.arrays(run, "probe"), settings.warm_up if settings.objective == "soft-boundary" else 0
        panels.show(svdd_runs.training(stage, warm_up, snapshots, probe["novel"]), run=run.id)
        if plane:
            epoch = st.select_slider(
                "After epoch", list(snapshots), max(snapshots), key=f"svdd_epoch_{max(snapshots)}", bind="query-params"
            )
            replayed = figures.replayed_plane(epoch, snapshots, plane, probe["novel"], probe["place"])
            panels.show(replayed, "svdd_replay", run=run.id)
if several.open:
    with several:
        parts.one_or_several(run, balls)

# --- the same without the app
if (without := st.expander("The same numbers without the app", key="svdd_code", on_change="rerun")).open:
    with without:
        panels.command(f"python -m core evaluate {run.id}")
        panels.command(command_line.command(run.spec))
