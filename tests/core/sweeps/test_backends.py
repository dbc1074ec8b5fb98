"""The workers: how many, with what environment, and what is said where there are none."""

import importlib.util
import time

import pytest

from core.errors import RunFailed, WrongRequest
from core.runs.process import machine
from core.sweeps import backends
from core.sweeps.backends import Pool, WorkerDied


def workers(*words):
    with backends.workers("folder", *words) as pool:
        return pool


def test_as_many_as_the_machine_has_room_for(monkeypatch):
    monkeypatch.delenv("NOVELTY_SLOTS", raising=False)
    monkeypatch.setattr(machine, "gpus", lambda: [])
    monkeypatch.setattr(machine, "cores", lambda: 6)
    assert backends.default_jobs() == 6
    monkeypatch.setattr(machine, "gpus", lambda: ["GPU", "GPU"])
    assert backends.default_jobs() == 2
    monkeypatch.setenv("NOVELTY_SLOTS", "3")
    assert backends.default_jobs() == 3


def test_threads_are_shared_among_loky_workers(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 8)
    options = workers("loky", 2).options
    assert options["backend"] == "loky" and options["inner_max_num_threads"] == 4
    assert workers("loky", 16).options["inner_max_num_threads"] == 1


def test_workers_are_told_where_things_lie_and_how_many_they_are(monkeypatch):
    monkeypatch.setenv("NOVELTY_CHECKPOINTS", "runs")
    monkeypatch.delenv("NOVELTY_DATA", raising=False)
    monkeypatch.setenv("NOVELTY_SLOTS", "1")
    assert backends.environment(2) == {"NOVELTY_CHECKPOINTS": "runs", "NOVELTY_SLOTS": "2"}
    monkeypatch.setenv("NOVELTY_SLOTS", "4")
    assert backends.environment(2)["NOVELTY_SLOTS"] == "4"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ray",), "no backend 'ray'. Choose from loky, dask"),
        (("loky", 0), "Choose at least 1"),
        (("loky", None, "tcp://127.0.0.1:1"), "Add --backend dask"),
    ],
)
def test_wrong_words(words, said):
    with pytest.raises(WrongRequest, match=said):
        workers(*words)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WrongRequest, match="pip install joblib"):
        workers("loky")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "distributed" else True)
    with pytest.raises(WrongRequest, match="pip install distributed"):
        workers("dask")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense"])
def test_an_address_that_nobody_answers(monkeypatch, address):
    pytest.importorskip("distributed", reason="distributed isn't installed: there is no Dask to ask.")
    monkeypatch.setattr(backends, "CONNECT_SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(WrongRequest, match=f"No Dask scheduler answers at {address}"):
        workers("dask", None, address)
    assert time.monotonic() - began < 10


# --- results as they come -------------------------------------------------------------------------------------------


def produce(*results, pause: float = 0.0):
    def put(self, specs, alone, queue):
        for each in results:
            time.sleep(pause)
            queue.put(each)

    return put


def test_a_worker_s_death_is_raised_after_what_came_before(monkeypatch):
    monkeypatch.setattr(Pool, "_produce", produce({"run": "a"}, RuntimeError("killed")))
    told = Pool("folder", 2, {}).train([])
    assert next(told) == {"run": "a"}
    with pytest.raises(WorkerDied, match="RuntimeError: killed"):
        next(told)


def test_a_scheduler_that_stays_away_ends_the_waiting(monkeypatch):
    monkeypatch.setattr(backends, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(backends, "LOST_SECONDS", 0.1)
    monkeypatch.setattr(Pool, "_produce", produce())
    with pytest.raises(RunFailed, match="stopped answering"):
        list(Pool("folder", 2, {}, answering=lambda: False).train([]))
    monkeypatch.setattr(Pool, "_produce", produce(ValueError("first create a Dask Client")))
    with pytest.raises(RunFailed, match="stopped answering"):
        list(Pool("folder", 2, {}, answering=lambda: False).train([]))
    away = iter([False, False, True])
    monkeypatch.setattr(Pool, "_produce", produce({"run": "a"}, None, pause=0.15))
    assert list(Pool("folder", 2, {}, answering=lambda: next(away, True)).train([])) == [{"run": "a"}]


def test_a_stop_ends_the_workers(monkeypatch):
    monkeypatch.setattr(backends, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(Pool, "_produce", produce())
    killed = []
    assert list(Pool("folder", 2, {}, kill=lambda: killed.append(1)).train([], stop=lambda: True)) == []
    assert killed == [1]
