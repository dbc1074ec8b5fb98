"""Runs as processes: the queue, cancel, kill and resume, with real processes and tiny trainings."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from core.errors import WrongRequest
from core.runs import files, locks, store
from core.runs.process import detached, jobs, worker
from core.runs.spec import RunSpec, request

PROJECT = Path(__file__).resolve().parents[4]
# The command line as a run's process starts it, but with a checkpoint after every epoch.
OFTEN = f"""#!{sys.executable}
import sys
from core.__main__ import main
from core.runs.process import worker
worker.CHECKPOINT_SECONDS = -1
sys.exit(main(sys.argv[3:]))
"""


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch) -> Path:
    """An empty store with one slot, checkpoints after every epoch, and no process left behind."""
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path / "store"))
    monkeypatch.setenv("NOVELTY_MIRROR", "off")
    monkeypatch.setenv("NOVELTY_SLOTS", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    script = tmp_path / "python"
    script.write_text(OFTEN)
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr("core.runs.folders.shipped_root", lambda: tmp_path / "shipped")
    yield tmp_path / "store"
    for run in store.runs():  # those of a test that failed: their own lock says that the number is still theirs
        locks.let_go(run.folder)
        if store.held(run.folder / "lock") and "pid" in run.mark:
            os.kill(run.mark["pid"], signal.SIGKILL)
        else:  # a finished one computes its control lines, and ends by itself
            wait(lambda run=run: not store.held(run.folder / "lock"))


def spec(epochs: int, seed: int = 0) -> RunSpec:
    changes = {"epochs": epochs, "layers": 2, "batch_size": 32}
    return request("digits", "unimodal", "3", "rapp-ae", changes=changes, seed=seed, device="cpu")


def wait(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, [(run.id, run.state, run.log()) for run in store.runs()]
        time.sleep(0.02)


def slot() -> FileLock:
    (store.root() / ".slots").mkdir(parents=True, exist_ok=True)
    return FileLock(store.root() / ".slots" / "0.lock", is_singleton=False)


def test_one_slot_serves_the_oldest_first_and_a_queued_run_can_be_cancelled(empty):
    with slot():
        first, second, third = (jobs.submit(spec(2, seed)) for seed in range(3))
        wait(lambda: all("pid" in run.mark for run in (first, second, third)))
        assert [run.state for run in (first, second, third)] == [store.QUEUED] * 3
        assert jobs.waiting() == [first, second, third]
        assert store.activity() == (0, 3)
        assert len({run.mark["pid"] for run in (first, second, third)} | {os.getpid()}) == 4
        # While they wait they are small: no torch.
        maps = Path(f"/proc/{second.mark['pid']}/maps")
        assert "torch" not in maps.read_text()
        jobs.cancel(second)
        wait(lambda: second.state == store.CANCELLED, 5)
        assert jobs.waiting() == [first, third]
    wait(lambda: third.state == store.FINISHED)
    assert first.state == store.FINISHED and second.state == store.CANCELLED and second.progress() == []
    assert first.progress()[-1]["time"] < third.progress()[0]["time"]
    assert jobs.waiting() == [] and store.activity() == (0, 0)


def test_a_killed_run_is_interrupted_and_resumes_to_the_weights_of_an_undisturbed_one(empty):
    run = jobs.submit(spec(40))
    wait(lambda: len(run.progress()) >= 3)
    os.kill(run.mark["pid"], signal.SIGKILL)
    wait(lambda: run.state == store.INTERRUPTED, 5)
    reached = len(run.progress())
    assert 3 <= reached < 40 and (run.folder / "checkpoint.safetensors").exists()
    began = [line["time"] for line in run.progress()][: reached - 1]

    jobs.resume(run)
    assert run.state == store.QUEUED
    undisturbed = jobs.submit(spec(40))
    assert undisturbed.id == f"{run.id}-2"
    wait(lambda: undisturbed.state == store.FINISHED and run.state == store.FINISHED)
    assert [line["time"] for line in run.progress()][: reached - 1] == began  # those epochs were not trained again
    first, second = (files.read_state(each.folder / "detector.safetensors") for each in (run, undisturbed))
    assert first["networks"].keys() == second["networks"].keys()
    assert all(torch.equal(value, second["networks"][name]) for name, value in first["networks"].items())
    assert torch.equal(first["statistics"]["scatter"], second["statistics"]["scatter"])
    assert run.about["metrics"] == undisturbed.about["metrics"]


def test_cancel_stops_a_running_run_within_a_second_and_it_can_be_resumed_and_deleted(empty):
    run = jobs.submit(spec(5000))
    wait(lambda: run.progress())
    pid = run.mark["pid"]
    began = time.monotonic()
    jobs.cancel(run)
    wait(lambda: run.state == store.CANCELLED, 5)
    assert time.monotonic() - began < 3
    wait(lambda: not alive(pid), 10)
    reached = len(run.progress())
    with pytest.raises(WrongRequest, match="is cancelled, so there is nothing to cancel"):
        jobs.cancel(run)

    jobs.resume(run)
    with pytest.raises(WrongRequest, match="is queued; only an interrupted, cancelled or failed run can be resumed"):
        jobs.resume(run)
    wait(lambda: len(run.progress()) > reached)
    assert not (run.folder / "cancel").exists()
    with pytest.raises(WrongRequest, match="is running. Cancel it before you delete it."):
        store.delete(run)
    # A process that does not look at the cancel file is ended.
    os.kill(run.mark["pid"], signal.SIGSTOP)
    jobs.cancel(run)
    assert run.state == store.CANCELLED and not alive(run.mark.get("pid", pid))
    store.delete(run)
    assert store.runs() == []


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_number_that_another_process_has_by_now_is_left_alone(empty):
    """The run's process is gone and its number belongs to a stranger: the run is interrupted, and nothing is ended."""
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        run = store.create(spec(3))
        store.mark(run, store.RUNNING, pid=stranger.pid, host=os.uname().nodename)
        locks.let_go(run.folder)
        assert run.state == store.INTERRUPTED
        with pytest.raises(WrongRequest, match="is interrupted, so there is nothing to cancel"):
            jobs.cancel(run)
        # Even where it looks alive for a moment: the lock decides.
        elsewhere = store.create(spec(3))
        store.mark(elsewhere, store.RUNNING, pid=stranger.pid, host="elsewhere")
        (elsewhere.folder / "heartbeat").touch()
        jobs.cancel(elsewhere)
        assert (elsewhere.folder / "cancel").exists() and elsewhere.state == store.RUNNING
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("state", [store.FINISHED, store.QUEUED])
def test_what_can_t_be_resumed_says_why(empty, state):
    run = store.create(spec(3))
    store.mark(run, state)
    with pytest.raises(
        WrongRequest, match=f"{run.id} is {state}; only an interrupted, cancelled or failed run can be resumed."
    ):
        jobs.resume(run)


