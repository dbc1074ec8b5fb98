"""The run store: names, states that are true after any crash, and what each end state allows."""

import os
import threading
from dataclasses import replace

import pytest

from core.errors import DamagedRun, NoveltyError, WrongRequest
from core.runs import files, locks, store
from core.runs.spec import request
from tests.core.runs.making import abandoned, ended, made

pytestmark = pytest.mark.usefixtures("empty")


def test_a_run_is_named_after_what_it_does_and_repeats_are_numbered(empty):
    names = [made().id for _ in range(3)]
    assert names[0].startswith("rapp-ae-digits-unimodal-3-s0-") and len(names[0].rsplit("-", 1)[1]) == 6
    assert names[1:] == [f"{names[0]}-2", f"{names[0]}-3"]
    assert made(device="cpu").id == f"{names[0]}-4"  # the device is no part of what it does
    assert made(seed=1).id.startswith("rapp-ae-digits-unimodal-3-s1-")


def test_runs_that_start_at_once_take_different_names(empty):
    spec, taken = request("digits", "unimodal", "3", "rapp-ae"), []
    threads = [threading.Thread(target=lambda: taken.append(store.create(spec).id)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken)) == 12


def test_a_store_that_can_t_be_written_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "file" / "store"))
    with pytest.raises(WrongRequest, match="can't be written .* Set NOVELTY_CHECKPOINTS to another."):
        made()


def test_a_run_that_cannot_begin_leaves_no_folder(empty, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_json", full)
    with pytest.raises(WrongRequest, match=r"can't be written \(No space left on device\). Free some space."):
        made()
    assert list(empty.iterdir()) == []


def test_an_id_names_one_run_also_among_those_that_ship(empty):
    shipped = ended()
    (empty / "shipped").mkdir()
    shipped.folder.rename(empty / "shipped" / shipped.id)
    assert [made().id, made().id] == [f"{shipped.id}-2", f"{shipped.id}-3"]


def test_whoever_lists_runs_skips_one_that_is_deleted_meanwhile():
    first, second, third = made("1"), made("2"), made("4")

    def ask(run):
        if run == second:
            locks.let_go(second.folder)
            store.mark(second, store.CANCELLED)
            store.delete(second)
        return run.state

    assert store.answers(ask) == {third: store.QUEUED, first: store.QUEUED}
    assert store.those(lambda run: run.state == store.QUEUED) == [third, first]


def test_a_run_that_a_reader_stumbled_over_is_damaged_until_its_folder_changes(empty):
    good, bad = made("1"), made("2")
    error = DamagedRun("portrait.npz is damaged.", bad.folder)
    assert store.leave_out(error) and not store.leave_out(error)
    assert store.runs() == [good] and store.damaged() == [bad.id] and store.damage(bad) == str(error)
    with pytest.raises(DamagedRun, match="portrait.npz is damaged"):
        store.find(bad.id)
    (bad.folder / "portrait.npz").touch()
    assert store.damaged() == [] and store.find(bad.id) == bad
    assert not store.leave_out(DamagedRun("It is gone."))


def test_find_by_id_or_by_an_unambiguous_beginning():
    first, second = made("3"), made("4")
    assert store.find(first.id) == first and store.find("rapp-ae-digits-unimodal-4") == second
    with pytest.raises(WrongRequest, match="are 2 runs that begin with rapp"):
        store.find("rapp")
    with pytest.raises(WrongRequest, match="is no run nothing"):
        store.find("nothing")
    for name in ("../store", "", ".slots", "/etc", "a/b"):
        with pytest.raises(WrongRequest, match="is not a run id"):
            store.find(name)


def test_activity_counts_own_live_runs(holder):
    made("1")
    running = abandoned("2")
    store.mark(running, store.RUNNING, host=os.uname().nodename)
    holder(running.folder / "lock")
    ended(store.FINISHED)
    assert store.activity() == (1, 1)


def test_marking_keeps_when_a_run_was_submitted():
    run = made()
    submitted = run.mark["submitted"]
    store.mark(run, store.FAILED, sentence="Because.")
    assert run.mark["submitted"] == submitted and run.sentence == "Because." and run.state == store.FAILED
    store.mark(run, store.QUEUED)
    assert run.sentence == "" and run.mark["submitted"] == submitted


def test_runs_are_listed_newest_first_and_shipped_ones_last(empty):
    first, second = made("1"), made("2")
    shipped = made("3")
    (empty / "shipped").mkdir()
    shipped.folder.rename(empty / "shipped" / shipped.id)
    (empty / ".tasks").mkdir()
    (empty / "notes.txt").write_text("not a run")
    assert [run.id for run in store.runs()] == [second.id, first.id, shipped.id]
    assert [run.shipped for run in store.runs()] == [False, False, True]
    assert store.damaged() == []


def test_the_same_request_is_found_only_while_it_is_of_use():
    spec = request("digits", "unimodal", "3", "rapp-ae")
    for state, found in ((store.FINISHED, True), (store.FAILED, False), (store.CANCELLED, False)):
        run = ended(state)
        assert (store.same(spec) == run) is found
        store.delete(run)
    queued = made()
    assert store.same(request("digits", "unimodal", "3", "rapp-ae", device="cpu")) == queued
    assert store.same(request("digits", "unimodal", "3", "rapp-ae", seed=1)) is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"format": 2}',
        '{"format": 1, "spec": {}}',
        '{"format": 1, "spec": {"method": "x"}}',
        "\x00\xff",
    ],
)
def test_a_broken_folder_takes_none_of_the_others_from_the_list(empty, content):
    good, bad = made("1"), made("2")
    (bad.folder / "run.json").write_text(content)
    assert [run.id for run in store.runs()] == [good.id]
    assert store.damaged() == [bad.id]
    with pytest.raises(NoveltyError):
        _ = store.find(bad.id).spec


