"""The run store: names, states that are true after any crash, and what each end state allows."""

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from core.errors import DamagedRun, NoveltyError, WrongRequest
from core.runs import files, store
from core.runs.spec import request
from core.runs.store import Run

NOBODY = 2**22 + 1  # a process number that Linux gives to nobody


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch) -> Path:
    """An empty store, and an empty folder of shipped runs."""
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setattr(store, "shipped_root", lambda: tmp_path / "store" / "shipped")
    return tmp_path / "store"


def made(target: str = "3", **options) -> Run:
    return store.create(request("digits", "unimodal", target, "rapp-ae", **options))


def ended(state: str = store.FINISHED, **options) -> Run:
    run = made(**options)
    store.mark(run, state)
    return run


HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1], is_singleton=False):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder():
    """Another process that holds a lock file until the test ends; returns a function that starts one."""
    started = []

    def start(path: Path) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield start
    for process in started:
        process.communicate(timeout=10)


# --- names ------------------------------------------------------------------------------------------------------------


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


def test_names_and_titles():
    run = made("3", seed=2)
    assert run.name == run.spec.title == "digits · 3 · RaPP, autoencoder · seed 2"
    store.rename(run, "  My run ")
    assert run.name == "My run"
    for wrong in ("", "   ", "x" * 81):
        with pytest.raises(WrongRequest, match="1 to 80 characters"):
            store.rename(run, wrong)


# --- states -----------------------------------------------------------------------------------------------------------


def test_a_new_run_is_queued_and_alive_until_its_process_should_have_started(monkeypatch):
    run = made()
    assert (run.state, run.alive) == (store.QUEUED, True)
    later = time.time() + store.START_GRACE + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert (run.state, run.alive) == (store.INTERRUPTED, False)


@pytest.mark.parametrize("state", [store.QUEUED, store.RUNNING])
def test_a_run_lives_exactly_while_its_lock_is_held(state, holder):
    run = made()
    store.mark(run, state, pid=os.getpid(), host=os.uname().nodename)  # the number of a live process means nothing
    assert run.state == store.INTERRUPTED
    process = holder(run.folder / "lock")
    assert run.state == state
    process.kill()
    process.wait(10)
    assert run.state == store.INTERRUPTED
    assert json.loads((run.folder / "state.json").read_text())["state"] == state  # derived, never written


def test_a_run_on_another_host_lives_while_its_heartbeat_is_young():
    run = made()
    store.mark(run, store.RUNNING, pid=NOBODY, host="elsewhere")
    assert run.state == store.INTERRUPTED
    (run.folder / "heartbeat").touch()
    assert run.state == store.RUNNING
    old = time.time() - store.HEARTBEAT - 1
    os.utime(run.folder / "heartbeat", (old, old))
    assert run.state == store.INTERRUPTED


def test_readers_that_probe_a_lock_at_once_do_not_take_each_other_for_its_holder():
    run = made()
    store.mark(run, store.RUNNING, host=os.uname().nodename)
    (run.folder / "lock").touch()
    seen, stop = [], time.monotonic() + 1.5

    def probe() -> None:
        while time.monotonic() < stop:
            seen.append(store.held(run.folder / "lock"))

    threads = [threading.Thread(target=probe) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) > 100
    assert sum(seen) <= len(seen) / 100


def test_a_probe_does_not_keep_the_owner_from_its_lock():
    run = made()
    (run.folder / "lock").touch()
    for _ in range(50):
        assert not store.held(run.folder / "lock")
        with FileLock(run.folder / "lock", timeout=1, is_singleton=False):
            assert store.held(run.folder / "lock")


def test_activity_counts_own_live_runs(holder):
    made("1")
    running = made("2")
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


# --- lists ------------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "3",
        '{"state": 4}',
        '{"state": "asleep"}',
        '{"state": "queued"}',
        '{"state": "queued", "since": "x"}',
        '{"state": "queued", "since": 0}',
    ],
)
def test_a_broken_state_is_one_sentence_or_a_state(empty, content):
    run = made()
    (run.folder / "state.json").write_text(content)
    try:
        assert store.find(run.id).state in (*store.LIVE, *store.ENDED)
        assert content == '{"state": "queued", "since": 0}'
    except NoveltyError as error:
        assert run.id in str(error) and store.damaged() == [run.id] and store.runs() == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": 3}'])
