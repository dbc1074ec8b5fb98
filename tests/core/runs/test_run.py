"""A run on disk: names, states that are true after any crash, what is read of it."""

import json
import os
import threading
import time

import numpy as np
import pytest
from filelock import FileLock

from core.errors import DamagedRun, NoveltyError, WrongRequest
from core.runs import files, locks, store
from core.runs import run as run_file
from tests.core.runs.making import NOBODY, abandoned, ended, made

pytestmark = pytest.mark.usefixtures("empty")


def test_names_and_titles():
    run = made("3", seed=2)
    assert run.name == run.spec.title == "digits · 3 · RaPP, autoencoder · seed 2"
    store.rename(run, "  My run ")
    assert run.name == "My run"
    for wrong in ("", "   ", "x" * 81):
        with pytest.raises(WrongRequest, match="1 to 80 characters"):
            store.rename(run, wrong)


def test_a_new_run_is_alive_from_its_first_moment_and_no_longer_than_its_process(monkeypatch):
    run = made()
    assert (run.state, run.alive) == (store.QUEUED, True)
    later = time.time() + 10_000  # however long that process takes to start
    monkeypatch.setattr(time, "time", lambda: later)
    assert (run.state, run.alive) == (store.QUEUED, True)
    locks.let_go(run.folder)
    assert (run.state, run.alive) == (store.INTERRUPTED, False)


@pytest.mark.parametrize("state", [store.QUEUED, store.RUNNING])
def test_a_run_lives_exactly_while_its_lock_is_held(state, holder):
    run = abandoned()
    store.mark(run, state, pid=os.getpid(), host=os.uname().nodename)  # the number of a live process means nothing
    assert run.state == store.INTERRUPTED
    process = holder(run.folder / "lock")
    assert run.state == state
    process.kill()
    process.wait(10)
    assert run.state == store.INTERRUPTED
    assert json.loads((run.folder / "state.json").read_text())["state"] == state  # derived, never written


def test_a_run_on_another_host_lives_while_its_heartbeat_is_young():
    run = abandoned()
    store.mark(run, store.RUNNING, pid=NOBODY, host="elsewhere")
    (run.folder / "heartbeat").unlink()
    assert run.state == store.INTERRUPTED
    (run.folder / "heartbeat").touch()
    assert run.state == store.RUNNING
    old = time.time() - run_file.HEARTBEAT - 1
    os.utime(run.folder / "heartbeat", (old, old))
    assert run.state == store.INTERRUPTED


def test_readers_that_probe_a_lock_at_once_do_not_take_each_other_for_its_holder():
    run = abandoned()
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
    run = abandoned()
    (run.folder / "lock").touch()
    for _ in range(50):
        assert not store.held(run.folder / "lock")
        with FileLock(run.folder / "lock", timeout=1, is_singleton=False):
            assert store.held(run.folder / "lock")


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


def epoch(number: int, at: int, **curves: float) -> str:
    line = {"stage": "train", "number": number, "epoch": at, "curves": curves, "seconds": 1.5, "rate": 10}
    return json.dumps(line)


def test_progress_skips_torn_lines_and_the_last_word_counts():
    run = made()
    lines = [
        epoch(0, 1, loss=3),
        epoch(0, 2, loss=2),
        '{"number": 0, "epo',
        epoch(0, 2, loss=1),
        epoch(1, 1),
        '{"number": 1, "epoch": 2, "cur',
    ]
    (run.folder / "progress.jsonl").write_bytes("\n".join(lines).encode() + b"\xff")
    assert [(line["number"], line["epoch"], line["curves"].get("loss")) for line in run.progress()] == [
        (0, 1, 3),
        (0, 2, 1),
        (1, 1, None),
    ]
    assert made().progress() == []


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("[1, 2]", "its content is not a group of entries"),
        ("7", "its content is not a group of entries"),
        (epoch(0, 1).replace('"number": 0', '"number": "x"'), "number is not a whole number of at least 0"),
        (epoch(0, 1).replace("1.5", "null"), "seconds is not a number of at least 0"),
        (epoch(0, 1, loss=1).replace("1}", '"low"}'), "curves.loss is not a number"),
    ],
)
def test_a_whole_line_of_progress_that_says_something_else_is_damage(line, entry):
    run = made()
    (run.folder / "progress.jsonl").write_text(f"{line}\n")
    with pytest.raises(DamagedRun, match=f"^progress.jsonl of the run {run.id} is damaged: {entry}. Delete the run"):
        run.progress()


def test_live_news_are_empty_where_there_are_none_or_broken_ones():
    run = made()
    assert run.live() == {}
    news = {"stage": "train", "epoch": 1, "epochs": 2, "share": 0.5, "rate": 10.0, "eta": None}
    for number, broken in enumerate(['{"share": 0.5', '{"share": 0.5}', json.dumps(news | {"share": 7})]):
        (run.folder / "live.json").write_text(broken)
        os.utime(run.folder / "live.json", ns=(number, number))
        assert run.live() == {}
    (run.folder / "live.json").write_text(json.dumps(news))
    assert run.live() == news


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


def test_the_range_of_values_is_read_and_checked():
    run = made()
    assert run.value_range is None
    content = json.loads((run.folder / "run.json").read_text())
    files.write_json(run.folder / "run.json", content | {"value_range": [0, 4095.5]})
    assert run.value_range == (0.0, 4095.5)
    for wrong in (3, [1], [2, 1], ["a", "b"], [0, float("inf")]):
        files.write_json(run.folder / "run.json", content | {"value_range": wrong})
        with pytest.raises(DamagedRun, match="value_range.* two numbers"):
            run.value_range  # noqa: B018