def test_a_shipped_run_is_never_resumed(empty, tmp_path):
    run = store.create(spec(3))
    store.mark(run, store.FAILED)
    locks.let_go(run.folder)
    (tmp_path / "shipped").mkdir()
    run.folder.rename(tmp_path / "shipped" / run.id)
    with pytest.raises(WrongRequest, match="is shipped; only"):
        jobs.resume(store.find(run.id))
    assert json.loads((tmp_path / "shipped" / run.id / "state.json").read_text())["state"] == store.FAILED


def test_a_run_whose_process_never_starts_is_interrupted_at_once(empty, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    run = jobs.submit(spec(3))
    wait(lambda: run.state == store.INTERRUPTED, 5)


def test_a_process_that_is_delayed_while_it_starts_is_queued_and_never_resumed_beside_it(empty, monkeypatch):
    """Its lock is held from before it exists, so nobody takes it for dead; a second one would train it twice."""
    monkeypatch.setattr(detached, "start", lambda words, log, *inherited: sleepers.append(sleeping(inherited)))
    sleepers: list[subprocess.Popen] = []
    run = jobs.submit(spec(3))
    try:
        assert run.state == store.QUEUED and "pid" not in run.mark and not locks.keep(run.folder)
        later = time.time() + 10_000
        monkeypatch.setattr(time, "time", lambda: later)
        assert run.state == store.QUEUED
        with pytest.raises(WrongRequest, match="is queued; only an interrupted"):
            jobs.resume(run)
        with pytest.raises(WrongRequest, match="is already being trained"):
            worker.execute(run)
        jobs.cancel(run)  # it finds the file when it gets so far
        assert (run.folder / "cancel").exists() and run.state == store.QUEUED
    finally:
        for each in sleepers:
            each.kill()
            each.wait()
    assert run.state == store.INTERRUPTED


def sleeping(inherited: tuple[int, ...]) -> subprocess.Popen:
    return subprocess.Popen(["sleep", "60"], pass_fds=inherited)


def test_a_finished_run_is_not_trained_again_by_a_process_that_comes_late(empty):
    run = store.create(spec(3))
    store.mark(run, store.FINISHED)
    with pytest.raises(WrongRequest, match="is finished already"):
        worker.execute(run)
    assert run.state == store.FINISHED and not run.progress()
