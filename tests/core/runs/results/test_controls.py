"""Control lines against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from core import methods, training
from core.methods.base import build
from core.runs import store
from core.runs.results import controls
from core.runs.spec import request
from tests.core.runs.results.small import flat


def test_task_controls_against_scikit_learn(task, tensors):
    scores = controls.task_controls(task, tensors)
    train, tested = flat(task.images("train")), flat(task.images("test"))
    nearest = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(train).kneighbors(tested)[0].mean(1)
    np.testing.assert_allclose(scores["test/nearest-pixels"], nearest, rtol=1e-4)
    fifty = PCA(50).fit(train)
    projected = (
        NearestNeighbors(n_neighbors=5, algorithm="brute")
        .fit(fifty.transform(train))
        .kneighbors(fifty.transform(tested))[0]
        .mean(1)
    )
    np.testing.assert_allclose(scores["test/nearest-pca"], projected, rtol=1e-3)
    most = PCA(0.95).fit(train)
    error = np.square(tested - most.inverse_transform(most.transform(tested))).sum(1)
    np.testing.assert_allclose(scores["test/pca-error"], error, rtol=1e-3, atol=1e-5)
    assert {name.split("/")[0] for name in scores} == {"valid", "test"}


def test_controls_of_a_task_are_computed_once_and_shared(task, tensors, new_run, monkeypatch):
    computed, original = [], controls.task_controls
    monkeypatch.setattr(controls, "task_controls", lambda *args: computed.append(1) or original(*args))
    first, second = new_run(seed=0), new_run(seed=1)
    assert first.spec.task.hash == second.spec.task.hash and first.id != second.id
    for run in (first, second):
        controls.controls(run, task, tensors)
    assert computed == [1]
    assert (store.root() / ".tasks" / first.spec.task.hash / "scores.npz").exists()
    a, b = (run.arrays("controls") for run in (first, second))
    for name in ("nearest-pixels", "nearest-pca", "pca-error"):
        np.testing.assert_array_equal(a[f"test/{name}"], b[f"test/{name}"])
    assert not np.array_equal(a["test/untrained"], b["test/untrained"])  # another seed, another untrained network


def test_each_control_line_has_the_metrics_of_a_score(task, tensors, new_run):
    run = new_run()
    controls.controls(run, task, tensors)
    assert set(run.controls) == {*store.CONTROLS, "accept-everything", "everything-novel"}
    for name in store.CONTROLS:
        scores = run.arrays("controls", f"test/{name}")[f"test/{name}"]
        assert run.controls[name]["auroc"]["value"] == pytest.approx(roc_auc_score(task.novel, scores))
        assert f"roc/{name}/fpr" in run.arrays("controls")
    novel = task.novel.mean()
    # Accepting every image: recall 1 of the normal ones, precision their share; and the other way round.
    assert run.controls["accept-everything"]["normal_f1"] == pytest.approx(2 * (1 - novel) / (1 + (1 - novel)))
    assert run.controls["everything-novel"]["f1"] == pytest.approx(2 * novel / (1 + novel))


@pytest.mark.parametrize("method", ["rapp-vae", "deep-svdd"])
def test_the_untrained_control_is_the_run_s_own_network_before_training(task, tensors, tmp_path, monkeypatch, method):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    run = store.create(request("digits", "unimodal", "3", method, seed=4, device="cpu"))
    controls.controls(run, task, tensors)
    detector = build(methods.load(method), run.spec.settings, task.shape, 4)
    initial = {name: value.clone() for name, value in detector.networks.state_dict().items() if "weight" in name}
    for stage in detector.stages(tensors):
        if not stage.record.learns:
            stage.begin(tensors, training.Progress())
            stage.epoch(1)
    assert all(
        torch.equal(value, initial[name]) for name, value in detector.networks.state_dict().items() if name in initial
    )
    stored = run.arrays("controls", "test/untrained")["test/untrained"]
    np.testing.assert_allclose(stored, detector.score(task.images("test"))[run.spec.card.headline], rtol=1e-4)
