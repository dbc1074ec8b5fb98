from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.errors import DamagedRun
from core.runs import store
from core.runs.results.detectors import Judgement
from pages.shared.score import judging


@pytest.fixture
def judgement() -> Judgement:
    return Judgement(
        scores={"nap": np.array([1.0, 5.0]), "sap": np.zeros(2)},
        percentiles={"nap": np.array([10.0, 99.0]), "sap": np.zeros(2)},
        thresholds={"nap": 4.0, "sap": 1.0},
        marks={"nap": 95.0, "sap": 95.0},
        held_out=7,
        explanation={"layers": np.array([[1.0, 2.0], [3.0, 4.0]]), "reconstruction": np.zeros((2, 1, 8, 8), np.uint8)},
    )


def test_said_takes_the_headline_score_of_each_image(judgement):
    run = SimpleNamespace(spec=SimpleNamespace(card=SimpleNamespace(headline="nap")))
    one, other = judging.said(run, "RaPP", judgement)
    assert (one.score, one.percentile, one.verdict) == (1.0, 10.0, "normal")
    assert (other.score, other.percentile, other.verdict) == (5.0, 99.0, "novel")
    assert (other.name, other.threshold, other.mark, other.held_out) == ("RaPP", 4.0, 95.0, 7)


def test_an_explanation_carries_the_rows_of_normal_images_beside_its_own(store_with_runs, judgement):
    run = store.find("rapp-ae")
    found = judging.explanation(run, judgement, place=1)
    np.testing.assert_array_equal(found["layers"], [3.0, 4.0])
    assert found["reconstruction"].shape == (1, 8, 8)
    np.testing.assert_allclose(found["normal_layers"], run.arrays("explanations")["valid/layers"])
    assert found.keys() == {"layers", "reconstruction", "normal_layers"}


def _page() -> None:
    import numpy as np
    import streamlit as st

    from core.runs import store
    from pages.shared.score import judging

    def images(run):
        return np.zeros((2, *run.shape), np.uint8)

    runs = store.runs()
    changes = (
        {run.id: {"normal_share": st.session_state["share"]} for run in runs} if "share" in st.session_state else {}
    )
    st.session_state["told"] = judging.judge(runs, {run.id: images(run) for run in runs}, changes)
    st.session_state["kept"] = judging.judge_once(runs, images, changes, "two", 1)


class FakeScorer:
    """Answers for every run but one, and counts what it was asked."""

    def __init__(self, judgement: Judgement) -> None:
        self.judgement, self.asked, self.changes = judgement, 0, []

    def judge(self, asked, explain=False, changes=()):
        self.asked += len(asked)
        self.changes.append(changes)
        broken = DamagedRun("The weights are gone. Train it again.")
        return [broken if run.spec.method == "rapp-vae" else self.judgement for run, _ in asked]


def test_an_explanation_goes_without_normal_images_while_they_are_to_come(filled_store, judgement):
    run = next(run for run in store.runs() if run.spec.method == "rapp-ae")
    store.mark(run, store.FINISHED, follows=["reasons", "portrait"])
    for name in ("explanations", "portrait"):
        (run.folder / f"{name}.npz").unlink()
    found = judging.explanation(run, judgement, place=1)
    assert found.keys() == judgement.explanation.keys()


def test_a_run_that_fails_says_why_and_many_images_are_asked_once(store_with_runs, judgement, monkeypatch):
    fake = FakeScorer(judgement)
    monkeypatch.setattr(judging.scorer, "shared", fake)
    app = AppTest.from_function(_page).run()
    assert len(app.session_state["told"]) == len(app.session_state["kept"]) == 2
    assert {error.value.replace("\\", "") for error in app.error} == {"The weights are gone. Train it again."}
    assert fake.asked == 6
    app.run()
    assert fake.asked == 9
    assert fake.changes == [{}] * 5


def test_changed_settings_are_asked_for_and_what_was_kept_of_others_is_not_taken(
    store_with_runs, judgement, monkeypatch
):
    fake = FakeScorer(judgement)
    monkeypatch.setattr(judging.scorer, "shared", fake)
    app = AppTest.from_function(_page)
    for share, asked in ((0.5, 6), (0.9, 12), (0.5, 15)):  # those kept for 0.5 are found again
        app.session_state["share"] = share
        app.run()
        assert fake.asked == asked
        assert fake.changes[-1] == {run.id: {"normal_share": share} for run in store.runs()}
