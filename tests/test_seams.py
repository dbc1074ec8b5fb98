"""What a stranger adds appears everywhere: a family, a scenario, a dataset, each by what the README says."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from core import methods, scenarios
from core.__main__ import main
from core.knobs import knob
from core.runs import command_line, store
from core.runs.process import worker
from core.runs.results import detectors
from core.runs.spec import request
from core.scenarios import SCENARIOS, Rows
from core.scenarios.protocols import assembled, divided
from tests import toy
from tests.pages.opening import opened
from tests.pages.words import words


@pytest.fixture
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "runs"))
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "none")
    return tmp_path


@pytest.fixture
def family():
    with toy.registered():
        yield


def said(capsys, *arguments: str) -> dict:
    assert main([*arguments, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_family_without_epochs_trains_scores_and_compares(own_store, family, capsys, monkeypatch):
    assert toy.NAME in [each["name"] for each in said(capsys, "methods")["methods"]]
    task = ("--dataset", "digits", "--scenario", "multimodal", "--target", "3")
    found = said(capsys, "train", *task, "--method", toy.NAME)
    run = store.find(found["run"])
    assert run.state == store.FINISHED and run.snapshots() == {} and [each["epoch"] for each in run.progress()] == [1]
    assert set(run.controls) == {*store.CONTROLS, "accept-everything", "everything-novel"} - {store.UNTRAINED}
    assert said(capsys, "evaluate", run.id)["scores"]["distance"] == run.metrics("distance")
    judged = detectors.score_images(run, run.arrays("test")["images"][:5], device="cpu")
    np.testing.assert_allclose(judged.scores["distance"], run.scores()[:5], rtol=1e-6)
    strict = detectors.score_images(run, run.arrays("test")["images"][:5], device="cpu", changes={"normal_share": 0.5})
    assert strict.thresholds["distance"] == np.quantile(run.held_out_scores(), 0.5, method="higher")
    assert main(["train", *task, "--method", toy.NAME, "--epochs", "3"]) == 2
    assert "fitted in one step, without epochs. Leave --epochs out." in capsys.readouterr().err
    other = worker.execute(store.create(request("digits", "multimodal", "3", "rapp-ae", changes={"epochs": 1})))
    app = opened("compare", runs=[run.id, other.id])
    assert "Mean image" in words(app) and not app.exception


def test_a_family_that_no_seed_changes_offers_none(own_store, family):
    assert not methods.card(toy.NAME).seeded
    run = worker.execute(store.create(request("digits", "multimodal", "3", toy.NAME)))
    app = opened("train", **{"from": [run.id]})
    app.button(key="train_go").click().run()
    assert "already there" in words(app)
    assert not [button for button in app.button if button.label.startswith("Train with seed")]


@dataclass(frozen=True)
class Options:
    least: int = knob(1, label="Least", help="Nothing.", group="Scenario", low=0)


@pytest.fixture
def scenario():
    @scenarios.scenario(
        "first-half",
        title="The classes before one are normal",
        sentence="The detector learns all classes before the chosen one.",
        source="Nobody, 2026",
        choose="one",
        asks="The first novel class",
        idea="nnnn|xxxx",
        options=Options,
        words="before {classes}",
        normal=lambda entry, target, options: entry.classes[: entry.classes.index(target[0])],
    )
    def first_half(spec, dataset, options):
        before = dataset.classes[: dataset.classes.index(spec.target[0])]
        after = dataset.classes[len(before) :]
        train, valid, normal, novel = map(Rows.of, divided(spec, dataset, before, after, "pooled"))
        return assembled(spec, [dataset], train, valid, normal, {"novel": novel})

    yield
    del SCENARIOS["first-half"]


def test_a_scenario_appears_with_its_title_offer_and_command(own_store, scenario):
    spec = request("digits", "first-half", "4", "rapp-ae", changes={"epochs": 1})
    assert scenarios.offer(spec.task).classes == 4 and spec.task_title == "digits · before 4"
    run = worker.execute(store.create(spec))
    assert run.state == store.FINISHED and set(run.arrays("test")["classes"][run.novel == 0]) == set("0123")
    assert "--scenario first-half --target 4" in command_line.command(spec)
    app = opened("train", dataset="digits", scenario="first-half", target="4")
    assert "The first novel class" in app.get("button_group")[0].label or "first novel class" in words(app)


def test_a_dataset_is_a_file_in_a_data_root(own_store, capsys, rng):
    (own_store / "data").mkdir()
    images = rng.integers(0, 256, (200, 8, 8), np.uint8)
    images[100:, 2:6] = 255
    names = np.array(["noise", "bars"])
    np.savez(
        own_store / "data" / "mine.npz", train_images=images, train_labels=np.repeat([0, 1], 100), class_names=names
    )
    assert "mine" in [each["name"] for each in said(capsys, "datasets")["datasets"]]
    words_of = (
        "--dataset",
        "mine",
        "--scenario",
        "unimodal",
        "--target",
        "bars",
        "--method",
        "rapp-ae",
        "--epochs",
        "2",
    )
    assert said(capsys, "train", *words_of)["state"] == "finished"
