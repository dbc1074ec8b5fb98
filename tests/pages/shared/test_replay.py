import shutil

import pytest
from streamlit.testing.v1 import AppTest

from core.runs import store
from core.runs.store import Run
from pages.shared import replay
from tests.pages.words import words


def slider(run_id: str) -> None:
    import streamlit as st

    from core.runs import store
    from pages.shared import replay

    epoch, snapshots = replay.slider(store.find(run_id), "some_epoch")
    st.markdown(f"after {epoch} of {list(snapshots)}")


@pytest.fixture
def run(filled_store) -> Run:
    return next(run for run in store.runs() if run.spec.method == "rapp-ae")


def test_the_slider_starts_at_the_last_epoch_and_gives_the_chosen_one(run):
    app = AppTest.from_function(slider, args=(run.id,)).run()
    assert "after 4 of [1, 2, 3, 4]" in words(app)
    assert "after 2 of" in words(app.select_slider[0].set_value(2).run())


def test_a_run_without_snapshots_says_so(run):
    shutil.rmtree(run.folder / "snapshots")
    app = AppTest.from_function(slider, args=(run.id,)).run()
    assert "keeps no snapshots of its training" in words(app) and "after 0 of []" in words(app)
    assert not app.select_slider


def test_one_snapshot_needs_no_slider(run):
    for epoch, file in run.snapshots().items():
        if epoch != 3:
            (run.folder / f"{file}.npz").unlink()
    app = AppTest.from_function(slider, args=(run.id,)).run()
    assert "after 3 of [3]" in words(app) and not app.select_slider


def test_snapshots_and_curves_are_those_of_the_stage_that_is_replayed(run):
    kept = replay.snapshots(run)
    assert kept[2]["layers"].shape == run.arrays("snapshots/train-00002")["layers"].shape
    assert (kept[2]["layers"] != kept[4]["layers"]).any()
    assert [each["epoch"] for each in replay.progress(run)] == [1, 2, 3, 4]  # not the stage that prepares the scores
