"""The latent space of the VAE page: a plane or a map of it, what is drawn there, the way from one image to another."""

import streamlit as st

from core.errors import NoveltyError
from core.figures.families import vae_latent as figures
from core.runs.results import scorer
from core.runs.store import Run
from pages.shared import cached, method_page, panels, pickers

MAPS = {"plane": "Plane", "umap": "Neighbourhoods"}


def show(run: Run, score: str, picked: int | None) -> None:
    """The whole tab.  picked: the test image where the way ends; the strangest novel one where it is None."""
    if not run.has("projection"):
        method_page.coming(run)
        return
    at_map, at_colour = st.columns(2)
    with at_map:
        which = pickers.one_of("Map", MAPS, key="vae_map")
    with at_colour:
        colour = pickers.one_of("Colour", figures.COLOURS, key="vae_colour")
    start, end = _ends(run, score, picked)
    portrait, projection = cached.arrays(run, "portrait"), cached.arrays(run, "projection")
    of, embedding = projection["test_of"], cached.array(run, "explanations", "test/embedding")
    kinds, values = cached.kinds(run)[of], cached.array(run, "scores", f"test/{score}")[of]
    latent, ratio = len(portrait["centre"]), portrait["ratio"]
    left, right = st.columns(2)
    with left:
        if which == "plane":
            points = (figures.on_plane(projection["embedding"], portrait), figures.on_plane(embedding[of], portrait))
            names, note, title = figures.axis_names(ratio, latent), figures.plane_note(ratio, latent), figures.PLANE
        elif "umap/train" in projection:
            points = projection["umap/train"], projection["umap/test"]
            names, note, title = figures.MAP_NAMES, figures.MAP_NOTE, figures.MAP
        else:
            method_page.coming(run, str(projection.get("umap_note", "")))
            return
        coloured = values if colour == "score" else None
        picture = figures.plane(*points, kinds, of, names, note, coloured, (start, end), title=title)
        panels.show(picture, "vae_plane", pickers.pick_from("vae_plane", run.spec.task.hash), run.id)
    with right:
        ends = {place: figures.on_plane(embedding[place], portrait) for place in (start, end)}
        panels.show(figures.manifold(portrait, ends), run=run.id)
    _way(run, start, end)
    panels.show(figures.units(portrait["nats"]), run=run.id)


def _way(run: Run, start: int, end: int) -> None:
    """The way from one test image to another, drawn by the scoring process."""
    key = f"vae_start_{run.spec.task.hash}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"From test image {start} (circle) to test image {end} (square). Click a point to change the end.")
        st.button("Start from this image", on_click=st.session_state.__setitem__, args=(key, end), key="vae_start")
    if start == end:
        st.caption("The way begins here now; click another point to see where it leads.")
        return
    embedding = cached.array(run, "explanations", "test/embedding")
    route = figures.way(embedding[start], embedding[end])
    try:
        with st.spinner("The network draws the way", show_time=True):
            drawn = cached.remember(run, lambda: scorer.shared.decode(run, route), "way", start, end)
    except NoveltyError as error:
        panels.refused(error)
        return
    tested, kinds = cached.arrays(run, "test"), cached.kinds(run)
    picture = figures.morph((start, end), tested["images"], tested["classes"], kinds, drawn, embedding)
    panels.show(picture, run=run.id)


def _ends(run: Run, score: str, picked: int | None) -> tuple[int, int]:
    """The test images where the way begins and ends: those a person chose, else a usual and a strange one."""
    start = st.session_state.get(f"vae_start_{run.spec.task.hash}")
    values, kinds = cached.array(run, "scores", f"test/{score}"), cached.kinds(run)
    return (
        figures.most_usual(values, kinds) if start is None else start,
        figures.strangest(values, kinds) if picked is None else picked,
    )
