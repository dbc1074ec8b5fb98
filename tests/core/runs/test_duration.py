import dataclasses
import json
import shutil

import numpy as np
import pytest

from core.runs import duration, store
from core.runs.spec import RunSpec, request


@pytest.fixture
def runs(trained_store, tmp_path, monkeypatch):
    """A store with trained runs that a test may change."""
    shutil.copytree(trained_store, tmp_path / "store", ignore=shutil.ignore_patterns(".*"))
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "shipped")
    return store.runs()


def rewritten(run: store.Run, change) -> None:
    about = json.loads((run.folder / "run.json").read_text())
    change(about)
    (run.folder / "run.json").write_text(json.dumps(about))


def asked_like(run: store.Run, **changes) -> RunSpec:
    return dataclasses.replace(run.spec, knobs={**run.spec.knobs, **changes})


def test_the_estimate_follows_epochs_and_images_and_keeps_what_comes_beside(runs):
    run = runs[0]
    epochs = {line["epoch"]: line["seconds"] for line in run.progress() if line["stage"] == "train"}
    others = sum(line["seconds"] for line in run.progress() if line["stage"] != "train")
    beside = run.about["timings"]["total"] - sum(epochs.values()) - others
    count = run.about["counts"]["train"]
    assert duration.estimate(run.spec, count).seconds == pytest.approx(run.about["timings"]["total"])
    longer = duration.estimate(asked_like(run, epochs=40), 3 * count)
    assert longer.run == run
    assert longer.seconds == pytest.approx(3 * (np.mean(list(epochs.values())) * 40 + others) + beside)


def test_a_stage_that_has_its_own_epochs_knob_follows_it(runs):
    asked = request("digits", "unimodal", "0", "deep-svdd", changes={"epochs": 6, "pretrain_epochs": 10, "warm_up": 0})
    run = store.create(dataclasses.replace(asked, knobs=dict(asked.knobs) | {"epochs": 2, "pretrain_epochs": 5}))
    shutil.copy(runs[0].folder / "test.npz", run.folder)
    lines = [(1, "pretrain", 5, 1.0), (3, "train", 2, 10.0)]
    with (run.folder / "progress.jsonl").open("w") as stream:
        for number, stage, epochs, seconds in lines:
            for epoch in range(1, epochs + 1):
                line = {"number": number, "stage": stage, "epoch": epoch, "seconds": seconds, "curves": {}, "rate": 1.0}
                stream.write(json.dumps(line) + "\n")
    counts = {"train": 100, "valid": 0, "normal": 0, "novel": 0}
    timings = {"training": 25.0, "total": 28.0}
    more = {"counts": counts, "timings": timings, "environment": {"device": "cpu", "threads": 1}}
    rewritten(run, lambda about: about.update(more))
    store.mark(run, store.FINISHED)
    assert duration.estimate(asked, 100).seconds == pytest.approx(10 * 1.0 + 6 * 10.0 + 3.0)


def test_nothing_is_estimated_from_runs_that_tell_nothing(runs):
    run, count = runs[0], 100
    assert duration.estimate(request("digits", "unimodal", "0", "deep-svdd"), count) is None
    assert duration.estimate(dataclasses.replace(run.spec, device="cuda"), count) is None
    rewritten(run, lambda about: about.pop("environment"))
    assert duration.estimate(run.spec, count) is None


def test_a_shipped_run_is_asked_only_where_no_own_one_can_tell(runs, monkeypatch):
    run, own = runs[0], duration.estimate(runs[0].spec, 100)
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: run.folder.parent)  # all of them ship
    assert duration.estimate(run.spec, 100).run.shipped
    mine = shutil.copytree(run.folder, run.folder.parent / "own" / run.id)
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(mine.parent))
    found = duration.estimate(run.spec, 100)
    assert not found.run.shipped
    assert found.seconds == own.seconds


def test_a_run_from_another_machine_tells_nothing_of_this_one(runs):
    run = runs[0]
    store.mark(run, store.FINISHED, imported=0.0)
    assert duration.estimate(run.spec, 100) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "about 1 s"),
        (6.1, "about 7 s"),
        (37, "about 40 s"),
        (100, "about 2 min"),
        (3000, "about 50 min"),
        (7000, "about 2 h"),
    ],
)
def test_times_are_said_as_people_say_them(seconds, words):
    assert duration.in_words(seconds) == words
