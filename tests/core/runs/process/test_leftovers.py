"""What a kill leaves behind, and what becomes of it."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from core import scenarios
from core.errors import MissingData
from core.runs import files, locks, store
from core.runs.process import detached, leftovers, worker
from core.runs.results import projection
from core.runs.store import Run
from tests.core.runs.making import abandoned, ended, made


@pytest.fixture
def empty(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "shipped")
    monkeypatch.setattr(os, "nice", lambda increment: 0)
    return tmp_path / "store"


@pytest.fixture
def started(monkeypatch) -> list[list[str]]:
    """The commands that would have been started."""
    words: list[list[str]] = []
    monkeypatch.setattr(detached, "start", lambda asked, log, *inherited: words.append(asked))
    return words


def cut_short(run: Run, *follows: str) -> Run:
    """The run as a kill leaves it that comes after it has finished and before these parts are computed."""
    (run.folder / "controls.json").unlink()
    (run.folder / "controls.npz").unlink()
    store.mark(run, store.FINISHED, since=1.8e9, follows=list(follows))
    return run


@pytest.fixture
def short(empty, trained_store) -> Run:
    source = next(trained_store.glob("rapp-ae-*"))
    shutil.copytree(source, empty / source.name)
    return cut_short(store.find(source.name), "controls", "map")


def aged(path: Path) -> Path:
    os.utime(path, (time.time() - leftovers.OLD - 1,) * 2)
    return path


def test_what_a_kill_prevented_is_computed_by_whatever_starts_next(short, started, trained_store, monkeypatch):
    mapped = []
    monkeypatch.setattr(projection, "store_map", mapped.append)
    assert short.awaited("controls").endswith("It comes when the app or another training starts next.")
    leftovers.look_after()
    assert started == [["rest"]]
    leftovers.complete()
    assert short.controls == Run(trained_store / short.id).controls and mapped == [short]
    assert short.state == store.FINISHED and short.mark["since"] == 1.8e9 and "follows" not in short.mark
    assert leftovers.unfinished() == []
    leftovers.look_after()
    assert started == [["rest"]]


@pytest.mark.parametrize("kept", [True, False])
def test_reasons_and_portrait_are_computed_later_as_they_would_have_been(short, trained_store, monkeypatch, kept):
    """Also where the run's state doesn't keep the scatter that the windows need."""
    if not kept:
        files.write_state(
            short.folder / "detector.safetensors",
            {k: v for k, v in files.read_state(short.folder / "detector.safetensors").items() if k != "statistics"},
        )
    for name in ("explanations", "portrait"):
        (short.folder / f"{name}.npz").unlink()
    listed = short.about["arrays"]
    files.write_json(short.folder / "run.json", short.about | {"arrays": {}})
    store.mark(short, store.FINISHED, follows=["reasons", "portrait"])
    assert short.lacks("reasons") and short.lacks("portrait") and not short.lacks("controls")
    leftovers.complete()
    assert not short.lacks("reasons") and {
        name: short.about["arrays"][name] for name in ("portrait", "explanations")
    } == {name: listed[name] for name in ("portrait", "explanations")}
    for name in ("explanations", "portrait"):
        expected = Run(trained_store / short.id).arrays(name)
        assert short.arrays(name).keys() == expected.keys()
        for key, each in expected.items():
            np.testing.assert_allclose(short.arrays(name)[key], each, rtol=1e-4, atol=1e-4, err_msg=f"{name}: {key}")


def test_nobody_else_computes_what_a_process_is_at(short, started, holder):
    holder(short.folder / locks.NAME)
    assert leftovers.unfinished() == []
    leftovers.look_after()
    worker.complete(short)
    assert started == [] and short.controls == {} and short.mark["follows"] == ["controls", "map"]


def test_where_the_images_are_gone_it_says_why_and_is_not_tried_again(short, monkeypatch, capsys):
    def absent(spec):
        raise MissingData("MNIST is not on this machine.")

    monkeypatch.setattr(scenarios, "build", absent)
    leftovers.complete()
    assert short.awaited("controls").startswith("The comparison with control lines failed: MNIST is not on this")
    assert leftovers.unfinished() == [] and short.state == store.FINISHED


def test_old_temporary_files_and_folders_that_never_began_are_cleared(empty, holder):
    run, live, queued = ended(), abandoned("4"), made("5")
    holder(live.folder / locks.NAME)
    (run.folder / "snapshots").mkdir()
    gone = [run.folder / ".test-x1.npz", run.folder / "snapshots" / ".train-x.npz"]
    kept = [run.folder / ".new.npz", live.folder / ".live-x.json"]
    for path in (*gone, *kept):
        path.touch()
    for path in (*gone, kept[1]):
        aged(path)
    for name in (".import-a", ".new-b", ".deleted-c", ".slots", "never-began"):
        (empty / name).mkdir()
        if name.startswith(leftovers.FOLDERS):
            (empty / name / "run.json").touch()
        aged(empty / name)
    (empty / ".import-now").mkdir()
    leftovers.clear()
    assert not [path for path in gone if path.exists()] and all(path.exists() for path in kept)
    assert {path.name for path in empty.iterdir()} == {".slots", ".import-now", run.id, live.id, queued.id}
    assert queued.state == store.QUEUED