def test_a_broken_name_falls_back_to_words(content):
    run = made()
    (run.folder / "name.json").write_text(content)
    assert run.name in (run.spec.title, "3")


@pytest.mark.parametrize("content", ["", "[]", "3", "nonsense"])
def test_broken_controls_are_one_sentence(content):
    run = ended()
    (run.folder / "controls.json").write_text(content)
    with pytest.raises(DamagedRun, match="controls.json"):
        _ = run.controls


# --- results ----------------------------------------------------------------------------------------------------------


def test_progress_skips_torn_lines_and_the_last_word_counts():
    run = made()
    lines = [
        '{"number": 0, "epoch": 1, "curves": {"loss": 3}}',
        '{"number": 0, "epoch": 2, "curves": {"loss": 2}}',
        '{"number": 0, "epo',
        '{"number": 0, "epoch": 2, "curves": {"loss": 1}}',
        '{"number": 1, "epoch": 1, "curves": {}}',
        "[1, 2]",
        "7",
        '{"number": [], "epoch": 1}',
        '{"number": "x", "epoch": 1}',
        '{"number": 1, "epoch": 2, "cur',
    ]
    (run.folder / "progress.jsonl").write_bytes("\n".join(lines).encode() + b"\xff")
    assert [(line["number"], line["epoch"], line["curves"].get("loss")) for line in run.progress()] == [
        (0, 1, 3),
        (0, 2, 1),
        (1, 1, None),
    ]
    assert made().progress() == []


def test_live_news_are_empty_where_there_are_none_or_broken_ones():
    run = made()
    assert run.live() == {}
    (run.folder / "live.json").write_text('{"share": 0.5')
    assert run.live() == {}
    (run.folder / "live.json").write_text('{"share": 0.5}')
    os.utime(run.folder / "live.json", ns=(1, 1))
    assert run.live() == {"share": 0.5}


def test_percentiles_come_from_validation_images_whose_labels_nobody_knows():
    run = made()
    files.write_arrays(run.folder / "scores.npz", {"valid/nap": np.array([1.0, 9, 2, 8]), "test/nap": np.array([5.0])})
    files.write_arrays(
        run.folder / "test.npz",
        {"valid_novel": np.array([0, 1, 0, 1]), "novel": np.array([1]), "images": np.zeros((1, 1, 8, 8), np.uint8)},
    )
    assert (
        run.held_out_scores().tolist() == [1, 9, 2, 8]
        and run.training_scores() is None
        and run.scores().tolist() == [5]
    )
    assert run.shape == (1, 8, 8) and run.novel.tolist() == [1]
    assert run.has("test") and not run.has("portrait")


def test_a_run_without_results_says_so():
    run = made()
    for ask in (lambda: run.metrics(), lambda: run.threshold(), lambda: run.metrics("magic")):
        with pytest.raises(DamagedRun, match=run.id):
            ask()


def test_snapshots_come_in_order_without_leftovers():
    run = made()
    (run.folder / "snapshots").mkdir()
    for name in ("train-00010.npz", "train-00002.npz", ".train-00003-x1.npz", "train-notes.npz", "other-00004.npz"):
        (run.folder / "snapshots" / name).touch()
    assert run.snapshots() == {2: "snapshots/train-00002", 10: "snapshots/train-00010"} == run.snapshots("train")
    assert run.snapshots("other") == {4: "snapshots/other-00004"}


def test_snapshots_of_older_runs_are_those_of_the_one_stage_that_was_followed():
    run = made()
    (run.folder / "snapshots").mkdir()
    (run.folder / "snapshots" / "00007.npz").touch()
    assert run.snapshots() == {7: "snapshots/00007"}


def test_the_log_is_read_from_its_end():
    run = made()
    assert run.log() == ""
    (run.folder / "log.txt").write_bytes(b"\xff" + b"a" * 50 + b"end")
    assert run.log(5) == "aaend" and len(run.log()) == 54


def test_the_version_changes_with_what_is_written():
    run = made()
    before = run.version
    time.sleep(0.01)
    store.rename(run, "New")
    assert run.version > before


# --- delete -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [*store.ENDED])
def test_delete_works_from_any_end_state(state, empty):
    run = made()
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
    run = made()
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
