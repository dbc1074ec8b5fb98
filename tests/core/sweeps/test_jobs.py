"""A sweep's own process: how it is started and stopped.  That it trains is seen in test_work.py."""

import subprocess

import pytest

from core.errors import WrongRequest
from core.sweeps import jobs, sweep
from tests.core.sweeps.small import kept, small


@pytest.fixture
def started(monkeypatch) -> list[list[str]]:
    """The words of the processes that would have been started."""
    calls = []

    class Process:
        def __init__(self, words, **how):
            assert how["start_new_session"] and how["env"]["NOVELTY_CHECKPOINTS"]
            calls.append(words[1:])

        def wait(self):
            return 0

    monkeypatch.setattr(subprocess, "Popen", Process)
    return calls


def test_submit_starts_a_detached_process(empty, started):
    one = jobs.submit(small())
    assert one == sweep.find("small") and one.state == sweep.QUEUED and len(one.cells) == 2
    assert started == [["-m", "core", "sweep", "--go-on", "small", "--yes"]]
    with pytest.raises(WrongRequest, match="is queued"):
        jobs.submit(small())


def test_resume_goes_on_with_an_ended_one(empty, started):
    one = kept(small())
    sweep.mark(one, sweep.CANCELLED)
    assert jobs.resume(one, jobs=3).state == sweep.QUEUED
    assert started[0][-2:] == ["--jobs", "3"]
    with pytest.raises(WrongRequest, match="is queued"):
        jobs.resume(one)


def test_cancel_asks_a_live_one_to_stop(empty, monkeypatch):
    monkeypatch.setattr(jobs, "CANCEL_GRACE", 0.05)
    one = kept(small())
    jobs.cancel(one)
    assert one.cancelling
    sweep.mark(one, sweep.CANCELLED)
    with pytest.raises(WrongRequest, match="nothing to cancel"):
        jobs.cancel(one)
