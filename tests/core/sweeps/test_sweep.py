"""The folders of sweeps: what they say, what state they are in, which are listed."""

import os
import socket
import time

import pytest
from filelock import FileLock

from core.errors import DamagedRun, WrongRequest
from core.runs import files, locks, store
from core.sweeps import cells, rows, sweep
from core.sweeps.sweep import Sweep
from tests.core.sweeps.small import kept, small


def test_a_sweep_keeps_grid_and_cells(empty):
    asked = small()
    one = kept(asked)
    assert one == sweep.find("small") and one.folder == empty / ".sweeps" / "small"
    assert one.grid == asked and list(one.cells) == cells.expand(asked)
    assert time.time() - one.created < 60 and not one.shipped and one.sentence == ""
    assert store.runs() == [] and store.damaged() == []  # it is no run


def test_a_changed_grid_takes_the_place_of_the_old_one(empty):
    one = kept(small())
    sweep.mark(one, sweep.FINISHED)
    created = one.created
    again = kept(small(seeds=[0, 1, 2]))
    assert again == one and len(again.cells) == 3 and again.created == created


def test_state_follows_the_lock(empty):
    one = kept(small())
    assert one.state == sweep.QUEUED and locks.kept(one.folder)  # by this process, which is about to train it
    locks.let_go(one.folder)
    assert one.state == sweep.INTERRUPTED
    sweep.mark(one, sweep.RUNNING, pid=1, host=socket.gethostname())
    assert one.state == sweep.INTERRUPTED
    with locks.taken(one.folder):
        assert one.state == sweep.RUNNING
        with pytest.raises(WrongRequest, match="is running"):
            kept(small())
        with pytest.raises(WrongRequest, match="is running. Cancel it"):
            sweep.delete(one)
    sweep.mark(one, sweep.FAILED, sentence="Two runs failed.")
    assert (one.state, one.sentence) == (sweep.FAILED, "Two runs failed.")


def test_one_that_another_process_holds_is_not_queued_again(empty, monkeypatch):
    monkeypatch.setattr(sweep, "PATIENCE", 0.05)
    one = kept(small())
    sweep.mark(one, sweep.FINISHED)
    locks.let_go(one.folder)
    with FileLock(one.folder / "lock", is_singleton=False), pytest.raises(WrongRequest, match="by another process"):
        sweep.ready(one)
    sweep.ready(one)
    assert one.state == sweep.QUEUED


def test_on_another_host_it_lives_by_its_heartbeat(empty):
    one = kept(small())
    sweep.mark(one, sweep.RUNNING, host="elsewhere")
    (one.folder / "heartbeat").unlink()
    assert one.state == sweep.INTERRUPTED
    (one.folder / "heartbeat").touch()
    assert one.state == sweep.RUNNING
    os.utime(one.folder / "heartbeat", (1, 1))
    assert one.state == sweep.INTERRUPTED


def test_ready_forgets_that_it_was_cancelled(empty):
    one = kept(small())
    sweep.mark(one, sweep.CANCELLED)
    (one.folder / "cancel").touch()
    sweep.ready(one)
    assert one.state == sweep.QUEUED and not one.cancelling
    with pytest.raises(WrongRequest, match="is queued"):
        sweep.ready(one)


def test_the_list_holds_what_can_be_read_and_the_shipped_ones(empty, tmp_path):
    old, new = kept(small("old")), kept(small("new"))
    files.write_json(old.folder / "sweep.json", old.about | {"created": 5.0})
    broken = kept(small("broken"))
    (broken.folder / "sweep.json").write_text("{")
    shipped = tmp_path / "shipped" / ".sweeps" / "taught"
    shipped.mkdir(parents=True)
    files.write_json(shipped / "sweep.json", new.about)
    assert [each.name for each in sweep.sweeps()] == ["new", "old", "taught"]
    found = sweep.find("taught")
    assert found.shipped and found.state == sweep.FINISHED
    with pytest.raises(WrongRequest, match="read-only"):
        sweep.delete(found)
    with pytest.raises(WrongRequest, match="is shipped"):
        sweep.ready(found)
    with pytest.raises(DamagedRun):
        sweep.find("broken")
    with pytest.raises(WrongRequest, match="no sweep '../old'"):
        sweep.find("../old")


def test_delete_leaves_the_runs_unless_asked(empty):
    one = kept(small())
    mine, other = store.create(one.cells[0].spec, sweep="small"), store.create(one.cells[1].spec)
    for run in (mine, other):
        store.mark(run, store.FINISHED)
    sweep.mark(one, sweep.FINISHED)
    sweep.delete(one)
    assert sweep.sweeps() == [] and len(store.runs()) == 2
    again = kept(small())
    sweep.mark(again, sweep.FINISHED)
    sweep.delete(again, with_runs=True)
    assert store.runs() == [other]


def test_a_store_that_cannot_be_written_is_said(empty, monkeypatch):
    empty.mkdir()
    (empty / ".sweeps").write_text("a file where the folder should be")
    with pytest.raises(WrongRequest, match="Set NOVELTY_CHECKPOINTS"):
        kept(small())


def test_the_version_changes_with_the_state(empty):
    one = kept(small())
    before = one.version
    time.sleep(0.01)
    sweep.mark(one, sweep.FINISHED)
    assert one.version > before
    assert Sweep(one.folder).log() == "" and rows.rows(one)[0].state == rows.WAITING
