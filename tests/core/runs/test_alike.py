import json
import shutil

import pytest

from core.runs import alike, store
from core.runs.spec import request
from core.runs.store import Run


@pytest.fixture
def runs(trained_store, tmp_path, monkeypatch) -> dict[str, Run]:
    """Three runs of one family on one task, by method, in a store that the test may change."""
    shutil.copytree(trained_store, tmp_path / "store", ignore=shutil.ignore_patterns(".*"))
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "shipped")
    return {run.spec.method: run for run in store.runs()}


def respecified(run: Run, **changes) -> Run:
    folder = shutil.copytree(run.folder, run.folder.with_name(f"{run.id}-2"))
    about = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(about | {"spec": about["spec"] | changes}))
    return Run(folder)


def test_runs_of_another_task_another_family_or_without_an_end_are_left_out(runs):
    respecified(runs["rapp-ae"], target=["4"])
    respecified(runs["rapp-vae"], method="deep-svdd", knobs={})
    store.mark(respecified(runs["rapp-aae"], seed=7), store.FAILED)
    assert {run.id for run in alike.on_same_task(runs["rapp-ae"])} == {run.id for run in runs.values()}


def test_a_method_that_nobody_used_is_asked_for_on_the_same_task(runs):
    assert alike.other_methods(runs["rapp-ae"], list(runs.values())) == []
    asked = respecified(runs["rapp-ae"], seed=5, split_seed=2)
    (spec,) = alike.other_methods(asked, [asked, runs["rapp-vae"]])
    assert spec == request("digits", "multimodal", "3", "rapp-aae", seed=5, split_seed=2)
    assert spec.task.hash == asked.spec.task.hash


def test_what_cannot_be_trained_is_not_proposed(runs):
    gone = respecified(runs["rapp-ae"], dataset="a-set-that-was-deleted")
    assert alike.other_methods(gone, [gone]) == []


def test_variations_leave_out_what_was_trained_already(runs):
    run = runs["rapp-ae"]
    asked = {"as it is": {}, "with more epochs": {"epochs": 9}}
    found = alike.variations(run, asked)
    assert list(found) == ["with more epochs"]
    assert found["with more epochs"].knobs == {**run.spec.knobs, "epochs": 9}


def test_runs_of_other_families_are_finished_and_on_the_same_task(runs):
    other = respecified(runs["rapp-vae"], method="deep-svdd", knobs={})
    assert {run.id for run in alike.of_other_families(runs["rapp-ae"])} == {other.id}
    assert {run.id for run in alike.of_other_families(other)} == {run.id for run in runs.values()}
    store.mark(other, store.FAILED)
    assert alike.of_other_families(runs["rapp-ae"]) == []
