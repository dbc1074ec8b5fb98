"""What MLflow is told, without MLflow: how it arrives is tested with the mirror."""

import json
import shutil

import pytest

from core.mlflow import content
from core.runs import store


@pytest.fixture
def run(trained_store, tmp_path, monkeypatch) -> store.Run:
    """A finished run that a test may change."""
    shutil.copytree(trained_store, tmp_path / "store", ignore=shutil.ignore_patterns(".*"))
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "shipped")
    return store.find("rapp-ae-digits")


def test_parameters_are_flat_and_complete(run):
    told = content.parameters(run)
    assert {name: told[f"knobs.{name}"] for name in run.spec.knobs} == {k: str(v) for k, v in run.spec.knobs.items()}
    assert told["target"] == "3" and told["environment.device"] == "cpu"


def test_results_have_the_same_time_and_step_whenever_they_are_told(run):
    told = {point.name: point for point in content.results(run)}
    auroc = run.metrics("nap")["auroc"]
    assert [told[name].value for name in ("nap.auroc", "nap.auroc.low", "nap.auroc.high")] == list(auroc.values())
    assert told["nap.threshold"].value == run.threshold("nap")
    assert {(point.time, point.step) for point in told.values()} == {(int(1000 * run.about["finished"]), 0)}
    about = run.about | {"finished": None}
    (run.folder / "run.json").write_text(json.dumps({k: v for k, v in about.items() if v is not None}))
    assert content.results(run) == []


def test_the_accuracy_of_known_classes_is_told_where_there_is_one(run):
    assert not any(point.name.startswith("accuracy") for point in content.results(run))
    told = {"value": 0.9, "low": 0.8, "high": 1.0}
    (run.folder / "run.json").write_text(json.dumps(run.about | {"accuracy": told}))
    points = {point.name: point.value for point in content.results(run)}
    assert [points[f"accuracy{end}"] for end in ("", ".low", ".high")] == [0.9, 0.8, 1.0]


def test_epochs_are_told_once_and_a_torn_line_later(run):
    path = run.folder / "progress.jsonl"
    whole = path.read_bytes()
    first, rest = whole.split(b"\n", 1)
    path.write_bytes(first + b"\n" + rest[:10])
    points, offset, last = content.epochs(run, 0, (-1, -1))
    assert {point.step for point in points} == {1} and offset == len(first) + 1 and last == (0, 1)
    path.write_bytes(whole + first + b"\n")  # a resumed training repeats an epoch
    more, offset, last = content.epochs(run, offset, last)
    steps = [point.step for point in more if point.name == "train/reconstruction"]
    assert steps == [2, 3, 4] and offset == len(whole) + len(first) + 1
    assert content.epochs(run, offset, last) == ([], offset, last)


def test_tags_leave_out_what_is_empty(run):
    told = content.tags(run)
    assert told["novelty.run"] == run.id and told["novelty.headline"] == "nap"
    assert "novelty.sentence" not in told and "novelty.alarm" not in told
