"""What a run stores for its pages."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from core import methods, scenarios
from core.methods.base import build
from core.runs import files
from core.runs.results import page_arrays
from tests.core.runs.results.small import flat


@pytest.mark.parametrize("epochs", [1, 2, 5, 20, 60, 200, 5000])
def test_snapshots_are_spaced_geometrically_from_the_first_epoch_to_the_last(epochs):
    at = sorted(page_arrays.snapshot_epochs(epochs))
    assert at[0] == 1 and at[-1] == epochs and len(at) <= 20 and len(at) >= min(epochs, 5)
    ratios = np.diff(np.log(at))
    if epochs >= 200:  # the early ones are neighbours, as no epoch lies between them
        assert ratios[-5:].max() < 1.15 * ratios[-5:].min()


def test_the_probe_knows_which_of_its_images_are_novel():
    task = scenarios.build(scenarios.task_spec("digits", "contaminated", "3", {"rate": 0.3}))
    probe = page_arrays.probe(task)
    assert len(probe["images"]) == len(probe["novel"]) == len(probe["place"]) <= page_arrays.PROBE
    tested = probe["place"] >= 0
    np.testing.assert_array_equal(probe["images"][tested], task.images("test")[probe["place"][tested]])
    np.testing.assert_array_equal(probe["novel"][tested], task.novel[probe["place"][tested]])
    # All validation images fit, so they come in their order.
    np.testing.assert_array_equal(probe["images"][~tested], task.images("valid"))
    np.testing.assert_array_equal(probe["novel"][~tested], task.valid_novel)


@pytest.mark.parametrize("kind", ["multimodal", "contaminated"])
def test_normal_and_novel_images_of_the_probe_take_turns(kind):
    task = scenarios.build(scenarios.task_spec("digits", kind, "3"))
    probe = page_arrays.probe(task)
    tested = probe["novel"][probe["place"] >= 0]
    few = min(tested.sum(), (1 - tested).sum())
    assert tested[: 2 * few].reshape(few, 2).sum(1).tolist() == [1] * few
    assert len(set(tested[2 * few :].tolist())) <= 1


def test_the_probe_of_a_large_task_is_a_seeded_choice():
    task = scenarios.build(scenarios.task_spec("digits", "multimodal", "3"))
    first, again = page_arrays.probe(task), page_arrays.probe(task)
    assert len(first["images"]) == page_arrays.PROBE and (first["place"] < 0).sum() == 125
    assert len(set(first["place"][first["place"] >= 0])) == 375
    np.testing.assert_array_equal(first["place"], again["place"])


def test_neighbours_are_those_of_scikit_learn(task, tensors, new_run):
    run = new_run()
    page_arrays.neighbours(run, task, tensors)
    stored = run.arrays("neighbours")
    assert stored["of"] == len(task.train) and len(stored["bank"]) == len(task.train)
    distances, places = (
        NearestNeighbors(n_neighbors=5, algorithm="brute")
        .fit(flat(stored["bank"]))
        .kneighbors(flat(task.images("test")))
    )
    np.testing.assert_allclose(stored["distances"], distances, rtol=1e-4, atol=1e-5)
    assert (stored["places"] == places).mean() > 0.99  # but for ties
    np.testing.assert_array_equal(stored["classes"], np.full(len(task.train), "3"))


def test_a_large_training_set_keeps_a_bank(task, tensors, new_run, monkeypatch):
    monkeypatch.setattr(page_arrays, "BANK", 30)
    run = new_run()
    page_arrays.neighbours(run, task, tensors)
    stored = run.arrays("neighbours")
    assert len(stored["bank"]) == 30 and stored["of"] == len(task.train) and stored["places"].max() < 30


def test_what_is_stored_reads_without_the_task(task, tensors, new_run):
    run = new_run()
    detector = build(methods.load("rapp-ae"), run.spec.settings, task.shape, 0).fit(tensors)
    about = page_arrays.store_scores(run, detector, task)
    files.write_json(run.folder / "run.json", run.about | about | {"timings": {"training": 1.0, "total": 2.0}})
    assert not run.has("explanations") and run.about["metrics"] == about["metrics"]
    page_arrays.store_reasons(run, detector, task)
    page_arrays.store_portrait(run, detector, tensors)
    assert run.about["arrays"] == files.described(run.folder) and {*run.about["arrays"]} == {"explanations", "portrait"}
    assert "accuracy" not in run.about
    stored = run.arrays("test")
    np.testing.assert_array_equal(stored["images"], task.images("test"))
    np.testing.assert_array_equal(stored["classes"], task.class_names("test"))
    np.testing.assert_array_equal(stored["source"], task.source)
    np.testing.assert_array_equal(stored["kind"], np.where(task.novel, "novelty", "normal"))
    assert stored["valid_novel"].shape == (len(task.valid),) and not stored["valid_novel"].any()
    explained = run.arrays("explanations")
    np.testing.assert_array_equal(
        explained["test/reconstruction"], detector.explain(task.images("test"))["reconstruction"]
    )
    assert "valid/layers" in explained and "valid/reconstruction" not in explained
    assert about["counts"] == task.counts and set(about) == {
        *("rule", "thresholds", "metrics", "alarms", "counts", "note")
    }
    assert files.array_shape(run.folder / "test.npz", "images") == (len(task.test), 1, 8, 8)
