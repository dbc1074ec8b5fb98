"""The process that waits for a run, a real one, and what the server does where there is none."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from core.runs import files, locks, store
from core.runs.process import detached, jobs, machine, warm
from core.runs.spec import RunSpec, request
from core.runs.store import Run


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("warm")


@pytest.fixture(scope="module")
def waiting(folder) -> Iterator[warm.Waiting]:
    """One that has loaded, for all tests that leave it alive."""
    with pytest.MonkeyPatch.context() as patch:
        surroundings(patch, folder)
        found = warm.Waiting()
        loaded(found)
        yield found
        found.close()


@pytest.fixture(autouse=True)
def same_place(monkeypatch, folder) -> None:
    surroundings(monkeypatch, folder)


def surroundings(patch: pytest.MonkeyPatch, folder: Path) -> None:
    for name, value in {"NOVELTY_CHECKPOINTS": str(folder), "NOVELTY_WARM": "", "OMP_NUM_THREADS": "1"}.items():
        patch.setenv(name, value)
    environment = warm.detached.environment
    # pytest changes one entry between the phases of a test
    patch.setattr(
        warm.detached,
        "environment",
        lambda: {k: v for k, v in environment().items() if k != "PYTEST_CURRENT_TEST"},
    )


def loaded(each: warm.Waiting) -> None:
    each.prepare()
    wait(each._loaded)


def wait(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def spec(epochs: int, seed: int = 0) -> RunSpec:
    changes = {"epochs": epochs, "layers": 2, "batch_size": 32}
    return request("digits", "unimodal", "3", "rapp-ae", changes=changes, seed=seed, device="cpu")


def given(waiting: warm.Waiting, run: Run) -> bool:
    loaded(waiting)
    with (run.folder / "log.txt").open("ab") as log, locks.handed_over(run.folder) as lock:
        return waiting.train(run, lock, log.fileno())


def weights(run: Run) -> dict[str, torch.Tensor]:
    return files.read_state(run.folder / "detector.safetensors")["networks"]


def test_its_child_trains_as_a_fresh_process_does(waiting):
    run, again, fresh = (store.create(spec(3)) for _ in range(3))
    assert given(waiting, run)
    assert run.alive  # the lock is the child's now
    wait(lambda: run.state == store.FINISHED)
    assert given(waiting, again)
    with (fresh.folder / "log.txt").open("ab") as log, locks.handed_over(fresh.folder) as lock:
        detached.start(["job", fresh.id, "--lock", str(lock)], log, lock)
    for each in (again, fresh):
        wait(lambda each=each: each.state == store.FINISHED and not each.alive)
    expected = weights(fresh)
    for each in (run, again):
        assert all(torch.equal(value, expected[name]) for name, value in weights(each).items())
        assert each.about["metrics"] == fresh.about["metrics"] and each.controls == fresh.controls
        assert each.about["environment"] == fresh.about["environment"]
    assert waiting.process.poll() is None


def test_a_child_is_cancelled_and_killed_alone_in_a_session_of_its_own_and_resumes_to_the_bit(waiting):
    run = store.create(spec(60))
    assert given(waiting, run)
    wait(lambda: len(run.progress()) >= 2)
    pid = run.mark["pid"]
    assert os.getsid(pid) == pid != waiting.process.pid
    os.kill(pid, signal.SIGSTOP)  # it doesn't see the cancel file
    os.kill(pid, signal.SIGKILL)
    wait(lambda: not run.alive, 5)
    assert run.state == store.INTERRUPTED and not Path(f"/proc/{pid}").exists()
    jobs.ready(run)
    assert given(waiting, run)
    other = store.create(spec(60))
    assert given(waiting, other)
    for each in (run, other):
        wait(lambda each=each: each.state == store.FINISHED and not each.alive)
    assert all(torch.equal(value, weights(other)[name]) for name, value in weights(run).items())
    endless = store.create(spec(5000))
    assert given(waiting, endless)
    wait(endless.progress)
    jobs.cancel(endless)
    wait(lambda: endless.state == store.CANCELLED and not endless.alive, 10)
    assert waiting.process.poll() is None


def test_it_computes_nothing_and_has_no_thread_but_those_of_a_library_that_survives_a_fork(waiting):
    status = Path(f"/proc/{waiting.process.pid}/status").read_text()
    pools = Path(f"/proc/{waiting.process.pid}/task")
    assert "torch" in Path(f"/proc/{waiting.process.pid}/maps").read_text()
    # OpenBLAS of numpy and of scipy make theirs when they are loaded, and end them before a fork
    assert len([*pools.iterdir()]) <= 1 + 2 * (machine.cores() - 1), status


def test_a_submitted_run_goes_to_it_and_else_to_a_process_of_its_own(waiting, monkeypatch):
    started = []
    monkeypatch.setattr(detached, "start", lambda words, *rest: started.append(words))
    monkeypatch.setattr(warm, "shared", waiting)
    jobs.prepare()
    wait(waiting._loaded)
    run = jobs.submit(spec(2))
    wait(lambda: run.state == store.FINISHED and not run.alive)
    assert [words for words in started if words[0] == "job"] == []
    monkeypatch.setattr(warm, "shared", warm.Waiting())
    run = jobs.submit(spec(2))
    assert ["job", run.id] in [words[:2] for words in started]


def test_a_run_that_no_child_takes_stays_the_server_s(waiting, monkeypatch):
    """One that says that it is there too late gives the run up."""
    loaded(waiting)
    found, process = waiting, waiting.process
    process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(warm, "PATIENCE", 0.2)
    run = store.create(spec(2))
    with (run.folder / "log.txt").open("ab") as log, locks.handed_over(run.folder) as lock:
        assert not found.train(run, lock, log.fileno())
        assert run.alive and found.process is None and process.returncode == -signal.SIGKILL
        assert not found.train(run, lock, log.fileno())
    wait(lambda: not run.alive, 5)
    assert run.mark["state"] == store.QUEUED


class Starts:
    """In place of a process: what would have been started."""

    def __init__(self, words, **options):
        self.words, self.returncode = words, None
        self.options, self.killed = options, False
        made.append(self)

    def poll(self):
        return self.returncode

    def kill(self):
        self.killed = True

    def wait(self):
        pass


made: list[Starts] = []


@pytest.fixture
def starts(monkeypatch) -> list[Starts]:
    made.clear()
    monkeypatch.setattr(subprocess, "Popen", Starts)
    return made


def test_one_waits_and_a_new_one_where_it_ended_or_the_environment_is_another(starts, monkeypatch):
    found = warm.Waiting()
    found.prepare()
    found.prepare()
    (one,) = starts
    assert one.words[:4] == [sys.executable, "-m", "core", "warm"] and one.options["start_new_session"]
    one.returncode = 1
    found.prepare()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found.prepare()
    assert len(starts) == 3 and starts[1].killed and starts[2].options["env"]["OMP_NUM_THREADS"] == "3"
    found.close()
    assert starts[2].killed


def test_none_waits_where_memory_is_short_or_nobody_wants_one(starts, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(machine, "memory_left", lambda: warm.LEAST_MEMORY - 1.0)
        warm.Waiting().prepare()
    monkeypatch.setenv("NOVELTY_WARM", "off")
    warm.Waiting().prepare()
    assert starts == []


@pytest.mark.parametrize("why", ["the server ended", "nobody came", "memory is short"])
def test_it_ends(monkeypatch, why):
    monkeypatch.setattr(warm, "NEEDED", ())
    monkeypatch.setattr(warm.methods, "METHODS", {})
    monkeypatch.setattr(warm.gc, "freeze", lambda: None)
    before = signal.getsignal(signal.SIGCHLD)
    server, other = socket.socketpair()
    if why == "the server ended":
        server.close()
    elif why == "nobody came":
        monkeypatch.setattr(warm, "IDLE_SECONDS", 0.05)
        monkeypatch.setattr(warm, "LOOK_SECONDS", 0.01)
    else:
        monkeypatch.setattr(machine, "memory_left", lambda: 0.0)
    began = time.monotonic()
    try:
        warm.wait(other.detach())
    finally:
        signal.signal(signal.SIGCHLD, before)
        with contextlib.suppress(OSError):
            server.close()
    assert time.monotonic() - began < 5
