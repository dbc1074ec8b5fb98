"""Scores, thresholds without labels, metrics."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from core import methods, scenarios, training
from core.evaluation import Impurities, Quantile
from core.methods.base import build
from core.runs import files, store
from core.runs.results import evaluation
from tests.core.runs.results.small import CPU, spec


def test_the_threshold_knows_no_label_that_only_the_evaluation_may_know(rng):
    """In an impure task the rule sees all validation images, and moves where hidden impurities do."""
    task = scenarios.build(scenarios.task_spec("digits", "contaminated", "3", {"rate": 0.3}))
    assert task.valid_novel.sum() > 5
    scores = {"valid/a": rng.random(len(task.valid)), "test/a": rng.random(len(task.test))}
    scores["valid/a"][task.valid_novel == 1] += 100
    verdict = evaluation.judge(scores, task, Quantile(0.9), ["a"])
    assert verdict["thresholds"]["a"] == np.quantile(scores["valid/a"], 0.9, method="higher") > 100
    relabelled = dataclasses.replace(task, valid_novel=1 - task.valid_novel)
    assert evaluation.judge(scores, relabelled, Quantile(0.9), ["a"])["thresholds"] == verdict["thresholds"]
    assert verdict["rule"] == {"rule": "quantile", "share": 0.9}
    assert verdict["metrics"]["a"]["auroc"]["value"] == pytest.approx(roc_auc_score(task.novel, scores["test/a"]))
    assert verdict["alarms"] == {}


def test_a_score_that_tells_nothing_raises_an_alarm(task, rng):
    scores = {
        f"{split}/{name}": np.ones(len(task.rows(split))) for split in ("valid", "test") for name in ("dead", "alive")
    }
    scores["test/alive"] = rng.random(len(task.test))
    assert set(evaluation.judge(scores, task, Quantile(), ["dead", "alive"])["alarms"]) == {"dead"}


def test_a_detector_that_knows_itself_collapsed_raises_the_alarm_of_its_headline(task, tensors):
    detector = build(methods.load("rapp-ae"), spec().settings, task.shape, 0).fit(tensors)
    assert evaluation.evaluate(detector, task)[1]["alarms"] == {}
    detector.collapsed = "Collapsed: all images have nearly the same embedding."
    assert evaluation.evaluate(detector, task)[1]["alarms"] == {"nap": detector.collapsed}


def test_a_detector_that_names_classes_has_an_accuracy_on_normal_test_images(monkeypatch):
    task = scenarios.build(scenarios.task_spec("digits", "cross-dataset", "2,6", {"anomalies": "", "most": 10}))
    detector = build(methods.load("rapp-ae"), spec().settings, task.shape, 0).fit(training.on_device(task, CPU))
    assert "accuracy" not in evaluation.evaluate(detector, task)[1]
    places = np.where(np.arange(len(task.test)) % 4 > 0, 0, 1)  # of the classes 2 and 6
    monkeypatch.setattr(detector, "name_batch", lambda images: torch.from_numpy(places[: len(images)]))
    found = evaluation.evaluate(detector, task)[1]["accuracy"]
    normal = task.test.index[task.novel == 0]
    right = np.array([2, 6])[places[: len(normal)]] == task.pools[0].labels[normal]
    assert 0 < right.mean() < 1
    assert found["value"] == pytest.approx(right.mean()) and found["low"] < found["value"] < found["high"]


def test_curves_end_in_their_corners(task, rng):
    scores = rng.random(len(task.test))
    points = evaluation.curves({"a": scores}, task.novel)
    assert {name.rsplit("/", 1)[0] for name in points} == {"roc/a", "pr/a"}
    fpr, tpr = points["roc/a/fpr"], points["roc/a/tpr"]
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(tpr, fpr) == pytest.approx(roc_auc_score(task.novel, scores), abs=0.01)


def test_without_novel_images_there_are_no_curves_and_one_metric(task, rng):
    normal = dataclasses.replace(task, novel=np.zeros_like(task.novel), source=np.full(len(task.test), "normal"))
    points = evaluation.curves({"a": rng.random(len(task.test))}, normal.novel)
    assert points.keys() == evaluation.curves({"a": rng.random(len(task.test))}, task.novel).keys()
    assert all(len(each) == 0 for each in points.values())
    scores = {f"{split}/a": rng.random(len(task.rows(split))) for split in ("train", "valid", "test")}
    verdict = evaluation.judge(scores, normal, Quantile(0.9), ["a"])
    expected = np.mean(scores["test/a"] <= verdict["thresholds"]["a"])
    assert verdict["metrics"]["a"].pop("normal_recall")["value"] == pytest.approx(expected)
    assert {each["value"] for each in verdict["metrics"]["a"].values()} == {None}


def test_an_impure_rule_takes_training_scores_too(task, rng):
    scores = {f"{split}/a": rng.random(len(task.rows(split))) for split in ("train", "valid", "test")}
    threshold = evaluation.judge(scores, task, Impurities(0.1), ["a"])["thresholds"]["a"]
    assert threshold == Impurities(0.1).threshold(scores["train/a"], scores["valid/a"])


def test_training_scores_are_kept_of_a_seeded_choice_where_there_are_many(task, tensors, monkeypatch):
    settings = spec().settings
    detector = build(methods.load("rapp-ae"), settings, task.shape, 0).fit(tensors)
    whole, _ = evaluation.evaluate(detector, task)
    assert whole["train/nap"].shape == (len(task.train),)
    np.testing.assert_allclose(whole["train/nap"], detector.score(task.images("train"))["nap"], rtol=1e-5)
    monkeypatch.setattr(evaluation, "MOST_TRAINING", 20)
    few, again = (evaluation.evaluate(detector, task)[0]["train/nap"] for _ in range(2))
    assert len(few) == 20 and np.array_equal(few, again)
    assert np.isin(few.round(4), whole["train/nap"].round(4)).all()


def test_stored_scores_measured_again_give_the_same_values_by_today_s_intervals(store_with_runs, tmp_path, monkeypatch):
    shutil.copytree(store_with_runs, tmp_path / "runs")
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "runs"))
    run = store.find("rapp-ae")
    old, old_controls = run.about["metrics"], run.controls
    too_sure = {name: each | {"auroc": each["auroc"] | {"low": each["auroc"]["value"]}} for name, each in old.items()}
    files.write_json(run.folder / "run.json", run.about | {"metrics": too_sure})
    evaluation.keep_measured_again(run)
    assert run.about["metrics"] == old
    assert run.controls == old_controls
