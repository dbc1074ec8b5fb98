"""A sweep's own process: how it is started and stopped.  That it trains is seen in test_work.py."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from core.errors import WrongRequest
from core.runs import files, locks
from core.sweeps import jobs, sweep
from tests.core.sweeps.small import kept, small


@pytest.fixture
def started(monkeypatch) -> Iterator[list[list[str]]]:
    """The words of the processes that would have been started; each keeps the lock that it inherits."""
    calls, inherited = [], []

    class Process:
        def __init__(self, words, **how):
            assert how["start_new_session"] and how["env"]["NOVELTY_CHECKPOINTS"]
            assert [words[words.index("--lock") + 1]] == [str(each) for each in how["pass_fds"]]
            inherited.extend(os.dup(each) for each in how["pass_fds"])
            calls.append([word for word in words[1:] if word not in ("--lock", str(how["pass_fds"][0]))])

        def wait(self):
            return 0

    monkeypatch.setattr(subprocess, "Popen", Process)
    yield calls
    for each in inherited:
        os.close(each)


def test_submit_starts_a_detached_process(empty, started):
    one = jobs.submit(small())
    assert one == sweep.find("small") and one.state == sweep.QUEUED and len(one.cells) == 2
    assert started == [["-m", "core", "sweep", "--go-on", "small", "--yes"]] and not locks.kept(one.folder)
    with pytest.raises(WrongRequest, match="is queued"):
        jobs.submit(small())


def test_resume_goes_on_with_an_ended_one(empty, started):
    one = kept(small())
    locks.let_go(one.folder)
    sweep.mark(one, sweep.CANCELLED)
    assert jobs.resume(one, jobs=3).state == sweep.QUEUED
    assert started[0][-2:] == ["--jobs", "3"]
    with pytest.raises(WrongRequest, match="is queued"):
        jobs.resume(one)


def test_a_process_that_dies_as_it_starts_leaves_no_queued_sweep(empty, monkeypatch):
    """Nobody has to wait to know it, and a slow start is no death."""
    asleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    real, children = subprocess.Popen, []

    def popen(words, **how):
        children.append(real(asleep, **how))
        return children[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    one = jobs.submit(small())
    files.write_json(one.folder / "state.json", one.mark | {"since": 1.0})  # queued long ago
    assert one.state == sweep.QUEUED
    os.kill(children[0].pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while one.state != sweep.INTERRUPTED and time.monotonic() < until:
        time.sleep(0.01)
    assert one.state == sweep.INTERRUPTED


def test_cancel_asks_a_live_one_to_stop(empty, monkeypatch):
    monkeypatch.setattr(jobs, "CANCEL_GRACE", 0.05)
    one = kept(small())
    jobs.cancel(one)
    assert one.cancelling
    sweep.mark(one, sweep.CANCELLED)
    with pytest.raises(WrongRequest, match="nothing to cancel"):
        jobs.cancel(one)
