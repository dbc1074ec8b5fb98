"""Slots: how many trainings at once, and who is next."""

import time
from dataclasses import replace

import pytest
from filelock import FileLock, Timeout

from core.errors import Cancelled
from core.runs import store
from core.runs.process import slots
from core.runs.spec import request


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", str(tmp_path))


def test_slots_on_the_cpu_are_a_setting(monkeypatch):
    assert len(slots.slots()) >= 1
    monkeypatch.setenv("NOVELTY_SLOTS", "3")
    assert len({path.name for path in slots.slots()}) == 3
    assert all(path.parent == store.root() / ".slots" for path in slots.slots())


def test_a_slot_is_held_while_the_run_trains_and_is_free_again(monkeypatch):
    monkeypatch.setenv("NOVELTY_SLOTS", "1")
    run = store.create(request("digits", "unimodal", "3", "rapp-ae"))
    other = FileLock(slots.slots()[0], is_singleton=False)
    with slots.slot(run), pytest.raises(Timeout):
        other.acquire(timeout=0)
    other.acquire(timeout=0)
    other.release()


def test_a_cancelled_run_waits_for_no_slot():
    run = store.create(request("digits", "unimodal", "3", "rapp-ae"))
    (run.folder / "cancel").touch()
    with pytest.raises(Cancelled), slots.slot(run):
        pytest.fail("it has a slot")


def test_an_older_waiting_run_goes_first(monkeypatch):
    first = store.create(request("digits", "unimodal", "3", "rapp-ae"))
    second = store.create(replace(first.spec, seed=1))
    queue, naps = [first, second], []
    monkeypatch.setattr("core.runs.process.jobs.waiting", lambda: queue)

    def nap(seconds):
        naps.append(seconds)
        queue.remove(first)  # it has its slot now

    monkeypatch.setattr(time, "sleep", nap)
    with slots.slot(second):
        assert len(naps) == 1
