"""A set of normal images alone: trained on, shown on every page, without a number that nobody could have measured."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from core import data
from core.__main__ import main
from core.data import npz
from core.data.dataset import Dataset
from core.mlflow.mirror import report_page
from core.runs import store
from core.runs.results import detectors
from tests.pages.opening import opened
from tests.pages.training import trained
from tests.pages.words import words

TRAIN = """
for method, changes in {
    "rapp-ae": {"epochs": 2, "layers": 3},
    "deep-svdd": {"epochs": 2, "warm_up": 1},
    "clad": {"epochs": 2, "pretrain_epochs": 2},
    "vae-threshold": {"epochs": 2},
    "nearest-neighbours": {},
}.items():
    run = worker.execute(store.create(spec.request("sevens", "unimodal", "7", method, changes=changes)))
    assert run.state == store.FINISHED, (method, run.sentence)
"""
PAGES = ("home", "runs", "compare", "score", "rapp", "svdd", "clad", "vae", "baselines", "train", "datasets")


@pytest.fixture(scope="module")
def sevens(tmp_path_factory) -> Path:
    """A store of runs on the sevens of digits alone, and beside it their data root."""
    folder = tmp_path_factory.mktemp("sevens")
    digits = data.load("digits")
    of_seven = digits.images[digits.labels == 7]
    dataset = Dataset("", "", ("7",), of_seven, np.zeros(len(of_seven), np.int64), 140, note="Sevens.")
    npz.write(folder / "data" / "sevens.npz", dataset)
    before = os.environ.get("NOVELTY_DATA")
    os.environ["NOVELTY_DATA"] = str(folder / "data")
    try:
        trained(folder / "store", TRAIN)
    finally:
        os.environ.pop("NOVELTY_DATA") if before is None else os.environ.update(NOVELTY_DATA=before)
    return folder


@pytest.fixture
def only_sevens(sevens, monkeypatch):
    monkeypatch.setenv("NOVELTY_DATA", str(sevens / "data"))
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(sevens / "store"))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: sevens / "shipped")
    return sevens


def test_metrics_are_undefined_and_the_threshold_is_not(only_sevens):
    for run in store.runs():
        found = run.metrics()
        assert all(found[name]["value"] is None for name in found if name != "normal_recall")
        assert 0.5 < found["normal_recall"]["value"] <= 1 and np.isfinite(run.threshold())
        assert "(AUROC) can't be said" in run.about["note"]
        assert run.about["counts"]["novel"] == 0


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_without_novel_images(only_sevens, page):
    runs = store.runs()
    shown = [run for run in runs if run.spec.card.family == page] or runs[:1]
    for run in shown:
        app = opened(page, **{f"{page}_run": run.id, "runs": run.id, "dataset": "sevens"})
        assert not app.error, (page, run.id, [each.value for each in app.error])
        if page in ("compare", run.spec.card.family):
            assert "can't be said" in words(app)


def test_a_run_has_a_report_and_a_verdict_on_a_new_image(only_sevens):
    run = next(each for each in store.runs() if each.spec.method == "rapp-ae")
    told = report_page(run)
    assert (
        "there are no novel test images, so nothing is ranked" in told
        and "nan" not in told.split("<h2>Settings")[0][-3000:]
    )
    digits = data.load("digits")
    judged = detectors.score_images(run, digits.images[digits.labels == 0][:20], [], "cpu")
    assert judged.novel("nap").mean() > 0.5


def test_the_command_line_says_why_there_is_no_auroc(only_sevens, capsys):
    run = next(each for each in store.runs() if each.spec.method == "nearest-neighbours")
    assert main(["evaluate", run.id]) == 0
    told = capsys.readouterr().out
    assert "undefined" in told and "(AUROC) can't be said" in told
    assert main(["runs", "--json"]) == 0
    assert {each["auroc"]["value"] for each in json.loads(capsys.readouterr().out)["runs"]} == {None}
