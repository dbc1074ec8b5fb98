"""What a run stores for its pages: thresholds, curves, neighbours, control lines."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from core import methods, scenarios, training
from core.methods.base import build
from core.runs import files, store
from core.runs.results import evaluation
from core.runs.spec import RunSpec, request

CPU = torch.device("cpu")


def spec(target: str = "3", seed: int = 0, scenario: str = "unimodal", **changes) -> RunSpec:
    changes = {"epochs": 1, "layers": 2, "batch_size": 64} | changes
    return request("digits", scenario, target, "rapp-ae", changes=changes, seed=seed, device="cpu")


@pytest.fixture(scope="module")
def task() -> scenarios.Task:
    return scenarios.build(spec().task)


@pytest.fixture(scope="module")
def tensors(task) -> training.TaskTensors:
    return training.on_device(task, CPU)


@pytest.fixture
def new_run(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))
    return lambda *args, **options: store.create(spec(*args, **options))


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / 255.0


@pytest.mark.parametrize("epochs", [1, 2, 5, 20, 60, 200, 5000])
def test_snapshots_are_spaced_geometrically_from_the_first_epoch_to_the_last(epochs):
    at = sorted(evaluation.snapshot_epochs(epochs))
    assert at[0] == 1 and at[-1] == epochs and len(at) <= 20 and len(at) >= min(epochs, 5)
    ratios = np.diff(np.log(at))
    if epochs >= 200:  # the early ones are neighbours, as no epoch lies between them
        assert ratios[-5:].max() < 1.15 * ratios[-5:].min()


def test_the_threshold_comes_from_normal_validation_images_alone(rng):
    task = scenarios.build(scenarios.task_spec("digits", "contaminated", "3", {"rate": 0.3}))
    assert task.valid_novel.sum() > 5
    scores = {"valid/a": rng.random(len(task.valid)), "test/a": rng.random(len(task.test))}
    scores["valid/a"][task.valid_novel == 1] += 100
    verdict = evaluation.judge(scores, task, 0.9, ["a"])
    normal = scores["valid/a"][task.valid_novel == 0]
    assert verdict["thresholds"]["a"] == np.quantile(normal, 0.9, method="higher")
    assert verdict["metrics"]["a"]["auroc"]["value"] == pytest.approx(roc_auc_score(task.novel, scores["test/a"]))
    assert verdict["alarms"] == {}


def test_a_score_that_tells_nothing_raises_an_alarm(task, rng):
    scores = {
        f"{split}/{name}": np.ones(len(task.rows(split))) for split in ("valid", "test") for name in ("dead", "alive")
    }
    scores["test/alive"] = rng.random(len(task.test))
    assert set(evaluation.judge(scores, task, 0.95, ["dead", "alive"])["alarms"]) == {"dead"}


def test_a_detector_that_knows_itself_collapsed_raises_the_alarm_of_its_headline(task, tensors):
    detector = build(methods.load("rapp-ae"), spec().settings, task.shape, 0).fit(tensors)
    assert evaluation.evaluate(detector, task)[1]["alarms"] == {}
    detector.collapsed = "Collapsed: all images have nearly the same embedding."
    assert evaluation.evaluate(detector, task)[1]["alarms"] == {"nap": detector.collapsed}


def test_the_probe_knows_which_of_its_images_are_novel():
    task = scenarios.build(scenarios.task_spec("digits", "contaminated", "3", {"rate": 0.3}))
    probe = evaluation.probe(task)
    assert len(probe["images"]) == len(probe["novel"]) == len(probe["place"]) <= evaluation.PROBE
    tested = probe["place"] >= 0
    np.testing.assert_array_equal(probe["images"][tested], task.images("test")[probe["place"][tested]])
    np.testing.assert_array_equal(probe["novel"][tested], task.novel[probe["place"][tested]])
    # All validation images fit, so they come in their order.
    np.testing.assert_array_equal(probe["images"][~tested], task.images("valid"))
    np.testing.assert_array_equal(probe["novel"][~tested], task.valid_novel)


def test_the_probe_of_a_large_task_is_a_seeded_choice():
    task = scenarios.build(scenarios.task_spec("digits", "multimodal", "3"))
    first, again = evaluation.probe(task), evaluation.probe(task)
    assert len(first["images"]) == evaluation.PROBE and (first["place"] < 0).sum() == 125
    assert len(set(first["place"][first["place"] >= 0])) == 375
    np.testing.assert_array_equal(first["place"], again["place"])


def test_neighbours_are_those_of_scikit_learn(task, tensors, new_run):
    run = new_run()
    evaluation.neighbours(run, task, tensors)
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
    monkeypatch.setattr(evaluation, "BANK", 30)
    run = new_run()
    evaluation.neighbours(run, task, tensors)
    stored = run.arrays("neighbours")
    assert len(stored["bank"]) == 30 and stored["of"] == len(task.train) and stored["places"].max() < 30


def test_task_controls_against_scikit_learn(task, tensors):
    scores = evaluation.task_controls(task, tensors)
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
    computed, original = [], evaluation.task_controls
    monkeypatch.setattr(evaluation, "task_controls", lambda *args: computed.append(1) or original(*args))
    first, second = new_run(seed=0), new_run(seed=1)
    assert first.spec.task.hash == second.spec.task.hash and first.id != second.id
    for run in (first, second):
        evaluation.controls(run, task, tensors)
    assert computed == [1]
    assert (store.root() / ".tasks" / first.spec.task.hash / "scores.npz").exists()
    a, b = (run.arrays("controls") for run in (first, second))
    for name in ("nearest-pixels", "nearest-pca", "pca-error"):
        np.testing.assert_array_equal(a[f"test/{name}"], b[f"test/{name}"])
    assert not np.array_equal(a["test/untrained"], b["test/untrained"])  # another seed, another untrained network


def test_each_control_line_has_the_metrics_of_a_score(task, tensors, new_run):
    run = new_run()
    evaluation.controls(run, task, tensors)
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
    evaluation.controls(run, task, tensors)
    detector = build(methods.load(method), run.spec.settings, task.shape, 4)
    initial = {name: value.clone() for name, value in detector.networks.state_dict().items() if "weight" in name}
    for stage in detector.stages(tensors):
        if not stage.learns:
            stage.begin(tensors, training.Progress())
            stage.epoch(1)
    assert all(
        torch.equal(value, initial[name]) for name, value in detector.networks.state_dict().items() if name in initial
    )
    stored = run.arrays("controls", "test/untrained")["test/untrained"]
    np.testing.assert_allclose(stored, detector.score(task.images("test"))[run.spec.card.headline], rtol=1e-4)


def test_curves_end_in_their_corners(task, rng):
    scores = rng.random(len(task.test))
    points = evaluation.curves({"a": scores}, task.novel)
    assert {name.rsplit("/", 1)[0] for name in points} == {"roc/a", "pr/a"}
    fpr, tpr = points["roc/a/fpr"], points["roc/a/tpr"]
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(tpr, fpr) == pytest.approx(roc_auc_score(task.novel, scores), abs=0.01)


def test_what_is_stored_reads_without_the_task(task, tensors, new_run):
    run = new_run()
    detector = build(methods.load("rapp-ae"), run.spec.settings, task.shape, 0).fit(tensors)
    about = evaluation.store(run, detector, task, tensors)
    stored = run.arrays("test")
    np.testing.assert_array_equal(stored["images"], task.images("test"))
    np.testing.assert_array_equal(stored["classes"], task.class_names("test"))
    np.testing.assert_array_equal(stored["source"], task.source)
    assert stored["valid_novel"].shape == (len(task.valid),) and not stored["valid_novel"].any()
    explained = run.arrays("explanations")
    np.testing.assert_array_equal(
        explained["test/reconstruction"], detector.explain(task.images("test"))["reconstruction"]
    )
    assert "valid/layers" in explained and "valid/reconstruction" not in explained
    assert about["counts"] == task.counts and set(about) == {"thresholds", "metrics", "alarms", "counts", "note"}
    assert files.array_shape(run.folder / "test.npz", "images") == (len(task.test), 1, 8, 8)
