import json

import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from core.figures.pages.method_numbers import published_in_words
from core.runs import files, store
from core.runs.store import Run
from tests.pages.words import words


def numbers(run_id: str, score: str, note: str) -> None:
    from core.runs import store
    from pages.shared import method_page

    run = store.find(run_id)
    method_page.numbers(run, score, {each.name: run.metrics(each.name) for each in run.spec.card.scores}, note)


@pytest.fixture
def run(filled_store) -> Run:
    return next(run for run in store.runs() if run.spec.method == "rapp-ae")


def shown(run: Run, score: str = "nap", note: str = "") -> str:
    app = AppTest.from_function(numbers, args=(run.id, score, note)).run()
    assert not app.exception
    return words(app)


def respecified(run: Run, **spec) -> None:
    about = json.loads((run.folder / "run.json").read_text())
    files.write_json(run.folder / "run.json", about | {"spec": about["spec"] | spec})


def test_the_shown_score_is_bold_and_stands_beside_the_others(run):
    auroc = {name: run.metrics(name)["auroc"] for name in ("nap", "sap", "reconstruction")}
    interval = f"{auroc['sap']['value']:.3f} ({auroc['sap']['low']:.3f} to {auroc['sap']['high']:.3f})"
    rest = f"Reconstruction {auroc['reconstruction']['value']:.3f} · NAP {auroc['nap']['value']:.3f}"
    told = shown(run, "sap", "(from 200 draws)")
    assert f"AUROC: **SAP {interval}** (from 200 draws) · {rest} · :gray[no published figure for this task]" in told


def test_a_published_figure_of_the_shown_score_takes_the_place_of_its_absence(run):
    respecified(run, dataset="mnist")
    (figure,) = [
        each
        for each in run.spec.card.published
        if (each.dataset, each.scenario, each.score) == ("mnist", "multimodal", "sap")
    ]
    assert f"· published {published_in_words(figure)}" in shown(run, "sap")
    assert "no published figure" not in shown(run, "sap")


def test_alarms_are_badges(run):
    about = json.loads((run.folder / "run.json").read_text())
    files.write_json(
        run.folder / "run.json", about | {"alarms": {"nap": "Collapsed: [all] one.", "sap": "Collapsed: [all] one."}}
    )
    assert shown(run).count(":orange-badge[:material/warning: Collapsed: [all] one.]") == 1


def test_control_lines_that_are_not_there_are_announced_or_explained(run):
    (run.folder / "controls.json").unlink()
    assert "The comparison with control lines is missing: the run's process ended" in shown(run)
    with FileLock(run.folder / "lock", is_singleton=False):
        assert "The comparison with control lines is being computed by the run's process" in shown(run)
        files.write_json(run.folder / "failures.json", {"controls": "The memory is full."})
        assert "The comparison with control lines failed: The memory is full." in shown(run)
        assert "being computed" not in shown(run)


def coming(run_id: str, note: str) -> None:
    from core.runs import store
    from pages.shared import method_page

    method_page.coming(store.find(run_id), note)


def test_a_picture_that_is_not_there_is_announced_or_explained(run):
    def told(note: str = "") -> str:
        return words(AppTest.from_function(coming, args=(run.id, note)).run())

    assert "The map of neighbourhoods is missing" in told()
    assert told("UMAP isn't installed.") == "UMAP isn't installed."
    with FileLock(run.folder / "lock", is_singleton=False):
        assert "The map of neighbourhoods is being computed" in told()


def image(run_id: str) -> None:
    import numpy as np
    import streamlit as st

    from core.figures import Kinds
    from core.runs import store
    from pages.shared import method_page

    scores, percentiles = np.array([3.0, 9.0, 1.0]), np.array([60.0, 99.0, 2.5])
    picked, shown = method_page.image(store.find(run_id), scores)
    st.markdown(f"picked {picked}")
    method_page.judged(shown, ["a", "b*", "c"], Kinds.of_test([0, 1, 1]), "NAP", scores, 3.0, percentiles)


def test_the_most_novel_image_is_shown_until_one_is_picked(run):
    app = AppTest.from_function(image, args=(run.id,)).run()
    assert "picked None" in words(app) and "Test image 1, class b*, novel: called novel" in words(app)
    assert "NAP 9, threshold 3, above 99 % of the held-out normal images" in words(app)
    app.query_params["image"] = "0"
    assert "picked 0" in words(app.run()) and "Test image 0, class a, normal: accepted" in words(app)
    app.query_params["image"] = "2"
    assert "class c, novel: accepted" in words(app.run()) and "above 2.5 % of" in words(app)


def page(run_id: str) -> None:
    import streamlit as st

    from core.runs import store
    from pages.shared import method_page

    method_page.stop_while_coming(store.find(run_id))
    st.title("The rest of the page")


def test_a_run_without_its_reasons_shows_its_numbers_and_what_is_to_come_and_then_the_rest(run):
    coming = AppTest.from_function(page, args=(run.id,))
    store.mark(run, store.FINISHED, follows=["reasons", "portrait", "controls"])
    told = words(coming.run())
    assert "AUROC: **NAP" in told
    assert "What the detector says of each image is missing: the run's process ended before it was computed." in told
    assert "It comes when the app or another training starts next." in told and not coming.title
    with FileLock(run.folder / "lock", is_singleton=False):
        assert "What the detector says of each image is being computed by the run's process" in words(coming.run())
        store.mark(run, store.FINISHED, follows=["portrait", "controls"])
        assert "The portrait of the detector is being computed" in words(coming.run()) and not coming.title
        store.mark(run, store.FINISHED, follows=["controls"])
        assert coming.run().title[0].value == "The rest of the page"
    files.write_json(run.folder / "failures.json", {"portrait": "The disk is full."})
    store.mark(run, store.FINISHED)
    told = words(coming.run())
    assert "The portrait of the detector failed: The disk is full. The run's log has the details." in told
    assert not coming.exception and not coming.title
