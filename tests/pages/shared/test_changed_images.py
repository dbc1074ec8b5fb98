import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import data
from core.runs import files, store
from core.runs.store import Run
from tests.pages.words import words

PROJECT = Path(__file__).parents[3]
CHANGED = "The images under the name mine are no longer those that"
TRAIN = """
from core.runs import spec, store
from core.runs.process import worker
for digits in (slice(0, 900), slice(900, None)):
    write(digits)
    request = spec.request("mine", "multimodal", "3", "rapp-ae", changes={"epochs": 1, "layers": 2, "batch_size": 64})
    run = worker.execute(store.create(request))
    assert run.state == store.FINISHED, run.sentence
"""
WRITE = """
import os, sys
from pathlib import Path
import numpy as np
from core import data

def write(part):
    digits, path = data.load("digits"), Path(os.environ["NOVELTY_DATA"]) / "mine.npz"
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    names, images = np.array(digits.classes), digits.images[part, 0]
    np.savez(path, train_images=images, train_labels=digits.labels[part], class_names=names)
    os.utime(path, ns=(1, stamp + 10**9))
"""


@pytest.fixture(scope="module")
def trained_twice(tmp_path_factory) -> Path:
    """A folder with a data root and a store: a run of a set, and one of other images that then took its name."""
    folder = tmp_path_factory.mktemp("twice")
    (folder / "data").mkdir()
    environment = {"NOVELTY_CHECKPOINTS": str(folder / "store"), "NOVELTY_DATA": str(folder / "data")}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)}
    subprocess.run([sys.executable, "-c", WRITE + TRAIN], cwd=PROJECT, env=os.environ | environment, check=True)
    return folder


@pytest.fixture
def runs(trained_twice, tmp_path, monkeypatch) -> tuple[Run, Run]:
    """The run of the images that are gone, and the run of those that are there."""
    shutil.copytree(trained_twice, tmp_path / "twice")
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "twice" / "store"))
    monkeypatch.setenv("NOVELTY_DATA", str(tmp_path / "twice" / "data"))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "shipped")
    new, old = store.runs()
    return old, new


def test_every_page_of_the_old_run_says_so_and_none_of_the_new(runs, open_page):
    old, new = runs
    for run, says in ((old, True), (new, False)):
        for page, query in (
            ("rapp", {"rapp_run": run.id}),
            ("compare", {"runs": [run.id]}),
            ("score", {"score_runs": [run.id]}),
            ("runs", {"run": [run.id]}),
        ):
            told = words(open_page(page, **query))
            assert told.count(f"{CHANGED} this run was trained on") == says, (page, run)
            assert told.count(CHANGED) == says


def test_of_several_runs_those_are_named_whose_images_changed(runs, open_page):
    old, new = runs
    app = open_page("score", score_runs=[old.id, new.id])
    (note,) = (each.value.replace("\\", "") for each in app.warning if "no longer those" in each.value)
    assert note.startswith(f"{CHANGED} mine · all but 3 · RaPP, autoencoder · ") and " was trained on" in note


def test_where_it_can_only_be_known_by_reading_much_nothing_is_said(runs, open_page, monkeypatch):
    old, _ = runs
    monkeypatch.setattr(data.known_digest, "__defaults__", (1,))  # bytes; no test has read this copy of the file
    assert CHANGED not in words(open_page("rapp", rapp_run=old.id))
    data.digest("mine")  # now it is known
    assert CHANGED in words(open_page("rapp", rapp_run=old.id))


def test_the_two_runs_are_of_two_tasks_that_the_pages_tell_apart(runs, open_page):
    old, new = runs
    options = open_page("compare").selectbox(key="compare_task").options
    assert sorted(options) == sorted(
        f"mine · all but 3 · {told} · images {run.spec.images[:6]} (1 run)"
        for run in runs
        for told in [f"novelty share {run.spec.options['novelty_share']} · split seed 0"]
    )
    app = open_page("score", score_runs=[old.id, new.id])
    assert len(set(app.selectbox(key="score_samples_of").options)) == 2


def test_a_new_run_of_the_same_name_does_not_take_the_old_one_s_control_lines(runs):
    old, new = runs
    assert old.spec.task.hash != new.spec.task.hash
    shared = store.root() / ".tasks"
    assert {path.name for path in shared.iterdir()} == {run.spec.task.hash for run in runs}
    for run in runs:
        scores = files.read_arrays(shared / run.spec.task.hash / "scores.npz")
        assert len(scores["test/nearest-pixels"]) == len(run.novel)
        np.testing.assert_array_equal(run.arrays("controls")["test/nearest-pixels"], scores["test/nearest-pixels"])
    assert old.controls["nearest-pixels"] != new.controls["nearest-pixels"]