@pytest.mark.parametrize("state", [*store.ENDED])
def test_delete_works_from_any_end_state(state, empty):
    run = abandoned()
    store.mark(run, store.RUNNING if state == store.INTERRUPTED else state)
    assert run.state == state
    store.delete(run)
    assert store.runs() == [] and not list(empty.glob("*")) and not list(empty.glob(".deleted-*"))


def test_a_run_that_another_window_deleted_is_no_mistake(empty):
    run = ended()
    store.delete(run)
    store.delete(run)
    assert store.runs() == [] and not list(empty.glob("*"))


def test_a_damaged_run_is_deleted_unless_its_process_lives(empty, holder):
    run = abandoned()
    (run.folder / "state.json").write_text("[]")
    process = holder(run.folder / "lock")
    with pytest.raises(WrongRequest, match="Cancel it before you delete it."):
        store.delete(run)
    process.kill()
    process.wait(10)
    store.delete(run)
    assert not run.folder.exists()


def test_a_live_run_is_not_deleted(holder):
    run = made()
    with pytest.raises(WrongRequest, match="is queued. Cancel it before you delete it."):
        store.delete(run)
    locks.let_go(run.folder)
    store.mark(run, store.RUNNING, host=os.uname().nodename)
    holder(run.folder / "lock")
    with pytest.raises(WrongRequest, match="is running. Cancel it"):
        store.delete(run)
    assert run.folder.exists()


def test_a_shipped_run_is_read_only(empty):
    run = ended()
    (empty / "shipped").mkdir()
    run.folder.rename(empty / "shipped" / run.id)
    shipped = store.find(run.id)
    assert shipped.shipped
    before = {path: path.stat().st_mtime_ns for path in shipped.folder.rglob("*")}
    for act in (lambda: store.rename(shipped, "Mine"), lambda: store.delete(shipped)):
        with pytest.raises(WrongRequest, match="is a shipped run and read-only"):
            act()
    assert {path: path.stat().st_mtime_ns for path in shipped.folder.rglob("*")} == before


def test_another_seed_is_the_next_that_nobody_has():
    spec = made().spec
    assert store.another_seed(spec) == 1
    store.create(replace(spec, seed=1))
    assert store.another_seed(spec) == 2
